//! The list of bad documents at the address of notifications.

use crate::documents::{self, Bad};
use crate::prey::Prey;

/// Each is refused and counted, and nothing changes; then the good one is taken.
async fn all_refused(prey: &Prey, list: Vec<Bad>) {
    let (books, counted) = (prey.books(), prey.refused().await);
    let count = u64::try_from(list.len()).unwrap();
    for (what, body) in list {
        let (status, answer) = prey.notify(body).await;
        assert!(status == 200 || status == 413, "{what}: {status}");
        assert!(answer.contains("FAIL") && !answer.contains("SUCCESS"), "{what}: {answer}");
        assert!(!answer.contains("root:"), "{what}: {answer}");
    }
    assert_eq!(prey.refused().await - counted, count);
    assert_eq!(prey.books(), books);
    println!("{count} refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_a_wrong_form_changes_nothing() {
    let prey = Prey::start().await;
    all_refused(&prey, documents::forms(&prey.good())).await;
    prey.takes_the_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_with_a_wrong_signature_changes_nothing() {
    let prey = Prey::start().await;
    all_refused(&prey, documents::signatures(&prey)).await;
    prey.takes_the_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_document_whose_fields_break_their_rules_changes_nothing() {
    let prey = Prey::start().await;
    all_refused(&prey, documents::fields(&prey)).await;
    prey.takes_the_good_one().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_good_is_taken_in_any_dress_and_only_once() {
    let prey = Prey::start().await;
    let good = prey.good();
    let marked = format!("\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{good}\n");
    assert_eq!(prey.notify(marked).await.0, 200);
    prey.until("shipped").await;
    for dress in [
        good.clone(),
        good.replace("><", ">\n<"),
        good.replace("OTHERS", "<![CDATA[OTHERS]]>"),
        good.replace("OTHERS", "OT<![CDATA[HE]]>&#82;&#x53;"),
        // What is empty is not signed.
        good.replace("<appid>", "<attach></attach><device_info><![CDATA[]]></device_info><appid>"),
    ] {
        let (_, answer) = prey.notify(dress).await;
        assert!(answer.contains("SUCCESS"), "{answer}");
    }
    assert_eq!(prey.rig.shop.calls().len(), 1);
}
