//! Orders that a shop creates: each answer waits for the code, which the gateway is asked for in
//! between.

use crate::Scale;
use crate::place::{Kind, Place};
use crate::requests::{orders, unified_orders};
use crate::shop::Shop;
use crate::table::{Row, print_rows};
use std::rc::Rc;

/// Orders created over each number of lines, beside what the sandbox alone answers.
pub(crate) async fn measure(kind: Kind, scale: &Scale) {
    let mut place = Place::make(kind, &Shop::default().open().await).await;
    place.start_server().await;
    let [generator, server, postgres, sandbox] = place.families();
    let mut rows = Vec::new();
    for (lines, count) in scale.lines.into_iter().zip(scale.requests) {
        let prefix = format!("L{lines:02}");
        let asked = Rc::new(unified_orders(&place, &prefix, count));
        let families = [generator, 0, 0, sandbox];
        let to = place.sandbox_address();
        rows.push(Row::measure("the sandbox alone", to, families, &asked, lines, scale).await);
        let made = Rc::new(orders(&place, &prefix, count));
        let families = [generator, server, postgres, sandbox];
        rows.push(Row::measure("Saoma", place.address(), families, &made, lines, scale).await);
    }
    println!("\n### Orders created, {}\n", kind.name());
    let alone: Vec<u64> = rows.chunks(2).flat_map(|pair| [pair[0].per_s(); 2]).collect();
    print_rows("the sandbox alone", &rows, &alone);
    place.close().await;
}
