//! `[shop]`, or any number of `[[shops]]`.

use super::error::{Problem, Problems};
use super::read::Section;
use super::{MerchantConfig, Secret, is_url, secret};
use crate::webhook::{Reach, literal};
use saoma_core::ids::{AppId, MchId};

const KEYS: &[&str] =
    &["id", "mch_id", "app_id", "keys", "webhook_url", "webhook_secret", "fetch_within_s"];

/// Longest id of a shop.
const ID_LEN_MAX: usize = 32;
/// The id of a `[shop]` that names none.
const ID_DEFAULT: &str = "shop";
/// How long a paid order may wait for its device, in seconds, before somebody is told: shortest,
/// when nothing is said, longest.
const FETCH_WITHIN_S: (u32, u32, u32) = (10, 600, 86_400);

/// Who may take orders.
#[derive(Clone, Debug)]
pub struct ShopConfig {
    /// 1 to 32 letters, digits, `_`, `-`. It is stored with each order: never change it.
    pub id: String,
    /// Its merchant: one of the configuration.
    pub mch_id: MchId,
    /// Its app: one of the merchant's.
    pub app_id: AppId,
    /// Its keys. There may be none: the database may hold others.
    pub keys: Vec<Secret>,
    /// How it is told to ship. `None`: a device that made an order confirms it.
    pub webhook: Option<WebhookConfig>,
    /// How long a paid order may wait for its device, in seconds, before somebody is told.
    pub fetch_within_s: u32,
}

/// Where a shop is told to ship.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// Where. It may hold a secret.
    pub url: Secret,
    /// Signs what the shop is told.
    pub secret: Secret,
}

/// All shops that can be read.
pub(super) fn shops(
    root: &mut Section<'_>,
    merchants: &[MerchantConfig],
    reach: Reach,
    problems: &mut Problems,
) -> Vec<ShopConfig> {
    let sections = problems.keep(root.one_or_many("shop", "shops", KEYS));
    let mut shops: Vec<ShopConfig> = Vec::new();
    for mut section in sections.unwrap_or_default() {
        let shop = shop(&mut section, merchants, reach, problems);
        for other in &shops {
            let Some(shop) = &shop else { break };
            if other.id == shop.id {
                problems.add(section.error("id", "is the id of another shop too"));
            }
            if shop.keys.iter().any(|key| other.keys.contains(key)) {
                problems.add(section.error("keys", "has a key of another shop: make new ones"));
            }
        }
        shops.extend(shop);
        section.end(problems);
    }
    shops
}

fn shop(
    section: &mut Section<'_>,
    merchants: &[MerchantConfig],
    reach: Reach,
    problems: &mut Problems,
) -> Option<ShopConfig> {
    let id = problems.keep(id(section));
    let keys = problems.keep(keys(section));
    let webhook = problems.keep(webhook(section, reach));
    let fetch_within_s = problems.keep(section.number("fetch_within_s", FETCH_WITHIN_S));
    // Both keys are read in any case; a merchant that could not be read has its own problem.
    let (mch_id, app_id) = (section.optional("mch_id"), section.optional("app_id"));
    let (mch_id, app_id) = (problems.keep(mch_id)?, problems.keep(app_id)?);
    let merchant = problems.keep(merchant(section, mch_id, merchants))?;
    let app_id = problems.keep(app(section, app_id, merchant?))?;
    Some(ShopConfig {
        id: id?,
        mch_id: merchant?.mch_id.clone(),
        app_id,
        keys: keys?,
        webhook: webhook?,
        fetch_within_s: fetch_within_s?,
    })
}

fn id(section: &mut Section<'_>) -> Result<String, Problem> {
    let id = match section.optional("id")? {
        Some(id) => id,
        None if section.is_alone() => ID_DEFAULT.to_owned(),
        None => return Err(section.missing("id", "name each shop, such as \"cafe-1\"")),
    };
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if id.is_empty() || id.len() > ID_LEN_MAX || !id.bytes().all(is_good) {
        return Err(section.error("id", "must be 1 to 32 letters, digits, _ or -"));
    }
    Ok(id)
}

/// The shop's merchant; none when there are no merchants at all, which is a problem of theirs.
fn merchant<'m>(
    section: &Section<'_>,
    mch_id: Option<String>,
    merchants: &'m [MerchantConfig],
) -> Result<Option<&'m MerchantConfig>, Problem> {
    match (mch_id, merchants) {
        (_, []) => Ok(None),
        (None, [merchant]) => Ok(Some(merchant)),
        (None, _) => Err(section.missing("mch_id", "say which of the merchants sells")),
        (Some(mch_id), merchants) => {
            let named = merchants.iter().find(|merchant| merchant.mch_id.as_str() == mch_id);
            let rule = "is not the number of a merchant of this configuration";
            named.map(Some).ok_or_else(|| section.error("mch_id", rule))
        }
    }
}

fn app(
    section: &Section<'_>,
    app_id: Option<String>,
    merchant: &MerchantConfig,
) -> Result<AppId, Problem> {
    match (app_id, merchant.apps.as_slice()) {
        (None, [app]) => Ok(app.clone()),
        (None, _) => Err(section.missing("app_id", "say which of the merchant's apps it uses")),
        (Some(app_id), apps) => {
            let named = apps.iter().find(|app| app.as_str() == app_id);
            named.cloned().ok_or_else(|| section.error("app_id", "is not one of its merchant's"))
        }
    }
}

fn keys(section: &mut Section<'_>) -> Result<Vec<Secret>, Problem> {
    let keys = section.secrets("keys")?.unwrap_or_default();
    keys.into_iter().map(|key| secret(section, "keys", key)).collect()
}

fn webhook(section: &mut Section<'_>, reach: Reach) -> Result<Option<WebhookConfig>, Problem> {
    let url = section.secret("webhook_url")?;
    let text = section.secret("webhook_secret")?;
    match (url, text) {
        (None, None) => Ok(None),
        (Some(url), _) if !is_url(&url) => {
            let rule = "must be http(s)://host[:port]/path without a user name";
            Err(section.error("webhook_url", rule))
        }
        (Some(url), Some(text)) => {
            if let Some(Err(rule)) = literal(&url).map(|address| reach.check(&[address])) {
                return Err(section.error("webhook_url", rule));
            }
            let secret = secret(section, "webhook_secret", text)?;
            Ok(Some(WebhookConfig { url: Secret::new(url), secret }))
        }
        (Some(_), None) => Err(section.missing("webhook_secret", "set it, or webhook_secret_file")),
        (None, Some(_)) => Err(section.missing("webhook_url", "say where the shop is told")),
    }
}
