use super::*;
use saoma_core::native::WECHAT_HOSTS;
use saoma_core::sign::SignType;
use std::fs;

const EXAMPLE: &str = include_str!("../../saoma.example.toml");
const KEY: &str = "192006250b4c09247ec02edce69f6a2d";
const SHORT: &str = r#"
    listen = "127.0.0.1:0"
    database = "sqlite:saoma.db"
    [merchant]
    name = "扫码咖啡"
    mch_id = "1900000109"
    app_id = "wx5a0mademeup0001"
    key = "192006250b4c09247ec02edce69f6a2d"
    [shop]
    keys = ["shop-key-0123456789"]
    webhook_url = "http://127.0.0.1:3000/webhook"
    webhook_secret = "webhook-secret-0123"
"#;
const LONG: &str = r#"
    listen = "127.0.0.1:0"
    database = "postgres://saoma:CANARY@db.example/saoma"
    replica = "postgresql://saoma@replica.example/saoma"
    trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]
    [[merchants]]
    name = "扫码咖啡"
    mch_id = "1900000109"
    apps = ["wx1", "wx2"]
    key = "192006250b4c09247ec02edce69f6a2d"
    [[merchants]]
    name = "扫码书店"
    mch_id = "1900000110"
    app_id = "wx3"
    key = "192006250b4c09247ec02edce69f6a2e"
    anomalies = "hold"
    [[shops]]
    id = "cafe-1"
    mch_id = "1900000109"
    app_id = "wx2"
    keys = ["shop-key-0123456789"]
    webhook_url = "https://shop.example/webhook"
    webhook_secret = "webhook-secret-0123"
    [[shops]]
    id = "books"
    mch_id = "1900000110"
    fetch_within_s = 60
    [[operators]]
    name = "lin"
    password_hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"
"#;

fn env(variables: &[(&str, &str)]) -> Env {
    variables.iter().copied().collect()
}

fn parse_with(text: &str, env: &Env) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("/etc/saoma"), env)
}

/// A good configuration, but for `replaced` being replaced.
fn changed(text: &str, replaced: &str, with: &str) -> Result<Config, ConfigError> {
    assert!(text.contains(replaced), "{replaced}");
    parse_with(&text.replacen(replaced, with, 1), &Env::default())
}

/// What is wrong with it, which is one thing.
fn error(text: &str, replaced: &str, with: &str) -> String {
    let error = changed(text, replaced, with).expect_err("a bad configuration");
    assert_eq!(error.problems().len(), 1, "{error}");
    error.to_string()
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = parse_with(SHORT, &Env::default()).unwrap();
    assert!(matches!(&config.database, Database::Sqlite(path) if path == "/etc/saoma/saoma.db"));
    assert_eq!(config.public_url, None);
    assert!(config.trusted_proxies.is_empty() && config.operators.is_empty());
    assert!(config.webhook_private && config.replica.is_none());
    assert_eq!((config.limits, &config.log), (Limits::default(), &LogConfig::default()));
    let [merchant] = config.merchants.as_slice() else { panic!("{config:?}") };
    assert_eq!(merchant.sign_type, SignType::HmacSha256);
    assert_eq!(merchant.gateway, WECHAT_HOSTS);
    assert_eq!(merchant.spbill_create_ip, IpAddr::from([127, 0, 0, 1]));
    assert_eq!(merchant.anomalies, AnomalyPolicy::Refund);
    assert!(merchant.certificate.is_none() && merchant.root_certificate.is_none());
    let [shop] = config.shops.as_slice() else { panic!("{config:?}") };
    assert_eq!((shop.id.as_str(), shop.fetch_within_s), ("shop", 600));
    assert_eq!((shop.mch_id.as_str(), shop.app_id.as_str()), ("1900000109", "wx5a0mademeup0001"),);
}

