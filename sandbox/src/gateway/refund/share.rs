//! How a part of a payment that goes back is shared out over its coupons and the rest
//! (`docs/protocol.md` §7).

use super::super::order::Payment;

/// What has gone back of a payment before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// All of it, with coupons.
    pub(super) refund_fen: u64,
    /// What of it was each coupon, in the order of the payment's coupons.
    pub(super) coupons_fen: Vec<u64>,
}

/// What goes back of each coupon, in the order of the payment's coupons.
///
/// Each coupon goes back in the proportion in which the payment does: after each refund its part
/// is, rounded down, what all refunds together are of the payment. So a payment that has gone back
/// as a whole has given back each coupon as a whole, in however many parts. Where refunds came to
/// nothing in between, the parts are corrected so that no more goes back than is left of anything.
pub(super) fn share(payment: &Payment, before: &Before, refund_fen: u64) -> Vec<u64> {
    let returned_fen = before.refund_fen.saturating_add(refund_fen).min(payment.total_fen);
    let before_fen = |n: usize| before.coupons_fen.get(n).copied().unwrap_or(0);
    let mut parts: Vec<u64> = payment
        .coupons
        .iter()
        .enumerate()
        .map(|(n, coupon)| {
            let aim_fen = portion(coupon.fee_fen, returned_fen, payment.total_fen);
            aim_fen.saturating_sub(before_fen(n))
        })
        .collect();
    let mut too_much = parts.iter().sum::<u64>().saturating_sub(refund_fen);
    for part in parts.iter_mut().rev() {
        let cut = too_much.min(*part);
        *part -= cut;
        too_much -= cut;
    }
    let coupons_before_fen: u64 = before.coupons_fen.iter().sum();
    let cash_before_fen = before.refund_fen.saturating_sub(coupons_before_fen);
    let cash_left_fen = payment.cash_fen().saturating_sub(cash_before_fen);
    let cash_fen = refund_fen.saturating_sub(parts.iter().sum());
    let mut too_little = cash_fen.saturating_sub(cash_left_fen);
    for (n, part) in parts.iter_mut().enumerate() {
        let left_fen = payment.coupons[n].fee_fen.saturating_sub(before_fen(n) + *part);
        let more = too_little.min(left_fen);
        *part += more;
        too_little -= more;
    }
    parts
}

/// `amount * part / whole`, rounded down; nothing of nothing.
fn portion(amount: u64, part: u64, whole: u64) -> u64 {
    let product = u128::from(amount) * u128::from(part);
    u64::try_from(product.checked_div(u128::from(whole)).unwrap_or(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::NOW;
    use super::super::super::{Coupon, CouponKind, Method, Person};
    use super::*;
    use proptest::prelude::*;

    fn payment(total_fen: u64, coupons_fen: &[u64]) -> Payment {
        let coupon = |fee_fen: &u64| Coupon {
            id: "1".into(),
            fee_fen: *fee_fen,
            kind: Some(CouponKind::NoCash),
        };
        Payment {
            transaction_id: "4200".into(),
            total_fen,
            coupons: coupons_fen.iter().map(coupon).collect(),
            person: Person::default(),
            openid: "o".into(),
            method: Method::default(),
            fee_type: "CNY",
            paid_at: NOW,
        }
    }

    #[test]
    fn coupons_go_back_in_proportion() {
        let payment = payment(1800, &[600, 99]);
        let first = share(&payment, &Before::default(), 900);
        assert_eq!(first, [300, 49], "half, rounded down");
        let before = Before { refund_fen: 900, coupons_fen: first };
        assert_eq!(share(&payment, &before, 900), [300, 50], "and the rest at last");
    }

    #[test]
    fn one_fen_goes_back_as_money() {
        assert_eq!(share(&payment(1800, &[600]), &Before::default(), 1), [0]);
    }

    #[test]
    fn what_coupons_paid_alone_goes_back_as_coupons_alone() {
        let payment = payment(100, &[40, 60]);
        assert_eq!(share(&payment, &Before::default(), 1), [1, 0], "there is no money");
        assert_eq!(share(&payment, &Before::default(), 100), [40, 60]);
    }

    proptest! {
        /// Refunds in any sequence, some of which come to nothing again: never more than is left,
        /// and all of it when all goes back.
        #[test]
        fn nothing_goes_back_twice(
            coupons_fen in prop::collection::vec(1..300_u64, 0..5),
            cash_fen in 0..500_u64,
            steps in prop::collection::vec((1..400_u64, prop::bool::ANY), 1..20),
        ) {
            let total_fen = coupons_fen.iter().sum::<u64>() + cash_fen;
            prop_assume!(total_fen > 0);
            let payment = payment(total_fen, &coupons_fen);
            let mut live: Vec<(u64, Vec<u64>)> = Vec::new();
            let before = |live: &[(u64, Vec<u64>)]| Before {
                refund_fen: live.iter().map(|(fen, _)| fen).sum(),
                coupons_fen: (0..coupons_fen.len())
                    .map(|n| live.iter().map(|(_, parts)| parts[n]).sum())
                    .collect(),
            };
            let check = |live: &[(u64, Vec<u64>)]| {
                let sum = before(live);
                for (part, whole) in sum.coupons_fen.iter().zip(&coupons_fen) {
                    assert!(part <= whole);
                }
                let coupons_fen: u64 = sum.coupons_fen.iter().sum();
                assert!(coupons_fen <= sum.refund_fen);
                assert!(sum.refund_fen - coupons_fen <= payment.cash_fen());
            };
            for (fen, closes) in steps {
                let fen = fen.min(total_fen - before(&live).refund_fen);
                if fen > 0 {
                    live.push((fen, share(&payment, &before(&live), fen)));
                    check(&live);
                }
                if closes {
                    live.remove(0);
                }
            }
            let rest = total_fen - before(&live).refund_fen;
            live.push((rest, share(&payment, &before(&live), rest)));
            check(&live);
            prop_assert_eq!(before(&live).coupons_fen, coupons_fen);
        }
    }
}
