//! The section `static` of the configuration.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use aerostat_core::{Addresses, InstanceId};
use serde::Deserialize;

/// The section `static` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The file of the census: `/etc/aerostat/census.yaml` unless told.
    pub path: PathBuf,
    /// The instance id of this machine. A machine that doesn't register itself, such as the one where the
    /// daemon runs, needs none.
    pub instance_id: Option<InstanceId>,
    /// The IPv4 address of this machine. If neither `ip` nor `ipv6` is told, the file says both.
    pub ip: Option<Ipv4Addr>,
    /// The IPv6 address of this machine.
    pub ipv6: Option<Ipv6Addr>,
}

impl Config {
    /// The addresses that the section gives.
    pub(crate) fn addresses(&self) -> Addresses {
        Addresses { v4: self.ip, v6: self.ipv6 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { path: "/etc/aerostat/census.yaml".into(), instance_id: None, ip: None, ipv6: None }
    }
}
