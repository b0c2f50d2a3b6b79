//! The ten rules of naming once more, in the plainest way: for each service its numbers and who holds them.
//!
//! Nothing here is fast, and nothing is shared with the rules of core, so that the two can be compared.

use std::collections::{BTreeMap, HashSet};

use aerostat_core::{
    Addresses, Alias, Claim, ErrorKind, Hostname, InstanceId, Kind, Service, Slot, Snapshot,
};

/// A table, without revision and moments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    services: BTreeMap<Service, (Kind, Slots)>,
    /// Those who hold a slot, and nobody else.
    pub(super) machines: BTreeMap<InstanceId, Machine>,
}

/// The slots of a service: each number that was ever opened, and its holder.
type Slots = BTreeMap<u32, Option<InstanceId>>;

/// What an instance brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    pub(super) addresses: Addresses,
    pub(super) aliases: Vec<Alias>,
}

/// What an operation told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Claimed { name: String, held_before: bool },
    Vacated(String),
    AlreadyVacant(String),
    HeldByAnother(String, InstanceId),
    ChangedOver { demoted: Option<(InstanceId, String)>, was_master: bool },
    Refused(ErrorKind),
}

/// A service and a number.
type Place = (Service, u32);

fn name(service: &Service, kind: Kind, number: u32) -> String {
    match (kind, number) {
        (Kind::Iterative, _) => format!("{service}-{number}"),
        (Kind::Masterful, 0) => format!("{service}-master"),
        (Kind::Masterful, _) => format!("{service}-slave-{number}"),
    }
}

impl Model {
    /// The table of a store.
    pub(super) fn of(table: &Snapshot) -> Self {
        let mut model = Self::default();
        for entry in &table.entries {
            let slot = entry.slot();
            let (_, slots) =
                model.services.entry(slot.service().clone()).or_insert_with(|| (slot.kind(), Slots::new()));
            slots.insert(slot.number(), entry.instance().cloned());
        }
        for node in table.nodes() {
            let machine =
                Machine { addresses: node.occupant.addresses, aliases: node.occupant.aliases.clone() };
            model.machines.insert(node.instance().clone(), machine);
        }
        model
    }

    fn name(&self, place: &Place) -> String {
        name(&place.0, self.services[&place.0].0, place.1)
    }

    fn holder(&self, place: &Place) -> Option<&InstanceId> {
        self.services[&place.0].1[&place.1].as_ref()
    }

    fn set_holder(&mut self, place: &Place, holder: Option<InstanceId>) {
        if let Some((_, slots)) = self.services.get_mut(&place.0) {
            slots.insert(place.1, holder);
        }
    }

    fn places(&self) -> Vec<Place> {
        let places = |(service, (_, slots)): (&Service, &(Kind, Slots))| -> Vec<Place> {
            slots.keys().map(|number| (service.clone(), *number)).collect()
        };
        self.services.iter().flat_map(places).collect()
    }

    /// The slot of that hostname, held or vacant.
    fn named(&self, hostname: &str) -> Option<Place> {
        self.places().into_iter().find(|place| self.name(place) == hostname)
    }

    /// The slot of an instance.
    fn place_of(&self, instance: &InstanceId) -> Option<Place> {
        self.places().into_iter().find(|place| self.holder(place) == Some(instance))
    }

    /// Who holds the name, if it is one and held.
    pub(super) fn holder_of(&self, hostname: &Hostname) -> Option<InstanceId> {
        self.named(hostname.as_str()).and_then(|place| self.holder(&place).cloned())
    }

    fn empty(&mut self, place: &Place) {
        if let Some(holder) = self.holder(place).cloned() {
            self.machines.remove(&holder);
        }
        self.set_holder(place, None);
    }

    /// An alias belongs to nobody any more.
    fn free_alias(&mut self, alias: &str) {
        for machine in self.machines.values_mut() {
            machine.aliases.retain(|owned| owned.as_str() != alias);
        }
    }

    /// Gives `instance`'s name back, as the first half of a move.
    pub(super) fn leave(&mut self, instance: &InstanceId) {
        if let Some(place) = self.place_of(instance) {
            self.empty(&place);
        }
    }

    /// The number that the next claim of a service takes, and whether it must be opened (rules 4, 5 and 6).
    fn next_number(&self, service: &Service, kind: Kind) -> (u32, bool) {
        let slots = self.services.get(service).map(|(_, slots)| slots.clone()).unwrap_or_default();
        if let Some((number, _)) = slots.iter().find(|(_, holder)| holder.is_none()) {
            return (*number, false);
        }
        let mut number = slots.keys().next_back().map_or(0, |highest| highest + 1);
        while self.named(&name(service, kind, number)).is_some() {
            number += 1;
        }
        (number, true)
    }

