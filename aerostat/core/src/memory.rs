//! The store in memory: the reference that every other store is compared with.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use tokio::sync::watch;

use crate::error::{Error, ErrorKind, Result};
use crate::instance::InstanceId;
use crate::names::{Alias, Hostname, Service};
use crate::registry::{Factory, ProviderCrate, Registration, StoreContext, StoreFactory};
use crate::slot::Slot;
use crate::store::{
    Cause, ChangeStream, Claim, Exchanged, Extent, Finding, HistoryQuery, Key, NameStore, Refreshed, Taken,
    Transfer,
};
use crate::table::{Change, Entry, Event, Node, Occupant, Revision, Snapshot, Vacancy};
use crate::time::Timestamp;

/// What this crate offers.
pub(crate) static PROVIDERS: ProviderCrate = ProviderCrate {
    name: env!("CARGO_PKG_NAME"),
    version: env!("CARGO_PKG_VERSION"),
    providers: &[Registration {
        name: "memory",
        summary: "a table in memory that ends with the process",
        factory: Factory::Store(&MemoryFactory),
    }],
};
crate::submit_providers!(PROVIDERS);

#[derive(Debug)]
struct MemoryFactory;

#[async_trait]
impl StoreFactory for MemoryFactory {
    fn schemes(&self) -> &'static [&'static str] {
        &["memory"]
    }

    async fn open(&self, context: StoreContext) -> Result<Arc<dyn NameStore>> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct NoKeys {}
        let NoKeys {} = context.section.read()?;
        if !context.after_scheme().is_empty() {
            return Err(Error::new(ErrorKind::Config, "the memory store has no name")
                .with("uri", context.uri)
                .hint("write `memory:` alone"));
        }
        Ok(Arc::new(MemoryStore::new()))
    }
}

/// Tells a store's time.
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A store in memory. Clones share one table.
///
/// It is the reference for the behaviour of [`NameStore`]: short enough to be seen right, with the table as
/// plain maps under one lock.
#[derive(Clone)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

struct Shared {
    /// A plain lock: it is never held over an await.
    state: Mutex<State>,
    /// The number of the latest revision, for those who wait for the next.
    latest: watch::Sender<u64>,
    clock: Clock,
}

struct State {
    lineage: u64,
    number: u64,
    slots: BTreeMap<Slot, Row>,
    hostnames: HashMap<Hostname, Slot>,
    holders: HashMap<InstanceId, Slot>,
    aliases: HashMap<Alias, Slot>,
    vacancies: BTreeSet<Slot>,
    history: Vec<Event>,
}

struct Row {
    entry: Entry,
    /// The number of the revision that made it so.
    changed: u64,
}

