//! Screens to be looked at, made by hand.

use embedded_graphics::{draw_target::DrawTarget, geometry::Size, pixelcolor::Rgb888};
use heapless::{String, Vec as Rows};
use saoma_core::money::Fen;
use saoma_kiosk::{
    app::{
        BasketPage, Fault, ITEMS_PER_PAGE_MAX, Key, MenuPage, OrderShown, Page, Row, Screen,
        StaffPage,
    },
    layout::{self, Plan},
    menu::{Item, MENU, Symbol},
    texts::Language,
    theme::Theme,
};

/// The displays that are promised.
pub(crate) const SIZES: [(u32, u32); 9] = [
    (128, 64),
    (64, 128),
    (240, 240),
    (320, 240),
    (240, 320),
    (480, 320),
    (320, 480),
    (800, 480),
    (480, 800),
];

/// Every page that needs nothing of the display's size, the code's with the usual time left.
pub(crate) const PAGES: [Page; 21] = [
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
    Page::Staff(StaffPage { at: 0, of: 0, fault: None }),
];

/// What is sold in a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) merchant: &'static str,
    pub(crate) description: [&'static str; 2],
    pub(crate) amount_fen: u64,
    pub(crate) order_no: &'static str,
    pub(crate) code_url: &'static str,
    pub(crate) menu: &'static [Item],
}

/// What a café sells.
pub(crate) const USUAL: Sample = Sample {
    merchant: "扫码咖啡",
    description: ["燕麦拿铁", "Oat latte"],
    amount_fen: 1800,
    order_no: "K1-27",
    code_url: "weixin://wxpay/bizpayurl?pr=a1B2c3Dzz",
    menu: &MENU,
};

/// The longest that a server may say, and a menu that nobody should write.
pub(crate) const LONGEST: Sample = Sample {
    merchant: "The Very Long Established Saoma Coffee Roasting Company, Limited",
    description: ["Sparkling water, matcha, latte, americano and everything else that a long menu \
                   can offer to a patient customer in the morning."; 2],
    amount_fen: 9_999_999,
    order_no: "KIOSK-AT-THE-STATION-7QX2M9XB-4294967295",
    code_url: "weixin://wxpay/bizpayurl/up?pr=0123456789abcdefghijklmnopqrstuvw",
    menu: &[LONG_ITEM; 8],
};

const LONG_ITEM: Item = Item {
    no: 7,
    name: "longest",
    zh: "燕麦拿铁云南手冲茉莉绿茶葡式蛋挞冰美式黄油可颂青柠气泡水咖啡豆燕麦拿铁",
    en: "Yunnan pour-over with lime sparkling water, jasmine green tea, egg tart and beans",
    // Thirteen of them are the most that an order may cost.
    amount_fen: 769_230,
    symbol: Symbol::Parcel,
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

    pub(crate) fn draw<D>(&self, target: &mut D, theme: &Theme) -> Result<(), D::Error>
    where
        D: DrawTarget,
        D::Color: From<Rgb888>,
    {
        self.plan(theme).picture.paint_all(target)
    }

    /// The same at another step of what moves.
    pub(crate) fn at_step(mut self, step: u16) -> Self {
        self.screen.step = step;
        self
    }

    pub(crate) fn dimmed(mut self) -> Self {
        self.screen.dimmed = true;
        self
    }

    /// The same with a key selected.
    pub(crate) fn focused(mut self, key: Key) -> Self {
        self.screen.focus = Some(key);
        self
    }
}

/// The theme that a display of this size has.
pub(crate) const fn theme((width, height): (u32, u32)) -> Theme {
    Theme::for_size(Size::new(width, height))
}

