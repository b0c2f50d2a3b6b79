//! The file beside the hosts file: the lock of its writers, and what they must remember.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aerostat_core::{Result, Revision};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::failure::failure;

/// The length of the record: a fixed one, within one block, so that it is written at one stroke, and again on
/// a full disk.
const LENGTH: usize = 512;
/// What the record begins with. Another form of it gets another number.
const FORM: &str = "aerostat-hosts-file 1";

/// What the writers of a hosts file remember.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// The last revision that was published, or was about to be.
    pub(crate) revision: Option<Revision>,
    /// What may be at the top of the file from the legacy updater: while the file is written the old part and
    /// the new one.
    #[serde(default)]
    pub(crate) legacy: Vec<Part>,
}

/// A part of a file, told by its checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) length: u64,
    checksum: u64,
}

impl Part {
    pub(crate) fn of(content: &[u8]) -> Self {
        Self { length: content.len() as u64, checksum: checksum(content) }
    }

    /// The beginning of a content, if it is this part.
    pub(crate) fn begins(self, content: &[u8]) -> Option<usize> {
        let length = usize::try_from(self.length).ok()?;
        (checksum(content.get(..length)?) == self.checksum).then_some(length)
    }
}

/// The 64-bit FNV-1a of a content.
fn checksum(content: &[u8]) -> u64 {
    content
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// The file, locked until it is dropped: as long as the process lives at most.
#[derive(Debug)]
pub(crate) struct Sidecar {
    file: File,
    path: PathBuf,
}

impl Sidecar {
    /// Where it lies.
    pub(crate) fn path(hosts: &Path) -> PathBuf {
        let mut path = hosts.as_os_str().to_owned();
        path.push(".aerostat");
        path.into()
    }

    /// Waits for the lock. Makes the file if it isn't there, for this user alone: whoever can open it can hold the
    /// lock for ever.
    pub(crate) fn lock(hosts: &Path) -> Result<Self> {
        let path = Self::path(hosts);
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let locked = options.custom_flags(no_link()).open(&path).and_then(|file| {
                file.lock()?;
                // It may have been removed meanwhile: then the others lock another file.
                Ok(is_at(&file, &path)?.then_some(file))
            });
            if let Some(file) = locked.map_err(failure("lock the hosts file", &path))? {
                return Ok(Self { file, path });
            }
        }
    }

    /// Reads what is remembered. A broken record is none.
    pub(crate) fn read(&self) -> Result<Memory> {
        remembered(&self.file).map_err(failure("read what was published last", &self.path))
    }

    /// Remembers that from now on, also over a power failure.
    pub(crate) fn write(&self, memory: &Memory) -> Result<()> {
        let failure = failure("remember what is published", &self.path);
        let record = record(memory).map_err(&failure)?;
        self.file.write_all_at(&record, 0).map_err(&failure)?;
        self.file.set_len(record.len() as u64).map_err(&failure)?;
        self.file.sync_data().map_err(&failure)
    }

    /// Reads what is remembered without a lock, and without making anything. Nothing is: `None` if the file may
    /// not be read.
    pub(crate) fn peek(hosts: &Path) -> Option<Memory> {
        match OpenOptions::new().read(true).custom_flags(no_link()).open(Self::path(hosts)) {
            Ok(file) => remembered(&file).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Memory::default()),
            Err(_) => None,
        }
    }
}

