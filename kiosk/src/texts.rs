//! What the terminal says, in every language it speaks.
//!
//! The bitmap fonts hold the characters of these texts and no others, so whoever changes a text
//! makes the fonts again (`kiosk/font/README.md`); a test says when that is due.

use crate::app::Fault;

/// A language of the screens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Chinese, simplified.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::Zh, Self::En];

    /// The language that the language key leads to.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    /// The two letters of ISO 639-1.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// Its texts.
    #[must_use]
    pub const fn words(self) -> &'static Words {
        match self {
            Self::Zh => &ZH,
            Self::En => &EN,
        }
    }
}

/// A page without a code: what happened, and what it means for the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// A few words in large letters: at most seven characters, or sixteen letters.
    pub title: &'static str,
    /// A sentence below.
    pub note: &'static str,
}

/// All texts in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Nobody is there. The note is for a display that can be touched.
    pub attract: Message,
    /// The same where there are only keys.
    pub attract_press: &'static str,
    /// Above the menu.
    pub menu: &'static str,
    /// Above the basket, and the key that leads to it.
    pub basket: &'static str,
    /// Before the sum.
    pub total: &'static str,
    /// The basket takes no more of this.
    pub full: &'static str,
    /// Beside the code: what to do with it.
    pub scan: &'static str,
    /// The same where there is little room.
    pub scan_short: &'static str,
    /// Before the minutes and seconds.
    pub left: &'static str,
    /// Before an order's number.
    pub order: &'static str,
    /// The terminal has just begun.
    pub resuming: Message,
    /// The order is being made.
    pub starting: Message,
    /// The last word on the payment is not in yet.
    pub checking: Message,
    /// Being given up.
    pub cancelling: Message,
    /// Paid, and the goods are coming.
    pub dispensing: Message,
    /// The goods are out.
    pub take: Message,
    /// Given up.
    pub cancelled: Message,
    /// Too late.
    pub expired: Message,
    /// Money goes back.
    pub refunding: Message,
    /// Money is on its way back.
    pub refunded: Message,
    /// WeChat does not take the order.
    pub failed: Message,
    /// The server cannot be reached. The note is for a customer with an order.
    pub offline: Message,
    /// The same without an order.
    pub offline_idle: &'static str,
    /// Nothing can be sold.
    pub out_of_service: Message,
    /// Only a person can go on.
    pub help: Message,
    /// The code has more modules than the display has pixels.
    pub no_room: Message,
    /// For the staff: an order that waits for them.
    pub staff: Message,
    /// The same where none waits.
    pub staff_none: &'static str,
    /// The key that begins.
    pub start: &'static str,
    /// The key that goes one step back.
    pub back: &'static str,
    /// The key to the page before.
    pub page_back: &'static str,
    /// The key to the next page.
    pub page_on: &'static str,
    /// The key that makes the order.
    pub pay: &'static str,
    /// The key that gives the order up.
    pub cancel: &'static str,
    /// The key that makes the next order.
    pub again: &'static str,
    /// The staff's key: the goods of this order are with the customer.
    pub done: &'static str,
    /// The staff's key: this order was settled in another way.
    pub forget: &'static str,
    /// The staff's key: the dispenser works again.
    pub repaired: &'static str,
    /// The key that leads to the other language, in that language.
    pub language: &'static str,
    /// Between goods and how many of them.
    pub times: &'static str,
    /// Between goods.
    pub and: &'static str,
    /// Before and after the number of pieces that are not named.
    pub more: (&'static str, &'static str),
    /// What is wrong, for the staff, in the order of [`Fault::ALL`].
    pub faults: [&'static str; 4],
}

const ZH: Words = Words {
    attract: Message { title: "自助点单", note: "触摸屏幕开始" },
    attract_press: "按任意键开始",
    menu: "请选择",
    basket: "购物车",
    total: "合计",
    full: "已达上限",
    scan: "请用微信扫码支付",
    scan_short: "微信扫码",
    left: "剩余",
    order: "订单号",
    resuming: Message { title: "正在启动", note: "正在核对之前的订单" },
    starting: Message { title: "正在下单", note: "请稍候" },
    checking: Message { title: "正在确认付款", note: "请勿重复付款" },
    cancelling: Message { title: "正在取消", note: "请勿再付款" },
    dispensing: Message { title: "支付成功", note: "正在出货，请稍候" },
    take: Message { title: "请取走商品", note: "谢谢惠顾" },
    cancelled: Message { title: "订单已取消", note: "没有扣款" },
    expired: Message { title: "订单已超时", note: "没有扣款，请重新下单" },
    refunding: Message { title: "正在退款", note: "款项将原路退回" },
    refunded: Message { title: "已退款", note: "款项正在原路退回" },
    failed: Message { title: "下单失败", note: "没有扣款，请重新下单" },
    offline: Message {
        title: "网络连接中断", note: "正在重新连接，请勿重复付款"
    },
    offline_idle: "正在重新连接，请稍候",
    out_of_service: Message { title: "暂停服务", note: "请联系店员" },
    help: Message { title: "请联系店员", note: "请出示下面的订单号" },
    no_room: Message { title: "屏幕太小", note: "付款码放不下，请联系店员" },
    staff: Message { title: "店员处理", note: "请核对商品是否已交付" },
    staff_none: "没有待处理的订单",
    start: "开始点单",
    back: "返回",
    page_back: "上一页",
    page_on: "下一页",
    pay: "去付款",
    cancel: "取消",
    again: "再来一单",
    done: "已交付",
    forget: "另行处理",
    repaired: "恢复服务",
    language: "English",
    times: "×",
    and: "、",
    more: ("等", "件"),
    faults: ["出货机故障", "存储无法写入", "待处理订单已满", "密钥被拒绝"],
};

