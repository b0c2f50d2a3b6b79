//! No cloud: a machine that says itself who it is.
//!
//! For machines that no cloud runs, and for trying aerostat out. The section of the configuration is
//! [`offline`](Config); the option `--offline` of the programs selects it, `--instance-id` and `--ip` set its
//! keys.
//!
//! # What it promises
//! - Its census knows this machine alone, so it is always [`Partial`](aerostat_core::Coverage::Partial):
//!   nobody ever loses a name by it.
//! - Addresses that the configuration doesn't give are read from the interfaces each time that they are asked
//!   for, and no packet is sent.

mod addresses;
mod cloud;
mod config;

use std::sync::Arc;

use aerostat_core::registry::{CloudFactory, Context, Factory, ProviderCrate, Registration};
use aerostat_core::{CloudProvider, Result};
use async_trait::async_trait;

pub use cloud::OfflineCloud;
pub use config::Config;

/// What this crate offers.
pub static PROVIDERS: ProviderCrate = ProviderCrate {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    providers: &[Registration {
        name: "offline",
        summary: "no cloud: this machine says itself who it is",
        factory: Factory::Cloud(&OfflineFactory),
    }],
};
aerostat_core::submit_providers!(PROVIDERS);

#[derive(Debug)]
struct OfflineFactory;

#[async_trait]
impl CloudFactory for OfflineFactory {
    async fn open(&self, context: Context) -> Result<Arc<dyn CloudProvider>> {
        let config: Config = context.section.read()?;
        let cloud =
            OfflineCloud::new(&config).map_err(|error| error.with("section", context.section.name()))?;
        Ok(Arc::new(cloud))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerostat_core::{ErrorKind, Registry, Root, Section};
    use serde_json::json;

    async fn open(section: serde_json::Value) -> Result<Arc<dyn CloudProvider>> {
        let context = Context { section: Section::new("offline", section)?, root: Root::default() };
        Registry::linked(&[&PROVIDERS])?.cloud("offline")?.open(context).await
    }

    #[tokio::test]
    async fn it_is_found_by_its_name_and_reads_its_section() {
        let cloud = open(json!({"instance_id": "box-7", "ip": "10.1.2.3", "ipv6": "fd00::7"})).await.unwrap();
        let identity = cloud.identity().await.unwrap();
        assert_eq!(identity.instance.as_str(), "box-7");
        assert_eq!(identity.addresses.v4, Some([10, 1, 2, 3].into()));
        assert_eq!(identity.addresses.v6, Some("fd00::7".parse().unwrap()));
    }

    #[tokio::test]
    async fn without_a_section_it_is_the_test_instance_with_an_address() {
        let identity = open(json!(null)).await.unwrap().identity().await.unwrap();
        assert_eq!(identity.instance.as_str(), "test-instance");
        assert!(!identity.addresses.is_empty());
    }

    #[tokio::test]
    async fn what_is_wrong_is_refused_at_once_and_named() {
        for (section, kind, said) in [
            (json!({"ip": "300.1.1.1"}), ErrorKind::InvalidInput, "\"300.1.1.1\""),
            (json!({"ip": "10.0.0.1", "ipv6": "10.0.0.2"}), ErrorKind::InvalidInput, "\"10.0.0.2\""),
            (json!({"instance_id": "a b"}), ErrorKind::Config, "instance_id"),
            (json!({"ip": 10}), ErrorKind::Config, "\"ip\""),
            (json!({"adress": "10.0.0.1"}), ErrorKind::Config, "\"adress\""),
        ] {
            let error = open(section.clone()).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{section}");
            assert!(error.message().contains(said), "{section}: {error}");
            assert_eq!(error.context(), [("section", "offline".to_owned())], "{section}");
        }
    }
}
