//! A caller that lost an answer repeats the step: it is told that it happened, and nothing happens twice.

use aerostat_core::{Exchanged, HistoryQuery, Refreshed, Taken};

use super::Fixture;
use super::steps::{exchange, seat_each, table, transfer};
use crate::samples::{cause, claim, db, id, occupant_with, slots, web};

/// A repeated take gives [`Taken::Held`] of the same node, and opens nothing.
pub async fn a_repeated_take_is_held(fixture: &Fixture) {
    let store = fixture.store();
    let (claim, fresh) = (claim(&web(0), occupant_with("a", &["www"])), slots(web, 0..2));
    let taken = store.take(&claim, &fresh, &cause()).await.expect("a take");
    let Taken::Node(node) = taken else { panic!("{taken:?}") };
    let before = table(store).await;
    for handle in [store, &fixture.another().await] {
        let again = handle.take(&claim, &fresh, &cause()).await.expect("a take");
        assert_eq!(again, Taken::Held(node.clone()));
    }
    let after = table(store).await;
    assert_eq!((after.revision, after.entries), (before.revision, before.entries));
    assert_eq!(store.history(&HistoryQuery::default()).await.expect("a history").len(), 1);
}

/// A repeated exchange gives [`Exchanged::Conflict`] with the wanted holders.
pub async fn a_repeated_exchange_conflicts_with_the_wanted_holders(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(db, 0..3)).await;
    let transfers =
        [transfer(&db(0), "i-0", "i-2"), transfer(&db(1), "i-1", "i-0"), transfer(&db(2), "i-2", "-")];
    // `i-1` leaves: its slot goes to the old master.
    exchange(store, &transfers).await;
    let before = table(store).await;
    for handle in [store, &fixture.another().await] {
        let again = handle.exchange(&transfers, &cause()).await.expect("an exchange");
        let Exchanged::Conflict(entries) = again else { panic!("{again:?}") };
        let holders: Vec<_> = entries.iter().map(|entry| entry.instance().cloned()).collect();
        assert_eq!(holders, [Some(id("i-2")), Some(id("i-0")), None]);
    }
    let after = table(store).await;
    assert_eq!((after.revision, after.entries), (before.revision, before.entries));
    assert_eq!(store.history(&HistoryQuery::default()).await.expect("a history").len(), 3 + 3);
}

/// A repeated refresh gives the same node, and makes no revision.
pub async fn a_repeated_refresh_gives_the_same_node(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..1)).await;
    let wish = occupant_with("i-0", &["www"]);
    let first = store.refresh(&web(0), &wish, &cause()).await.expect("a refresh");
    assert!(matches!(first, Refreshed::Node(_)), "{first:?}");
    let before = table(store).await;
    assert_eq!(fixture.another().await.refresh(&web(0), &wish, &cause()).await.expect("a refresh"), first);
    assert_eq!(table(store).await.revision, before.revision);
}