const EN: Words = Words {
    attract: Message { title: "Order here", note: "Touch to start" },
    attract_press: "Press a key to start",
    menu: "What would you like?",
    basket: "Basket",
    total: "Total",
    full: "No more of this",
    scan: "Scan with WeChat to pay",
    scan_short: "Scan to pay",
    left: "Time left",
    order: "Order",
    resuming: Message { title: "Starting up", note: "Checking earlier orders" },
    starting: Message { title: "One moment", note: "Your order is being placed" },
    checking: Message { title: "Checking", note: "Please do not pay again" },
    cancelling: Message { title: "Cancelling", note: "Please do not pay any more" },
    dispensing: Message { title: "Paid", note: "Your goods are on their way" },
    take: Message { title: "Take your goods", note: "Thank you" },
    cancelled: Message { title: "Cancelled", note: "Nothing was paid" },
    expired: Message { title: "Time is up", note: "Nothing was paid" },
    refunding: Message { title: "Refunding", note: "Your money is going back to you" },
    refunded: Message { title: "Refunded", note: "Your money is on its way back" },
    failed: Message { title: "Order failed", note: "Nothing was paid, try again" },
    offline: Message { title: "Offline", note: "Back soon. Do not pay twice" },
    offline_idle: "Back soon",
    out_of_service: Message { title: "Out of service", note: "Please ask the staff" },
    help: Message { title: "Ask the staff", note: "Please show them this number" },
    no_room: Message { title: "No room", note: "The code does not fit, ask the staff" },
    staff: Message { title: "Staff", note: "Has the customer got the goods?" },
    staff_none: "No order waits for you",
    start: "Start",
    back: "Back",
    page_back: "Previous",
    page_on: "Next",
    pay: "Pay",
    cancel: "Cancel",
    again: "Order again",
    done: "Handed over",
    forget: "Settled",
    repaired: "Repaired",
    language: "中文",
    times: " ×",
    and: ", ",
    more: (" and ", " more"),
    faults: ["Dispenser failed", "Storage failed", "Too many open orders", "Key refused"],
};

impl Words {
    /// What is wrong, for the staff.
    #[must_use]
    pub const fn fault(&self, fault: Fault) -> &'static str {
        let [dispenser, journal, full, key] = self.faults;
        match fault {
            Fault::Dispenser => dispenser,
            Fault::Journal => journal,
            Fault::Full => full,
            Fault::Key => key,
        }
    }

    /// The pages that are a message.
    #[must_use]
    pub const fn messages(&self) -> [Message; 17] {
        [
            self.attract,
            self.resuming,
            self.starting,
            self.checking,
            self.cancelling,
            self.dispensing,
            self.take,
            self.cancelled,
            self.expired,
            self.refunding,
            self.refunded,
            self.failed,
            self.offline,
            self.out_of_service,
            self.help,
            self.no_room,
            self.staff,
        ]
    }

    /// The texts that are not part of a message.
    #[must_use]
    pub const fn labels(&self) -> [&'static str; 32] {
        let [dispenser, journal, full, key] = self.faults;
        [
            self.attract_press,
            self.menu,
            self.basket,
            self.total,
            self.full,
            self.scan,
            self.scan_short,
            self.left,
            self.order,
            self.offline_idle,
            self.staff_none,
            self.start,
            self.back,
            self.page_back,
            self.page_on,
            self.pay,
            self.cancel,
            self.again,
            self.done,
            self.forget,
            self.repaired,
            self.language,
            self.times,
            self.and,
            self.more.0,
            self.more.1,
            dispenser,
            journal,
            full,
            key,
            "…",
            "E1234",
        ]
    }
}
