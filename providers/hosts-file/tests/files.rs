//! What a file may hold, and what publishing makes of it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use aerostat_core::{ErrorKind, Outcome, Revision, Snapshot};
use aerostat_testkit::samples::web;
use proptest::prelude::*;
use support::{Place, block, node, snapshot, table};

const LOCALHOST: &str = "127.0.0.1 localhost\n";

#[tokio::test]
async fn a_missing_file_is_made() {
    let place = Place::empty();
    let published = place.publish(&table(1, 2)).await.unwrap();
    assert_eq!(published.outcome, Outcome::Written);
    assert_eq!(published.target, place.hosts().display().to_string());
    assert_eq!(place.read(), format!("{LOCALHOST}{}", block(&table(1, 2))));
    assert_eq!(fs::metadata(place.hosts()).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(place.names(), ["hosts", "hosts.aerostat"]);
}

#[tokio::test]
async fn the_content_before_is_kept_beside_it_with_its_mode() {
    let place = Place::with(format!("{LOCALHOST}a"));
    fs::set_permissions(place.hosts(), fs::Permissions::from_mode(0o600)).unwrap();
    place.publish(&table(1, 1)).await.unwrap();
    assert_eq!(place.backup(), format!("{LOCALHOST}a"));
    let first = place.read();
    place.publish(&table(2, 2)).await.unwrap();
    assert_eq!(place.backup(), first);
    for name in ["hosts", "hosts.bak"] {
        assert_eq!(fs::metadata(place.file(name)).unwrap().mode() & 0o7777, 0o600, "{name}");
    }
    assert_eq!(place.names(), ["hosts", "hosts.aerostat", "hosts.bak"]);
}

/// Everything about both files that a write alters.
fn state(place: &Place) -> Vec<(u64, i64, i64, i64)> {
    ["hosts", "hosts.bak"]
        .iter()
        .map(|name| fs::metadata(place.file(name)).unwrap())
        .map(|about| (about.ino(), about.mtime(), about.mtime_nsec(), about.ctime_nsec()))
        .collect()
}

#[tokio::test]
async fn a_later_revision_with_the_same_lines_writes_neither_file_and_is_remembered() {
    let place = Place::with(LOCALHOST);
    let entries = table(1, 3).entries;
    place.publish(&snapshot(1, entries.clone())).await.unwrap();
    let before = state(&place);
    assert_eq!(place.publish(&snapshot(7, entries.clone())).await.unwrap().outcome, Outcome::Unchanged);
    assert_eq!(state(&place), before);
    assert_eq!(place.publish(&snapshot(6, entries)).await.unwrap().outcome, Outcome::Kept);
    assert_eq!(state(&place), before);
}

#[tokio::test]
async fn bytes_of_every_sort_survive_around_the_block() {
    let mut big: Vec<u8> = (0..10_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    big.retain(|byte| !b"#lL".contains(byte));
    big.push(b'\n');
    let cases: [(&str, &[u8]); 6] = [
        ("CRLF", b"127.0.0.1 localhost\r\n10.0.0.1 a\r\n\r\n"),
        ("zeros", b"127.0.0.1 localhost\n\0\0\0\n"),
        ("not UTF-8", b"127.0.0.1 localhost\n\xff\xfe\n"),
        ("blanks alone", b"::1 localhost\n \t \n\n\n"),
        ("a byte order mark", b"\xef\xbb\xbf# x\n127.0.0.1 localhost\n"),
        ("big", &[b"127.0.0.1 localhost\n", &big[..]].concat()),
    ];
    for (case, content) in cases {
        let place = Place::with(content);
        place.publish(&table(1, 2)).await.unwrap();
        assert!(
            fs::read(place.hosts()).unwrap() == [content, block(&table(1, 2)).as_bytes()].concat(),
            "{case}"
        );
        // What somebody adds behind the block survives too.
        let more = [content, block(&table(1, 2)).as_bytes(), content].concat();
        fs::write(place.hosts(), more).unwrap();
        place.publish(&table(2, 3)).await.unwrap();
        let expected = [content, block(&table(2, 3)).as_bytes(), content].concat();
        assert!(fs::read(place.hosts()).unwrap() == expected, "{case}");
        assert_eq!(place.publish(&table(2, 3)).await.unwrap().outcome, Outcome::Unchanged, "{case}");
    }
}

#[tokio::test]
async fn a_broken_block_is_mended_with_a_warning() {
    let place = Place::with(format!(
        "{LOCALHOST}# AEROSTAT\n10.0.0.1 web-0\n10.0.0.50 printer\n{}x",
        block(&table(9, 1))
    ));
    let preview = place.preview(&table(1, 1)).await.unwrap();
    let published = place.publish(&table(1, 1)).await.unwrap();
    assert_eq!(place.read(), format!("{LOCALHOST}{}10.0.0.50 printer\nx", block(&table(1, 1))));
    assert_eq!(published.warnings.len(), 2, "{published:#?}");
    assert!(published.warnings[0].contains("in line 2 was never closed"), "{published:#?}");
    assert!(published.warnings[1].contains("a second block"), "{published:#?}");
    assert_eq!(preview.warnings, published.warnings);
    assert_eq!(place.publish(&table(1, 1)).await.unwrap().warnings, [""; 0]);
}

#[tokio::test]
async fn an_empty_table_is_kept_out_also_if_what_was_remembered_is_lost() {
    let place = Place::with(LOCALHOST);
    place.publish(&table(1, 2)).await.unwrap();
    let before = place.read();
    for lost in [None, Some("broken"), Some("")] {
        match lost {
            Some(content) => fs::write(place.file("hosts.aerostat"), content).unwrap(),
            None => fs::remove_file(place.file("hosts.aerostat")).unwrap(),
        }
        let published = place.publish(&table(2, 0)).await.unwrap();
        assert_eq!(published.outcome, Outcome::Kept);
        assert!(published.warnings[0].contains("no addresses"), "{published:#?}");
        assert_eq!(place.read(), before);
    }
}

#[tokio::test]
async fn a_block_that_was_emptied_by_hand_stays_empty() {
    let place = Place::with(LOCALHOST);
    place.publish(&table(1, 2)).await.unwrap();
    fs::write(place.hosts(), format!("{LOCALHOST}# AEROSTAT\n# /AEROSTAT\n")).unwrap();
    assert_eq!(place.publish(&table(2, 0)).await.unwrap().outcome, Outcome::Unchanged);
    fs::write(place.hosts(), LOCALHOST).unwrap();
    assert_eq!(place.publish(&table(3, 0)).await.unwrap().outcome, Outcome::Written);
    assert_eq!(place.read(), format!("{LOCALHOST}# AEROSTAT\n# /AEROSTAT\n"));
}

#[tokio::test]
async fn what_another_program_wrote_is_mended_by_the_same_table() {
    let place = Place::with(LOCALHOST);
    place.publish(&table(3, 2)).await.unwrap();
    fs::write(place.hosts(), "::1 localhost\nby another\n").unwrap();
    assert_eq!(place.publish(&table(3, 2)).await.unwrap().outcome, Outcome::Written);
    assert_eq!(place.read(), format!("::1 localhost\nby another\n{}", block(&table(3, 2))));
}

#[tokio::test]
async fn a_database_that_was_made_anew_is_shown_and_the_old_one_again_too() {
    let place = Place::with(LOCALHOST);
    place.publish(&table(9, 1)).await.unwrap();
    let anew = Snapshot { revision: Revision { lineage: 2, number: 1 }, ..table(1, 2) };
    assert_eq!(place.publish(&anew).await.unwrap().outcome, Outcome::Written);
    assert_eq!(place.publish(&table(8, 3)).await.unwrap().outcome, Outcome::Written);
    assert_eq!(place.read(), format!("{LOCALHOST}{}", block(&table(8, 3))));
}

#[tokio::test]
async fn a_preview_makes_nothing_and_tells_the_lines() {
    let place = Place::with("10.0.0.99 printer");
    let published =
        place.preview(&snapshot(1, vec![node(web(0), Ipv4Addr::LOCALHOST, &["www"])])).await.unwrap();
    assert_eq!(published.outcome, Outcome::Written);
    assert_eq!(
        published.difference,
        ["+127.0.0.1 localhost", "+# AEROSTAT", "+127.0.0.1 web-0 www", "+# /AEROSTAT"]
    );
    assert_eq!(place.names(), ["hosts"]);
    assert_eq!(place.read(), "10.0.0.99 printer");
    let missing = Place::empty();
    assert_eq!(missing.preview(&table(1, 1)).await.unwrap().outcome, Outcome::Written);
    assert_eq!(missing.names(), [""; 0]);
}

#[tokio::test]
async fn a_symbolic_link_stays_and_its_file_is_written() {
    let place = Place::empty();
    fs::create_dir(place.file("real")).unwrap();
    fs::write(place.file("real/hosts"), LOCALHOST).unwrap();
    symlink("real/hosts", place.hosts()).unwrap();
    place.publish(&table(1, 1)).await.unwrap();
    assert!(fs::symlink_metadata(place.hosts()).unwrap().is_symlink());
    assert_eq!(place.read(), format!("{LOCALHOST}{}", block(&table(1, 1))));
    assert_eq!(place.names(), ["hosts", "hosts.aerostat", "hosts.bak", "real"]);
    assert_eq!(place.backup(), LOCALHOST);
}

#[tokio::test]
async fn what_killed_writers_left_is_swept() {
    let place = Place::with(LOCALHOST);
    for name in [".hosts.aerostat-0123456789abcdef", ".hosts.bak.aerostat-0123456789abcdef"] {
        fs::write(place.file(name), "half").unwrap();
    }
    place.preview(&table(1, 1)).await.unwrap();
    assert_eq!(place.names().len(), 3, "a preview sweeps nothing");
    place.publish(&table(1, 1)).await.unwrap();
    assert_eq!(place.names(), ["hosts", "hosts.aerostat", "hosts.bak"]);
}

#[tokio::test]
async fn a_folder_a_device_and_a_missing_folder_are_errors_that_name_the_path() {
    let place = Place::empty();
    fs::create_dir(place.hosts()).unwrap();
    for error in
        [place.publish(&table(1, 1)).await.unwrap_err(), place.preview(&table(1, 1)).await.unwrap_err()]
    {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(&place.hosts().display().to_string()), "{error}");
        assert!(error.advice().unwrap().contains("`path`"), "{error}");
    }
    let place = Place::empty();
    symlink("/dev/null", place.hosts()).unwrap();
    assert_eq!(place.publish(&table(1, 1)).await.unwrap_err().kind(), ErrorKind::Config);
    let place = Place::at(&place.file("missing"));
    let error = place.publish(&table(1, 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.advice().unwrap().contains("make the folder"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn publishing_is_whole_idempotent_and_loses_no_foreign_byte(
        before in "(\\PC{0,8}\r?\n){0,4}",
        after in prop::collection::vec(any::<u8>(), 0..60),
        nodes in prop::collection::vec(0u32..20, 1..4),
    ) {
        prop_assume!(!before.contains("AEROSTAT") && !after.windows(8).any(|word| word == b"AEROSTAT"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let before = format!("{LOCALHOST}{before}");
        let place = Place::with([before.as_bytes(), b"# AEROSTAT\n# /AEROSTAT\n", &after].concat());
        for (number, nodes) in (1..).zip(nodes) {
            let table = table(number, nodes.max(1));
            runtime.block_on(place.publish(&table)).unwrap();
            let content = fs::read(place.hosts()).unwrap();
            prop_assert_eq!(&content, &[before.as_bytes(), block(&table).as_bytes(), &after].concat());
            prop_assert_eq!(runtime.block_on(place.publish(&table)).unwrap().outcome, Outcome::Unchanged);
        }
    }
}
