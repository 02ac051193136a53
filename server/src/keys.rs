//! Who holds a key: of the configuration, or of the database.
//!
//! Each server keeps the digests of all good keys in memory and reads them again every
//! [`AGAIN_AFTER`], so that a call costs no look into the database, and a key that was revoked is
//! refused everywhere seconds later.

use crate::clock::Clock;
use crate::config::{Config, ShopConfig};
use crate::random::{NoRandom, Random, base32, hex};
use crate::store::{KeyKind, KeyRow, OpenError, Store, StoreError};
use saoma_core::time::UnixTime;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// How often keys are read again.
const AGAIN_AFTER: Duration = Duration::from_millis(if cfg!(test) { 50 } else { 2_000 });
/// How exact the time of a key's last use is, in seconds.
const USED_EVERY_S: u64 = 300;
/// Longest name of a key, in characters.
const NAME_MAX: usize = 32;

/// SHA-256 of a key. Digests are compared, not keys: how long that takes tells nothing of a key.
pub(crate) type KeyDigest = [u8; 32];

/// Who holds a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) shop: Arc<str>,
    /// The device's name; `None`: the shop itself.
    pub(crate) device: Option<Arc<str>>,
}

/// All good keys.
#[derive(Debug)]
pub(crate) struct KeyRing {
    /// Those of the configuration.
    fixed: HashMap<KeyDigest, Holder>,
    /// The shops of the configuration: a key of any other opens nothing.
    shops: HashSet<String>,
    /// Those of the database.
    stored: RwLock<HashMap<KeyDigest, Holder>>,
    /// When keys of the database were used last, as far as it is not written down.
    used: Mutex<HashMap<KeyDigest, UnixTime>>,
}

impl KeyRing {
    pub(crate) fn new(shops: &[ShopConfig]) -> Self {
        let fixed = shops.iter().flat_map(|shop| {
            let holder = Holder { shop: shop.id.as_str().into(), device: None };
            shop.keys.iter().map(move |key| (digest(key.expose()), holder.clone()))
        });
        let ids = shops.iter().map(|shop| shop.id.clone());
        Self {
            fixed: fixed.collect(),
            shops: ids.collect(),
            stored: <_>::default(),
            used: <_>::default(),
        }
    }

    /// Who holds this key.
    pub(crate) fn find(&self, key: &str, now: UnixTime) -> Option<(KeyDigest, Holder)> {
        let digest = digest(key);
        if let Some(holder) = self.fixed.get(&digest) {
            return Some((digest, holder.clone()));
        }
        let stored = self.stored.read().unwrap_or_else(PoisonError::into_inner);
        let holder = stored.get(&digest)?.clone();
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, now);
        Some((digest, holder))
    }

    /// Reads the keys of the database again, and writes down which were used.
    pub(crate) async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let rows = KeyRow::good(&mut store.reader().await?).await?;
        let mut stored = HashMap::new();
        let mut to_write = Vec::new();
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        for row in rows.into_iter().filter(|row| self.shops.contains(&row.shop)) {
            let Some(digest) = parse_hex(&row.digest) else {
                return Err(StoreError::Corrupt("digest"));
            };
            if let Some(at) = used.get(&digest)
                && row.last_used_at.is_none_or(|before| at.since(before) >= USED_EVERY_S)
            {
                to_write.push((row.digest, *at));
            }
            let device = (row.kind == KeyKind::Device).then(|| row.name.as_str().into());
            stored.insert(digest, Holder { shop: row.shop.as_str().into(), device });
        }
        *self.stored.write().unwrap_or_else(PoisonError::into_inner) = stored;
        if !to_write.is_empty() {
            let mut tx = store.begin().await?;
            KeyRow::used(&mut tx, to_write).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Reads them again and again until told to stop.
    pub(crate) async fn keep(self: Arc<Self>, store: Store, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(AGAIN_AFTER) => {}
            }
            if let Err(error) = self.refresh(&store).await {
                tracing::error!(%error, "keys cannot be read; those that were known are good");
            }
        }
    }
}

pub(crate) fn digest(key: &str) -> KeyDigest {
    Sha256::digest(key).into()
}

fn parse_hex(text: &str) -> Option<KeyDigest> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in digest.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// Making keys and taking them away, for the command line.
#[derive(Debug)]
pub struct Keys {
    store: Store,
    shops: Vec<String>,
    clock: Clock,
}

/// A key as a list shows it.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// Whose orders it opens.
    pub shop: String,
    /// Who holds it.
    pub name: String,
    /// What it allows.
    pub kind: KeyKind,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was used last, exact to some minutes.
    pub last_used_at: Option<UnixTime>,
    /// When it was taken away.
    pub revoked_at: Option<UnixTime>,
}