#[test]
fn several_merchants_and_shops_know_each_other() {
    let config = parse_with(LONG, &Env::default()).unwrap();
    assert!(matches!(&config.database, Database::Postgres(url) if url.expose().contains("CANARY")));
    assert!(config.replica.is_some());
    assert!(config.trusted_proxies[1].contains(&IpAddr::from([10, 1, 2, 3])));
    let [cafe, books] = config.shops.as_slice() else { panic!("{config:?}") };
    let mch_id = &config.merchants[1].mch_id;
    assert_eq!((&books.mch_id, books.app_id.as_str()), (mch_id, "wx3"));
    assert_eq!((cafe.app_id.as_str(), books.fetch_within_s), ("wx2", 60));
    assert!(cafe.webhook.is_some() && books.webhook.is_none() && books.keys.is_empty());
    assert_eq!(config.merchant(mch_id).unwrap().anomalies, AnomalyPolicy::Hold);
    let merchant = config.merchant(&cafe.mch_id).unwrap().merchant(&cafe.app_id);
    assert_eq!(merchant.app_id.as_str(), "wx2");
    assert_eq!(config.operators[0].name, "lin");
}

#[test]
fn the_example_file_is_good_once_its_secrets_are_set() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["merchant.key", "shop.keys", "webhook.secret"] {
        let text = "0123456789abcdef0123456789abcdef\n";
        fs::write(folder.path().join(file), text).unwrap();
    }
    let config = Config::parse(EXAMPLE, folder.path(), &Env::default()).unwrap();
    assert_eq!(config.public_url.as_deref(), Some("https://pay.example.com"));
    assert_eq!(config.shops[0].keys.len(), 1);
}

#[test]
fn an_error_names_the_key_and_says_what_to_do() {
    for (replaced, with, expected) in [
        ("127.0.0.1:0", "8080", "listen: must be an address and a port"),
        ("127.0.0.1:0", "0.0.0.0:80", "public_url: is missing: say how WeChat reaches"),
        ("sqlite:saoma.db", "mysql://x", "database: must be \"sqlite:\" and the path"),
        ("[shop]", "[shoppe]\n[shop]", "shoppe: is not a key that Saoma knows"),
        ("mch_id = \"1900000109\"", "mch_id = 1900000109", "merchant.mch_id: must be a text"),
        ("1900000109", "19x", "merchant.mch_id: mch_id must be 1 to 32 digits"),
        ("key = \"1920", "key_file = \"1920", "merchant.key_file: cannot read that file: No such"),
        ("09247ec", "", "merchant.key: the API key must have 32 characters, not 25"),
        ("[shop]", "next_key = \"short\"\n[shop]", "merchant.next_key: the API key must have 32"),
        ("[shop]", "next_key_file = \"x\"\n[shop]", "merchant.next_key_file: cannot read that"),
        ("[shop]", "sign_type = \"md5\"\n[shop]", "merchant.sign_type: must be \"HMAC-SHA256\""),
        ("[shop]", "typo = 1\n[shop]", "merchant.typo: is not a key that Saoma knows"),
        ("[shop]", "bill_unknown = \"x\"\n[shop]", "merchant.bill_unknown: must be \"ours\""),
        ("[shop]", "spbill_create_ip = \"x\"\n[shop]", "merchant.spbill_create_ip: must be an"),
        ("[shop]", "anomalies = \"keep\"\n[shop]", "merchant.anomalies: must be \"refund\" or"),
        ("[shop]", "certificate = \"x\"\n[shop]", "merchant.certificate: there is no certificate"),
        ("[shop]", "certificate_key = \"x\"\n[shop]", "merchant.certificate_key: needs certific"),
        (
            "[shop]",
            "certificate = \"-----BEGIN CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----\"\n\
             [shop]",
            "merchant.certificate_key: is missing: set certificate_key_file",
        ),
        ("[shop]", "root_certificate = \"x\"\n[shop]", "merchant.root_certificate: there is no"),
        ("[shop]", "[limits]\nkey_burst = 0\n[shop]", "limits.key_burst: must be a whole number"),
        ("shop-key-0123456789", "short", "shop.keys: must be at least 16 visible ASCII"),
        ("http://127.0.0.1:3000", "ftp://x", "shop.webhook_url: must be http(s)://host"),
        ("http://127", "http://user:pw@127", "shop.webhook_url: must be http(s)://host"),
        ("    webhook_secret =", "#", "shop.webhook_secret: is missing: set it, or webhook_"),
        ("    webhook_url =", "#", "shop.webhook_url: is missing: say where the shop is told"),
        ("[shop]", "[shop]\nmch_id = \"7\"", "shop.mch_id: is not the number of a merchant"),
        ("[shop]", "[shop]\napp_id = \"wx\"", "shop.app_id: is not one of its merchant's"),
        ("[shop]", "[shop]\nid = \"咖啡\"", "shop.id: must be 1 to 32 letters"),
        ("[merchant]", "webhook_private = 1\n[merchant]", "webhook_private: must be true or"),
        ("[merchant]", "trusted_proxies = \"x\"\n[merchant]", "trusted_proxies: must be addresses"),
        ("[merchant]", "replica = \"postgres://x/y\"\n[merchant]", "replica: goes with a Postgre"),
    ] {
        let error = error(SHORT, replaced, with);
        assert!(error.starts_with(expected), "{error}\n  expected: {expected}");
    }
}

