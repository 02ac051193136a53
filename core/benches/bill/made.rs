//! Bills made while they are read, so that one of a million lines needs no room.

use std::fmt::Write as _;
use std::io::{self, Read};

/// What the lines are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Payments, and after each ninth of them a refund.
    Trade,
    /// Incomes, and after each ninth of them an expense.
    Fund,
}

/// A bill with WeChat's header, lines of all lengths and the summary.
#[derive(Debug)]
pub(crate) struct MadeBill {
    kind: Kind,
    lines: u64,
    /// Lines made so far.
    made: u64,
    ended: bool,
    /// What came in and what went out, in fen: payments and refunds, or incomes and expenses.
    pub(crate) income: u64,
    pub(crate) expense: u64,
    expense_count: u64,
    /// Fees in thousandths of a fen.
    fees: u64,
    /// Made and not yet read.
    text: String,
    read: usize,
}

impl MadeBill {
    pub(crate) fn new(kind: Kind, lines: u64) -> Self {
        let header = match kind {
            Kind::Trade => {
                "\u{FEFF}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,\
                用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,\
                微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,\
                商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n"
            }
            Kind::Fund => {
                "\u{FEFF}记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,\
                收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号\r\n"
            }
        };
        Self {
            kind,
            lines,
            made: 0,
            ended: false,
            income: 0,
            expense: 0,
            expense_count: 0,
            fees: 0,
            text: header.to_string(),
            read: 0,
        }
    }

    fn make(&mut self) {
        self.text.clear();
        self.read = 0;
        if self.made < self.lines {
            self.made += 1;
            let is_expense = self.made.is_multiple_of(10);
            let amount = 1 + self.made * 7_919 % 100_000;
            if is_expense {
                self.expense += amount;
                self.expense_count += 1;
            } else {
                self.income += amount;
            }
            match self.kind {
                Kind::Trade => self.trade_line(is_expense, amount),
                Kind::Fund => self.fund_line(is_expense, amount),
            }
        } else if !self.ended {
            self.ended = true;
            self.summary();
        }
    }

    fn trade_line(&mut self, is_refund: bool, amount: u64) {
        let at = self.made;
        let time = Time(at);
        let goods = ["拿铁", "美式咖啡, 大杯,", "扫码示例店-本周套餐, 两人份"];
        let body = goods[usize::try_from(at % 3).unwrap_or(0)];
        let (paid, back) = if is_refund { (0, amount) } else { (amount, 0) };
        let fee = amount * 6;
        self.fees += if is_refund { 0 } else { fee };
        let (state, refund_id) = if is_refund { ("REFUND", at) } else { ("SUCCESS", 0) };
        let (channel, refund_state) = if is_refund { ("ORIGINAL", "SUCCESS") } else { ("", "") };
        let fee = if is_refund { 0 } else { fee };
        let (paid, back) = (Yuan(paid), Yuan(back));
        let (yuan, rest) = (fee / 100_000, fee % 100_000);
        let done = write!(
            self.text,
            "`{time},`wx5a0mademeup0001,`1900000109,`0,`kiosk-7,`42000099992026112300{at:08},\
             `SM20261123{at:08}-1,`oMadeUpOpenIdForTests{at:07},`NATIVE,`{state},`CMB_CREDIT,\
             `CNY,`{paid},`0.00,`{refund_id},`{refund_id},`{back},`0.00,`{channel},\
             `{refund_state},`{body},`深圳分店,`{yuan}.{rest:05},`0.60%,`{paid},`{back},`\r\n"
        );
        done.expect("a string takes everything");
    }

    fn fund_line(&mut self, is_expense: bool, amount: u64) {
        let at = self.made;
        let time = Time(at);
        let (name, direction) =
            if is_expense { ("退款", "支出") } else { ("交易", "收入") };
        let (amount, balance) = (Yuan(amount), Yuan(at * 100));
        let done = write!(
            self.text,
            "`{time},`42000099992026112300{at:08},`42000099992026112300{at:08}F,`{name},\
             `{name},`{direction},`{amount},`{balance},`system,`费率 0.60%, 小微,\
             `SM20261123{at:08}-1\r\n"
        );
        done.expect("a string takes everything");
    }

    fn summary(&mut self) {
        let (income, expense) = (Yuan(self.income), Yuan(self.expense));
        let (all, expenses) = (self.lines, self.expense_count);
        let incomes = all - expenses;
        let (yuan, rest) = (self.fees / 100_000, self.fees % 100_000);
        let done = match self.kind {
            Kind::Trade => write!(
                self.text,
                "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,\
                 申请退款总金额\r\n\
                 `{all},`{income},`{expense},`0.00,`{yuan}.{rest:05},`{income},`{expense}\r\n"
            ),
            Kind::Fund => write!(
                self.text,
                "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n\
                 `{all},`{incomes},`{income},`{expenses},`{expense}\r\n"
            ),
        };
        done.expect("a string takes everything");
    }
}

impl Read for MadeBill {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.read == self.text.len() {
                self.make();
                if self.text.is_empty() {
                    break;
                }
            }
            let rest = &self.text.as_bytes()[self.read..];
            let len = rest.len().min(buffer.len() - filled);
            buffer[filled..filled + len].copy_from_slice(&rest[..len]);
            self.read += len;
            filled += len;
        }
        Ok(filled)
    }
}

/// A time of the day, by the number of the line.
struct Time(u64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let second = self.0 % 86_400;
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        write!(f, "2026-11-23 {hour:02}:{minute:02}:{:02}", second % 60)
    }
}

/// Fen, written as yuan.
struct Yuan(u64);

impl std::fmt::Display for Yuan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}
