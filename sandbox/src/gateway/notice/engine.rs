//! When notifications are sent.
//!
//! Every sending that is to come stands in one queue, ordered by its time; what is on its way is
//! found by its number. So each operation costs the logarithm of what is open, however many
//! notifications there ever were.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use super::super::order::OrderKey;
use super::plan::{False, Plan};
use super::{NoticeKind, NoticeState, Outcome, Schedule};
use crate::time::UnixTime;

/// A notification to send now, by POST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Names this sending to [`super::super::Gateway::delivered`].
    pub id: u64,
    /// Where to.
    pub url: String,
    /// The signed document.
    pub body: String,
    /// After how many bytes of the body the connection is to be cut; `None` for a whole request.
    pub cut_after: Option<usize>,
}

/// What [`super::super::Gateway::poll`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// To be sent now. Each is given once.
    pub send: Vec<Delivery>,
    /// When something is due next, unless something else happens before.
    pub wake_at: Option<UnixTime>,
}

/// [`super::super::Gateway::delivered`] was told of a sending that is not on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownDelivery;

impl fmt::Display for UnknownDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such notification is on its way")
    }
}

impl std::error::Error for UnknownDelivery {}

/// A notification to be sent.
#[derive(Debug)]
pub(in crate::gateway) struct NewNotice {
    pub(in crate::gateway) kind: NoticeKind,
    pub(in crate::gateway) order: OrderKey,
    /// WeChat's number of what it tells of.
    pub(in crate::gateway) subject: String,
    pub(in crate::gateway) url: String,
    pub(in crate::gateway) body: String,
    /// When to send it first, `None` for never.
    pub(in crate::gateway) due: Option<UnixTime>,
}

/// The notification of one event. Each sending has the same bytes, unless a fault changes them.
#[derive(Debug)]
pub(in crate::gateway) struct Notice {
    pub(in crate::gateway) order: OrderKey,
    pub(super) url: String,
    pub(in crate::gateway) body: String,
    pub(in crate::gateway) state: NoticeState,
    /// When the schedule sends it next; `None` while it is on its way, and at the end.
    pub(in crate::gateway) due: Option<UnixTime>,
    /// Where in the queue that sending stands.
    place: Option<Place>,
    /// How many gaps of the schedule are used up.
    repeats: usize,
    /// How many sendings of the schedule there were.
    sent: u32,
    plan: Plan,
    /// Sendings that wait for the one before to be answered.
    chain: VecDeque<What>,
    pub(in crate::gateway) attempts: Vec<Attempt>,
}

/// One sending.
#[derive(Debug)]
pub(in crate::gateway) struct Attempt {
    pub(in crate::gateway) sent_at: UnixTime,
    /// Whether the schedule sent it; a copy by hand does not move the schedule.
    pub(in crate::gateway) scheduled: bool,
    /// `None` while it is on its way.
    pub(in crate::gateway) outcome: Option<Outcome>,
    /// The fault that made it, when it is not true.
    pub(in crate::gateway) fault: Option<&'static str>,
    /// What it says, when that is not what the notification says.
    body: Option<String>,
    /// Whether the next of the chain waits for it.
    chained: bool,
}

/// What a sending is.
#[derive(Debug)]
enum What {
    /// The schedule's.
    Scheduled,
    /// A copy, outside the schedule.
    Copy,
    /// Something that is not true.
    False(False),
}

/// A place in the queue: the time, and the order in which the places were taken.
type Place = (UnixTime, u64);

#[derive(Debug)]
struct Sending {
    notice: usize,
    what: What,
    /// Whether the next of the chain waits for it.
    chained: bool,
}

/// All notifications.
#[derive(Debug)]
pub(in crate::gateway) struct Notices {
    schedule: Schedule,
    all: Vec<Notice>,
    by_subject: BTreeMap<String, usize>,
    queue: BTreeMap<Place, Sending>,
    next_place: u64,
    /// What is on its way: the number of the sending, whose it is, and which of its attempts.
    in_flight: BTreeMap<u64, (usize, usize)>,
    next_id: u64,
    /// Of each merchant, those that wait for a later one to be answered.
    held: BTreeMap<String, Vec<usize>>,
    /// The newest notification of each merchant that was sent.
    newest: BTreeMap<String, usize>,
}

