//! A real Chromium with one page, through `browser/driver.mjs` and playwright-core.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use std::{fmt, io};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long something may take to appear on the page.
const APPEARS_WITHIN: Duration = Duration::from_secs(20);
/// How long the driver may take for anything at all.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// What the customer looks at.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// In the page's own pixels.
    pub width: u16,
    /// In the page's own pixels.
    pub height: u16,
    /// Pixels of the screen for one of the page.
    pub scale: u8,
    /// A touch screen in a hand.
    pub is_phone: bool,
    /// The browser's language, such as `zh-CN`.
    pub locale: &'static str,
}

impl Screen {
    fn to_json(self) -> Value {
        json!({
            "width": self.width,
            "height": self.height,
            "scale": self.scale,
            "phone": self.is_phone,
            "locale": self.locale,
        })
    }
}

/// A browser with one page. Dropped, it is killed and its profile removed.
pub struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _profile: TempDir,
}

/// Why the browser did not do what it should.
#[derive(Debug)]
pub enum BrowserError {
    /// Node, the driver or Chromium is missing or ended.
    Driver(io::Error),
    /// It did not answer at all.
    Silent(String),
    /// It answered that the command did not work.
    Command {
        /// What was asked for.
        command: String,
        /// The answer.
        error: String,
    },
}

impl std::error::Error for BrowserError {}

impl fmt::Display for BrowserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => write!(f, "the browser's driver: {error}"),
            Self::Silent(command) => write!(f, "no answer from the browser to {command}"),
            Self::Command { command, error } => write!(f, "{command}: {error}"),
        }
    }
}

impl From<io::Error> for BrowserError {
    fn from(error: io::Error) -> Self {
        Self::Driver(error)
    }
}

