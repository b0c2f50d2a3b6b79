//! [`NameStore::take`]: every answer, and which comes first.

use std::net::{Ipv4Addr, Ipv6Addr};

use aerostat_core::{Addresses, Entry, Key, Kind, NameStore, Node, Occupant, Slot, Taken, rules};

use super::Fixture;
use super::steps::{assert_rows, revision, seat, seat_each, table, vacate};
use crate::samples::{
    alias, cause, claim, db, hostname, id, iterative, masterful, occupant, occupant_with, service, slots, web,
};

async fn take(store: &dyn NameStore, slot: &Slot, occupant: Occupant, fresh: &[Slot]) -> Taken {
    store.take(&claim(slot, occupant), fresh, &cause()).await.expect("a take")
}

/// Takes, and sees that the step changed nothing.
async fn refused(store: &dyn NameStore, slot: &Slot, occupant: Occupant, fresh: &[Slot]) -> Taken {
    let before = table(store).await;
    let taken = take(store, slot, occupant, fresh).await;
    let after = table(store).await;
    assert_eq!(after.revision, before.revision, "{taken:?} made a revision");
    assert_eq!(after.entries, before.entries, "{taken:?} changed the table");
    taken
}

fn node(taken: Taken) -> Node {
    match taken {
        Taken::Node(node) => node,
        other => panic!("a node was to be taken, but: {other:?}"),
    }
}

/// The service has slots of another kind: [`Taken::KindDiffers`], before every other answer.
pub async fn a_service_of_another_kind_is_refused(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant("a")).await;
    let differs = Taken::KindDiffers { recorded: Kind::Iterative };
    let fresh = [masterful("web", 0)];
    let [masterful_web] = &fresh;
    assert_eq!(refused(store, masterful_web, occupant("b"), &[]).await, differs);
    assert_eq!(refused(store, masterful_web, occupant("b"), &fresh).await, differs);
    assert_eq!(refused(store, masterful_web, occupant("a"), &[]).await, differs, "before «held»");
    let with_alias = occupant_with("b", &["web-0"]);
    assert_eq!(refused(store, masterful_web, with_alias, &[]).await, differs, "before an alias");
    vacate(store, &web(0), "a").await;
    assert_eq!(refused(store, masterful_web, occupant("b"), &[]).await, differs, "also with gaps alone");
}

/// The instance holds a node of the service: [`Taken::Held`], whatever else it brings.
pub async fn an_instance_that_holds_a_node_of_the_service_keeps_it_as_it_was(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant("a")).await;
    let held = seat(store, &web(1), occupant_with("b", &["www"])).await;
    vacate(store, &web(0), "a").await;
    let held = Taken::Held(held);
    assert_eq!(refused(store, &web(0), occupant("b"), &[web(2)]).await, held, "a lower vacancy is there");
    let other = Occupant { addresses: Addresses::default(), ..occupant_with("b", &["other"]) };
    assert_eq!(refused(store, &web(0), other, &[]).await, held, "it is as it was");
    let in_trouble = occupant_with("b", &["web-0"]);
    assert_eq!(refused(store, &web(0), in_trouble, &[]).await, held, "before an alias");
}

/// The instance holds a node of another service: [`Taken::Elsewhere`], before anything about aliases.
pub async fn an_instance_that_holds_a_node_of_another_service_is_told_which(fixture: &Fixture) {
    let store = fixture.store();
    let held = Taken::Elsewhere(seat(store, &db(0), occupant("a")).await);
    seat(store, &web(0), occupant("b")).await;
    vacate(store, &web(0), "b").await;
    assert_eq!(refused(store, &web(0), occupant("a"), &[]).await, held, "a vacancy is there");
    assert_eq!(refused(store, &web(0), occupant_with("a", &["db-master"]), &[]).await, held);
    assert_eq!(refused(store, &iterative("new", 0), occupant("a"), &[iterative("new", 0)]).await, held);
}

