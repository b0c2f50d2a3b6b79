//! Look-ups, extents, revisions, snapshots and checks.

use aerostat_core::{Entry, Extent, Key, NameStore, Severity};

use super::Fixture;
use super::steps::{exchange, revision, seat, seat_each, table, transfer, vacate};
use crate::samples::{
    alias, cause, claim, db, hostname, id, iterative, occupant, occupant_with, service, slots, web,
};

async fn find(store: &dyn NameStore, key: Key) -> Option<Entry> {
    store.find(&key).await.expect("a find")
}

async fn extent(store: &dyn NameStore, name: &str) -> Option<Extent> {
    store.extent(&service(name)).await.expect("an extent")
}

/// A row is found by hostname, held or vacant, by instance and by alias.
pub async fn a_row_is_found_by_hostname_instance_and_alias(fixture: &Fixture) {
    let store = fixture.store();
    let node = Entry::Node(seat(store, &db(0), occupant_with("a", &["one", "two"])).await);
    store.take(&claim(&web(0), occupant("b")), &slots(web, 0..2), &cause()).await.expect("a take");
    vacate(store, &web(0), "b").await;
    let keys = [
        Key::Hostname(hostname("db-master")),
        Key::Instance(id("a")),
        Key::Alias(alias("one")),
        Key::Alias(alias("two")),
    ];
    for key in keys {
        assert_eq!(find(store, key.clone()).await.as_ref(), Some(&node), "{key:?}");
    }
    for (slot, held_before) in [(web(0), true), (web(1), false)] {
        let found = find(store, Key::Hostname(slot.hostname())).await;
        let Some(Entry::Vacancy(vacancy)) = found else { panic!("{slot}: {found:?}") };
        assert_eq!((vacancy.slot, vacancy.held_before), (slot, held_before));
    }
}

/// What isn't there gives `None`; an alias is no hostname, and a hostname no alias.
pub async fn what_is_not_there_is_none(fixture: &Fixture) {
    let store = fixture.store();
    let absent = [
        Key::Hostname(hostname("web-0")),
        Key::Hostname(hostname("www")),
        Key::Instance(id("i-1")),
        Key::Alias(alias("db-master")),
        Key::Alias(alias("none")),
    ];
    for with_others in [false, true] {
        if with_others {
            seat(store, &db(0), occupant_with("a", &["www"])).await;
        }
        for key in &absent {
            assert_eq!(find(store, key.clone()).await, None, "{key:?}");
        }
        assert_eq!(extent(store, "web").await, None);
    }
}

/// Reads through one handle see every step that another handle answered before.
pub async fn other_handles_see_an_answered_step_at_once(fixture: &Fixture) {
    let (here, there) = (fixture.store().clone(), fixture.another().await);
    assert_eq!(revision(&here).await, revision(&there).await, "one table, one lineage");
    for (writer, reader, number) in [(&here, &there, 0), (&there, &here, 1), (&here, &there, 2)] {
        let instance = format!("i-{number}");
        let node = Entry::Node(seat(writer, &web(number), occupant(&instance)).await);
        assert_eq!(find(reader, Key::Instance(id(&instance))).await.as_ref(), Some(&node));
        assert_eq!(find(reader, Key::Hostname(web(number).hostname())).await.as_ref(), Some(&node));
        assert_eq!(extent(reader, "web").await, Some(Extent { last: web(number), lowest_vacancy: None }));
        assert_eq!(revision(reader).await, revision(writer).await);
        assert_eq!(table(reader).await.entries, table(writer).await.entries);
        vacate(reader, &web(number), &instance).await;
        assert_eq!(find(writer, Key::Instance(id(&instance))).await, None);
        seat_again(writer, number).await;
    }
}

/// Fills the gap `web-NUMBER` with another instance.
async fn seat_again(store: &dyn NameStore, number: u32) {
    let instance = format!("again-{number}");
    store.take(&claim(&web(0), occupant(&instance)), &[], &cause()).await.expect("a take");
}