impl Browser {
    /// Starts Chromium (`SAOMA_CHROMIUM`, or Debian's) with a fresh profile and an empty page.
    ///
    /// # Errors
    ///
    /// When Node, playwright-core or Chromium is missing.
    pub async fn start(screen: Screen) -> Result<Self, BrowserError> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        if !folder.join("node_modules").exists() {
            let advice = "tests/browser has no node_modules: cargo xtask test --only browser";
            return Err(io::Error::other(advice).into());
        }
        let chromium = std::env::var_os("SAOMA_CHROMIUM").map(PathBuf::from);
        let profile = tempfile::Builder::new().prefix("saoma-browser-").tempdir()?;
        let mut child = Command::new("node")
            .arg(folder.join("driver.mjs"))
            .arg(chromium.unwrap_or_else(|| "/usr/bin/chromium".into()))
            .arg(profile.path())
            .arg(screen.to_json().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipe to it").into());
        };
        let answers = BufReader::new(answers).lines();
        let mut browser = Self { child, commands, answers, _profile: profile };
        browser.answer("start").await?;
        Ok(browser)
    }

    /// Opens an address.
    ///
    /// # Errors
    ///
    /// When it does not load.
    pub async fn open(&mut self, url: &str) -> Result<(), BrowserError> {
        self.call(json!({ "do": "open", "url": url })).await.map(drop)
    }

    /// Clicks (or taps) the first element that matches, once it can be clicked.
    ///
    /// # Errors
    ///
    /// When there is none within twenty seconds.
    pub async fn click(&mut self, selector: &str) -> Result<(), BrowserError> {
        self.call(json!({ "do": "click", "selector": selector })).await.map(drop)
    }

    /// Waits until an element that matches can be seen.
    ///
    /// # Errors
    ///
    /// When there is none within twenty seconds.
    pub async fn wait_for(&mut self, selector: &str) -> Result<(), BrowserError> {
        self.call(json!({ "do": "wait", "selector": selector })).await.map(drop)
    }

    /// What can be read in the first element that matches.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn text(&mut self, selector: &str) -> Result<String, BrowserError> {
        let text = self.call(json!({ "do": "text", "selector": selector })).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// An attribute of the first element that matches; `None` when it has no such attribute.
    ///
    /// # Errors
    ///
    /// When there is no such element.
    pub async fn attribute(
        &mut self,
        selector: &str,
        name: &str,
    ) -> Result<Option<String>, BrowserError> {
        let command = json!({ "do": "attribute", "selector": selector, "name": name });
        Ok(self.call(command).await?.as_str().map(str::to_owned))
    }

    /// Keeps the whole page as a PNG, also what is not on the screen.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub async fn picture(&mut self, path: &Path) -> Result<(), BrowserError> {
        self.call(json!({ "do": "screenshot", "path": path, "whole": true })).await.map(drop)
    }

    /// Keeps the one element that matches as a PNG.
    ///
    /// # Errors
    ///
    /// When there is none, or more than one, or it cannot be written.
    pub async fn detail(&mut self, selector: &str, path: &Path) -> Result<(), BrowserError> {
        let command = json!({ "do": "detail", "selector": selector, "path": path });
        self.call(command).await.map(drop)
    }

    /// Presses a key, such as `Enter`, in the first element that matches.
    ///
    /// # Errors
    ///
    /// When there is no such element or key.
    pub async fn press(&mut self, selector: &str, key: &str) -> Result<(), BrowserError> {
        let command = json!({ "do": "press", "selector": selector, "key": key });
        self.call(command).await.map(drop)
    }

    /// What an expression of JavaScript gives on the page.
    ///
    /// # Errors
    ///
    /// When it throws.
    pub async fn evaluate(&mut self, code: &str) -> Result<Value, BrowserError> {
        self.call(json!({ "do": "evaluate", "code": code })).await
    }

    /// Takes another screen into the hand, and a browser that calls itself `user_agent`. The
    /// language stays.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn hold(&mut self, screen: Screen, user_agent: &str) -> Result<(), BrowserError> {
        let mut command = screen.to_json();
        command["do"] = json!("hold");
        command["userAgent"] = json!(user_agent);
        self.call(command).await.map(drop)
    }

    /// What the visitor's system asks pages for, in playwright's words:
    /// `{"colorScheme": "dark", "forcedColors": "active", "reducedMotion": "reduce"}`.
    ///
    /// # Errors
    ///
    /// When it knows no such wish.
    pub async fn media(&mut self, media: Value) -> Result<(), BrowserError> {
        self.call(json!({ "do": "media", "media": media })).await.map(drop)
    }

    /// What axe-core finds wrong for people with disabilities; a line for each kind.
    ///
    /// # Errors
    ///
    /// When it does not run.
    pub async fn axe(&mut self) -> Result<Vec<String>, BrowserError> {
        self.call(json!({ "do": "axe" })).await.map(strings)
    }

    /// How often a document was loaded; a page that turns without reload does not add to it.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn loads(&mut self) -> Result<u64, BrowserError> {
        Ok(self.call(json!({ "do": "loads" })).await?.as_u64().unwrap_or_default())
    }

    /// Writes what can be seen now as a PNG.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub async fn screenshot(&mut self, path: &Path) -> Result<(), BrowserError> {
        self.call(json!({ "do": "screenshot", "path": path })).await.map(drop)
    }

    /// What the page complained about: errors that nobody caught, and those on its console.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn errors(&mut self) -> Result<Vec<String>, BrowserError> {
        self.call(json!({ "do": "errors" })).await.map(strings)
    }

    /// The hosts that the page sent requests to.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn hosts(&mut self) -> Result<Vec<String>, BrowserError> {
        self.call(json!({ "do": "hosts" })).await.map(strings)
    }

    /// Those of the words that ever came to the browser or left it.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
    pub async fn seen(&mut self, words: &[&str]) -> Result<Vec<String>, BrowserError> {
        self.call(json!({ "do": "seen", "words": words })).await.map(strings)
    }

    /// Closes the browser and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it does not go.
    pub async fn close(self) -> Result<(), BrowserError> {
        let Self { mut child, commands, .. } = self;
        drop(commands);
        match timeout(ANSWERS_WITHIN, child.wait()).await {
            Ok(status) => Ok(status.map(drop)?),
            Err(_) => Err(BrowserError::Silent("close".to_owned())),
        }
    }

    async fn call(&mut self, mut command: Value) -> Result<Value, BrowserError> {
        command["timeout"] = json!(APPEARS_WITHIN.as_secs() * 1000);
        let line = command.to_string();
        self.commands.write_all(format!("{line}\n").as_bytes()).await?;
        self.answer(&line).await
    }

    async fn answer(&mut self, command: &str) -> Result<Value, BrowserError> {
        let silent = |_| BrowserError::Silent(command.to_owned());
        let line = timeout(ANSWERS_WITHIN, self.answers.next_line()).await.map_err(silent)??;
        let line = line.ok_or_else(|| io::Error::other("it ended; see above"))?;
        let mut answer: Value = serde_json::from_str(&line).map_err(io::Error::from)?;
        match answer.get("error").and_then(Value::as_str) {
            None => Ok(answer["value"].take()),
            Some(error) => {
                Err(BrowserError::Command { command: command.to_owned(), error: error.to_owned() })
            }
        }
    }
}

fn strings(value: Value) -> Vec<String> {
    serde_json::from_value(value).unwrap_or_default()
}