/// An alias equals a hostname: [`Taken::AliasIsHostname`], before vacancies are looked for.
pub async fn an_alias_that_is_a_hostname_held_or_vacant_is_refused(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..3)).await;
    vacate(store, &web(1), "i-1").await;
    for name in ["web-0", "web-1"] {
        let refusal = Taken::AliasIsHostname { alias: alias(name) };
        let claimant = occupant_with("new", &["fine", name]);
        assert_eq!(refused(store, &web(0), claimant.clone(), &[]).await, refusal, "a vacancy is there");
        assert_eq!(refused(store, &db(0), claimant.clone(), &[]).await, refusal, "before «no vacancy»");
        assert_eq!(refused(store, &db(0), claimant, &[db(0)]).await, refusal);
    }
}

/// An alias belongs to another: [`Taken::AliasHeld`], before vacancies are looked for.
pub async fn an_alias_of_another_node_is_refused_with_its_owner(fixture: &Fixture) {
    let store = fixture.store();
    let by = seat(store, &web(0), occupant_with("a", &["other", "www"])).await;
    seat(store, &web(1), occupant("b")).await;
    vacate(store, &web(1), "b").await;
    let refusal = Taken::AliasHeld { alias: alias("www"), by };
    let claimant = occupant_with("c", &["fine", "www"]);
    assert_eq!(refused(store, &web(0), claimant.clone(), &[]).await, refusal, "a vacancy is there");
    assert_eq!(refused(store, &db(0), claimant.clone(), &[]).await, refusal, "before «no vacancy»");
    assert_eq!(refused(store, &db(0), claimant, &[db(0)]).await, refusal);
}

/// There is a vacancy: the instance gets the one with the lowest number, 2 before 10, and nothing is opened.
pub async fn the_vacancy_with_the_lowest_number_is_taken_and_nothing_is_opened(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..12)).await;
    for (number, holder) in [(10, "i-10"), (2, "i-2"), (11, "i-11")] {
        vacate(store, &web(number), holder).await;
    }
    for (instance, number) in [("a", 2), ("b", 10), ("c", 11)] {
        let taken = node(take(store, &web(0), occupant(instance), &slots(web, 12..14)).await);
        assert_eq!((taken.slot, taken.occupant), (web(number), occupant(instance)));
    }
    assert_eq!(table(store).await.entries.len(), 12, "nothing was opened");

    seat_each(store, &slots(db, 0..0)).await;
    for number in 0..12 {
        seat(store, &db(number), occupant(&format!("d-{number}"))).await;
    }
    for number in [10, 2, 0] {
        vacate(store, &db(number), &format!("d-{number}")).await;
    }
    for (instance, number) in [("x", 0), ("y", 2), ("z", 10)] {
        let taken = node(take(store, &db(0), occupant(instance), &[]).await);
        assert_eq!(taken.slot, db(number), "the master first, then slaves by number");
    }
}

/// No slot must be opened: an alias that only a fresh hostname equals is no trouble.
pub async fn a_vacancy_is_taken_even_if_an_alias_equals_a_fresh_hostname(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant("a")).await;
    vacate(store, &web(0), "a").await;
    let taken = node(take(store, &web(0), occupant_with("b", &["web-1"]), &[web(1)]).await);
    assert_eq!(taken.slot, web(0));
}

/// There is no vacancy and `fresh` is empty: [`Taken::NoVacancy`] with the highest slot.
pub async fn without_fresh_slots_there_is_no_vacancy(fixture: &Fixture) {
    let store = fixture.store();
    assert_eq!(refused(store, &web(0), occupant("a"), &[]).await, Taken::NoVacancy { last: None });
    seat_each(store, &slots(web, 0..11)).await;
    let full = Taken::NoVacancy { last: Some(web(10)) };
    assert_eq!(refused(store, &web(0), occupant("a"), &[]).await, full, "the highest by number");
    assert_eq!(refused(store, &db(0), occupant("a"), &[]).await, Taken::NoVacancy { last: None });
}

