//! Months leave, whole and only when nothing can happen in them any more; on either database.

use super::*;
use crate::service::Outcome;
use crate::store::Lane;
use crate::testing::{PRICE, Shop, alter};
use saoma_core::ids::OrderId;
use saoma_core::order::Event;

/// Months after the tests' month, November 2026.
pub(super) fn later(shop: &Shop, months: u64) {
    shop.clock.advance(months * 30 * 86_400 + months * 43_200);
}

/// An order that is shipped and has nothing left to do.
pub(crate) async fn at_rest(
    shop: &mut Shop,
    order_no: &str,
    transaction_id: &str,
) -> (OrderId, Vec<u8>) {
    let (order_id, number) = shop.order(order_no).await;
    let placing = shop.at_once.recv().await.unwrap();
    let code_url = "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz".try_into().unwrap();
    let placed = Outcome::Event(Event::Placed { attempt: 0, code_url });
    shop.service.settle(placing, placed).await.unwrap();
    let notice = shop.notice(&number, transaction_id, PRICE);
    shop.service.notify(&notice).await.unwrap();
    let mut ships = shop.service.claim(Lane::Shop, 1).await.unwrap();
    shop.service.settle(ships.remove(0), Outcome::Event(Event::Shipped)).await.unwrap();
    (order_id, notice)
}

/// An order is made and its payment kept, whatever else goes on.
pub(super) async fn sell(shop: &Shop, no: usize) -> OrderId {
    let (order_id, number) = shop.order(&format!("T-{no}")).await;
    let notice = shop.notice(&number, &format!("42000099992028012300{no:08}"), PRICE);
    shop.service.notify(&notice).await.unwrap();
    order_id
}

pub(super) async fn run(shop: &Shop, before: &str) -> Result<Vec<Archived>, ArchiveError> {
    let before = Month::parse(before).unwrap();
    archive(&shop.database, before, shop.service.context.clock.now()).await
}

const COUNTS: &str = "select (select count(*) from orders) || ' ' || (select count(*) from attempt)
    || ' ' || (select count(*) from message) || ' ' || (select count(*) from outbox) || ' '
    || (select count(*) from history where kind <> 'note') || ' ' || (select count(*) from payment)
    || ' ' || (select count(*) from order_number)";

#[tokio::test]
async fn an_old_month_leaves_and_what_makes_repetitions_harmless_stays() {
    let mut shop = Shop::open().await;
    let (order_id, notice) = at_rest(&mut shop, "A-1", "4200009999202611230000000001").await;
    later(&shop, 14);
    let (young, _) = at_rest(&mut shop, "A-2", "4200009999202611230000000002").await;
    let counted = shop.rows(COUNTS).await;
    let moved = run(&shop, "2026-12").await.unwrap();
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert_eq!((moved[0].month.to_string().as_str(), moved[0].orders), ("202611", 1));
    assert_eq!(shop.rows("select order_id from orders").await, [young.as_str()]);
    assert_eq!(shop.rows("select count(*) from payment").await, ["2"]);
    assert_ne!(shop.rows(COUNTS).await, counted);

    // The same notification again, and the same number, are known for ever.
    let before = shop.rows("select key, state from outbox order by key").await;
    shop.service.notify(&notice).await.unwrap();
    assert_eq!(shop.rows("select key, state from outbox order by key").await, before);
    assert!(shop.rows("select kind from anomaly").await.is_empty());
    let new = crate::service::NewOrder::new("A-1", PRICE, "Saoma Cafe - Latte", 900).unwrap();
    let again = shop.service.create(&crate::testing::only_shop(), &new).await;
    assert!(matches!(again, Err(crate::service::CreateError::OrderNoTaken)), "{again:?}");

    // It is where the command says.
    let found = match &shop.database {
        Database::Sqlite(path) => {
            let file = path.with_extension("archive-202611.db");
            let store = Store::open_as_it_is(&Database::Sqlite(file)).await;
            assert!(matches!(store, Err(OpenError::OtherVersion)), "an archive is no database");
            let attach = format!(
                "attach '{}' as archive",
                path.with_extension("archive-202611.db").display()
            );
            let mut conn = shop.service.store.writer().await.unwrap();
            conn.execute(AssertSqlSafe(attach), vec![]).await.unwrap();
            conn.fetch("select order_id from archive.orders", vec![]).await.unwrap()
        }
        Database::Postgres(_) => {
            let mut conn = shop.service.store.reader().await.unwrap();
            conn.fetch("select order_id from archive.orders_202611", vec![]).await.unwrap()
        }
    };
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].text("order_id").unwrap(), order_id.as_str());
    assert!(run(&shop, "2026-12").await.unwrap().is_empty(), "twice is the same as once");
}

