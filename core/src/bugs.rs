//! Bugs that can be planted, to see that the simulation finds them (`tests/simulate`).
//!
//! A place that asks `planted!("name")` is told `false` for ever in whatever is shipped: only with
//! the feature `simulation` can somebody switch a bug on, one for the whole process. A name that is
//! not in [`BUGS`] does not compile.

#[cfg(feature = "simulation")]
use core::sync::atomic::{AtomicUsize, Ordering};

/// Each bug and what it does.
pub const BUGS: [(&str, &str); 226] = [
    ("skip-amount-check", "a payment of another amount ships"),
    ("skip-currency-check", "a payment in another currency ships"),
    ("ship-after-close", "a payment after the order was closed ships"),
    ("ship-after-cancel", "a payment after the order was given up ships"),
    ("ship-twice", "a second payment of an order ships as well"),
    ("close-wins-over-pay", "a payment that comes while the order closes is forgotten"),
    ("forget-second-payment", "a second payment of an order is not given back"),
    ("refund-too-little", "what may not be kept goes back but for one fen"),
    ("refund-after-closed-forgotten", "after WeChat closed a refund nobody asks for another"),
    (
        "refund-ignores-what-goes-back",
        "what goes back already is not counted against what was captured",
    ),
    ("ship-after-refund", "goods go out although their payment has begun to go back"),
    ("dispense-after-refund", "a machine may hand out although the payment has begun to go back"),
    (
        "cancel-after-end-forgotten",
        "a payment ships that comes after the order was given up while it ran out",
    ),
    ("cancel-after-pay", "a paid order can be given up"),
    ("late-code-reopens", "a code that comes late opens a paid order again"),
    ("says-paid-ignored", "WeChat's word that a number is paid is not asked about"),
    (
        "payment-of-another-attempt",
        "a payment counts for the current attempt, whatever it was made for",
    ),
    ("conflict-not-reported", "a second transaction of a number is taken for the first one"),
    ("code-after-end", "the code is shown as long as there is one"),
    ("accept-any-signature", "a wrong signature is good"),
    ("only-first-key", "of two keys of the merchant only the first one counts"),
    ("wrong-key-is-the-end", "a refund is given up because the key was wrong"),
    ("acknowledge-failed-commit", "a notification is acknowledged although nothing could be kept"),
    ("one-message-a-number", "a number's second message is taken for a repetition"),
    ("query-forgets-payment", "a query that tells of a payment says that there is none"),
    ("unknown-payment-kept", "a payment for a number of nobody's is not given back"),
    ("new-refund-number-on-retry", "an unknown outcome of a refund makes another number"),
    ("refund-done-on-accept", "an accepted refund counts as done"),
    ("accepted-in-any-sum", "a refund counts as accepted although WeChat names another sum"),
    ("done-in-any-sum", "a refund counts as done although WeChat names another sum"),
    ("refund-unsure-is-failed", "an unknown outcome of a refund counts as a failure"),
    ("refund-no-not-looked-up", "a shop's refund that is asked for again is made again"),
    ("refund-while-dispensing", "a refund is begun while a machine hands the goods out"),
    ("unclaimed-is-dispensing", "a machine's refund is refused before anybody claims the goods"),
    ("always-in-doubt", "a shop's refund is refused as if WeChat were being asked for ever"),
    ("hold-ignored", "what is to wait for a person goes back at once"),
    ("dismissed-is-sent", "a refund that a person has decided against is made all the same"),
    ("entries-of-batch-lost", "of a transaction only the first effect is kept"),
    ("failure-is-the-end", "what has failed once is not tried again"),
    ("ship-told-nobody", "a webhook that has failed once counts as confirmed"),
    ("lease-for-ever", "what was begun by a server that died is never taken up"),
    ("ship-id-new-on-retry", "the shop is told another ship id with each try"),
    ("ship-id-new-on-claim", "a machine is told another ship id with each claim"),
    ("request-changed-on-retry", "a unified order is sent again with another text"),
    ("shop-as-goods", "a customer reads the shop's name in the place of the goods"),
    ("refund-notice-as-payment", "WeChat is to tell of refunds where it tells of payments"),
    ("lost-update", "an order changed by somebody else is not written, and nobody notices"),
    ("commit-failure-is-success", "a transaction that could not be committed counts as committed"),
    ("order-no-twice", "two orders get the same number of the shop's"),
    ("batch-forgets-earlier", "a verb of a transaction does not see what an earlier one decided"),
    ("never-due", "an order that was changed is not looked at by time any more"),
    ("claim-forgotten", "goods that were claimed before look as if nobody had claimed them"),
    ("more-than-the-price-ships", "a payment of more than the price ships"),
    ("by-hand-refund-ships", "goods go out for what WeChat says was given back by hand"),
    ("in-time-goes-back", "what was paid in time goes back because it is heard of after the end"),
    ("wrong-anomaly", "a second payment is told to a person as one after the end"),
    ("close-at-once", "a number is closed within five minutes after it was made"),
    ("expiry-closes-nothing", "an order that has run out is over, and its number stays open"),
    ("cancel-closes-nothing", "an order that is given up is over, and its number stays open"),
    ("code-of-closed-number", "a number that is over keeps its code"),
    ("late-code-reopens-closing", "a code that comes late opens an order again that is given up"),
    ("conflict-goes-back", "after a second transaction of a number the first one goes back"),
    ("no-questions-by-time", "WeChat is not asked by time whether a number is paid"),
    (
        "refunds-of-other-attempts-count",
        "what goes back of one payment counts against the order's others",
    ),
    ("closed-refund-counts", "a refund that came to nothing counts as money that goes back"),
    ("shops-closed-refund-again", "a shop's refund that WeChat has closed is made again, whole"),
    (
        "by-hand-closed-forgotten",
        "nothing follows when WeChat closes what somebody gave back by hand",
    ),
    ("by-hand-refund-forgotten", "what somebody gave back by hand does not count"),
    ("by-hand-told-nobody", "goods stay because of a refund by hand, and nobody is told"),
    ("by-hand-shows-early", "what somebody gives back by hand shows as money that is back"),
    ("shipped-before-yes", "a paid order shows as shipped before the shop has said yes"),
    ("refunded-too-early", "what is asked back shows as money that is back"),
    ("nobody-is-told", "what may not be kept goes back, and nobody is told why"),
    ("alarm-names-price", "a person is told of a payment as if it had been the price"),
    ("alarm-stays-due", "an alarm says that money is to go back when it is back"),
    ("query-key-reused", "a number's second question has the key of the first one"),
    ("any-device-claims", "a machine may claim the goods of another one"),
    ("any-shop-claims", "a machine may claim the goods of another shop's of the same name"),
    ("any-shop-refunds", "a shop may give back what another one sold"),
    ("any-shop-reads-refunds", "a shop reads the refunds of what another one sold"),
    ("order-no-other-price", "a shop's number with another price is taken for the same order"),
    ("order-no-other-device", "a machine's number is taken for the same order by another machine"),
    ("order-no-other-goods", "a shop's number with other goods is taken for the same order"),
    ("order-no-other-time", "a shop's number with another time to pay is taken for the same order"),
    (
        "refund-no-other-amount",
        "a refund's number with another amount is taken for the same refund",
    ),
    (
        "refund-no-other-reason",
        "a refund's number with another reason is taken for the same refund",
    ),
    (
        "refund-of-unnamed-payment",
        "an operator names a payment, and the one that is kept goes back",
    ),
    ("nobody-may-insist", "an operator may not give back what a machine is handing out"),
    ("refund-of-nothing", "a refund of 0 fen is not refused for what it says"),
    (
        "refund-of-first-payment",
        "a shop's refund goes from the first payment and not from the one that is kept",
    ),
    ("given-up-after-three", "what has failed three times is not tried again"),
    ("refund-total-is-part", "a refund in part says that its part was all that was paid"),
    (
        "hold-not-for-unknown",
        "what waits for a person goes back at once where nobody knows its number",
    ),
    (
        "closed-number-again",
        "after WeChat closed a refund of nobody's payment it is sent under the same number",
    ),
    ("decided-twice", "a person may decide on a refund that is under way or over"),
    ("both-decide", "of two people who decide at once on a refund both have their way"),
    ("released-not-woken", "a refund that a person lets go is not taken up"),
    ("own-refund-as-by-hand", "a refund of ours counts once more as made by hand"),
    (
        "sign-type-of-today",
        "a notification is verified as new orders are signed, not as its own was",
    ),
    (
        "sign-type-of-today-as-well",
        "a notification counts that is signed as new orders are, and its own was not",
    ),
    ("sign-compared-in-part", "the last digits of a signature may be any"),
    ("late-goods-not-looked-at", "nobody looks which goods nobody has fetched or confirmed"),
    ("late-goods-not-waited-for", "whoever keeps time sleeps although goods are about to be late"),
    ("late-goods-told-nobody", "nobody is told of goods that nobody has fetched or confirmed"),
    ("fetched-and-told-late", "a person is told that nobody fetched goods that were fetched"),
    ("confirmed-and-told-late", "a person is told that nobody confirmed goods that were confirmed"),
    ("paid-on-close-is-closed", "WeChat's no to a close, because it is paid, counts as closed"),
    (
        "paid-on-place-is-over",
        "a number that is paid already when it is placed again gets a successor",
    ),
    ("busy-is-the-end", "an order fails because WeChat was busy"),
    ("close-unanswered-is-closed", "a close without an answer counts as closed"),
    ("bill-asked-once", "what differs is not asked about again when WeChat did not answer"),
    ("bill-a-day-late", "a day's bill is asked for a day after it was there"),
    ("bill-at-midnight", "a day's bill is asked for before it is there"),
    ("bill-first-page-only", "of a day's records only the first page is compared with the bill"),
    ("bill-first-batch-only", "of a bill only the first lines are compared with the records"),
    ("bill-all-numbers-ours", "money of another program's goes back because the bill has it"),
    (
        "bill-hold-ignored",
        "what the configuration leaves to a person goes back because the bill has it",
    ),
    (
        "later-number-lasts-longer",
        "an order's later number may be paid for as long as the first one",
    ),
    ("expiry-a-minute-early", "an order runs out a minute before its end"),
    ("code-never-renewed", "a code is not renewed when it grows too old"),
    ("dead-code-shown", "a code is shown that is older than WeChat takes it"),
    ("two-numbers-at-most", "an order fails when its second number is over"),
    ("not-found-is-over", "an order ends when WeChat does not know its number yet"),
    ("third-payment-forgotten", "a number's third payment is taken for its second one"),
    (
        "by-hand-counts-twice",
        "what was given back by hand counts again each time that WeChat tells it",
    ),
    ("dropped-shows-refunding", "what a person has decided against shows as money that goes back"),
    ("part-back-shows-refunding", "a part of a payment that goes back shows as all of it"),
    ("place-after-end", "a number is placed although its order is over"),
    ("other-shops-order-no", "a number that another shop has used is taken"),
    ("repeat-refused", "an order that is asked for again is refused once it has its code"),
    ("lost-update-alone", "an order that is written alone is written whoever has changed it"),
    ("lease-stolen", "what somebody is at is taken by somebody else"),
    ("not-enough-is-the-end", "a refund is given up because the merchant's balance was empty"),
    ("unanswered-place-is-over", "a number gets a successor because WeChat did not answer"),
    ("slower-is-the-end", "an order fails because WeChat wanted to be asked more slowly"),
    ("refund-not-there-is-failed", "a refund that never arrived is given up"),
    ("change-is-done", "a refund that ended with CHANGE counts as done"),
    ("accepted-is-forgotten", "nobody looks at a refund any more once WeChat has accepted it"),
    ("accepted-anew", "a refund counts as accepted when it was last looked at"),
    ("refund-gap-ignored", "a payment's next refund is sent at once after the one before"),
    ("put-off-is-at-once", "a refund is sent again at once although WeChat wants it later"),
    ("refund-gap-of-fifty", "a payment's next refund is sent fifty seconds after the one before"),
    ("hold-for-shops-too", "a shop's refund waits for a person as well"),
    ("foreign-goes-back-in-yuan", "what was paid in another currency is asked back in yuan"),
    ("second-is-sent", "a number's second payment goes back without a person"),
    ("dead-after-five", "a shop that fails five times is not told any more"),
    ("refund-notice-believed", "a notification that a refund is done is believed without asking"),
    (
        "refund-notice-asks-nothing",
        "WeChat's word on a refund of ours is no reason to ask about it",
    ),
    (
        "by-hand-notice-asks-nothing",
        "WeChat's word on a refund by hand is no reason to ask about it",
    ),
    (
        "told-back-ships",
        "goods go out for what WeChat has told of as going back before it was known",
    ),
    ("confirmed-unclaimed", "a machine may confirm what it has never claimed"),
    ("webhook-signs-no-time", "a webhook's signature leaves its time out"),
    ("webhook-time-of-payment", "a webhook is signed with the time of the payment and not of now"),
    ("view-other-end", "a customer is shown another end than WeChat was told"),
    ("gateway-bell-forgotten", "nobody is woken for what WeChat is to be asked"),
    ("shop-bell-forgotten", "nobody is woken for what a shop is to be told"),
    ("time-bell-forgotten", "nobody is woken for what time is to do"),
    ("followers-not-told", "whoever follows an order is not told that it has changed"),
    ("token-key-is-fresh", "each server has tokens of its own"),
    ("token-of-any-order", "an order's token is any other one's as well"),
    ("told-uncommitted", "whoever must know is told of what could not be committed"),
    ("at-once-forgotten", "what its writer has leased is not performed at once"),
    ("retry-bells-forgotten", "nobody is woken for what an operator has tried at once"),
    ("ask-bell-forgotten", "nobody is woken for what an operator has WeChat asked"),
    ("retry-always-says-yes", "an operator is told that what is over is tried again"),
    ("seen-to-is-conflict", "whatever an operator has seen to, a conflict is over"),
    ("ask-hurries-nothing", "a question that waits goes on waiting when an operator asks"),
    ("second-key-never-signs", "of two keys only the first one ever signs"),
    ("bill-unknown-any-count", "however many payments of a day nobody knows, all go back"),
    ("held-ends-as-refunded", "a difference whose refund waits for a person ends as given back"),
    ("bill-refund-without-coupons", "a bill's refund counts without its coupons"),
    ("look-asks-nothing", "whoever looks at an open order has nobody asked whether it is paid"),
    ("asked-after-half-an-hour", "WeChat is not asked by time before half an hour is over"),
    ("paid-at-is-made-at", "a shop is told when the order was made and not when it was paid"),
    ("failed-notice-counts", "a notification that says FAIL counts as a payment"),
    ("one-payment-for-two", "a payment counts for a second number that WeChat names with it"),
    ("notice-of-any-app", "a notification in the name of another app of the merchant counts"),
    ("answer-of-any-merchant", "an answer in the name of another merchant counts"),
    ("answer-of-any-app", "an answer in the name of another app of the merchant counts"),
    ("user-paying-is-closed", "a number that somebody is about to pay counts as closed"),
    ("refunded-is-closed", "a payment that went back and is said to be closed is no payment"),
    ("dead-after-twelve", "a shop that fails twelve times is not told any more"),
    ("any-refusal-is-failed", "a refund that WeChat would have asked about counts as failed"),
    ("lease-of-five-seconds", "an entry may be taken by somebody else after five seconds"),
    ("refund-a-day-late", "a refund is first sent a day after it was owed"),
    ("closed-once-is-failed", "the first refund of a payment that WeChat closes is a person's"),
    ("change-told-nobody", "nobody is told of a refund that WeChat could not give to the customer"),
    (
        "stop-is-the-end",
        "a refund is given up when WeChat says that something is wrong with our calls",
    ),
    (
        "only-first-numbers-are-ours",
        "a later number of an order that nobody knows is taken for another program's",
    ),
    (
        "unknown-on-close-is-closed",
        "a number is over because WeChat did not know it when it was to be closed",
    ),
    (
        "unknown-goes-back-in-yuan",
        "what nobody knows and was paid in another currency is asked back in yuan",
    ),
    ("late-cancel-refused", "an order that has run out cannot be given up any more"),
    ("cancel-of-shipped-says-yes", "whoever gives up what is shipped is told that it is given up"),
    ("lost-orders-go-back", "what an older database may have lost goes back without a person"),
    (
        "given-back-goes-back",
        "what is known because it was given back by hand goes back by the rule",
    ),
    ("new-code-is-stop", "a code of WeChat's that nobody knows yet is taken for a mistake of ours"),
    ("used-number-is-the-end", "an order fails because WeChat says that its number is used"),
    ("invalid-request-is-the-end", "the same, where WeChat says that the request is not valid"),
    ("no-auth-is-unknown", "an order that WeChat does not allow is tried until its end"),
    (
        "fee-mismatch-is-the-end",
        "a refund is given up because WeChat says that its sum is another one",
    ),
    ("second-refund-fails", "an order's second refund can never be begun"),
    ("failed-is-sent-again", "a person may have a refund sent again that has failed for good"),
    (
        "late-goods-wait-for-ever",
        "goods that were confirmed late are told of for ever as not confirmed",
    ),
    ("by-hand-closed-needs-nobody", "it is told as seen to that a refund by hand came to nothing"),
    (
        "dropped-begins-anew",
        "what a person has decided against begins anew when a refund by hand is closed",
    ),
    ("first-shop-told", "one shop is told of goods that another one has sold"),
    ("any-app-of-the-merchant", "WeChat is called in the name of another app than the order's"),
    ("webhook-for-devices", "a webhook is told of goods that a machine of its shop fetches"),
    ("no-webhook-told", "goods of a shop without a webhook wait for one that is told of them"),
    ("goods-as-merchant", "a page shows the goods as the merchant and the merchant as the goods"),
    ("view-never-newer", "a page is told the same version of its order for ever"),
    ("order-of-nothing", "an order of 0 fen is taken"),
    ("any-time-to-pay", "an order may be paid for as short or as long as its shop likes"),
    ("never-is-not-now", "a refund that WeChat will never make is asked for again and again"),
    ("refund-names-newest-number", "a refund is put down for the newest number of its order"),
    ("payment-of-no-order", "a payment is put down as if its number were nobody's"),
    ("verdict-is-ship", "a payment that is kept out is put down as one that ships"),
    ("difference-wrong-way-round", "of what differs there stands what is here, and the other way"),
    ("others-swapped", "what another program took counts as what it gave back, and the other way"),
    ("others-not-counted", "nobody is told how many payments of a day are another program's"),
    (
        "given-back-told-as-unfetched",
        "a person is told that nobody fetched goods that were given back",
    ),
    (
        "goods-out-told-as-kept",
        "a refund by hand of goods that are out is told as one that keeps them",
    ),
    (
        "bill-thirteen-unknown-go-back",
        "of thirteen payments of a day that nobody knows all go back",
    ),
    ("bill-nine-unknown-go-back", "of ten payments of a day that nobody knows none goes back"),
    (
        "partly-back-goes-back",
        "what nobody knows and is in part back already goes back by the rule",
    ),
    ("lease-of-ten-minutes", "what was begun by a server that died waits for ten minutes"),
];

