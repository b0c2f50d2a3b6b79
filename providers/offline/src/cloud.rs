//! The cloud that knows one machine.

use std::net::Ipv4Addr;

use aerostat_core::{
    Addresses, Census, CloudProvider, Coverage, Identity, InstanceId, InstanceState, Result,
};
use async_trait::async_trait;

use crate::addresses;
use crate::config::Config;

/// A machine that says itself who it is.
#[derive(Clone, Debug)]
pub struct OfflineCloud {
    instance: InstanceId,
    /// What the configuration gives.
    given: Addresses,
    /// Whether the host's own IPv4 address counts, and its IPv6 address if none is given.
    own: bool,
}

impl OfflineCloud {
    /// The machine that a configuration describes.
    ///
    /// # Errors
    /// [`InvalidInput`](aerostat_core::ErrorKind::InvalidInput) or [`Config`](aerostat_core::ErrorKind::Config)
    /// if an address is none, or they contradict each other.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self { instance: config.instance()?, given: config.addresses()?, own: config.ip.is_none() })
    }

    /// This machine alone, which runs: it asks.
    fn this_machine(&self) -> Census {
        Census::complete([(self.instance.clone(), InstanceState::new("running"))])
    }
}

/// Why nothing may be concluded from an absence.
fn knows_no_others() -> Coverage {
    Coverage::Partial(vec!["the offline cloud knows this machine alone".to_owned()])
}

#[async_trait]
impl CloudProvider for OfflineCloud {
    async fn identity(&self) -> Result<Identity> {
        let mut addresses = self.given;
        if self.own {
            let own = addresses::of_this_host()?;
            addresses.v4 = own.v4;
            addresses.v6 = addresses.v6.or(own.v6);
        }
        if addresses.is_empty() {
            addresses = Ipv4Addr::LOCALHOST.into();
        }
        Ok(Identity { instance: self.instance.clone(), addresses })
    }

    async fn census(&self) -> Result<Census> {
        Ok(Census { coverage: knows_no_others(), ..self.this_machine() })
    }

    async fn look_up(&self, ids: &[InstanceId]) -> Result<Census> {
        let mut found = Census::complete([]);
        for id in ids {
            if *id == self.instance {
                found.instances.extend(self.this_machine().instances);
            } else {
                found.coverage = knows_no_others();
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerostat_core::Sighting;

    fn id(text: &str) -> InstanceId {
        InstanceId::parse(text).unwrap()
    }

    fn cloud(ip: Option<&str>, ipv6: Option<&str>) -> OfflineCloud {
        let config = Config {
            instance_id: Some(id("box-7")),
            ip: ip.map(str::to_owned),
            ipv6: ipv6.map(str::to_owned),
        };
        OfflineCloud::new(&config).unwrap()
    }

    #[tokio::test]
    async fn nobody_can_be_vacated_by_its_census() {
        let census = cloud(None, None).census().await.unwrap();
        assert!(!census.is_complete());
        assert_eq!(census.sighting(&id("box-7")), Sighting::Running);
        assert_eq!(census.instances.len(), 1);
    }

    #[tokio::test]
    async fn a_look_up_is_complete_for_this_machine_alone() {
        let cloud = cloud(None, None);
        assert_eq!(cloud.look_up(&[]).await.unwrap(), Census::complete([]));
        let own = cloud.look_up(&[id("box-7")]).await.unwrap();
        assert!(own.is_complete());
        assert_eq!(own.sighting(&id("box-7")), Sighting::Running);
        let both = cloud.look_up(&[id("box-7"), id("box-8")]).await.unwrap();
        assert!(!both.is_complete());
        assert_eq!(both.instances.len(), 1);
        assert!(cloud.look_up(&[id("box-8")]).await.unwrap().instances.is_empty());
    }

    #[tokio::test]
    async fn an_address_that_is_given_keeps_the_host_s_own_out() {
        let v6 = "2001:db8::9".parse().unwrap();
        let identity = cloud(Some("2001:db8::9"), None).identity().await.unwrap();
        assert_eq!(identity.addresses, Addresses { v4: None, v6: Some(v6) });
        let identity = cloud(None, Some("2001:db8::9")).identity().await.unwrap();
        assert_eq!(identity.addresses.v6, Some(v6));
        assert_eq!(identity.addresses.v4, addresses::of_this_host().unwrap().v4);
    }
}
