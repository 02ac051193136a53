//! The program as its operator meets it: arguments, exit codes, what it says when the
//! configuration is wrong.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const GOOD: &str = r#"
    listen = "127.0.0.1:0"
    database = "sqlite:saoma.db"
    [merchant]
    name = "扫码咖啡"
    mch_id = "1900000109"
    app_id = "wx5a0mademeup0001"
    key = "192006250b4c09247ec02edce69f6a2d"
    gateway = "http://127.0.0.1:1"
    [shop]
    keys = ["shop-key-0123456789"]
    webhook_url = "http://127.0.0.1:3000/webhook"
    webhook_secret = "webhook-secret-0123"
"#;

fn is_ours(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with("SAOMA_"))
}

fn run(args: &[&str]) -> Output {
    run_in(Path::new("."), args)
}

fn run_in(folder: &Path, args: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_saoma-server"));
    program.current_dir(folder);
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_ours(name)) {
        program.env_remove(name);
    }
    program.args(args).output().expect("the program runs")
}

/// Checks a configuration; gives the exit code, standard output and standard error.
fn check(config: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("saoma.toml");
    std::fs::write(&file, config).expect("a file");
    let output = run(&["check", "--offline", "--config", file.to_str().expect("UTF-8")]);
    assert!(!Path::new(&folder.path().join("saoma.db")).exists(), "a check makes nothing");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_good_configuration_is_said_to_be_good() {
    let said = "ok    configuration: 1 merchant, 1 shop, 0 operators\n\
                warn  configuration: nobody may log in to the operator's page: add [[operators]]\n\
                warn  merchant 1900000109: no certificate: no refund can be sent; set \
                certificate_file\n";
    let (code, stdout, stderr) = check(GOOD);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let database = stdout.strip_prefix(said).unwrap_or_else(|| panic!("{stdout}"));
    assert!(database.starts_with("ok    database: "), "{stdout}");
    assert!(database.ends_with("saoma.db is made at the first start\n"), "{stdout}");
}

#[test]
fn a_bad_configuration_is_an_error_that_names_file_and_key_and_no_secret() {
    for (replaced, with, expected) in [
        ("09247ec", "", "merchant.key: the API key must have 32 characters, not 25"),
        ("127.0.0.1:1\"", "127.0.0.1:1/pay\"", "merchant.gateway: a gateway host"),
        ("[shop]", "[shop", "line 10 is not TOML"),
    ] {
        let (code, stdout, stderr) = check(&GOOD.replacen(replaced, with, 1));
        let line = format!("FAIL  configuration: {expected}");
        assert!(code == Some(1) && stdout.starts_with(&line), "{stdout}{stderr}");
        let stderr = stdout + &stderr;
        for secret in ["192006250b4c", "shop-key-0123456789", "webhook-secret-0123"] {
            assert!(!stderr.contains(secret), "{stderr}");
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_said_with_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let config = GOOD.replacen("key = \"", "key_file = \"", 1);
    std::fs::write(folder.path().join("saoma.toml"), config).unwrap();
    let output = run_in(folder.path(), &["--config", "saoma.toml"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("merchant.key_file: cannot read that file"), "{stderr}");
    assert!(stderr.contains("(relative paths start at .)"), "{stderr}");
}

#[test]
fn what_was_restored_is_looked_at_and_a_backup_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("saoma.toml"), GOOD).unwrap();
    std::fs::write(folder.path().join("saoma.db"), [b'x'; 8192]).unwrap();
    let check = run_in(folder.path(), &["--config", "saoma.toml", "check", "--offline"]);
    let stdout = String::from_utf8(check.stdout).unwrap();
    assert_eq!(check.status.code(), Some(1), "{stdout}");
    assert!(stdout.contains("FAIL  database: "), "{stdout}");
    let backup = run_in(folder.path(), &["--config", "saoma.toml", "backup", "saoma.toml"]);
    let stderr = String::from_utf8(backup.stderr).unwrap();
    assert_eq!(backup.status.code(), Some(1));
    assert!(stderr.contains("take another name"), "{stderr}");
    assert_eq!(std::fs::read_to_string(folder.path().join("saoma.toml")).unwrap(), GOOD);
}

#[test]
fn without_a_configuration_it_says_what_to_do() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("--config FILE"), "{stderr}");
    let missing = run(&["--config", "no-such-file.toml"]);
    let stderr = String::from_utf8(missing.stderr).unwrap();
    assert!(stderr.contains("no-such-file.toml: cannot read it: No such"), "{stderr}");
}

#[test]
fn its_help_says_how_to_begin() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let stdout = String::from_utf8(output.stdout).unwrap();
    for text in ["--config <FILE>", "SAOMA_CONFIG", "--log <FORMAT>", "check", "RUST_LOG"] {
        assert!(stdout.contains(text), "{stdout}");
    }
}

#[test]
fn it_hashes_the_password_that_it_reads() {
    let hash = |password: &str| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_saoma-server"));
        let program = program.arg("hash-password").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = program.stderr(Stdio::piped()).spawn().unwrap();
        running.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        running.wait_with_output().unwrap()
    };
    let good = hash("correct horse battery\n");
    assert_eq!(good.status.code(), Some(0));
    let line = String::from_utf8(good.stdout).unwrap();
    assert!(line.starts_with("$argon2id$") && line.ends_with('\n'), "{line}");
    let operator =
        format!("{GOOD}[[operators]]\nname = \"lin\"\npassword_hash = '{}'", line.trim());
    assert_eq!(check(&operator).0, Some(0));
    let bad = hash("short");
    let stderr = String::from_utf8(bad.stderr).unwrap();
    assert_eq!((bad.status.code(), bad.stdout.as_slice()), (Some(1), &b""[..]));
    assert!(stderr.contains("12 characters at least") && !stderr.contains("short"), "{stderr}");
}

#[test]
fn keys_are_made_listed_and_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saoma.toml");
    std::fs::write(&file, GOOD).unwrap();
    let key = |args: &[&str]| {
        let output = run(&[&["--config", file.to_str().unwrap(), "key"], args].concat());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(key(&["list"]).1, "there are no keys in the database\n");
    let till = ["add", "--shop", "shop", "--name", "till-1", "--device"];
    let (status, made, _) = key(&till);
    assert!(status == Some(0) && made.starts_with("saoma-device-"), "{made}");
    let (status, made, problem) = key(&till);
    assert_eq!((status, made.as_str()), (Some(1), ""));
    assert!(problem.contains("that shop has a key of that name"), "{problem}");
    let list = key(&["list"]).1;
    assert!(list.starts_with("shop/till-1  device  made 20"), "{list}");
    assert!(list.contains("never used"), "{list}");
    assert_eq!(key(&["revoke", "--shop", "shop", "--name", "till-1"]).0, Some(0));
    assert!(key(&["list"]).1.contains("taken away 20"));
    assert_eq!(key(&["revoke", "--shop", "shop", "--name", "till-1"]).0, Some(1));
}
