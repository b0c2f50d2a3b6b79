//! File systems that are full or read-only, and databases of other users.
//!
//! Each test runs itself a second time in such a place: in a mount namespace of its own with a small file
//! system, or as the user `nobody`. That needs root (or, for the file systems, user namespaces); without it the
//! tests fail.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use aerostat_core::registry::{Access, Patience};
use aerostat_core::{Error, ErrorKind, NameStore, Severity};
use aerostat_sqlite::SqliteStore;
use support::{cause, claim, files_of, open, open_read_only, slot, take_first};

/// Tells the second run where its folder is.
const FOLDER: &str = "AEROSTAT_TEST_FOLDER";

/// The folder of the second run.
fn folder_of_second_run() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(Into::into)
}

/// Runs a command, which must succeed, and gives what it printed.
fn run(mut command: Command) -> String {
    let output = command.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    stdout
}

/// Runs a command that must run one test, which must pass.
fn run_test(command: Command) {
    let printed = run(command);
    assert!(printed.contains("1 passed"), "no test ran: {printed}");
}

/// Runs a test again with a file system of two megabytes of its own as its folder.
fn run_on_small_file_system(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    command.arg(r#"mount -t tmpfs -o size=2m tmpfs "$AEROSTAT_TEST_FOLDER" && exec "$@""#).arg("sh");
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    command.env(FOLDER, folder.path());
    run_test(command);
}

/// Runs a test again as the user `nobody`.
fn run_as_nobody(test: &str, folder: &Path) {
    // The program may lie where nobody may enter.
    let program = folder.parent().unwrap().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder).current_dir("/");
    run_test(command);
}

async fn refusal(path: &Path, access: Access) -> Error {
    match SqliteStore::open(path, access, Patience::Command).await {
        Err(error) => error,
        Ok(store) => panic!("opened {store:?}"),
    }
}

#[tokio::test]
async fn a_read_only_file_system_can_be_read_and_says_so_when_written() {
    let Some(folder) = folder_of_second_run() else {
        return run_on_small_file_system("a_read_only_file_system_can_be_read_and_says_so_when_written");
    };
    let path = folder.join("names.db");
    take_first(&open(&path).await).await;
    // As after a crash: part of the table is in the log only, with and without the shared memory.
    let crashed = folder.join("crashed");
    let bare = folder.join("bare");
    let source = folder.join("source");
    for made in [&crashed, &bare, &source] {
        fs::create_dir(made).unwrap();
    }
    let writer = open(&source.join("names.db")).await;
    take_first(&writer).await;
    for (name, content) in files_of(&source) {
        fs::write(crashed.join(&name), &content).unwrap();
        if !name.ends_with("-shm") {
            fs::write(bare.join(&name), &content).unwrap();
        }
    }
    drop(writer);
    let mut remount = Command::new("mount");
    remount.args(["-o", "remount,ro"]).arg(&folder);
    run(remount);

    for readable in [&path, &crashed.join("names.db")] {
        let store = open_read_only(readable).await;
        assert_eq!(store.snapshot().await.unwrap().entries.len(), 1, "{}", readable.display());
        assert!(store.check().await.unwrap().iter().all(|found| found.severity != Severity::Problem));
    }
    let error = refusal(&bare.join("names.db"), Access::ReadOnly).await;
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.message().contains("-wal or -shm"), "{error}");

    for path in [&path, &folder.join("new.db")] {
        let error = refusal(path, Access::ReadWrite).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(error.message().contains("read-only file system"), "{error}");
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_half_done() {
    let Some(folder) = folder_of_second_run() else {
        return run_on_small_file_system("a_full_disk_is_told_and_leaves_nothing_half_done");
    };
    let ballast = folder.join("ballast");
    let fill = || {
        let mut file = fs::File::create(&ballast).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    };
    fill();
    let path = folder.join("names.db");
    let error = refusal(&path, Access::ReadWrite).await;
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.message().contains("disk is full"), "{error}");

    fs::remove_file(&ballast).unwrap();
    let store = open(&path).await;
    take_first(&store).await;
    fill();
    let mut done = 1;
    let error = loop {
        let fresh = [slot("web", done)];
        match store.take(&claim("web", &format!("i-{done}")), &fresh, &cause()).await {
            Ok(_) => done += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.message().contains("disk is full"), "{error}");
    assert!(!error.is_retryable());
    assert_eq!(open_read_only(&path).await.snapshot().await.unwrap().entries.len(), done as usize);

    fs::remove_file(&ballast).unwrap();
    store.take(&claim("web", &format!("i-{done}")), &[slot("web", done)], &cause()).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().nodes().count(), done as usize + 1);
    assert_eq!(store.history(&Default::default()).await.unwrap().len(), done as usize + 1);
    assert!(store.check().await.unwrap().iter().all(|found| found.severity == Severity::Fine));
}

#[tokio::test]
async fn a_database_of_another_user_can_be_read_without_a_trace_and_says_who_may_not_what() {
    const TEST: &str = "a_database_of_another_user_can_be_read_without_a_trace_and_says_who_may_not_what";
    if let Some(folder) = folder_of_second_run() {
        return as_nobody(&folder).await;
    }
    let whole = tempfile::tempdir().unwrap();
    fs::set_permissions(whole.path(), Permissions::from_mode(0o755)).unwrap();
    let folder = whole.path().join("names");
    let mode =
        |path: &str, mode| fs::set_permissions(folder.join(path), Permissions::from_mode(mode)).unwrap();
    for made in ["", "at-rest", "in-use", "closed", "open-to-all"] {
        fs::create_dir(folder.join(made)).unwrap();
        mode(made, 0o755);
    }
    mode("open-to-all", 0o777);
    let mut in_use = None;
    for made in ["at-rest", "in-use", "closed", "open-to-all"] {
        let store = open(&folder.join(made).join("names.db")).await;
        take_first(&store).await;
        mode(&format!("{made}/names.db"), 0o644);
        if made == "in-use" {
            in_use = Some(store);
        }
    }
    fs::write(folder.join("secret.db"), "").unwrap();
    mode("secret.db", 0o600);
    mode("closed", 0o700);
    run_as_nobody(TEST, &folder);
    // What nobody did has not locked the owner out.
    for store in [in_use.unwrap(), open(&folder.join("open-to-all/names.db")).await] {
        store.take(&claim("web", "i-1"), &[slot("web", 1)], &cause()).await.unwrap();
    }
}

async fn as_nobody(folder: &Path) {
    for readable in ["at-rest", "in-use", "open-to-all"] {
        let names = |folder: &Path| files_of(folder).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let before = names(&folder.join(readable));
        let store = open_read_only(&folder.join(readable).join("names.db")).await;
        assert_eq!(store.snapshot().await.unwrap().entries.len(), 1, "{readable}");
        assert_eq!(names(&folder.join(readable)), before, "{readable}");
    }
    for (path, access, message) in [
        ("at-rest/names.db", Access::ReadWrite, "may not write the database"),
        ("open-to-all/names.db", Access::ReadWrite, "may not write the database"),
        ("new.db", Access::ReadWrite, "may not make files in the database's folder"),
        ("secret.db", Access::ReadOnly, "may not read the database"),
        ("closed/names.db", Access::ReadOnly, "may not enter a folder"),
    ] {
        let error = refusal(&folder.join(path), access).await;
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{path}: {error}");
        assert!(error.message().contains(message), "{path}: {error}");
        assert!(error.advice().is_some(), "{path}: {error}");
    }
}
