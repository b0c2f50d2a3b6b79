//! The lines of a table.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use aerostat_core::{Alias, Hostname, Kind, Node, Service, Slot, Snapshot};

/// How many nodes are rendered before others get their turn.
const TURN: usize = 4096;
/// How many aliases that were left out are named.
const NAMED: usize = 10;

/// Writes the lines of a table, without the lines around them: a line an address, sorted by service, then
/// slot, IPv4 before IPv6. Vacancies and nodes without an address have none.
///
/// Aliases that equal a hostname of the table, and those that a node before has, are left out.
///
/// # Errors
/// Those of `out`.
pub fn render(table: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let table = in_order(table);
    let mut names = Names::of(&table);
    let (mut lines, mut nodes) = (Vec::new(), table.nodes().peekable());
    while nodes.peek().is_some() {
        for node in nodes.by_ref().take(TURN) {
            names.render(node, &mut lines);
        }
        out.write_all(&lines)?;
        lines.clear();
    }
    Ok(())
}

/// The lines of a table in memory.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    pub(crate) lines: Vec<u8>,
    pub(crate) warnings: Vec<String>,
}

/// Renders a table, and now and then lets others have the thread.
pub(crate) async fn rendered(table: &Snapshot) -> Rendered {
    let table = in_order(table);
    let mut names = Names::of(&table);
    let mut lines = Vec::new();
    for (at, node) in table.nodes().enumerate() {
        if at % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        names.render(node, &mut lines);
    }
    Rendered { lines, warnings: names.warnings() }
}

/// The table, sorted: stores give it so, but a sorted hosts file mustn't hang on that.
fn in_order(table: &Snapshot) -> Cow<'_, Snapshot> {
    if table.entries.is_sorted_by(|a, b| a.slot() <= b.slot()) {
        return Cow::Borrowed(table);
    }
    let mut table = table.clone();
    table.entries.sort_by(|a, b| a.slot().cmp(b.slot()));
    Cow::Owned(table)
}

/// Which names are in use.
struct Names<'a> {
    table: &'a Snapshot,
    aliases: HashSet<&'a Alias>,
    left_out: usize,
    named: Vec<String>,
}

impl<'a> Names<'a> {
    fn of(table: &'a Snapshot) -> Self {
        Self { table, aliases: HashSet::new(), left_out: 0, named: Vec::new() }
    }

    /// Adds the lines of a node.
    fn render(&mut self, node: &'a Node, lines: &mut Vec<u8>) {
        let addresses = &node.occupant.addresses;
        if addresses.is_empty() {
            return;
        }
        let start = lines.len();
        if let Some(v4) = addresses.v4 {
            push_v4(lines, v4);
        } else if let Some(v6) = addresses.v6 {
            push_text(lines, v6);
        }
        let names = lines.len();
        lines.push(b' ');
        push_slot(lines, &node.slot);
        for alias in &node.occupant.aliases {
            if self.is_free(node, alias) {
                lines.push(b' ');
                lines.extend_from_slice(alias.as_str().as_bytes());
            }
        }
        lines.push(b'\n');
        debug_assert!(start < names);
        if let (Some(_), Some(v6)) = (addresses.v4, addresses.v6) {
            let end = lines.len();
            push_text(lines, v6);
            lines.extend_from_within(names..end);
        }
    }

    /// Whether a node may have an alias. It is taken from now on.
    fn is_free(&mut self, node: &Node, alias: &'a Alias) -> bool {
        let reason = if self.is_hostname(alias) {
            "a hostname of the table"
        } else if !self.aliases.insert(alias) {
            "taken already"
        } else {
            return true;
        };
        self.left_out += 1;
        if self.named.len() < NAMED {
            self.named.push(format!("alias {alias} of {} is left out: it is {reason}", node.slot));
        }
        false
    }

    /// Whether an alias is the hostname of a slot of the table. The table is sorted, so that no further list
    /// of a million names is needed.
    fn is_hostname(&self, alias: &Alias) -> bool {
        slots(&alias.to_hostname())
            .any(|slot| self.table.entries.binary_search_by(|entry| entry.slot().cmp(&slot)).is_ok())
    }

