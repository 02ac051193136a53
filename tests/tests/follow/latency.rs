//! How long it takes from a payment to the page: `cargo xtask bench follow`.

use std::time::Duration;

use crate::{Dice, Failure, Outcome, SOON, Scene};

/// Purchases for each row.
const PURCHASES: u32 = 40;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "cargo xtask bench follow"]
async fn latency() -> Outcome {
    let mut scene = Scene::start().await?;
    println!("| from payment to page, {PURCHASES} purchases each | p50 | p95 | longest |");
    println!("| --- | ---: | ---: | ---: |");
    for (name, more) in [("by events", ""), ("by questions", "&by=questions")] {
        let mut times = Vec::new();
        let mut dice = Dice(7);
        for _ in 0..PURCHASES {
            times.push(purchase(&mut scene, more, dice.below(2_000)).await?);
        }
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
        println!("| {name} | {} ms | {} ms | {} ms |", at(50), at(95), at(100));
    }
    scene.stop().await
}

/// Pays at any moment between two questions; milliseconds from the customer's word to the
/// sandbox until the page was told.
async fn purchase(scene: &mut Scene, more: &str, after_ms: u64) -> Result<u64, Failure> {
    let order = scene.order().await?;
    let tab = scene.tabs.open(&scene.url(&order, more)).await?;
    scene.tabs.shows(tab, "waiting", SOON).await?;
    tokio::time::sleep(Duration::from_millis(after_ms)).await;
    // By the page's clock, as the other end of it.
    let paid_at = scene.tabs.evaluate(tab, "Date.now()").await?.as_u64().ok_or("no clock")?;
    scene.desk.pay(&order.code_url).await?;
    scene.tabs.shows(tab, "paid", SOON).await?;
    let told_at = scene.tabs.evaluate(tab, "told[0].at(-1).at").await?;
    scene.tabs.close_tab(tab).await?;
    Ok(told_at.as_u64().ok_or("it was not told")?.saturating_sub(paid_at))
}
