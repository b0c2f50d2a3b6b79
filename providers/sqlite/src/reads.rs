//! What only looks, each within the transaction that it is given, so that it sees one moment.

use aerostat_core::{
    Cause, Change, Error, ErrorKind, Event, Extent, HistoryQuery, Hostname, InstanceId, Kind, Revision,
    Service, Snapshot, Timestamp,
};
use rusqlite::{OptionalExtension, Row, Transaction};
use tracing::warn;

use crate::error::Work;
use crate::rows::{self, Flaw};

/// The revision of a table that isn't there yet.
pub(crate) const NOTHING: Revision = Revision { lineage: 0, number: 0 };

pub(crate) fn revision(tx: &Transaction<'_>) -> Work<Revision> {
    let stored: Option<(i64, i64)> = tx
        .prepare_cached("SELECT lineage, revision FROM meta WHERE id = 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let revision = stored.and_then(|(lineage, number)| {
        Some(Revision { lineage: lineage.cast_unsigned(), number: u64::try_from(number).ok()? })
    });
    revision.ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, "the database has lost its revision")
            .hint("restore the database from a backup")
            .into()
    })
}

pub(crate) fn extent(tx: &Transaction<'_>, service: &Service) -> Work<Option<Extent>> {
    let Some(last) = rows::highest(tx, service)? else { return Ok(None) };
    let lowest_vacancy = rows::lowest_vacancy(tx, service)?.map(|found| found.entry.slot().clone());
    Ok(Some(Extent { last, lowest_vacancy }))
}

pub(crate) fn snapshot(tx: &Transaction<'_>) -> Work<Snapshot> {
    let revision = revision(tx)?;
    let (entries, flaws) = rows::scan(tx, None)?;
    warn_of(&flaws);
    Ok(Snapshot { revision, taken_at: Timestamp::now(), entries })
}

/// What changed since a revision; `None` if nothing did.
///
/// # Errors
/// [`ErrorKind::Expired`] if the table never was at that revision.
pub(crate) fn change(tx: &Transaction<'_>, since: Revision) -> Work<Option<Change>> {
    let now = revision(tx)?;
    if now == since {
        return Ok(None);
    }
    see_that_it_was_ours(now, since)?;
    let (entries, flaws) = rows::scan(tx, Some(i64::try_from(since.number).unwrap_or(i64::MAX)))?;
    warn_of(&flaws);
    Ok(Some(Change { revision: now, at: Timestamp::now(), entries }))
}

/// Sees that `since` is an earlier revision of the table.
pub(crate) fn see_that_it_was_ours(now: Revision, since: Revision) -> aerostat_core::Result<()> {
    if since.lineage != now.lineage {
        return Err(Error::new(ErrorKind::Expired, format!("revision {since} is of another table")));
    }
    if since.number > now.number {
        let message = format!("revision {since} is not reached yet: an older copy of the table was restored");
        return Err(Error::new(ErrorKind::Expired, message));
    }
    Ok(())
}

pub(crate) fn history(tx: &Transaction<'_>, query: &HistoryQuery) -> Work<Vec<Event>> {
    /// The columns in the order in which [`event`] reads them.
    macro_rules! select_events {
        ($tail:literal) => {
            concat!(
                "SELECT revision, at, hostname, service, service_type, from_instance, to_instance, actor, reason ",
                "FROM history ",
                $tail
            )
        };
    }
    let lineage = revision(tx)?.lineage;
    // A negative limit is none.
    let limit = query.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let mut statement = tx.prepare_cached(match query.hostname {
        Some(_) => select_events!("WHERE hostname = ?2 ORDER BY id DESC LIMIT ?1"),
        None => select_events!("ORDER BY id DESC LIMIT ?1"),
    })?;
    let mut rows = match &query.hostname {
        Some(hostname) => statement.query((limit, hostname.as_str()))?,
        None => statement.query([limit])?,
    };
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        match event(row, lineage)? {
            Ok(event) => events.push(event),
            Err(error) => warn!(%error, "an event of the account is left out"),
        }
    }
    events.reverse();
    Ok(events)
}

fn event(row: &Row<'_>, lineage: u64) -> rusqlite::Result<aerostat_core::Result<Event>> {
    let instance = |text: Option<String>| text.map(|text| InstanceId::parse(&text)).transpose();
    let (number, at): (i64, i64) = (row.get(0)?, row.get(1)?);
    let (hostname, service, kind): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let (from, to): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
    let cause = Cause::new(row.get::<_, String>(7)?, row.get::<_, String>(8)?);
    let read = || {
        Ok(Event {
            revision: Revision { lineage, number: u64::try_from(number).unwrap_or_default() },
            at: Timestamp(u64::try_from(at).unwrap_or_default()),
            hostname: Hostname::parse(&hostname)?,
            service: Service::parse(&service)?,
            service_type: kind.parse::<Kind>()?,
            from: instance(from)?,
            to: instance(to)?,
            cause,
        })
    };
    Ok(read())
}

fn warn_of(flaws: &[Flaw]) {
    for flaw in flaws {
        warn!(%flaw, "a row is left out");
    }
}