impl MemoryStore {
    /// An empty table, with the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Timestamp::now)
    }

    /// An empty table whose time is told by `clock`.
    #[must_use]
    pub fn with_clock(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let state = State {
            lineage: RandomState::new().build_hasher().finish(),
            number: 0,
            slots: BTreeMap::new(),
            hostnames: HashMap::new(),
            holders: HashMap::new(),
            aliases: HashMap::new(),
            vacancies: BTreeSet::new(),
            history: Vec::new(),
        };
        let latest = watch::Sender::new(0);
        Self { shared: Arc::new(Shared { state: Mutex::new(state), latest, clock: Arc::new(clock) }) }
    }

    /// A copy of a table, of the same lineage and revision: what would happen there, happens here.
    #[must_use]
    pub fn from_snapshot(snapshot: Snapshot) -> Self {
        let store = Self::new();
        {
            let mut state = store.lock();
            state.lineage = snapshot.revision.lineage;
            state.number = snapshot.revision.number;
            for entry in snapshot.entries {
                state.put(entry);
            }
            store.shared.latest.send_replace(state.number);
        }
        store
    }

    /// The lock; a panic of another thread can't leave the table half changed, because nothing in a step panics.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one revision.
    fn commit(&self, state: &mut State, step: impl FnOnce(&mut State, Timestamp)) {
        state.number += 1;
        step(state, (self.shared.clock)());
        self.shared.latest.send_replace(state.number);
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

impl State {
    fn revision(&self) -> Revision {
        Revision { lineage: self.lineage, number: self.number }
    }

    fn entry(&self, slot: &Slot) -> Option<&Entry> {
        self.slots.get(slot).map(|row| &row.entry)
    }

    fn node(&self, slot: &Slot) -> Option<&Node> {
        self.entry(slot).and_then(Entry::node)
    }

    /// The node of an instance.
    fn held_by(&self, instance: &InstanceId) -> Option<&Node> {
        self.holders.get(instance).and_then(|slot| self.node(slot))
    }

    fn last(&self, service: &Service) -> Option<&Slot> {
        self.slots.range(Slot::all_of(service)).next_back().map(|(slot, _)| slot)
    }

    fn lowest_vacancy(&self, service: &Service) -> Option<&Slot> {
        self.vacancies.range(Slot::all_of(service)).next()
    }

    /// Puts a row as it is to be at the present revision, and keeps the look-ups true.
    fn put(&mut self, entry: Entry) {
        let slot = entry.slot().clone();
        if let Some(old) = self.slots.get(&slot).and_then(|row| row.entry.node()).cloned() {
            // Within an exchange, the holder and its aliases may have moved on already.
            if self.holders.get(old.instance()) == Some(&slot) {
                self.holders.remove(old.instance());
            }
            for alias in &old.occupant.aliases {
                if self.aliases.get(alias) == Some(&slot) {
                    self.aliases.remove(alias);
                }
            }
        }
        self.hostnames.insert(slot.hostname(), slot.clone());
        match &entry {
            Entry::Vacancy(_) => {
                self.vacancies.insert(slot.clone());
            }
            Entry::Node(node) => {
                self.vacancies.remove(&slot);
                self.holders.insert(node.instance().clone(), slot.clone());
                for alias in &node.occupant.aliases {
                    self.aliases.insert(alias.clone(), slot.clone());
                }
            }
        }
        self.slots.insert(slot, Row { entry, changed: self.number });
    }

    fn record(
        &mut self,
        at: Timestamp,
        slot: &Slot,
        from: Option<InstanceId>,
        to: Option<InstanceId>,
        cause: &Cause,
    ) {
        self.history.push(Event {
            revision: self.revision(),
            at,
            hostname: slot.hostname(),
            service: slot.service().clone(),
            service_type: slot.kind(),
            from,
            to,
            cause: cause.clone(),
        });
    }

    /// The first alias that can't be had by that instance.
    fn alias_trouble(&self, occupant: &Occupant) -> Option<AliasTrouble> {
        occupant.aliases.iter().find_map(|alias| {
            if self.hostnames.contains_key(alias.as_str()) {
                return Some(AliasTrouble::IsHostname(alias.clone()));
            }
            let owner = self.aliases.get(alias).and_then(|slot| self.node(slot))?;
            (*owner.instance() != occupant.instance)
                .then(|| AliasTrouble::Held { alias: alias.clone(), by: owner.clone() })
        })
    }

    /// The slots to be opened, up to the first whose name is not free.
    fn openable<'a>(&self, fresh: &'a [Slot], aliases: &[Alias]) -> &'a [Slot] {
        let free = |slot: &Slot| {
            let hostname = slot.hostname();
            !self.hostnames.contains_key(&hostname)
                && !self.aliases.contains_key(hostname.as_str())
                && !aliases.iter().any(|alias| alias.as_str() == hostname.as_str())
        };
        let count = fresh.iter().take_while(|slot| free(slot)).count();
        fresh.get(..count).unwrap_or_default()
    }
}

enum AliasTrouble {
    IsHostname(Alias),
    Held { alias: Alias, by: Node },
}

#[async_trait]
impl NameStore for MemoryStore {
    async fn take(&self, claim: &Claim, fresh: &[Slot], cause: &Cause) -> Result<Taken> {
        let state = &mut *self.lock();
        let Claim { service, kind, occupant } = claim;
        let last = state.last(service).cloned();
        if let Some(recorded) = last.as_ref().map(Slot::kind).filter(|recorded| recorded != kind) {
            return Ok(Taken::KindDiffers { recorded });
        }
        if let Some(node) = state.held_by(&occupant.instance).cloned() {
            let here = node.slot.service() == service;
            return Ok(if here { Taken::Held(node) } else { Taken::Elsewhere(node) });
        }
        match state.alias_trouble(occupant) {
            Some(AliasTrouble::IsHostname(alias)) => return Ok(Taken::AliasIsHostname { alias }),
            Some(AliasTrouble::Held { alias, by }) => return Ok(Taken::AliasHeld { alias, by }),
            None => {}
        }
        let (slot, opened) = match (state.lowest_vacancy(service), fresh.first()) {
            (Some(vacancy), _) => (vacancy.clone(), &[] as &[Slot]),
            (None, None) => return Ok(Taken::NoVacancy { last }),
            (None, Some(first)) => {
                let hostname = first.hostname();
                match state.hostnames.get(&hostname) {
                    Some(owner) if owner == first => return Ok(Taken::NoVacancy { last }),
                    Some(owner) => {
                        return Ok(Taken::NameOwned { slot: first.clone(), by: owner.service().clone() });
                    }
                    None => {}
                }
                let alias = Alias::from_hostname(&hostname);
                if let Some(by) = state.aliases.get(&alias).and_then(|slot| state.node(slot)) {
                    return Ok(Taken::AliasHeld { alias, by: by.clone() });
                }
                if occupant.aliases.contains(&alias) {
                    return Ok(Taken::AliasIsHostname { alias });
                }
                (first.clone(), state.openable(fresh, &occupant.aliases))
            }
        };
        let mut taken = None;
        self.commit(state, |state, at| {
            for slot in opened {
                state.put(Entry::Vacancy(Vacancy { slot: slot.clone(), held_before: false }));
            }
            let node = Node { slot: slot.clone(), occupant: occupant.clone(), since: at };
            state.put(Entry::Node(node.clone()));
            state.record(at, &slot, None, Some(occupant.instance.clone()), cause);
            taken = Some(node);
        });
        taken.map(Taken::Node).ok_or_else(|| Error::new(ErrorKind::Internal, "nothing was taken"))
    }

