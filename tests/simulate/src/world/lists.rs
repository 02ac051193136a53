//! What shops read: their refunds and their anomalies, and nobody else's.

use super::wrong::another_shop;
use super::{Event, World};
use crate::bus::Outcome;
use crate::verdict::cell;
use saoma_server::simulation::Base;
use std::collections::BTreeSet;

/// How often of a thousand looks at a paid order its shop reads its lists later.
const READS: u64 = 60;
/// Most anomalies in one answer.
const ANOMALIES_MAX: usize = 500;

impl World {
    pub(super) fn may_read_lists(&mut self, at: usize, phase: &str) {
        let is_paid = matches!(phase, "paid" | "shipped" | "refunding" | "refunded");
        if is_paid && self.pages.random.chance(READS) {
            let later = self.pages.random.pick(&[1, 2_000, 100_000, 900_000]);
            self.after(later, Event::ReadLists(at));
        }
    }

    /// The orders of this shop, or of all the others.
    fn orders_of(&self, shop: &str, is_its: bool) -> BTreeSet<String> {
        let customers = self.customers.iter().filter(|it| (it.who.shop == shop) == is_its);
        customers.filter_map(|customer| customer.order_id.clone()).collect()
    }

    /// Two shops ask for an order's refunds, and the one that sells it for its anomalies.
    pub(super) fn read_lists(&mut self, at: usize) {
        let Base::Memory(memory) = &self.base else { return };
        let customer = &self.customers[at];
        let Some(order_id) = customer.order_id.clone() else { return };
        let (its_shop, another) = (customer.who.shop, another_shop(&customer.who));
        let (own, others) = (self.orders_of(its_shop, true), self.orders_of(its_shop, false));
        let promised = self.judge.promised.iter().filter(|(_, it)| it.order_id == order_id);
        let promised: Vec<String> = promised.map(|(number, _)| number.clone()).collect();
        // What is there already.
        let rows = memory.anomalies().into_iter().filter(|row| own.contains(cell(row, "order_id")));
        let columns = ["order_id", "transaction_id", "kind"];
        let noticed: Vec<[String; 3]> =
            rows.map(|row| columns.map(|column| cell(&row, column).to_owned())).collect();
        let Some(node) = self.any_server() else { return };
        self.fault("shops read their lists");
        self.task(node, move |server| async move {
            let refunds = server.refunds(its_shop, &order_id).await;
            let not_its = server.refunds(another, &order_id).await;
            let anomalies = server.anomalies(its_shop).await.unwrap_or_else(|_| noticed.clone());
            let lacks = match &refunds {
                Ok(Some(refunds)) => promised.iter().any(|number| !refunds.contains(number)),
                Ok(None) => true,
                Err(_) => false,
            };
            let is_cut = anomalies.len() >= ANOMALIES_MAX;
            let is_short = !is_cut && noticed.iter().any(|it| !anomalies.contains(it));
            let wrong = [
                (matches!(not_its, Ok(Some(_))), "another shop's refunds"),
                (lacks, "refunds without one that was promised"),
                (anomalies.iter().any(|[whose, ..]| others.contains(whose)), "others' anomalies"),
                (is_short, "anomalies without one that was noticed"),
            ];
            let wrong = wrong.into_iter().find(|(is_wrong, _)| *is_wrong);
            let what = wrong.map_or("", |(_, what)| what);
            Outcome::Meddled { what: format!("{what}: {order_id}"), may_not: wrong.is_some() }
        });
    }
}
