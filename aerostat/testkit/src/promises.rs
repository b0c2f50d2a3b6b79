//! What holds of every table at every moment, whatever happened before.

use std::collections::{BTreeMap, HashMap};

use aerostat_core::{Entry, Service, Slot, Snapshot};

/// Looks for broken promises in a table, and says each in a sentence. None: all are kept.
///
/// - Rows are sorted by service, then number, and a slot has one row.
/// - A hostname has one row, over all services.
/// - An instance holds at most one slot.
/// - An alias belongs to one node and is no hostname of the table, held or vacant.
/// - A service has one kind.
/// - No number below a service's highest is missing, but those whose hostname another service owns.
#[must_use]
pub fn check(table: &Snapshot) -> Vec<String> {
    let mut broken = Vec::new();
    let slots: Vec<&Slot> = table.entries.iter().map(Entry::slot).collect();
    for (before, after) in slots.iter().zip(slots.iter().skip(1)) {
        if before >= after {
            broken.push(format!("{after} stands behind {before}"));
        }
    }

    let mut owners = HashMap::new();
    for slot in &slots {
        if let Some(other) = owners.insert(slot.hostname(), *slot) {
            broken.push(format!("{} is the hostname of {other:?} and of {slot:?}", slot.hostname()));
        }
    }

    let mut holders = HashMap::new();
    let mut aliases = HashMap::new();
    for node in table.nodes() {
        if let Some(other) = holders.insert(node.instance(), &node.slot) {
            broken.push(format!("{} holds {other} and {}", node.instance(), node.slot));
        }
        for alias in &node.occupant.aliases {
            if let Some(other) = aliases.insert(alias, &node.slot) {
                broken.push(format!("alias {alias} belongs to {other} and to {}", node.slot));
            }
            if owners.contains_key(alias.as_str()) {
                broken.push(format!("alias {alias} of {} is a hostname", node.slot));
            }
        }
    }

    let mut services: BTreeMap<&Service, Vec<&Slot>> = BTreeMap::new();
    for slot in &slots {
        services.entry(slot.service()).or_default().push(slot);
    }
    for (service, slots) in services {
        let kinds = slots.iter().map(|slot| slot.kind());
        let Some(highest) = slots.iter().max_by_key(|slot| slot.number()) else { continue };
        if kinds.clone().any(|kind| kind != highest.kind()) {
            broken.push(format!("service {service} has slots of both kinds"));
            continue;
        }
        for number in 0..highest.number() {
            let is_there = slots.iter().any(|slot| slot.number() == number);
            let is_owned_by_another = || {
                Slot::new(service.clone(), highest.kind(), number)
                    .is_ok_and(|slot| owners.contains_key(&slot.hostname()))
            };
            if !is_there && !is_owned_by_another() {
                broken.push(format!("number {number} of service {service} is missing below {highest}"));
            }
        }
    }
    broken
}

/// Sees that a table keeps every promise.
///
/// # Panics
/// With every broken promise and the table.
#[track_caller]
pub fn assert_kept(table: &Snapshot) {
    let broken = check(table);
    assert!(broken.is_empty(), "broken promises:\n{}\nin {table:#?}", broken.join("\n"));
}