/// Why a key is not made or taken away.
#[derive(Debug)]
pub enum KeyError {
    /// The configuration has no such shop.
    NoShop,
    /// The name breaks its rule.
    Name,
    /// The shop has a good key of that name.
    Taken,
    /// The shop has no good key of that name.
    NotFound,
    /// Not now.
    Random(NoRandom),
    /// Not now.
    Store(StoreError),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoShop => f.write_str("the configuration has no shop of that id"),
            Self::Name => f.write_str("a name is 1 to 32 letters, digits, _, - or ."),
            Self::Taken => {
                f.write_str("that shop has a key of that name: revoke it, or take another name")
            }
            Self::NotFound => f.write_str("that shop has no good key of that name"),
            Self::Random(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KeyError {}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Keys {
    /// Opens the database of a configuration; a server may be using it.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: &Config, clock: Clock) -> Result<Self, OpenError> {
        let store = Store::open_beside(&config.database).await?;
        let shops = config.shops.iter().map(|shop| shop.id.clone()).collect();
        Ok(Self { store, shops, clock })
    }

    /// Makes a key and gives it: it is kept nowhere.
    ///
    /// # Errors
    /// [`KeyError`]; there is no new key then.
    pub async fn add(
        &self,
        shop: &str,
        name: &str,
        kind: KeyKind,
        random: &Random,
    ) -> Result<String, KeyError> {
        if !self.shops.iter().any(|known| known == shop) {
            return Err(KeyError::NoShop);
        }
        let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(is_good) {
            return Err(KeyError::Name);
        }
        // 160 bits. Its beginning tells people, and programs that look for secrets, what it is.
        let random = base32(&random.bytes::<20>().map_err(KeyError::Random)?);
        let key = format!("saoma-{}-{random}", kind.as_str());
        let row = KeyRow {
            digest: hex(&digest(&key)),
            shop: shop.to_owned(),
            name: name.to_owned(),
            kind,
            created_at: self.clock.now(),
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = self.store.begin().await?;
        let is_new = row.insert(&mut tx).await?;
        tx.commit().await?;
        if is_new { Ok(key) } else { Err(KeyError::Taken) }
    }

    /// All keys of the database, those that are good first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self) -> Result<Vec<KeyInfo>, StoreError> {
        let rows = KeyRow::all(&mut self.store.reader().await?).await?;
        let info = |row: KeyRow| {
            let KeyRow { shop, name, kind, created_at, last_used_at, revoked_at, .. } = row;
            KeyInfo { shop, name, kind, created_at, last_used_at, revoked_at }
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// Takes a key away: every server refuses it within seconds.
    ///
    /// # Errors
    /// [`KeyError`]; nothing has changed then.
    pub async fn revoke(&self, shop: &str, name: &str) -> Result<(), KeyError> {
        let mut tx = self.store.begin().await?;
        let was_good = KeyRow::revoke(&mut tx, (shop, name), self.clock.now()).await?;
        tx.commit().await?;
        if was_good { Ok(()) } else { Err(KeyError::NotFound) }
    }

    /// Closes the database.
    pub async fn close(self) {
        self.store.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Database;
    use crate::testing::alter;

    #[tokio::test]
    async fn keys_are_asked_for_without_bringing_the_tables_of_a_running_server_up_to_date() {
        let shop = crate::testing::Shop::open().await;
        let store = &shop.service.store;
        let older = "delete from _sqlx_migrations where version =
                     (select max(version) from _sqlx_migrations)";
        alter(store, older).await;
        let refused = Store::open_beside(&shop.database).await;
        assert!(matches!(refused, Err(OpenError::OtherVersion)), "{refused:?}");
        let newer = "update _sqlx_migrations set version = 9999 where version =
                     (select max(version) from _sqlx_migrations)";
        alter(store, newer).await;
        let refused = Store::open_beside(&shop.database).await.unwrap_err().to_string();
        assert!(refused.contains("made by a newer version: start that one"), "{refused}");
        // One that nobody has used is made.
        let folder = tempfile::tempdir().unwrap();
        let new = Database::Sqlite(folder.path().join("new.db"));
        Store::open_beside(&new).await.unwrap().close().await;
        Store::open_as_it_is(&new).await.unwrap().close().await;
    }

    #[tokio::test]
    async fn a_key_opens_nothing_once_its_shop_has_left_the_configuration() {
        let shop = crate::testing::Shop::open().await;
        let (store, now) = (&shop.service.store, shop.service.context.clock.now());
        let row = KeyRow {
            digest: hex(&digest("some key")),
            shop: "shop".to_owned(),
            name: "till".to_owned(),
            kind: KeyKind::Shop,
            created_at: now,
            last_used_at: None,
            revoked_at: None,
        };
        let mut tx = store.begin().await.unwrap();
        assert!(row.insert(&mut tx).await.unwrap());
        tx.commit().await.unwrap();
        let only = crate::testing::only_shop();
        let config = |id: &str| ShopConfig {
            id: id.to_owned(),
            mch_id: only.mch_id.clone(),
            app_id: only.app_id.clone(),
            keys: Vec::new(),
            webhook: None,
            fetch_within_s: 600,
        };
        for (id, opens) in [("shop", true), ("another", false)] {
            let ring = KeyRing::new(&[config(id)]);
            ring.refresh(store).await.unwrap();
            assert_eq!(ring.find("some key", now).is_some(), opens, "{id}");
        }
    }

    #[test]
    fn a_digest_is_written_and_read() {
        let digest = digest("some key");
        assert_eq!(parse_hex(&hex(&digest)), Some(digest));
        for text in ["", "00", &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)] {
            assert_eq!(parse_hex(text), None, "{text}");
        }
    }
}
