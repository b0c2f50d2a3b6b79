//! Many actors at once, through several handles: steps behave as if one came after the other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aerostat_core::{Error, Exchanged, Key, NameStore, Registrar, Slot, Taken, Vacated};
use futures::future::join_all;

use super::Fixture;
use super::steps::{seat, seat_each, table, transfer};
use crate::samples::{alias, cause, claim, db, id, occupant, occupant_with, slots, web};

/// How many actors there are.
const ACTORS: u32 = 64;

/// Runs one task for each actor, over three handles in turn, and gives what they gave.
async fn at_once<T, F>(fixture: &Fixture, actors: u32, act: impl Fn(u32, Arc<dyn NameStore>) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let handles = [fixture.store().clone(), fixture.another().await, fixture.another().await];
    let tasks: Vec<_> = (0..actors)
        .zip(handles.iter().cycle())
        .map(|(n, store)| tokio::spawn(act(n, store.clone())))
        .collect();
    join_all(tasks).await.into_iter().map(|done| done.expect("the actor doesn't panic")).collect()
}

/// Acts while another handle takes snapshot after snapshot, each of which must keep every promise and
/// show `nodes` nodes, if that is told.
async fn watched<T>(fixture: &Fixture, nodes: Option<usize>, acting: impl Future<Output = T>) -> T {
    let store = fixture.another().await;
    let done = Arc::new(AtomicBool::new(false));
    let stop = done.clone();
    let watching = tokio::spawn(async move {
        let mut last = table(&store).await;
        while !stop.load(Ordering::Relaxed) {
            let now = table(&store).await;
            assert!(now.revision >= last.revision, "{} after {}", now.revision, last.revision);
            if let Some(nodes) = nodes {
                assert_eq!(now.nodes().count(), nodes, "a node is missing: {now:#?}");
            }
            last = now;
            tokio::task::yield_now().await;
        }
    });
    let given = acting.await;
    done.store(true, Ordering::Relaxed);
    watching.await.expect("every snapshot keeps every promise");
    given
}

fn registrar(store: Arc<dyn NameStore>) -> Registrar {
    Registrar::new(store, "testkit")
}

/// The slots without a hole from the first, whoever holds them.
fn dense(slot: fn(u32) -> Slot) -> BTreeSet<Slot> {
    slots(slot, 0..ACTORS).into_iter().collect()
}

/// 64 machines that claim at once get the 64 lowest names, each its own.
pub async fn many_claims_at_once_get_distinct_dense_names(fixture: &Fixture) {
    for slot in [web, db] {
        let claiming = at_once(fixture, ACTORS, |n, store| async move {
            let first = slot(0);
            let occupant = occupant(&format!("{}-{n}", first.service()));
            registrar(store).claim(claim(&first, occupant)).await.expect("a claim").node.slot
        });
        let got = watched(fixture, None, claiming).await;
        assert_eq!(got.iter().cloned().collect::<BTreeSet<_>>(), dense(slot), "{got:?}");
    }
    assert_eq!(table(fixture.store()).await.nodes().count(), 2 * ACTORS as usize);
}

/// Of takes with the same fresh slots, no two get the same name.
pub async fn many_takes_of_the_same_fresh_slots_get_distinct_names(fixture: &Fixture) {
    let got = at_once(fixture, ACTORS, |n, store| async move {
        let claim = claim(&web(0), occupant(&format!("i-{n}")));
        let taken = store.take(&claim, &slots(web, 0..ACTORS), &cause()).await.expect("a take");
        let Taken::Node(node) = taken else { panic!("{taken:?}") };
        node.slot
    })
    .await;
    assert_eq!(got.iter().cloned().collect::<BTreeSet<_>>(), dense(web), "{got:?}");
}

/// One machine that claims many times at once has one name.
pub async fn claims_of_one_instance_at_once_get_one_name(fixture: &Fixture) {
    let claiming = at_once(fixture, ACTORS, |_, store| async move {
        registrar(store).claim(claim(&web(0), occupant("a"))).await.expect("a claim")
    });
    let claimed = watched(fixture, None, claiming).await;
    assert_eq!(claimed.iter().filter(|claimed| !claimed.held_before).count(), 1, "one of them was the first");
    assert!(claimed.iter().all(|claimed| claimed.node.slot == web(0)), "{claimed:#?}");
    assert_eq!(table(fixture.store()).await.nodes().count(), 1);
}

