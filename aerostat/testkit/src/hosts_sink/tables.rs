//! The tables that the behaviours of sinks publish, and what a machine is to show of them.

use std::net::{Ipv4Addr, Ipv6Addr};

use aerostat_core::{
    Addresses, Entry, HostsSink, Mode, Node, Occupant, Outcome, Published, Revision, Slot, Snapshot,
    Timestamp, Vacancy,
};

use super::Machine;
use crate::samples::{alias, db, id, web};

/// The lineage of the tables here.
pub(super) const LINEAGE: u64 = 0x5eed;

/// A node with an IPv4 address that its slot's number tells.
pub(super) fn node(slot: Slot, aliases: &[&str]) -> Entry {
    let [.., high, low] = slot.number().to_be_bytes();
    let service = slot.service().as_str().len().try_into().unwrap_or(u8::MAX);
    node_at(slot, Ipv4Addr::new(10, service, high, low).into(), aliases)
}

pub(super) fn node_at(slot: Slot, addresses: Addresses, aliases: &[&str]) -> Entry {
    let aliases = aliases.iter().map(|name| alias(name)).collect();
    let occupant = Occupant { instance: id(&format!("i-{slot}")), addresses, aliases };
    Entry::Node(Node { slot, occupant, since: Timestamp(1) })
}

pub(super) fn vacancy(slot: Slot) -> Entry {
    Entry::Vacancy(Vacancy { slot, held_before: true })
}

/// The table of those rows at that revision.
pub(super) fn table(number: u64, mut entries: Vec<Entry>) -> Snapshot {
    entries.sort_by(|a, b| a.slot().cmp(b.slot()));
    Snapshot { revision: Revision { lineage: LINEAGE, number }, taken_at: Timestamp(number), entries }
}

/// A table in which all that is usual occurs.
pub(super) fn usual(number: u64) -> Snapshot {
    let both = Addresses {
        v4: Some(Ipv4Addr::new(10, 9, 9, 9)),
        v6: Some(Ipv6Addr::new(0xfd, 0, 0, 0, 0, 0, 0, 1)),
    };
    let six = Addresses { v4: None, v6: Some(Ipv6Addr::new(0xfd, 0, 0, 0, 0, 0, 0, 2)) };
    let rows = vec![
        node_at(db(0), both, &["primary", "a"]),
        node_at(db(1), six, &[]),
        node(web(2), &["www"]),
        node(web(10), &[]),
        vacancy(web(1)),
    ];
    table(number, rows)
}

/// The lines that a machine is to show of a table, sorted as text; alias conflicts aside.
pub(super) fn expected(table: &Snapshot) -> Vec<String> {
    let lines = table.nodes().flat_map(|node| {
        let names: String = node.occupant.aliases.iter().map(|alias| format!(" {alias}")).collect();
        node.occupant.addresses.iter().map(move |address| format!("{address} {}{names}", node.slot))
    });
    sorted(lines.collect())
}

/// The lines that a machine shows, sorted as text: their order is the sink's own affair.
pub(super) fn lines(machine: &dyn Machine) -> Vec<String> {
    sorted(machine.lines())
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

pub(super) async fn publish(sink: &dyn HostsSink, table: &Snapshot) -> Published {
    sink.publish(table, Mode::Write).await.expect("a publish")
}

/// Publishes a table, which must be written.
pub(super) async fn written(sink: &dyn HostsSink, table: &Snapshot) {
    let published = publish(sink, table).await;
    assert_eq!(published.outcome, Outcome::Written, "{published:#?}");
    assert!(published.difference.is_empty(), "the difference is for previews: {published:#?}");
}
