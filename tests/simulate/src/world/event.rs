//! What happens in the world, in the order of its times.

use saoma_server::simulation::Held;

/// Something that happens at a time.
#[derive(Debug)]
pub(super) enum Event {
    Order(usize),
    View(usize),
    Pay(usize),
    PayAgain(usize),
    PayByForce(usize, &'static str),
    NumberClosed(usize),
    ByHand(usize),
    Cancel(usize),
    Race(usize),
    Refund(usize, usize),
    Dispense(usize),
    Flap(usize),
    Confirm(usize),
    Operator,
    SecondThought(String),
    Meddle(usize),
    /// With a field beyond its rule.
    AsksWrongly(usize),
    /// The same in other words.
    ChangesWords(usize),
    /// An operator gives something back.
    Insists(usize),
    ReadLists(usize),
    AskAfterAll(usize),
    Buttons,
    /// What an operator has made due of this order, for how many times it is looked at.
    MustBeTried(String, u32),
    MustBeKnown(String),
    MustBeMissed(String),
    MustBeTold(String),
    MustHaveCode(usize),
    /// Any refund of this payment, or one of this number.
    MustBeAskedBack(Option<String>, String),
    /// A person reads of this refund, about which the last answer arrived then.
    MustBeTroubled(String, u64),
    CloseAgain(usize),
    TheRest(usize),
    SameNumber(usize),
    ConfirmsUnclaimed(usize),
    OrderAgain(usize),
    OtherSignType(usize),
    UnknownOrder,
    NoticeArrives(u64),
    Returned(u64, Returned),
    PollGateway,
    CallArrives(u64),
    AnswerArrives(u64),
    Wake {
        node: usize,
        kind: usize,
    },
    Start(usize),
    PowerCut(usize),
    ClockJump(usize),
    SetKey,
    Hold(usize, Held),
    FaultsStop,
}

/// What the gateway sees of a notification that it sent.
#[derive(Debug)]
pub(super) enum Returned {
    Late,
    Unreachable,
    Answer(u16, &'static str),
}

/// When it happens; of what happens at the same time, in which order.
pub(super) struct At {
    pub(super) time_ms: u64,
    pub(super) place: u64,
    pub(super) event: Event,
}

impl PartialEq for At {
    fn eq(&self, other: &Self) -> bool {
        (self.time_ms, self.place) == (other.time_ms, other.place)
    }
}

impl Eq for At {}

impl PartialOrd for At {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for At {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time_ms, self.place).cmp(&(other.time_ms, other.place))
    }
}
