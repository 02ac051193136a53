//! `saoma-server key`: keys of shops and devices.

use clap::Subcommand;
use saoma_server::{Clock, Config, KeyInfo, KeyKind, Keys, Random};

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key and print it; it is kept nowhere and cannot be printed again
    Add {
        /// The shop's id
        #[arg(long, value_name = "ID")]
        shop: String,
        /// Who holds it, such as "till-1"; a device that gets another key keeps its name
        #[arg(long)]
        name: String,
        /// It may only make orders and look after those: for a kiosk, a till, a vending machine
        #[arg(long)]
        device: bool,
    },
    /// List all keys
    List,
    /// Take a key away; every server refuses it within seconds
    Revoke {
        /// The shop's id
        #[arg(long, value_name = "ID")]
        shop: String,
        /// Who holds it
        #[arg(long)]
        name: String,
    },
}

impl KeyCommand {
    /// Does it and gives what is to be printed.
    pub(crate) async fn run(&self, config: &Config) -> Result<String, String> {
        let keys = Keys::open(config, Clock::System).await;
        let keys = keys.map_err(|error| format!("database: {error}"))?;
        let done = match self {
            Self::Add { shop, name, device } => {
                let kind = if *device { KeyKind::Device } else { KeyKind::Shop };
                keys.add(shop, name, kind, &Random::System).await.map_err(|error| error.to_string())
            }
            Self::List => match keys.list().await {
                Ok(all) => Ok(table(&all)),
                Err(error) => Err(error.to_string()),
            },
            Self::Revoke { shop, name } => match keys.revoke(shop, name).await {
                Ok(()) => Ok(format!("{shop}/{name}: taken away")),
                Err(error) => Err(error.to_string()),
            },
        };
        keys.close().await;
        done
    }
}

fn table(all: &[KeyInfo]) -> String {
    if all.is_empty() {
        return "there are no keys in the database".to_owned();
    }
    let line = |key: &KeyInfo| {
        let made = format!("made {}", key.created_at.beijing());
        let used =
            key.last_used_at.map_or("never used".to_owned(), |at| format!("used {}", at.beijing()));
        let end =
            key.revoked_at.map_or(String::new(), |at| format!("  taken away {}", at.beijing()));
        format!("{}/{}  {}  {made}  {used}{end}", key.shop, key.name, key.kind.as_str())
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}
