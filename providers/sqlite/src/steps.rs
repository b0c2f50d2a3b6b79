//! The steps that change the table, each within the transaction that it is given.
//!
//! They follow `MemoryStore` of aerostat-core line by line where they can.

use std::collections::HashSet;

use aerostat_core::{
    Alias, Cause, Claim, Entry, Error, ErrorKind, Exchanged, InstanceId, Key, Kind, Node, Occupant,
    Refreshed, Slot, Taken, Timestamp, Transfer, Vacancy,
};
use rusqlite::{OptionalExtension, Transaction};

use crate::error::Work;
use crate::rows::{self, Found};

/// One step, from the moment on that it changes something: one revision, one moment.
struct Step<'a> {
    tx: &'a Transaction<'a>,
    revision: i64,
    at: Timestamp,
    cause: &'a Cause,
}

impl<'a> Step<'a> {
    fn begin(tx: &'a Transaction<'a>, cause: &'a Cause) -> Work<Self> {
        let sql = "UPDATE meta SET revision = revision + 1 WHERE id = 1 RETURNING revision";
        let revision = tx.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(Self { tx, revision, at: Timestamp::now(), cause })
    }

    /// Adds a slot that nobody holds.
    fn open(&self, slot: &Slot) -> Work<i64> {
        let sql = "INSERT INTO slot (hostname, service, number, held_before, revision)
                   VALUES (?1, ?2, ?3, 0, ?4)";
        self.tx.prepare_cached(sql)?.execute((
            slot.hostname().as_str(),
            slot.service().as_str(),
            slot.number(),
            self.revision,
        ))?;
        Ok(self.tx.last_insert_rowid())
    }

    /// Adds a slot together with its holder.
    fn open_held(&self, node: &Node) -> Work<()> {
        let sql = "INSERT INTO slot (hostname, service, number, instance_id, ip, ipv6, since, held_before, revision)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)";
        let Node { slot, occupant, since } = node;
        self.tx.prepare_cached(sql)?.execute((
            slot.hostname().as_str(),
            slot.service().as_str(),
            slot.number(),
            occupant.instance.as_str(),
            occupant.addresses.v4.map(|address| address.to_string()),
            occupant.addresses.v6.map(|address| address.to_string()),
            stored(*since),
            self.revision,
        ))?;
        self.name(self.tx.last_insert_rowid(), &occupant.aliases)
    }

    /// Gives a slot that nobody holds its holder.
    fn seat(&self, id: i64, node: &Node) -> Work<()> {
        let sql =
            "UPDATE slot SET instance_id = ?2, ip = ?3, ipv6 = ?4, since = ?5, held_before = 1, revision = ?6
                   WHERE id = ?1";
        let Node { occupant, since, .. } = node;
        self.tx.prepare_cached(sql)?.execute((
            id,
            occupant.instance.as_str(),
            occupant.addresses.v4.map(|address| address.to_string()),
            occupant.addresses.v6.map(|address| address.to_string()),
            stored(*since),
            self.revision,
        ))?;
        self.name(id, &occupant.aliases)
    }

    /// Makes a slot a vacancy without aliases.
    fn clear(&self, id: i64) -> Work<()> {
        let sql = "UPDATE slot SET instance_id = NULL, ip = NULL, ipv6 = NULL, since = NULL, revision = ?2
                   WHERE id = ?1";
        self.tx.prepare_cached(sql)?.execute((id, self.revision))?;
        self.tx.prepare_cached("DELETE FROM alias WHERE slot = ?1")?.execute([id])?;
        Ok(())
    }

    /// Gives a slot without aliases its aliases.
    fn name(&self, id: i64, aliases: &[Alias]) -> Work<()> {
        for (position, alias) in (0_i64..).zip(aliases) {
            self.tx
                .prepare_cached("INSERT INTO alias (alias, slot, position) VALUES (?1, ?2, ?3)")?
                .execute((alias.as_str(), id, position))?;
        }
        Ok(())
    }

    /// Writes an event into the account, which forgets what is beyond its limit.
    fn record(
        &self,
        slot: &Slot,
        from: Option<&InstanceId>,
        to: Option<&InstanceId>,
        history_limit: u32,
    ) -> Work<()> {
        let sql = "INSERT INTO history
                       (revision, at, hostname, service, service_type, from_instance, to_instance, actor, reason)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        self.tx.prepare_cached(sql)?.execute((
            self.revision,
            stored(self.at),
            slot.hostname().as_str(),
            slot.service().as_str(),
            slot.kind().as_str(),
            from.map(InstanceId::as_str),
            to.map(InstanceId::as_str),
            self.cause.actor.as_str(),
            &self.cause.reason,
        ))?;
        let beyond = self.tx.last_insert_rowid() - i64::from(history_limit);
        self.tx.prepare_cached("DELETE FROM history WHERE id <= ?1")?.execute([beyond])?;
        Ok(())
    }
}