#[tokio::test]
async fn goods_that_nobody_fetched_keep_no_month_once_their_money_is_back() {
    for state in ["unfetched", "unconfirmed"] {
        let mut shop = Shop::open().await;
        at_rest(&mut shop, "A-1", "4200009999202611230000000001").await;
        later(&shop, 14);
        let store = &shop.service.store;
        alter(store, &format!("update outbox set state = '{state}' where kind = 'ship'")).await;
        alter(store, "update orders set phase = 'paid'").await;
        assert!(matches!(run(&shop, "2026-12").await, Err(ArchiveError::NotAtRest(_))), "{state}");
        alter(store, "update orders set phase = 'refunded'").await;
        assert_eq!(run(&shop, "2026-12").await.unwrap().len(), 1, "{state}");
    }
}

#[tokio::test]
async fn a_young_month_stays() {
    let shop = Shop::open().await;
    let refused = run(&shop, "2025-11").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "a payment can be refunded for a year: at the latest --before 2025-10"
    );
    assert!(run(&shop, "2025-10").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_month_with_an_order_that_is_not_at_its_end_stays_whole() {
    let mut shop = Shop::open().await;
    at_rest(&mut shop, "A-1", "4200009999202611230000000001").await;
    let (open, _) = shop.order("A-2").await;
    later(&shop, 14);
    let counted = shop.rows(COUNTS).await;
    let refused = run(&shop, "2026-12").await.unwrap_err().to_string();
    assert!(refused.contains(&format!("{open} is placing")), "{refused}");
    assert!(refused.contains(&format!("{open} has place-{open}-1, leased")), "{refused}");
    assert_eq!(shop.rows(COUNTS).await, counted);
}

#[tokio::test]
async fn a_dead_letter_and_a_refund_under_way_keep_their_month() {
    let mut shop = Shop::open().await;
    let (order_id, _) = at_rest(&mut shop, "A-1", "4200009999202611230000000001").await;
    later(&shop, 14);
    alter(&shop.service.store, "update outbox set state = 'dead' where kind = 'ship'").await;
    let refused = run(&shop, "2026-12").await.unwrap_err().to_string();
    assert!(refused.contains(&format!("{order_id} has ship-{order_id}, dead")), "{refused}");
    alter(&shop.service.store, "update outbox set state = 'done'").await;
    alter(
        &shop.service.store,
        &format!(
            "insert into refund (out_refund_no, mch_id, app_id, order_id, refund_index, \
             transaction_id, out_trade_no, total_fen, part_fen, asked_by, reason, sign_type, \
             request, state, created_at, updated_at) values ('{order_id}-R0', '1900000109', 'wx', \
             '{order_id}', 0, '4200', '{order_id}-1', 1800, 1800, 'shop', '', 'MD5', '', \
             'accepted', 1, 1)"
        ),
    )
    .await;
    for state in ["accepted", "failed"] {
        alter(&shop.service.store, &format!("update refund set state = '{state}'")).await;
        let refused = run(&shop, "2026-12").await.unwrap_err().to_string();
        let named = format!("{order_id} has refund {order_id}-R0, {state}");
        assert!(refused.contains(&named), "{refused}");
    }
    alter(&shop.service.store, "update refund set state = 'done'").await;
    assert_eq!(run(&shop, "2026-12").await.unwrap().len(), 1);
}

#[tokio::test]
async fn orders_are_made_and_paid_while_a_month_leaves() {
    let mut shop = Shop::open().await;
    for no in 0..5 {
        at_rest(&mut shop, &format!("A-{no}"), &format!("420000999920261123000000000{no}")).await;
    }
    later(&shop, 14);
    let is_over = std::cell::Cell::new(false);
    let leaving = async {
        let moved = run(&shop, "2026-12").await.unwrap();
        is_over.set(true);
        moved
    };
    // Several at a time, so that somebody writes at every moment.
    let trading = futures_util::future::join_all((0..4).map(async |lane| {
        let mut made = Vec::new();
        while made.len() < 5 || !is_over.get() {
            made.push(sell(&shop, lane + 4 * made.len()).await.to_string());
        }
        made
    }));
    let (moved, made) = tokio::join!(leaving, trading);
    let mut made = made.concat();
    made.sort_unstable();
    assert_eq!(moved.iter().map(|month| month.orders).sum::<u64>(), 5, "{moved:?}");
    assert_eq!(shop.rows("select order_id from orders order by order_id").await, made);
    let ships = "select order_id from outbox where kind = 'ship' order by order_id";
    assert_eq!(shop.rows(ships).await, made);
    let payments = "select count(*) from payment where verdict = 'ship'";
    assert_eq!(shop.rows(payments).await, [(5 + made.len()).to_string()]);
}

#[tokio::test]
async fn who_is_never_let_in_tries_twenty_times_and_says_so() {
    let mut tries = 0;
    let ended = patiently(async || {
        tries += 1;
        Err::<(), ArchiveError>(StoreError::Stale.into())
    });
    assert!(matches!(ended.await, Err(ArchiveError::Busy)));
    assert_eq!(tries, 20);
    // What waiting does not mend is said at once.
    let mut tries = 0;
    let ended = patiently(async || {
        tries += 1;
        Err::<(), ArchiveError>(ArchiveError::NotAtRest(vec![]))
    });
    assert!(matches!(ended.await, Err(ArchiveError::NotAtRest(_))));
    assert_eq!(tries, 1);
}
