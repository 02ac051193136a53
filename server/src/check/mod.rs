//! `saoma-server check`: whether a configuration would work, looked at before it has to.
//!
//! Nothing is changed by it: no table is made, no order placed. Each thing is one [`Finding`].

mod outside;
mod stranded;

pub(crate) use stranded::stranded;

use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::random::Random;
use crate::store::{ForWhom, Tables, inspect};
use saoma_core::time::UnixTime;
use std::fmt;

/// How long before its end a certificate is worth a word, in seconds.
const SOON_S: u64 = 30 * 86_400;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, and something should be done.
    Warn,
    /// It does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What was looked at: `database`, `merchant 1900000109`.
    pub about: String,
    /// What was found, and what to do; never a secret.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok  ",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        write!(f, "{level}  {}: {}", self.about, self.text)
    }
}

fn finding(level: Level, about: impl Into<String>, text: impl Into<String>) -> Finding {
    Finding { level, about: about.into(), text: text.into() }
}

/// Looks at everything that a configuration names; `offline`: only at what it says itself, and at
/// its databases.
pub async fn check(config: &Config, offline: bool, clock: &Clock, random: &Random) -> Vec<Finding> {
    let mut found = form(config);
    found.extend(certificates(config, clock));
    if found.iter().any(|finding| finding.level == Level::Fail) {
        return found;
    }
    let (state, under_way) = database(&config.database, false).await;
    let about = state.about.clone();
    found.push(state);
    let stranded = stranded(config, under_way).into_iter();
    found.extend(stranded.map(|text| finding(Level::Warn, &about, text)));
    if let Some(url) = &config.replica {
        let (state, _) = database(&Database::Postgres(url.clone()), true).await;
        found.push(Finding { about: "replica".to_owned(), ..state });
    }
    if offline {
        return found;
    }
    found.extend(outside::gateways(config, clock, random).await);
    found.extend(outside::notify_url(config, random).await);
    found.extend(outside::webhooks(config).await);
    found
}

/// What the configuration says.
fn form(config: &Config) -> Vec<Finding> {
    let about = "configuration";
    let mut found = Vec::new();
    match crate::lines(config) {
        Ok(_) => {
            let count = |count: usize, one: &str| match count {
                1 => format!("1 {one}"),
                count => format!("{count} {one}s"),
            };
            let text = [
                count(config.merchants.len(), "merchant"),
                count(config.shops.len(), "shop"),
                count(config.operators.len(), "operator"),
            ];
            found.push(finding(Level::Ok, about, text.join(", ")));
        }
        Err(error) => found.push(finding(Level::Fail, about, error.to_string())),
    }
    for name in &config.unknown_variables {
        let text = format!("the environment variable {name} is no key: remove or correct it");
        found.push(finding(Level::Warn, about, text));
    }
    if config.public_url.as_ref().is_some_and(|url| url.starts_with("http://")) {
        let text = "public_url begins with http: WeChat wants https for public hosts";
        found.push(finding(Level::Warn, about, text));
    }
    if is_proxy_unnamed(config) {
        let text = "public_url begins with https, which a proxy has to speak for this server, and \
                    trusted_proxies names none: all customers would share the proxy's address and \
                    its limit; write the address from which it calls, such as \
                    trusted_proxies = [\"127.0.0.1\"]";
        found.push(finding(Level::Warn, about, text));
    }
    if config.operators.is_empty() {
        let text = "nobody may log in to the operator's page: add [[operators]]";
        found.push(finding(Level::Warn, about, text));
    }
    for shop in config.shops.iter().filter(|shop| shop.keys.is_empty()) {
        let text = format!(
            "no keys here, only those that `saoma-server key add --shop {}` has made",
            shop.id
        );
        found.push(finding(Level::Ok, format!("shop {}", shop.id), text));
    }
    found
}

/// Whether a proxy must stand before the server that nobody has named: it speaks no TLS itself.
fn is_proxy_unnamed(config: &Config) -> bool {
    let is_https = config.public_url.as_ref().is_some_and(|url| url.starts_with("https://"));
    is_https && config.trusted_proxies.is_empty()
}

