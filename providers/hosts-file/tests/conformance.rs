//! The behaviours that every sink must have, of this one: of a file that can be renamed, and behind an `Arc`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;

use aerostat_core::{HostsSink, Root};
use aerostat_hosts_file::{Config, HostsFile};
use aerostat_testkit::hosts_sink::{Fixture, Machine, fingerprint_of_folder};

/// A root of its own, with what a fresh machine has in its hosts file.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        std::fs::write(folder.path().join("etc/hosts"), "127.0.0.1 localhost\n10.0.0.99 printer\n").unwrap();
        Self(folder)
    }

    fn hosts(&self) -> PathBuf {
        self.0.path().join("etc/hosts")
    }
}

impl Machine for Folder {
    fn lines(&self) -> Vec<String> {
        let content = std::fs::read_to_string(self.hosts()).unwrap();
        assert!(content.starts_with("127.0.0.1 localhost\n10.0.0.99 printer\n"), "{content}");
        content.lines().skip(2).filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    }

    fn fingerprint(&self) -> String {
        fingerprint_of_folder(self.0.path())
    }
}

async fn fresh_file() -> Fixture {
    let folder = Folder::new();
    let root = Root::new(folder.0.path());
    Fixture::opened(folder, move || std::future::ready(HostsFile::new(Config::default(), &root))).await
}

mod bare {
    aerostat_testkit::hosts_sink_suite!(super::fresh_file());
}

mod as_a_trait_object {
    use super::*;

    async fn fresh_file() -> Fixture {
        let folder = Folder::new();
        let root = Root::new(folder.0.path());
        let open = move || -> std::future::Ready<Arc<dyn HostsSink>> {
            std::future::ready(Arc::new(HostsFile::new(Config::default(), &root)))
        };
        Fixture::opened(folder, open).await
    }

    aerostat_testkit::hosts_sink_suite!(fresh_file());
}