/// A moment as it is stored.
fn stored(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// The first alias that an instance can't have.
enum AliasTrouble {
    IsHostname(Alias),
    Held { alias: Alias, by: Node },
}

fn alias_trouble(tx: &Transaction<'_>, occupant: &Occupant) -> Work<Option<AliasTrouble>> {
    for alias in &occupant.aliases {
        if rows::is_hostname(tx, &alias.to_hostname())? {
            return Ok(Some(AliasTrouble::IsHostname(alias.clone())));
        }
        match holder_of(tx, alias)? {
            Some(by) if *by.instance() != occupant.instance => {
                return Ok(Some(AliasTrouble::Held { alias: alias.clone(), by }));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The node that has the alias.
fn holder_of(tx: &Transaction<'_>, alias: &Alias) -> Work<Option<Node>> {
    let found = rows::by_key(tx, &Key::Alias(alias.clone()))?;
    Ok(found.and_then(|found| found.entry.into_node()))
}

/// Sees that each alias is named once, which the type can't promise.
fn see_that_aliases_are_distinct(occupant: &Occupant) -> Work<()> {
    let mut seen = HashSet::new();
    match occupant.aliases.iter().find(|alias| !seen.insert(*alias)) {
        Some(twice) => {
            Err(Error::new(ErrorKind::InvalidInput, format!("alias {twice} is named twice")).into())
        }
        None => Ok(()),
    }
}

fn kind_of(tx: &Transaction<'_>, claim: &Claim) -> Work<Option<Kind>> {
    let sql = "SELECT service_type FROM service WHERE name = ?1";
    let recorded: Option<String> =
        tx.prepare_cached(sql)?.query_row([claim.service.as_str()], |row| row.get(0)).optional()?;
    Ok(recorded.map(|kind| kind.parse::<Kind>()).transpose()?)
}

pub(crate) fn take(
    tx: &Transaction<'_>,
    claim: &Claim,
    fresh: &[Slot],
    cause: &Cause,
    history_limit: u32,
) -> Work<Taken> {
    let Claim { service, kind, occupant } = claim;
    see_that_aliases_are_distinct(occupant)?;
    if let Some(odd) = fresh.iter().find(|slot| slot.service() != service || slot.kind() != *kind) {
        let message = format!("{odd:?} is no slot of the {kind} service {service}");
        return Err(Error::new(ErrorKind::InvalidInput, message).into());
    }
    let recorded = kind_of(tx, claim)?;
    if let Some(recorded) = recorded.filter(|recorded| recorded != kind) {
        return Ok(Taken::KindDiffers { recorded });
    }
    let held = rows::by_key(tx, &Key::Instance(occupant.instance.clone()))?;
    if let Some(node) = held.and_then(|found| found.entry.into_node()) {
        let here = node.slot.service() == service;
        return Ok(if here { Taken::Held(node) } else { Taken::Elsewhere(node) });
    }
    match alias_trouble(tx, occupant)? {
        Some(AliasTrouble::IsHostname(alias)) => return Ok(Taken::AliasIsHostname { alias }),
        Some(AliasTrouble::Held { alias, by }) => return Ok(Taken::AliasHeld { alias, by }),
        None => {}
    }
    let seated = |slot: &Slot, at| Node { slot: slot.clone(), occupant: occupant.clone(), since: at };
    if let Some(Found { id, entry }) = rows::lowest_vacancy(tx, service)? {
        let step = Step::begin(tx, cause)?;
        let node = seated(entry.slot(), step.at);
        step.seat(id, &node)?;
        step.record(&node.slot, None, Some(node.instance()), history_limit)?;
        return Ok(Taken::Node(node));
    }
    let Some((first, others)) = fresh.split_first() else {
        return Ok(Taken::NoVacancy { last: rows::highest(tx, service)? });
    };
    let hostname = first.hostname();
    if let Some(owner) = rows::by_key(tx, &Key::Hostname(hostname.clone()))? {
        let owner = owner.entry.slot().clone();
        return Ok(if owner == *first {
            Taken::NoVacancy { last: rows::highest(tx, service)? }
        } else {
            Taken::NameOwned { slot: first.clone(), by: owner.service().clone() }
        });
    }
    let alias = Alias::from_hostname(&hostname);
    if let Some(by) = holder_of(tx, &alias)? {
        return Ok(Taken::AliasHeld { alias, by });
    }
    if occupant.aliases.contains(&alias) {
        return Ok(Taken::AliasIsHostname { alias });
    }
    let step = Step::begin(tx, cause)?;
    if recorded.is_none() {
        let sql = "INSERT INTO service (name, service_type) VALUES (?1, ?2)";
        tx.prepare_cached(sql)?.execute((service.as_str(), kind.as_str()))?;
    }
    let node = seated(first, step.at);
    step.open_held(&node)?;
    for slot in others {
        let alias = Alias::from_hostname(&slot.hostname());
        let is_free = !rows::is_hostname(tx, &slot.hostname())?
            && !occupant.aliases.contains(&alias)
            && holder_of(tx, &alias)?.is_none();
        if !is_free {
            break;
        }
        step.open(slot)?;
    }
    step.record(&node.slot, None, Some(node.instance()), history_limit)?;
    Ok(Taken::Node(node))
}

pub(crate) fn exchange(
    tx: &Transaction<'_>,
    transfers: &[Transfer],
    cause: &Cause,
    history_limit: u32,
) -> Work<Exchanged> {
    Transfer::check_all(transfers)?;
    let mut seen = Vec::with_capacity(transfers.len());
    for transfer in transfers {
        seen.extend(rows::by_slot(tx, &transfer.slot)?);
    }
    let entries = |found: Vec<Found>| found.into_iter().map(|found| found.entry).collect::<Vec<_>>();
    let is_as_seen = seen.len() == transfers.len()
        && seen.iter().zip(transfers).all(|(found, wish)| found.entry.instance() == wish.seen.as_ref());
    if !is_as_seen {
        return Ok(Exchanged::Conflict(entries(seen)));
    }
    if transfers.iter().all(|transfer| transfer.seen == transfer.next) {
        return Ok(Exchanged::Done(entries(seen)));
    }
    let step = Step::begin(tx, cause)?;
    // All leave before anybody arrives: an instance and an alias may be in one row only, at any moment.
    for (found, Transfer { seen, next, .. }) in seen.iter().zip(transfers) {
        if seen != next {
            step.clear(found.id)?;
        }
    }
    let mut after = Vec::with_capacity(transfers.len());
    for (found, Transfer { slot, seen: from, next }) in seen.iter().zip(transfers) {
        let mover = next.as_ref().and_then(|next| {
            seen.iter().filter_map(|found| found.entry.node()).find(|node| node.instance() == next)
        });
        let entry = match mover {
            Some(node) => Entry::Node(Node { slot: slot.clone(), ..node.clone() }),
            None => Entry::Vacancy(Vacancy {
                slot: slot.clone(),
                held_before: from.is_some()
                    || matches!(&found.entry, Entry::Vacancy(vacancy) if vacancy.held_before),
            }),
        };
        if from != next {
            if let Entry::Node(node) = &entry {
                step.seat(found.id, node)?;
            }
            step.record(slot, from.as_ref(), next.as_ref(), history_limit)?;
        }
        after.push(entry);
    }
    Ok(Exchanged::Done(after))
}

pub(crate) fn refresh(
    tx: &Transaction<'_>,
    slot: &Slot,
    occupant: &Occupant,
    cause: &Cause,
) -> Work<Refreshed> {
    see_that_aliases_are_distinct(occupant)?;
    let Some(Found { id, entry: Entry::Node(node) }) = rows::by_slot(tx, slot)? else {
        return Ok(Refreshed::NotHeld);
    };
    if *node.instance() != occupant.instance {
        return Ok(Refreshed::NotHeld);
    }
    match alias_trouble(tx, occupant)? {
        Some(AliasTrouble::IsHostname(alias)) => return Ok(Refreshed::AliasIsHostname { alias }),
        Some(AliasTrouble::Held { alias, by }) => return Ok(Refreshed::AliasHeld { alias, by }),
        None => {}
    }
    if node.occupant == *occupant {
        return Ok(Refreshed::Node(node));
    }
    let node = Node { occupant: occupant.clone(), ..node };
    let step = Step::begin(tx, cause)?;
    step.clear(id)?;
    step.seat(id, &node)?;
    Ok(Refreshed::Node(node))
}