    fn warnings(mut self) -> Vec<String> {
        if self.left_out > self.named.len() {
            self.named.push(format!("{} more aliases are left out", self.left_out - self.named.len()));
        }
        self.named
    }
}

/// The slots that have a hostname: `db-slave-1` is one of `db` as well as of `db-slave`.
fn slots(hostname: &Hostname) -> impl Iterator<Item = Slot> + '_ {
    let text = hostname.as_str();
    let number = text.rsplit_once('-').map(|(service, _)| (service, Kind::Iterative));
    let master = text.strip_suffix("-master").map(|service| (service, Kind::Masterful));
    let slave = text.rsplit_once("-slave-").map(|(service, _)| (service, Kind::Masterful));
    [number, master, slave]
        .into_iter()
        .flatten()
        .filter_map(|(service, kind)| Slot::of_hostname(&Service::parse(service).ok()?, kind, hostname))
}

fn push_text(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    // Memory takes everything.
    let _ = write!(out, "{value}");
}

/// Adds the hostname of a slot, as its `Display` does, but at a tenth of the time.
fn push_slot(out: &mut Vec<u8>, slot: &Slot) {
    out.extend_from_slice(slot.service().as_str().as_bytes());
    out.extend_from_slice(match (slot.kind(), slot.is_master()) {
        (_, true) => return out.extend_from_slice(b"-master"),
        (Kind::Iterative, _) => b"-",
        (Kind::Masterful, _) => b"-slave-",
    });
    push_number(out, slot.number());
}

fn push_v4(out: &mut Vec<u8>, address: Ipv4Addr) {
    let [a, b, c, d] = address.octets();
    push_number(out, a.into());
    for part in [b, c, d] {
        out.push(b'.');
        push_number(out, part.into());
    }
}

