//! What can go wrong in a run: drawn by its seed, so that each run is wrong in its own way, and
//! some in many ways at once.

use crate::random::Random;
use saoma_server::UnknownPolicy;
use saoma_server::simulation::Trouble;

/// Midnight before 23 November 2026 in Beijing.
const MIDNIGHT_S: u64 = 1_795_363_200;

/// Kinds of trouble that can be left out, to find the one that matters.
pub(crate) const KINDS: [&str; 13] = [
    "notices", "network", "gateway", "forged", "clock", "database", "crash", "people", "amounts",
    "refunds", "machines", "nodes", "keys",
];

/// How the merchant changes its key while everything runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyChange {
    /// Not at all.
    No,
    /// Each server first gets the new key beside the old one; then it is set at WeChat's; then each
    /// server drops the old one.
    ByTheBook,
    /// It is set at WeChat's, and only then each server gets it in the place of the old one.
    ServersLate,
    /// The other way round.
    ServersEarly,
}

/// What goes wrong with the merchant's key.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) change: KeyChange,
    /// Somebody in the middle says that a good signature is wrong.
    pub(crate) sign_refused: u64,
}

/// Rarer things, in thousandths where nothing else is said.
#[derive(Clone, Debug)]
pub(crate) struct Odd {
    /// Whoever has paid looks at the page no more.
    pub(crate) closes_page: u64,
    /// Somebody gives back in the console what has just been paid.
    pub(crate) by_hand_at_once: u64,
    /// Somebody tries what may not be: with another's order, or with a number used before.
    pub(crate) meddles: u64,
    /// An operator changes his mind after he has let a refund go.
    pub(crate) second_thoughts: u64,
    /// A good answer, but to the question before.
    pub(crate) answer_mixed_up: u64,
    /// An answer that somebody has changed on its way.
    pub(crate) answer_altered: u64,
    /// Servers begin to sign new orders in the other way.
    pub(crate) sign_type_changes: bool,
    /// The gateway says that it will not do it now, and does nothing.
    pub(crate) not_now: u64,
    /// An order may be paid for longer than a code lives.
    pub(crate) lives_long: u64,
    /// A number is paid a third time.
    pub(crate) pays_thrice: u64,
    /// Another program closes each number of an order.
    pub(crate) closes_again: u64,
    /// A payment goes back in more parts than one answer of WeChat's holds.
    pub(crate) many_parts: u64,
    /// Both shops have the same number for an order of theirs.
    pub(crate) same_number: u64,
    /// A shop asks once more for an order that it has.
    pub(crate) orders_again: u64,
    /// A machine confirms what it has not claimed.
    pub(crate) confirms_unclaimed: u64,
    /// How long WeChat takes for a refund, in seconds.
    pub(crate) refund_after_s: i64,
    /// From when on, and until when, WeChat cannot be reached at all, in seconds.
    pub(crate) outage_s: (u64, u64),
    /// So many payments of numbers that nobody knows are in the bill alone.
    pub(crate) many_unknown: u64,
    /// What WeChat says of a number that is not paid is another word for it.
    pub(crate) other_words: u64,
    /// An order whose payment went back whole is said to be closed.
    pub(crate) closed_when_refunded: bool,
    /// From when on, and until when, no shop can be reached, in seconds.
    pub(crate) shops_out_s: (u64, u64),
    /// An operator gives something back.
    pub(crate) insists: u64,
    /// A server loses its power while it asks for a code or tells a shop.
    pub(crate) dies_calling: u64,
    /// WeChat takes no order of this merchant's under the first number.
    pub(crate) not_allowed: u64,
    /// WeChat says of a number that it is used, and of another one when it is asked for a newer
    /// code.
    pub(crate) used_numbers: u64,
    pub(crate) used_on_renewal: u64,
    /// WeChat names another sum than was asked for whenever it tells of a refund.
    pub(crate) other_sums: u64,
    /// Whoever has much time pays late, and nobody is notified of it.
    pub(crate) at_leisure: u64,
}

