//! The hosts file as a sink of aerostat.
//!
//! The section of the configuration is [`hosts-file`](Config). The table lies between two lines of the file,
//! a line an address, sorted by service, then slot, IPv4 before IPv6:
//!
//! ```text
//! # AEROSTAT
//! 10.0.0.1 db-master
//! 10.0.0.2 web-0 www
//! fd00::2 web-0 www
//! # /AEROSTAT
//! ```
//!
//! # What it promises
//! - **What isn't ours stays**, every byte of it, in its place. A file without a block gets one at its end. A
//!   file in which no line names `localhost` gets `127.0.0.1 localhost` before the block. A missing file is
//!   made.
//! - **A broken block is mended**, with a warning. A second block is removed, the first stays. Of a block that
//!   is never closed only the lines that directly follow the opening one and look as if aerostat had written
//!   them are taken for its own; all lines from the first other one on stay. A closing line alone is no block,
//!   and stays.
//! - **The file is replaced whole**, with its owner, mode and attributes; the one before is kept as
//!   `PATH.bak`. Where the file can't be renamed because it is mounted by itself, as in a container, it is
//!   written in place, with a journal beside it. If that is cut off, the next publish completes it first:
//!   nothing outside the block is lost, though readers may meanwhile see a torn file.
//! - **Nothing changed, nothing written**: neither the file nor its backup is touched.
//! - **Writers take turns**, by a lock on `PATH.aerostat`. It also holds the revision that was published last,
//!   so that an older one of the same database is kept out. Removing it is harmless.
//! - **An empty table never empties the list.** As long as the block has lines, a table without any is kept
//!   out, with a warning. If the last machine is really gone, remove the lines of the block by hand: what isn't
//!   there isn't kept.
//! - Aliases that equal a hostname of the table, and those that a node before has, are left out with a warning.
//!
//! # The legacy updater
//!
//! With `legacy_updater` that program runs first, as it did with the first aerostat: without a shell and
//! without arguments, the lock being held, with what it prints in the log. What it leaves in `/etc/hosts.legacy`
//! (its environment has the path as `AEROSTAT_LEGACY`) goes to the very top of the hosts file and replaces what
//! the last run put there. If it ends with another status than 0 or by a signal, takes longer than a minute, or
//! leaves no such file, publishing fails and the hosts file stays as it was.
//!
//! The part of the last run is told from other lines by its length and checksum, which `PATH.aerostat` holds.
//! Without them (a first run, or one after the first aerostat) the part is what equals `/etc/hosts.legacy` before
//! or after the run. If someone edited the part, or put lines above it, it is taken for theirs and stays below the
//! new one, with a warning. A block of ours in `/etc/hosts.legacy` is left out.
//!
//! When a table is kept out, the legacy part is brought up to date all the same. A preview doesn't run the
//! program.

mod block;
mod config;
mod difference;
mod failure;
mod legacy;
mod line;
mod publish;
mod render;
mod sidecar;
mod sink;

use std::sync::Arc;

use aerostat_core::registry::{Context, Factory, ProviderCrate, Registration, SinkFactory};
use aerostat_core::{HostsSink, Result};
use async_trait::async_trait;

pub use config::Config;
pub use line::{Line, parse};
pub use render::render;
pub use sink::HostsFile;

/// What this crate offers.
pub static PROVIDERS: ProviderCrate = ProviderCrate {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    providers: &[Registration {
        name: "hosts-file",
        summary: "the hosts file of this machine",
        factory: Factory::Sink(&HostsFileFactory),
    }],
};
aerostat_core::submit_providers!(PROVIDERS);

#[derive(Debug)]
struct HostsFileFactory;

#[async_trait]
impl SinkFactory for HostsFileFactory {
    async fn open(&self, context: Context) -> Result<Arc<dyn HostsSink>> {
        let config: Config = context.section.read()?;
        Ok(Arc::new(HostsFile::new(config, &context.root)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerostat_core::{ErrorKind, Mode, Outcome, Registry, Revision, Root, Section, Snapshot, Timestamp};
    use serde_json::json;

    #[tokio::test]
    async fn it_is_found_by_its_name_and_writes_the_default_file_under_the_root() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let context = Context { section: Section::empty("hosts-file"), root: Root::new(dir.path()) };
        let registry = Registry::linked(&[&PROVIDERS]).unwrap();
        let sink = registry.sink("hosts-file").unwrap().open(context).await.unwrap();
        assert!(!dir.path().join("etc/hosts").exists());
        let table = Snapshot {
            revision: Revision { lineage: 1, number: 1 },
            taken_at: Timestamp(0),
            entries: Vec::new(),
        };
        assert_eq!(sink.publish(&table, Mode::Write).await.unwrap().outcome, Outcome::Written);
        let content = std::fs::read_to_string(dir.path().join("etc/hosts")).unwrap();
        assert_eq!(content, "127.0.0.1 localhost\n# AEROSTAT\n# /AEROSTAT\n");
    }

    #[tokio::test]
    async fn an_unknown_key_of_the_section_is_named() {
        let section = Section::new("hosts-file", json!({"pth": "/x"})).unwrap();
        let error = HostsFileFactory.open(Context { section, root: Root::default() }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.advice(), Some("did you mean \"path\"?"));
    }
}
