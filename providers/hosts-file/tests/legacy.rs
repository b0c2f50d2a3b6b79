//! What a legacy updater leaves goes to the top of the file, and what isn't its stays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use aerostat_core::{Error, ErrorKind, HostsSink, Mode, Outcome, Published, Root, Snapshot};
use aerostat_hosts_file::{Config, HostsFile};
use support::{Place, block, table};

const OURS: &str = "127.0.0.1 localhost\n10.0.0.99 printer\n";

/// A hosts file with an updater that leaves what lies in `next`.
struct Updated {
    place: Place,
    config: Config,
}

impl Updated {
    fn with(content: &str) -> Self {
        let place = Place::with(content);
        let config = Config { legacy_updater: Some(place.file("updater")), ..place.config() };
        let updated = Self { place, config };
        updated.script("cp \"$(dirname \"$0\")/next\" \"$AEROSTAT_LEGACY\"");
        updated
    }

    fn script(&self, body: &str) {
        let path = self.place.file("updater");
        fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    async fn publish(&self, table: &Snapshot) -> Result<Published, Error> {
        HostsFile::new(self.config.clone(), &Root::default()).publish(table, Mode::Write).await
    }

    /// Publishes a table after a run that leaves those lines.
    async fn leaving(&self, lines: &str, table: &Snapshot) -> Published {
        fs::write(self.place.file("next"), lines).unwrap();
        self.publish(table).await.unwrap()
    }
}

#[tokio::test]
async fn each_run_replaces_what_the_last_one_put_at_the_top() {
    let updated = Updated::with(OURS);
    for (number, lines, top) in [
        (1, "10.1.1.1 a\n10.1.1.2 b", "10.1.1.1 a\n10.1.1.2 b\n"),
        (2, "10.1.1.3 c\n", "10.1.1.3 c\n"),
        (3, "", ""),
        (4, "d\n", "d\n"),
    ] {
        let published = updated.leaving(lines, &table(number, 2)).await;
        assert_eq!(published.outcome, Outcome::Written);
        assert_eq!(published.warnings, [""; 0]);
        assert_eq!(updated.place.read(), format!("{top}{OURS}{}", block(&table(number, 2))));
    }
    assert_eq!(updated.leaving("d\n", &table(4, 2)).await.outcome, Outcome::Unchanged);
    // An updater that leaves the file alone says the same as before.
    updated.script("exit 0");
    assert_eq!(updated.publish(&table(4, 2)).await.unwrap().outcome, Outcome::Unchanged);
}

#[tokio::test]
async fn what_the_first_aerostat_put_at_the_top_is_not_there_twice() {
    // Its file was what the updater had left, and the block.
    let first = "127.0.0.1 localhost\n10.1.1.1 a\n";
    for next in [first, "127.0.0.1 localhost\n10.1.1.2 b\n"] {
        let updated = Updated::with(&format!("{first}# AEROSTAT\n10.0.0.1 web-0\n# /AEROSTAT\n"));
        fs::write(&updated.config.legacy, first).unwrap();
        updated.leaving(next, &table(1, 2)).await;
        assert_eq!(updated.place.read(), format!("{next}{}", block(&table(1, 2))));
    }
}

#[tokio::test]
async fn a_part_that_was_edited_stays_below_the_new_one_with_a_warning() {
    let updated = Updated::with(OURS);
    updated.leaving("10.1.1.1 a\n", &table(1, 1)).await;
    let edited = updated.place.read().replace(" a\n", " a # mine\n");
    fs::write(updated.place.hosts(), &edited).unwrap();
    let published = updated.leaving("10.1.1.2 b\n", &table(2, 1)).await;
    assert!(published.warnings[0].contains("was changed or moved"), "{published:#?}");
    assert_eq!(updated.place.read(), format!("10.1.1.2 b\n10.1.1.1 a # mine\n{OURS}{}", block(&table(2, 1))));
    updated.leaving("10.1.1.3 c\n", &table(3, 1)).await;
    assert_eq!(updated.place.read(), format!("10.1.1.3 c\n10.1.1.1 a # mine\n{OURS}{}", block(&table(3, 1))));
}

#[tokio::test]
async fn a_failure_leaves_every_file_as_it_was() {
    let updated = Updated::with(OURS);
    updated.leaving("10.1.1.1 a\n", &table(1, 1)).await;
    let before = (updated.place.read(), updated.place.backup());
    let cp = "cp \"$(dirname \"$0\")/next\" \"$AEROSTAT_LEGACY\"";
    fs::write(updated.place.file("next"), "half").unwrap();
    for body in [
        format!("{cp}; exit 1"),
        format!("{cp}; exit 77"),
        format!("{cp}; kill -9 $$"),
        format!("{cp}; kill -TERM $$"),
        "rm \"$AEROSTAT_LEGACY\"".to_owned(),
    ] {
        updated.script(&body);
        let error = updated.publish(&table(2, 2)).await.unwrap_err();
        assert!(error.to_string().contains("updater"), "{body}: {error}");
        assert_eq!((updated.place.read(), updated.place.backup()), before, "{body}");
    }
    fs::remove_file(updated.place.file("updater")).unwrap();
    assert_eq!(updated.publish(&table(2, 2)).await.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!((updated.place.read(), updated.place.backup()), before);
    // And the next good run replaces what the last good one had put there.
    updated.script(cp);
    updated.leaving("10.1.1.2 b\n", &table(3, 1)).await;
    assert_eq!(updated.place.read(), format!("10.1.1.2 b\n{OURS}{}", block(&table(3, 1))));
}

#[tokio::test]
async fn a_preview_does_not_run_the_program_and_says_so() {
    let updated = Updated::with(OURS);
    fs::write(updated.place.file("next"), "10.1.1.1 a\n").unwrap();
    let sink = HostsFile::new(updated.config.clone(), &Root::default());
    let before = updated.place.names();
    let published = sink.publish(&table(1, 1), Mode::Preview).await.unwrap();
    assert!(published.warnings[0].contains("isn't run in a preview"), "{published:#?}");
    assert_eq!(updated.place.names(), before);
}

#[tokio::test]
async fn a_table_that_is_kept_out_does_not_hold_back_the_legacy_lines() {
    let updated = Updated::with(OURS);
    updated.leaving("10.1.1.1 a\n", &table(5, 2)).await;
    for kept in [table(6, 0), table(4, 1)] {
        let published = updated.leaving("10.1.1.2 b\n", &kept).await;
        assert_eq!(published.outcome, Outcome::Kept);
        assert_eq!(updated.place.read(), format!("10.1.1.2 b\n{OURS}{}", block(&table(5, 2))));
    }
}

#[tokio::test]
async fn a_block_that_the_updater_copied_is_left_out() {
    let updated = Updated::with(OURS);
    let copied = format!("10.1.1.1 a\n{}", block(&table(9, 3)));
    let published = updated.leaving(&copied, &table(1, 1)).await;
    assert!(published.warnings[0].contains("left a block of aerostat"), "{published:#?}");
    assert_eq!(updated.place.read(), format!("10.1.1.1 a\n{OURS}{}", block(&table(1, 1))));
}

#[tokio::test]
async fn without_the_program_its_lines_stay_like_any_others() {
    let updated = Updated::with(OURS);
    updated.leaving("10.1.1.1 a\n", &table(1, 1)).await;
    updated.place.publish(&table(2, 2)).await.unwrap();
    assert_eq!(updated.place.read(), format!("10.1.1.1 a\n{OURS}{}", block(&table(2, 2))));
    updated.leaving("10.1.1.2 b\n", &table(3, 1)).await;
    assert_eq!(updated.place.read(), format!("10.1.1.2 b\n{OURS}{}", block(&table(3, 1))));
}
