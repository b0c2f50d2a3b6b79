//! The trait of stores: a few atomic steps. The rules of naming stand on them, in [`Registrar`].
//!
//! [`Registrar`]: crate::Registrar

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::error::{Error, ErrorKind, Result};
use crate::instance::InstanceId;
use crate::names::{Alias, Hostname, Service};
use crate::slot::{Kind, Slot};
use crate::table::{Change, Entry, Event, Node, Occupant, Revision, Snapshot};

/// Who asks for a step and why. It stays in the account of what happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The program: `aerostat register`, `aerostatd`.
    pub actor: SmolStr,
    /// Why, in a person's words; may be empty.
    pub reason: String,
}

impl Cause {
    /// A cause with a reason.
    #[must_use]
    pub fn new(actor: impl Into<SmolStr>, reason: impl Into<String>) -> Self {
        Self { actor: actor.into(), reason: reason.into() }
    }
}

/// A wish for the lowest free slot of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The service.
    pub service: Service,
    /// The kind that the claimant believes the service to have.
    pub kind: Kind,
    /// The claimant.
    pub occupant: Occupant,
}

/// The answer to [`NameStore::take`]. Only [`Taken::Node`] changed anything but the slots that were opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// The claimant has got this node.
    Node(Node),
    /// The claimant holds this node of the service already; it is as it was.
    Held(Node),
    /// The claimant holds this node of another service.
    Elsewhere(Node),
    /// The service has another kind.
    KindDiffers {
        /// The kind of its slots.
        recorded: Kind,
    },
    /// The alias, or the alias that equals the hostname of the slot to be opened, belongs to that node of
    /// another instance.
    AliasHeld {
        /// The alias.
        alias: Alias,
        /// Whose it is.
        by: Node,
    },
    /// The alias equals the hostname of a slot, held or vacant, or of the slot to be opened.
    AliasIsHostname {
        /// The alias.
        alias: Alias,
    },
    /// The service has no vacancy, and the slots to be opened were none or are there already.
    NoVacancy {
        /// The highest slot of the service; `None` if it has no slot yet.
        last: Option<Slot>,
    },
    /// The hostname of the first slot to be opened belongs to another service.
    NameOwned {
        /// The slot to be opened.
        slot: Slot,
        /// Who owns the hostname.
        by: Service,
    },
}

/// One slot that changes hands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The slot.
    pub slot: Slot,
    /// Who the caller saw holding it.
    pub seen: Option<InstanceId>,
    /// Who is to hold it. An instance that moves takes its addresses, aliases and `since` along.
    pub next: Option<InstanceId>,
}

impl Transfer {
    /// Sees that transfers make sense together, as [`NameStore::exchange`] demands. For stores.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`]: a slot or an instance appears twice, or somebody arrives from nowhere.
    pub fn check_all(transfers: &[Transfer]) -> Result<()> {
        let mut slots = HashSet::new();
        let mut arrivals = HashSet::new();
        let leaving: HashSet<_> = transfers.iter().filter_map(|transfer| transfer.seen.as_ref()).collect();
        for Transfer { slot, next, .. } in transfers {
            if !slots.insert(slot) {
                return Err(Error::new(ErrorKind::InvalidInput, format!("two transfers of {slot}")));
            }
            let Some(next) = next else { continue };
            if !arrivals.insert(next) {
                return Err(Error::new(ErrorKind::InvalidInput, format!("{next} can't hold two slots")));
            }
            if !leaving.contains(next) {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("{next} gives no slot up for {slot}"),
                ));
            }
        }
        Ok(())
    }
}

/// The answer to [`NameStore::exchange`], with the named slots as they are after it, in the order of the
/// transfers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exchanged {
    /// All slots changed hands.
    Done(Vec<Entry>),
    /// A slot has another holder than the caller saw; nothing changed. Slots that don't exist are left out.
    Conflict(Vec<Entry>),
}