#[test]
fn an_error_in_a_list_names_its_place() {
    for (replaced, with, expected) in [
        ("\"wx2\"]", "\"wx1\"]", "merchants[0].apps: names an app twice"),
        ("books", "cafe-1", "shops[1].id: is the id of another shop too"),
        ("    id = \"books\"", "", "shops[1].id: is missing: name each shop"),
        (
            "    app_id = \"wx2\"",
            "",
            "shops[0].app_id: is missing: say which of the merchant's apps",
        ),
        ("    mch_id = \"1900000110\"\n    fetch", "    fetch", "shops[1].mch_id: is missing: say"),
        ("fetch_within_s = 60", "fetch_within_s = 1", "shops[1].fetch_within_s: must be a whole"),
        (
            "    fetch_within_s",
            "    keys = [\"shop-key-0123456789\"]\n    fetch_within_s",
            "shops[1].keys: has a key of another shop",
        ),
        ("$argon2id", "$2y", "operators[0].password_hash: must be what `saoma-server hash-pass"),
        ("\"lin\"", "\"l n\"", "operators[0].name: must be 1 to 32 letters"),
        (
            "[[operators]]",
            "[[merchants]]\n mch_id = \"1900000110\"\n name = \"x\"\n app_id = \"wx4\"\n\
          key = \"192006250b4c09247ec02edce69f6a2d\"\n[[operators]]",
            "merchants[2].mch_id: is the number of another merchant too",
        ),
        ("[[operators]]", "[operators]", "operators: must be a list of sections, [[operators]]"),
        ("[[operators]]", "[shop]\n[[operators]]", "shop: stands beside [[shops]]: keep one form"),
    ] {
        let error = error(LONG, replaced, with);
        assert!(error.starts_with(expected), "{error}\n  expected: {expected}");
    }
}

#[test]
fn a_file_may_have_any_number_of_shops_and_the_environment_adds_to_them() {
    let (start, _) = SHORT.split_once("[shop]").unwrap();
    let shops: String = (0..1_001).map(|i| format!("[[shops]]\nid = \"shop-{i}\"\n")).collect();
    let added = env(&[("SAOMA_SHOPS_1001_ID", "added")]);
    let config = parse_with(&format!("{start}{shops}"), &added).unwrap();
    let last: Vec<&str> = config.shops[1_000..].iter().map(|shop| shop.id.as_str()).collect();
    assert_eq!(last, ["shop-1000", "added"]);
    assert!(config.unknown_variables.is_empty(), "{:?}", config.unknown_variables);
}

