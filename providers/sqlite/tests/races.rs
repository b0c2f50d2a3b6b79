//! Many at once on one file, each with connections of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashSet;
use std::sync::Arc;

use aerostat_core::{Entry, NameStore, Registrar};
use support::{claim, open, open_read_only};

/// Runs `count` threads, each with a runtime and a store of its own that it opens at the same moment.
fn race<T: Send + 'static>(
    count: usize,
    work: impl Fn(usize) -> T + Send + Sync + Clone + 'static,
) -> Vec<T> {
    let barrier = Arc::new(std::sync::Barrier::new(count));
    let threads: Vec<_> = (0..count)
        .map(|number| {
            let (barrier, work) = (barrier.clone(), work.clone());
            std::thread::spawn(move || {
                barrier.wait();
                work(number)
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn claims_that_make_the_database_at_the_same_moment_get_the_lowest_names_each_once() {
    const CLAIMANTS: usize = 64;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    let numbers = race(CLAIMANTS, {
        let path = path.clone();
        move |number| {
            block_on(async {
                let registrar = Registrar::new(Arc::new(open(&path).await), "test");
                registrar.claim(claim("web", &format!("i-{number}"))).await.unwrap().node.slot.number()
            })
        }
    });
    let distinct: HashSet<_> = numbers.iter().copied().collect();
    assert_eq!(distinct, (0..CLAIMANTS as u32).collect());
    let snapshot = block_on(async { open_read_only(&path).await.snapshot().await.unwrap() });
    assert_eq!(snapshot.nodes().count(), CLAIMANTS);
    assert!(
        snapshot.entries.len() < CLAIMANTS + 64,
        "vacancies opened in advance: {}",
        snapshot.entries.len()
    );
}

#[test]
fn readers_see_whole_steps_while_others_write_open_and_close() {
    const ROUNDS: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.db");
    race(8, move |number| {
        block_on(async {
            let mut least = 0;
            for round in 0..ROUNDS {
                if number % 2 == 0 {
                    let registrar = Registrar::new(Arc::new(open(&path).await), "test");
                    registrar.claim(claim("web", &format!("i-{number}-{round}"))).await.unwrap();
                } else {
                    let snapshot = open_read_only(&path).await.snapshot().await.unwrap();
                    let last = snapshot.entries.len();
                    let dense = snapshot.entries.iter().zip(0..).all(|(entry, n)| entry.slot().number() == n);
                    assert!(dense, "{:?}", snapshot.entries.iter().map(Entry::slot).collect::<Vec<_>>());
                    assert!(last >= least, "the table shrank");
                    least = last;
                }
            }
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_future_is_dropped_happens_in_full_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("names.db")).await;
    for number in 0..200_u64 {
        let (claimant, fresh) = (claim("web", &format!("i-{number}")), {
            let last = store.extent(&claim("web", "x").service).await.unwrap().map(|extent| extent.last);
            vec![last.map_or_else(|| support::slot("web", 0), |last| last.next().unwrap())]
        });
        let cause = support::cause();
        let step = store.take(&claimant, &fresh, &cause);
        let _ = tokio::time::timeout(std::time::Duration::from_micros(number * 10), step).await;
    }
    let snapshot = store.snapshot().await.unwrap();
    let history = store.history(&Default::default()).await.unwrap();
    assert_eq!(history.len(), snapshot.nodes().count());
    assert_eq!(snapshot.revision.number as usize, history.len());
    let told: HashSet<_> = history.iter().map(|event| event.hostname.clone()).collect();
    assert_eq!(told, snapshot.nodes().map(aerostat_core::Node::hostname).collect());
}
