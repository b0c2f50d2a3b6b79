//! How the database is opened, and how long it is waited for.

use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use aerostat_core::registry::{Access, Patience};
use aerostat_core::{Error, ErrorKind, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::Work;
use crate::place::{self, Fingerprint};
use crate::schema::{self, Owner};

/// Held by many while they open a database for writing, by one while it reads a file that is at rest.
///
/// A file at rest is read without SQLite's locks, and closing it drops every lock that this process has on it.
/// Connections for writing are safe from that once they are open, because their log shows that the file is not
/// at rest.
static OPENING: RwLock<()> = RwLock::new(());

/// Which database, and how it may be used.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The absolute path, so that nothing in it is special to SQLite and a change of the working directory
    /// doesn't matter.
    pub(crate) path: PathBuf,
    pub(crate) access: Access,
    /// How long to wait for other processes.
    pub(crate) patience: Duration,
}

impl Place {
    pub(crate) fn new(path: &Path, access: Access, patience: Patience) -> Result<Self> {
        let patience = match patience {
            // Opening and one step stay within the 10 seconds that a person waits.
            Patience::Command => Duration::from_secs(5),
            Patience::Daemon => Duration::from_secs(30),
        };
        let absolute = std::path::absolute(path)
            .map_err(|error| Error::new(ErrorKind::Config, error.to_string()).with("path", path.display()))?;
        Ok(Self { path: absolute, access, patience })
    }

    /// Repeats work while another process is in its way.
    ///
    /// SQLite's own busy handler is not used: it isn't called in some of these cases, such as the switch to the
    /// write-ahead log, and its long sleeps let a hundred waiters starve.
    pub(crate) fn patiently<T>(&self, mut work: impl FnMut() -> Work<T>) -> Work<T> {
        const LONGEST: Duration = Duration::from_millis(10);
        /// A process that was stopped for a while, or starved by the machine, has waited for nobody: it tries
        /// so often at least, which takes half a second.
        const LEAST_ATTEMPTS: u32 = 100;
        let start = Instant::now();
        let mut attempts = 0;
        let mut longest = Duration::from_millis(1);
        loop {
            match work() {
                Err(failure)
                    if failure.is_busy()
                        && (attempts < LEAST_ATTEMPTS || start.elapsed() < self.patience) =>
                {
                    attempts += 1;
                    // The standard library seeds every hasher anew: randomness enough to spread the waiters.
                    let random = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
                    std::thread::sleep(longest.mul_f64(random));
                    longest = (longest * 2).min(LONGEST);
                }
                done => return done,
            }
        }
    }
}

/// What a kept connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Read,
    Write,
}

/// A connection that stays open, with the file that it was opened on.
#[derive(Debug)]
pub(crate) struct Kept {
    connection: Connection,
    file: Fingerprint,
}

impl Kept {
    /// Opens the database, and makes it if there is none. A file that isn't ours stays as it is.
    pub(crate) fn open(place: &Place, purpose: Purpose) -> Work<Self> {
        let path = &place.path;
        place::look(path, Access::ReadWrite)?;
        let _opening = OPENING.read().unwrap_or_else(PoisonError::into_inner);
        let at_rest = place::is_at_rest(path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        // Until the database is known to be ours, closing it must not even tidy up its log.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !at_rest)?;
        if schema::recognise(&connection)? == Owner::Nobody {
            // The tables are made before the switch to the write-ahead log, so that the file itself says whose
            // it is from its first moment on.
            let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
            if owner(&tx, path)? == Owner::Nobody {
                schema::create(&tx)?;
            }
            tx.commit()?;
        }
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
        if mode != "wal" {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the file system can't hold SQLite's write-ahead log, which needs shared memory",
            )
            .hint("name a path on a local file system")
            .into());
        }
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        // A log that one long reader made grow is cut back afterwards.
        connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
        connection.pragma_update(None, "query_only", purpose == Purpose::Read)?;
        // Else SQLite plans a kept statement anew for each value that it is given.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.set_prepared_statement_cache_capacity(64);
        let file = Fingerprint::of(path)
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "the database was removed").retryable())?;
        Ok(Self { connection, file })
    }

    /// Whether the path leads to another file by now, or to none: writing to the old one would write into
    /// nowhere.
    pub(crate) fn is_stale(&self, path: &Path) -> bool {
        Fingerprint::of(path).is_none_or(|now| !now.is_same_file(&self.file))
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Reads a database without making or changing any file. `work` gets `None` if there is no table yet.
///
/// The connection lives for one piece of work: a reader that is kept would need the `-wal` and `-shm` files,
/// and made by the wrong user they would lock the owner out.
pub(crate) fn read_only<T>(
    place: &Place,
    mut work: impl FnMut(Option<&mut Connection>) -> Work<T>,
) -> Work<T> {
    /// How often a file that others write, open and close in a hurry is tried without a trace.
    const ATTEMPTS_AT_REST: usize = 10;
    let path = &place.path;
    place.patiently(|| {
        if !place::look(path, Access::ReadOnly)? {
            return work(None);
        }
        for _ in 0..ATTEMPTS_AT_REST {
            let _alone = OPENING.write().unwrap_or_else(PoisonError::into_inner);
            let before = Fingerprint::of(path);
            if !place::is_at_rest(path) {
                break;
            }
            let done = Connection::open_with_flags(
                immutable_uri(path),
                OpenFlags::SQLITE_OPEN_READ_ONLY
                    | OpenFlags::SQLITE_OPEN_NO_MUTEX
                    | OpenFlags::SQLITE_OPEN_URI,
            )
            .map_err(Into::into)
            .and_then(|mut connection| work_on(&mut connection, path, &mut work));
            // Nobody wrote meanwhile: what was read is of one moment. Else it is read again.
            if before.is_some() && before == Fingerprint::of(path) && place::is_at_rest(path) {
                return done;
            }
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::ZERO)?;
        work_on(&mut connection, path, &mut work)
    })
}

/// Recognises a database that nobody can change meanwhile.
///
/// SQLite takes a file that is too short to be a database for an empty one, and would write over it.
fn owner(connection: &Connection, path: &Path) -> Work<Owner> {
    let owner = schema::recognise(connection)?;
    if owner == Owner::Nobody && Fingerprint::of(path).is_some_and(|file| file.is_too_short_for_a_database())
    {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_NOTADB);
        return Err(rusqlite::Error::SqliteFailure(code, Some("file is not a database".to_owned())).into());
    }
    Ok(owner)
}

fn work_on<T>(
    connection: &mut Connection,
    path: &Path,
    work: &mut impl FnMut(Option<&mut Connection>) -> Work<T>,
) -> Work<T> {
    match owner(connection, path)? {
        Owner::Ours => work(Some(connection)),
        Owner::Nobody => work(None),
    }
}

/// The URI by which SQLite reads a file that nobody writes, without a lock.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                uri.push(char::from(*byte));
            }
            // Writing to a string can't fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