impl Notices {
    pub(in crate::gateway) const fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            all: Vec::new(),
            by_subject: BTreeMap::new(),
            queue: BTreeMap::new(),
            next_place: 0,
            in_flight: BTreeMap::new(),
            next_id: 1,
            held: BTreeMap::new(),
            newest: BTreeMap::new(),
        }
    }

    /// Takes a notification and how faults change its sendings.
    pub(in crate::gateway) fn add(&mut self, new: NewNotice, mut plan: Plan) {
        let at = self.all.len();
        let due = new.due.filter(|_| !plan.lost).map(|due| due.plus(plan.late_s));
        let mut chain: VecDeque<_> = plan.before.drain(..).map(What::False).collect();
        chain.push_back(What::Scheduled);
        chain.extend((0..plan.repeats).map(|_| What::Copy));
        let held = plan.held && due.is_some();
        self.by_subject.insert(new.subject, at);
        let mch_id = new.order.mch_id.clone();
        self.all.push(Notice {
            order: new.order,
            url: new.url,
            body: new.body,
            state: if due.is_some() { NoticeState::Pending } else { NoticeState::Held },
            due: if held { None } else { due },
            place: None,
            repeats: 0,
            sent: 0,
            plan,
            chain,
            attempts: Vec::new(),
        });
        match due {
            Some(_) if held => self.held.entry(mch_id).or_default().push(at),
            Some(due) => self.next_of_chain(at, due),
            None => {}
        }
    }

    /// The notification of a payment or a refund, by its number.
    pub(in crate::gateway) fn of(&self, subject: &str) -> Option<&Notice> {
        self.by_subject.get(subject).map(|at| &self.all[*at])
    }

    /// The newest notification of this merchant that was sent.
    pub(in crate::gateway) fn newest_of(&self, mch_id: &str) -> Option<&Notice> {
        self.newest.get(mch_id).map(|at| &self.all[*at])
    }

    /// Sends `copies` of a notification as soon as somebody polls.
    pub(in crate::gateway) fn send_now(&mut self, subject: &str, copies: u32) {
        let Some(&notice) = self.by_subject.get(subject) else { return };
        for _ in 0..copies {
            let sending = Sending { notice, what: What::Copy, chained: false };
            self.enqueue(sending, UnixTime(i64::MIN));
        }
    }

    pub(super) fn poll(&mut self, now: UnixTime) -> Poll {
        let mut send = Vec::new();
        while let Some(first) = self.queue.first_entry() {
            if first.key().0 > now {
                break;
            }
            let sending = first.remove();
            send.extend(self.send(sending, now));
        }
        Poll { send, wake_at: self.queue.first_key_value().map(|((time, _), _)| *time) }
    }

    /// Takes what came of a sending; gives back the notification it belongs to and what was sent.
    pub(super) fn delivered(
        &mut self,
        id: u64,
        outcome: Outcome,
        now: UnixTime,
    ) -> Result<(&Notice, String), UnknownDelivery> {
        let (at, attempt) = self.in_flight.remove(&id).ok_or(UnknownDelivery)?;
        self.settle(at, attempt, outcome, now);
        self.release(at, now);
        let notice = &self.all[at];
        let body = notice.attempts[attempt].body.as_ref().unwrap_or(&notice.body).clone();
        Ok((notice, body))
    }

    /// What is on its way.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = u64> {
        self.in_flight.keys().copied()
    }

    pub(super) fn is_quiet(&self, now: UnixTime) -> bool {
        let first = self.queue.first_key_value();
        self.in_flight.is_empty() && first.is_none_or(|((time, _), _)| *time > now)
    }

    fn enqueue(&mut self, sending: Sending, time: UnixTime) -> Place {
        let place = (time, self.next_place);
        self.next_place += 1;
        self.queue.insert(place, sending);
        place
    }

    fn schedule(&mut self, at: usize, due: UnixTime, chained: bool) {
        let sending = Sending { notice: at, what: What::Scheduled, chained };
        let place = self.enqueue(sending, due);
        let notice = &mut self.all[at];
        (notice.due, notice.place) = (Some(due), Some(place));
    }

    fn next_of_chain(&mut self, at: usize, due: UnixTime) {
        match self.all[at].chain.pop_front() {
            Some(What::Scheduled) => self.schedule(at, due, true),
            Some(what) => {
                self.enqueue(Sending { notice: at, what, chained: true }, due);
            }
            None => {}
        }
    }

    /// Puts a sending on its way; `None` when a fault loses it.
    fn send(&mut self, sending: Sending, now: UnixTime) -> Option<Delivery> {
        let (at, chained) = (sending.notice, sending.chained);
        let scheduled = matches!(sending.what, What::Scheduled);
        let first = scheduled && self.all[at].sent == 0;
        if first {
            self.with_the_first(at, now);
        }
        let notice = &mut self.all[at];
        let (body, fault) = match sending.what {
            What::False(fake) => (Some(fake.body), Some(fake.fault)),
            What::Scheduled if first => (notice.plan.first_body.take(), None),
            What::Scheduled | What::Copy => (None, None),
        };
        let attempt = notice.attempts.len();
        let said = body.as_ref().unwrap_or(&notice.body).clone();
        let cut_after = (first && notice.plan.cut_first).then_some(said.len() / 2);
        let outcome = None;
        notice.attempts.push(Attempt { sent_at: now, scheduled, outcome, fault, body, chained });
        if scheduled {
            (notice.due, notice.place) = (None, None);
            notice.sent += 1;
            if notice.sent <= notice.plan.first_lost {
                self.settle(at, attempt, Outcome::Lost, now);
                return None;
            }
        }
        let id = self.next_id;
        self.next_id += 1;
        self.in_flight.insert(id, (at, attempt));
        Some(Delivery { id, url: self.all[at].url.clone(), body: said, cut_after })
    }

    /// What goes out beside the first true sending.
    fn with_the_first(&mut self, at: usize, now: UnixTime) {
        let notice = &self.all[at];
        let (together, replay_after_s) = (notice.plan.together, notice.plan.replay_after_s);
        self.newest.insert(notice.order.mch_id.clone(), at);
        let copy = || Sending { notice: at, what: What::Copy, chained: false };
        for _ in 0..together {
            self.enqueue(copy(), now);
        }
        if let Some(after_s) = replay_after_s {
            self.enqueue(copy(), now.plus(after_s));
        }
    }

    /// What came of a sending moves the schedule and the chain.
    fn settle(&mut self, at: usize, attempt: usize, outcome: Outcome, now: UnixTime) {
        let notice = &mut self.all[at];
        let sending = &mut notice.attempts[attempt];
        let (scheduled, sent_at, chained) = (sending.scheduled, sending.sent_at, sending.chained);
        // Nobody can acknowledge what WeChat never sent.
        let acknowledged = outcome == Outcome::Acknowledged && sending.fault.is_none();
        sending.outcome = Some(outcome);
        if acknowledged {
            notice.state = NoticeState::Acknowledged;
            notice.due = None;
            if let Some(place) = notice.place.take() {
                self.queue.remove(&place);
            }
        } else if scheduled && notice.state == NoticeState::Pending {
            match self.schedule.gaps_s().get(notice.repeats) {
                Some(gap_s) => {
                    notice.repeats += 1;
                    self.schedule(at, sent_at.plus(*gap_s).max(now), false);
                }
                None => notice.state = NoticeState::GivenUp,
            }
        }
        if chained {
            self.next_of_chain(at, now);
        }
    }

    /// Lets go of what waited for this one.
    fn release(&mut self, at: usize, now: UnixTime) {
        let mch_id = &self.all[at].order.mch_id;
        let Some(waiting) = self.held.get_mut(mch_id) else { return };
        // Numbers grow, so those that waited for this one are at the front.
        let older = waiting.partition_point(|held| *held < at);
        let free: Vec<_> = waiting.drain(..older).collect();
        for held in free {
            self.next_of_chain(held, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{NOW, Shop};
    use super::super::super::{Returned, Rules, Target, Tender};
    use super::*;

    const NO: &str = "SM20261123000001";

    /// A shop with a paid order whose notification was not sent yet.
    fn paid(tender: Tender) -> Shop {
        let mut shop = Shop::new();
        shop.order(NO, &[("attach", "深圳分店")]);
        shop.pay(NO, tender).unwrap();
        shop
    }

    /// What is due now; there must be one.
    fn due(shop: &mut Shop) -> Delivery {
        let mut send = shop.gateway.poll(shop.now).send;
        assert_eq!(send.len(), 1);
        send.pop().unwrap()
    }

    fn acknowledged() -> Returned {
        let body = b"<xml><return_code>SUCCESS</return_code></xml>".to_vec();
        Returned::Answer { status: 200, body }
    }

    fn refused() -> Returned {
        Returned::Answer { status: 500, body: Vec::new() }
    }

    fn state(shop: &Shop) -> &'static str {
        shop.gateway.orders(shop.now)[0].payments[0].notification.state
    }

    #[test]
    fn a_notification_is_sent_once_and_no_more_when_it_is_acknowledged() {
        let mut shop = paid(Tender::default());
        let delivery = due(&mut shop);
        assert!(shop.gateway.poll(NOW).send.is_empty(), "it is on its way");
        shop.gateway.delivered(delivery.id, acknowledged(), NOW).unwrap();
        let nothing = Poll { send: Vec::new(), wake_at: None };
        assert_eq!(shop.gateway.poll(NOW.plus(90_000)), nothing);
        assert_eq!(state(&shop), "acknowledged");
        let again = shop.gateway.delivered(delivery.id, acknowledged(), NOW);
        assert_eq!(again, Err(UnknownDelivery));
    }

    #[test]
    fn an_unanswered_notification_is_repeated_on_the_schedule() {
        for (schedule, sum_s) in [(Schedule::Current, 86_640), (Schedule::Old, 11_040)] {
            let mut shop = Shop::with_rules(Rules { schedule, ..Rules::default() });
            shop.order(NO, &[]);
            shop.pay(NO, Tender::default()).unwrap();
            let first = due(&mut shop);
            shop.gateway.delivered(first.id, Returned::Late, shop.now).unwrap();
            for gap_s in schedule.gaps_s() {
                let next = shop.now.plus(*gap_s);
                let early = shop.gateway.poll(next.plus(-1));
                assert_eq!(early, Poll { send: Vec::new(), wake_at: Some(next) });
                shop.now = next;
                let delivery = due(&mut shop);
                assert_eq!(delivery.body, first.body, "each sending has the same bytes");
                shop.gateway.delivered(delivery.id, refused(), shop.now).unwrap();
            }
            assert_eq!(shop.now.since(NOW), sum_s);
            assert_eq!(shop.gateway.poll(shop.now.plus(1_000_000)).wake_at, None);
            assert_eq!(state(&shop), "given_up");
        }
    }

    #[test]
    fn the_gap_counts_from_the_sending_not_from_the_answer() {
        let mut shop = paid(Tender::default());
        let delivery = due(&mut shop);
        shop.gateway.delivered(delivery.id, Returned::Late, NOW.plus(5)).unwrap();
        assert_eq!(shop.gateway.poll(NOW.plus(5)).wake_at, Some(NOW.plus(15)));
    }

    #[test]
    fn an_acknowledgement_at_last_ends_the_schedule() {
        let mut shop = paid(Tender::default());
        for outcome in [refused(), Returned::Late, acknowledged()] {
            let delivery = due(&mut shop);
            shop.gateway.delivered(delivery.id, outcome, shop.now).unwrap();
            shop.now = shop.now.plus(15);
        }
        assert_eq!(shop.gateway.poll(shop.now).wake_at, None);
        let attempts = &shop.gateway.orders(NOW)[0].payments[0].notification.attempts;
        let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, [Some("refused"), Some("timed_out"), Some("acknowledged")]);
    }

    #[test]
    fn copies_by_hand_go_out_together_and_leave_the_schedule_alone() {
        let mut shop = paid(Tender::default());
        let first = due(&mut shop);
        shop.gateway.delivered(first.id, refused(), NOW).unwrap();
        shop.gateway.send_again(&Target::of_number(NO), 3).unwrap();
        let poll = shop.gateway.poll(NOW.plus(1));
        assert_eq!((poll.send.len(), poll.wake_at), (3, Some(NOW.plus(15))));
        for delivery in poll.send {
            assert_eq!(delivery.body, first.body);
            shop.gateway.delivered(delivery.id, refused(), NOW.plus(1)).unwrap();
        }
        assert_eq!(shop.gateway.poll(NOW.plus(1)).wake_at, Some(NOW.plus(15)));
    }

    #[test]
    fn an_acknowledged_notification_can_be_sent_again_by_hand() {
        let mut shop = paid(Tender::default());
        let delivery = due(&mut shop);
        shop.gateway.delivered(delivery.id, acknowledged(), NOW).unwrap();
        shop.gateway.send_again(&Target::of_number(NO), 1).unwrap();
        let copy = due(&mut shop);
        shop.gateway.delivered(copy.id, refused(), NOW).unwrap();
        assert_eq!(shop.gateway.poll(NOW.plus(90_000)).wake_at, None, "one answer was enough");
        assert_eq!(state(&shop), "acknowledged");
    }

    #[test]
    fn a_held_notification_goes_out_by_hand_only() {
        let mut shop = paid(Tender { notify: false, ..Tender::default() });
        assert_eq!(state(&shop), "held");
        assert!(shop.gateway.poll(NOW.plus(90_000)).send.is_empty());
        shop.gateway.send_again(&Target::of_number(NO), 1).unwrap();
        let delivery = due(&mut shop);
        shop.gateway.delivered(delivery.id, acknowledged(), NOW).unwrap();
        assert_eq!(state(&shop), "acknowledged");
    }

    #[test]
    fn it_is_quiet_when_nothing_is_on_its_way_or_due() {
        let mut shop = paid(Tender::default());
        assert!(!shop.gateway.is_quiet(NOW), "due");
        let delivery = due(&mut shop);
        assert!(!shop.gateway.is_quiet(NOW), "on its way");
        shop.gateway.delivered(delivery.id, refused(), NOW).unwrap();
        assert!(shop.gateway.is_quiet(NOW.plus(14)), "waiting");
        assert!(!shop.gateway.is_quiet(NOW.plus(15)), "due again");
    }

    /// Each step of 200,000 notifications looks at what is open only. A step that walked over all
    /// of them would make this take hours.
    #[test]
    fn finished_notifications_cost_nothing() {
        const NOTICES: usize = 200_000;
        let mut notices = Notices::new(Schedule::Current);
        for at in 0..NOTICES {
            let order = OrderKey { mch_id: "1".into(), out_trade_no: format!("N{at}") };
            let (url, body) = (String::new(), String::new());
            let due = Some(NOW.plus(i64::try_from(at).unwrap()));
            notices.add(
                NewNotice {
                    kind: NoticeKind::Payment,
                    order,
                    subject: format!("T{at}"),
                    url,
                    body,
                    due,
                },
                Plan::default(),
            );
        }
        for at in 0..NOTICES {
            let now = NOW.plus(i64::try_from(at).unwrap());
            assert!(!notices.is_quiet(now));
            let first = notices.poll(now).send.pop().unwrap();
            notices.delivered(first.id, Outcome::Acknowledged, now).unwrap();
            let subject = format!("T{at}");
            assert_eq!(notices.of(&subject).unwrap().state, NoticeState::Acknowledged);
            notices.send_now(&subject, 1);
            let copy = notices.poll(now).send.pop().unwrap();
            notices.delivered(copy.id, Outcome::TimedOut, now).unwrap();
            assert!(notices.is_quiet(now));
        }
        assert!(notices.queue.is_empty() && notices.in_flight.is_empty());
    }
}
