//! A real Chromium with several tabs, through `browser/tabs.mjs`.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::Failure;

/// How long the browser may take for anything at all.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);

/// A browser with tabs. Dropped, it is killed and its profile removed.
pub(crate) struct Tabs {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _profile: TempDir,
}

/// The number of a tab.
pub(crate) type Tab = u64;

impl Tabs {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let chromium = std::env::var_os("SAOMA_CHROMIUM").map(PathBuf::from);
        let profile = tempfile::Builder::new().prefix("saoma-tabs-").tempdir()?;
        let mut child = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("browser/tabs.mjs"))
            .arg(chromium.unwrap_or_else(|| "/usr/bin/chromium".into()))
            .arg(profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let commands = child.stdin.take().ok_or("no pipe to the browser")?;
        let answers = child.stdout.take().ok_or("no pipe from the browser")?;
        let answers = BufReader::new(answers).lines();
        let mut tabs = Self { child, commands, answers, _profile: profile };
        tabs.answer().await?;
        Ok(tabs)
    }

    /// Opens an address in a tab in front of the others.
    pub(crate) async fn open(&mut self, url: &str) -> Result<Tab, Failure> {
        let tab = self.call(&json!({ "do": "open", "url": url, "window": false })).await?;
        Ok(tab.as_u64().ok_or("no tab")?)
    }

    /// Opens an address in a window of its own, beside the others.
    pub(crate) async fn open_window(&mut self, url: &str) -> Result<Tab, Failure> {
        let tab = self.call(&json!({ "do": "open", "url": url, "window": true })).await?;
        Ok(tab.as_u64().ok_or("no tab")?)
    }

    /// Puts a tab in front of the others.
    pub(crate) async fn front(&mut self, tab: Tab) -> Result<(), Failure> {
        self.call(&json!({ "do": "front", "tab": tab })).await.map(drop)
    }

    pub(crate) async fn reload(&mut self, tab: Tab) -> Result<(), Failure> {
        self.call(&json!({ "do": "reload", "tab": tab })).await.map(drop)
    }

    pub(crate) async fn close_tab(&mut self, tab: Tab) -> Result<(), Failure> {
        self.call(&json!({ "do": "close", "tab": tab })).await.map(drop)
    }

    /// `frozen` or `active`.
    pub(crate) async fn lifecycle(&mut self, tab: Tab, state: &str) -> Result<(), Failure> {
        self.call(&json!({ "do": "lifecycle", "tab": tab, "state": state })).await.map(drop)
    }

    pub(crate) async fn evaluate(&mut self, tab: Tab, expression: &str) -> Result<Value, Failure> {
        self.call(&json!({ "do": "evaluate", "tab": tab, "expression": expression })).await
    }

    /// Waits until an expression is true, and says how long that took.
    pub(crate) async fn until(
        &mut self,
        tab: Tab,
        expression: &str,
        within: Duration,
    ) -> Result<Duration, Failure> {
        let began = tokio::time::Instant::now();
        while self.evaluate(tab, expression).await? != Value::Bool(true) {
            if began.elapsed() > within {
                let told = self.evaluate(tab, "JSON.stringify(window.told)").await?;
                return Err(format!("tab {tab} never came to {expression}: {told}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(began.elapsed())
    }

    /// Waits until every checkout of a page shows this screen.
    pub(crate) async fn shows(
        &mut self,
        tab: Tab,
        screen: &str,
        within: Duration,
    ) -> Result<Duration, Failure> {
        let expression = format!(
            "window.told?.length > 0 && told.every((list) => list.at(-1).screen === '{screen}')"
        );
        self.until(tab, &expression, within).await
    }

    pub(crate) async fn close(mut self) -> Result<(), Failure> {
        drop(self.commands);
        tokio::time::timeout(ANSWERS_WITHIN, self.child.wait()).await??;
        Ok(())
    }

    async fn call(&mut self, command: &Value) -> Result<Value, Failure> {
        self.commands.write_all(format!("{command}\n").as_bytes()).await?;
        self.answer().await.map_err(|error| format!("{command}: {error}").into())
    }

    async fn answer(&mut self) -> Result<Value, Failure> {
        let line = tokio::time::timeout(ANSWERS_WITHIN, self.answers.next_line()).await??;
        let mut answer: Value = serde_json::from_str(&line.ok_or("the browser ended")?)?;
        match answer.get("error").and_then(Value::as_str) {
            None => Ok(answer["value"].take()),
            Some(error) => Err(error.to_owned().into()),
        }
    }
}
