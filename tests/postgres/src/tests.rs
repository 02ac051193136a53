//! PostgreSQL is there, is each test's own where it must be, and never stays behind.

use super::*;
use std::time::Duration;

/// How long the guard may take to delete what it held, on a loaded machine.
const PATIENCE: u32 = 600;

fn is_gone(folder: &Path) -> bool {
    (0..PATIENCE).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        !folder.exists()
    })
}

#[test]
fn a_database_is_new_and_empty_and_keeps_what_it_is_told() {
    let cluster = Cluster::shared().unwrap();
    let (one, two) = (cluster.database().unwrap(), cluster.database().unwrap());
    assert_ne!(one, two);
    let name = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    let counted = "create table t (n bigint); insert into t values (41), (42); select * from t";
    assert_eq!(cluster.psql(&name(&one), counted).unwrap(), "41\n42");
    assert!(cluster.psql(&name(&two), "select * from t").is_err(), "it is not the same database");
    assert_eq!(cluster.psql(&name(&one), "show fsync").unwrap(), "on");
}

#[test]
fn a_server_that_runs_already_gives_new_databases_by_its_url() {
    let cluster = Cluster::shared().unwrap();
    let options = "?application_name=a";
    let url = database_at(&(cluster.url("postgres") + options)).unwrap();
    let name = url.strip_suffix(options).unwrap().rsplit('/').next().unwrap();
    assert!(name.starts_with("saoma_test_"), "{url}");
    assert_eq!(url, cluster.url(name) + options);
    assert_eq!(cluster.psql(name, "select current_database()").unwrap(), name);
    assert_ne!(database_at(&cluster.url("postgres")).unwrap(), cluster.url(name));
}

#[test]
fn what_was_committed_survives_a_crash_and_reaches_the_replica() {
    let cluster = Cluster::own().unwrap();
    let folder = cluster.folder().to_owned();
    cluster.psql("postgres", "create table t (n bigint); insert into t values (41)").unwrap();
    cluster.crash().unwrap();
    assert!(cluster.psql("postgres", "select 1").is_err(), "it is gone");
    cluster.start().unwrap();
    assert_eq!(cluster.psql("postgres", "select n from t").unwrap(), "41");

    let replica = cluster.replica().unwrap();
    cluster.psql("postgres", "insert into t values (42)").unwrap();
    let is_there =
        || replica.psql("postgres", "select n from t order by n").is_ok_and(|n| n == "41\n42");
    assert!((0..PATIENCE).any(|_| is_there() || {
        std::thread::sleep(Duration::from_millis(100));
        false
    }));
    let refused = replica.psql("postgres", "insert into t values (43)").unwrap_err();
    assert!(refused.to_string().contains("read-only"), "{refused}");
    drop(replica);
    drop(cluster);
    assert!(!folder.exists());
}

#[test]
fn a_process_that_is_killed_leaves_nothing_behind() {
    let mut cluster = Cluster::own().unwrap();
    let folder = cluster.folder().to_owned();
    assert!(folder.exists());
    // What the system does to a process that is killed: it lets go of everything, and nobody
    // waits for the guard.
    let mut guard = cluster.guard.take().unwrap();
    drop(guard.stdin.take());
    assert!(is_gone(&folder));
    guard.wait().unwrap();
}

#[test]
fn a_guard_that_is_killed_is_swept_up_after() {
    let mut cluster = Cluster::own().unwrap();
    let folder = cluster.folder().to_owned();
    let mut guard = cluster.guard.take().unwrap();
    guard.kill().unwrap();
    guard.wait().unwrap();
    assert!(cluster.psql("postgres", "select 1").is_ok(), "PostgreSQL itself still runs");
    sweep().unwrap();
    assert!(!folder.exists());
    assert!(cluster.psql("postgres", "select 1").is_err());
}
