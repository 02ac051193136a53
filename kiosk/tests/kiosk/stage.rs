//! Brings a terminal to each of its pages, by nothing but answers and time.

use embedded_graphics::geometry::Size;
use heapless::String;
use saoma_core::{
    ids::OrderId,
    money::Fen,
    time::UnixTime,
    watch::{Phase, View},
};
use saoma_kiosk::{
    app::{App, Input, Key, Page},
    call::{Answer, Goods, OrderNumbers, Refusal},
    texts::Language,
};

/// The displays that are tried.
pub(crate) const SIZES: [(u32, u32); 6] =
    [(128, 64), (240, 240), (320, 240), (480, 320), (800, 480), (320, 480)];

/// Every page, the code's with the usual time left.
pub(crate) const PAGES: [Page; 12] = [
    Page::Starting,
    Page::Code { left_s: 899 },
    Page::Checking,
    Page::Cancelling,
    Page::Paid,
    Page::Cancelled,
    Page::Expired,
    Page::Refunding,
    Page::Refunded,
    Page::Failed,
    Page::Offline,
    Page::Help,
];

/// What is sold in a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) merchant: &'static str,
    pub(crate) description: &'static str,
    pub(crate) amount_fen: u64,
    pub(crate) order_id: &'static str,
    pub(crate) code_url: &'static str,
}

/// What a café sells.
pub(crate) const USUAL: Sample = Sample {
    merchant: "扫码咖啡",
    description: "燕麦拿铁",
    amount_fen: 1800,
    order_id: "20261123192600K7Q2M9XB",
    code_url: "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz",
};

/// The longest that a server may say.
pub(crate) const LONGEST: Sample = Sample {
    merchant: "The Very Long Established Saoma Coffee Roasting Company, Limited",
    description: "Sparkling water, matcha, latte, americano and everything else that a long menu \
                  can offer to a patient customer in the morning.",
    amount_fen: 2_147_483_647,
    order_id: "20261123192600K7Q2M9XB-ABCDE",
    code_url: "weixin://wxpay/bizpayurl/up?pr=0123456789abcdefghijklmnopqrstuvw",
};

impl Sample {
    pub(crate) fn goods(&self) -> Goods {
        Goods::new(self.description, Fen::new(self.amount_fen).unwrap()).unwrap()
    }

    /// The view at `now_ms` of a terminal's clock, when `left_s` is left to pay.
    pub(crate) fn view(&self, phase: Phase, version: u64, left_s: u64, now_ms: u64) -> View {
        let server_time = UnixTime::new(1_795_461_960).unwrap().plus(now_ms / 1_000);
        View {
            order_id: OrderId::new(self.order_id).unwrap(),
            version,
            phase,
            amount_fen: Fen::new(self.amount_fen).unwrap(),
            merchant: String::try_from(self.merchant).unwrap(),
            description: String::try_from(self.description).unwrap(),
            code_url: (phase == Phase::Open).then(|| String::try_from(self.code_url).unwrap()),
            expires_at: server_time.plus(left_s),
            server_time,
        }
    }
}

/// A terminal that has just been switched on.
pub(crate) fn new_app(size: (u32, u32), language: Language, sample: &Sample) -> App {
    let numbers = OrderNumbers::new("K1").unwrap();
    App::new(Size::new(size.0, size.1), language, sample.goods(), numbers)
}

/// A terminal that shows a page.
pub(crate) fn app_on(page: Page, size: (u32, u32), language: Language, sample: &Sample) -> App {
    let mut app = new_app(size, language, sample);
    let ticket = app.handle(Input::Tick, 0).request.unwrap().ticket;
    let phase = match page {
        Page::Starting => None,
        Page::Code { .. } | Page::Cancelling | Page::Offline | Page::Help => Some(Phase::Open),
        Page::Checking => Some(Phase::Closing),
        Page::Paid => Some(Phase::Paid),
        Page::Cancelled => Some(Phase::Cancelled),
        Page::Expired => Some(Phase::Expired),
        Page::Refunding => Some(Phase::Refunding),
        Page::Refunded => Some(Phase::Refunded),
        Page::Failed => Some(Phase::Failed),
    };
    let left_s = if let Page::Code { left_s } = page { left_s } else { 899 };
    if let Some(phase) = phase {
        let answer = Answer::View(sample.view(phase, 1, left_s + 2, 0));
        let _shown = app.handle(Input::Reply { ticket, answer }, 0);
    }
    if page == Page::Cancelling {
        let ticket = app.handle(Input::Key(Key::Cancel), 0).request.unwrap().ticket;
        let answer = Answer::View(sample.view(Phase::Closing, 2, left_s, 0));
        let _shown = app.handle(Input::Reply { ticket, answer }, 0);
    }
    let again = app.handle(Input::Tick, 2_000).request.map(|request| request.ticket);
    match (page, again) {
        (Page::Offline, Some(ticket)) => {
            let _shown = app.handle(Input::Lost { ticket }, 2_000);
        }
        (Page::Help, Some(ticket)) => {
            let refusal = Refusal { status: 401, code: String::try_from("unauthorized").unwrap() };
            let answer = Answer::Refused(refusal);
            let _shown = app.handle(Input::Reply { ticket, answer }, 2_000);
        }
        (Page::Code { .. }, Some(ticket)) => {
            let answer = Answer::View(sample.view(Phase::Open, 2, left_s, 2_000));
            let _shown = app.handle(Input::Reply { ticket, answer }, 2_000);
        }
        _ => {}
    }
    assert_eq!(app.page(), page);
    app
}
