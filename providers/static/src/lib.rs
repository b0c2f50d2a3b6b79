//! A cloud whose census is a file.
//!
//! For fleets whose inventory another program writes, for private clouds without an API, and for tests. The
//! section of the configuration is [`static`](Config). The file is YAML, or JSON if its name ends in `.json`:
//!
//! ```yaml
//! complete: true               # false: nothing may be concluded from what is missing. Default: true
//! instances:
//!   - {id: i-1, state: running, ip: 10.0.0.1, ipv6: "2001:db8::1"}
//!   - {id: i-2, state: terminated}
//!   - {id: i-3}                # state: running unless told; ip and ipv6 may be left out
//! ```
//!
//! JSON is read several times faster, which counts from some hundred thousand instances on.
//!
//! States are `pending`, `running`, `stopping`, `stopped`, `shutting-down` and `terminated`. Any other word is
//! an error: a slip of the pen (`runing`) would be certain evidence that a machine is gone.
//!
//! # What it promises
//! - The file is read at each call, so what is written there counts at once. Write it under another name and
//!   rename it, so that nobody reads half of it.
//! - Whatever is wrong with the file is an error that names the file and the place, never a census: an empty
//!   file, one without `instances`, an unknown key, an id twice.

mod cloud;
mod config;
mod file;

use std::sync::Arc;

use aerostat_core::registry::{CloudFactory, Context, Factory, ProviderCrate, Registration};
use aerostat_core::{CloudProvider, Result};
use async_trait::async_trait;

pub use cloud::StaticCloud;
pub use config::Config;

/// What this crate offers.
pub static PROVIDERS: ProviderCrate = ProviderCrate {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    providers: &[Registration {
        name: "static",
        summary: "a census that is a file of YAML or JSON",
        factory: Factory::Cloud(&StaticFactory),
    }],
};
aerostat_core::submit_providers!(PROVIDERS);

#[derive(Debug)]
struct StaticFactory;

#[async_trait]
impl CloudFactory for StaticFactory {
    async fn open(&self, context: Context) -> Result<Arc<dyn CloudProvider>> {
        let config: Config = context.section.read()?;
        Ok(Arc::new(StaticCloud::new(config, &context.root)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerostat_core::{ErrorKind, InstanceId, Registry, Root, Section, Sighting};
    use serde_json::json;

    #[tokio::test]
    async fn it_is_found_by_its_name_and_reads_the_default_file_under_the_root() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("etc/aerostat")).unwrap();
        std::fs::write(dir.path().join("etc/aerostat/census.yaml"), "instances: [{id: i-1}]").unwrap();
        let context = Context { section: Section::empty("static"), root: Root::new(dir.path()) };
        let registry = Registry::linked(&[&PROVIDERS]).unwrap();
        let cloud = registry.cloud("static").unwrap().open(context).await.unwrap();
        let census = cloud.census().await.unwrap();
        assert!(census.is_complete());
        assert_eq!(census.sighting(&InstanceId::parse("i-1").unwrap()), Sighting::Running);
    }

    #[tokio::test]
    async fn an_unknown_key_of_the_section_is_named() {
        let section = Section::new("static", json!({"file": "/x"})).unwrap();
        let error = StaticFactory.open(Context { section, root: Root::default() }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("unknown key \"file\" (section: static)"), "{error}");
    }
}