/// A page on a display.
pub(crate) fn app_on(page: Page, size: (u32, u32), language: Language, sample: &Sample) -> Stage {
    let size = Size::new(size.0, size.1);
    let is_code = matches!(page, Page::Code { .. });
    let code = is_code.then(|| layout::code_for(size, sample.code_url)).flatten();
    let has_order = !matches!(
        page,
        Page::Attract
            | Page::Menu(_)
            | Page::Basket(_)
            | Page::Resuming
            | Page::OutOfService(_)
            | Page::Staff(StaffPage { of: 0, .. })
    );
    let description = match language {
        Language::Zh => sample.description[0],
        Language::En => sample.description[1],
    };
    let order = OrderShown {
        number: String::try_from(sample.order_no).unwrap(),
        amount: Fen::new(sample.amount_fen).unwrap(),
        goods: String::try_from(description).unwrap(),
    };
    let order = if has_order { order } else { OrderShown::default() };
    let merchant = String::try_from(sample.merchant).unwrap();
    let (dimmed, step, focus) = (false, 0, None);
    Stage { screen: Screen { language, dimmed, step, focus, merchant, page, order, code }, size }
}

/// A page of the menu, with something in the basket on the first one.
pub(crate) fn menu_page(size: (u32, u32), page: usize, sample: &Sample) -> Page {
    let rows = layout::rows(Size::new(size.0, size.1)).min(ITEMS_PER_PAGE_MAX);
    let mut counts = [0; ITEMS_PER_PAGE_MAX];
    counts[0] = if page == 0 { 2 } else { 0 };
    let (first, menu) = (page * rows, sample.menu);
    Page::Menu(MenuPage {
        items: &menu[first.min(menu.len())..menu.len().min(first + rows)],
        first: u8::try_from(first).unwrap(),
        counts,
        page: u8::try_from(page).unwrap(),
        pages: u8::try_from(menu.len().div_ceil(rows)).unwrap(),
        pieces: if page == 0 { 2 } else { 0 },
        total: Fen::new(u64::from(menu[0].amount_fen) * 2).unwrap(),
        full: false,
    })
}

/// The first page of the basket.
pub(crate) fn basket_page(size: (u32, u32), sample: &Sample) -> Page {
    let rows = layout::basket_rows(Size::new(size.0, size.1));
    let mut shown = Rows::new();
    let mut total = 0;
    for (at, (item, count)) in sample.menu.iter().zip([2, 1, 9, 1]).enumerate() {
        let amount = Fen::new(u64::from(item.amount_fen) * u64::from(count)).unwrap();
        total += amount.get();
        if at < rows {
            shown.push(Row { item, count, amount }).unwrap();
        }
    }
    Page::Basket(BasketPage {
        rows: shown,
        first: 0,
        page: 0,
        pages: u8::try_from(4_usize.div_ceil(rows)).unwrap(),
        pieces: 13,
        total: Fen::new(total).unwrap(),
        full: false,
    })
}

/// Every screen on a display, with the name of its picture.
pub(crate) fn screens(
    size: (u32, u32),
    language: Language,
    sample: &Sample,
) -> Vec<(std::string::String, Stage)> {
    let on = |page: Page| app_on(page, size, language, sample);
    let is_tiny = size.0.min(size.1) < 160;
    // Small displays have arrow keys: there is always something selected.
    let with = |stage: Stage, key: Key| if is_tiny { stage.focused(key) } else { stage };
    let attract = with(on(Page::Attract).at_step(9), Key::Start);
    let menu = |page| on(menu_page(size, page, sample));
    let mut all = vec![
        ("attract".to_owned(), attract.clone()),
        ("attract-dimmed".to_owned(), attract.at_step(230).dimmed()),
        ("menu".to_owned(), with(menu(0), Key::Item(0))),
        ("menu-2".to_owned(), with(menu(1), Key::PageOn)),
        ("menu-selected".to_owned(), menu(0).focused(Key::Basket)),
        ("basket".to_owned(), with(on(basket_page(size, sample)), Key::Plus(0))),
    ];
    for page in PAGES.into_iter().filter(|page| *page != Page::Attract) {
        let name = match &page {
            Page::OutOfService(fault) => format!("out-of-service-{}", fault.code()),
            Page::Staff(StaffPage { of: 0, .. }) => "staff-none".to_owned(),
            page => page.name().to_owned(),
        };
        let key = if page.can_order_again() { Key::Again } else { Key::Language };
        all.push((name, with(on(page), key)));
    }
    all.push(("qr-hurry".to_owned(), with(on(Page::Code { left_s: 42 }), Key::Cancel)));
    all
}
