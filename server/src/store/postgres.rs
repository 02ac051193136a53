//! Connections to PostgreSQL: what is asked of each, and how long each may wait.

use super::error::STANDBY;
use super::promise::check_settings;
use super::setting::put_timeline;
use super::{
    ACQUIRE_TIMEOUT, Conn, Dialect, OpenError, PEOPLE_WITHIN, POSTGRES_TABLES, POSTGRES_WRITERS,
    Pools, READERS_MAX, STATEMENTS, Store, StoreError,
};
use crate::config::Secret;
use crate::random::{Random, hex};
use saoma_core::time::UnixTime;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, query_scalar, raw_sql};
use std::str::FromStr as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// What connections of this program are called; that of the process follows.
const PROGRAM: &str = "saoma-server";
/// Connections for people who look.
const PEOPLE_MAX: u32 = 2;
/// Those who write beside the batches: sessions, keys, what is done once at the start.
const OTHER_WRITERS: u32 = 2;
/// How long to wait for the replica before the database itself is asked.
const REPLICA_TIMEOUT: Duration = Duration::from_secs(1);
/// How often, and how far apart, to look whether another server is there.
const ALONE_TRIES: u32 = 5;
const ALONE_PAUSE: Duration = Duration::from_millis(100);
/// How long a connection is taken to be there without being asked.
const TRUSTED_FOR: Duration = Duration::from_millis(500);
/// How long one is used before the database's name is followed anew: who was the primary once, and
/// was cut off from whoever made another one, knows nothing of that.
const USED_FOR: Duration = Duration::from_mins(5);

/// With what every connection but the replica's begins.
const ASKED: [(&str, &str); 3] = [
    // A commit that is acknowledged is on the disk, whatever the default says.
    ("synchronous_commit", "on"),
    // A server that is cut off in the middle holds up the others no longer than this.
    ("idle_in_transaction_session_timeout", "10s"),
    // Every statement is short; compiling one takes longer than carrying it out.
    ("jit", "off"),
];
/// Planned once: with a table for each month, planning anew costs more than the rest. And what is
/// taken in an order, or by a key, is read by the index that has it: a plan from a quiet hour, or
/// from when a month was empty, would read all that there is in a busy one. What people ask for has
/// filters that want plans of their own.
const PLANNED_ONCE: [(&str, &str); 3] =
    [("plan_cache_mode", "force_generic_plan"), ("enable_sort", "off"), ("enable_seqscan", "off")];
/// What is set on every connection but the replica's once it is there.
const SET: [(&str, &str); 2] = [
    // Whoever waits for somebody else's lock is told so before we give the answer up (`line`):
    // nobody would take what is locked in the end.
    ("lock_timeout", "10s"),
    // Otherwise PostgreSQL notices that we have given a statement up no sooner than it has an
    // answer, and holds a connection and locks until then.
    ("client_connection_check_interval", "2s"),
];

/// What connections of this process are called, and those of no other.
fn name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let own = Random::System.bytes::<8>();
        let own = own.map_or_else(|_| std::process::id().to_string(), |bytes| hex(&bytes));
        format!("{PROGRAM} {own}")
    })
}