#[test]
fn while_the_key_changes_there_are_two() {
    let merchant = |config: Config| {
        let merchant = config.merchants.into_iter().next().unwrap();
        (merchant.key.other_first(), merchant.merchant(&merchant.apps[0]).key.other_first())
    };
    let one = parse_with(SHORT, &Env::default()).unwrap();
    assert!(one.merchants[0].next_key.is_none());
    assert!(merchant(one).1.is_none());
    let new = "CanaryMerchantKey000000000000043";
    let in_file = SHORT.replace("[shop]", &format!("next_key = \"{new}\"\n[shop]"));
    let env = env(&[("SAOMA_MERCHANT_NEXT_KEY", new)]);
    for (text, env) in [(in_file.as_str(), Env::default()), (SHORT, env)] {
        let two = parse_with(text, &env).unwrap();
        assert!(!format!("{two:?}").contains("Canary"));
        let (alone, both) = merchant(two);
        assert!(alone.is_none() && both.is_some());
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = SHORT.replace("1900000109", "x").replace("127.0.0.1:0", "x").replace("keys", "key");
    let error = parse_with(&text, &Env::default()).unwrap_err();
    let keys: Vec<&str> = error.problems().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["listen", "merchant.mch_id", "shop.key"]);
    assert!(error.to_string().starts_with("3 things are wrong\n  listen: must be"), "{error}");
    let nothing = parse_with("", &Env::default()).unwrap_err();
    let keys: Vec<&str> = nothing.problems().iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["listen", "database", "merchant", "shop"]);
    assert!(nothing.to_string().contains("(or set SAOMA_LISTEN)"), "{nothing}");
}

#[test]
fn a_public_url_has_no_query_and_no_slash_at_the_end() {
    let listen = "listen = \"127.0.0.1:0\"";
    let text = SHORT.replace(listen, &format!("{listen}\nwebhook_private = true"));
    let with = format!("{listen}\npublic_url = \"https://pay.example.com/saoma/\"");
    let config = changed(&text, listen, &with).unwrap();
    assert_eq!(config.public_url.as_deref(), Some("https://pay.example.com/saoma"));
    for url in ["pay.example.com", "https://pay.example.com/?a=1", "https://支付.example"] {
        let error = error(SHORT, listen, &format!("{listen}\npublic_url = \"{url}\""));
        assert!(error.starts_with("public_url: must be http(s)://"), "{url}: {error}");
    }
}

#[test]
fn a_server_that_wechat_reaches_calls_public_addresses_only_unless_it_is_told_otherwise() {
    let with = "public_url = \"https://pay.example.com\"\n[merchant]";
    let refused = error(SHORT, "[merchant]", with);
    assert!(refused.starts_with("shop.webhook_url: must lead to a public address"), "{refused}");
    let permitted = format!("webhook_private = true\n{with}");
    assert!(changed(SHORT, "[merchant]", &permitted).unwrap().webhook_private);
    let public = SHORT.replace("http://127.0.0.1:3000", "https://shop.example.com");
    assert!(!changed(&public, "[merchant]", with).unwrap().webhook_private);
    let metadata = error(SHORT, "127.0.0.1:3000", "169.254.169.254");
    assert!(metadata.starts_with("shop.webhook_url: leads to an address that is never"));
}