    async fn exchange(&self, transfers: &[Transfer], cause: &Cause) -> Result<Exchanged> {
        Transfer::check_all(transfers)?;
        let state = &mut *self.lock();
        let seen: Vec<_> =
            transfers.iter().filter_map(|transfer| state.entry(&transfer.slot).cloned()).collect();
        let as_seen = |transfer: &Transfer| {
            state.entry(&transfer.slot).is_some_and(|entry| entry.instance() == transfer.seen.as_ref())
        };
        if !transfers.iter().all(as_seen) {
            return Ok(Exchanged::Conflict(seen));
        }
        if transfers.iter().all(|transfer| transfer.seen == transfer.next) {
            return Ok(Exchanged::Done(seen));
        }
        let mut after = Vec::with_capacity(transfers.len());
        self.commit(state, |state, at| {
            let mover = |instance: &InstanceId| {
                seen.iter().filter_map(Entry::node).find(|n| n.instance() == instance)
            };
            for Transfer { slot, seen: from, next } in transfers {
                let entry = match next.as_ref().and_then(mover) {
                    Some(node) => Entry::Node(Node { slot: slot.clone(), ..node.clone() }),
                    None => Entry::Vacancy(Vacancy {
                        slot: slot.clone(),
                        held_before: from.is_some()
                            || matches!(state.entry(slot), Some(Entry::Vacancy(v)) if v.held_before),
                    }),
                };
                if state.entry(slot) != Some(&entry) {
                    state.put(entry.clone());
                    state.record(at, slot, from.clone(), next.clone(), cause);
                }
                after.push(entry);
            }
        });
        Ok(Exchanged::Done(after))
    }

    async fn refresh(&self, slot: &Slot, occupant: &Occupant, _cause: &Cause) -> Result<Refreshed> {
        let state = &mut *self.lock();
        let Some(node) = state.node(slot).filter(|node| *node.instance() == occupant.instance).cloned()
        else {
            return Ok(Refreshed::NotHeld);
        };
        match state.alias_trouble(occupant) {
            Some(AliasTrouble::IsHostname(alias)) => return Ok(Refreshed::AliasIsHostname { alias }),
            Some(AliasTrouble::Held { alias, by }) => return Ok(Refreshed::AliasHeld { alias, by }),
            None => {}
        }
        if node.occupant == *occupant {
            return Ok(Refreshed::Node(node));
        }
        let node = Node { occupant: occupant.clone(), ..node };
        self.commit(state, |state, _| state.put(Entry::Node(node.clone())));
        Ok(Refreshed::Node(node))
    }

    async fn find(&self, key: &Key) -> Result<Option<Entry>> {
        let state = self.lock();
        let slot = match key {
            Key::Hostname(hostname) => state.hostnames.get(hostname),
            Key::Instance(instance) => state.holders.get(instance),
            Key::Alias(alias) => state.aliases.get(alias),
        };
        Ok(slot.and_then(|slot| state.entry(slot)).cloned())
    }

    async fn extent(&self, service: &Service) -> Result<Option<Extent>> {
        let state = self.lock();
        let lowest_vacancy = state.lowest_vacancy(service).cloned();
        Ok(state.last(service).cloned().map(|last| Extent { last, lowest_vacancy }))
    }

    async fn revision(&self) -> Result<Revision> {
        Ok(self.lock().revision())
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        let state = self.lock();
        Ok(Snapshot {
            revision: state.revision(),
            taken_at: (self.shared.clock)(),
            entries: state.slots.values().map(|row| row.entry.clone()).collect(),
        })
    }

    fn changes(&self, since: Revision) -> ChangeStream {
        let start = (self.clone(), self.shared.latest.subscribe(), Some(since));
        let following = futures::stream::unfold(start, |(store, mut latest, since)| async move {
            let since = since?;
            if since.lineage != store.lock().lineage {
                let error = Error::new(ErrorKind::Expired, format!("revision {since} is of another table"));
                return Some((Err(error), (store, latest, None)));
            }
            // The store itself keeps the sender alive.
            latest.wait_for(|number| *number > since.number).await.ok()?;
            let change = {
                let state = store.lock();
                let changed = state.slots.values().filter(|row| row.changed > since.number);
                Change {
                    revision: state.revision(),
                    at: (store.shared.clock)(),
                    entries: changed.map(|row| row.entry.clone()).collect(),
                }
            };
            let seen = change.revision;
            Some((Ok(change), (store, latest, Some(seen))))
        });
        following.boxed()
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Event>> {
        let state = self.lock();
        let wanted =
            |event: &&Event| query.hostname.as_ref().is_none_or(|hostname| event.hostname == *hostname);
        let mut events: Vec<_> = state
            .history
            .iter()
            .rev()
            .filter(wanted)
            .take(query.limit.unwrap_or(usize::MAX))
            .cloned()
            .collect();
        events.reverse();
        Ok(events)
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        Ok(Vec::new())
    }
}
