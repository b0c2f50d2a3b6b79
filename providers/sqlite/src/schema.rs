//! The tables, and how a file is recognised as ours.

use std::hash::{BuildHasher, Hasher, RandomState};

use aerostat_core::{Error, ErrorKind};
use rusqlite::{Connection, Transaction};

use crate::error::Work;

/// Marks the file as aerostat's (`PRAGMA application_id`): `aero` in ASCII.
const APPLICATION_ID: i32 = 0x6165_726f;

/// The version of the tables below (`PRAGMA user_version`).
const VERSION: i32 = 1;

/// The tables of version 1.
///
/// What must be unique is so by an index. A vacancy is a slot without an instance. `slot.revision` is the
/// revision that last changed the row or its aliases, so that what changed since a revision is a range of an
/// index.
///
/// `history` has no index by hostname: every claim would pay for what a person asks now and then, and a scan
/// of all that is kept takes a fraction of a second.
const TABLES: &str = "
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    lineage INTEGER NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE TABLE service (
    name TEXT PRIMARY KEY,
    service_type TEXT NOT NULL CHECK (service_type IN ('iterative', 'masterful'))
) STRICT, WITHOUT ROWID;

CREATE TABLE slot (
    id INTEGER PRIMARY KEY,
    hostname TEXT NOT NULL UNIQUE,
    service TEXT NOT NULL REFERENCES service (name),
    number INTEGER NOT NULL CHECK (number BETWEEN 0 AND 4294967295),
    instance_id TEXT,
    ip TEXT,
    ipv6 TEXT,
    since INTEGER,
    held_before INTEGER NOT NULL CHECK (held_before IN (0, 1)),
    revision INTEGER NOT NULL,
    UNIQUE (service, number),
    CHECK ((instance_id IS NULL) = (since IS NULL))
) STRICT;
CREATE UNIQUE INDEX slot_held ON slot (instance_id) WHERE instance_id IS NOT NULL;
CREATE UNIQUE INDEX slot_vacant ON slot (service, number) WHERE instance_id IS NULL;
CREATE INDEX slot_changed ON slot (revision);

CREATE TABLE alias (
    alias TEXT PRIMARY KEY,
    slot INTEGER NOT NULL REFERENCES slot (id),
    position INTEGER NOT NULL,
    UNIQUE (slot, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    at INTEGER NOT NULL,
    hostname TEXT NOT NULL,
    service TEXT NOT NULL,
    service_type TEXT NOT NULL,
    from_instance TEXT,
    to_instance TEXT,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
";

/// Whose a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Aerostat's, with tables that we know.
    Ours,
    /// Nobody's: it holds nothing at all.
    Nobody,
}

/// Recognises a database. It reads only.
///
/// # Errors
/// [`ErrorKind::TooNew`] if a newer aerostat made it, [`ErrorKind::Config`] if another program did; or
/// SQLite's, such as that it is no database at all.
pub(crate) fn recognise(connection: &Connection) -> Work<Owner> {
    // One statement, so that what it sees is of one moment.
    let (application, version, tables): (i32, i32, i64) = connection.query_row(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
         FROM pragma_application_id, pragma_user_version",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    match (application, version) {
        (APPLICATION_ID, VERSION) => Ok(Owner::Ours),
        (APPLICATION_ID, newer) if newer > VERSION => Err(Error::new(
            ErrorKind::TooNew,
            format!(
                "a newer aerostat made the database: its tables are of version {newer}, known is {VERSION}"
            ),
        )
        .hint("update aerostat on this machine; nothing was changed")
        .into()),
        (APPLICATION_ID, odd) => Err(Error::new(
            ErrorKind::Corrupt,
            format!("the database says that its tables are of version {odd}, which never was"),
        )
        .hint("restore the database from a backup; nothing was changed")
        .into()),
        (0, 0) if tables == 0 => Ok(Owner::Nobody),
        _ => Err(Error::new(ErrorKind::Config, "the file is a database of another program")
            .hint("name another path; nothing was changed")
            .into()),
    }
}

/// Makes the tables, all or none of them with the transaction.
pub(crate) fn create(tx: &Transaction<'_>) -> Work<()> {
    tx.execute_batch(TABLES)?;
    tx.execute("INSERT INTO meta (id, lineage, revision) VALUES (1, ?1, 0)", [draw_lineage().cast_signed()])?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

/// A lineage at random, never 0: that is the lineage of a table that isn't there.
fn draw_lineage() -> u64 {
    // The standard library seeds every hasher anew.
    RandomState::new().build_hasher().finish().max(1)
}

#[cfg(test)]
pub(crate) fn in_memory() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    let tx = connection.transaction().unwrap();
    create(&tx).unwrap();
    tx.commit().unwrap();
    connection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure;
    use std::path::Path;

    fn kind(connection: &Connection) -> Result<Owner, ErrorKind> {
        recognise(connection).map_err(|failure: Failure| failure.into_error(Path::new("x")).kind())
    }

    #[test]
    fn a_database_is_recognised() {
        let ours = in_memory();
        assert_eq!(kind(&ours), Ok(Owner::Ours));
        ours.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert_eq!(kind(&ours), Err(ErrorKind::TooNew));
        ours.pragma_update(None, "user_version", 0).unwrap();
        assert_eq!(kind(&ours), Err(ErrorKind::Corrupt));

        let empty = Connection::open_in_memory().unwrap();
        assert_eq!(kind(&empty), Ok(Owner::Nobody));
        empty.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
        assert_eq!(kind(&empty), Err(ErrorKind::Config));

        for pragma in ["application_id", "user_version"] {
            let marked = Connection::open_in_memory().unwrap();
            marked.pragma_update(None, pragma, 7).unwrap();
            assert_eq!(kind(&marked), Err(ErrorKind::Config), "{pragma}");
        }
    }

    #[test]
    fn what_must_be_unique_is_so_in_the_database() {
        let connection = in_memory();
        connection
            .execute_batch(
                "INSERT INTO service VALUES ('web', 'iterative');
                 INSERT INTO slot VALUES (1, 'web-0', 'web', 0, 'i-1', NULL, NULL, 5, 1, 1);
                 INSERT INTO slot VALUES (2, 'web-1', 'web', 1, NULL, NULL, NULL, NULL, 0, 1);
                 INSERT INTO slot VALUES (3, 'web-2', 'web', 2, NULL, NULL, NULL, NULL, 0, 1);
                 INSERT INTO alias VALUES ('www', 1, 0);",
            )
            .unwrap();
        for twin in [
            "INSERT INTO slot VALUES (4, 'web-0', 'web', 9, NULL, NULL, NULL, NULL, 0, 1)",
            "INSERT INTO slot VALUES (4, 'web-9', 'web', 0, NULL, NULL, NULL, NULL, 0, 1)",
            "INSERT INTO slot VALUES (4, 'web-9', 'web', 9, 'i-1', NULL, NULL, 5, 1, 1)",
            "UPDATE slot SET instance_id = 'i-1', since = 5 WHERE id = 2",
            "INSERT INTO alias VALUES ('www', 2, 0)",
            "INSERT INTO service VALUES ('web', 'masterful')",
        ] {
            let error = connection.execute_batch(twin).unwrap_err();
            assert!(error.to_string().contains("UNIQUE constraint failed"), "{twin}: {error}");
        }
    }
}