/// What goes wrong in a run, in thousandths where nothing else is said.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) orders: u64,
    pub(crate) nodes: usize,
    /// When the first order is made.
    pub(crate) starts_s: u64,
    /// How long after the last order faults go on, in seconds: longer than any order lives.
    pub(crate) faults_last_s: u64,
    pub(crate) hold: bool,
    /// What becomes of payments in a bill that nobody here knows.
    pub(crate) unknown: UnknownPolicy,
    pub(crate) hmac: bool,
    /// No payment is ever notified.
    pub(crate) all_notices_lost: bool,
    /// No payment of such a number is ever notified.
    pub(crate) never_told: u64,
    pub(crate) notice_lost: u64,
    pub(crate) notice_repeated: u64,
    pub(crate) notice_late: u64,
    pub(crate) ack_lost: u64,
    pub(crate) call_lost: u64,
    pub(crate) answer_lost: u64,
    pub(crate) call_slow: u64,
    pub(crate) gateway_fault: u64,
    pub(crate) forged: u64,
    pub(crate) skew_s: i64,
    pub(crate) clock_jumps: u64,
    pub(crate) trouble: Trouble,
    pub(crate) power_cuts: u64,
    /// The power goes while a bill is fetched and compared.
    pub(crate) bill_power_cuts: u64,
    /// Milliseconds between two orders, on average.
    pub(crate) gap_ms: u64,
    pub(crate) cancels: u64,
    pub(crate) walks_away: u64,
    pub(crate) pays_late: u64,
    pub(crate) pays_twice: u64,
    pub(crate) pays_after_end: u64,
    pub(crate) races: u64,
    pub(crate) other_amount: u64,
    pub(crate) other_currency: u64,
    pub(crate) coupons: u64,
    pub(crate) unknown_orders: u64,
    pub(crate) query_lags: u64,
    pub(crate) refunds: u64,
    pub(crate) refund_ends_badly: u64,
    /// Somebody gives back in WeChat's console, and tells nobody.
    pub(crate) by_hand: u64,
    pub(crate) machines: u64,
    pub(crate) shop_fails: u64,
    pub(crate) two_numbers: u64,
    pub(crate) pays_at_renewal: u64,
    pub(crate) odd: Odd,
    pub(crate) keys: Keys,
}

impl Plan {
    /// The plan of a seed, without these kinds of trouble.
    pub(crate) fn draw(seed: u64, orders: u64, without: &[&str]) -> Self {
        let mut plan = Self::any(seed, orders, without);
        if plan.odd.many_unknown > 0 {
            // While a bill is half compared, nobody knows how many they are.
            plan.bill_power_cuts *= 3;
        }
        // In some runs nothing is slow, and whoever waits can tell why.
        if Random::new(seed, "quiet").chance(80) {
            return plan.without_delays();
        }
        // In some others only servers delay something that lose their power in the middle of it.
        let may_die = !without.contains(&"crash") && !without.contains(&"nodes");
        if may_die && Random::new(seed, "only cuts").chance(45) {
            return plan.without_delays().with_cuts();
        }
        plan
    }

    fn any(seed: u64, orders: u64, without: &[&str]) -> Self {
        let random = &mut Random::new(seed, "plan");
        // Half of the runs know nothing of a kind of trouble.
        let with = |kind: &str, random: &mut Random| {
            let with = random.chance(500);
            with && !without.contains(&kind)
        };
        let nodes = random.between(1, 3);
        let nodes = if without.contains(&"nodes") { 1 } else { nodes };
        let (hold, hmac) = (random.chance(200), random.chance(600));
        let all_notices_lost = random.chance(50) && !without.contains(&"notices");
        let notices = with("notices", random);
        let network = with("network", random);
        let gateway = with("gateway", random);
        let clock = with("clock", random);
        let database = with("database", random);
        let crash = with("crash", random);
        let refunds = with("refunds", random);
        let trouble = trouble(random, nodes, database, crash);
        let people = !without.contains(&"people");
        let amounts = with("amounts", random);
        let forged = with("forged", random);
        let (starts_s, faults_last_s, unknown) = days(seed);
        Self {
            orders,
            nodes: usize::try_from(nodes).unwrap_or(1),
            starts_s,
            faults_last_s,
            hold,
            unknown,
            hmac,
            all_notices_lost,
            notice_lost: upto(random, notices, 300),
            notice_repeated: upto(random, notices, 200),
            notice_late: upto(random, notices, 200),
            ack_lost: upto(random, notices, 200),
            call_lost: upto(random, network, 150),
            answer_lost: upto(random, network, 150),
            call_slow: upto(random, network, 100),
            gateway_fault: upto(random, gateway, 200),
            forged: upto(random, forged, 300),
            skew_s: if clock { skew(random) } else { 0 },
            clock_jumps: upto(random, clock, 3),
            trouble,
            power_cuts: upto(random, crash, 6),
            bill_power_cuts: if crash { 200 } else { 0 },
            gap_ms: random.pick(&[20, 400, 3_000, 20_000]),
            cancels: upto(random, people, 150),
            walks_away: upto(random, people, 200),
            pays_late: upto(random, people, 150),
            pays_twice: upto(random, people, 150),
            pays_after_end: upto(random, people, 200),
            races: upto(random, people, 100),
            other_amount: upto(random, amounts, 100),
            other_currency: upto(random, amounts, 60),
            coupons: upto(random, people, 100),
            unknown_orders: upto(random, people && amounts, 60),
            query_lags: upto(random, people, 50),
            refunds: upto(random, refunds, 400),
            refund_ends_badly: upto(random, refunds, 300),
            machines: machines(random, without),
            shop_fails: upto(random, network, 400),
            two_numbers: upto(random, people, 60),
            pays_at_renewal: upto(random, people, 60),
            never_told: upto(random, notices, 100),
            by_hand: upto(random, refunds, 60),
            odd: odd(seed, without, [people, refunds, gateway, forged, network]),
            keys: keys(seed, without),
        }
    }

