//! A published SDK that nobody here wrote, in a small merchant of its own: `sdk/npm` in Node,
//! `sdk/pypi` in Python. It is told what to do, one line each, and tells what its SDK made of it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long a call through an SDK may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// A published SDK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    /// npm: `tenpay`.
    Tenpay,
    /// npm: `wechatpay-axios-plugin`.
    AxiosPlugin,
    /// PyPI: `wechatpy`.
    Wechatpy,
    /// PyPI: `weixin-python`.
    WeixinPython,
}

/// What a merchant changes to use the sandbox: the host, its ids, key and certificates.
#[derive(Clone, Debug)]
pub struct Us {
    /// In place of `https://api.mch.weixin.qq.com`; no slash at the end.
    pub host: String,
    /// The appid.
    pub appid: String,
    /// The merchant number.
    pub mch_id: String,
    /// The API key.
    pub key: String,
    /// The client certificate; `None` without one.
    pub certificate: Option<Certificate>,
}

/// The files of a client certificate, and the authority that the SDK's language shall trust.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// `apiclient_cert.pem`.
    pub certificate: PathBuf,
    /// `apiclient_key.pem`.
    pub private_key: PathBuf,
    /// `apiclient_cert.p12`.
    pub pkcs12: PathBuf,
    /// The authority behind the host's certificate, PEM.
    pub authority: PathBuf,
}

/// A running merchant. Dropped, it is killed.
pub struct SdkMerchant {
    child: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    /// Where it listens for payment notifications.
    pub pay_url: String,
    /// Where it listens for refund notifications.
    pub refund_url: String,
}

/// Why an SDK did not do what it should.
#[derive(Debug)]
pub enum SdkError {
    /// The language, the driver or the SDK is missing or ended.
    Driver(io::Error),
    /// It did not answer at all.
    Silent(String),
    /// The SDK refused, in its words.
    Refused(String),
}

impl std::error::Error for SdkError {}

impl fmt::Display for SdkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => write!(f, "the SDK's driver: {error}"),
            Self::Silent(command) => write!(f, "no answer from the SDK to {command}"),
            Self::Refused(words) => write!(f, "the SDK says: {words}"),
        }
    }
}

impl From<io::Error> for SdkError {
    fn from(error: io::Error) -> Self {
        Self::Driver(error)
    }
}

impl Sdk {
    /// The program that drives it, without its arguments.
    fn driver(self) -> Command {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdk");
        let (program, driver, name) = match self {
            Self::Tenpay => ("node".into(), "npm/driver.mjs", "tenpay"),
            Self::AxiosPlugin => ("node".into(), "npm/driver.mjs", "wechatpay-axios-plugin"),
            Self::Wechatpy => (python(), "pypi/driver.py", "wechatpy"),
            Self::WeixinPython => (python(), "pypi/driver.py", "weixin_python"),
        };
        let mut command = Command::new(program);
        command.arg(folder.join(driver)).arg(name).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// The Python that has the SDKs: what `cargo xtask` has installed.
fn python() -> PathBuf {
    std::env::var_os("SAOMA_SDK_PYTHON").map_or_else(|| "python3".into(), PathBuf::from)
}

impl SdkMerchant {
    /// Starts a merchant that uses this SDK.
    ///
    /// # Errors
    ///
    /// When language or SDK is missing.
    pub async fn start(sdk: Sdk, us: &Us) -> Result<Self, SdkError> {
        let mut command = sdk.driver();
        let mut identity = json!({
            "host": us.host, "appid": us.appid, "mch_id": us.mch_id, "key": us.key,
        });
        if let Some(files) = &us.certificate {
            identity["certificate"] = json!(files.certificate);
            identity["private_key"] = json!(files.private_key);
            identity["pkcs12"] = json!(files.pkcs12);
            // How a user tells Node and Python's `requests` to trust one more authority.
            command.env("NODE_EXTRA_CA_CERTS", &files.authority);
            command.env("REQUESTS_CA_BUNDLE", &files.authority);
        }
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipe to it").into());
        };
        let answers = BufReader::new(answers).lines();
        let (pay_url, refund_url) = (String::new(), String::new());
        let mut merchant = Self { child, commands, answers, pay_url, refund_url };
        let address = merchant.ask("start", &identity).await?;
        let url = |kind| address[kind].as_str().map(str::to_owned);
        let urls = url("pay").zip(url("refund"));
        (merchant.pay_url, merchant.refund_url) =
            urls.ok_or_else(|| io::Error::other("it does not tell its addresses"))?;
        Ok(merchant)
    }

    /// Has the SDK make a call (`order`, `query`, `close`, `refund`, `refund_query`, `bill`,
    /// `fund_bill`) with these fields, and gives what the SDK gives its caller.
    ///
    /// # Errors
    ///
    /// What the SDK refuses, in its words.
    pub async fn call(&mut self, name: &str, mut fields: Value) -> Result<Value, SdkError> {
        fields["do"] = json!(name);
        self.ask(name, &fields).await
    }

    /// The notifications that the SDK has taken for genuine since this was asked last.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub async fn notices(&mut self) -> Result<Vec<Value>, SdkError> {
        let notices = self.call("notices", json!({})).await?;
        Ok(serde_json::from_value(notices).unwrap_or_default())
    }

    /// Ends it and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it does not go.
    pub async fn stop(self) -> Result<(), SdkError> {
        let Self { mut child, commands, .. } = self;
        drop(commands);
        match timeout(ANSWERS_WITHIN, child.wait()).await {
            Ok(status) => Ok(status.map(drop)?),
            Err(_) => Err(SdkError::Silent("stop".to_owned())),
        }
    }

    async fn ask(&mut self, name: &str, line: &Value) -> Result<Value, SdkError> {
        self.commands.write_all(format!("{line}\n").as_bytes()).await?;
        let silent = |_| SdkError::Silent(name.to_owned());
        let line = timeout(ANSWERS_WITHIN, self.answers.next_line()).await.map_err(silent)??;
        let line = line.ok_or_else(|| io::Error::other("it ended; see above"))?;
        let mut answer: Value = serde_json::from_str(&line).map_err(io::Error::from)?;
        match answer.get("error").and_then(Value::as_str) {
            None => Ok(answer["value"].take()),
            Some(words) => Err(SdkError::Refused(words.to_owned())),
        }
    }
}
