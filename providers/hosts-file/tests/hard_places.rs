//! File systems that are full, that can't be written, and files that can't be renamed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use aerostat_core::{ErrorKind, Outcome};
use support::{Place, block, is_in_own_namespace, mount, mount_by_itself, table};

const OURS: &str = "127.0.0.1 localhost\n10.0.0.99 printer\n";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// Fills the file system that a folder is on.
fn fill(place: &Place) {
    let mut size = 1 << 20;
    let mut filler = fs::File::create(place.file("filler")).unwrap();
    while size > 0 {
        use std::io::Write;
        if filler.write_all(&vec![0; size]).is_err() {
            size /= 2;
        }
    }
}

#[test]
fn on_a_full_file_system_the_file_stays_as_it_was() {
    if !is_in_own_namespace("on_a_full_file_system_the_file_stays_as_it_was") {
        return;
    }
    let place = Place::empty();
    mount(&["-t", "tmpfs", "-o", "size=1m", "none"], &place.folder);
    fs::write(place.hosts(), OURS).unwrap();
    runtime().block_on(place.publish(&table(1, 10))).unwrap();
    let (before, kept) = (place.read(), place.backup());
    fill(&place);
    for nodes in [5000, 50_000] {
        let error = runtime().block_on(place.publish(&table(2, nodes))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("No space left"), "{error}");
        assert!(error.to_string().contains(&place.hosts().display().to_string()), "{error}");
        assert!(error.advice().unwrap().contains("make room"), "{error}");
        assert_eq!(place.read(), before);
        assert_eq!(place.backup(), kept);
        assert_eq!(place.names(), ["filler", "hosts", "hosts.aerostat", "hosts.bak"]);
    }
    fs::remove_file(place.file("filler")).unwrap();
    assert_eq!(runtime().block_on(place.publish(&table(2, 5000))).unwrap().outcome, Outcome::Written);
    assert_eq!(place.read(), format!("{OURS}{}", block(&table(2, 5000))));
}