    /// The same without whatever may delay something.
    fn without_delays(self) -> Self {
        let odd =
            Odd { answer_mixed_up: 0, answer_altered: 0, not_now: 0, outage_s: (0, 0), ..self.odd };
        // What has to be soon is only judged here.
        let not_allowed = odd.not_allowed * 4;
        let odd = Odd { shops_out_s: (0, 0), used_on_renewal: 0, not_allowed, ..odd };
        Self {
            call_lost: 0,
            answer_lost: 0,
            call_slow: 0,
            gateway_fault: 0,
            skew_s: 0,
            clock_jumps: 0,
            trouble: Trouble { pause: self.trouble.pause, ..Trouble::default() },
            power_cuts: 0,
            bill_power_cuts: 0,
            shop_fails: 0,
            query_lags: 0,
            keys: Keys { change: KeyChange::No, sign_refused: 0 },
            odd: Odd { sign_type_changes: false, ..odd },
            ..self
        }
    }
}

impl Plan {
    /// The same with two servers, which lose their power over calls: what one leaves behind the
    /// other one takes up.
    fn with_cuts(self) -> Self {
        Self { nodes: 2, odd: Odd { dies_calling: 30, ..self.odd }, ..self }
    }

    /// Nothing delays what is due but a server that dies, and then not for long.
    pub(crate) fn is_prompt(&self) -> bool {
        let odd = Odd { dies_calling: 0, ..self.odd };
        Self { odd, ..self.clone() }.is_quiet()
    }
}

/// When a run begins, how long its faults last, and what becomes of payments that nobody knows.
///
/// Some runs begin before midnight, or before the bill of the day before is there, and the faults
/// of some last until one bill or two were made.
fn days(seed: u64) -> (u64, u64, UnknownPolicy) {
    let random = &mut Random::new(seed, "days");
    let evening = 19 * 3_600 + 26 * 60;
    let any = random.below(86_400);
    let of_day = random.pick(&[evening, evening, any, 23 * 3_600 + 58 * 60, 9 * 3_600 + 50 * 60]);
    let lasts = random.pick(&[10_000, 10_000, 10_000, 50_000, 110_000, 200_000]);
    let unknown =
        [UnknownPolicy::Ours, UnknownPolicy::Ours, UnknownPolicy::All, UnknownPolicy::Hold];
    (MIDNIGHT_S + of_day, lasts, random.pick(&unknown))
}

/// The rarer things of the kinds of trouble that the run has.
fn odd(seed: u64, without: &[&str], [people, refunds, gateway, forged, network]: [bool; 5]) -> Odd {
    let more = &mut Random::new(seed, "more");
    Odd {
        closes_page: upto(more, people, 400),
        by_hand_at_once: upto(more, refunds, 90),
        meddles: upto(more, people, 100),
        second_thoughts: upto(more, people, 500),
        answer_mixed_up: upto(more, gateway, 30),
        answer_altered: upto(more, forged, 30),
        sign_type_changes: more.chance(250) && !without.contains(&"keys"),
        not_now: upto(more, gateway, 100),
        lives_long: upto(more, people, 200),
        pays_thrice: upto(more, people, 300),
        closes_again: upto(more, people, 500),
        many_parts: upto(more, refunds, 20),
        same_number: upto(more, people, 100),
        orders_again: upto(more, people, 100),
        confirms_unclaimed: upto(more, people, 200),
        refund_after_s: match more.pick(&[5, 5, 400, 30_000, 100_000]) {
            after_s if refunds => after_s,
            _ => 5,
        },
        outage_s: match more.chance(250) && gateway {
            true => outage(more),
            false => (0, 0),
        },
        many_unknown: if more.chance(300) && people { many_unknown(seed) } else { 0 },
        other_words: upto(&mut Random::new(seed, "words"), gateway, 300),
        closed_when_refunded: Random::new(seed, "closed").chance(300),
        shops_out_s: shops_out(seed, network),
        insists: upto(&mut Random::new(seed, "insists"), refunds, 60),
        dies_calling: 0,
        not_allowed: upto(&mut Random::new(seed, "not allowed"), people, 12),
        used_numbers: upto(&mut Random::new(seed, "used"), gateway, 30),
        used_on_renewal: upto(&mut Random::new(seed, "used on renewal"), gateway, 150),
        other_sums: upto(&mut Random::new(seed, "other sums"), gateway, 40),
        at_leisure: upto(&mut Random::new(seed, "at leisure"), people, 600),
    }
}

