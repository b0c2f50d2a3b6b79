//! The section `hosts-file` of the configuration.

use std::path::PathBuf;

use serde::Deserialize;

/// The section `hosts-file` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The hosts file, under the root: `/etc/hosts` unless told.
    pub path: PathBuf,
    /// A program that runs before each publish and leaves lines for the top of the hosts file. It is one of
    /// the running system, whatever the root.
    pub legacy_updater: Option<PathBuf>,
    /// Where that program leaves its lines, under the root: `/etc/hosts.legacy` unless told.
    pub legacy: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: "/etc/hosts".into(), legacy_updater: None, legacy: "/etc/hosts.legacy".into() }
    }
}