#[test]
fn the_environment_can_say_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, keys) = (file("key", &format!("{KEY}\n")), file("keys", "first-key-0123456\n\n"));
    let env = env(&[
        ("SAOMA_CONFIG", "x"),
        ("SAOMA_LISTEN", "[::1]:0"),
        ("SAOMA_DATABASE", "sqlite:///var/lib/saoma.db"),
        ("SAOMA_TRUSTED_PROXIES", "10.0.0.1, 10.1.0.0/16"),
        ("SAOMA_WEBHOOK_PRIVATE", "true"),
        ("SAOMA_LIMITS_KEY_PER_S", "7"),
        ("SAOMA_MERCHANTS_0_NAME", "x"),
        ("SAOMA_MERCHANTS_0_MCH_ID", "1"),
        ("SAOMA_MERCHANTS_0_APPS", "wx1,wx2"),
        ("SAOMA_MERCHANTS_0_KEY_FILE", &key),
        ("SAOMA_SHOPS_0_ID", "a"),
        ("SAOMA_SHOPS_0_APP_ID", "wx1"),
        ("SAOMA_SHOPS_0_KEYS_FILE", &keys),
        ("SAOMA_SHOPS_1_ID", "b"),
        ("SAOMA_SHOPS_1_APP_ID", "wx2"),
        ("SAOMA_SHOPS_1_KEYS", "other-key-01234567,third-key-01234567"),
        ("SAOMA_SHOP_PORT", "tcp://10.0.0.3:80"),
        ("SAOMA_SHOPS_1_WEBHOK_URL", "x"),
        ("SAOMA_REPLICA", ""),
        ("PATH", "/bin"),
    ]);
    let config = Config::load(None, &env).unwrap();
    assert!(matches!(&config.database, Database::Sqlite(path) if path == "/var/lib/saoma.db"));
    assert_eq!((config.trusted_proxies.len(), config.limits.key_per_s), (2, 7));
    assert!(config.webhook_private);
    assert_eq!(config.merchants[0].apps.len(), 2);
    let keys: Vec<usize> = config.shops.iter().map(|shop| shop.keys.len()).collect();
    assert_eq!(keys, [1, 2]);
    assert_eq!(config.unknown_variables, ["SAOMA_SHOPS_1_WEBHOK_URL", "SAOMA_SHOP_PORT"]);
}

