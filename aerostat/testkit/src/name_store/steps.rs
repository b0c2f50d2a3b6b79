//! Steps whose answer is certain, to lay out the table that a behaviour starts from.

use aerostat_core::{
    Exchanged, InstanceId, NameStore, Node, Occupant, Revision, Slot, Snapshot, Taken, Transfer,
};

use crate::promises;
use crate::samples::{cause, claim, id};

/// Opens `slot`, which follows its service's highest one, and seats an instance there.
pub(crate) async fn seat(store: &dyn NameStore, slot: &Slot, occupant: Occupant) -> Node {
    let taken = store.take(&claim(slot, occupant), std::slice::from_ref(slot), &cause()).await;
    match taken.expect("a take") {
        Taken::Node(node) => {
            assert_eq!(node.slot, *slot, "a fresh slot was to be taken");
            node
        }
        other => panic!("{slot} was to be taken, but: {other:?}"),
    }
}

/// Opens these consecutive slots; instance `i-NUMBER` holds each.
pub(crate) async fn seat_each(store: &dyn NameStore, slots: &[Slot]) {
    for slot in slots {
        seat(store, slot, crate::samples::occupant(&format!("i-{}", slot.number()))).await;
    }
}

/// A transfer; `-` is nobody.
pub(crate) fn transfer(slot: &Slot, seen: &str, next: &str) -> Transfer {
    let who = |name: &str| -> Option<InstanceId> { (name != "-").then(|| id(name)) };
    Transfer { slot: slot.clone(), seen: who(seen), next: who(next) }
}

/// Lets slots change hands, which must succeed.
pub(crate) async fn exchange(store: &dyn NameStore, transfers: &[Transfer]) {
    let exchanged = store.exchange(transfers, &cause()).await.expect("an exchange");
    assert!(matches!(exchanged, Exchanged::Done(_)), "{transfers:?}: {exchanged:?}");
}

/// Makes a gap of a slot that the instance holds.
pub(crate) async fn vacate(store: &dyn NameStore, slot: &Slot, holder: &str) {
    exchange(store, &[transfer(slot, holder, "-")]).await;
}

/// The table, which keeps every promise.
pub(crate) async fn table(store: &dyn NameStore) -> Snapshot {
    let table = store.snapshot().await.expect("a snapshot");
    promises::assert_kept(&table);
    table
}

/// The revision.
pub(crate) async fn revision(store: &dyn NameStore) -> Revision {
    store.revision().await.expect("a revision")
}

/// The table in short: `web-0 i-1`, a vacancy as `web-1 -`, one that was never held as `web-2 .`.
pub(crate) fn rows(table: &Snapshot) -> Vec<String> {
    let row = |entry: &aerostat_core::Entry| match entry {
        aerostat_core::Entry::Node(node) => format!("{} {}", node.slot, node.instance()),
        aerostat_core::Entry::Vacancy(vacancy) if vacancy.held_before => format!("{} -", vacancy.slot),
        aerostat_core::Entry::Vacancy(vacancy) => format!("{} .", vacancy.slot),
    };
    table.entries.iter().map(row).collect()
}

/// Sees that the table is, in short, as expected.
#[track_caller]
pub(crate) fn assert_rows(table: &Snapshot, expected: &[&str]) {
    assert_eq!(rows(table), expected);
}