    /// Rules 3 to 7 and 9.
    pub(super) fn claim(&mut self, claim: &Claim, moves: bool) -> Told {
        let Claim { service, kind, occupant } = claim;
        let instance = &occupant.instance;
        let mut seen = HashSet::new();
        let mut aliases = occupant.aliases.clone();
        aliases.retain(|alias| seen.insert(alias.clone()));

        if self.services.get(service).is_some_and(|(recorded, _)| recorded != kind) {
            return Told::Refused(ErrorKind::Conflict);
        }
        let place = self.place_of(instance);
        let held_before = place.as_ref().is_some_and(|place| place.0 == *service);
        if place.is_some() && !held_before && !moves {
            return Told::Refused(ErrorKind::Conflict);
        }
        if aliases.iter().any(|alias| self.named(alias.as_str()).is_some()) {
            return Told::Refused(ErrorKind::InvalidInput);
        }
        let place = if let Some(place) = place.filter(|_| held_before) {
            place
        } else {
            let (number, is_opened) = self.next_number(service, *kind);
            let hostname = name(service, *kind, number);
            if is_opened && aliases.iter().any(|alias| alias.as_str() == hostname) {
                return Told::Refused(ErrorKind::InvalidInput);
            }
            self.leave(instance);
            self.free_alias(&hostname);
            self.services.entry(service.clone()).or_insert_with(|| (*kind, Slots::new()));
            (service.clone(), number)
        };
        for alias in &aliases {
            self.free_alias(alias.as_str());
        }
        self.set_holder(&place, Some(instance.clone()));
        self.machines.insert(instance.clone(), Machine { addresses: occupant.addresses, aliases });
        Told::Claimed { name: self.name(&place), held_before }
    }

    /// Rule 10.
    pub(super) fn vacate(&mut self, slot: &Slot, holder: &InstanceId) -> Told {
        // The hostname may be another service's slot.
        let place = self.named(slot.hostname().as_str()).filter(|place| place.0 == *slot.service());
        match place.map(|place| (self.holder(&place).cloned(), place)) {
            None => Told::Refused(ErrorKind::NotFound),
            Some((None, place)) => Told::AlreadyVacant(self.name(&place)),
            Some((Some(other), place)) if other != *holder => Told::HeldByAnother(self.name(&place), other),
            Some((Some(_), place)) => {
                self.empty(&place);
                Told::Vacated(self.name(&place))
            }
        }
    }

    /// A name is given back, whoever holds it.
    pub(super) fn release(&mut self, hostname: &Hostname) -> Told {
        match self.named(hostname.as_str()).map(|place| (self.holder(&place).cloned(), place)) {
            None => Told::Refused(ErrorKind::NotFound),
            Some((None, place)) => Told::AlreadyVacant(self.name(&place)),
            Some((Some(_), place)) => {
                self.empty(&place);
                Told::Vacated(self.name(&place))
            }
        }
    }

    /// Rule 8.
    pub(super) fn change_over(&mut self, instance: &InstanceId, expected: Option<&InstanceId>) -> Told {
        let Some(place) = self.place_of(instance) else { return Told::Refused(ErrorKind::NotFound) };
        let (kind, _) = self.services[&place.0];
        if kind != Kind::Masterful {
            return Told::Refused(ErrorKind::Conflict);
        }
        if place.1 == 0 {
            return Told::ChangedOver { demoted: None, was_master: true };
        }
        let master_place = (place.0.clone(), 0);
        let master = self.holder(&master_place).cloned();
        if expected.is_some() && master.as_ref() != expected {
            return Told::Refused(ErrorKind::Conflict);
        }
        self.set_holder(&place, None);
        self.set_holder(&master_place, Some(instance.clone()));
        let demoted = master.map(|master| {
            let (number, _) = self.next_number(&place.0, kind);
            let place = (place.0.clone(), number);
            self.set_holder(&place, Some(master.clone()));
            (master, self.name(&place))
        });
        Told::ChangedOver { demoted, was_master: false }
    }

    /// Whether only aliases were taken away since, and only of those.
    pub(super) fn differs_from_by_aliases(&self, before: &Self, may_go: &[Alias]) -> bool {
        let machine_is_so = |instance: &InstanceId, now: &Machine| {
            before.machines.get(instance).is_some_and(|before| {
                let stayed = |alias: &&Alias| now.aliases.contains(alias) || !may_go.contains(alias);
                let stayed: Vec<_> = before.aliases.iter().filter(stayed).cloned().collect();
                before.addresses == now.addresses && stayed == now.aliases
            })
        };
        self.services == before.services
            && self.machines.len() == before.machines.len()
            && self.machines.iter().all(|(instance, now)| machine_is_so(instance, now))
    }

    /// The aliases that a claim may take away from others.
    pub(super) fn taken_by(&self, claim: &Claim) -> Vec<Alias> {
        let (number, _) = self.next_number(&claim.service, claim.kind);
        let mut aliases = claim.occupant.aliases.clone();
        aliases.extend(Alias::parse(&name(&claim.service, claim.kind, number)).ok());
        aliases
    }
}
