//! Several publish and read at once, and some give up half-way.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aerostat_core::{Mode, Outcome, Snapshot};
use futures::future::join_all;

use super::Fixture;
use super::tables::{expected, lines, node, publish, table, usual, written};
use crate::samples::web;

/// A table of many lines whose aliases tell its number, so that half of it can't be taken for a whole.
fn marked(number: u64) -> Snapshot {
    let rows = (0..100).map(|slot| node(web(slot), &[&format!("table-{number}-{slot}")])).collect();
    table(number, rows)
}

/// Readers see the table before or the table after, whole.
pub async fn whoever_reads_meanwhile_sees_a_whole_table(fixture: &Fixture) {
    const TABLES: u64 = 40;
    written(fixture.sink(), &marked(1)).await;
    let (machine, done) = (fixture.machine().clone(), Arc::new(AtomicBool::new(false)));
    let stop = done.clone();
    // A thread of its own: reading blocks.
    let reading = tokio::task::spawn_blocking(move || {
        let tables: Vec<_> = (1..=TABLES).map(|number| expected(&marked(number))).collect();
        let mut last = 0;
        while !stop.load(Ordering::Relaxed) {
            let shown = lines(&*machine);
            let now = tables.iter().position(|table| *table == shown);
            let now = now.unwrap_or_else(|| panic!("no whole table is shown: {shown:#?}"));
            assert!(now >= last, "table {now} is shown after table {last}");
            last = now;
        }
    });
    for number in 2..=TABLES {
        written(fixture.sink(), &marked(number)).await;
    }
    done.store(true, Ordering::Relaxed);
    reading.await.expect("a reader sees whole tables");
}

/// Calls at once, of several processes too, happen one after the other: an older table never wins.
pub async fn of_tables_at_once_the_latest_is_shown_in_the_end(fixture: &Fixture) {
    const TABLES: u64 = 24;
    let sinks = [fixture.sink().clone(), fixture.another().await, fixture.another().await];
    let publishing: Vec<_> = (1..=TABLES)
        .zip(sinks.iter().cycle().cloned())
        .map(|(number, sink)| tokio::spawn(async move { publish(&*sink, &marked(number)).await.outcome }))
        .collect();
    let outcomes: Vec<_> =
        join_all(publishing).await.into_iter().map(|outcome| outcome.expect("a publish")).collect();
    assert!(outcomes.iter().all(|outcome| *outcome != Outcome::Unchanged), "{outcomes:?}");
    assert_eq!(outcomes.last(), Some(&Outcome::Written), "nothing is later than the last table");
    assert_eq!(lines(&**fixture.machine()), expected(&marked(TABLES)));
}

/// A publish whose future is dropped shows the table before or after, and hinders nobody.
pub async fn a_publish_that_is_dropped_shows_one_table_or_the_other(fixture: &Fixture) {
    written(fixture.sink(), &usual(1)).await;
    let mut before = expected(&usual(1));
    for (polls, number) in (0..5).zip(2..) {
        let next = marked(number);
        {
            let mut publishing = pin!(fixture.sink().publish(&next, Mode::Write));
            for _ in 0..polls {
                if futures::poll!(&mut publishing).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let shown = lines(&**fixture.machine());
        assert!(shown == before || shown == expected(&next), "after {polls} polls: {shown:#?}");
        let published = publish(fixture.sink(), &next).await;
        assert_ne!(published.outcome, Outcome::Kept, "{published:#?}");
        before = expected(&next);
        assert_eq!(lines(&**fixture.machine()), before, "after {polls} polls");
    }
}
