//! Rows as entries of the table.

use std::collections::HashMap;
use std::fmt;

use aerostat_core::{
    Addresses, Alias, Entry, Error, ErrorKind, Hostname, InstanceId, Key, Kind, Node, Occupant, Service,
    Slot, Timestamp, Vacancy,
};
use rusqlite::{OptionalExtension, Params, Row, Transaction};

use crate::error::Work;

/// The statement that selects slots, with its condition, and maybe the index that it must use.
macro_rules! select_slots {
    ($tail:literal) => {
        select_slots!("", $tail)
    };
    ($index:literal, $tail:literal) => {
        concat!(
            "SELECT slot.id, slot.hostname, slot.service, service.service_type, slot.number, ",
            "slot.instance_id, slot.ip, slot.ipv6, slot.since, slot.held_before ",
            "FROM slot ",
            $index,
            " LEFT JOIN service ON service.name = slot.service ",
            $tail
        )
    };
}

pub(crate) const BY_HOSTNAME: &str = select_slots!("WHERE slot.hostname = ?1");
pub(crate) const BY_INSTANCE: &str = select_slots!("WHERE slot.instance_id = ?1");
pub(crate) const BY_ALIAS: &str =
    select_slots!("WHERE slot.id = (SELECT alias.slot FROM alias WHERE alias.alias = ?1)");
pub(crate) const BY_NUMBER: &str = select_slots!("WHERE slot.service = ?1 AND slot.number = ?2");
pub(crate) const LOWEST_VACANCIES: &str =
    select_slots!("WHERE slot.service = ?1 AND slot.instance_id IS NULL ORDER BY slot.number");
pub(crate) const HIGHEST: &str = select_slots!("WHERE slot.service = ?1 ORDER BY slot.number DESC LIMIT 1");
pub(crate) const CHANGED: &str = select_slots!("INDEXED BY slot_changed", "WHERE slot.revision > ?1");
pub(crate) const ALL: &str = select_slots!("");

const ALIASES_OF: &str = "SELECT alias FROM alias WHERE slot = ?1 ORDER BY position";

const ALIASES_OF_CHANGED: &str = "
    SELECT slot, alias FROM alias
    WHERE slot IN (SELECT id FROM slot INDEXED BY slot_changed WHERE revision > ?1)
    ORDER BY slot, position";

/// A row of the table `slot` as it is stored.
#[derive(Debug)]
pub(crate) struct Stored {
    id: i64,
    hostname: String,
    service: String,
    service_type: Option<String>,
    number: i64,
    instance: Option<String>,
    v4: Option<String>,
    v6: Option<String>,
    since: Option<i64>,
    held_before: bool,
}

/// A row of the table: where it is stored, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The row's key in the database.
    pub(crate) id: i64,
    pub(crate) entry: Entry,
}

/// A row that breaks a rule of naming: somebody else wrote it.
#[derive(Debug)]
pub(crate) struct Flaw {
    /// The hostname as it is stored.
    pub(crate) hostname: String,
    why: String,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the row of {:?} breaks a rule: {}", self.hostname, self.why)
    }
}

impl From<Flaw> for Error {
    fn from(flaw: Flaw) -> Self {
        Error::new(ErrorKind::Corrupt, flaw.to_string())
            .hint("`aerostat doctor` says what to do with the row")
    }
}

impl Stored {
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            hostname: text(row, 1)?.unwrap_or_default(),
            service: text(row, 2)?.unwrap_or_default(),
            service_type: text(row, 3)?,
            number: row.get(4)?,
            instance: text(row, 5)?,
            v4: text(row, 6)?,
            v6: text(row, 7)?,
            since: row.get(8)?,
            held_before: row.get(9)?,
        })
    }

    /// Reads what the row says.
    pub(crate) fn found(self, aliases: &[String]) -> Result<Found, Flaw> {
        match self.entry(aliases) {
            Ok(entry) => Ok(Found { id: self.id, entry }),
            Err(error) => Err(Flaw { hostname: self.hostname, why: error.message().to_owned() }),
        }
    }

    fn entry(&self, aliases: &[String]) -> aerostat_core::Result<Entry> {
        let service = Service::parse(&self.service)?;
        as_written("service", &self.service, service.as_str())?;
        let kind = self.service_type.as_deref().unwrap_or_default().parse::<Kind>()?;
        let number = u32::try_from(self.number)
            .map_err(|_| Error::invalid("number", &self.number.to_string(), "is not that of a slot"))?;
        let slot = Slot::new(service, kind, number)?;
        as_written("hostname", &self.hostname, &slot.to_string())?;
        let Some(instance) = &self.instance else {
            return Ok(Entry::Vacancy(Vacancy { slot, held_before: self.held_before }));
        };
        let occupant = Occupant {
            instance: InstanceId::parse(instance)?,
            addresses: Addresses {
                v4: address("IPv4 address", self.v4.as_deref())?,
                v6: address("IPv6 address", self.v6.as_deref())?,
            },
            aliases: aliases.iter().map(|alias| read_alias(alias)).collect::<Result<_, _>>()?,
        };
        let since = self.since.and_then(|since| u64::try_from(since).ok()).map(Timestamp);
        let since =
            since.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "it is held since no time at all"))?;
        Ok(Entry::Node(Node { slot, occupant, since }))
    }
}