/// Around ten: so many at most go back by themselves.
fn many_unknown(seed: u64) -> u64 {
    Random::new(seed, "many unknown").pick(&[9, 10, 10, 11, 12, 14])
}

/// Hours, and more tries than anybody would give up after.
fn shops_out(seed: u64, network: bool) -> (u64, u64) {
    let random = &mut Random::new(seed, "shops");
    let from_s = random.below(1_800);
    let until_s = from_s + random.between(4 * 3_600, 10 * 3_600);
    if network && random.chance(250) { (from_s, until_s) } else { (0, 0) }
}

/// Not so long that a payment would not be known within an hour and a half.
fn outage(random: &mut Random) -> (u64, u64) {
    // Some while codes are renewed.
    let from_s = random.pick(&[0, 6_000]) + random.below(1_800);
    (from_s, from_s + random.between(600, 1_500))
}

/// How the key changes, and how often somebody says that it has.
fn keys(seed: u64, without: &[&str]) -> Keys {
    let random = &mut Random::new(seed, "keys");
    if without.contains(&"keys") || random.chance(500) {
        return Keys { change: KeyChange::No, sign_refused: 0 };
    }
    let ways = [KeyChange::ByTheBook, KeyChange::ServersLate, KeyChange::ServersEarly];
    Keys { change: random.pick(&ways), sign_refused: upto(random, true, 100) }
}

impl Plan {
    /// Whether all servers' clocks are right.
    pub(crate) const fn right_clocks(&self) -> bool {
        self.skew_s == 0 && self.clock_jumps == 0
    }

    /// Whether servers always hold a key that counts.
    pub(crate) const fn right_keys(&self) -> bool {
        matches!(self.keys.change, KeyChange::No | KeyChange::ByTheBook)
    }

    /// Nothing delays what is due: no call, no server, no database and no clock.
    pub(crate) fn is_quiet(&self) -> bool {
        let odd = &self.odd;
        let lost = self.call_lost + self.answer_lost + self.call_slow + self.shop_fails;
        let faults = self.gateway_fault + self.query_lags + self.power_cuts + self.bill_power_cuts;
        let out = odd.outage_s.1 + odd.shops_out_s.1;
        let answers = odd.answer_mixed_up + odd.answer_altered + odd.not_now + out;
        lost + faults + answers + self.keys.sign_refused == 0
            && self.right_clocks()
            && self.goes_on()
    }

    /// No server dies or is started again, and no database fails.
    pub(crate) fn goes_on(&self) -> bool {
        let trouble = Trouble { pause: 0, ..self.trouble };
        trouble == Trouble::default()
            && self.power_cuts + self.bill_power_cuts + self.odd.dies_calling == 0
            && self.keys.change == KeyChange::No
            && !self.odd.sign_type_changes
    }

    /// Both.
    pub(crate) const fn is_right(&self) -> bool {
        self.right_clocks() && self.right_keys()
    }
}

/// How often something happens, if its kind is there at all.
fn upto(random: &mut Random, with: bool, most: u64) -> u64 {
    let drawn = random.below(most + 1);
    if with { drawn } else { 0 }
}

fn machines(random: &mut Random, without: &[&str]) -> u64 {
    if without.contains(&"machines") { 0 } else { random.pick(&[0, 0, 200, 500]) }
}

fn trouble(random: &mut Random, nodes: u64, database: bool, crash: bool) -> Trouble {
    Trouble {
        busy: million(upto(random, database, 10)),
        full: million(upto(random, database, 5)),
        commit_fails: million(upto(random, database, 10)),
        commit_lost: million(upto(random, database, 10)),
        crash: million(upto(random, crash, 3)) / 4,
        pause: if nodes > 1 { million(random.between(1, 100)) } else { 0 },
    }
}

/// Thousandths as millionths.
fn million(per_mille: u64) -> u32 {
    u32::try_from(per_mille * 1000).unwrap_or(0)
}

/// How wrong a clock is: seconds, minutes or a day, either way.
fn skew(random: &mut Random) -> i64 {
    let most = random.pick(&[5_u64, 90, 600, 7_200, 86_400]);
    let by = i64::try_from(random.below(most + 1)).unwrap_or(0);
    if random.chance(500) { by } else { -by }
}
