use super::*;

const EXAMPLE: &str = include_str!("../../saoma.example.toml");

/// A configuration that is good, but for `replaced` being replaced.
fn parse(replaced: &str, with: &str) -> Result<Config, ConfigError> {
    const GOOD: &str = r#"
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
    assert!(GOOD.contains(replaced), "{replaced}");
    Config::parse(&GOOD.replacen(replaced, with, 1), Path::new("/etc/saoma"), |_| None)
}

fn error(replaced: &str, with: &str) -> String {
    parse(replaced, with).expect_err("a bad configuration").to_string()
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = parse("", "").unwrap();
    assert_eq!(config.database, Path::new("/etc/saoma/saoma.db"));
    assert_eq!(config.public_url, None);
    assert_eq!(config.merchant.sign_type, SignType::HmacSha256);
    assert_eq!(config.gateway, WECHAT_HOSTS);
    assert_eq!(config.spbill_create_ip, IpAddr::from([127, 0, 0, 1]));
}

#[test]
fn the_standby_host_is_wechats_only_beside_wechats_own() {
    let with = "[merchant]\ngateway = \"http://127.0.0.1:1\"";
    assert_eq!(parse("[merchant]", with).unwrap().gateway, ["http://127.0.0.1:1"]);
    let with = "[merchant]\ngateway = \"http://a\"\ngateway_standby = \"http://b\"";
    assert_eq!(parse("[merchant]", with).unwrap().gateway, ["http://a", "http://b"]);
}

#[test]
fn the_example_file_is_good_once_its_secrets_are_set() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["merchant.key", "shop.keys", "webhook.secret"] {
        let text = "0123456789abcdef0123456789abcdef\n";
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let config = Config::parse(EXAMPLE, folder.path(), |_| None).unwrap();
    assert_eq!(config.public_url.as_deref(), Some("https://pay.example.com"));
    assert_eq!(config.shop_keys.len(), 1);
}

#[test]
fn an_error_names_the_key_and_says_what_to_do() {
    for (replaced, with, expected) in [
        ("127.0.0.1:0", "8080", "listen: must be an address and a port"),
        ("127.0.0.1:0", "0.0.0.0:80", "public_url: is missing: say how WeChat reaches"),
        ("sqlite:saoma.db", "postgres://x", "database: must be \"sqlite:\" and the path"),
        ("[shop]", "[shops]", "shop: is missing: add the section [shop]"),
        ("mch_id = \"1900000109\"", "mch_id = 1900000109", "merchant.mch_id: must be a text"),
        ("1900000109", "19x", "merchant.mch_id: mch_id must be 1 to 32 digits"),
        ("key = \"1920", "key_file = \"1920", "merchant.key_file: cannot read /etc/saoma/1920"),
        ("09247ec", "", "merchant.key: the API key must have 32 characters, not 25"),
        ("[shop]", "sign_type = \"md5\"\n[shop]", "merchant.sign_type: must be \"HMAC-SHA256\""),
        ("[shop]", "typo = 1\n[shop]", "merchant.typo: is not a key that Saoma knows"),
        ("[shop]", "spbill_create_ip = \"x\"\n[shop]", "merchant.spbill_create_ip: must be an"),
        ("[\"shop-key-0123456789\"]", "[]", "shop.keys: is missing: set at least one key"),
        ("shop-key-0123456789", "short", "shop.keys: must be at least 16 visible ASCII"),
        ("http://127.0.0.1:3000", "ftp://x", "shop.webhook_url: must be http(s)://host"),
        ("http://127", "http://user:pw@127", "shop.webhook_url: must be http(s)://host"),
        ("webhook_secret =", "secret =", "shop.webhook_secret: is missing: set it, or webhook_"),
    ] {
        let error = error(replaced, with);
        assert!(error.starts_with(expected), "{error}\n  expected: {expected}");
    }
}

#[test]
fn a_public_url_has_no_query_and_no_slash_at_the_end() {
    let listen = "listen = \"127.0.0.1:0\"";
    let with = format!("{listen}\npublic_url = \"https://pay.example.com/saoma/\"");
    let config = parse(listen, &with).unwrap();
    assert_eq!(config.public_url.as_deref(), Some("https://pay.example.com/saoma"));
    for url in ["pay.example.com", "https://pay.example.com/?a=1", "https://支付.example"] {
        let error = error(listen, &format!("{listen}\npublic_url = \"{url}\""));
        assert!(error.starts_with("public_url: must be http(s)://"), "{url}: {error}");
    }
}

#[test]
fn the_environment_may_hold_the_merchant_key() {
    let env = |name: &str| (name == ENV_MERCHANT_KEY).then(|| "k".repeat(32));
    let text = r#"
        listen = "[::1]:0"
        database = "sqlite:///var/lib/saoma.db"
        [merchant]
        name = "x"
        mch_id = "1"
        app_id = "wx1"
        [shop]
        keys = ["shop-key-0123456789"]
        webhook_url = "http://127.0.0.1:3000/webhook"
        webhook_secret = "webhook-secret-0123"
    "#;
    let config = Config::parse(text, Path::new("/etc"), env).unwrap();
    assert_eq!(config.database, Path::new("/var/lib/saoma.db"));
    let error = Config::parse(text, Path::new("/etc"), |_| None).unwrap_err();
    assert_eq!(error.key, "merchant.key");
    let short = Config::parse(text, Path::new("/etc"), |_| Some("short".into())).unwrap_err();
    assert_eq!(short.key, ENV_MERCHANT_KEY);
}

#[test]
fn no_error_and_no_debug_output_repeats_a_secret() {
    let config = parse("", "").unwrap();
    let shown = format!("{config:?}");
    for secret in ["192006250b4c09247ec02edce69f6a2d", "shop-key-0123", "webhook-secret-0123"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for (replaced, with) in [
        ("[\"shop-key-0123456789\"]", "\"CANARY-0123456789\""),
        ("\"shop-key-0123456789\"", "\"CANARY-0123456789"),
        ("\"webhook-secret-0123\"", "CANARY-0123456789"),
        ("\"webhook-secret-0123\"", "{ CANARY = \"CANARY-0123456789\" }"),
        ("\"192006250b4c09247ec02edce69f6a2d\"", "\"CANARY\""),
        ("key = \"192006250b4c09247ec02edce69f6a2d\"", "key = \"CANARY\"\nkey = \"CANARY\""),
    ] {
        let error = error(replaced, with);
        assert!(!error.contains("CANARY"), "{error}");
    }
}
