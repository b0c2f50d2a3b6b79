//! The sink.

use std::path::{Path, PathBuf};

use aerostat_core::{Error, ErrorKind, HostsSink, Mode, Published, Result, Root, Snapshot};
use async_trait::async_trait;

use crate::config::Config;
use crate::legacy::Legacy;
use crate::publish::{Publication, Ran};
use crate::render::rendered;
use crate::sidecar::Sidecar;

/// A hosts file.
#[derive(Debug)]
pub struct HostsFile {
    path: PathBuf,
    legacy: Option<Legacy>,
}

impl HostsFile {
    /// The hosts file of a configuration, under that root. Nothing is read or written yet.
    #[must_use]
    pub fn new(config: Config, root: &Root) -> Self {
        let lines = root.locate(&config.legacy);
        let legacy = config.legacy_updater.map(|program| Legacy { program, lines });
        Self { path: root.locate(&config.path), legacy }
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn write(&self, mut publication: Publication) -> Result<Published> {
        let path = self.path.clone();
        let sidecar = blocking(move || Sidecar::lock(&path)).await?;
        if let Some(legacy) = self.legacy.clone() {
            let reading = legacy.clone();
            let before = blocking(move || Ok(reading.present())).await?;
            legacy.run().await?;
            publication.legacy = Some(Ran { legacy, before });
        }
        blocking(move || publication.write(&sidecar)).await
    }
}

#[async_trait]
impl HostsSink for HostsFile {
    async fn publish(&self, table: &Snapshot, mode: Mode) -> Result<Published> {
        // Rendered before the lock, and borrowed from nobody: a future that is dropped leaves the rest of the
        // work to its thread, which finishes it.
        let rendered = rendered(table).await;
        let path = self.path.clone();
        let publication = Publication { path, revision: table.revision, rendered, legacy: None };
        match mode {
            Mode::Write => self.write(publication).await,
            Mode::Preview => {
                let mut published = blocking(move || publication.preview()).await?;
                if let Some(Legacy { program, .. }) = &self.legacy {
                    let program = program.display();
                    published.warnings.push(format!("the legacy updater {program} isn't run in a preview"));
                }
                Ok(published)
            }
        }
    }
}

/// Does what blocks on a thread for that.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "the work was broken off").because(error))
    })
}
