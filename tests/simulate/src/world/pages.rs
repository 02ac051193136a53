//! Pages that customers have open: a server tells them when their order changes, and knows them by
//! their token.

use super::World;
use super::servers::Node;
use crate::random::Random;
use saoma_server::simulation::{Changed, Follower};
use std::collections::{BTreeMap, BTreeSet};

/// How many of a thousand customers have one.
const OPEN: u64 = 250;
/// How often of a thousand looks a page shows its token.
const SHOWS: u64 = 100;

/// A page that follows its order at one server.
struct Page {
    life: u64,
    since_ms: u64,
    follower: Follower,
}

/// The pages that are open, and what their customers hold.
pub(super) struct Pages {
    /// By order.
    open: BTreeMap<String, Page>,
    tokens: BTreeMap<String, String>,
    pub(super) random: Random,
}

impl Pages {
    pub(super) fn new(seed: u64) -> Self {
        let random = Random::new(seed, "pages");
        Self { open: BTreeMap::new(), tokens: BTreeMap::new(), random }
    }
}

impl World {
    /// Some server that lives, for those who look or press a button.
    pub(super) fn any_server(&mut self) -> Option<usize> {
        let is_alive = |node: &usize| self.nodes[*node].server().is_some();
        let alive: Vec<usize> = (0..self.nodes.len()).filter(is_alive).collect();
        if alive.is_empty() { None } else { Some(self.pages.random.pick(&alive)) }
    }

    /// Some customers open a page as soon as there is an order.
    pub(super) fn opens_page(&mut self, at: usize) {
        if !self.pages.random.chance(OPEN) {
            return;
        }
        let Some(order_id) = self.customers[at].order_id.clone() else { return };
        let Some(node) = self.any_server() else { return };
        let Some(server) = self.nodes[node].server() else { return };
        if let Some(token) = server.token(&order_id) {
            self.pages.tokens.insert(order_id.clone(), token);
        }
        if let Some(follower) = server.follow(&order_id) {
            let page = Page { life: server.life(), since_ms: self.now_ms, follower };
            self.pages.open.insert(order_id, page);
        }
    }

    /// Whoever has committed a change of an order has told those who follow it there.
    pub(super) fn pages_hear(&mut self, changed: &[Changed]) {
        // Who does not know that it is committed tells nobody.
        if self.plan.trouble.commit_lost > 0 {
            return;
        }
        let mut heard = BTreeSet::new();
        for Changed { order_id, phase, life, .. } in changed {
            let Some(page) = self.pages.open.get_mut(order_id) else { continue };
            // It may have been committed at the same moment, before the page was open.
            let is_open = page.life == *life && page.since_ms < self.now_ms;
            let mut alive = self.nodes.iter().filter_map(Node::server);
            if is_open
                && alive.any(|server| server.life() == *life)
                && heard.insert(order_id)
                && !page.follower.has_news()
            {
                self.judge.violation(format!("{order_id} is {phase}, and its page is not told"));
            }
        }
    }

    /// Whichever server is asked knows a customer by the token, and nobody by another order's.
    pub(super) fn may_show_token(&mut self, order_id: &str) {
        if !self.pages.tokens.contains_key(order_id) || !self.pages.random.chance(SHOWS) {
            return;
        }
        let Some(node) = self.any_server() else { return };
        let Some(server) = self.nodes[node].server() else { return };
        let tokens = &self.pages.tokens;
        let its = tokens.get(order_id);
        let anothers = tokens.iter().find(|(whose, _)| *whose != order_id);
        let is_refused = its.is_some_and(|token| !server.is_token(order_id, token));
        if is_refused || anothers.is_some_and(|(_, token)| server.is_token(order_id, token)) {
            let what = format!("{order_id}: its own token or {anothers:?} is taken for the other");
            self.judge.violation(what);
        }
    }
}
