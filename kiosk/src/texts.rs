//! What the terminal says, in every language it speaks.
//!
//! The bitmap fonts hold the characters of these texts and no others, so whoever changes a text
//! makes the fonts again (`kiosk/font/README.md`); a test says when that is due.

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
    /// A few words in large letters.
    pub title: &'static str,
    /// A sentence below.
    pub note: &'static str,
}

/// All texts in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Beside the code: what to do with it.
    pub scan: &'static str,
    /// The same where there is little room.
    pub scan_short: &'static str,
    /// Before the minutes and seconds.
    pub left: &'static str,
    /// Before an order's number.
    pub order: &'static str,
    /// The order is being made.
    pub starting: Message,
    /// The last word on the payment is not in yet.
    pub checking: Message,
    /// Being given up.
    pub cancelling: Message,
    /// Paid.
    pub paid: Message,
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
    /// The server cannot be reached.
    pub offline: Message,
    /// Only a person can go on.
    pub help: Message,
    /// The code has more modules than the display has pixels.
    pub no_room: Message,
    /// The key that gives the order up.
    pub cancel: &'static str,
    /// The key that makes the next order.
    pub again: &'static str,
    /// The key that leads to the other language, in that language.
    pub language: &'static str,
}

const ZH: Words = Words {
    scan: "请用微信扫码支付",
    scan_short: "微信扫码",
    left: "剩余",
    order: "订单号",
    starting: Message { title: "正在下单", note: "请稍候" },
    checking: Message { title: "正在确认付款", note: "请勿重复付款" },
    cancelling: Message { title: "正在取消", note: "请勿再付款" },
    paid: Message { title: "支付成功", note: "谢谢惠顾" },
    cancelled: Message { title: "订单已取消", note: "没有扣款" },
    expired: Message { title: "订单已超时", note: "没有扣款，请重新下单" },
    refunding: Message { title: "正在退款", note: "款项将原路退回" },
    refunded: Message { title: "已退款", note: "款项正在原路退回" },
    failed: Message { title: "下单失败", note: "没有扣款，请重新下单" },
    offline: Message {
        title: "网络连接中断", note: "正在重新连接，请勿重复付款"
    },
    help: Message { title: "请联系店员", note: "请出示下面的订单号" },
    no_room: Message { title: "屏幕太小", note: "付款码放不下，请联系店员" },
    cancel: "取消",
    again: "再来一单",
    language: "English",
};

const EN: Words = Words {
    scan: "Scan with WeChat to pay",
    scan_short: "Scan to pay",
    left: "Time left",
    order: "Order",
    starting: Message { title: "One moment", note: "Your order is being placed" },
    checking: Message { title: "Checking", note: "Please do not pay again" },
    cancelling: Message { title: "Cancelling", note: "Please do not pay any more" },
    paid: Message { title: "Paid", note: "Thank you" },
    cancelled: Message { title: "Cancelled", note: "Nothing was paid" },
    expired: Message { title: "Time is up", note: "Nothing was paid" },
    refunding: Message { title: "Refunding", note: "Your money is going back to you" },
    refunded: Message { title: "Refunded", note: "Your money is on its way back" },
    failed: Message { title: "Order failed", note: "Nothing was paid, try again" },
    offline: Message { title: "Offline", note: "Back soon. Do not pay twice" },
    help: Message { title: "Ask the staff", note: "Please show them this number" },
    no_room: Message { title: "No room", note: "The code does not fit, ask the staff" },
    cancel: "Cancel",
    again: "Order again",
    language: "中文",
};

impl Words {
    /// The pages that are a message.
    #[must_use]
    pub const fn messages(&self) -> [Message; 12] {
        [
            self.starting,
            self.checking,
            self.cancelling,
            self.paid,
            self.cancelled,
            self.expired,
            self.refunding,
            self.refunded,
            self.failed,
            self.offline,
            self.help,
            self.no_room,
        ]
    }

    /// The texts that are not part of a message.
    #[must_use]
    pub const fn labels(&self) -> [&'static str; 7] {
        [self.scan, self.scan_short, self.left, self.order, self.cancel, self.again, self.language]
    }
}