/// There is no vacancy and the first of `fresh` exists: [`Taken::NoVacancy`], and none of the others is opened.
pub async fn a_first_fresh_slot_that_exists_is_no_vacancy(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..2)).await;
    let full = Taken::NoVacancy { last: Some(web(1)) };
    assert_eq!(refused(store, &web(0), occupant("a"), &slots(web, 1..4)).await, full);
    assert_eq!(refused(store, &web(0), occupant("a"), &slots(web, 0..4)).await, full);
}

/// The hostname of the first fresh slot belongs to another service: [`Taken::NameOwned`].
pub async fn a_first_fresh_hostname_of_another_service_is_told_with_its_owner(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(db, 0..3)).await;
    vacate(store, &db(2), "i-2").await;
    let slave = |number| iterative("db-slave", number);
    seat(store, &slave(0), occupant("a")).await;
    for number in [1, 2] {
        let owned = Taken::NameOwned { slot: slave(number), by: service("db") };
        let fresh = slots(slave, number..5);
        assert_eq!(refused(store, &slave(0), occupant("b"), &fresh).await, owned, "held or vacant");
    }
    let taken = node(take(store, &slave(0), occupant("b"), &[slave(3)]).await);
    assert_eq!(taken.slot, slave(3), "behind the names of the other service");
}

/// The hostname of the first fresh slot is somebody's alias: [`Taken::AliasHeld`].
pub async fn a_first_fresh_hostname_that_is_an_alias_is_told_with_its_owner(fixture: &Fixture) {
    let store = fixture.store();
    let by = seat(store, &db(0), occupant_with("a", &["web-0"])).await;
    let refusal = Taken::AliasHeld { alias: alias("web-0"), by };
    assert_eq!(refused(store, &web(0), occupant("b"), &slots(web, 0..2)).await, refusal);
}

/// The hostname of the first fresh slot is an alias of the claimant itself: [`Taken::AliasIsHostname`].
pub async fn a_first_fresh_hostname_that_is_an_alias_of_the_claimant_is_refused(fixture: &Fixture) {
    let store = fixture.store();
    let refusal = Taken::AliasIsHostname { alias: alias("web-0") };
    assert_eq!(refused(store, &web(0), occupant_with("a", &["web-0"]), &slots(web, 0..2)).await, refusal);
}

/// Fresh slots are opened in order, and the instance gets the first; the others are vacancies never held.
pub async fn fresh_slots_are_opened_in_order_and_the_first_is_taken(fixture: &Fixture) {
    let store = fixture.store();
    let first = node(take(store, &web(0), occupant("a"), &slots(web, 0..3)).await);
    assert_eq!((first.slot, first.occupant), (web(0), occupant("a")));
    assert_rows(&table(store).await, &["web-0 a", "web-1 .", "web-2 ."]);
    let second = node(take(store, &web(0), occupant("b"), &slots(web, 3..9)).await);
    assert_eq!(second.slot, web(1), "a slot opened in advance is a vacancy as any other");
    assert_rows(&table(store).await, &["web-0 a", "web-1 b", "web-2 ."]);
    take(store, &db(0), occupant("c"), &slots(db, 0..2)).await;
    assert_rows(&table(store).await, &["db-master c", "db-slave-1 .", "web-0 a", "web-1 b", "web-2 ."]);
}

/// Opening stops at a hostname that another service owns.
pub async fn fresh_slots_are_opened_up_to_a_hostname_of_another_service(fixture: &Fixture) {
    let store = fixture.store();
    let slave = |number| iterative("db-slave", number);
    for number in 0..3 {
        seat(store, &slave(number), occupant(&format!("s-{number}"))).await;
    }
    let taken = node(take(store, &db(0), occupant("a"), &slots(db, 0..4)).await);
    assert_eq!(taken.slot, db(0));
    let expected = ["db-master a", "db-slave-0 s-0", "db-slave-1 s-1", "db-slave-2 s-2"];
    assert_rows(&table(store).await, &expected);
}

