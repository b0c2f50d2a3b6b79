//! The rules of naming, carried out over the steps of a store.

use std::sync::Arc;

use smol_str::SmolStr;
use tracing::{debug, info, warn};

use crate::error::{Error, ErrorKind, Result};
use crate::instance::InstanceId;
use crate::names::{Alias, Hostname};
use crate::rules;
use crate::slot::{Kind, Slot};
use crate::store::{Cause, Claim, Exchanged, Key, NameStore, Refreshed, Taken, Transfer};
use crate::table::{Entry, Node};

/// Claims, vacates and changes masters over any store, after the rules of [`rules`].
///
/// Each operation is a short loop of the store's steps. It can be cut between any two of them, at the cost of
/// vacancies and unclaimed aliases at most, and repeated.
#[derive(Clone, Debug)]
pub struct Registrar {
    store: Arc<dyn NameStore>,
    actor: SmolStr,
}

/// What a claim got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The node that the instance holds now.
    pub node: Node,
    /// Whether it held that name before.
    pub held_before: bool,
}

/// What became of a vacating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vacated {
    /// The slot was the instance's and is a gap now.
    Done(Slot),
    /// The slot was a gap already.
    AlreadyVacant(Slot),
    /// Another instance holds the slot by now; nothing changed.
    HeldByAnother(Node),
}

/// What became of a change-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedOver {
    /// The master now.
    pub master: Slot,
    /// The instance that was the master before and the slot that it has now; `None` if there was none.
    pub demoted: Option<(InstanceId, Slot)>,
    /// Whether the instance was the master before; then nothing changed.
    pub was_master: bool,
}

impl Registrar {
    /// The most slots that a claim opens at once, when many claims race.
    const MAX_BATCH: usize = 64;

    /// The most rounds of an operation. Each round means that another actor got ahead; so many in a row mean
    /// that the store breaks its promises.
    const MAX_ROUNDS: usize = 10_000;

