//! Every state of `<saoma-checkout>` in a real Chromium, from the demo shop's gallery: each
//! language and theme, on a desk and on a phone; read back as a phone's camera would, and looked
//! at with axe. The pictures are kept in `target/browser`.
//!
//! Ignored by default, because it needs Node, Chromium and the built npm package:
//! `cargo xtask test --only browser` sees to all of them.

use std::path::{Path, PathBuf};

use saoma_tests::{Browser, Desk, Options, Screen, qr_texts};
use serde_json::json;

const DESKTOP: Screen =
    Screen { width: 1600, height: 900, scale: 1, is_phone: false, locale: "en-GB" };
const PHONE: Screen = Screen { width: 390, height: 844, scale: 1, is_phone: true, locale: "en-GB" };
/// The narrowest screen that a page must fit.
const NARROW: Screen = Screen { width: 320, ..PHONE };

const LANGUAGES: [&str; 3] = ["zh-CN", "zh-TW", "en"];
const THEMES: [&str; 2] = ["light", "dark"];
const WITH_CODE: [&str; 6] = ["waiting", "soon", "phone", "wechat", "offline", "long-amount"];
const WITHOUT_CODE: [&str; 10] = [
    "connecting",
    "loading",
    "checking",
    "paid",
    "expired",
    "cancelled",
    "refunding",
    "refunded",
    "failed",
    "error",
];

const ANDROID: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130 Mobile";
const WECHAT: &str = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130 Mobile \
                      MicroMessenger/8.0.50";

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn every_state_in_every_language_and_theme() -> Outcome {
    let desk = Desk::start(Options::default()).await?;
    let mut browser = Browser::start(DESKTOP).await?;
    for (name, screen) in [("desktop", DESKTOP), ("phone", PHONE)] {
        browser.hold(screen, ANDROID).await?;
        for (lang, theme) in LANGUAGES.iter().flat_map(|lang| THEMES.map(|theme| (lang, theme))) {
            let name = format!("gallery-{name}-{lang}-{theme}");
            let url = format!("{}/gallery?lang={lang}&theme={theme}", desk.shop_url());
            browser.open(&url).await?;
            states_are_shown(&mut browser).await?;
            codes_are_read(&mut browser, &name).await?;
            assert_eq!(browser.axe().await?, [""; 0], "{name}");
        }
    }
    only_expected_errors(&mut browser).await?;
    assert_eq!(browser.hosts().await?, ["127.0.0.1"]);
    browser.close().await?;
    desk.stop().await?;
    Ok(())
}

async fn states_are_shown(browser: &mut Browser) -> Outcome {
    for state in WITH_CODE {
        browser.wait_for(&format!("[data-state={state}] [data-phase=waiting]")).await?;
    }
    for state in WITHOUT_CODE {
        let phase = if state == "connecting" { "loading" } else { state };
        browser.wait_for(&format!("[data-state={state}] [data-phase={phase}]")).await?;
    }
    browser.wait_for("[data-state=offline] [data-offline]").await?;
    Ok(())
}

