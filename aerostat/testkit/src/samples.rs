//! Names and machines to test with, written short. They panic on what doesn't parse.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use aerostat_core::{Addresses, Alias, Cause, Claim, Hostname, InstanceId, Kind, Occupant, Service, Slot};

/// A service.
#[must_use]
pub fn service(name: &str) -> Service {
    Service::parse(name).expect("a service")
}

/// A hostname.
#[must_use]
pub fn hostname(name: &str) -> Hostname {
    Hostname::parse(name).expect("a hostname")
}

/// An alias.
#[must_use]
pub fn alias(name: &str) -> Alias {
    Alias::parse(name).expect("an alias")
}

/// An instance.
#[must_use]
pub fn id(name: &str) -> InstanceId {
    InstanceId::parse(name).expect("an instance id")
}

/// A slot of an iterative service.
#[must_use]
pub fn iterative(name: &str, number: u32) -> Slot {
    Slot::new(service(name), Kind::Iterative, number).expect("a slot")
}

/// A slot of a masterful service; 0 is the master.
#[must_use]
pub fn masterful(name: &str, number: u32) -> Slot {
    Slot::new(service(name), Kind::Masterful, number).expect("a slot")
}

/// The slot `web-NUMBER` of the iterative service `web`.
#[must_use]
pub fn web(number: u32) -> Slot {
    iterative("web", number)
}

/// The slot `db-master` or `db-slave-NUMBER` of the masterful service `db`.
#[must_use]
pub fn db(number: u32) -> Slot {
    masterful("db", number)
}

/// The slots of those numbers, of the service of `slot`.
#[must_use]
pub fn slots(slot: fn(u32) -> Slot, numbers: Range<u32>) -> Vec<Slot> {
    numbers.map(slot).collect()
}

/// An instance without aliases, with addresses of both families that differ from those of other instances.
#[must_use]
pub fn occupant(instance: &str) -> Occupant {
    let sum = instance.bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let [_, b, c, d] = sum.to_be_bytes();
    let addresses = Addresses {
        v4: Some(Ipv4Addr::new(10, b, c, d)),
        v6: Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, b.into(), u16::from_be_bytes([c, d]))),
    };
    Occupant { instance: id(instance), addresses, aliases: Vec::new() }
}

/// An instance with aliases.
#[must_use]
pub fn occupant_with(instance: &str, aliases: &[&str]) -> Occupant {
    Occupant { aliases: aliases.iter().map(|name| alias(name)).collect(), ..occupant(instance) }
}

/// The claim of an instance to the service that `slot` is of.
#[must_use]
pub fn claim(slot: &Slot, occupant: Occupant) -> Claim {
    Claim { service: slot.service().clone(), kind: slot.kind(), occupant }
}

/// Who acts in tests.
#[must_use]
pub fn cause() -> Cause {
    Cause::new("testkit", "a test")
}