/// The answer to [`NameStore::refresh`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refreshed {
    /// The node is as the caller wants it.
    Node(Node),
    /// The instance doesn't hold that slot; nothing changed.
    NotHeld,
    /// The alias belongs to another node; nothing changed.
    AliasHeld {
        /// The alias.
        alias: Alias,
        /// Whose it is.
        by: Node,
    },
    /// The alias equals the hostname of a slot, held or vacant; nothing changed.
    AliasIsHostname {
        /// The alias.
        alias: Alias,
    },
}

/// By what a row is found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Key {
    /// The slot of that hostname.
    Hostname(Hostname),
    /// The node of that instance.
    Instance(InstanceId),
    /// The node that has that alias.
    Alias(Alias),
}

/// How far a service reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Its highest slot, which also tells its kind.
    pub last: Slot,
    /// Its lowest vacancy.
    pub lowest_vacancy: Option<Slot>,
}

/// Which part of the account is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryQuery {
    /// Only the events of that hostname; `None`: of all.
    pub hostname: Option<Hostname>,
    /// At most so many, the latest; `None`: all that the store keeps.
    pub limit: Option<usize>,
}

/// How much a [`Finding`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well.
    Fine,
    /// Works, but somebody should know.
    Warning,
    /// Doesn't work, or breaks a promise.
    Problem,
}

/// Something that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at and what was found.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    /// A finding without advice.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), advice: None }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// Changes as they happen. It ends only after an error.
pub type ChangeStream = BoxStream<'static, Result<Change>>;

