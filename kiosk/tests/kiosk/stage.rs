//! Screens to be looked at, made by hand.

use embedded_graphics::{draw_target::DrawTarget, geometry::Size, pixelcolor::Rgb888};
use heapless::{String, Vec as Rows};
use saoma_core::money::Fen;
use saoma_kiosk::{
    app::{
        BasketPage, Damage, Fault, ITEMS_PER_PAGE_MAX, MenuPage, OrderShown, Page, Row, Screen,
        StaffPage,
    },
    layout::{self, Plan},
    menu::MENU,
    texts::Language,
    theme::Theme,
};

/// The displays that are tried.
pub(crate) const SIZES: [(u32, u32); 6] =
    [(128, 64), (240, 240), (320, 240), (480, 320), (800, 480), (320, 480)];

/// Every page that needs nothing of the display's size, the code's with the usual time left.
pub(crate) const PAGES: [Page; 20] = [
    Page::Attract,
    Page::Resuming,
    Page::Starting,
    Page::Code { left_s: 299 },
    Page::Checking,
    Page::Cancelling,
    Page::Dispensing,
    Page::Take,
    Page::Cancelled,
    Page::Expired,
    Page::Failed,
    Page::Refunding,
    Page::Refunded,
    Page::Help,
    Page::Offline,
    Page::OutOfService(Fault::Dispenser),
    Page::OutOfService(Fault::Journal),
    Page::OutOfService(Fault::Full),
    Page::OutOfService(Fault::Key),
    Page::Staff(StaffPage { at: 0, of: 2, fault: Some(Fault::Dispenser) }),
];

/// What is sold in a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) merchant: &'static str,
    pub(crate) description: &'static str,
    pub(crate) amount_fen: u64,
    pub(crate) order_no: &'static str,
    pub(crate) code_url: &'static str,
}

/// What a café sells.
pub(crate) const USUAL: Sample = Sample {
    merchant: "扫码咖啡",
    description: "燕麦拿铁",
    amount_fen: 1800,
    order_no: "K1-27",
    code_url: "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz",
};

/// The longest that a server may say.
pub(crate) const LONGEST: Sample = Sample {
    merchant: "The Very Long Established Saoma Coffee Roasting Company, Limited",
    description: "Sparkling water, matcha, latte, americano and everything else that a long menu \
                  can offer to a patient customer in the morning.",
    amount_fen: 2_147_483_647,
    order_no: "KIOSK-AT-THE-STATION-7QX2M9XB-4294967295",
    code_url: "weixin://wxpay/bizpayurl/up?pr=0123456789abcdefghijklmnopqrstuvw",
};

/// A screen on a display.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) screen: Screen,
    size: Size,
}

impl Stage {
    pub(crate) const fn size(&self) -> Size {
        self.size
    }

    pub(crate) fn plan(&self, theme: &Theme) -> Plan<'_> {
        layout::plan(&self.screen, self.size, theme)
    }

    pub(crate) fn draw<D>(
        &self,
        target: &mut D,
        theme: &Theme,
        damage: Damage,
    ) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        layout::draw(&self.screen, self.size, target, theme, damage)
    }
}

/// A page on a display.
pub(crate) fn app_on(page: Page, size: (u32, u32), language: Language, sample: &Sample) -> Stage {
    let size = Size::new(size.0, size.1);
    let is_code = matches!(page, Page::Code { .. });
    let code = is_code.then(|| layout::code_for(size, sample.code_url)).flatten();
    let order = OrderShown {
        number: String::try_from(sample.order_no).unwrap(),
        amount: Fen::new(sample.amount_fen).unwrap(),
        goods: String::try_from(sample.description).unwrap(),
    };
    let merchant = String::try_from(sample.merchant).unwrap();
    let (dimmed, step, focus) = (false, 0, None);
    Stage { screen: Screen { language, dimmed, step, focus, merchant, page, order, code }, size }
}

/// A page of the menu with something in the basket.
pub(crate) fn menu_page(size: (u32, u32)) -> Page {
    let rows = layout::rows(Size::new(size.0, size.1)).min(ITEMS_PER_PAGE_MAX);
    let mut counts = [0; ITEMS_PER_PAGE_MAX];
    counts[0] = 2;
    Page::Menu(MenuPage {
        items: &MENU[..rows.min(MENU.len())],
        first: 0,
        counts,
        page: 0,
        pages: u8::try_from(MENU.len().div_ceil(rows)).unwrap(),
        pieces: 2,
        total: Fen::new(3_600).unwrap(),
        full: false,
    })
}

/// A page of the basket.
pub(crate) fn basket_page(size: (u32, u32)) -> Page {
    let rows = layout::rows(Size::new(size.0, size.1));
    let mut shown = Rows::new();
    for (item, count) in MENU.iter().zip([2, 1, 9, 1]).take(rows) {
        let amount = Fen::new(u64::from(item.amount_fen) * u64::from(count)).unwrap();
        shown.push(Row { item, count, amount }).unwrap();
    }
    let total = shown.iter().map(|row| row.amount.get()).sum();
    Page::Basket(BasketPage {
        rows: shown,
        first: 0,
        page: 0,
        pages: 2,
        pieces: 13,
        total: Fen::new(total).unwrap(),
        full: false,
    })
}
