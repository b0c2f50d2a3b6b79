//! Files are replaced whole, and keep what they had besides their content.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use aerostat_durable::{How, Replacement, recover, replace, sweep, torn};

/// A folder with a file `hosts` in it.
fn with_file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hosts");
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_by_a_new_one_with_its_mode() {
    let (folder, path) = with_file(b"old");
    fs::set_permissions(&path, Permissions::from_mode(0o664)).unwrap();
    let inode = fs::metadata(&path).unwrap().ino();
    assert_eq!(replace(&path, b"new").unwrap(), How::Renamed);
    assert_eq!(fs::read(&path).unwrap(), b"new");
    let about = fs::metadata(&path).unwrap();
    assert_ne!(about.ino(), inode);
    assert_eq!(about.mode() & 0o7777, 0o664);
    assert_eq!(names(folder.path()), ["hosts"]);
}

#[test]
fn a_file_keeps_its_owner() {
    let (_folder, path) = with_file(b"old");
    std::os::unix::fs::chown(&path, Some(12), Some(34)).expect("this test must run as root");
    replace(&path, b"new").unwrap();
    let about = fs::metadata(&path).unwrap();
    assert_eq!((about.uid(), about.gid()), (12, 34));
}

#[test]
fn a_missing_file_is_made_readable_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hosts");
    let backup = folder.path().join("hosts.bak");
    let mut replacement = Replacement::begin(&path).unwrap().keeping(&backup);
    replacement.write_all(b"new").unwrap();
    replacement.commit().unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(names(folder.path()), ["hosts"], "there was nothing to keep");
}

#[test]
fn a_symbolic_link_stays_and_its_file_is_replaced() {
    let (folder, path) = with_file(b"old");
    let link = folder.path().join("link");
    symlink("hosts", &link).unwrap();
    replace(&link, b"new").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_link_to_nothing_gets_its_file_and_a_link_to_itself_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    symlink("missing", &link).unwrap();
    replace(&link, b"new").unwrap();
    assert_eq!(names(folder.path()), ["link", "missing"]);
    let circle = folder.path().join("circle");
    symlink("circle", &circle).unwrap();
    assert!(replace(&circle, b"new").unwrap_err().to_string().contains("symbolic links"));
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(replace(folder.path(), b"").unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(replace("/dev/null", b"").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(replace(folder.path().join("no/hosts"), b"").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(replace("/..", b"").is_err() && replace("", b"").is_err());
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn what_is_dropped_before_its_commit_leaves_nothing() {
    let (folder, path) = with_file(b"old");
    let mut replacement = Replacement::begin(&path).unwrap();
    replacement.write_all(b"half").unwrap();
    assert_eq!(names(folder.path()).len(), 2);
    drop(replacement);
    assert_eq!(names(folder.path()), ["hosts"]);
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[test]
fn the_backup_is_the_file_before_also_if_it_was_linked_to_it() {
    let (folder, path) = with_file(b"1");
    let backup = folder.path().join("hosts.bak");
    // As a crash between the two renames leaves it.
    fs::hard_link(&path, &backup).unwrap();
    for content in [b"2", b"3"] {
        let before = fs::read(&path).unwrap();
        let mut replacement = Replacement::begin(&path).unwrap().keeping(&backup);
        replacement.write_all(content).unwrap();
        assert_eq!(replacement.commit().unwrap(), How::Renamed);
        assert_eq!(fs::read(&path).unwrap(), content);
        assert_eq!(fs::read(&backup).unwrap(), before);
    }
    assert_eq!(names(folder.path()), ["hosts", "hosts.bak"]);
}

#[test]
fn only_temporary_files_of_that_name_are_swept() {
    let (folder, path) = with_file(b"old");
    let stale = ".hosts.aerostat-0123456789abcdef";
    let others = [
        ".host.aerostat-0123456789abcdef",
        ".hosts.aerostat-0123456789abcdeg",
        ".hosts.aerostat-0123456789abcde",
        ".hosts.aerostat-journal",
        "hosts.aerostat",
    ];
    for name in others.iter().chain([&stale]) {
        File::create(folder.path().join(name)).unwrap();
    }
    assert_eq!(sweep(&path).unwrap(), 1);
    assert!(!folder.path().join(stale).exists());
    assert_eq!(names(folder.path()).len(), others.len() + 1);
}

/// Lays out what a killed writer leaves: the file, the journal and the backup.
fn killed(present: &[u8], new: &[u8], old: &[u8]) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let (folder, path) = with_file(present);
    let backup = folder.path().join("hosts.bak");
    fs::write(&backup, old).unwrap();
    fs::write(folder.path().join(".hosts.aerostat-journal"), new).unwrap();
    (folder, path, backup)
}

#[test]
fn a_torn_file_is_completed_wherever_the_writer_was_killed() {
    let long: Vec<u8> = (0..50_000u32).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    let short: Vec<u8> = (0..1000u32).flat_map(|n| format!("s{n}\n").into_bytes()).collect();
    for (old, new) in [(&short, &long), (&long, &short), (&long, &long)] {
        for blocks in (0..=new.len() / 4096).chain([usize::MAX / 4096]) {
            let written = (blocks * 4096).min(new.len());
            let mut present = old.clone();
            present.resize(old.len().max(written), 0);
            present[..written].copy_from_slice(&new[..written]);
            let (folder, path, backup) = killed(&present, new, old);
            assert!(torn(&path, &backup).unwrap().is_some(), "{blocks} blocks");
            assert!(recover(&path, &backup).unwrap());
            assert!(fs::read(&path).unwrap() == *new, "{blocks} blocks");
            assert_eq!(names(folder.path()), ["hosts", "hosts.bak"]);
        }
    }
}

#[test]
fn blocks_that_never_reached_the_disk_count_as_torn() {
    let old = vec![b'o'; 3 * 4096];
    let new = vec![b'n'; 4 * 4096];
    let (_folder, path, backup) = killed(&old, &new, &old);
    let file = File::options().write(true).open(&path).unwrap();
    file.write_all_at(&new[..4096], 2 * 4096).unwrap();
    file.set_len(4 * 4096).unwrap();
    assert!(recover(&path, &backup).unwrap());
    assert!(fs::read(&path).unwrap() == new);
}

#[test]
fn a_file_that_another_wrote_since_is_left_alone() {
    let (old, new) = (vec![b'o'; 5000], vec![b'n'; 6000]);
    for present in [b"written anew".to_vec(), vec![b'o'; 100], vec![b'x'; 6000], [&old[..], b"more"].concat()]
    {
        let (folder, path, backup) = killed(&present, &new, &old);
        assert_eq!(torn(&path, &backup).unwrap(), None);
        assert!(!recover(&path, &backup).unwrap());
        assert!(fs::read(&path).unwrap() == present);
        assert_eq!(names(folder.path()), ["hosts", "hosts.bak"]);
    }
}

#[test]
fn without_a_journal_there_is_nothing_to_complete() {
    let (folder, path) = with_file(b"old");
    assert!(!recover(&path, folder.path().join("hosts.bak")).unwrap());
    assert!(!recover(folder.path().join("missing"), folder.path().join("hosts.bak")).unwrap());
}
