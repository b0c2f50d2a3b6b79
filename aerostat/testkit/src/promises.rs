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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{db, iterative, masterful, occupant_with, web};
    use aerostat_core::{Node, Revision, Timestamp, Vacancy};

    fn node(slot: Slot, instance: &str, aliases: &[&str]) -> Entry {
        Entry::Node(Node { slot, occupant: occupant_with(instance, aliases), since: Timestamp(0) })
    }

    fn vacancy(slot: Slot) -> Entry {
        Entry::Vacancy(Vacancy { slot, held_before: true })
    }

    fn broken(entries: Vec<Entry>) -> Vec<String> {
        check(&Snapshot { revision: Revision { lineage: 1, number: 1 }, taken_at: Timestamp(0), entries })
    }

    #[test]
    fn each_broken_promise_is_said() {
        let cases = [
            (vec![vacancy(web(1)), vacancy(web(0))], "web-0 stands behind web-1"),
            (vec![node(web(0), "a", &[]), node(web(1), "a", &[])], "a holds web-0 and web-1"),
            (
                vec![node(web(0), "a", &["www"]), node(web(1), "b", &["www"])],
                "alias www belongs to web-0 and to web-1",
            ),
            (vec![node(web(0), "a", &["web-1"]), vacancy(web(1))], "alias web-1 of web-0 is a hostname"),
            (vec![vacancy(web(0)), vacancy(masterful("web", 1))], "service web has slots of both kinds"),
            (vec![vacancy(web(0)), vacancy(web(2))], "number 1 of service web is missing below web-2"),
            (vec![vacancy(db(1))], "number 0 of service db is missing below db-slave-1"),
        ];
        for (entries, said) in cases {
            assert_eq!(broken(entries), [said]);
        }
        let slave = iterative("db-slave", 1);
        let twice =
            broken(vec![vacancy(db(0)), vacancy(db(1)), vacancy(iterative("db-slave", 0)), vacancy(slave)]);
        assert!(twice.iter().any(|said| said.starts_with("db-slave-1 is the hostname of")), "{twice:?}");
    }

    #[test]
    fn a_number_whose_hostname_another_service_owns_may_be_missing() {
        let slave = |number| iterative("db-slave", number);
        let entries = vec![vacancy(db(0)), vacancy(db(1)), vacancy(slave(0)), vacancy(slave(2))];
        assert_eq!(broken(entries), [""; 0]);
    }
}
