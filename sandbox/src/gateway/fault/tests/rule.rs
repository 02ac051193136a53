//! Which call, notification or payment a rule strikes, and how often.

use super::*;

#[test]
fn a_rule_strikes_where_it_says_and_as_often_as_it_says() {
    let mut shop = Shop::new();
    let rule = FaultRule::next(fault("system_error_before"));
    let elsewhere = [
        rule.clone().of_order(NEXT_NO),
        rule.clone().of_call(Call::CloseOrder),
        FaultRule { mch_id: Some(OTHER_MCH_ID.into()), ..rule.clone() },
    ];
    for rule in elsewhere {
        shop.gateway.add_fault(rule).unwrap();
    }
    shop.order(NO, &[]);
    assert_eq!(shop.order_refused(NEXT_NO, &[]).0, Code::SystemError);
    shop.order(NEXT_NO, &[]);
    assert_eq!(shop.close_refused(NO), Code::SystemError);
    assert_eq!(shop.other_merchant().order_refused(NO, &[]).0, Code::SystemError);
    let left: Vec<_> = shop.gateway.faults().iter().map(|view| (view.left, view.struck)).collect();
    assert_eq!(left, [(Some(0), 1); 3]);

    let mut shop = Shop::new();
    let id = shop.gateway.add_fault(rule.clone().often(Often::Next(2))).unwrap();
    for _ in 0..2 {
        assert_eq!(shop.order_refused(NO, &[]).0, Code::SystemError);
    }
    shop.order(NO, &[]);
    assert!(shop.gateway.remove_fault(id) && !shop.gateway.remove_fault(id));

    shop.gateway.add_fault(rule.often(Often::Always)).unwrap();
    for _ in 0..5 {
        assert_eq!(shop.close_refused(NO), Code::SystemError);
    }
    assert_eq!(shop.gateway.remove_faults(), 1);
    assert!(shop.gateway.faults.is_idle() && shop.gateway.faults().is_empty());
}

#[test]
fn a_rule_strikes_so_many_times_of_a_thousand() {
    let mut shop = Shop::new();
    let rule = FaultRule::next(fault("system_error_before")).often(Often::PerMille(300));
    shop.gateway.add_fault(rule).unwrap();
    shop.order_until_accepted(NO);
    let refused = (0..1000).filter(|_| shop.query_with(&[("out_trade_no", NO)]).is_err()).count();
    assert!((250..350).contains(&refused), "{refused}");
}

#[test]
fn a_bad_rule_is_refused_and_so_is_one_too_many() {
    let mut shop = Shop::new();
    let mut add = |rule: FaultRule| shop.gateway.add_fault(rule);
    let lost = FaultRule::next(fault("notice_lost"));
    let name = FaultName::NoticeLost;
    assert_eq!(add(lost.clone().of_call(Call::CloseOrder)), Err(FaultError::NotOfCalls { name }));
    for often in [Often::PerMille(0), Often::PerMille(1001), Often::Next(0)] {
        assert_eq!(add(lost.clone().often(often)), Err(FaultError::PerMille));
    }
    for _ in 0..FAULT_RULES_MAX {
        add(lost.clone()).unwrap();
    }
    assert_eq!(add(lost), Err(FaultError::TooMany));
}

#[test]
fn a_header_strikes_its_call_and_what_becomes_of_its_order() {
    let mut shop = Shop::new();
    let faults = [fault("answer_sign_type"), fault("notice_late; 30"), fault("paid_twice")];
    let answer = shop.raw_order_with(NO, &faults);
    assert_eq!(document(&answer).get("sign_type"), Some("MD5"));
    shop.order(NEXT_NO, &[]);
    shop.pay(NEXT_NO, Tender::default()).unwrap();
    assert_eq!(due(&mut shop).len(), 1, "another order goes as ever");
    shop.pay(NO, Tender::default()).unwrap();
    assert_eq!(due(&mut shop).len(), 1, "the second payment's notification");
    assert_eq!(shop.gateway.poll(NOW.plus(30)).send.len(), 1);
    assert!(shop.gateway.faults().is_empty(), "nobody asked by a rule");
    assert!(shop.gateway.faults.rules.is_empty(), "and nothing is left behind");
}

