//! A step's future is dropped at an await: the step happens or doesn't, whole, now or a little later.

use std::pin::pin;

use aerostat_core::{Exchanged, InstanceId, NameStore, Refreshed, Slot, Taken};

use super::Fixture;
use super::steps::{seat, seat_each, table, transfer};
use crate::samples::{alias, cause, claim, db, id, occupant, occupant_with, slots, web};

/// How many polls the futures are given before they are dropped, in turn.
const POLLS: std::ops::Range<usize> = 0..5;

/// Polls a future so many times, then drops it.
async fn drop_after<F: Future>(polls: usize, future: F) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if futures::poll!(&mut future).is_ready() {
            break;
        }
        tokio::task::yield_now().await;
    }
}

/// Who holds those slots.
async fn holders(store: &dyn NameStore, slots: &[Slot]) -> Vec<Option<InstanceId>> {
    let table = table(store).await;
    let holder =
        |slot: &Slot| table.nodes().find(|node| node.slot == *slot).map(|node| node.instance().clone());
    slots.iter().map(holder).collect()
}

/// After a dropped take, the claimant gets one name, once.
pub async fn a_take_that_is_dropped_happens_or_does_not(fixture: &Fixture) {
    let store = fixture.store();
    for (polls, number) in POLLS.zip(0..) {
        let (claim, fresh) = (claim(&web(0), occupant(&format!("i-{number}"))), [web(number)]);
        drop_after(polls, store.take(&claim, &fresh, &cause())).await;
        table(store).await;
        let again = store.take(&claim, &fresh, &cause()).await.expect("a take");
        let (Taken::Node(node) | Taken::Held(node)) = &again else { panic!("{again:?}") };
        assert_eq!(node.slot, web(number));
        assert_eq!(table(store).await.entries.len(), polls + 1, "after {polls} polls");
    }
}

/// After a dropped exchange, all of its slots have changed hands or none.
pub async fn an_exchange_that_is_dropped_happens_or_does_not(fixture: &Fixture) {
    let store = fixture.store();
    seat_each(store, &slots(db, 0..2)).await;
    let both = slots(db, 0..2);
    let (mut master, mut slave) = ("i-0", "i-1");
    for polls in POLLS {
        let swap = [transfer(&db(0), master, slave), transfer(&db(1), slave, master)];
        drop_after(polls, store.exchange(&swap, &cause())).await;
        let (before, after) = ([Some(id(master)), Some(id(slave))], [Some(id(slave)), Some(id(master))]);
        let now = holders(store, &both).await;
        assert!(now == before || now == after, "half an exchange after {polls} polls: {now:?}");
        let again = store.exchange(&swap, &cause()).await.expect("an exchange");
        let (Exchanged::Done(entries) | Exchanged::Conflict(entries)) = again;
        let told: Vec<_> = entries.iter().map(|entry| entry.instance().cloned()).collect();
        assert_eq!(told, after, "after {polls} polls");
        assert_eq!(holders(store, &both).await, after);
        (master, slave) = (slave, master);
    }
}

/// After a dropped refresh, the node is as it was or as it was to be.
pub async fn a_refresh_that_is_dropped_happens_or_does_not(fixture: &Fixture) {
    let store = fixture.store();
    let mut before = seat(store, &web(0), occupant_with("a", &["one", "two"])).await;
    for polls in POLLS {
        let wish = occupant_with("a", &[&format!("a-{polls}"), &format!("b-{polls}")]);
        drop_after(polls, store.refresh(&web(0), &wish, &cause())).await;
        let now = table(store).await;
        let now = now.nodes().next().expect("the node is still there");
        assert!(now.occupant == before.occupant || now.occupant == wish, "half a refresh: {now:?}");
        let again = store.refresh(&web(0), &wish, &cause()).await.expect("a refresh");
        let Refreshed::Node(node) = again else { panic!("{again:?}") };
        assert_eq!((&node.occupant, node.since), (&wish, before.since));
        assert!(wish.aliases.contains(&alias(&format!("a-{polls}"))));
        before = node;
    }
}