    /// A registrar over a store. `actor` is the program that acts, for the account of what happened.
    #[must_use]
    pub fn new(store: Arc<dyn NameStore>, actor: impl Into<SmolStr>) -> Self {
        Self { store, actor: actor.into() }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn NameStore> {
        &self.store
    }

    fn cause(&self, reason: impl Into<String>) -> Cause {
        Cause::new(self.actor.clone(), reason)
    }

    /// Claims the lowest free slot of a service (rules 3 to 7 and 9).
    ///
    /// An instance that holds a name of the service keeps it, with the addresses and aliases of this claim.
    /// Aliases that belong to other nodes are taken from them.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if the service has another kind, or the instance holds a name of another
    /// service; [`ErrorKind::InvalidInput`] if an alias equals a hostname, there are too many aliases, or the
    /// hostname would be too long; or the store's.
    pub async fn claim(&self, claim: Claim) -> Result<Claimed> {
        self.claim_or(claim, |claim, node| async move {
            Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "instance {} holds {} of service {}, so it can't claim a name of service {}",
                    claim.occupant.instance,
                    node.slot,
                    node.slot.service(),
                    claim.service
                ),
            )
            .hint("`aerostat register --move` gives the old name back and claims the new one"))
        })
        .await
    }

    /// Claims as [`claim`](Self::claim) does, but an instance that holds a name of another service gives it
    /// back first. Cut between the two, it holds no name until it claims again.
    ///
    /// # Errors
    /// As [`claim`](Self::claim).
    pub async fn claim_moving(&self, claim: Claim) -> Result<Claimed> {
        self.claim_or(claim, |claim, node| async move {
            self.see_that_aliases_are_no_hostnames(&claim).await?;
            self.see_that_alias_is_not_opened(&claim).await?;
            let reason = format!("moves to service {}", claim.service);
            self.vacate(&node.slot, node.instance(), &reason).await.map(drop)
        })
        .await
    }

    /// Claims; asks `elsewhere` what to do if the instance holds a name of another service, and tries again if
    /// that is well.
    async fn claim_or<F>(&self, mut claim: Claim, elsewhere: impl Fn(Claim, Node) -> F) -> Result<Claimed>
    where
        F: Future<Output = Result<()>>,
    {
        claim.occupant.aliases = rules::distinct_aliases(claim.occupant.aliases)?;
        let cause = self.cause("");
        // Refuses a service whose very first hostname is too long, before anything is asked or changed.
        Slot::first(claim.service.clone(), claim.kind)?;
        let mut fresh: Vec<Slot> = Vec::new();
        let mut batch = 1;
        let mut may_take_aliases = false;
        for _ in 0..Self::MAX_ROUNDS {
            match self.store.take(&claim, &fresh, &cause).await? {
                Taken::Node(node) => {
                    info!(hostname = %node.slot, instance = %node.instance(), "claimed");
                    return Ok(Claimed { node, held_before: false });
                }
                Taken::Held(node) => {
                    if let Some(node) = self.refresh(&node, &claim).await? {
                        debug!(hostname = %node.slot, instance = %node.instance(), "held already");
                        return Ok(Claimed { node, held_before: true });
                    }
                }
                Taken::Elsewhere(node) => elsewhere(claim.clone(), node).await?,
                Taken::KindDiffers { recorded } => {
                    return Err(Error::new(
                        ErrorKind::Conflict,
                        format!("service {} is {recorded}, not {}", claim.service, claim.kind),
                    )
                    .hint("a service keeps the kind of its first registration"));
                }
                Taken::AliasIsHostname { alias } => return Err(alias_is_hostname(&alias)),
                Taken::AliasHeld { alias, by } => {
                    if !may_take_aliases {
                        self.see_that_aliases_are_no_hostnames(&claim).await?;
                        self.see_that_alias_is_not_opened(&claim).await?;
                        may_take_aliases = true;
                    }
                    self.take_alias(&alias, &by, &claim).await?;
                }
                Taken::NoVacancy { last } => {
                    // Having lost a race for fresh slots, we open some for the others too.
                    if !fresh.is_empty() {
                        batch = Self::MAX_BATCH.min(batch * 2);
                    }
                    fresh = rules::fresh_slots(&claim.service, claim.kind, last.as_ref(), batch)?;
                }
                Taken::NameOwned { slot, by } => {
                    warn!(hostname = %slot, owner = %by, "skipped a hostname that another service owns");
                    fresh = rules::fresh_slots(&claim.service, claim.kind, Some(&slot), batch)?;
                }
            }
        }
        Err(never_settles())
    }

    /// Brings a node that the claimant holds up to date; `None` if it was lost meanwhile.
    async fn refresh(&self, node: &Node, claim: &Claim) -> Result<Option<Node>> {
        if node.occupant == claim.occupant {
            return Ok(Some(node.clone()));
        }
        let cause = self.cause("");
        let mut may_take_aliases = false;
        for _ in 0..Self::MAX_ROUNDS {
            match self.store.refresh(&node.slot, &claim.occupant, &cause).await? {
                Refreshed::Node(node) => return Ok(Some(node)),
                Refreshed::NotHeld => return Ok(None),
                Refreshed::AliasHeld { alias, by } => {
                    if !may_take_aliases {
                        self.see_that_aliases_are_no_hostnames(claim).await?;
                        may_take_aliases = true;
                    }
                    self.take_alias(&alias, &by, claim).await?;
                }
                Refreshed::AliasIsHostname { alias } => return Err(alias_is_hostname(&alias)),
            }
        }
        Err(never_settles())
    }

    /// Refuses a claim with an alias that is a hostname, before anything is taken away from others or given up
    /// for it.
    async fn see_that_aliases_are_no_hostnames(&self, claim: &Claim) -> Result<()> {
        for alias in &claim.occupant.aliases {
            if self.store.find(&Key::Hostname(alias.to_hostname())).await?.is_some() {
                return Err(alias_is_hostname(alias));
            }
        }
        Ok(())
    }

    /// Refuses a claim that must open a slot whose hostname is one of its own aliases, as
    /// [`see_that_aliases_are_no_hostnames`](Self::see_that_aliases_are_no_hostnames) does.
    async fn see_that_alias_is_not_opened(&self, claim: &Claim) -> Result<()> {
        let extent = self.store.extent(&claim.service).await?;
        if extent.as_ref().is_some_and(|extent| extent.lowest_vacancy.is_some()) {
            return Ok(());
        }
        let first =
            rules::fresh_slots(&claim.service, claim.kind, extent.map(|extent| extent.last).as_ref(), 1)?;
        let mut next = first.into_iter().next();
        while let Some(slot) = next {
            let alias = Alias::from_hostname(&slot.hostname());
            if claim.occupant.aliases.contains(&alias) {
                return Err(alias_is_hostname(&alias));
            }
            // Another service may own the hostname; then the slot behind it is opened.
            if self.store.find(&Key::Hostname(slot.hostname())).await?.is_none() {
                return Ok(());
            }
            next = Some(slot.next()?);
        }
        Ok(())
    }

    /// Takes an alias away from its owner: the newest claim wins it (rule 9).
    async fn take_alias(&self, alias: &Alias, owner: &Node, claim: &Claim) -> Result<()> {
        let mut without = owner.occupant.clone();
        without.aliases.retain(|owned| owned != alias);
        let cause = self.cause(format!("alias {alias} is claimed by {}", claim.occupant.instance));
        warn!(%alias, from = %owner.slot, to = %claim.occupant.instance, "an alias changes its owner");
        // Whatever the answer, the next round sees whether the alias is free.
        self.store.refresh(&owner.slot, &without, &cause).await.map(drop)
    }

    /// Makes a slot a gap if that instance holds it (rule 10).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such slot; or the store's.
    pub async fn vacate(&self, slot: &Slot, holder: &InstanceId, reason: &str) -> Result<Vacated> {
        let cause = self.cause(reason);
        match self.store.exchange(&[rules::vacate(slot, holder)], &cause).await? {
            Exchanged::Done(_) => {
                info!(hostname = %slot, instance = %holder, reason, "vacated");
                Ok(Vacated::Done(slot.clone()))
            }
            Exchanged::Conflict(entries) => match entries.into_iter().next() {
                None => Err(unknown_hostname(&slot.hostname())),
                Some(Entry::Vacancy(vacancy)) => Ok(Vacated::AlreadyVacant(vacancy.slot)),
                Some(Entry::Node(node)) => Ok(Vacated::HeldByAnother(node)),
            },
        }
    }

    /// Gives a name back, whoever holds it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no such name; or the store's.
    pub async fn release(&self, hostname: &Hostname, reason: &str) -> Result<Vacated> {
        match self.store.find(&Key::Hostname(hostname.clone())).await? {
            None => Err(unknown_hostname(hostname)),
            Some(Entry::Vacancy(vacancy)) => Ok(Vacated::AlreadyVacant(vacancy.slot)),
            Some(Entry::Node(node)) => self.vacate(&node.slot, node.instance(), reason).await,
        }
    }

    /// The node that an instance holds.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it holds none; or the store's.
    pub async fn node_of(&self, instance: &InstanceId) -> Result<Node> {
        self.store.find(&Key::Instance(instance.clone())).await?.and_then(Entry::into_node).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("instance {instance} holds no name"))
                .hint("register it first: `aerostat register`")
        })
    }

    /// Makes an instance the master of its service (rule 8).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the instance holds no name; [`ErrorKind::Conflict`] if its service is not
    /// masterful or the master is not the expected one; or the store's.
    pub async fn change_over(
        &self,
        instance: &InstanceId,
        expected_master: Option<&InstanceId>,
    ) -> Result<ChangedOver> {
        for _ in 0..Self::MAX_ROUNDS {
            let challenger = self.node_of(instance).await?;
            let service = challenger.slot.service();
            if challenger.slot.kind() != Kind::Masterful {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!(
                        "{} is of service {service}, which is iterative and has no master",
                        challenger.slot
                    ),
                ));
            }
            if challenger.slot.is_master() {
                return Ok(ChangedOver { master: challenger.slot, demoted: None, was_master: true });
            }
            let master_slot = Slot::first(service.clone(), Kind::Masterful)?;
            let Some(master) = self.store.find(&Key::Hostname(master_slot.hostname())).await? else {
                return Err(Error::new(ErrorKind::Corrupt, format!("the row of {master_slot} is missing"))
                    .hint("`aerostat doctor` says what is wrong with the table"));
            };
            if master.instance() == Some(instance) {
                debug!(%instance, "became the master between two looks; looking again");
                continue;
            }
            if let Some(expected) = expected_master
                && master.instance() != Some(expected)
            {
                let found = master.instance().map_or("nobody".to_owned(), ToString::to_string);
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("{expected} was expected to be {master_slot}, but {found} is"),
                ));
            }
            let extent = self.store.extent(service).await?;
            let lowest_vacancy = extent.and_then(|extent| extent.lowest_vacancy);
            let transfers = rules::change_over(&master, &challenger, lowest_vacancy.as_ref());
            let cause = self.cause(format!("{instance} becomes the master"));
            if let Exchanged::Done(_) = self.store.exchange(&transfers, &cause).await? {
                let demoted =
                    master.instance().and_then(|old| Some((old.clone(), destination(&transfers, old)?)));
                info!(hostname = %master_slot, %instance, "changed over");
                return Ok(ChangedOver { master: master_slot, demoted, was_master: false });
            }
            debug!(%instance, "somebody moved during the change-over; looking again");
        }
        Err(never_settles())
    }
}

/// Where an instance goes.
fn destination(transfers: &[Transfer], instance: &InstanceId) -> Option<Slot> {
    transfers
        .iter()
        .find(|transfer| transfer.next.as_ref() == Some(instance))
        .map(|transfer| transfer.slot.clone())
}

fn alias_is_hostname(alias: &Alias) -> Error {
    Error::invalid("alias", alias.as_str(), "is the hostname of a slot, which an alias may not be")
}

fn unknown_hostname(hostname: &Hostname) -> Error {
    Error::new(ErrorKind::NotFound, format!("no slot is called {hostname}"))
        .hint("`aerostat list --vacant` shows all names")
}

fn never_settles() -> Error {
    Error::new(ErrorKind::Internal, "the store's answers never settle; it breaks its contract")
}
