//! The doctor's part: damage in the stored data, and trouble in the place that holds them.

use std::path::Path;

use aerostat_core::{Finding, Kind, Service, Severity, Slot};
use rusqlite::{Row, Transaction};

use crate::error::Work;
use crate::place;
use crate::rows;

/// The most findings of one sort that are listed.
const LISTED: usize = 20;

/// Looks at the whole database. It only reads.
pub(crate) fn database(tx: &Transaction<'_>, path: &Path) -> Work<Vec<Finding>> {
    let mut findings = Vec::new();
    let mode: String = tx.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        let message =
            format!("the database keeps its journal in the mode {mode}, not wal: steps wait longer");
        findings.push(
            Finding::new(Severity::Warning, message).advise("the next registration on this machine sets it"),
        );
    }
    if place::is_remote(path) {
        findings.push(
            Finding::new(
                Severity::Problem,
                format!("{} lies on a network file system, where machines can't share it", path.display()),
            )
            .advise("move the database to a local disk, or use the MongoDB store for many machines"),
        );
    }
    let damage = texts(tx, "PRAGMA quick_check(20)", |row| row.get(0))?;
    findings.extend(damage.iter().filter(|line| *line != "ok").map(|line| {
        Finding::new(Severity::Problem, format!("the database is damaged: {line}"))
            .advise("restore it from a backup, or mend it with `sqlite3 FILE .recover`")
    }));
    let orphans = texts(tx, "PRAGMA foreign_key_check", |row| row.get(0))?;
    findings.extend(orphans.iter().take(LISTED).map(|table| {
        Finding::new(Severity::Problem, format!("a row of the table {table} belongs to nothing"))
            .advise("`PRAGMA foreign_key_check` names the rows; remove them with `sqlite3`")
    }));

    let (entries, flaws) = rows::scan(tx, None)?;
    findings.extend(flaws.iter().take(LISTED).map(|flaw| {
        Finding::new(Severity::Problem, format!("{flaw}; it is left out of every table")).advise(format!(
            "mend or delete it: `SELECT * FROM slot WHERE hostname = '{}'`",
            quoted(&flaw.hostname)
        ))
    }));
    if flaws.len() > LISTED {
        let message = format!("{} further rows break a rule too", flaws.len() - LISTED);
        findings.push(Finding::new(Severity::Problem, message));
    }
    let sql = "SELECT alias FROM alias WHERE alias IN (SELECT hostname FROM slot) LIMIT 20";
    findings.extend(texts(tx, sql, |row| row.get(0))?.iter().map(|alias| {
        Finding::new(Severity::Problem, format!("the alias {alias} is the hostname of a slot"))
            .advise(format!("`DELETE FROM alias WHERE alias = '{}'`", quoted(alias)))
    }));
    findings.extend(missing_slots(tx)?);

    let nodes = entries.iter().filter(|entry| entry.node().is_some()).count();
    findings.push(Finding::new(
        Severity::Fine,
        format!("{}: {nodes} nodes, {} vacancies", path.display(), entries.len() - nodes),
    ));
    Ok(findings)
}

/// Numbers below the highest of a service that no slot has, though their hostname is free (rule 4).
fn missing_slots(tx: &Transaction<'_>) -> Work<Vec<Finding>> {
    let mut sparse = tx.prepare(
        "SELECT slot.service, service.service_type, max(slot.number)
         FROM slot JOIN service ON service.name = slot.service
         GROUP BY slot.service HAVING count(*) <= max(slot.number)",
    )?;
    let mut numbers = tx.prepare("SELECT number FROM slot WHERE service = ?1 ORDER BY number")?;
    let mut findings = Vec::new();
    let mut services = sparse.query([])?;
    while let Some(row) = services.next()? {
        let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
        let (Ok(service), Ok(kind)) = (Service::parse(&name), kind.parse::<Kind>()) else { continue };
        let mut expected = 0_u32;
        let mut present = numbers.query([&name])?;
        while let Some(row) = present.next()? {
            let Ok(number) = u32::try_from(row.get::<_, i64>(0)?) else { continue };
            for missing in (expected..number).take(LISTED) {
                let Ok(slot) = Slot::new(service.clone(), kind, missing) else { continue };
                if findings.len() < LISTED && !rows::is_hostname(tx, &slot.hostname())? {
                    let message = format!("the row of {slot} is missing, though higher ones are there");
                    findings.push(
                        Finding::new(Severity::Problem, message)
                            .advise("add it as a vacancy: a row of the table slot without an instance_id"),
                    );
                }
            }
            expected = number.saturating_add(1);
        }
    }
    Ok(findings)
}

fn texts(
    tx: &Transaction<'_>,
    sql: &str,
    text: impl Fn(&Row<'_>) -> rusqlite::Result<String>,
) -> Work<Vec<String>> {
    let mut statement = tx.prepare(sql)?;
    Ok(statement.query_map([], |row| text(row))?.collect::<rusqlite::Result<_>>()?)
}

/// A text as it stands between quotes in SQL.
fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

/// What a database that isn't there yet gives.
pub(crate) fn nothing_yet(path: &Path) -> Vec<Finding> {
    vec![Finding::new(
        Severity::Fine,
        format!("{} isn't there yet; the first registration makes it", path.display()),
    )]
}
