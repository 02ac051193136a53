//! The people with phones: who each is to a shop, and what each has in the purse.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Gateway, numbers};
use crate::random::Random;

/// Who holds a phone: a name of 1 to 32 ASCII letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Person(String);

/// A text is no name of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPerson;

impl std::fmt::Display for NotAPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a person is 1 to 32 letters, digits, - and _")
    }
}

impl std::error::Error for NotAPerson {}

impl Person {
    /// A person of this name, or `None` when it is no name.
    pub fn new(name: &str) -> Option<Self> {
        let each = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let fits = (1..=32).contains(&name.len()) && name.bytes().all(each);
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Person {
    /// The one who is meant when nobody is named.
    fn default() -> Self {
        Self("1".to_owned())
    }
}

impl TryFrom<String> for Person {
    type Error = NotAPerson;

    fn try_from(name: String) -> Result<Self, NotAPerson> {
        Self::new(&name).ok_or(NotAPerson)
    }
}

impl From<Person> for String {
    fn from(person: Person) -> Self {
        person.0
    }
}

/// Where the money comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// 零钱: what is in the purse.
    #[default]
    Balance,
    /// A bank's debit card.
    DebitCard,
    /// A bank's credit card; not for orders with `limit_pay` `no_credit`.
    CreditCard,
}

impl Method {
    /// One word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::DebitCard => "debit_card",
            Self::CreditCard => "credit_card",
        }
    }

    /// The word in `bank_type`.
    pub const fn bank_type(self) -> &'static str {
        match self {
            Self::Balance => "OTHERS",
            Self::DebitCard => "CMB_DEBIT",
            Self::CreditCard => "CMB_CREDIT",
        }
    }
}

/// What the gateway knows of people.
#[derive(Debug, Default)]
pub(super) struct People {
    /// Each person has another openid under each appid.
    openids: BTreeMap<(Person, String), String>,
    /// What is in the purses that somebody has counted; all others never run empty.
    balances_fen: BTreeMap<Person, u64>,
}

impl People {
    pub(super) fn openid(&mut self, person: &Person, appid: &str, random: &mut Random) -> String {
        let known = self.openids.entry((person.clone(), appid.to_owned()));
        known.or_insert_with(|| numbers::openid(random)).clone()
    }

    pub(super) fn has(&self, person: &Person, fen: u64) -> bool {
        self.balances_fen.get(person).is_none_or(|balance_fen| *balance_fen >= fen)
    }

    pub(super) fn spend(&mut self, person: &Person, fen: u64) {
        if let Some(balance_fen) = self.balances_fen.get_mut(person) {
            *balance_fen = balance_fen.saturating_sub(fen);
        }
    }
}

impl Gateway {
    /// Puts this much into a person's purse (零钱), in fen; `None` for one that never runs empty,
    /// as every purse is that nobody has filled.
    pub fn set_balance(&mut self, person: &Person, balance_fen: Option<u64>) {
        match balance_fen {
            Some(fen) => self.people.balances_fen.insert(person.clone(), fen),
            None => self.people.balances_fen.remove(person),
        };
    }

    /// What is in a person's purse, in fen; `None` when it never runs empty.
    pub fn balance_fen(&self, person: &Person) -> Option<u64> {
        self.people.balances_fen.get(person).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOW, Shop};
    use super::super::{Coupon, PayError, ScanRefusal, Target, Tender};
    use super::*;

    const NO: &str = "SM20261123000001";

    fn person(name: &str) -> Person {
        Person::new(name).unwrap()
    }

    fn by(name: &str) -> Tender {
        Tender { person: Some(person(name)), ..Tender::default() }
    }

    fn with(method: Method) -> Tender {
        Tender { method, ..Tender::default() }
    }

    #[test]
    fn a_person_has_a_short_plain_name() {
        for name in ["1", "li-lei", "Han_Meimei", &"x".repeat(32)] {
            assert_eq!(person(name).as_str(), name);
        }
        for name in ["", "a b", "李", "a:b", &"x".repeat(33)] {
            assert_eq!(Person::new(name), None, "{name}");
            assert!(serde_json::from_value::<Person>(name.into()).is_err(), "{name}");
        }
    }

    #[test]
    fn the_first_who_scans_an_order_binds_it() {
        let mut shop = Shop::new();
        let code = shop.code(NO);
        shop.gateway.scan_as(&person("a"), &code, NOW).unwrap();
        shop.gateway.scan_as(&person("a"), &code, NOW).unwrap();
        let other = shop.gateway.scan_as(&person("b"), &code, NOW);
        assert_eq!(other, Err(ScanRefusal::ScannedByOther));
        let other = PayError::Refused(ScanRefusal::ScannedByOther);
        assert_eq!(shop.pay(NO, by("b")), Err(other));
        let renewed = shop.code(NO);
        let other = shop.gateway.scan_as(&person("b"), &renewed, NOW);
        assert_eq!(other, Err(ScanRefusal::ScannedByOther), "the order is bound, not its code");
        assert_eq!(shop.gateway.orders(NOW)[0].scanned_by.as_deref(), Some("a"));
        shop.pay(NO, by("a")).unwrap();
    }