/// Opening stops at a hostname that is somebody's alias.
pub async fn fresh_slots_are_opened_up_to_an_alias(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &db(0), occupant_with("a", &["web-2"])).await;
    take(store, &web(0), occupant("b"), &slots(web, 0..5)).await;
    assert_rows(&table(store).await, &["db-master a", "web-0 b", "web-1 ."]);
}

/// Opening stops at a hostname that is an alias of the claimant.
pub async fn fresh_slots_are_opened_up_to_an_alias_of_the_claimant(fixture: &Fixture) {
    let store = fixture.store();
    let taken = node(take(store, &web(0), occupant_with("a", &["web-1"]), &slots(web, 0..5)).await);
    assert_eq!(taken.slot, web(0));
    assert_rows(&table(store).await, &["web-0 a"]);
}

/// `since` is the moment of the step, by the store's clock.
pub async fn since_is_the_moment_of_the_step(fixture: &Fixture) {
    let store = fixture.store();
    let before = table(store).await.taken_at;
    let since = seat(store, &web(0), occupant("a")).await.since;
    let after = table(store).await.taken_at;
    assert!(before <= since && since <= after, "{before:?} {since:?} {after:?}");
}

/// Whatever a name, an id or an address may be, it comes back as it went in, in answers and in reads.
pub async fn what_was_stored_is_read_back_whole(fixture: &Fixture) {
    let store = fixture.store();
    let long = masterful(&"a".repeat(63 - "-slave-1".len()), 0);
    let many: Vec<_> =
        (0..rules::MAX_ALIASES).rev().map(|number| alias(&format!("alias-{number}"))).collect();
    let occupants = [
        Occupant { instance: id(&"i".repeat(255)), addresses: Addresses::default(), aliases: many },
        Occupant {
            instance: id("$i.{\"'\\;--:é√"), ..occupant_with("x", &[&"b".repeat(63), "0", "z", "a"])
        },
        Occupant {
            instance: id("0"),
            addresses: Addresses { v4: Some(Ipv4Addr::BROADCAST), v6: None },
            aliases: vec![],
        },
        Occupant {
            instance: id("-"),
            addresses: Addresses { v4: None, v6: Some(Ipv6Addr::LOCALHOST) },
            aliases: vec![],
        },
    ];
    let services = [long, web(0), iterative("0", 0), iterative("x--y", 0)];
    for (slot, occupant) in services.iter().zip(&occupants) {
        let taken = seat(store, slot, occupant.clone()).await;
        assert_eq!(taken.occupant, *occupant);
        let found = store.find(&Key::Instance(occupant.instance.clone())).await.expect("a find");
        assert_eq!(found, Some(Entry::Node(taken.clone())));
        assert!(table(store).await.nodes().any(|node| *node == taken));
    }
    assert_eq!(table(store).await.entries.len(), services.len());
}

/// Services whose names begin alike, or whose slots come between those of another, are apart.
pub async fn services_with_like_names_do_not_mix(fixture: &Fixture) {
    let store = fixture.store();
    let names = ["web", "web-1", "web1", "we", "web-a", "webb"];
    for name in names {
        seat(store, &iterative(name, 0), occupant(name)).await;
    }
    vacate(store, &iterative("web-1", 0), "web-1").await;
    let full = Taken::NoVacancy { last: Some(web(0)) };
    assert_eq!(refused(store, &web(0), occupant("new"), &[]).await, full);
    let taken = node(take(store, &iterative("web-1", 0), occupant("new"), &[]).await);
    assert_eq!(taken.hostname(), hostname("web-1-0"));
}

/// Instance ids are compared as written.
pub async fn instance_ids_that_differ_by_case_are_two_instances(fixture: &Fixture) {
    let store = fixture.store();
    seat(store, &web(0), occupant("i-a")).await;
    let before = revision(store).await;
    assert_eq!(store.find(&Key::Instance(id("I-A"))).await.expect("a find"), None);
    seat(store, &web(1), occupant("I-A")).await;
    assert!(revision(store).await > before);
    assert_rows(&table(store).await, &["web-0 i-a", "web-1 I-A"]);
}