/// A text as it is stored; what is not UTF-8 in it is marked, and breaks a rule.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(row.get_ref(column)?.as_bytes_or_null()?.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

fn as_written(what: &str, stored: &str, ought: &str) -> aerostat_core::Result<()> {
    if stored == ought {
        return Ok(());
    }
    Err(Error::invalid(what, stored, format_args!("must be {ought}")))
}

fn read_alias(stored: &str) -> aerostat_core::Result<Alias> {
    let alias = Alias::parse(stored)?;
    as_written("alias", stored, alias.as_str())?;
    Ok(alias)
}

fn address<T: std::str::FromStr>(what: &str, stored: Option<&str>) -> aerostat_core::Result<Option<T>> {
    stored.map(|text| text.parse().map_err(|_| Error::invalid(what, text, "can't be read"))).transpose()
}

/// The first row that a statement selects.
///
/// # Errors
/// [`ErrorKind::Corrupt`] if the row breaks a rule of naming.
pub(crate) fn first(tx: &Transaction<'_>, sql: &str, params: impl Params) -> Work<Option<Found>> {
    let stored = tx.prepare_cached(sql)?.query_row(params, Stored::read).optional()?;
    stored.map(|stored| with_aliases(tx, stored)).transpose()
}

/// The lowest vacancy of a service. Rows that break a rule are passed over with a warning.
pub(crate) fn lowest_vacancy(tx: &Transaction<'_>, service: &Service) -> Work<Option<Found>> {
    let mut statement = tx.prepare_cached(LOWEST_VACANCIES)?;
    for stored in statement.query_map([service.as_str()], Stored::read)? {
        match stored?.found(&[]) {
            Ok(found) => return Ok(Some(found)),
            Err(flaw) => tracing::warn!(%flaw, "a vacancy is passed over"),
        }
    }
    Ok(None)
}

fn with_aliases(tx: &Transaction<'_>, stored: Stored) -> Work<Found> {
    let aliases = match stored.instance {
        Some(_) => {
            let mut statement = tx.prepare_cached(ALIASES_OF)?;
            let aliases = statement.query_map([stored.id], |row| text(row, 0))?;
            aliases.map(|alias| alias.map(Option::unwrap_or_default)).collect::<rusqlite::Result<_>>()?
        }
        None => Vec::new(),
    };
    Ok(stored.found(&aliases).map_err(Error::from)?)
}

/// The row of that key, and how it is asked for.
pub(crate) fn by_key(tx: &Transaction<'_>, key: &Key) -> Work<Option<Found>> {
    match key {
        Key::Hostname(hostname) => first(tx, BY_HOSTNAME, [hostname.as_str()]),
        Key::Instance(instance) => first(tx, BY_INSTANCE, [instance.as_str()]),
        Key::Alias(alias) => first(tx, BY_ALIAS, [alias.as_str()]),
    }
}

/// The row of that very slot: of the same service, number and kind.
pub(crate) fn by_slot(tx: &Transaction<'_>, slot: &Slot) -> Work<Option<Found>> {
    let found = first(tx, BY_NUMBER, (slot.service().as_str(), slot.number()))?;
    Ok(found.filter(|found| found.entry.slot() == slot))
}

/// The highest slot of a service.
pub(crate) fn highest(tx: &Transaction<'_>, service: &Service) -> Work<Option<Slot>> {
    Ok(first(tx, HIGHEST, [service.as_str()])?.map(|found| found.entry.slot().clone()))
}

/// Whether a slot, held or vacant, has that hostname.
pub(crate) fn is_hostname(tx: &Transaction<'_>, hostname: &Hostname) -> Work<bool> {
    Ok(tx.prepare_cached("SELECT 1 FROM slot WHERE hostname = ?1")?.exists([hostname.as_str()])?)
}

