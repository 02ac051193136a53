//! The state file: what happened is there after a restart, however the sandbox ended.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::program::{self, signal};
use crate::shop::{self, APPID, KEY, Listener, MCH_ID, Reply, call, merchant, order};
use saoma_sandbox::clock::ClockKind;
use saoma_sandbox::time::UnixTime;
use saoma_sandbox::{
    Config, ConsoleRefund, Merchant, Rules, Sandbox, StartError, StateError, Target, Tender,
};
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

const NO: &str = "SM20261123000001";

/// 2026-11-23 19:26:00 in Beijing.
const NOW: UnixTime = UnixTime(1_795_433_160);

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join("state.db")
}

fn config(file: &Path) -> Config {
    let state = Some(file.to_owned());
    let clock = ClockKind::Standing(NOW);
    let notify_deadline = Duration::from_millis(300);
    Config { state, clock, notify_deadline, ..Config::new([merchant()]) }
}

async fn start(file: &Path) -> Sandbox {
    Sandbox::start(config(file)).await.unwrap()
}

/// Why a sandbox with this configuration does not start.
async fn refusal(config: Config) -> StateError {
    match Sandbox::start(config).await.map(|_| ()) {
        Err(StartError::State { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

async fn sql(file: &Path, text: &'static str) {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query(text).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn what_happened_is_there_after_a_restart_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start([Reply::With(500, ""), Reply::Right]).await;
    let before = start(&file(&folder)).await;
    let code_url = order(&before.base_url(), NO, &listener.url()).await;
    order(&before.base_url(), "SM20261123000002", &listener.url()).await;
    before.pay(&Target::of_code(code_url), Tender::default()).unwrap();
    before.cancel(&Target::of_number("SM20261123000002")).unwrap();
    before.refund_by_hand(&Target::of_number(NO), ConsoleRefund::default()).unwrap();
    before.quiet().await;
    before.advance(5).unwrap();
    let (orders, messages) = (before.orders(), before.messages());
    before.stop().await;

    // Another seed and a clock that is behind change nothing.
    let after =
        Config { seed: 2, clock: ClockKind::Standing(NOW.plus(-7)), ..config(&file(&folder)) };
    let after = Sandbox::start(after).await.unwrap();
    assert_eq!((after.orders(), after.messages().len()), (orders, messages.len()));
    assert_eq!(after.seed(), 1, "the seed that counts is the one that is told");
    assert_eq!(after.now(), NOW.plus(0), "not before what has happened");
    after.advance(15).unwrap();
    after.quiet().await;
    assert_eq!(after.order(NO).unwrap().payments[0].notification.state, "acknowledged");
    assert_eq!(listener.bodies()[0], listener.bodies()[1], "each time the same bytes");
    let query = call(&after.base_url(), "/pay/orderquery", &[("out_trade_no", NO)]).await;
    assert_eq!(query.get("trade_state"), Some("REFUND"));
    after.stop().await;
}

#[tokio::test]
async fn a_moved_clock_is_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let before = start(&file(&folder)).await;
    before.advance(3600).unwrap();
    before.stop().await;
    let after = start(&file(&folder)).await;
    assert_eq!(after.now(), NOW.plus(3600));
    after.stop().await;
}

#[tokio::test]
async fn a_notification_that_was_on_its_way_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start([Reply::Late(Duration::from_secs(30)), Reply::Right]).await;
    let patient = Config { notify_deadline: Duration::from_secs(20), ..config(&file(&folder)) };
    let before = Sandbox::start(patient).await.unwrap();
    order(&before.base_url(), NO, &listener.url()).await;
    before.pay(&Target::of_number(NO), Tender::default()).unwrap();
    while listener.bodies().is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    before.stop().await;

    let after = start(&file(&folder)).await;
    let first = &after.order(NO).unwrap().payments[0].notification.attempts[0];
    assert_eq!(first.outcome, Some("unreachable"));
    after.advance(15).unwrap();
    after.quiet().await;
    assert_eq!(after.order(NO).unwrap().payments[0].notification.state, "acknowledged");
    after.stop().await;
}

#[tokio::test]
async fn merchants_may_be_added_and_their_orders_are_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let before = start(&file(&folder)).await;
    order(&before.base_url(), NO, "http://127.0.0.1:9/notify").await;
    before.stop().await;
    let second = || Merchant::new("1900000110", "wx5a0mademeup0002", KEY, "Second").unwrap();
    for _ in 0..2 {
        let both = Config { merchants: vec![second(), merchant()], ..config(&file(&folder)) };
        let after = Sandbox::start(both).await.unwrap();
        assert_eq!(after.orders().len(), 1);
        after.stop().await;
    }
    let error = refusal(config(&file(&folder))).await;
    assert!(error.to_string().contains("it knows merchant 1900000110"), "{error}");
}

#[tokio::test]
async fn what_does_not_belong_to_the_file_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    start(&file(&folder)).await.stop().await;
    let other_key = "00000000000000000000000000000009";
    for (merchant, says) in [
        (Merchant::new(MCH_ID, "wx1", KEY, "扫码示例店"), r#"had appid "wx5a0mademeup0001""#),
        (Merchant::new(MCH_ID, APPID, KEY, "Other"), r#"had shop "扫码示例店""#),
        (Merchant::new(MCH_ID, APPID, other_key, "扫码示例店"), "had another key: give that one"),
    ] {
        let merchants = vec![merchant.unwrap()];
        let error = refusal(Config { merchants, ..config(&file(&folder)) }).await;
        let error = format!("{error} {error:?}");
        assert!(error.contains(says) && error.contains("start with a new file"), "{error}");
        assert!(!error.contains(KEY) && !error.contains(other_key), "{error}");
    }
    let rules = Rules { min_close_s: 0, ..Rules::default() };
    let error = refusal(Config { rules, ..config(&file(&folder)) }).await;
    assert!(matches!(error, StateError::Rules { .. }), "{error}");
    start(&file(&folder)).await.stop().await;
}

#[tokio::test]
async fn the_file_holds_no_key_and_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = start(&file(&folder)).await;
    order(&sandbox.base_url(), NO, "http://127.0.0.1:9/notify").await;
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    for name in &names {
        let bytes = std::fs::read(name.path()).unwrap();
        assert!(!bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "{name:?}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(name.metadata().unwrap().permissions().mode() & 0o077, 0, "{name:?}");
        }
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn a_file_of_another_version_or_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder);
    let sandbox = start(&path).await;
    order(&sandbox.base_url(), NO, "http://127.0.0.1:9/notify").await;
    sandbox.stop().await;

    // Another version would have answered otherwise ...
    sql(&path, "update input set digest = '0000000000000000' where number = 2").await;
    let error = refusal(config(&path)).await;
    assert!(matches!(error, StateError::OtherVersion { input: Some(2) }), "{error:?}");
    assert!(error.to_string().contains("another version of the sandbox"), "{error}");
    // ... or known what this one does not.
    sql(&path, r#"update input set input = '{"Dance":{}}' where number = 1"#).await;
    let error = refusal(config(&path)).await;
    assert!(matches!(error, StateError::OtherVersion { input: Some(1) }), "{error:?}");

    let other = folder.path().join("other.db");
    sql(&other, "create table customer (name text)").await;
    let was = std::fs::read(&other).unwrap();
    assert!(matches!(refusal(config(&other)).await, StateError::NotOurs));
    // Looking at it turned it to WAL at most: it has no table of ours.
    assert_eq!(std::fs::read(&other).unwrap().len(), was.len());
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "notes ".repeat(1000)).unwrap();
    assert!(matches!(refusal(config(&text)).await, StateError::NotOurs));
    assert_eq!(std::fs::read_to_string(&text).unwrap(), "notes ".repeat(1000));
}

#[tokio::test]
async fn two_sandboxes_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(&file(&folder)).await;
    assert!(matches!(refusal(config(&file(&folder))).await, StateError::InUse));
    first.stop().await;
    start(&file(&folder)).await.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn killed_at_any_moment_nothing_that_was_answered_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let listener = Listener::start([Reply::With(500, "")]).await;
    let merchant = format!("{MCH_ID}:{APPID}:{KEY}:扫码咖啡");
    let (mut ordered, mut paid) = (Vec::<String>::new(), Vec::<String>::new());
    for round in 0..4 {
        let mut command = program::program(&folder);
        command.args(["--listen", "127.0.0.1:0", "--state", "state.db", "--merchant", &merchant]);
        let (mut running, line) = program::ready(command);
        let base = line.split(' ').find(|word| word.starts_with("http://")).unwrap().to_owned();
        for no in &ordered {
            let query = call(&base, "/pay/orderquery", &[("out_trade_no", no)]).await;
            let state = if paid.contains(no) { "SUCCESS" } else { "NOTPAY" };
            assert_eq!(query.get("trade_state"), Some(state), "{no} in round {round}");
        }
        let killer = running.id();
        let killed = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(150 + 70 * round)).await;
            signal(killer, "-KILL");
        });
        // Calls go on until the sandbox is gone.
        for n in 0.. {
            let no = format!("SM{round}N{n:04}");
            let client = shop::reqwest_client();
            if shop::try_order(&client, &base, &no, &listener.url()).await.is_none() {
                break;
            }
            ordered.push(no.clone());
            let body = format!(r#"{{"out_trade_no":"{no}"}}"#);
            let pay = client.post(format!("{base}/control/pay")).body(body).send().await;
            if pay.is_ok_and(|answer| answer.status() == 200) {
                paid.push(no);
            } else {
                // Whether it was paid is not known.
                ordered.pop();
            }
        }
        killed.await.unwrap();
        running.wait();
    }
    assert!(paid.len() > 4, "{paid:?}");
}
