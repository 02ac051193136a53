//! The package as a web developer receives it: the packed tarball installed into small apps, each
//! built by what it is built with, served, and bought from in a real Chromium. The order is made
//! at the real server with the shop's key; the app gets it and its token in its address.
//!
//! Ignored by default, because it needs Node, Chromium and the built apps: `cargo xtask test-apps`
//! sees to all of them. The tests of an app begin with its name.

use std::path::{Path, PathBuf};

use saoma_tests::{Browser, Desk, Options, Program, Screen, qr_texts};
use serde_json::json;
use tokio::process::Command;

const SCREEN: Screen =
    Screen { width: 1024, height: 768, scale: 1, is_phone: false, locale: "en-GB" };

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn plain_is_bought_from() -> Outcome {
    Visit::start("plain").await?.buy().await
}

/// Nothing that is not needed, and no WebAssembly.
fn strict_policy(server: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; connect-src 'self' {server}; style-src 'self'; \
         require-trusted-types-for 'script'"
    )
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn plain_with_a_strict_policy_is_bought_from() -> Outcome {
    Visit::with_policy("plain", "/", strict_policy).await?.buy().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn plain_with_a_policy_for_wasm_uses_it() -> Outcome {
    let for_wasm = |server: &str| {
        strict_policy(server).replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")
    };
    let mut visit = Visit::with_policy("plain", "/wasm.html", for_wasm).await?;
    visit.browser.wait_for("#core:has-text('wasm draws 21')").await?;
    visit.buy().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn plain_whose_policy_forbids_wasm_is_told_so_and_goes_on() -> Outcome {
    let mut visit = Visit::with_policy("plain", "/wasm.html", strict_policy).await?;
    visit.browser.wait_for("#core:has-text(\"'wasm-unsafe-eval' in script-src? 21\")").await?;
    visit.buy().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn vite_is_bought_from() -> Outcome {
    Visit::start("vite").await?.buy().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn webpack_is_bought_from() -> Outcome {
    Visit::start("webpack").await?.buy().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn rollup_is_bought_from() -> Outcome {
    Visit::start("rollup").await?.buy().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn react_is_bought_from() -> Outcome {
    Visit::start("react").await?.buy_by_react().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn react_is_told_what_happened_while_it_hid_the_checkout() -> Outcome {
    let mut visit = Visit::start("react").await?;
    visit.browser.wait_for("saoma-checkout[data-phase=waiting]").await?;
    visit.browser.evaluate("load()").await?;
    visit.browser.wait_for("#loads").await?;
    let view = visit.desk.server_get(&format!("/v1/orders/{}", visit.order_id)).await?;
    visit.desk.pay(view["code_url"].as_str().ok_or("the server has no code")?).await?;
    let is_paid = "new Promise((resolve) => setInterval(() => {
        if (document.querySelector('saoma-checkout').state.screen === 'paid') resolve(true)
    }, 50))";
    assert_eq!(visit.browser.evaluate(is_paid).await?, true);
    visit.browser.evaluate("loaded('loaded')").await?;
    visit.browser.wait_for("#sibling:has-text('loaded')").await?;
    visit.browser.wait_for("#told:has-text('paid 1800')").await?;
    assert_eq!(visit.browser.text("#screens").await?, "waiting paid", "each screen once");
    visit.leave().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn react_18_is_bought_from() -> Outcome {
    Visit::start("react-18").await?.buy_by_react().await
}

#[tokio::test]
#[ignore = "cargo xtask test-apps"]
async fn next_is_bought_from() -> Outcome {
    let visit = Visit::start("next").await?;
    let html = visit.desk.http().get(visit.address.clone()).send().await?.text().await?;
    assert!(html.contains("<p id=\"price\">¥18.00</p>"), "the server formats money: {html}");
    assert!(html.contains("<saoma-checkout></saoma-checkout>"), "and renders the element: {html}");
    let bare = visit.address.join("/bare")?;
    let html = visit.desk.http().get(bare).send().await?.text().await?;
    let element = "<saoma-checkout lang=\"zh-CN\" class=\"bare\"></saoma-checkout>";
    assert!(html.contains(element), "a component of the server may use it: {html}");
    visit.buy().await
}

/// One order, an app that is served, and a browser that shows the order in it.
struct Visit {
    name: &'static str,
    desk: Desk,
    app: Program,
    address: reqwest::Url,
    browser: Browser,
    order_id: String,
}

impl Visit {
    async fn start(name: &'static str) -> Result<Self, Box<dyn std::error::Error>> {
        Self::open(name, "/", |_| None).await
    }

    /// `policy`: the Content-Security-Policy of the app's pages, from the address of the server.
    async fn with_policy(
        name: &'static str,
        page: &str,
        policy: impl Fn(&str) -> String,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        Self::open(name, page, |server| Some(policy(server))).await
    }

    async fn open(
        name: &'static str,
        page: &str,
        policy: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let desk = Desk::start(Options::default()).await?;
        let server = desk.server_url();
        let serve = Path::new(env!("CARGO_MANIFEST_DIR")).join("apps/serve.mjs");
        let mut command = Command::new("node");
        command.arg(serve).arg(name).args(policy(&server));
        let (app, address) = Program::start("app", &mut command, "ready on ", false).await?;
        let body = json!({ "order_no": "A-1", "amount_fen": 1800, "description": "Latte" });
        let order = desk.server_post("/v1/orders", &body).await?;
        let order_id = order["order_id"].as_str().ok_or("no order")?.to_owned();
        let token = order["token"].as_str().ok_or("no token")?;
        let query = [("server", server.as_str()), ("order", &order_id), ("token", token)];
        let address = reqwest::Url::parse_with_params(&format!("{address}{page}"), query)?;
        let mut browser = Browser::start(SCREEN).await?;
        browser.open(address.as_str()).await?;
        Ok(Self { name, desk, app, address, browser, order_id })
    }

    /// Scans the code from the screen, pays, and sees the page turn.
    async fn pay(&mut self) -> Outcome {
        self.browser.wait_for("saoma-checkout[data-phase=waiting]").await?;
        let view = self.desk.server_get(&format!("/v1/orders/{}", self.order_id)).await?;
        let code_url = view["code_url"].as_str().ok_or("the server has no code")?;
        let picture = self.screenshot("waiting").await?;
        let read = qr_texts(&picture)?;
        assert_eq!(read, [code_url], "read from {}", picture.display());
        self.desk.pay(code_url).await?;
        self.browser.wait_for("saoma-checkout[data-phase=paid]").await?;
        self.browser.wait_for("#told:has-text('paid 1800')").await?;
        let picture = self.screenshot("paid").await?;
        assert_eq!(qr_texts(&picture)?, [""; 0], "nobody shall scan a code that was paid");
        Ok(())
    }

    /// What must be true after it.
    async fn leave(mut self) -> Outcome {
        assert_eq!(self.browser.loads().await?, 1, "it turned without being loaded again");
        assert_eq!(self.browser.errors().await?, [""; 0]);
        assert_eq!(self.browser.hosts().await?, ["127.0.0.1"], "nobody else hears of it");
        let secrets = self.browser.seen(&self.desk.secrets()).await?;
        assert!(secrets.is_empty(), "{} secrets came to the browser", secrets.len());
        self.browser.close().await?;
        self.app.stop().await?;
        self.desk.stop().await?;
        Ok(())
    }

    async fn buy(mut self) -> Outcome {
        self.pay().await?;
        self.leave().await
    }

    /// As `buy`, in an app that counts what React does.
    async fn buy_by_react(mut self) -> Outcome {
        self.pay().await?;
        assert_eq!(self.browser.text("#screens").await?, "waiting paid", "each screen once");
        let renders = self.browser.attribute("body", "data-renders").await?.ok_or("no count")?;
        let renders: u32 = renders.parse()?;
        assert!((2..=4).contains(&renders), "one at first, one for each change: {renders}");
        let class = self.browser.attribute("saoma-checkout", "class").await?;
        assert_eq!(class.as_deref(), Some("till"));
        let element = self.browser.attribute("body", "data-ref").await?;
        assert_eq!(element.as_deref(), Some("saoma-checkout"), "the ref is the element");
        self.leave().await
    }

    /// Kept in `target/apps`, to look at.
    async fn screenshot(&mut self, moment: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("apps");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{}-{moment}.png", self.name));
        self.browser.screenshot(&path).await?;
        Ok(path)
    }
}