/// An extent tells the highest slot, which also tells the kind, and the lowest vacancy, both by number.
pub async fn an_extent_tells_the_highest_slot_and_the_lowest_vacancy(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..12)).await;
    seat(store, &db(0), occupant("d")).await;
    seat(store, &iterative("web-1", 0), occupant("like")).await;
    assert_eq!(extent(store, "web").await, Some(Extent { last: web(11), lowest_vacancy: None }));
    for (number, lowest) in [(10, 10), (2, 2), (11, 2)] {
        vacate(store, &web(number), &format!("i-{number}")).await;
        let expected = Extent { last: web(11), lowest_vacancy: Some(web(lowest)) };
        assert_eq!(extent(store, "web").await, Some(expected), "the highest stays, held or not");
    }
    assert_eq!(extent(store, "db").await, Some(Extent { last: db(0), lowest_vacancy: None }));
    vacate(store, &db(0), "d").await;
    assert_eq!(extent(store, "db").await, Some(Extent { last: db(0), lowest_vacancy: Some(db(0)) }));
}

/// A step that changed something makes exactly one revision, however many slots it changed.
pub async fn every_step_that_changes_something_makes_one_revision(fixture: &Fixture) {
    let store = fixture.store();
    let start = revision(store).await;
    assert_eq!(revision(store).await, start, "reads make none");
    let after = async |steps: u64, what: &str| {
        let now = revision(store).await;
        assert_eq!((now.lineage, now.number), (start.lineage, start.number + steps), "{what}");
        assert_eq!(table(store).await.revision, now, "{what}");
    };
    store.take(&claim(&db(0), occupant("a")), &slots(db, 0..5), &cause()).await.expect("a take");
    after(1, "a take that opens five slots").await;
    store.take(&claim(&db(0), occupant("b")), &[], &cause()).await.expect("a take");
    after(2, "a take of a vacancy").await;
    exchange(store, &[transfer(&db(0), "a", "b"), transfer(&db(1), "b", "a")]).await;
    after(3, "an exchange of two slots").await;
    store.refresh(&db(0), &occupant_with("b", &["www"]), &cause()).await.expect("a refresh");
    after(4, "a refresh").await;
    vacate(store, &db(0), "b").await;
    after(5, "a vacating").await;
}

/// Rows are sorted by service, then number, whatever the order in which they came.
pub async fn a_snapshot_is_sorted_by_service_then_number(fixture: &Fixture) {
    let store = fixture.store();
    assert_eq!(table(store).await.entries, []);
    seat_each(store, &slots(web, 0..11)).await;
    for (name, instance) in [("z", "z"), ("web-a", "wa"), ("a", "a"), ("web1", "w1"), ("w", "w")] {
        seat(store, &iterative(name, 0), occupant(instance)).await;
    }
    for number in 0..11 {
        seat(store, &db(number), occupant(&format!("d-{number}"))).await;
    }
    vacate(store, &web(3), "i-3").await;
    let slots: Vec<_> = table(store).await.entries.iter().map(|entry| entry.slot().clone()).collect();
    let mut sorted = slots.clone();
    sorted.sort();
    assert_eq!(slots, sorted);
    assert_eq!(slots.len(), 11 + 5 + 11);
}

/// A check changes nothing, and of a sound table gives no [`Severity::Problem`].
pub async fn a_check_of_a_sound_table_finds_no_problem_and_changes_nothing(fixture: &Fixture) {
    let store = fixture.store();
    for with_rows in [false, true] {
        if with_rows {
            seat_each(store, &slots(web, 0..3)).await;
            vacate(store, &web(1), "i-1").await;
            store
                .take(&claim(&db(0), occupant_with("d", &["www"])), &slots(db, 0..3), &cause())
                .await
                .expect("a take");
            seat(store, &iterative("db-slave", 0), occupant("like")).await;
        }
        let before = table(store).await;
        let findings = store.check().await.expect("a check");
        assert!(findings.iter().all(|finding| finding.severity != Severity::Problem), "{findings:#?}");
        let after = table(store).await;
        assert_eq!((after.revision, after.entries), (before.revision, before.entries));
    }
}
