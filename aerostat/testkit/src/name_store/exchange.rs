//! [`NameStore::exchange`]: several slots change hands together, or none.

use aerostat_core::{Entry, ErrorKind, Exchanged, Key, NameStore, Node, Slot, Taken, Transfer};

use super::Fixture;
use super::steps::{assert_rows, exchange, seat, seat_each, table, transfer, vacate};
use crate::samples::{alias, cause, claim, db, id, occupant, occupant_with, slots, web};

async fn try_exchange(store: &dyn NameStore, transfers: &[Transfer]) -> Exchanged {
    store.exchange(transfers, &cause()).await.expect("an exchange")
}

/// Exchanges in vain, and sees that nothing changed; gives the entries of the conflict.
async fn conflict(store: &dyn NameStore, transfers: &[Transfer]) -> Vec<Entry> {
    let before = table(store).await;
    let exchanged = try_exchange(store, transfers).await;
    let Exchanged::Conflict(entries) = exchanged else { panic!("{transfers:?}: {exchanged:?}") };
    let after = table(store).await;
    assert_eq!((after.revision, after.entries), (before.revision, before.entries));
    entries
}

async fn entry(store: &dyn NameStore, slot: &Slot) -> Entry {
    let found = store.find(&Key::Hostname(slot.hostname())).await.expect("a find");
    found.expect("the slot is there")
}

/// It happens only if every slot has the holder that the caller saw.
pub async fn all_slots_change_hands_or_none(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(db, 0..3)).await;
    let swap = [transfer(&db(0), "i-0", "i-1"), transfer(&db(1), "i-1", "i-0")];
    let with_wrong_third = [swap.as_slice(), &[transfer(&db(2), "other", "-")]].concat();
    conflict(store, &with_wrong_third).await;
    let with_right_third = [swap.as_slice(), &[transfer(&db(2), "i-2", "-")]].concat();
    exchange(store, &with_right_third).await;
    assert_rows(&table(store).await, &["db-master i-1", "db-slave-1 i-0", "db-slave-2 -"]);
}

/// A conflict shows the named slots as they are, in the order of the transfers, without those that don't exist.
pub async fn a_conflict_shows_the_holders_and_leaves_out_what_does_not_exist(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..3)).await;
    vacate(store, &web(1), "i-1").await;
    let [zero, one, two] =
        [entry(store, &web(0)).await, entry(store, &web(1)).await, entry(store, &web(2)).await];
    assert_eq!(conflict(store, &[transfer(&web(0), "other", "-")]).await, std::slice::from_ref(&zero));
    assert_eq!(conflict(store, &[transfer(&web(0), "-", "-")]).await, std::slice::from_ref(&zero));
    assert_eq!(conflict(store, &[transfer(&web(1), "i-1", "-")]).await, std::slice::from_ref(&one));
    assert_eq!(conflict(store, &[transfer(&web(3), "-", "-")]).await, [], "it doesn't exist");
    let many = [
        transfer(&web(2), "i-2", "-"),
        transfer(&web(7), "-", "i-0"),
        transfer(&db(0), "x", "-"),
        transfer(&web(0), "i-0", "-"),
        transfer(&web(1), "-", "-"),
    ];
    assert_eq!(conflict(store, &many).await, [two, zero, one]);
}

/// A slot or a `next` that appears twice, or a `next` from nowhere, is [`ErrorKind::InvalidInput`].
pub async fn senseless_transfers_are_invalid_and_change_nothing(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..3)).await;
    vacate(store, &web(2), "i-2").await;
    let senseless = [
        vec![transfer(&web(0), "i-0", "-"), transfer(&web(0), "i-0", "-")],
        vec![transfer(&web(0), "i-0", "i-0"), transfer(&web(2), "-", "i-0")],
        vec![transfer(&web(2), "-", "i-0")],
        vec![transfer(&web(2), "-", "nobody")],
        vec![transfer(&web(0), "i-0", "i-1")],
    ];
    let before = table(store).await;
    for transfers in senseless {
        let error = store.exchange(&transfers, &cause()).await.expect_err("it makes no sense");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{transfers:?}: {error}");
        assert!(!error.is_retryable(), "{error}");
    }
    let after = table(store).await;
    assert_eq!((after.revision, after.entries), (before.revision, before.entries));
}

/// An instance that moves takes its addresses, aliases and `since` along.
pub async fn an_instance_that_moves_takes_addresses_aliases_and_since_along(fixture: &Fixture) {
    let store = fixture.store();
    let a = seat(store, &db(0), occupant_with("a", &["primary", "z", "b"])).await;
    let b = seat(store, &db(1), occupant_with("b", &["secondary"])).await;
    let c = seat(store, &db(2), occupant("c")).await;
    vacate(store, &db(1), "b").await;
    // The change-over of `c`, with a vacancy below it.
    let transfers = [transfer(&db(0), "a", "c"), transfer(&db(2), "c", "-"), transfer(&db(1), "-", "a")];
    exchange(store, &transfers).await;
    let c = Node { slot: db(0), ..c };
    let a = Node { slot: db(1), ..a };
    let after = table(store).await;
    assert_rows(&after, &["db-master c", "db-slave-1 a", "db-slave-2 -"]);
    assert_eq!(after.nodes().cloned().collect::<Vec<_>>(), [c.clone(), a.clone()]);
    let find = async |key| store.find(&key).await.expect("a find").and_then(Entry::into_node);
    assert_eq!(find(Key::Alias(alias("primary"))).await, Some(a.clone()));
    assert_eq!(find(Key::Instance(id("a"))).await, Some(a));
    assert_eq!(find(Key::Instance(id("c"))).await, Some(c));
    assert_eq!(find(Key::Instance(b.occupant.instance)).await, None);
}

