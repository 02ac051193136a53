//! Everything about a desk that is decided before anything runs: folder, ports, keys.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::process::Command;

use crate::desk::{DeskError, Options, Shop};
use crate::made_up::{free_port, key};

/// The made-up merchant; its numbers have the form of WeChat's own examples.
const MCH_ID: &str = "1900000109";
const APP_ID: &str = "wx5a0mademeup0001";
/// Shown by the checkout and on the phone.
const MERCHANT_NAME: &str = "扫码咖啡";

/// Where the programs are to be, and what they are to know.
pub(crate) struct Plan {
    /// Signs what server and gateway say to each other.
    pub(crate) merchant_key: String,
    /// Opens the server to a shop.
    pub(crate) shop_key: String,
    /// Signs the webhook.
    pub(crate) webhook_secret: String,
    /// Where the shop listens; nobody does when somebody else sells.
    pub(crate) shop_address: String,
    pub(crate) server_address: String,
    pub(crate) sandbox_address: String,
    webhook_url: String,
    has_own_groups: bool,
    /// Where the server's database is.
    pub(crate) database: String,
    /// Configuration and data; removed when the plan is dropped.
    folder: TempDir,
}

impl Plan {
    /// Chooses what the options leave open and writes the server's configuration.
    pub(crate) fn make(options: &Options) -> Result<Self, DeskError> {
        let address = |port: Option<u16>| {
            port.map_or_else(free_port, Ok).map(|port| format!("127.0.0.1:{port}"))
        };
        let shop_address = address(options.ports.shop)?;
        let webhook_url = match &options.shop {
            Shop::Demo => format!("http://{shop_address}/webhook"),
            Shop::Webhook(url) => url.clone(),
        };
        let folder = private_folder()?;
        let file = format!("sqlite:{}", folder.path().join("saoma.db").display());
        let plan = Self {
            database: saoma_postgres::chosen()?.unwrap_or(file),
            merchant_key: key()?,
            shop_key: key()?,
            webhook_secret: key()?,
            shop_address,
            server_address: address(options.ports.server)?,
            sandbox_address: address(options.ports.sandbox)?,
            webhook_url,
            has_own_groups: options.has_own_groups,
            folder,
        };
        std::fs::write(plan.config_path(), plan.server_config())?;
        Ok(plan)
    }

    /// Where the demo shop writes down what it sold and shipped.
    pub(crate) fn shop_folder(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    /// Where a kiosk keeps its key and its journal.
    pub(crate) fn kiosk_folder(&self, name: &str) -> io::Result<PathBuf> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    pub(crate) fn sandbox(&self) -> Result<Command, DeskError> {
        let merchant = format!("{MCH_ID}:{APP_ID}:{}:{MERCHANT_NAME}", self.merchant_key);
        let mut command = self.program(binary("saoma-sandbox")?);
        command.args(["--listen", &self.sandbox_address]).env("SAOMA_SANDBOX_MERCHANT", merchant);
        command.arg("--certificates").arg(self.certificates());
        Ok(command)
    }

    pub(crate) fn server(&self) -> Result<Command, DeskError> {
        let mut command = self.program(binary("saoma-server")?);
        command.arg("--config").arg(self.config_path());
        Ok(command)
    }

    /// The demo shop; its customers scan on the phone at `phone_url`.
    pub(crate) fn shop(&self, phone_url: &str) -> Result<Command, DeskError> {
        let (host, port) = self.shop_address.split_once(':').unwrap_or_default();
        let mut command = self.program("node");
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("web-demo/server.mjs"))
            .env("HOST", host)
            .env("PORT", port)
            .env("SAOMA_SERVER_URL", format!("http://{}", self.server_address))
            .env("SAOMA_SHOP_KEY", &self.shop_key)
            .env("SAOMA_WEBHOOK_SECRET", &self.webhook_secret)
            .env("SAOMA_PACKAGE_DIR", package_folder()?)
            .env("SAOMA_PHONE_URL", phone_url)
            .env("SHOP_DATA_DIR", self.shop_folder());
        Ok(command)
    }

    fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if self.has_own_groups && cfg!(unix) {
            command.process_group(0);
        }
        command
    }

    /// What the sandbox makes at its start: its authority's certificate and the merchant's.
    fn certificates(&self) -> PathBuf {
        self.folder.path().join("certificates")
    }

    fn config_path(&self) -> PathBuf {
        self.folder.path().join("server.toml")
    }

    fn server_config(&self) -> String {
        let text = toml_string;
        let certificates = self.certificates();
        format!(
            "listen = {}\ndatabase = {}\n\n\
             [merchant]\nname = {}\nmch_id = {}\napp_id = {}\nkey = {}\n\
             sign_type = \"HMAC-SHA256\"\ngateway = {}\nroot_certificate_file = {}\n\
             certificate_file = {}\n\n\
             [shop]\nkeys = [{}]\nwebhook_url = {}\nwebhook_secret = {}\n",
            text(&self.server_address),
            text(&self.database),
            text(MERCHANT_NAME),
            text(MCH_ID),
            text(APP_ID),
            text(&self.merchant_key),
            text(&format!("https://{}", self.sandbox_address)),
            text(&certificates.join("ca.pem").display().to_string()),
            text(&certificates.join(MCH_ID).join("apiclient_cert.p12").display().to_string()),
            text(&self.shop_key),
            text(&self.webhook_url),
            text(&self.webhook_secret),
        )
    }
}

/// Quoted for TOML, whose basic strings have the escapes of JSON.
fn toml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A folder that other users of the machine cannot look into: there are keys in it.
fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("saoma-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o700));
    }
    builder.tempdir()
}

/// The folder of the programs that were built with us: ours, or the one above for a test.
fn binaries_folder() -> Result<PathBuf, DeskError> {
    let ours = std::env::current_exe()?;
    let folder = ours.parent().unwrap_or(Path::new("."));
    let is_test = folder.file_name().is_some_and(|name| name == "deps");
    Ok(if is_test { folder.parent().unwrap_or(folder) } else { folder }.to_owned())
}

/// The path of a program that was built with us.
///
/// # Errors
///
/// When it was not.
pub fn binary(name: &str) -> Result<PathBuf, DeskError> {
    let path = binaries_folder()?.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if path.exists() { Ok(path) } else { Err(DeskError::NotBuilt(path)) }
}

/// The unpacked npm package, as `cargo xtask npm` leaves it.
fn package_folder() -> Result<PathBuf, DeskError> {
    let path = binaries_folder()?.with_file_name("npm/package");
    if path.exists() { Ok(path) } else { Err(DeskError::NotBuilt(path)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_leaves_nothing_behind_and_nobody_else_can_read_its_keys() {
        let plan = Plan::make(&Options::default()).unwrap();
        let folder = plan.folder.path().to_owned();
        let config = std::fs::read_to_string(folder.join("server.toml")).unwrap();
        assert!(config.contains(&plan.merchant_key));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }
        drop(plan);
        assert!(!folder.exists());
    }

    #[test]
    fn chosen_ports_are_kept_and_the_others_differ() {
        let mut options = Options::default();
        options.ports.server = Some(8080);
        let plan = Plan::make(&options).unwrap();
        assert_eq!(plan.server_address, "127.0.0.1:8080");
        assert_ne!(plan.shop_address, plan.sandbox_address);
    }
}