/// Sets something for as long as a connection lives. A pooler may refuse a connection that begins
/// with what it does not know, as PgBouncer does; this it passes on. A database that cannot have it
/// says so, and it goes on without.
async fn set(conn: &mut PgConnection, name: &str, value: &str) -> Result<(), sqlx::Error> {
    let sql = AssertSqlSafe(format!("set {name} = '{value}'"));
    match raw_sql(sql).execute(conn).await {
        Ok(_) | Err(sqlx::Error::Database(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How long statements may take: for what people ask for, nobody waits any more after that.
async fn set_within(conn: &mut PgConnection, within: Duration) -> Result<(), sqlx::Error> {
    set(conn, "statement_timeout", &format!("{}s", within.as_secs())).await
}

/// Which timeline this is, as eight hexadecimal digits, for anybody who may connect. PostgreSQL
/// begins a new one when a standby becomes the primary, and when a backup is brought back to a
/// moment.
const TIMELINE: &str = "select left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline";
/// What is said where that cannot be asked.
const NO_TIMELINE: &str = "this database does not tell its timeline, so nobody would notice that \
                           it was brought back or has failed over: stop all servers before that";

/// What new connections have shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    /// The last one led to a standby.
    is_standby: AtomicBool,
    /// Another trouble of the last one was said.
    is_unwell: AtomicBool,
    /// The timeline of the last one; 0 when it does not tell.
    timeline: AtomicU32,
    /// The one that was written down last.
    noted: AtomicU32,
    /// That it does not tell was said.
    is_silent: AtomicBool,
}

/// A timeline of PostgreSQL's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline(u32);

/// What each new connection is told and asked before anybody has it.
///
/// # Errors
/// Among others when it leads to a standby: while a failover is under way the name may lead there,
/// and nothing may be decided by what it shows.
async fn welcome(conn: &mut PgConnection, shown: &Shown) -> Result<(), sqlx::Error> {
    for (name, value) in SET {
        set(conn, name, value).await?;
    }
    let sql = "select pg_is_in_recovery()";
    let is_standby: bool = query_scalar(sql).fetch_one(&mut *conn).await?;
    let was_standby = shown.is_standby.swap(is_standby, Ordering::Relaxed);
    if is_standby {
        if !was_standby {
            tracing::error!("{STANDBY}");
        }
        return Err(sqlx::Error::Configuration(STANDBY.into()));
    }
    let timeline: Result<String, sqlx::Error> = query_scalar(TIMELINE).fetch_one(&mut *conn).await;
    match timeline {
        Ok(timeline) => {
            let timeline = u32::from_str_radix(&timeline, 16).unwrap_or(0);
            shown.timeline.store(timeline, Ordering::Relaxed);
        }
        Err(error @ sqlx::Error::Database(_)) => {
            if !shown.is_silent.swap(true, Ordering::Relaxed) {
                tracing::warn!(%error, "{NO_TIMELINE}");
            }
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The same, and how long each statement may take. What is wrong is said once, however often it is
/// tried again: the pool does so many times a second, and what it says of that is not written
/// (`log.rs`).
async fn receive(
    conn: &mut PgConnection,
    within: Option<Duration>,
    shown: &Shown,
) -> Result<(), sqlx::Error> {
    let mut received = welcome(conn, shown).await;
    if received.is_ok()
        && let Some(within) = within
    {
        received = set_within(conn, within).await;
    }
    match &received {
        Ok(()) => shown.is_unwell.store(false, Ordering::Relaxed),
        // That it is a standby is said already.
        Err(sqlx::Error::Configuration(_)) => {}
        Err(error) => {
            if !shown.is_unwell.swap(true, Ordering::Relaxed) {
                tracing::error!(%error, "a new connection to PostgreSQL is of no use");
            }
        }
    }
    received
}

/// Connections on which each statement ends after `within`, if it is to.
fn pool(most: u32, within: Option<Duration>, shown: &Arc<Shown>) -> PgPoolOptions {
    let shown = shown.clone();
    PgPoolOptions::new()
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_connections(most)
        .max_lifetime(USED_FOR)
        .after_connect(move |conn, _| {
            let shown = shown.clone();
            Box::pin(async move { receive(conn, within, &shown).await })
        })
        // Asked whether it is there, unless it was there just now.
        .test_before_acquire(false)
        .before_acquire(|conn, idle| {
            Box::pin(async move {
                if idle.idle_for > TRUSTED_FOR {
                    conn.ping().await?;
                }
                Ok(true)
            })
        })
}

impl Store {
    pub(super) async fn open_postgres(url: &Secret) -> Result<Self, OpenError> {
        let store = Self::connect_postgres(url).await?;
        if let Pools::Postgres { writers, .. } = &store.pools {
            // Here it is meant to wait: for another server that is at it, or for a long report.
            let patient = PgPoolOptions::new()
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .max_connections(1)
                .after_connect(|conn, _| {
                    Box::pin(async move { set(conn, "lock_timeout", "0").await })
                });
            let one = patient.connect_lazy_with(writers.connect_options().as_ref().clone());
            // Under a lock of the database's: of several servers, one does it.
            let migrated = POSTGRES_TABLES.run(&one).await;
            one.close().await;
            migrated.map_err(OpenError::Migrate)?;
        }
        Ok(store)
    }

    pub(super) async fn connect_postgres(url: &Secret) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url.expose())?
            .application_name(name())
            .options(ASKED)
            .statement_cache_capacity(STATEMENTS);
        let planned = options.clone().options(PLANNED_ONCE);
        let shown = Arc::new(Shown::default());
        let writers = pool(POSTGRES_WRITERS + OTHER_WRITERS, None, &shown);
        let writers = writers.connect_with(planned.clone()).await;
        // The pool itself only knows that it took too long.
        let is_standby = shown.is_standby.load(Ordering::Relaxed);
        let writers = writers
            .map_err(|error| if is_standby { OpenError::Standby } else { OpenError::Sql(error) })?;
        check_settings(&mut writers.acquire().await?.into()).await?;
        let readers = pool(READERS_MAX, None, &shown).connect_lazy_with(planned);
        let people = pool(PEOPLE_MAX, Some(PEOPLE_WITHIN), &shown).connect_lazy_with(options);
        Ok(Self { pools: Pools::Postgres { writers, readers, people, shown }, replica: None })
    }

    /// Writes down, before anything else is written there, that PostgreSQL is on another timeline
    /// than is written down: what was committed last on that one may be lost
    /// ([`may_have_lost`](super::may_have_lost)). Gives what to [keep](Self::keep_timeline) once
    /// this is committed. As long as no connection was made to another one, nothing is asked.
    pub(crate) async fn note_timeline(
        &self,
        tx: &mut Conn,
        now: UnixTime,
    ) -> Result<Option<Timeline>, StoreError> {
        let Pools::Postgres { shown, .. } = &self.pools else { return Ok(None) };
        let timeline = shown.timeline.load(Ordering::Relaxed);
        if timeline == 0 || timeline == shown.noted.load(Ordering::Relaxed) {
            return Ok(None);
        }
        // Another connection may have shown it: this one's own counts.
        let Some(row) = tx.fetch_one(TIMELINE, vec![]).await? else { return Ok(None) };
        let timeline = row.text("timeline")?;
        put_timeline(tx, &timeline, now).await?;
        Ok(u32::from_str_radix(&timeline, 16).ok().map(Timeline))
    }

    /// What [`note_timeline`](Self::note_timeline) has written is committed.
    pub(crate) fn keep_timeline(&self, timeline: Option<Timeline>) {
        if let (Pools::Postgres { shown, .. }, Some(Timeline(timeline))) = (&self.pools, timeline) {
            shown.noted.store(timeline, Ordering::Relaxed);
        }
    }

    /// Lets people look at a replica. It need not be there now.
    pub(crate) fn with_replica(mut self, url: &Secret) -> Result<Self, OpenError> {
        let options = PgConnectOptions::from_str(url.expose())?.application_name("saoma-look");
        let pool = PgPoolOptions::new()
            .acquire_timeout(REPLICA_TIMEOUT)
            .max_connections(READERS_MAX)
            .after_connect(|conn, _| {
                Box::pin(async move { set_within(conn, PEOPLE_WITHIN).await })
            });
        self.replica = Some(pool.connect_lazy_with(options));
        Ok(self)
    }

    /// A line for nothing but listening to other servers, if there can be any.
    pub(crate) fn line_to_listen(&self) -> Option<PgPool> {
        let Pools::Postgres { readers, .. } = &self.pools else { return None };
        let options = readers.connect_options().as_ref().clone();
        Some(PgPoolOptions::new().max_connections(1).connect_lazy_with(options))
    }

    /// Whether no other server says that it is there. It stays so until this transaction ends.
    pub(crate) async fn is_alone(&self, tx: &mut Conn) -> Result<bool, StoreError> {
        #[cfg(feature = "simulation")]
        if let Pools::Memory(server) = &self.pools {
            return Ok(server.is_alone());
        }
        if self.dialect() == Dialect::Sqlite {
            // One file serves one process.
            return Ok(true);
        }
        let sql = "select pg_try_advisory_xact_lock(hashtext('saoma servers'))::text as is_alone";
        for _ in 0..ALONE_TRIES {
            let row = tx.fetch_one(sql, vec![]).await?;
            if row.is_some_and(|row| row.text("is_alone").is_ok_and(|alone| alone == "true")) {
                return Ok(true);
            }
            // PostgreSQL takes a moment to notice that somebody was killed.
            tokio::time::sleep(ALONE_PAUSE).await;
        }
        Ok(false)
    }

    /// Whether another process is connected. One whose line to listen is broken does not hold what
    /// [`is_alone`](Self::is_alone) looks for until it has another, and is at what it has leased
    /// all the same.
    pub(crate) async fn sees_others(&self, tx: &mut Conn) -> Result<bool, StoreError> {
        if !matches!(self.pools, Pools::Postgres { .. }) {
            return Ok(false);
        }
        let sql = "select application_name from pg_stat_activity
                   where datname = current_database() and application_name like $1
                     and application_name <> $2 limit 1";
        for _ in 0..ALONE_TRIES {
            let values = vec![format!("{PROGRAM}%").as_str().into(), name().into()];
            if tx.fetch_one(sql, values).await?.is_none() {
                return Ok(false);
            }
            // PostgreSQL takes a moment to notice that somebody was killed, and shows all of a
            // transaction the same unless it is told to look again.
            tokio::time::sleep(ALONE_PAUSE).await;
            tx.fetch("select pg_stat_clear_snapshot()", vec![]).await?;
        }
        Ok(true)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::config::Database;
    use crate::store::inspect;
    use saoma_postgres::Cluster;

    #[tokio::test]
    async fn no_statement_waits_for_ever_for_a_lock_or_for_somebody_who_is_gone() {
        let url = Cluster::shared().unwrap().database().unwrap();
        let store = Store::open(&Database::Postgres(Secret::new(url))).await.unwrap();
        let writer = store.writer().await.unwrap();
        let reader = store.reader().await.unwrap();
        let person = store.for_people().await.unwrap();
        for (mut conn, statement_timeout) in [(writer, "0"), (reader, "0"), (person, "2min")] {
            for (sql, name, wanted) in [
                ("show lock_timeout", "lock_timeout", "10s"),
                ("show statement_timeout", "statement_timeout", statement_timeout),
                ("show client_connection_check_interval", "client_connection_check_interval", "2s"),
            ] {
                let row = conn.fetch_one(sql, vec![]).await.unwrap().unwrap();
                assert_eq!(row.text(name).unwrap(), wanted, "{name}");
            }
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_replica_ends_what_people_ask_for_too_and_is_sent_nothing_to_begin_with() {
        let url = Secret::new(Cluster::shared().unwrap().database().unwrap());
        let store = Store::open(&Database::Postgres(url.clone())).await.unwrap();
        let store = store.with_replica(&url).unwrap();
        let replica = store.replica.as_ref().unwrap();
        assert_eq!(replica.connect_options().get_options(), None);
        let shown: String =
            query_scalar("show statement_timeout").fetch_one(replica).await.unwrap();
        assert_eq!(shown, "2min");
        store.close().await;
    }

    #[tokio::test]
    async fn another_process_is_seen_as_long_as_it_is_connected() {
        let url = Cluster::shared().unwrap().database().unwrap();
        let store = Store::open(&Database::Postgres(Secret::new(url.clone()))).await.unwrap();
        let sees_others = async || {
            let mut tx = store.begin().await.unwrap();
            store.sees_others(&mut tx).await.unwrap()
        };
        // This process has connections of its own.
        assert!(!sees_others().await);
        for called in ["saoma-server", "saoma-server 0123456789abcdef"] {
            let options = PgConnectOptions::from_str(&url).unwrap().application_name(called);
            let other = PgConnection::connect_with(&options).await.unwrap();
            assert!(sees_others().await, "{called}");
            other.close().await.unwrap();
            assert!(!sees_others().await, "{called}");
        }
        store.close().await;
    }

    #[tokio::test]
    async fn a_standby_is_not_asked_before_it_is_the_primary() {
        let cluster = Cluster::own().unwrap();
        let primary = Database::Postgres(Secret::new(cluster.url("postgres")));
        Store::open(&primary).await.unwrap().close().await;
        let standby = cluster.replica().unwrap();
        let database = Database::Postgres(Secret::new(standby.url("postgres")));
        let refused = Store::open_as_it_is(&database).await;
        assert!(matches!(refused, Err(OpenError::Standby)), "{refused:?}");
        let looked_at = inspect(&database, false).await;
        assert!(matches!(looked_at, Err(OpenError::Standby)), "{looked_at:?}");
        let looked_at = inspect(&database, true).await;
        assert!(looked_at.is_ok(), "{looked_at:?}");
        assert_eq!(standby.psql("postgres", "select pg_promote()").unwrap(), "t");
        Store::open_as_it_is(&database).await.unwrap().close().await;
    }
}