/// Slots change hands in a circle, each instance with its aliases.
pub async fn instances_move_in_a_circle(fixture: &Fixture) {
    let store = fixture.store();
    for (number, instance) in [(0, "a"), (1, "b"), (2, "c")] {
        seat(store, &web(number), occupant_with(instance, &[&format!("alias-of-{instance}")])).await;
    }
    let circle = [transfer(&web(0), "a", "c"), transfer(&web(1), "b", "a"), transfer(&web(2), "c", "b")];
    exchange(store, &circle).await;
    let after = table(store).await;
    assert_rows(&after, &["web-0 c", "web-1 a", "web-2 b"]);
    for node in after.nodes() {
        let alias = alias(&format!("alias-of-{}", node.instance()));
        assert_eq!(node.occupant.aliases, std::slice::from_ref(&alias));
        let found = store.find(&Key::Alias(alias)).await.expect("a find");
        assert_eq!(found.as_ref().and_then(Entry::node), Some(node), "an alias is found where it went");
    }
}

/// The slots are told as they are afterwards, in the order of the transfers.
pub async fn the_answer_is_in_the_order_of_the_transfers(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..4)).await;
    let transfers = [
        transfer(&web(3), "i-3", "-"),
        transfer(&web(1), "i-1", "i-0"),
        transfer(&web(2), "i-2", "i-2"),
        transfer(&web(0), "i-0", "i-1"),
    ];
    let exchanged = try_exchange(store, &transfers).await;
    let Exchanged::Done(entries) = exchanged else { panic!("{exchanged:?}") };
    let mut after = Vec::new();
    for number in [3, 1, 2, 0] {
        after.push(entry(store, &web(number)).await);
    }
    assert_eq!(entries, after);
    assert_rows(&table(store).await, &["web-0 i-1", "web-1 i-0", "web-2 i-2", "web-3 -"]);
}

/// A slot that is left without a holder is a vacancy that was held before.
pub async fn a_slot_that_is_left_is_a_vacancy_that_was_held(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..2)).await;
    seat(store, &db(0), occupant("d")).await;
    exchange(store, &[transfer(&web(0), "i-0", "-"), transfer(&db(0), "d", "-")]).await;
    assert_rows(&table(store).await, &["db-master -", "web-0 -", "web-1 i-1"]);
    for instance in ["i-0", "d"] {
        assert_eq!(store.find(&Key::Instance(id(instance))).await.expect("a find"), None);
    }
}

/// A vacancy that was opened in advance and takes no part in the movement stays one that never was held.
pub async fn a_slot_that_was_never_held_stays_so(fixture: &Fixture) {
    let store = fixture.store();
    store.take(&claim(&web(0), occupant("a")), &slots(web, 0..3), &cause()).await.expect("a take");
    exchange(store, &[transfer(&web(0), "a", "-"), transfer(&web(1), "-", "-")]).await;
    assert_rows(&table(store).await, &["web-0 -", "web-1 .", "web-2 ."]);
}

/// No transfers, or transfers whose `next` is their `seen`, change nothing; the holders must be as seen.
pub async fn transfers_that_move_nobody_change_nothing(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..2)).await;
    vacate(store, &web(1), "i-1").await;
    let before = table(store).await;
    assert_eq!(try_exchange(store, &[]).await, Exchanged::Done(vec![]));
    let still = [transfer(&web(1), "-", "-"), transfer(&web(0), "i-0", "i-0")];
    let as_they_are = vec![entry(store, &web(1)).await, entry(store, &web(0)).await];
    assert_eq!(try_exchange(store, &still).await, Exchanged::Done(as_they_are));
    let after = table(store).await;
    assert_eq!((after.revision, after.entries), (before.revision, before.entries));
    conflict(store, &[transfer(&web(0), "other", "other")]).await;
    conflict(store, &[transfer(&web(2), "-", "-")]).await;
}

/// Who holds no slot has no alias.
pub async fn the_aliases_of_an_instance_that_leaves_are_free(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant_with("a", &["www"])).await;
    vacate(store, &web(0), "a").await;
    assert_eq!(store.find(&Key::Alias(alias("www"))).await.expect("a find"), None);
    seat(store, &web(0), occupant_with("b", &["www"])).await;
}

/// A vacancy that was held before is taken as any other, with nothing left of its last holder.
pub async fn a_vacated_slot_is_taken_again(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant_with("a", &["www"])).await;
    vacate(store, &web(0), "a").await;
    let taken = store.take(&claim(&web(0), occupant("b")), &[], &cause()).await.expect("a take");
    let Taken::Node(node) = taken else { panic!("{taken:?}") };
    assert_eq!((node.slot, node.occupant), (web(0), occupant("b")));
    let again = store.take(&claim(&web(0), occupant("a")), &[web(1)], &cause()).await.expect("a take");
    assert!(matches!(again, Taken::Node(node) if node.slot == web(1)), "the last holder has no right to it");
}