    #[test]
    fn who_pays_without_scanning_binds_as_well() {
        let mut shop = Shop::new();
        let code = shop.code(NO);
        let short = vec![Coupon { id: "1".into(), fee_fen: 1801, kind: None }];
        assert!(shop.pay(NO, Tender { coupons: short, ..by("b") }).is_err());
        shop.pay(NO, Tender { after_s: 5, ..by("a") }).unwrap();
        let other = shop.gateway.scan_as(&person("b"), &code, NOW);
        assert_eq!(other, Err(ScanRefusal::ScannedByOther), "and who was refused has not");
    }

    #[test]
    fn nobody_in_particular_is_whoever_has_bound_the_order() {
        let mut shop = Shop::new();
        let code = shop.code(NO);
        shop.gateway.scan_as(&person("b"), &code, NOW).unwrap();
        shop.gateway.scan(&code, NOW).unwrap();
        shop.pay(NO, Tender::default()).unwrap();
        assert_eq!(shop.gateway.orders(NOW)[0].payments[0].person, "b");
    }

    #[test]
    fn a_test_may_force_a_second_person_to_pay() {
        let mut shop = Shop::new();
        shop.order(NO, &[]);
        shop.pay(NO, by("a")).unwrap();
        shop.pay(NO, Tender { force: true, ..by("b") }).unwrap();
        let payments = &shop.gateway.orders(NOW)[0].payments;
        let payers: Vec<_> = payments.iter().map(|payment| payment.person.as_str()).collect();
        assert_eq!(payers, ["a", "b"]);
    }

    #[test]
    fn each_person_has_an_openid_of_their_own_under_each_appid() {
        let mut shop = Shop::new();
        let openid = |shop: &mut Shop, no: &str, name: &str| {
            shop.order(no, &[]);
            shop.pay(no, by(name)).unwrap();
            shop.query(no).get("openid").unwrap().to_owned()
        };
        let ours = openid(&mut shop, "SM20261123000001", "a");
        let theirs = openid(&mut shop, "SM20261123000002", "b");
        assert_ne!(ours, theirs);
        assert_eq!(openid(&mut shop, "SM20261123000003", "a"), ours);
        assert_eq!(openid(&mut shop, "SM20261123000004", "b"), theirs);
        shop.other_merchant();
        assert_ne!(openid(&mut shop, "SM20261123000005", "a"), ours);
    }

    #[test]
    fn the_shop_is_told_which_bank_paid() {
        for (method, bank_type) in [
            (Method::Balance, "OTHERS"),
            (Method::DebitCard, "CMB_DEBIT"),
            (Method::CreditCard, "CMB_CREDIT"),
        ] {
            let mut shop = Shop::new();
            shop.order(NO, &[]);
            shop.pay(NO, with(method)).unwrap();
            assert_eq!(shop.query(NO).get("bank_type"), Some(bank_type));
            let notice = shop.gateway.poll(NOW).send.pop().unwrap().body;
            assert!(notice.contains(&format!("<bank_type><![CDATA[{bank_type}]]>")), "{notice}");
        }
    }

    #[test]
    fn an_order_without_credit_takes_no_credit_card() {
        let mut shop = Shop::new();
        shop.order(NO, &[("limit_pay", "no_credit")]);
        assert_eq!(shop.pay(NO, with(Method::CreditCard)), Err(PayError::NoCredit));
        assert!(
            shop.gateway
                .scan(&shop.gateway.orders(NOW)[0].code_url.clone(), NOW)
                .unwrap()
                .no_credit
        );
        shop.pay(NO, with(Method::DebitCard)).unwrap();
    }

    #[test]
    fn a_purse_pays_until_it_is_empty_and_then_a_card_must() {
        let mut shop = Shop::new();
        let me = Person::default();
        assert_eq!(shop.gateway.balance_fen(&me), None, "a purse that never runs empty");
        shop.gateway.set_balance(&me, Some(2000));
        for no in ["SM20261123000001", "SM20261123000002"] {
            shop.order(no, &[]);
        }
        shop.pay("SM20261123000001", Tender::default()).unwrap();
        assert_eq!(shop.gateway.balance_fen(&me), Some(200));
        let no = "SM20261123000002";
        assert_eq!(shop.pay(no, Tender::default()), Err(PayError::BalanceTooLow));
        assert_eq!(shop.query(no).get("trade_state"), Some("NOTPAY"));
        shop.pay(no, with(Method::DebitCard)).unwrap();
        assert_eq!(shop.gateway.balance_fen(&me), Some(200), "the card paid");
        shop.gateway.set_balance(&me, None);
        assert_eq!(shop.gateway.balance_fen(&me), None);
    }

    #[test]
    fn a_coupon_spares_the_purse() {
        let mut shop = Shop::new();
        shop.gateway.set_balance(&Person::default(), Some(1000));
        shop.order(NO, &[]);
        let coupons = vec![Coupon { id: "1".into(), fee_fen: 800, kind: None }];
        shop.pay(NO, Tender { coupons, ..Tender::default() }).unwrap();
        assert_eq!(shop.gateway.balance_fen(&Person::default()), Some(0));
        assert_eq!(shop.pay(NO, by("2")), Err(PayError::Refused(ScanRefusal::OrderPaid)));
    }

    #[test]
    fn a_refused_payment_costs_nothing() {
        let mut shop = Shop::new();
        shop.gateway.set_balance(&Person::default(), Some(5000));
        let code = Target::of_code("weixin://wxpay/bizpayurl?pr=unknown");
        assert!(shop.gateway.pay(&code, Tender::default(), NOW).is_err());
        assert_eq!(shop.gateway.balance_fen(&Person::default()), Some(5000));
    }
}