/// A place that holds the table.
///
/// # Behavior of every step that changes something
/// - It is atomic and durable: when it has answered, its effect outlives any crash; before, all of it or
///   nothing has happened. Its future may be dropped at any await; the step then happens or doesn't.
/// - It is safe to repeat. A repeat of a step that happened gives the same answer, or one that shows that it
///   happened ([`Taken::Held`], [`Exchanged::Conflict`] with the wanted holders).
/// - Whatever the callers do, a hostname has one row, an instance holds at most one slot, and an alias belongs
///   to at most one node.
/// - A step that changed something makes exactly one new revision; one that didn't makes none.
/// - Steps at once behave as if one came after the other.
#[async_trait]
pub trait NameStore: Send + Sync + Debug + 'static {
    /// Takes the lowest vacancy of a service, or opens slots and takes the first of them.
    ///
    /// `fresh` are consecutive slots behind the highest that the caller saw. The answers are tried in the
    /// order of this list.
    ///
    /// # Behavior
    /// - The service has slots of another kind: [`Taken::KindDiffers`].
    /// - The instance holds a node of the service: [`Taken::Held`]; of another: [`Taken::Elsewhere`].
    /// - An alias equals a hostname: [`Taken::AliasIsHostname`]; it belongs to another: [`Taken::AliasHeld`]. Of
    ///   several in trouble any may be told.
    /// - There is a vacancy: the instance gets the one with the lowest number, and nothing is opened.
    /// - There is none: if `fresh` is empty or its first slot exists, [`Taken::NoVacancy`].
    /// - The hostname of the first fresh slot belongs to another service: [`Taken::NameOwned`]; it is
    ///   somebody's alias: [`Taken::AliasHeld`]; it is an alias of the claimant: [`Taken::AliasIsHostname`].
    /// - Else the fresh slots are opened in order, up to the first whose name is not free, and the instance
    ///   gets the first; the others are vacancies.
    /// - `since` is the moment of the step.
    async fn take(&self, claim: &Claim, fresh: &[Slot], cause: &Cause) -> Result<Taken>;

    /// Lets several slots change hands together.
    ///
    /// # Behavior
    /// - It happens only if every slot has the holder that the caller saw; else [`Exchanged::Conflict`].
    /// - Every `next` must be the `seen` of one of the transfers, no slot and no `next` may appear twice;
    ///   else [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput).
    /// - An instance that moves takes its addresses, aliases and `since` along.
    /// - A slot that is left without a holder is a vacancy that was held before.
    /// - No transfers, or transfers whose `next` is their `seen`, change nothing.
    async fn exchange(&self, transfers: &[Transfer], cause: &Cause) -> Result<Exchanged>;

    /// Brings addresses and aliases of a node up to date.
    ///
    /// # Behavior
    /// - The instance doesn't hold that slot: [`Refreshed::NotHeld`].
    /// - Aliases conflict as in [`take`](Self::take), its own present ones excepted.
    /// - A node that is so already makes no revision.
    /// - `since` stays.
    async fn refresh(&self, slot: &Slot, occupant: &Occupant, cause: &Cause) -> Result<Refreshed>;

    /// Finds a row.
    ///
    /// # Behavior
    /// - What isn't there gives `None`.
    /// - It sees every step that was answered before it was called, whoever called it.
    async fn find(&self, key: &Key) -> Result<Option<Entry>>;

    /// Says how far a service reaches.
    ///
    /// # Behavior
    /// - A service without slots gives `None`.
    /// - It sees every step that was answered before it was called, whoever called it.
    async fn extent(&self, service: &Service) -> Result<Option<Extent>>;

    /// The present revision.
    ///
    /// # Behavior
    /// - Its cost doesn't grow with the table.
    /// - It grows with every change, and never falls within a lineage.
    async fn revision(&self) -> Result<Revision>;

    /// The whole table.
    ///
    /// # Behavior
    /// - It is one consistent state: all of a step is in it, or nothing.
    /// - Rows are sorted by service, then number.
    /// - A row that breaks a rule of naming is left out with a warning in the log, and [`check`](Self::check)
    ///   reports it.
    async fn snapshot(&self) -> Result<Snapshot>;

    /// Follows the table from a revision on.
    ///
    /// # Behavior
    /// - Applied in order to the snapshot of `since`, the changes give every later table. Several steps may
    ///   come as one change, but never a part of a step.
    /// - Revisions strictly grow.
    /// - If `since` is of another lineage, or older than what the store remembers, the stream gives an
    ///   [`ErrorKind::Expired`](crate::ErrorKind::Expired) and ends: take a new snapshot.
    /// - After any other error it ends too, and may be asked for again from the last revision seen.
    fn changes(&self, since: Revision) -> ChangeStream;

    /// The account of what happened: slots that got, lost or swapped a holder.
    ///
    /// # Behavior
    /// - Oldest first. With a limit, the latest ones.
    /// - An event is there if and only if its step happened.
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Event>>;

    /// Looks for damage in the stored data and for trouble in the place that holds them.
    ///
    /// # Behavior
    /// - It changes nothing.
    /// - A sound table gives no [`Severity::Problem`].
    async fn check(&self) -> Result<Vec<Finding>>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: NameStore + ?Sized> NameStore for Arc<T> {
    async fn take(&self, claim: &Claim, fresh: &[Slot], cause: &Cause) -> Result<Taken> {
        (**self).take(claim, fresh, cause).await
    }
    async fn exchange(&self, transfers: &[Transfer], cause: &Cause) -> Result<Exchanged> {
        (**self).exchange(transfers, cause).await
    }
    async fn refresh(&self, slot: &Slot, occupant: &Occupant, cause: &Cause) -> Result<Refreshed> {
        (**self).refresh(slot, occupant, cause).await
    }
    async fn find(&self, key: &Key) -> Result<Option<Entry>> {
        (**self).find(key).await
    }
    async fn extent(&self, service: &Service) -> Result<Option<Extent>> {
        (**self).extent(service).await
    }
    async fn revision(&self) -> Result<Revision> {
        (**self).revision().await
    }
    async fn snapshot(&self) -> Result<Snapshot> {
        (**self).snapshot().await
    }
    fn changes(&self, since: Revision) -> ChangeStream {
        (**self).changes(since)
    }
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Event>> {
        (**self).history(query).await
    }
    async fn check(&self) -> Result<Vec<Finding>> {
        (**self).check().await
    }
}