/// All rows, or those that changed after a revision, sorted by service, then number, with those that break a
/// rule of naming apart.
pub(crate) fn scan(tx: &Transaction<'_>, after: Option<i64>) -> Work<(Vec<Entry>, Vec<Flaw>)> {
    let mut aliases: HashMap<i64, Vec<String>> = HashMap::new();
    let (sql, alias_sql) = match after {
        Some(_) => (CHANGED, ALIASES_OF_CHANGED),
        None => (ALL, "SELECT slot, alias FROM alias ORDER BY slot, position"),
    };
    let mut statement = tx.prepare_cached(alias_sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(after))?;
    while let Some(row) = rows.next()? {
        aliases.entry(row.get(0)?).or_default().push(text(row, 1)?.unwrap_or_default());
    }
    let (mut entries, mut flaws) = (Vec::new(), Vec::new());
    let mut statement = tx.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(after))?;
    while let Some(row) = rows.next()? {
        let stored = Stored::read(row)?;
        let aliases = aliases.remove(&stored.id).unwrap_or_default();
        match stored.found(&aliases) {
            Ok(found) => entries.push(found.entry),
            Err(flaw) => flaws.push(flaw),
        }
    }
    entries.sort_unstable_by(|a, b| a.slot().cmp(b.slot()));
    Ok((entries, flaws))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use rusqlite::Connection;

    /// Tables of 2,000 slots, every tenth a vacancy, that the planner knows the statistics of.
    fn filled() -> Connection {
        let connection = schema::in_memory();
        connection
            .execute_batch(
                "INSERT INTO service VALUES ('web', 'iterative');
                 WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
                 INSERT INTO slot SELECT i + 1, 'web-' || i, 'web', i,
                     iif(i % 10 = 0, NULL, 'i-' || i), NULL, NULL, iif(i % 10 = 0, NULL, 5), 1, i FROM n;",
            )
            .unwrap();
        connection
    }

    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let nulls = vec![rusqlite::types::Null; statement.parameter_count()];
        let rows =
            statement.query_map(rusqlite::params_from_iter(nulls), |row| row.get::<_, String>(3)).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn what_a_claim_asks_is_answered_by_an_index_without_a_scan_or_a_sort() {
        let connection = filled();
        for analysed in [false, true] {
            if analysed {
                connection.execute_batch("ANALYZE").unwrap();
            }
            for (sql, index) in [
                (LOWEST_VACANCIES, "slot_vacant (service=?)"),
                (HIGHEST, "sqlite_autoindex_slot_2 (service=?)"),
                (BY_INSTANCE, "slot_held (instance_id=?)"),
                (BY_HOSTNAME, "sqlite_autoindex_slot_1 (hostname=?)"),
                (BY_NUMBER, "sqlite_autoindex_slot_2 (service=? AND number=?)"),
                (BY_ALIAS, "slot USING INTEGER PRIMARY KEY"),
                (CHANGED, "slot_changed (revision>?)"),
            ] {
                let plan = plan(&connection, sql);
                assert!(plan.contains(index), "{sql}: {plan}");
                assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
            }
        }
    }

    #[test]
    fn a_row_that_somebody_broke_is_set_apart_with_the_reason() {
        for (edit, hostname, why) in [
            ("UPDATE slot SET hostname = 'Web_1' WHERE id = 2", "Web_1", "must be web-1"),
            ("UPDATE slot SET ip = '10.0.0' WHERE id = 3", "web-2", "IPv4 address"),
            ("UPDATE slot SET instance_id = 'i 4' WHERE id = 4", "web-3", "blank"),
            ("INSERT INTO alias VALUES ('WWW', 5, 0)", "web-4", "alias"),
            (
                "INSERT INTO service VALUES ('localhost', 'iterative');
                 UPDATE slot SET service = 'localhost', number = 0 WHERE id = 6",
                "web-5",
                "reserved",
            ),
            ("UPDATE slot SET instance_id = CAST(x'ff09' AS TEXT) WHERE id = 8", "web-7", "blank"),
            ("UPDATE slot SET since = -1 WHERE id = 7", "web-6", "since no time"),
        ] {
            let mut connection = filled();
            connection.execute_batch(edit).unwrap();
            let tx = connection.transaction().unwrap();
            let (entries, flaws) = scan(&tx, None).unwrap();
            assert_eq!((entries.len(), flaws.len()), (1999, 1), "{edit}");
            assert_eq!(flaws[0].hostname, hostname);
            assert!(flaws[0].to_string().contains(why), "{}", flaws[0]);
        }
    }
}