/// Keeps a picture of the whole gallery. In it each waiting state holds its own code, and no other
/// state holds any.
async fn codes_are_read(browser: &mut Browser, name: &str) -> Outcome {
    picture(browser, name).await?;
    let path = folder()?.join("gallery-state.png");
    for state in WITH_CODE {
        // With its frame: our reader takes some Chinese words around it for parts of a code.
        browser.detail(&format!("[data-state={state}] [part=code]"), &path).await?;
        let code_url = format!("weixin://wxpay/bizpayurl?pr={state}0000");
        let read = qr_texts(&path).map_err(|error| format!("{state} of {name}: {error}"))?;
        assert_eq!(read, [code_url], "{state} of {name}");
    }
    for state in WITHOUT_CODE {
        browser.detail(&format!("[data-state={state}]"), &path).await?;
        assert_eq!(qr_texts(&path)?, [""; 0], "{state} of {name}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn what_the_visitor_prefers_is_heeded() -> Outcome {
    let desk = Desk::start(Options::default()).await?;
    let mut browser = Browser::start(DESKTOP).await?;
    let url = format!("{}/gallery?lang=zh-TW&theme=auto", desk.shop_url());

    browser.media(json!({ "colorScheme": "dark", "reducedMotion": "reduce" })).await?;
    browser.open(&url).await?;
    states_are_shown(&mut browser).await?;
    assert_eq!(style(&mut browser, "card", "backgroundColor").await?, "rgb(24, 27, 31)");
    assert_eq!(style(&mut browser, "ring-left", "transitionProperty").await?, "none");
    browser.media(json!({ "colorScheme": "light", "reducedMotion": "no-preference" })).await?;
    assert_eq!(style(&mut browser, "card", "backgroundColor").await?, "rgb(255, 255, 255)");
    assert_eq!(style(&mut browser, "ring-left", "transitionProperty").await?, "stroke-dashoffset");

    browser.media(json!({ "colorScheme": "dark", "forcedColors": "active" })).await?;
    browser.open(&url).await?;
    states_are_shown(&mut browser).await?;
    codes_are_read(&mut browser, "gallery-forced-colours").await?;
    assert_eq!(style(&mut browser, "paper", "backgroundColor").await?, "rgb(255, 255, 255)");
    browser.media(json!({ "colorScheme": null, "forcedColors": null })).await?;

    for screen in [NARROW, Screen { width: 768, ..DESKTOP }] {
        browser.hold(screen, ANDROID).await?;
        browser.open(&url).await?;
        states_are_shown(&mut browser).await?;
        picture(&mut browser, &format!("gallery-{}", screen.width)).await?;
        let over = "document.documentElement.scrollWidth - innerWidth";
        assert_eq!(browser.evaluate(over).await?, 0, "wider than {}", screen.width);
    }
    only_expected_errors(&mut browser).await?;
    browser.close().await?;
    desk.stop().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn a_phone_is_told_what_to_do() -> Outcome {
    let desk = Desk::start(Options::default()).await?;
    let mut browser = Browser::start(DESKTOP).await?;
    let url = format!("{}/gallery?state=waiting&lang=en&theme=light", desk.shop_url());
    browser.open(&url).await?;
    browser.wait_for("saoma-checkout[data-phase=waiting]").await?;
    assert_eq!(style(&mut browser, "phone", "width").await?, "auto", "not shown on a desk");
    for (agent, word) in [(ANDROID, "cannot scan its own screen"), (WECHAT, "a long press")] {
        browser.hold(PHONE, agent).await?;
        browser.open(&url).await?;
        browser.wait_for("saoma-checkout[data-phase=waiting]").await?;
        browser.wait_for("saoma-checkout [part=phone]").await?;
        let note = browser.text("saoma-checkout [part=phone-note]").await?;
        assert!(note.contains(word), "{note}");
    }
    browser.close().await?;
    desk.stop().await?;
    Ok(())
}

#[tokio::test]
#[ignore = "cargo xtask test --only browser"]
async fn keys_and_ears_are_enough() -> Outcome {
    let desk = Desk::start(Options::default()).await?;
    let mut browser = Browser::start(DESKTOP).await?;
    let gallery = format!("{}/gallery?lang=en&theme=light", desk.shop_url());

    browser.open(&format!("{gallery}&state=expired")).await?;
    browser.wait_for("saoma-checkout[data-phase=expired]").await?;
    assert_eq!(
        spoken(&mut browser).await?,
        "Time ran out The code no longer works. Nothing was charged."
    );
    browser.press("saoma-checkout [part=refresh]", "Enter").await?;
    browser.wait_for("saoma-checkout[data-phase=waiting][order^=again]").await?;
    assert_eq!(focus(&mut browser).await?, "scan-title");
    assert_eq!(spoken(&mut browser).await?, "");
    let picture = picture(&mut browser, "gallery-refreshed").await?;
    assert_eq!(qr_texts(&picture)?, ["weixin://wxpay/bizpayurl?pr=waiting0000"]);

    browser.press("saoma-checkout [part=cancel]", "Enter").await?;
    assert_eq!(focus(&mut browser).await?, "cancel-no", "the harmless answer comes first");
    self::picture(&mut browser, "gallery-cancel-question").await?;
    browser.press("saoma-checkout [part=cancel-no]", "Escape").await?;
    assert_eq!(focus(&mut browser).await?, "cancel");

    browser.open(&format!("{gallery}&state=failed")).await?;
    browser.wait_for("saoma-checkout[data-phase=failed]").await?;
    browser.press("saoma-checkout [part=refresh]", "Enter").await?;
    browser.wait_for("saoma-checkout [part=refresh-failed]:has-text('no new code')").await?;
    assert_eq!(focus(&mut browser).await?, "refresh", "to be pressed again");
    self::picture(&mut browser, "gallery-refresh-failed").await?;

    browser.open(&format!("{gallery}&state=waiting&left=33")).await?;
    browser.wait_for("saoma-checkout[data-phase=waiting]").await?;
    assert_eq!(spoken(&mut browser).await?, "", "33 seconds are no mark");
    browser.wait_for("saoma-checkout .spoken:has-text('30 seconds left to pay')").await?;
    let errors = browser.errors().await?;
    assert!(errors.len() == 1 && errors[0].contains("the shop is closed"), "{errors:?}");
    browser.close().await?;
    desk.stop().await?;
    Ok(())
}

/// What a part of the waiting state looks like.
async fn style(
    browser: &mut Browser,
    part: &str,
    property: &str,
) -> Result<String, Box<dyn std::error::Error>> {
    let code = format!(
        "getComputedStyle(document.querySelector('[data-state=waiting] saoma-checkout')\
         .shadowRoot.querySelector('[part={part}]')).{property}"
    );
    Ok(browser.evaluate(&code).await?.as_str().unwrap_or_default().to_owned())
}

/// The part that has the focus.
async fn focus(browser: &mut Browser) -> Result<String, Box<dyn std::error::Error>> {
    let code = "document.querySelector('saoma-checkout').shadowRoot.activeElement\
                ?.getAttribute('part')";
    Ok(browser.evaluate(code).await?.as_str().unwrap_or_default().to_owned())
}

/// What the live region says.
async fn spoken(browser: &mut Browser) -> Result<String, Box<dyn std::error::Error>> {
    let code = "document.querySelector('saoma-checkout').shadowRoot.querySelector('.spoken')\
                .textContent";
    Ok(browser.evaluate(code).await?.as_str().unwrap_or_default().to_owned())
}

/// An order that nobody knows is told to the developer; nothing else went wrong.
async fn only_expected_errors(browser: &mut Browser) -> Outcome {
    let mut errors = browser.errors().await?;
    errors.retain(|error| !error.starts_with("UnknownOrder: "));
    assert_eq!(errors, [""; 0]);
    Ok(())
}

/// The whole page, kept to be looked at.
async fn picture(browser: &mut Browser, name: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let path = folder()?.join(format!("{name}.png"));
    browser.picture(&path).await?;
    Ok(path)
}

/// `target/browser`
fn folder() -> std::io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("browser");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