#[test]
fn magic_amounts_strike_once_an_order_where_they_are_on() {
    let amount = |name: FaultName| name.entry().magic_fen.to_string();
    let refused = amount(FaultName::SystemErrorBefore);
    let mut shop = Shop::new();
    shop.order(NO, &[("total_fee", &refused)]);

    let magic = || Rules { magic_amounts: true, ..Rules::default() };
    let mut shop = Shop::with_rules(magic());
    assert_eq!(shop.order_refused(NO, &[("total_fee", &refused)]).0, Code::SystemError);
    shop.order(NO, &[("total_fee", &refused)]);
    shop.order(NEXT_NO, &[("total_fee", &amount(FaultName::NoticeLate))]);
    shop.order(NEXT_NO, &[("total_fee", &amount(FaultName::NoticeLate))]);
    shop.pay(NEXT_NO, Tender::default()).unwrap();
    assert_eq!(shop.gateway.poll(NOW).wake_at, Some(NOW.plus(60)));
    assert!(shop.gateway.faults.rules.is_empty());
}

#[test]
fn faults_come_at_random_and_the_seed_says_which() {
    let run = |seed| {
        let mut shop = Shop::seeded_with(Rules { faults_per_mille: 200, ..Rules::default() }, seed);
        (0..300).map(|at| shop.raw_order(&format!("SM2026112300{at:04}")).body).collect::<Vec<_>>()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
    let mut shop = Shop::with_rules(Rules { faults_per_mille: 200, ..Rules::default() });
    for at in 0..500 {
        shop.raw_order(&format!("SM2026112300{at:04}"));
    }
    let times: u64 = shop.gateway.faults_struck().map(|(_, times)| times).sum();
    assert!((60..140).contains(&times), "{times}");
    assert!(shop.gateway.faults_struck().count() > 10, "of many kinds");
}

#[test]
fn asking_for_a_fault_changes_no_code_and_no_number() {
    let mut plain = Shop::new();
    let mut faulty = struck("answer_wrong_sign");
    faulty.raw_order(NEXT_NO);
    plain.raw_order(NEXT_NO);
    assert_eq!(plain.code(NO), faulty.code(NO));
}

#[test]
fn what_strikes_is_in_the_log() {
    let shop = paid("notice_late; 30");
    let message = shop.gateway.messages().find(|m| m.direction == Direction::Fault).unwrap();
    assert_eq!(message.name, "notice_late; 30");
    assert_eq!(
        (message.mch_id.as_deref(), message.out_trade_no.as_deref()),
        (Some(MCH_ID), Some(NO))
    );
    let detail = message.detail.as_deref().unwrap();
    assert_eq!(detail, "the first sending comes so much later (rule 1)");
}

#[test]
fn a_wrong_state_never_comes_by_chance() {
    let told: Vec<_> = CATALOGUE.iter().filter(|entry| !entry.name.comes_by_chance()).collect();
    assert_eq!(told.len(), 5);
    let mut shop = Shop::seeded_with(Rules { faults_per_mille: 1000, ..Rules::default() }, 7);
    let query = shop.signed(&crate::gateway::testing::query(NO), &[]);
    for _ in 0..500 {
        shop.raw_order(NO);
        shop.gateway.handle(Call::OrderQuery, &Arrival::of(query.as_bytes()), NOW);
    }
    assert!(shop.gateway.orders_numbered(NO, NOW).len() == 1, "the queries found it");
    assert!(shop.gateway.faults_struck().count() > 15, "all others of a call, in time");
    assert!(shop.gateway.faults_struck().all(|(name, _)| name.comes_by_chance()));
}
