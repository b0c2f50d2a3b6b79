//! What the tests of this crate share: a folder with a hosts file, tables in short, and namespaces of their own.

#![allow(dead_code, clippy::allow_attributes, reason = "each test program uses another part of it")]

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aerostat_core::{
    Entry, HostsSink, Mode, Node, Occupant, Published, Result, Revision, Root, Slot, Snapshot, Timestamp,
};
use aerostat_hosts_file::{Config, HostsFile};
use aerostat_testkit::samples::{alias, id, web};

/// A table of that many machines `web-0`, `web-1`, …, whose addresses tell the revision.
pub(crate) fn table(number: u64, nodes: u32) -> Snapshot {
    let [.., revision] = number.to_be_bytes();
    let entries = (0..nodes)
        .map(|slot| {
            let [.., high, low] = slot.to_be_bytes();
            node(web(slot), Ipv4Addr::new(10, revision, high, low), &[])
        })
        .collect();
    snapshot(number, entries)
}

pub(crate) fn snapshot(number: u64, entries: Vec<Entry>) -> Snapshot {
    Snapshot { revision: Revision { lineage: 1, number }, taken_at: Timestamp(0), entries }
}

pub(crate) fn node(slot: Slot, address: Ipv4Addr, aliases: &[&str]) -> Entry {
    let aliases = aliases.iter().map(|name| alias(name)).collect();
    let occupant = Occupant { instance: id("i-1"), addresses: address.into(), aliases };
    Entry::Node(Node { slot, occupant, since: Timestamp(0) })
}

/// The block of that table.
pub(crate) fn block(table: &Snapshot) -> String {
    let mut lines = Vec::new();
    aerostat_hosts_file::render(table, &mut lines).unwrap();
    format!("# AEROSTAT\n{}# /AEROSTAT\n", String::from_utf8(lines).unwrap())
}

/// A hosts file and what lies beside it.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    _kept: Option<tempfile::TempDir>,
}

impl Place {
    /// A folder with a hosts file of that content.
    pub(crate) fn with(content: impl AsRef<[u8]>) -> Self {
        let place = Self::empty();
        fs::write(place.hosts(), content).unwrap();
        place
    }

    /// A folder without a hosts file.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder: folder.path().to_owned(), _kept: Some(folder) }
    }

    /// That folder.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), _kept: None }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn hosts(&self) -> PathBuf {
        self.file("hosts")
    }

    pub(crate) fn read(&self) -> String {
        String::from_utf8(fs::read(self.hosts()).unwrap()).unwrap()
    }

    pub(crate) fn backup(&self) -> String {
        String::from_utf8(fs::read(self.file("hosts.bak")).unwrap()).unwrap()
    }

    /// The names in the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn config(&self) -> Config {
        Config { path: self.hosts(), legacy_updater: None, legacy: self.file("hosts.legacy") }
    }

    pub(crate) fn sink(&self) -> HostsFile {
        HostsFile::new(self.config(), &Root::default())
    }

    pub(crate) async fn publish(&self, table: &Snapshot) -> Result<Published> {
        self.sink().publish(table, Mode::Write).await
    }

    pub(crate) async fn preview(&self, table: &Snapshot) -> Result<Published> {
        self.sink().publish(table, Mode::Preview).await
    }
}

/// The variable by which a test that runs itself again tells its child what to do.
const TASK: &str = "AEROSTAT_TEST_TASK";

/// What this process is to do, if its test ran itself again.
pub(crate) fn task() -> Option<String> {
    std::env::var(TASK).ok()
}

/// Runs the test of that name again with a task.
pub(crate) fn again(test: &str, task: &str) -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .env(TASK, task)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Runs the rest of a test in a mount namespace of its own, which needs root: gives `false` in the process that
/// waited for it to pass.
///
/// # Panics
/// If it didn't, or there can be no namespace.
pub(crate) fn is_in_own_namespace(test: &str) -> bool {
    const INSIDE: &str = "AEROSTAT_TEST_NAMESPACE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    assert!(rustix::process::geteuid().is_root(), "this test must run as root: it mounts file systems");
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "in its own namespace: {status}");
    false
}

/// Runs `mount` with those arguments, in a namespace of this test's own.
pub(crate) fn mount(arguments: &[&str], place: &Path) {
    let status = Command::new("mount").args(arguments).arg(place).status().unwrap();
    assert!(status.success(), "mount {arguments:?}: {status}");
}

/// Mounts a file by itself, so that it can't be renamed, as a container's runtime does with its hosts file. The
/// content comes from a file system of its own.
pub(crate) fn mount_by_itself(file: &Path) {
    let content = fs::read(file).unwrap();
    let source = file.parent().unwrap().join("runtime");
    fs::create_dir(&source).unwrap();
    mount(&["-t", "tmpfs", "none"], &source);
    fs::write(source.join("hosts"), content).unwrap();
    mount(&["--bind", source.join("hosts").to_str().unwrap()], file);
}
