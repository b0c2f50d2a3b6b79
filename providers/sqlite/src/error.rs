//! What errors of SQLite mean to aerostat.

use std::path::Path;

use aerostat_core::{Error, ErrorKind};
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// Why work on the database failed: by an error of SQLite, or by one that says all already.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of SQLite or its driver.
    Driver(rusqlite::Error),
    /// An error of aerostat.
    Said(Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl Failure {
    /// Whether another process is in the way, so that the same work may succeed in a moment.
    pub(crate) fn is_busy(&self) -> bool {
        let Self::Driver(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked
                    | ErrorCode::FileLockingProtocolFailed
                    | ErrorCode::SchemaChanged
            )
        )
    }

    /// The error for the caller, who gets to know the path.
    pub(crate) fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Said(error) => error,
            Self::Driver(error) => classify(error),
        }
        .with("path", path.display())
    }
}

/// Work on the database.
pub(crate) type Work<T> = Result<T, Failure>;

/// Gives an error of the driver its meaning.
fn classify(error: rusqlite::Error) -> Error {
    let extended = error.sqlite_error().map_or(0, |error| error.extended_code);
    let (kind, message, hint) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => (
            ErrorKind::Unavailable,
            "the database is locked by another process",
            "if it stays so, `fuser` on the file names the process that holds it",
        ),
        Some(ErrorCode::SchemaChanged | ErrorCode::OperationInterrupted) => {
            (ErrorKind::Unavailable, "somebody changed the database's tables meanwhile", "try again")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::Io, "the disk is full", "free some space, then try again"),
        Some(ErrorCode::SystemIoFailure) if extended == ffi::SQLITE_IOERR_SHMSIZE => (
            ErrorKind::Io,
            "there is no room for the database's -shm file: the disk is full",
            "free some space, then try again",
        ),
        Some(ErrorCode::SystemIoFailure) => (
            ErrorKind::Io,
            "the operating system failed to read or write the database",
            "see the kernel's log, and whether the file system supports locks and shared memory",
        ),
        Some(ErrorCode::NotADatabase) => (
            ErrorKind::Corrupt,
            "the file is not a SQLite database",
            "name another path, or move the file away; nothing was changed",
        ),
        Some(ErrorCode::DatabaseCorrupt) => (
            ErrorKind::Corrupt,
            "the database is damaged",
            "restore it from a backup, or mend it with `sqlite3 FILE .recover`",
        ),
        Some(ErrorCode::ReadOnly) => (
            ErrorKind::PermissionDenied,
            "the database can't be written",
            "this user must be allowed to write the file, its -wal and -shm beside it, and its folder",
        ),
        Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => (
            ErrorKind::PermissionDenied,
            "access to the database is denied",
            "this user must be allowed to write the file and its folder",
        ),
        Some(ErrorCode::CannotOpen) => (
            ErrorKind::PermissionDenied,
            "the database, or its -wal or -shm beside it, can't be opened",
            "see who owns the file, its -wal and -shm and its folder, and how many files this process may open",
        ),
        Some(ErrorCode::OutOfMemory) => (ErrorKind::Io, "out of memory", "free some memory, then try again"),
        // Our statements fit our tables: one that doesn't has met other tables.
        Some(ErrorCode::Unknown) if !matches!(error, rusqlite::Error::InvalidQuery) => (
            ErrorKind::Corrupt,
            "the tables are not as aerostat made them",
            "restore the database from a backup; `sqlite3 FILE .schema` shows the tables",
        ),
        Some(ErrorCode::ConstraintViolation) => (
            ErrorKind::Corrupt,
            "the table holds rows that contradict each other",
            "`aerostat doctor` says which rows are wrong",
        ),
        _ => match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows => (
                ErrorKind::Corrupt,
                "the table holds what aerostat can't have written",
                "`aerostat doctor` says which rows are wrong",
            ),
            rusqlite::Error::InvalidPath(_) | rusqlite::Error::NulError(_) => {
                (ErrorKind::Config, "the path is not one that SQLite can open", "choose another path")
            }
            _ => (ErrorKind::Internal, "SQLite refused what it was asked", "please report this as a bug"),
        },
    };
    let said = Error::new(kind, message).hint(hint).with("sqlite", &error).because(error);
    if kind == ErrorKind::Unavailable { said.retryable() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::types::Type;

    #[test]
    fn every_error_of_the_driver_has_its_meaning() {
        let sqlite = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        let table: [(rusqlite::Error, ErrorKind, &str); 24] = [
            (sqlite(ffi::SQLITE_BUSY), ErrorKind::Unavailable, "locked by another process"),
            (sqlite(ffi::SQLITE_BUSY_RECOVERY), ErrorKind::Unavailable, "locked by another process"),
            (sqlite(ffi::SQLITE_BUSY_SNAPSHOT), ErrorKind::Unavailable, "locked by another process"),
            (sqlite(ffi::SQLITE_LOCKED), ErrorKind::Unavailable, "locked by another process"),
            (sqlite(ffi::SQLITE_PROTOCOL), ErrorKind::Unavailable, "locked by another process"),
            (sqlite(ffi::SQLITE_SCHEMA), ErrorKind::Unavailable, "changed the database's tables"),
            (sqlite(ffi::SQLITE_INTERRUPT), ErrorKind::Unavailable, "changed the database's tables"),
            (sqlite(ffi::SQLITE_FULL), ErrorKind::Io, "disk is full"),
            (sqlite(ffi::SQLITE_IOERR_SHMSIZE), ErrorKind::Io, "disk is full"),
            (sqlite(ffi::SQLITE_IOERR_FSYNC), ErrorKind::Io, "failed to read or write"),
            (sqlite(ffi::SQLITE_NOTADB), ErrorKind::Corrupt, "not a SQLite database"),
            (sqlite(ffi::SQLITE_CORRUPT), ErrorKind::Corrupt, "damaged"),
            (sqlite(ffi::SQLITE_READONLY), ErrorKind::PermissionDenied, "can't be written"),
            (sqlite(ffi::SQLITE_READONLY_DIRECTORY), ErrorKind::PermissionDenied, "can't be written"),
            (sqlite(ffi::SQLITE_PERM), ErrorKind::PermissionDenied, "denied"),
            (sqlite(ffi::SQLITE_CANTOPEN), ErrorKind::PermissionDenied, "can't be opened"),
            (sqlite(ffi::SQLITE_NOMEM), ErrorKind::Io, "out of memory"),
            (sqlite(ffi::SQLITE_ERROR), ErrorKind::Corrupt, "tables are not as aerostat made them"),
            (sqlite(ffi::SQLITE_CONSTRAINT_UNIQUE), ErrorKind::Corrupt, "contradict each other"),
            (sqlite(ffi::SQLITE_MISUSE), ErrorKind::Internal, "refused what it was asked"),
            (rusqlite::Error::QueryReturnedNoRows, ErrorKind::Corrupt, "can't have written"),
            (
                rusqlite::Error::InvalidColumnType(0, "since".into(), Type::Text),
                ErrorKind::Corrupt,
                "can't have written",
            ),
            (rusqlite::Error::InvalidPath("x".into()), ErrorKind::Config, "not one that SQLite can open"),
            (rusqlite::Error::InvalidQuery, ErrorKind::Internal, "refused what it was asked"),
        ];
        for (driver, kind, message) in table {
            let shown = driver.to_string();
            let busy = Failure::Driver(driver).into_error(Path::new("/x.db"));
            assert_eq!(busy.kind(), kind, "{shown}");
            assert!(busy.message().contains(message), "{shown}: {busy}");
            assert_eq!(busy.is_retryable(), kind == ErrorKind::Unavailable, "{shown}");
            assert!(busy.advice().is_some(), "{shown}");
            assert!(busy.to_string().contains("/x.db"), "{busy}");
        }
    }

    #[test]
    fn only_locks_of_others_are_waited_for() {
        let busy =
            |code| Failure::Driver(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)).is_busy();
        assert!(busy(ffi::SQLITE_BUSY) && busy(ffi::SQLITE_BUSY_SNAPSHOT) && busy(ffi::SQLITE_PROTOCOL));
        assert!(!busy(ffi::SQLITE_FULL) && !busy(ffi::SQLITE_NOTADB));
    }
}
