//! The cloud over a file.

use std::path::PathBuf;
use std::sync::Arc;

use aerostat_core::{Census, CloudProvider, Coverage, Error, ErrorKind, Identity, InstanceId, Result, Root};
use async_trait::async_trait;

use crate::config::Config;
use crate::file::{self, Listing};

/// A cloud whose census is a file.
#[derive(Clone, Debug)]
pub struct StaticCloud {
    config: Config,
    path: Arc<PathBuf>,
}

impl StaticCloud {
    /// The cloud of a configuration; its file lies under `root`. No file is read yet.
    #[must_use]
    pub fn new(config: Config, root: &Root) -> Self {
        let path = Arc::new(root.locate(&config.path));
        Self { config, path }
    }

    /// Reads the file as it is now.
    async fn read(&self) -> Result<Listing> {
        let path = Arc::clone(&self.path);
        // Both reading and parsing may take long: a file may have millions of lines.
        tokio::task::spawn_blocking(move || file::read(&path))
            .await
            .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()).during("read the census"))?
    }

    fn coverage(&self, listing: &Listing) -> Coverage {
        if listing.complete {
            Coverage::Complete
        } else {
            Coverage::Partial(vec![format!("{} says `complete: false`", self.path.display())])
        }
    }
}

#[async_trait]
impl CloudProvider for StaticCloud {
    async fn identity(&self) -> Result<Identity> {
        let failed = |kind, message: String| Error::new(kind, message).during("tell who this machine is");
        let Some(instance) = self.config.instance_id.clone() else {
            let message = "the static cloud can't know which of its instances this machine is";
            return Err(failed(ErrorKind::Config, message.to_owned())
                .hint("set `instance_id` in section `static` of the configuration"));
        };
        let mut addresses = self.config.addresses();
        if addresses.is_empty() {
            let mut listing = self.read().await?;
            let listed = listing.instances.remove(&instance);
            let known = listed.is_some();
            addresses = listed.unwrap_or_default().addresses();
            if addresses.is_empty() {
                let lack = if known { "has no address there" } else { "is not in the file" };
                return Err(failed(ErrorKind::NotFound, format!("instance {instance} {lack}"))
                    .with("path", self.path.display())
                    .hint(
                        "set its `ip` or `ipv6` in the file, or in section `static` of the configuration",
                    ));
            }
        }
        Ok(Identity { instance, addresses })
    }

    async fn census(&self) -> Result<Census> {
        let listing = self.read().await?;
        let coverage = self.coverage(&listing);
        let instances = listing.instances.into_iter().map(|(id, listed)| (id, listed.state.into())).collect();
        Ok(Census { coverage, instances })
    }

    async fn look_up(&self, ids: &[InstanceId]) -> Result<Census> {
        if ids.is_empty() {
            return Ok(Census::complete([]));
        }
        let listing = self.read().await?;
        let listed = |id: &InstanceId| Some((id.clone(), listing.instances.get(id)?.state.into()));
        Ok(Census { coverage: self.coverage(&listing), instances: ids.iter().filter_map(listed).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerostat_core::{Addresses, Sighting};
    use tempfile::TempDir;

    fn id(text: &str) -> InstanceId {
        InstanceId::parse(text).unwrap()
    }

    /// A cloud over a file with that content, and what keeps the file.
    fn cloud(content: &str, config: Config) -> (StaticCloud, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("census.yaml"), content).unwrap();
        let config = Config { path: "/census.yaml".into(), ..config };
        (StaticCloud::new(config, &Root::new(dir.path())), dir)
    }

    fn this_is(instance: &str) -> Config {
        Config { instance_id: Some(id(instance)), ..Config::default() }
    }

    #[tokio::test]
    async fn the_census_is_what_the_file_says_now() {
        let (cloud, dir) = cloud("instances: [{id: i-1}, {id: i-2, state: Stopped}]", Config::default());
        let census = cloud.census().await.unwrap();
        assert!(census.is_complete());
        assert_eq!(census.sighting(&id("i-1")), Sighting::Running);
        assert!(matches!(census.sighting(&id("i-2")), Sighting::Gone(state) if state.as_str() == "stopped"));
        std::fs::write(dir.path().join("census.yaml"), "instances: []").unwrap();
        assert_eq!(cloud.census().await.unwrap(), Census::complete([]));
    }

    #[tokio::test]
    async fn a_look_up_names_only_what_was_asked_for() {
        let (cloud, dir) = cloud("instances: [{id: i-1}, {id: i-2}]", Config::default());
        let found = cloud.look_up(&[id("i-2"), id("i-3")]).await.unwrap();
        assert!(found.is_complete());
        assert_eq!(found.instances.into_keys().collect::<Vec<_>>(), [id("i-2")]);
        std::fs::remove_file(dir.path().join("census.yaml")).unwrap();
        assert_eq!(cloud.look_up(&[]).await.unwrap(), Census::complete([]));
        assert!(cloud.look_up(&[id("i-2")]).await.is_err());
    }

    #[tokio::test]
    async fn an_incomplete_file_is_a_partial_census_that_says_why() {
        let (cloud, _dir) = cloud("complete: false\ninstances: [{id: i-1}]", Config::default());
        for census in [cloud.census().await.unwrap(), cloud.look_up(&[id("i-1")]).await.unwrap()] {
            let Coverage::Partial(why) = census.coverage else { panic!("complete") };
            assert!(why[0].ends_with("census.yaml says `complete: false`"), "{why:?}");
            assert_eq!(census.instances.len(), 1);
        }
    }

    #[tokio::test]
    async fn who_this_machine_is_comes_from_the_configuration_and_the_file() {
        let file = "instances: [{id: i-1, ip: 10.0.0.1, ipv6: '2001:db8::1'}]";
        let (cloud, _dir) = cloud(file, this_is("i-1"));
        let identity = cloud.identity().await.unwrap();
        assert_eq!(identity.instance, id("i-1"));
        let (v4, v6) = ("10.0.0.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        assert_eq!(identity.addresses, Addresses { v4: Some(v4), v6: Some(v6) });
    }

    #[tokio::test]
    async fn the_configuration_s_address_needs_no_file() {
        let config = Config { ip: Some([10, 0, 0, 7].into()), ..this_is("i-7") };
        let (cloud, dir) = cloud("", config);
        dir.close().unwrap();
        assert_eq!(
            cloud.identity().await.unwrap().addresses,
            Addresses::from(std::net::Ipv4Addr::new(10, 0, 0, 7))
        );
    }

    #[tokio::test]
    async fn a_machine_that_nobody_told_who_it_is_hears_what_to_set() {
        for (config, said, advice) in [
            (Config::default(), "can't know which", "set `instance_id`"),
            (this_is("i-1"), "i-1 has no address", "set its `ip`"),
            (this_is("i-9"), "i-9 is not in the file", "set its `ip`"),
        ] {
            let (cloud, _dir) = cloud("instances: [{id: i-1}]", config);
            let error = cloud.identity().await.unwrap_err();
            assert!(error.message().contains(said), "{error}");
            assert!(error.advice().unwrap().starts_with(advice), "{error}");
        }
    }
}
