//! Claims on the SQLite store, beside plain inserts into a table of the same columns, indexes and pragmas; and
//! claims at a million slots beside claims at a thousand.
//!
//! `cargo bench -p aerostat-benches --bench sqlite`. It exits with 1 if a ratio misses its target. Both sides of
//! a comparison take turns in one run, so that what else the machine does meets both alike.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aerostat_core::registry::{Access, Patience};
use aerostat_core::{Addresses, Claim, InstanceId, Kind, Occupant, Registrar, Service};
use aerostat_sqlite::SqliteStore;
use rusqlite::Connection;
use tokio::runtime::Runtime;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many turns each side has, and how many operations are in a turn.
const TURNS: usize = 30;
const OPERATIONS: usize = 100;

/// Claims a second, at least so many of the plain inserts a second.
const LEAST_OF_INSERTS: f64 = 0.5;
/// The time of a claim at a million slots, at most so many times that at a thousand.
const MOST_OF_SMALL: f64 = 1.5;

/// The columns and indexes of the store's table of slots, and nothing around it.
const PLAIN_TABLE: &str = "
    PRAGMA journal_mode = wal;
    PRAGMA synchronous = full;
    CREATE TABLE plain (
        id INTEGER PRIMARY KEY,
        hostname TEXT NOT NULL UNIQUE,
        service TEXT NOT NULL,
        number INTEGER NOT NULL,
        instance_id TEXT,
        ip TEXT,
        ipv6 TEXT,
        since INTEGER,
        held_before INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        UNIQUE (service, number)
    ) STRICT;
    CREATE UNIQUE INDEX plain_held ON plain (instance_id) WHERE instance_id IS NOT NULL;
    CREATE UNIQUE INDEX plain_vacant ON plain (service, number) WHERE instance_id IS NULL;
    CREATE INDEX plain_changed ON plain (revision);";

fn main() -> Outcome<ExitCode> {
    // The build's own folder is on a disk, which the folder for temporary files may not be.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let runtime = Runtime::new()?;
    let beside_inserts = claims_beside_inserts(&runtime, folder.path())?;
    let beside_small = claims_at_a_million_beside_a_thousand(&runtime, folder.path())?;
    Ok(if beside_inserts && beside_small { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn claims_beside_inserts(runtime: &Runtime, folder: &Path) -> Outcome<bool> {
    let mut plain = Plain::make(&folder.join("plain.db"))?;
    let mut claims = Claims::make(runtime, &folder.join("claims.db"), 0)?;
    let (inserts, claims) = take_turns(|| plain.insert(), || claims.claim())?;
    let ratio = inserts.as_secs_f64() / claims.as_secs_f64();
    println!("plain insert    {}", shown(inserts));
    println!("claim           {}", shown(claims));
    Ok(judge("claims a second / inserts a second", ratio, ratio >= LEAST_OF_INSERTS, LEAST_OF_INSERTS))
}

fn claims_at_a_million_beside_a_thousand(runtime: &Runtime, folder: &Path) -> Outcome<bool> {
    let mut small = Claims::make(runtime, &folder.join("thousand.db"), 1_000)?;
    let start = Instant::now();
    let mut large = Claims::make(runtime, &folder.join("million.db"), 1_000_000)?;
    println!("filling         1,000,000 slots in {:.1} s", start.elapsed().as_secs_f64());
    let (small, large) = take_turns(|| small.claim(), || large.claim())?;
    let ratio = large.as_secs_f64() / small.as_secs_f64();
    println!("at a thousand   {}", shown(small));
    println!("at a million    {}", shown(large));
    Ok(judge("time at a million / time at a thousand", ratio, ratio <= MOST_OF_SMALL, MOST_OF_SMALL))
}

/// The median turn of each side, as the time of one operation.
fn take_turns(
    mut one: impl FnMut() -> Outcome<()>,
    mut other: impl FnMut() -> Outcome<()>,
) -> Outcome<(Duration, Duration)> {
    let turn = |operation: &mut dyn FnMut() -> Outcome<()>| -> Outcome<Duration> {
        let start = Instant::now();
        for _ in 0..OPERATIONS {
            operation()?;
        }
        Ok(start.elapsed() / OPERATIONS as u32)
    };
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        ones.push(turn(&mut one)?);
        others.push(turn(&mut other)?);
    }
    Ok((median(ones)?, median(others)?))
}

fn median(mut times: Vec<Duration>) -> Outcome<Duration> {
    times.sort_unstable();
    times.get(times.len() / 2).copied().ok_or_else(|| "no turn".into())
}

fn shown(time: Duration) -> String {
    format!("{:>8.1} µs  {:>7.0} /s", time.as_secs_f64() * 1e6, 1.0 / time.as_secs_f64())
}

fn judge(what: &str, ratio: f64, is_met: bool, target: f64) -> bool {
    println!("{what}: {ratio:.2} (target {target}): {}", if is_met { "met" } else { "MISSED" });
    is_met
}

/// The baseline: single-row inserts, each a transaction of its own.
struct Plain {
    connection: Connection,
    number: i64,
}

impl Plain {
    fn make(path: &Path) -> Outcome<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(PLAIN_TABLE)?;
        Ok(Self { connection, number: 0 })
    }

    fn insert(&mut self) -> Outcome<()> {
        self.connection
            .prepare_cached(
                "INSERT INTO plain (hostname, service, number, instance_id, ip, since, held_before, revision)
                 VALUES (?1, 'web', ?2, ?3, '10.0.0.1', 1700000000000, 1, ?2)",
            )?
            .execute((format!("web-{}", self.number), self.number, instance(self.number)))?;
        self.number += 1;
        Ok(())
    }
}

/// Claims of new machines, each of which opens a slot.
struct Claims<'a> {
    runtime: &'a Runtime,
    registrar: Registrar,
    number: i64,
}

impl<'a> Claims<'a> {
    /// A store with that many slots, all of them held.
    fn make(runtime: &'a Runtime, path: &Path, slots: i64) -> Outcome<Self> {
        let store = runtime.block_on(SqliteStore::open(path, Access::ReadWrite, Patience::Command))?;
        if slots > 0 {
            let filler = Connection::open(path)?;
            filler.execute_batch(
                "PRAGMA synchronous = off; PRAGMA cache_size = -400000;
                 INSERT INTO service VALUES ('web', 'iterative');",
            )?;
            filler.execute(
                "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1 - 1)
                 INSERT INTO slot SELECT i + 1, 'web-' || i, 'web', i, 'i-' || lower(hex(randomblob(8))),
                     '10.0.0.1', NULL, 1700000000000, 1, i + 1 FROM n",
                [slots],
            )?;
            filler.execute("UPDATE meta SET revision = ?1", [slots])?;
            filler.execute_batch("PRAGMA wal_checkpoint(truncate)")?;
        }
        Ok(Self { runtime, registrar: Registrar::new(Arc::new(store), "bench"), number: 0 })
    }

    fn claim(&mut self) -> Outcome<()> {
        let claim = Claim {
            service: Service::parse("web")?,
            kind: Kind::Iterative,
            occupant: Occupant {
                instance: InstanceId::parse(&instance(self.number))?,
                addresses: Addresses { v4: Some([10, 0, 0, 1].into()), v6: None },
                aliases: Vec::new(),
            },
        };
        self.number += 1;
        self.runtime.block_on(self.registrar.claim(claim))?;
        Ok(())
    }
}

/// The id of a machine, in no order, as a cloud draws them (the steps of SplitMix64).
fn instance(number: i64) -> String {
    let mut mixed = number.cast_unsigned().wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("i-{:016x}", mixed ^ (mixed >> 31))
}