fn push_number(out: &mut Vec<u8>, mut number: u32) {
    let start = out.len();
    loop {
        // The remainder is a digit.
        out.push(b'0' + (number % 10) as u8);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(start..) {
        digits.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Line, parse};
    use aerostat_core::{Addresses, Entry, InstanceId, Occupant, Revision, Timestamp, Vacancy};
    use proptest::prelude::*;
    use std::net::Ipv6Addr;

    fn slot(service: &str, kind: Kind, number: u32) -> Slot {
        Slot::new(Service::parse(service).unwrap(), kind, number).unwrap()
    }

    fn web(number: u32) -> Slot {
        slot("web", Kind::Iterative, number)
    }

    fn node(slot: Slot, addresses: impl Into<Addresses>, aliases: &[&str]) -> Entry {
        let occupant = Occupant {
            instance: InstanceId::parse("i-1").unwrap(),
            addresses: addresses.into(),
            aliases: aliases.iter().map(|alias| Alias::parse(alias).unwrap()).collect(),
        };
        Entry::Node(Node { slot, occupant, since: Timestamp(0) })
    }

    fn table(entries: Vec<Entry>) -> Snapshot {
        Snapshot { revision: Revision { lineage: 1, number: 1 }, taken_at: Timestamp(0), entries }
    }

    async fn both(table: &Snapshot) -> (String, Vec<String>) {
        let mut lines = Vec::new();
        render(table, &mut lines).unwrap();
        let rendered = rendered(table).await;
        assert_eq!(lines, rendered.lines);
        (String::from_utf8(lines).unwrap(), rendered.warnings)
    }

    const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    #[tokio::test]
    async fn a_line_an_address_in_the_order_of_slots() {
        let ipv6 = Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7));
        let table = table(vec![
            node(web(10), IP, &[]),
            node(web(2), Addresses { v4: Some(IP), v6: ipv6 }, &["www", "a"]),
            Entry::Vacancy(Vacancy { slot: web(3), held_before: true }),
            node(web(4), Addresses::default(), &["nowhere"]),
            node(slot("db", Kind::Masterful, 1), Addresses { v4: None, v6: ipv6 }, &[]),
            node(slot("db", Kind::Masterful, 0), IP, &[]),
        ]);
        let (lines, warnings) = both(&table).await;
        assert_eq!(
            lines,
            "10.0.0.1 db-master\nfd00::7 db-slave-1\n10.0.0.1 web-2 www a\nfd00::7 web-2 www a\n10.0.0.1 web-10\n"
        );
        assert_eq!(warnings, [""; 0]);
    }

    #[tokio::test]
    async fn names_that_are_taken_are_left_out_with_a_warning() {
        let table = table(vec![
            node(slot("db", Kind::Masterful, 0), IP, &["x", "web-0", "web-1", "db-slave-1", "web-01", "x"]),
            Entry::Vacancy(Vacancy { slot: slot("db", Kind::Masterful, 1), held_before: true }),
            node(web(0), IP, &["x", "db-master", "web-0", "y"]),
            Entry::Vacancy(Vacancy { slot: web(1), held_before: false }),
        ]);
        let (lines, warnings) = both(&table).await;
        assert_eq!(lines, "10.0.0.1 db-master x web-01\n10.0.0.1 web-0 y\n");
        assert_eq!(warnings.len(), 7, "{warnings:#?}");
        assert_eq!(warnings[0], "alias web-0 of db-master is left out: it is a hostname of the table");
        assert_eq!(warnings[3], "alias x of db-master is left out: it is taken already");
    }

    #[tokio::test]
    async fn of_many_warnings_the_first_are_named() {
        let (_, warnings) = both(&table((0..500).map(|n| node(web(n), IP, &["x"])).collect())).await;
        assert_eq!(warnings.len(), 11);
        assert_eq!(warnings[10], "489 more aliases are left out");
    }

    prop_compose! {
        fn any_node()(
            service in "[a-z][a-z0-9]{0,3}(-(slave|master|1))?",
            masterful: bool,
            number in prop_oneof![0u32..12, any::<u32>()],
            v4: Option<[u8; 4]>,
            v6: Option<u128>,
            aliases in prop::collection::vec("[a-z]{1,2}(-(master|slave-)?[0-9]{0,2}[a-z0-9])?", 0..4),
        ) -> Entry {
            let kind = if masterful { Kind::Masterful } else { Kind::Iterative };
            let addresses = Addresses { v4: v4.map(Ipv4Addr::from), v6: v6.map(Ipv6Addr::from_bits) };
            let aliases: Vec<_> = aliases.iter().map(String::as_str).collect();
            node(slot(&service, kind, number), addresses, &aliases)
        }
    }

    proptest! {
        #[test]
        fn what_was_rendered_is_read_back(mut entries in prop::collection::vec(any_node(), 0..12)) {
            let mut lines = Vec::new();
            render(&table(entries.clone()), &mut lines).unwrap();
            entries.sort_by(|a, b| a.slot().cmp(b.slot()));
            // The model: slow, and seen to be right.
            let hostnames: HashSet<_> = entries.iter().map(|entry| entry.slot().hostname()).collect();
            let mut taken = HashSet::new();
            let mut expected = Vec::new();
            for node in entries.iter().filter_map(Entry::node).filter(|node| !node.occupant.addresses.is_empty()) {
                let aliases: Vec<_> = node.occupant.aliases.iter()
                    .filter(|alias| !hostnames.contains(&alias.to_hostname()) && taken.insert(alias.to_string()))
                    .cloned()
                    .collect();
                for address in node.occupant.addresses.iter() {
                    expected.push(Line { address, hostname: node.hostname(), aliases: aliases.clone() });
                }
            }
            prop_assert_eq!(parse(&lines).collect::<Vec<_>>(), expected);
            prop_assert!(crate::line::each(&lines).all(Line::is_ours));
        }

        #[test]
        fn numbers_addresses_and_slots_are_written_as_everywhere(number: u32, v4: [u8; 4], masterful: bool) {
            let kind = if masterful { Kind::Masterful } else { Kind::Iterative };
            let (slot, v4) = (slot("web", kind, number), Ipv4Addr::from(v4));
            let mut out = Vec::new();
            push_v4(&mut out, v4);
            push_slot(&mut out, &slot);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{v4}{slot}"));
        }
    }
}
