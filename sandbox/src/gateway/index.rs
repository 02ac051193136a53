//! Which orders there are, in the order in which they were made and by their numbers.

use std::collections::BTreeSet;

use super::order::OrderKey;

/// The orders' keys, findable without walking over them.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Oldest first.
    made: Vec<OrderKey>,
    /// The order's number, then the merchant's.
    numbers: BTreeSet<(String, String)>,
}

impl Index {
    /// Takes a new order; each comes once.
    pub(super) fn insert(&mut self, key: &OrderKey) {
        self.made.push(key.clone());
        self.numbers.insert((key.out_trade_no.clone(), key.mch_id.clone()));
    }

    /// All, newest first.
    pub(super) fn newest(&self) -> impl Iterator<Item = &OrderKey> {
        self.made.iter().rev()
    }

    /// Those with this number, whoever's they are.
    pub(super) fn numbered(&self, out_trade_no: &str) -> impl Iterator<Item = OrderKey> {
        let first = (out_trade_no.to_owned(), String::new());
        let same = |(number, _): &&(String, String)| *number == out_trade_no;
        let found: Vec<_> = self.numbers.range(first..).take_while(same).collect();
        found.into_iter().map(|(out_trade_no, mch_id)| OrderKey {
            mch_id: mch_id.clone(),
            out_trade_no: out_trade_no.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_200_000_orders_each_is_found_and_the_newest_come_first() {
        let mut index = Index::default();
        let key = |at: usize| OrderKey {
            mch_id: if at.is_multiple_of(2) { "1" } else { "2" }.into(),
            out_trade_no: format!("N{:06}", at / 2),
        };
        for at in 0..200_000 {
            index.insert(&key(at));
            let newest: Vec<_> = index.newest().take(2).cloned().collect();
            assert_eq!(newest[0], key(at));
            assert_eq!(newest.len(), 2.min(at + 1));
        }
        for at in 0..100_000 {
            let found: Vec<_> = index.numbered(&key(2 * at).out_trade_no).collect();
            assert_eq!(found, [key(2 * at), key(2 * at + 1)]);
        }
        assert_eq!(index.numbered("N").next(), None, "a number is not the start of one");
    }
}
