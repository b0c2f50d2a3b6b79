//! Writers take turns, in one process and in several, and one that is killed leaves a whole file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use aerostat_core::{HostsSink, Mode, Outcome, Revision, Snapshot};
use support::{Place, again, block, is_in_own_namespace, mount, mount_by_itself, table, task};

const OURS: &str = "127.0.0.1 localhost\n10.0.0.99 printer\n";
/// What lies behind the block.
const BEHIND: &str = "10.0.0.98 scanner\n";
/// How many machines the two tables have that take turns: the file shrinks and grows by hundreds of blocks.
const SIZES: [u32; 2] = [300, 60_000];

/// The two tables that take turns. Each is of a database of its own, so that none is older than the other.
fn tables() -> [Snapshot; 2] {
    let mut lineage = 0;
    SIZES.map(|nodes| {
        lineage += 1;
        Snapshot { revision: Revision { lineage, number: 1 }, ..table(lineage, nodes) }
    })
}

fn whole(table: &Snapshot) -> String {
    format!("{OURS}{}{BEHIND}", block(table))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_threads_the_latest_table_wins() {
    let place = Place::with(OURS);
    let sink = std::sync::Arc::new(place.sink());
    let publishing: Vec<_> = (1..=40u64)
        .map(|number| {
            let sink = sink.clone();
            tokio::spawn(async move { sink.publish(&table(number, 50), Mode::Write).await })
        })
        .collect();
    for published in publishing {
        assert_ne!(published.await.unwrap().unwrap().outcome, Outcome::Unchanged);
    }
    assert_eq!(place.read(), format!("{OURS}{}", block(&table(40, 50))));
}

#[test]
fn of_many_processes_the_latest_table_wins() {
    const TEST: &str = "of_many_processes_the_latest_table_wins";
    const PROCESSES: u64 = 4;
    const TABLES: u64 = 60;
    if let Some(task) = task() {
        let (first, folder) = task.split_once(' ').unwrap();
        let first: u64 = first.parse().unwrap();
        let place = Place::at(Path::new(folder));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for number in (first..=TABLES).step_by(PROCESSES as usize) {
            let outcome = runtime.block_on(place.publish(&table(number, 50))).unwrap().outcome;
            assert_ne!(outcome, Outcome::Unchanged);
        }
        return;
    }
    let place = Place::with(OURS);
    let children: Vec<Child> =
        (1..=PROCESSES).map(|first| again(TEST, &format!("{first} {}", place.folder.display()))).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(place.read(), format!("{OURS}{}", block(&table(TABLES, 50))));
    assert_eq!(place.names(), ["hosts", "hosts.aerostat", "hosts.bak"]);
}

/// Publishes for ever, if this process is to.
fn publish_for_ever() {
    let Some(folder) = task() else { return };
    let (place, tables) = (Place::at(Path::new(&folder)), tables());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for table in tables.iter().cycle() {
        runtime.block_on(place.publish(table)).unwrap();
    }
}

/// Starts a writer and kills it some time after `is_time` for it.
fn kill_one(test: &str, place: &Place, is_time: impl Fn() -> bool, later: Duration) {
    let mut writer = again(test, place.folder.to_str().unwrap());
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_time() {
        assert!(Instant::now() < deadline, "the writer doesn't write");
        assert_eq!(writer.try_wait().unwrap(), None);
    }
    let moment = Instant::now();
    while moment.elapsed() < later {
        std::hint::spin_loop();
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
}

/// A moment within a span that differs from round to round.
fn moment(round: u32, span: Duration) -> Duration {
    span * (round * 7919 % 1000) / 1000
}

#[test]
fn a_killed_writer_leaves_a_whole_file() {
    publish_for_ever();
    let (place, tables) = (Place::empty(), tables());
    fs::write(place.hosts(), whole(&tables[0])).unwrap();
    let contents = tables.each_ref().map(whole);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(place.publish(&tables[1])).unwrap();
    let mut interrupted = 0;
    for round in 0..60 {
        let is_writing = || place.names().len() > 3;
        kill_one(
            "a_killed_writer_leaves_a_whole_file",
            &place,
            is_writing,
            moment(round, Duration::from_millis(4)),
        );
        assert!(contents.contains(&place.read()), "round {round}: the file is torn");
        assert!(contents.contains(&place.backup()), "round {round}: the backup is torn");
        interrupted += u32::from(place.names().len() > 3);
        let table = &tables[round as usize % 2];
        runtime.block_on(place.publish(table)).unwrap();
        assert!(place.read() == whole(table), "round {round}");
        assert_eq!(place.names(), ["hosts", "hosts.aerostat", "hosts.bak"], "round {round}");
    }
    println!("of 60 writers {interrupted} were killed while they wrote");
    assert!(interrupted > 0, "no writer was killed at the moment that is to be tested");
}

#[test]
fn a_writer_killed_while_writing_in_place_is_made_good_by_the_next() {
    const TEST: &str = "a_writer_killed_while_writing_in_place_is_made_good_by_the_next";
    publish_for_ever();
    if !is_in_own_namespace(TEST) {
        return;
    }
    let (place, tables) = (Place::empty(), tables());
    mount(&["-t", "tmpfs", "none"], &place.folder);
    fs::write(place.hosts(), whole(&tables[0])).unwrap();
    mount_by_itself(&place.hosts());
    let contents = tables.each_ref().map(whole);
    let journal = place.file(".hosts.aerostat-journal");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut interrupted, mut torn) = (0, 0);
    for round in 0..60 {
        kill_one(TEST, &place, || journal.exists(), moment(round, Duration::from_micros(800)));
        interrupted += u32::from(journal.exists());
        torn += u32::from(!contents.contains(&place.read()));
        let table = &tables[round as usize % 2];
        let published = runtime.block_on(place.publish(table)).unwrap();
        assert!(place.read() == whole(table), "round {round}: {published:#?}");
        assert_eq!(place.names(), ["hosts", "hosts.aerostat", "hosts.bak", "runtime"], "round {round}");
    }
    println!(
        "of 60 writers {interrupted} were killed while they wrote in place, and {torn} left a torn file"
    );
    assert!(torn > 0, "no writer was killed at the moment that is to be tested");
}