/// The flags that refuse a symbolic link.
fn no_link() -> i32 {
    OFlags::NOFOLLOW.bits().cast_signed()
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let locked = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (locked.dev(), locked.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn record(memory: &Memory) -> io::Result<Vec<u8>> {
    let json = serde_json::to_string(memory)?;
    let mut record = format!("{FORM} {:016x} {json}", checksum(json.as_bytes())).into_bytes();
    record.resize(record.len().max(LENGTH - 1), b' ');
    record.push(b'\n');
    Ok(record)
}

fn remembered(file: &File) -> io::Result<Memory> {
    let mut record = String::new();
    match file.take(2 * LENGTH as u64).read_to_string(&mut record) {
        Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(error),
        _ => Ok(parse(&record).unwrap_or_default()),
    }
}

fn parse(record: &str) -> Option<Memory> {
    let (sum, json) = record.strip_prefix(FORM)?.trim().split_once(' ')?;
    let sum = u64::from_str_radix(sum, 16).ok()?;
    (sum == checksum(json.as_bytes())).then(|| serde_json::from_str(json).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn memory(number: u64) -> Memory {
        let legacy = vec![Part::of(b"a"), Part { length: u64::MAX, checksum: u64::MAX }];
        Memory { revision: Some(Revision { lineage: u64::MAX, number }), legacy }
    }

    fn hosts() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let hosts = dir.path().join("hosts");
        (dir, hosts)
    }

    #[test]
    fn what_is_remembered_is_read_back_by_the_next() {
        let (_dir, hosts) = hosts();
        assert_eq!(Sidecar::peek(&hosts), Some(Memory::default()));
        for number in [u64::MAX, 1] {
            let sidecar = Sidecar::lock(&hosts).unwrap();
            sidecar.write(&memory(number)).unwrap();
            drop(sidecar);
            assert_eq!(Sidecar::lock(&hosts).unwrap().read().unwrap(), memory(number));
            assert_eq!(Sidecar::peek(&hosts), Some(memory(number)));
            assert_eq!(fs::metadata(Sidecar::path(&hosts)).unwrap().len(), LENGTH as u64);
        }
    }

    #[test]
    fn a_broken_record_is_none() {
        let (_dir, hosts) = hosts();
        Sidecar::lock(&hosts).unwrap().write(&memory(7)).unwrap();
        let good = fs::read(Sidecar::path(&hosts)).unwrap();
        let (mut flipped, newer) = (good.clone(), [b"aerostat-hosts-file 2", &good[FORM.len()..]].concat());
        flipped[FORM.len() + 30] ^= 1;
        for broken in [&good[..60], &flipped, &newer, &good[1..], b"\xff\0", b""] {
            fs::write(Sidecar::path(&hosts), broken).unwrap();
            let sidecar = Sidecar::lock(&hosts).unwrap();
            assert_eq!(sidecar.read().unwrap(), Memory::default());
            sidecar.write(&memory(8)).unwrap();
            drop(sidecar);
            assert_eq!(Sidecar::lock(&hosts).unwrap().read().unwrap(), memory(8));
        }
    }

    #[test]
    fn nobody_else_may_open_it_and_a_link_is_refused() {
        let (_dir, hosts) = hosts();
        drop(Sidecar::lock(&hosts).unwrap());
        assert_eq!(fs::metadata(Sidecar::path(&hosts)).unwrap().mode() & 0o777, 0o600);
        fs::remove_file(Sidecar::path(&hosts)).unwrap();
        std::os::unix::fs::symlink("elsewhere", Sidecar::path(&hosts)).unwrap();
        assert!(Sidecar::lock(&hosts).is_err());
        assert_eq!(Sidecar::peek(&hosts), None);
    }

    #[test]
    fn the_lock_holds_also_after_its_file_was_removed() {
        let (_dir, hosts) = hosts();
        let first = Sidecar::lock(&hosts).unwrap();
        fs::remove_file(Sidecar::path(&hosts)).unwrap();
        let second = Sidecar::lock(&hosts).unwrap();
        assert!(!is_at(&first.file, &first.path).unwrap());
        assert!(is_at(&second.file, &second.path).unwrap());
    }

    #[test]
    fn a_part_is_told_by_its_length_and_checksum() {
        let part = Part::of(b"abc");
        assert_eq!(part.begins(b"abcdef"), Some(3));
        assert_eq!(part.begins(b"abc"), Some(3));
        assert_eq!(part.begins(b"abd"), None);
        assert_eq!(part.begins(b"ab"), None);
    }
}