/// Which one is on: its place in [`BUGS`] and one; 0 for none.
#[cfg(feature = "simulation")]
static PLANTED: AtomicUsize = AtomicUsize::new(0);

/// Switches a bug on, and every other off. `false`: there is no such bug, and none is on.
#[cfg(feature = "simulation")]
pub fn plant(name: &str) -> bool {
    let place = BUGS.iter().position(|(known, _)| *known == name);
    PLANTED.store(place.map_or(0, |place| place + 1), Ordering::Relaxed);
    place.is_some()
}

/// Whether the bug at this place is on.
#[cfg(feature = "simulation")]
#[must_use]
pub fn is_planted(place: usize) -> bool {
    PLANTED.load(Ordering::Relaxed) == place + 1
}

/// No bug is on.
#[cfg(not(feature = "simulation"))]
#[must_use]
#[inline(always)]
pub const fn is_planted(_: usize) -> bool {
    false
}

/// The place of a bug in the list; what is not in it does not compile.
#[must_use]
pub const fn place(name: &str) -> usize {
    let mut place = 0;
    while place < BUGS.len() {
        if same(BUGS[place].0.as_bytes(), name.as_bytes()) {
            return place;
        }
        place += 1;
    }
    panic!("there is no such bug in core/src/bugs.rs")
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether this bug of [`BUGS`](crate::bugs::BUGS) is on; never, in what is shipped.
#[macro_export]
macro_rules! planted {
    ($name:literal) => {{
        const PLACE: usize = $crate::bugs::place($name);
        $crate::bugs::is_planted(PLACE)
    }};
}
