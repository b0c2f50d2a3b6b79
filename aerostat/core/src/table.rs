//! The table: which instance holds which slot, at which revision.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::instance::{Addresses, InstanceId};
use crate::names::{Alias, Hostname, Service};
use crate::slot::{Kind, Slot};
use crate::store::Cause;
use crate::time::Timestamp;

/// An instance with what it brings to a slot. It all moves with the instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupant {
    /// The cloud's id of the machine.
    pub instance: InstanceId,
    /// Where it is reached.
    #[serde(flatten)]
    pub addresses: Addresses,
    /// Its further names, each once, in the order in which the machine named them.
    pub aliases: Vec<Alias>,
}

/// A slot and the instance that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The slot.
    pub slot: Slot,
    /// Who holds it.
    #[serde(flatten)]
    pub occupant: Occupant,
    /// Since when the instance is registered, by the store's clock. A change-over doesn't alter it.
    pub since: Timestamp,
}

impl Node {
    /// The hostname.
    #[must_use]
    pub fn hostname(&self) -> Hostname {
        self.slot.hostname()
    }

    /// The instance that holds the slot.
    #[must_use]
    pub fn instance(&self) -> &InstanceId {
        &self.occupant.instance
    }
}

/// A slot that no instance holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vacancy {
    /// The slot.
    pub slot: Slot,
    /// Whether an instance ever held it. A slot that never was held was opened in advance, by claims that
    /// raced; it counts as a gap for claims and is not shown to people.
    pub held_before: bool,
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// A slot with its holder.
    Node(Node),
    /// A slot without one.
    Vacancy(Vacancy),
}

impl Entry {
    /// The slot.
    #[must_use]
    pub fn slot(&self) -> &Slot {
        match self {
            Entry::Node(node) => &node.slot,
            Entry::Vacancy(vacancy) => &vacancy.slot,
        }
    }

    /// The node, if an instance holds the slot.
    #[must_use]
    pub fn node(&self) -> Option<&Node> {
        match self {
            Entry::Node(node) => Some(node),
            Entry::Vacancy(_) => None,
        }
    }

    /// The node, if an instance holds the slot.
    #[must_use]
    pub fn into_node(self) -> Option<Node> {
        match self {
            Entry::Node(node) => Some(node),
            Entry::Vacancy(_) => None,
        }
    }

    /// The instance that holds the slot, if one does.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        self.node().map(Node::instance)
    }
}

/// The number of a state of the table: the store's own token, ordered by the store.
///
/// Revisions of different lineages do not compare: a database that was made anew, or restored from an old
/// copy by a store that can tell, has another lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Revision {
    /// Which table: drawn at random when the store made its database.
    pub lineage: u64,
    /// Which state of it: grows with every change.
    pub number: u64,
}

impl PartialOrd for Revision {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        (self.lineage == other.lineage).then(|| self.number.cmp(&other.number))
    }
}

impl fmt::Display for Revision {
    /// Writes the revision as text that [`FromStr`] reads: `number@lineage`, the lineage in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{:016x}", self.number, self.lineage)
    }
}

impl FromStr for Revision {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        text.split_once('@')
            .and_then(|(number, lineage)| {
                Some(Self { number: number.parse().ok()?, lineage: u64::from_str_radix(lineage, 16).ok()? })
            })
            .ok_or_else(|| Error::invalid("revision", text, "is not NUMBER@LINEAGE"))
    }
}

impl TryFrom<String> for Revision {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Revision> for String {
    fn from(revision: Revision) -> Self {
        revision.to_string()
    }
}

/// The whole table at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of this state.
    pub revision: Revision,
    /// The moment, by the store's clock.
    pub taken_at: Timestamp,
    /// Every slot that was ever opened, sorted by service, then number.
    pub entries: Vec<Entry>,
}

impl Snapshot {
    /// The nodes, sorted by service, then number.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.entries.iter().filter_map(Entry::node)
    }

    /// The vacancies, sorted by service, then number.
    pub fn vacancies(&self) -> impl Iterator<Item = &Vacancy> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Vacancy(vacancy) => Some(vacancy),
            Entry::Node(_) => None,
        })
    }

    /// Brings the table to a later revision.
    pub fn apply(&mut self, change: Change) {
        for entry in change.entries {
            match self.entries.binary_search_by(|known| known.slot().cmp(entry.slot())) {
                Ok(at) => {
                    if let Some(known) = self.entries.get_mut(at) {
                        *known = entry;
                    }
                }
                Err(at) => self.entries.insert(at, entry),
            }
        }
        self.revision = change.revision;
        self.taken_at = change.at;
    }
}

/// The way from one revision to a later one, in one step or in several taken together. Slots that changed
/// hands together are always in one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The revision that it leads to.
    pub revision: Revision,
    /// When that revision was made or read, by the store's clock.
    pub at: Timestamp,
    /// The slots that differ, as they are at that revision, sorted by service, then number.
    pub entries: Vec<Entry>,
}

/// An entry of the account of what happened: a slot got, lost or swapped its holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The revision that it made. Slots that changed hands together share it.
    pub revision: Revision,
    /// When, by the store's clock.
    pub at: Timestamp,
    /// The hostname of the slot.
    pub hostname: Hostname,
    /// Its service.
    pub service: Service,
    /// The kind of its service.
    pub service_type: Kind,
    /// Who held it before.
    pub from: Option<InstanceId>,
    /// Who holds it since.
    pub to: Option<InstanceId>,
    /// By what, and why.
    pub cause: Cause,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_of_two_databases_do_not_compare() {
        let a = Revision { lineage: 1, number: 5 };
        let b = Revision { lineage: 2, number: 6 };
        assert_eq!(a.partial_cmp(&b), None);
        assert!(a < Revision { number: 6, ..a });
    }

    #[test]
    fn a_revision_is_read_back_from_its_text() {
        let revision = Revision { lineage: u64::MAX - 3, number: 17 };
        assert_eq!(revision.to_string().parse::<Revision>().unwrap(), revision);
        assert!("17".parse::<Revision>().is_err());
        assert!("x@1".parse::<Revision>().is_err());
    }
}
