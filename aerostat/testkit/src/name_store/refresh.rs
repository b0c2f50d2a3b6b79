//! [`NameStore::refresh`]: addresses and aliases of a node are brought up to date.

use std::net::Ipv4Addr;

use aerostat_core::{Addresses, Entry, Key, NameStore, Node, Occupant, Refreshed, Slot};

use super::Fixture;
use super::steps::{seat, seat_each, table, vacate};
use crate::samples::{alias, cause, id, occupant, occupant_with, slots, web};

async fn refresh(store: &dyn NameStore, slot: &Slot, occupant: Occupant) -> Refreshed {
    store.refresh(slot, &occupant, &cause()).await.expect("a refresh")
}

/// Refreshes, and sees that nothing changed.
async fn unchanged(store: &dyn NameStore, slot: &Slot, occupant: Occupant) -> Refreshed {
    let before = table(store).await;
    let refreshed = refresh(store, slot, occupant).await;
    let after = table(store).await;
    assert_eq!(after.revision, before.revision, "{refreshed:?} made a revision");
    assert_eq!(after.entries, before.entries, "{refreshed:?} changed the table");
    refreshed
}

/// Addresses and aliases are as the caller wants them; slot and `since` stay.
pub async fn addresses_and_aliases_are_replaced_and_since_stays(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant("other")).await;
    let before = seat(store, &web(1), occupant_with("a", &["www", "z", "b"])).await;
    let wishes = [
        Occupant { addresses: Ipv4Addr::LOCALHOST.into(), ..occupant_with("a", &["www", "z", "b"]) },
        occupant_with("a", &["b", "www", "z"]),
        occupant_with("a", &["new"]),
        Occupant { addresses: Addresses::default(), ..occupant("a") },
    ];
    for wish in wishes {
        let revision = table(store).await.revision;
        let wanted = Node { occupant: wish.clone(), ..before.clone() };
        assert_eq!(refresh(store, &web(1), wish).await, Refreshed::Node(wanted.clone()));
        let found = store.find(&Key::Instance(id("a"))).await.expect("a find");
        assert_eq!(found, Some(Entry::Node(wanted.clone())));
        let after = table(store).await;
        assert_eq!(after.entries.last(), Some(&Entry::Node(wanted)));
        assert_eq!(after.revision.number, revision.number + 1);
    }
}

/// The instance doesn't hold that slot: [`Refreshed::NotHeld`].
pub async fn a_slot_that_the_instance_does_not_hold_is_not_held(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..3)).await;
    vacate(store, &web(1), "i-1").await;
    for (slot, instance) in
        [(0, "nobody"), (0, "i-2"), (1, "i-1"), (1, "i-0"), (2, "i-0"), (3, "i-0"), (3, "nobody")]
    {
        let wish = occupant_with(instance, &["www"]);
        assert_eq!(unchanged(store, &web(slot), wish).await, Refreshed::NotHeld, "{slot} {instance}");
    }
    let in_trouble = occupant_with("nobody", &["web-0"]);
    assert_eq!(unchanged(store, &web(0), in_trouble).await, Refreshed::NotHeld, "before an alias");
}

/// An alias equals the hostname of a slot, held or vacant: [`Refreshed::AliasIsHostname`].
pub async fn an_alias_that_is_a_hostname_is_refused(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..3)).await;
    vacate(store, &web(1), "i-1").await;
    for name in ["web-0", "web-1", "web-2"] {
        let refusal = Refreshed::AliasIsHostname { alias: alias(name) };
        assert_eq!(unchanged(store, &web(0), occupant_with("i-0", &["fine", name])).await, refusal);
    }
}

/// An alias belongs to another: [`Refreshed::AliasHeld`].
pub async fn an_alias_of_another_node_is_refused(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant("a")).await;
    let by = seat(store, &web(1), occupant_with("b", &["www"])).await;
    let refusal = Refreshed::AliasHeld { alias: alias("www"), by };
    assert_eq!(unchanged(store, &web(0), occupant_with("a", &["fine", "www"])).await, refusal);
}

/// Its own present aliases are no conflict.
pub async fn its_own_aliases_are_no_conflict(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant_with("a", &["one", "two"])).await;
    let wish = occupant_with("a", &["three", "two"]);
    let refreshed = refresh(store, &web(0), wish.clone()).await;
    assert!(matches!(&refreshed, Refreshed::Node(node) if node.occupant == wish), "{refreshed:?}");
}

/// A node that is so already makes no revision.
pub async fn a_node_that_is_so_already_makes_no_revision(fixture: &Fixture) {
    let store = fixture.store();
    let node = seat(store, &web(0), occupant_with("a", &["one", "two"])).await;
    assert_eq!(unchanged(store, &web(0), node.occupant.clone()).await, Refreshed::Node(node));
}

/// An alias that a node gives up belongs to nobody.
pub async fn an_alias_given_up_is_free(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant_with("a", &["one", "two"])).await;
    refresh(store, &web(0), occupant_with("a", &["two"])).await;
    assert_eq!(store.find(&Key::Alias(alias("one"))).await.expect("a find"), None);
    seat(store, &web(1), occupant_with("b", &["one"])).await;
}