#[test]
fn on_a_full_file_system_nothing_can_be_published_first_and_nothing_is_lost() {
    if !is_in_own_namespace("on_a_full_file_system_nothing_can_be_published_first_and_nothing_is_lost") {
        return;
    }
    let place = Place::empty();
    mount(&["-t", "tmpfs", "-o", "size=64k", "none"], &place.folder);
    fs::write(place.hosts(), OURS).unwrap();
    fill(&place);
    assert_eq!(runtime().block_on(place.publish(&table(1, 10))).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(place.read(), OURS);
}

#[test]
fn on_a_file_system_that_is_read_only_the_error_says_so() {
    if !is_in_own_namespace("on_a_file_system_that_is_read_only_the_error_says_so") {
        return;
    }
    let place = Place::empty();
    mount(&["-t", "tmpfs", "none"], &place.folder);
    fs::write(place.hosts(), OURS).unwrap();
    mount(&["-o", "remount,ro"], &place.folder);
    let error = runtime().block_on(place.publish(&table(1, 1))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("Read-only file system (os error 30) (path: "), "{error}");
    assert!(error.advice().unwrap().contains("must be writable"), "{error}");
    assert_eq!(place.read(), OURS);
    assert_eq!(runtime().block_on(place.preview(&table(1, 1))).unwrap().outcome, Outcome::Written);
}

#[test]
fn without_the_right_to_write_the_error_says_who_may() {
    let place = Place::with(OURS);
    const TEST: &str = "without_the_right_to_write_the_error_says_who_may";
    if let Some(folder) = support::task() {
        let place = Place::at(folder.as_ref());
        let error = runtime().block_on(place.publish(&table(1, 1))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.advice().unwrap().contains("run as root"), "{error}");
        let preview = runtime().block_on(place.preview(&table(1, 1))).unwrap();
        assert_eq!(preview.outcome, Outcome::Unchanged);
        assert!(preview.warnings[0].contains("can't be read"), "{preview:#?}");
        return;
    }
    assert!(rustix::process::geteuid().is_root(), "this test must run as root: it becomes somebody else");
    runtime().block_on(place.publish(&table(1, 1))).unwrap();
    fs::set_permissions(&place.folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    // A copy that anybody may execute: the build's folder may be closed to others.
    let program = place.file("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let status = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["--exact", TEST, "--nocapture"])
        .env("AEROSTAT_TEST_TASK", &place.folder)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn a_file_that_is_mounted_by_itself_is_written_in_place() {
    if !is_in_own_namespace("a_file_that_is_mounted_by_itself_is_written_in_place") {
        return;
    }
    let place = Place::with(OURS);
    mount_by_itself(&place.hosts());
    let inode = fs::metadata(place.hosts()).unwrap().ino();
    let mut before = OURS.to_owned();
    for (number, nodes) in [(1, 3000), (2, 3), (3, 2000)] {
        let published = runtime().block_on(place.publish(&table(number, nodes))).unwrap();
        assert_eq!(published.outcome, Outcome::Written);
        assert_eq!(place.read(), format!("{OURS}{}", block(&table(number, nodes))));
        assert_eq!(place.backup(), before);
        assert_eq!(fs::metadata(place.hosts()).unwrap().ino(), inode);
        assert_eq!(place.names(), ["hosts", "hosts.aerostat", "hosts.bak", "runtime"]);
        assert_eq!(
            runtime().block_on(place.publish(&table(number, nodes))).unwrap().outcome,
            Outcome::Unchanged
        );
        before = place.read();
    }
}

#[test]
fn a_full_file_system_behind_the_mount_leaves_the_file_as_it_was() {
    if !is_in_own_namespace("a_full_file_system_behind_the_mount_leaves_the_file_as_it_was") {
        return;
    }
    let place = Place::with(OURS);
    mount_by_itself(&place.hosts());
    runtime().block_on(place.publish(&table(1, 10))).unwrap();
    let before = place.read();
    mount(&["-o", "remount,size=64k"], &place.file("runtime"));
    let error = runtime().block_on(place.publish(&table(2, 50_000))).unwrap_err();
    assert!(error.to_string().contains("No space left"), "{error}");
    assert_eq!(place.read(), before);
    assert_eq!(place.names(), ["hosts", "hosts.aerostat", "hosts.bak", "runtime"]);
    assert_eq!(runtime().block_on(place.publish(&table(3, 20))).unwrap().outcome, Outcome::Written);
}

#[test]
fn what_a_container_runtime_writes_after_a_kill_is_not_overwritten() {
    if !is_in_own_namespace("what_a_container_runtime_writes_after_a_kill_is_not_overwritten") {
        return;
    }
    let place = Place::with(OURS);
    mount_by_itself(&place.hosts());
    runtime().block_on(place.publish(&table(1, 500))).unwrap();
    fs::write(place.file(".hosts.aerostat-journal"), format!("{OURS}{}", block(&table(2, 600)))).unwrap();
    let anew = "127.0.0.1 localhost\n172.17.0.5 container\n";
    fs::write(place.hosts(), anew).unwrap();
    runtime().block_on(place.publish(&table(3, 5))).unwrap();
    assert_eq!(place.read(), format!("{anew}{}", block(&table(3, 5))));
    assert!(!place.file(".hosts.aerostat-journal").exists());
}

#[test]
fn a_preview_of_a_torn_file_reads_what_the_next_write_makes_of_it() {
    if !is_in_own_namespace("a_preview_of_a_torn_file_reads_what_the_next_write_makes_of_it") {
        return;
    }
    let place = Place::with(OURS);
    mount_by_itself(&place.hosts());
    runtime().block_on(place.publish(&table(1, 2000))).unwrap();
    let old = fs::read(place.hosts()).unwrap();
    let new = format!("{OURS}{}", block(&table(2, 2000))).into_bytes();
    fs::write(place.file("hosts.bak"), &old).unwrap();
    fs::write(place.file(".hosts.aerostat-journal"), &new).unwrap();
    let torn = [&new[..8192], &old[8192..]].concat();
    fs::write(place.hosts(), &torn).unwrap();
    let preview = runtime().block_on(place.preview(&table(2, 2000))).unwrap();
    assert_eq!(preview.outcome, Outcome::Unchanged);
    assert!(fs::read(place.hosts()).unwrap() == torn, "a preview completes nothing");
    let published = runtime().block_on(place.publish(&table(2, 2000))).unwrap();
    assert_eq!(published.outcome, Outcome::Unchanged);
    assert!(published.warnings[0].contains("was completed"), "{published:#?}");
    assert!(fs::read(place.hosts()).unwrap() == new);
}