/// Of exchanges that saw the same holders, one happens.
pub async fn of_exchanges_at_once_one_happens(fixture: &Fixture) {
    seat_each(fixture.store(), &slots(db, 0..ACTORS)).await;
    let exchanging = at_once(fixture, ACTORS - 1, |n, store| async move {
        let (slave, instance) = (db(n + 1), format!("i-{}", n + 1));
        let swap = [transfer(&db(0), "i-0", &instance), transfer(&slave, &instance, "i-0")];
        matches!(store.exchange(&swap, &cause()).await.expect("an exchange"), Exchanged::Done(_))
    });
    let done = watched(fixture, Some(ACTORS as usize), exchanging).await;
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
}

/// Of claims to one alias at once, one has it in the end, and all have their names.
pub async fn of_claims_to_one_alias_at_once_one_wins(fixture: &Fixture) {
    const CLAIMANTS: u32 = 16;
    let claiming = at_once(fixture, CLAIMANTS, |n, store| async move {
        let occupant = occupant_with(&format!("i-{n}"), &["www"]);
        registrar(store).claim(claim(&web(0), occupant)).await.expect("a claim");
    });
    watched(fixture, None, claiming).await;
    let table = table(fixture.store()).await;
    assert_eq!(table.nodes().count(), CLAIMANTS as usize);
    assert_eq!(table.nodes().filter(|node| node.occupant.aliases == [alias("www")]).count(), 1);
}

/// Change-overs at once never show two masters, an instance twice, or one less, in any snapshot meanwhile.
pub async fn change_overs_at_once_never_show_two_masters(fixture: &Fixture) {
    const MACHINES: u32 = 8;
    let store = fixture.store();
    seat_each(store, &slots(db, 0..MACHINES)).await;
    let changing = at_once(fixture, MACHINES, |n, store| async move {
        for _ in 0..4 {
            registrar(store.clone()).change_over(&id(&format!("i-{n}")), None).await.expect("a change-over");
        }
    });
    watched(fixture, Some(MACHINES as usize), changing).await;
    let after = table(store).await;
    assert_eq!(after.entries.len(), MACHINES as usize, "no slot was opened");
    assert!(after.nodes().any(|node| node.slot.is_master()));
}

/// Claims, vacations and changes of masters at once keep every promise; each loss is somebody's doing.
pub async fn claims_and_vacations_at_once_keep_every_promise(fixture: &Fixture) {
    const MACHINES: u32 = 12;
    let acting = at_once(fixture, MACHINES, |n, store| async move {
        let (registrar, instance) = (registrar(store), format!("i-{n}"));
        for turn in 0..4 {
            let aliases: &[&str] = if turn % 2 == 0 { &["www"] } else { &[] };
            let claimed = registrar.claim(claim(&db(0), occupant_with(&instance, aliases))).await?;
            // Another machine may have moved it since.
            registrar.change_over(&id(&instance), None).await?;
            let node = registrar.node_of(&claimed.node.occupant.instance).await?;
            if let Vacated::Done(_) = registrar.vacate(&node.slot, &id(&instance), "a turn").await? {
                assert!(registrar.node_of(&id(&instance)).await.is_err(), "a vacated machine holds no name");
            }
        }
        Ok::<_, Error>(())
    });
    for done in watched(fixture, None, acting).await {
        done.expect("no actor fails because of the others");
    }
    let store = fixture.store();
    seat_last(store).await;
    let found = store.find(&Key::Instance(id("last"))).await.expect("a find");
    assert!(found.is_some_and(|entry| entry.slot().number() < MACHINES), "gaps are taken before new slots");
}

/// Claims one more name of `db`.
async fn seat_last(store: &Arc<dyn NameStore>) {
    match table(store).await.vacancies().next() {
        Some(_) => {
            let claim = claim(&db(0), occupant("last"));
            store.take(&claim, &[], &cause()).await.expect("a take");
        }
        None => {
            let count = u32::try_from(table(store).await.entries.len()).expect("a few");
            seat(store, &db(count), occupant("last")).await;
        }
    }
}
