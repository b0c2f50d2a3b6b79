//! [`NameStore::history`]: the account of what happened.

use aerostat_core::{Cause, Event, HistoryQuery, Kind, NameStore};

use super::Fixture;
use super::steps::{exchange, revision, seat, seat_each, transfer, vacate};
use crate::samples::{cause, claim, db, hostname, id, occupant, occupant_with, service, slots, web};

async fn history(store: &dyn NameStore, query: HistoryQuery) -> Vec<Event> {
    store.history(&query).await.expect("a history")
}

/// Events in short: `web-0 - a`, who held it and who holds it since.
fn told(events: &[Event]) -> Vec<String> {
    let who = |instance: &Option<_>| instance.as_ref().map_or("-".to_owned(), ToString::to_string);
    events.iter().map(|event| format!("{} {} {}", event.hostname, who(&event.from), who(&event.to))).collect()
}

/// Each slot that got or lost a holder has its event, with revision, moment, service and cause; oldest first.
pub async fn events_tell_who_came_and_went_oldest_first(fixture: &Fixture) {
    let store = fixture.store();
    assert_eq!(history(store, HistoryQuery::default()).await, []);
    let why = Cause::new("aerostat register", "it «booted», \"fresh\"");
    let start = store.snapshot().await.expect("a snapshot").taken_at;
    store.take(&claim(&db(0), occupant("a")), &slots(db, 0..3), &why).await.expect("a take");
    let first = revision(store).await;
    seat(store, &web(0), occupant("b")).await;
    vacate(store, &db(0), "a").await;
    let events = history(&fixture.another().await, HistoryQuery::default()).await;
    let end = store.snapshot().await.expect("a snapshot").taken_at;
    assert_eq!(told(&events), ["db-master - a", "web-0 - b", "db-master a -"], "opened slots have no event");
    assert!(events.iter().all(|event| start <= event.at && event.at <= end), "{events:#?}");
    assert!(events.iter().zip(events.iter().skip(1)).all(|(a, b)| a.revision < b.revision), "{events:#?}");
    let expected = Event {
        revision: first,
        at: events[0].at,
        hostname: hostname("db-master"),
        service: service("db"),
        service_type: Kind::Masterful,
        from: None,
        to: Some(id("a")),
        cause: why,
    };
    assert_eq!(events[0], expected);
    assert_eq!(events[1].service_type, Kind::Iterative);
}

/// With a limit, the latest events, still oldest first.
pub async fn a_limit_gives_the_latest_events(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..5)).await;
    let limited =
        async |limit| told(&history(store, HistoryQuery { hostname: None, limit: Some(limit) }).await);
    assert_eq!(limited(2).await, ["web-3 - i-3", "web-4 - i-4"]);
    assert_eq!(limited(5).await.len(), 5);
    assert_eq!(limited(usize::MAX).await.len(), 5);
    assert_eq!(limited(0).await, [""; 0]);
}

/// Only the events of one hostname, and of those the latest.
pub async fn events_of_one_hostname_are_asked_for(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..2)).await;
    vacate(store, &web(0), "i-0").await;
    vacate(store, &web(1), "i-1").await;
    let of = async |name, limit| {
        told(&history(store, HistoryQuery { hostname: Some(hostname(name)), limit }).await)
    };
    assert_eq!(of("web-0", None).await, ["web-0 - i-0", "web-0 i-0 -"]);
    assert_eq!(of("web-0", Some(1)).await, ["web-0 i-0 -"], "the limit counts what was asked for");
    assert_eq!(of("web-7", None).await, [""; 0]);
}

/// Slots that changed hands together share a revision; one that stayed has no event.
pub async fn slots_that_changed_hands_together_share_a_revision(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(db, 0..3)).await;
    let transfers =
        [transfer(&db(0), "i-0", "i-1"), transfer(&db(1), "i-1", "i-0"), transfer(&db(2), "i-2", "i-2")];
    exchange(store, &transfers).await;
    let events = history(store, HistoryQuery::default()).await;
    let mut swapped: Vec<_> = events[3..].to_vec();
    swapped.sort_by(|a, b| a.hostname.cmp(&b.hostname));
    assert_eq!(told(&swapped), ["db-master i-0 i-1", "db-slave-1 i-1 i-0"]);
    let now = revision(store).await;
    assert!(swapped.iter().all(|event| event.revision == now), "{swapped:#?}");
}

/// An event is there if and only if its step happened; a refresh moves nobody.
pub async fn what_did_not_happen_leaves_no_event(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(web, 0..2)).await;
    let before = history(store, HistoryQuery::default()).await;
    store.take(&claim(&web(0), occupant("i-0")), &[], &cause()).await.expect("a take");
    store.take(&claim(&web(0), occupant("new")), &[], &cause()).await.expect("a take");
    store.take(&claim(&db(0), occupant_with("new", &["web-0"])), &[db(0)], &cause()).await.expect("a take");
    store.exchange(&[transfer(&web(0), "other", "-")], &cause()).await.expect("an exchange");
    store.exchange(&[transfer(&web(0), "i-0", "i-0")], &cause()).await.expect("an exchange");
    store.exchange(&[transfer(&web(0), "i-0", "nobody")], &cause()).await.expect_err("it makes no sense");
    store.refresh(&web(0), &occupant_with("i-0", &["www"]), &cause()).await.expect("a refresh");
    assert_eq!(history(store, HistoryQuery::default()).await, before);
}
