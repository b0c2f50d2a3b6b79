//! What the tests of this crate share: stores at a path, claimants, and steps in short.

#![allow(dead_code, clippy::allow_attributes, reason = "each test program uses another part of it")]

use std::path::Path;

use aerostat_core::registry::{Access, Patience};
use aerostat_core::{
    Addresses, Alias, Cause, Claim, InstanceId, Kind, NameStore, Occupant, Service, Slot, Taken,
};
use aerostat_sqlite::SqliteStore;

pub(crate) async fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Access::ReadWrite, Patience::Command).await.unwrap()
}

pub(crate) async fn open_read_only(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Access::ReadOnly, Patience::Command).await.unwrap()
}

pub(crate) fn occupant(instance: &str, aliases: &[&str]) -> Occupant {
    Occupant {
        instance: InstanceId::parse(instance).unwrap(),
        addresses: Addresses::default(),
        aliases: aliases.iter().map(|alias| Alias::parse(alias).unwrap()).collect(),
    }
}

pub(crate) fn claim(service: &str, instance: &str) -> Claim {
    Claim {
        service: Service::parse(service).unwrap(),
        kind: Kind::Iterative,
        occupant: occupant(instance, &[]),
    }
}

pub(crate) fn slot(service: &str, number: u32) -> Slot {
    Slot::new(Service::parse(service).unwrap(), Kind::Iterative, number).unwrap()
}

pub(crate) fn cause() -> Cause {
    Cause::new("test", "")
}

/// Takes `web-0` of an empty table.
pub(crate) async fn take_first(store: &impl NameStore) -> Taken {
    store.take(&claim("web", "i-0"), &[slot("web", 0)], &cause()).await.unwrap()
}

/// The names of all files in a folder, sorted, with their bytes.
pub(crate) fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| {
            let file = file.unwrap();
            (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}