#[test]
fn the_environment_wins_over_the_file_and_is_named_in_errors() {
    let with = |variables: &[(&str, &str)]| parse_with(SHORT, &env(variables));
    let other = "k".repeat(32);
    let config = with(&[("SAOMA_MERCHANT_KEY", &other), ("SAOMA_SHOP_KEYS", "another-key-012345")]);
    let config = config.unwrap();
    assert_eq!(config.shops[0].keys[0].expose(), "another-key-012345");
    let file = SHORT.replace(&format!("key = \"{KEY}\""), "key_file = \"/nowhere\"");
    assert!(parse_with(&file, &env(&[("SAOMA_MERCHANT_KEY", &other)])).is_ok());
    for (name, value, expected) in [
        ("SAOMA_MERCHANT_KEY", "short", "SAOMA_MERCHANT_KEY: the API key must have 32"),
        ("SAOMA_MERCHANT_KEY_FILE", "/no", "SAOMA_MERCHANT_KEY_FILE: cannot read that file"),
        ("SAOMA_LISTEN", "x", "SAOMA_LISTEN: must be an address"),
        ("SAOMA_WEBHOOK_PRIVATE", "yes", "SAOMA_WEBHOOK_PRIVATE: must be true or false"),
    ] {
        let error = with(&[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let both = with(&[("SAOMA_SHOP_KEYS", "x"), ("SAOMA_SHOP_KEYS_FILE", "y")]).unwrap_err();
    assert!(both.to_string().contains("SAOMA_SHOP_KEYS: stands beside keys_file"), "{both}");
}

#[test]
fn no_error_and_no_debug_output_repeats_a_secret() {
    let shown = format!("{:?}", parse_with(SHORT, &Env::default()).unwrap());
    let more = format!("{:?}", parse_with(LONG, &Env::default()).unwrap());
    for secret in [KEY, "shop-key-0123", "webhook-secret-0123", "/webhook", "CANARY", "argon2"] {
        assert!(!shown.contains(secret) && !more.contains(secret), "{shown}{more}");
    }
    for (replaced, with) in [
        ("[\"shop-key-0123456789\"]", "\"CANARY\""),
        ("\"shop-key-0123456789\"", "\"CANARY-0123456789"),
        ("\"webhook-secret-0123\"", "CANARY-0123456789"),
        ("\"webhook-secret-0123\"", "{ CANARY = \"CANARY-0123456789\" }"),
        ("\"192006250b4c09247ec02edce69f6a2d\"", "\"CANARY\""),
        ("key = \"192006250b4c09247ec02edce69f6a2d\"", "key = \"CANARY\"\nkey = \"CANARY\""),
        ("key = \"192006250b4c09247ec02edce69f6a2d\"", "key_file = \"CANARY\""),
        ("sqlite:saoma.db", "postgre://x:CANARY@y/z"),
        ("[shop]", "certificate = \"CANARY\"\n[shop]"),
    ] {
        let error = changed(SHORT, replaced, with).expect_err(replaced).to_string();
        assert!(!error.contains("CANARY"), "{error}");
    }
}

/// What a person can set stands in the example, and the other way round.
#[test]
fn the_example_explains_every_key() {
    let sources =
        [include_str!("merchant.rs"), include_str!("shop.rs"), include_str!("../config.rs")];
    let all = sources.join("\n");
    let keys = all.split("const KEYS: &[&str] =").skip(1).filter_map(|rest| {
        let (list, _) = rest.split_once(';')?;
        Some(list.split('"').skip(1).step_by(2))
    });
    let keys: Vec<&str> = keys.flatten().collect();
    assert!(keys.len() > 20, "{keys:?}");
    let watched = ["metrics_listen", "metrics_token", "stop_drain_s"];
    let others = ["listen", "database", "filter", "format", "replica", "public_url"];
    let others = others.into_iter().chain(["trusted_proxies", "webhook_private"]);
    let keys: Vec<&str> = keys.into_iter().chain(watched).chain(others).collect();
    for key in &keys {
        // What needs no line of its own is named in a comment.
        assert!(
            EXAMPLE.contains(&format!("{key} =")) || EXAMPLE.contains(&format!("{key}_file =")),
            "{key}"
        );
    }
    for line in EXAMPLE.lines() {
        let Some((key, _)) = line.trim_start_matches('#').split_once(" = ") else { continue };
        let key = key.strip_suffix("_file").unwrap_or(key);
        assert!(keys.contains(&key) || key.contains(' '), "{key} is not a key");
    }
}

#[test]
fn how_the_server_is_watched_is_checked_key_by_key() {
    let config = parse_with(SHORT, &Env::default()).unwrap();
    let watched = &config.watched;
    assert!(watched.metrics_listen.is_none() && watched.metrics_token.is_none());
    assert_eq!(watched.drain.as_secs(), 1);
    let with = |line: &str| parse_with(&format!("{line}\n{SHORT}"), &Env::default());
    assert_eq!(with("stop_drain_s = 300").unwrap().watched.drain.as_secs(), 300);
    let listen = with("metrics_listen = \"127.0.0.1:9464\"").unwrap().watched.metrics_listen;
    assert_eq!(listen, Some(([127, 0, 0, 1], 9464).into()));
    let json = parse_with(&format!("{SHORT}\n[log]\nformat = \"json\""), &Env::default());
    assert_eq!(json.unwrap().log.format, Some(LogFormat::Json));
    for (line, expected) in [
        ("stop_drain_s = 301", "stop_drain_s: must be a whole number, 0 to 300"),
        ("stop_drain_s = -1", "stop_drain_s: must be a whole number, 0 to 300"),
        ("metrics_listen = \"9464\"", "metrics_listen: must be an address and a port"),
        ("metrics_token = \"CANARY\"", "metrics_token: must be at least 16 visible"),
    ] {
        let error = with(line).unwrap_err().to_string();
        assert!(error.starts_with(expected) && !error.contains("CANARY"), "{error}");
    }
    let error = parse_with(&format!("{SHORT}\n[log]\nformat = \"xml\""), &Env::default());
    assert_eq!(error.unwrap_err().to_string(), "log.format: must be \"text\" or \"json\"");
    for filter in ["info", "warn,saoma_server=debug"] {
        let log = parse_with(&format!("{SHORT}\n[log]\nfilter = \"{filter}\""), &Env::default());
        assert_eq!(log.unwrap().log.filter, filter);
    }
    for filter in ["", " ", "saoma_server=verbos", "a=b=c"] {
        let log = parse_with(&format!("{SHORT}\n[log]\nfilter = \"{filter}\""), &Env::default());
        let error = log.unwrap_err().to_string();
        assert!(error.starts_with("log.filter: must be a filter"), "{filter}: {error}");
    }
}
