//! What the cloud says is running, and how far that can be trusted.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::instance::InstanceId;

/// The state of an instance, in the cloud's own word in lower case: `running`, `stopped`, `terminated`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct InstanceState(String);

impl InstanceState {
    /// Keeps the cloud's word in lower case.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self(word.to_lowercase())
    }

    /// Whether the instance keeps its name: it is `pending` or `running`. Any other state is certain evidence
    /// that the machine is gone.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        matches!(self.0.as_str(), "pending" | "running")
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for InstanceState {
    fn from(word: String) -> Self {
        Self::new(&word)
    }
}

impl From<InstanceState> for String {
    fn from(state: InstanceState) -> Self {
        state.0
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a census saw everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Coverage {
    /// Every page of every region answered.
    Complete,
    /// Some didn't; each line says which and why. Nothing may be concluded from an absence.
    Partial(Vec<String>),
}

/// The cloud's answer to «which instances run».
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Whether it saw everything.
    pub coverage: Coverage,
    /// Every instance that the cloud named, with its state.
    pub instances: BTreeMap<InstanceId, InstanceState>,
}

/// What a census says of one instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting<'a> {
    /// It is pending or running.
    Running,
    /// The cloud named another state: gone for certain.
    Gone(&'a InstanceState),
    /// The cloud doesn't name it.
    NotSeen,
}

impl Census {
    /// A census that saw everything.
    #[must_use]
    pub fn complete(instances: impl IntoIterator<Item = (InstanceId, InstanceState)>) -> Self {
        Self { coverage: Coverage::Complete, instances: instances.into_iter().collect() }
    }

    /// Whether it saw everything.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.coverage == Coverage::Complete
    }

    /// What it says of one instance.
    #[must_use]
    pub fn sighting(&self, id: &InstanceId) -> Sighting<'_> {
        match self.instances.get(id) {
            Some(state) if state.is_alive() => Sighting::Running,
            Some(state) => Sighting::Gone(state),
            None => Sighting::NotSeen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pending_and_running_keep_a_name() {
        let id = |n: u8| InstanceId::parse(&format!("i-{n}")).unwrap();
        let states = ["pending", "Running", "stopped", "terminated", "shutting-down"];
        let census = Census::complete((0u8..).zip(states).map(|(n, word)| (id(n), InstanceState::new(word))));
        assert_eq!(census.sighting(&id(0)), Sighting::Running);
        assert_eq!(census.sighting(&id(1)), Sighting::Running);
        for n in 2..5 {
            assert!(matches!(census.sighting(&id(n)), Sighting::Gone(_)), "{n}");
        }
        assert_eq!(census.sighting(&id(9)), Sighting::NotSeen);
    }
}