fn certificates(config: &Config, clock: &Clock) -> Vec<Finding> {
    let now = clock.now();
    let of = |merchant: &crate::config::MerchantConfig| {
        let about = format!("merchant {}", merchant.mch_id);
        let Some(certificate) = &merchant.certificate else {
            let text = "no certificate: no refund can be sent; set certificate_file";
            return finding(Level::Warn, about, text);
        };
        let Some(end) = certificate.expires_at() else {
            let text = "the certificate's end cannot be read; the gateway says whether it is good";
            return finding(Level::Warn, about, text);
        };
        let day = day(end);
        let renew = "get another one on the merchant platform";
        match end {
            end if end <= now => {
                finding(Level::Fail, about, format!("the certificate ended on {day}: {renew}"))
            }
            end if end.since(now) < SOON_S => {
                finding(Level::Warn, about, format!("the certificate ends on {day}: {renew}"))
            }
            _ => finding(Level::Ok, about, format!("the certificate is good until {day}")),
        }
    };
    config.merchants.iter().map(of).collect()
}

/// A day in Beijing, for people.
fn day(time: UnixTime) -> String {
    let digits = time.beijing();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}", part(0, 4), part(4, 6), part(6, 8))
}

/// How a database is, and for whom something is under way in it.
async fn database(database: &Database, is_replica: bool) -> (Finding, ForWhom) {
    let about = "database";
    if let Database::Sqlite(path) = database
        && !path.exists()
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let is_there = folder.is_none_or(|folder| folder.is_dir());
        let state = if is_there {
            finding(Level::Ok, about, format!("{} is made at the first start", path.display()))
        } else {
            let text = format!("there is no folder for {}: make it", path.display());
            finding(Level::Fail, about, text)
        };
        return (state, Ok(Vec::new()));
    }
    match inspect(database, is_replica).await {
        Ok((tables, under_way)) => {
            let (level, what) = match tables {
                Tables::Current => (Level::Ok, "is up to date, and keeps what it is told"),
                Tables::Older => {
                    (Level::Warn, "is brought up to date at the next start: back it up")
                }
                Tables::Newer => (Level::Fail, "was made by a newer version: take that one"),
            };
            (finding(level, about, format!("{database} {what}")), under_way)
        }
        Err(error) => (finding(Level::Fail, about, format!("{database}: {error}")), Ok(Vec::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Env;
    use crate::store::{StoreError, UnderWay};
    use std::path::Path;

    fn config(more: &str) -> Config {
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndatabase = \"sqlite:x\"\n{more}\n[merchant]\nname = \"x\"\n\
             mch_id = \"1\"\napp_id = \"wx1\"\nkey = \"0123456789abcdef0123456789abcdef\"\n[shop]\n"
        );
        Config::parse(&text, Path::new(""), &Env::default()).unwrap()
    }

    #[test]
    fn who_is_stranded_is_worth_a_word_and_so_is_that_nobody_could_look() {
        let of =
            |app_id: &str| UnderWay { mch_id: "1".to_owned(), app_id: app_id.to_owned(), count: 3 };
        let said = stranded(&config(""), Ok(vec![of("wx1"), of("wx2")]));
        assert!(said.len() == 1 && said[0].contains("app wx2 is not in"), "{said:?}");
        let said = stranded(&config(""), Err(StoreError::Stopped));
        assert!(said.len() == 1 && said[0].ends_with("the server stops"), "{said:?}");
    }

    #[test]
    fn a_proxy_that_must_be_there_and_is_not_named_is_worth_a_word() {
        let https = "public_url = \"https://pay.example.com\"";
        for (more, is_told) in [
            (https.to_owned(), true),
            (format!("{https}\ntrusted_proxies = [\"127.0.0.1\"]"), false),
            ("public_url = \"http://127.0.0.1:8080\"".to_owned(), false),
            (String::new(), false),
        ] {
            let found = form(&config(&more));
            let mut told = found.iter().filter(|one| one.text.contains("trusted_proxies = ["));
            let level = told.next().map(|one| one.level);
            assert_eq!(level, is_told.then_some(Level::Warn), "{more}");
        }
    }
}
