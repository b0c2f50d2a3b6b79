//! Whole passes over a store in memory and a cloud that says what the test tells it.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use aerostat_core::{
    Addresses, Cause, ChangeStream, Claim, Coverage, Entry, Error, Event, Exchanged, Extent, Finding,
    HistoryQuery, Identity, InstanceState, Key, Kind, MemoryStore, NameStore, Occupant, Refreshed, Revision,
    Service, Slot, Snapshot, Taken, Timestamp, Transfer,
};
use async_trait::async_trait;
use tokio::sync::Barrier;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

const MINUTE: u64 = 60_000;
const DRY: PassOptions = PassOptions { dry_run: true, approve: false };
const APPROVED: PassOptions = PassOptions { dry_run: false, approve: true };

fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

/// A complete census, written as `i-1 i-2:stopped`.
fn census(text: &str) -> Census {
    Census::complete(text.split_whitespace().map(|word| {
        let (instance, state) = word.split_once(':').unwrap_or((word, "running"));
        (id(instance), InstanceState::new(state))
    }))
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "connection refused")
}

/// A cloud that gives the answers of a script in turn, the last one for ever.
#[derive(Debug, Default)]
struct Script {
    censuses: Mutex<VecDeque<Option<Census>>>,
    look_up: Mutex<Option<Census>>,
    asked: Mutex<Vec<Vec<InstanceId>>>,
    /// Censuses wait here for one another.
    meeting: Option<Barrier>,
    /// Somebody registers while a census is taken.
    newcomer: Option<(Registrar, &'static str)>,
}

impl Script {
    /// A cloud with these censuses; `None` fails. Asked by id, it knows nobody.
    fn of(censuses: impl IntoIterator<Item = Option<Census>>) -> Self {
        Self {
            censuses: Mutex::new(censuses.into_iter().collect()),
            look_up: Mutex::new(Some(census(""))),
            ..Self::default()
        }
    }

    fn always(seen: Census) -> Self {
        Self::of([Some(seen)])
    }
}

#[async_trait]
impl CloudProvider for Script {
    async fn identity(&self) -> Result<Identity> {
        Err(unavailable())
    }

    async fn census(&self) -> Result<Census> {
        let answer = {
            let mut censuses = self.censuses.lock().unwrap();
            if censuses.len() > 1 { censuses.pop_front() } else { censuses.front().cloned() }
        };
        if let Some((registrar, instance)) = &self.newcomer {
            register(registrar, instance).await;
        }
        if let Some(meeting) = &self.meeting {
            meeting.wait().await;
        }
        answer.flatten().ok_or_else(unavailable)
    }

    async fn look_up(&self, ids: &[InstanceId]) -> Result<Census> {
        self.asked.lock().unwrap().push(ids.to_vec());
        self.look_up.lock().unwrap().clone().ok_or_else(unavailable)
    }
}

async fn register(registrar: &Registrar, instance: &str) {
    let occupant = Occupant { instance: id(instance), addresses: Addresses::default(), aliases: vec![] };
    let claim = Claim { service: Service::parse("web").unwrap(), kind: Kind::Iterative, occupant };
    registrar.claim(claim).await.unwrap();
}

/// A table whose clock the test sets.
struct World {
    store: Arc<MemoryStore>,
    clock: Arc<AtomicU64>,
}

impl World {
    /// `web-0`, `web-1`, … held by those instances for an hour.
    async fn with(instances: &[&str]) -> Self {
        let clock = Arc::new(AtomicU64::new(1_000_000_000));
        let told = Arc::clone(&clock);
        let store = Arc::new(MemoryStore::with_clock(move || Timestamp(told.load(Ordering::Relaxed))));
        let world = Self { store, clock };
        for instance in instances {
            register(&world.registrar(), instance).await;
        }
        world.pass_minutes(60);
        world
    }

    fn pass_minutes(&self, minutes: u64) {
        self.clock.fetch_add(minutes * MINUTE, Ordering::Relaxed);
    }

    fn registrar(&self) -> Registrar {
        Registrar::new(Arc::clone(&self.store) as Arc<dyn NameStore>, "aerostatd")
    }

    fn reconciler(&self, cloud: &Arc<Script>) -> Reconciler {
        let cloud = Arc::clone(cloud) as Arc<dyn CloudProvider>;
        Reconciler::new(self.registrar(), cloud, Settings::default())
    }

    fn over(&self, cloud: Script) -> Reconciler {
        self.reconciler(&Arc::new(cloud))
    }

    /// The table as `web-0=i-1 web-1=`.
    async fn table(&self) -> String {
        let entries = self.store.snapshot().await.unwrap().entries;
        let shown =
            |entry: &Entry| format!("{}={}", entry.slot(), entry.instance().map_or("", InstanceId::as_str));
        entries.iter().map(shown).collect::<Vec<_>>().join(" ")
    }

    async fn steps(&self) -> u64 {
        self.store.revision().await.unwrap().number
    }

    /// Why names were lost, in order.
    async fn reasons(&self) -> Vec<String> {
        let events = self.store.history(&HistoryQuery::default()).await.unwrap();
        let lost = events.into_iter().filter(|event| event.to.is_none());
        lost.map(|event| format!("{}: {}", event.hostname, event.cause.reason)).collect()
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("i-{n}")).collect()
}

#[tokio::test]
async fn dead_machines_become_gaps_and_the_account_says_why() {
    let world = World::with(&["a", "b", "c"]).await;
    let mut reconciler = world.over(Script::always(census("a b:terminated")));
    let pass = reconciler.pass(PassOptions::default()).await.unwrap();
    assert_eq!(world.table().await, "web-0=a web-1= web-2=c");
    assert_eq!(pass.to_string(), "3 nodes, 1 running: vacated 1, 1 absent so far, 0 held by the brake");
    let pass = reconciler.pass(PassOptions::default()).await.unwrap();
    assert_eq!(world.table().await, "web-0=a web-1= web-2=");
    assert_eq!(
        world.reasons().await,
        ["web-1: cloud says terminated", "web-2: absent in 2 censuses, registered for 1h"]
    );
    let lines: Vec<_> = pass.lines().collect();
    assert_eq!(lines, ["vacated web-2 (c): absent in 2 censuses, registered for 1h"]);
}

#[tokio::test]
async fn a_pass_that_changes_nothing_takes_no_step_and_asks_nobody_by_id() {
    let world = World::with(&["a", "b"]).await;
    let before = world.steps().await;
    let cloud = Arc::new(Script::always(census("a b stranger:terminated")));
    let mut reconciler = world.reconciler(&cloud);
    for _ in 0..3 {
        reconciler.pass(PassOptions::default()).await.unwrap();
    }
    assert_eq!(world.steps().await, before);
    assert_eq!(*cloud.asked.lock().unwrap(), Vec::<Vec<InstanceId>>::new());
}

#[tokio::test]
async fn steps_and_questions_are_as_many_as_the_dead() {
    let names = names(500);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = World::with(&all).await;
    let cloud = Arc::new(Script::always(census(&format!("{} i-499:terminated", all[7..499].join(" ")))));
    let before = world.steps().await;
    let mut reconciler = world.reconciler(&cloud);
    reconciler.pass(PassOptions::default()).await.unwrap();
    reconciler.pass(PassOptions::default()).await.unwrap();
    assert_eq!(world.steps().await - before, 8);
    let absent: Vec<InstanceId> = all[..7].iter().map(|name| id(name)).collect();
    assert_eq!(*cloud.asked.lock().unwrap(), [absent.clone(), absent]);
}

#[tokio::test]
async fn a_failed_census_is_an_error_and_vacates_nobody() {
    let world = World::with(&["a"]).await;
    let mut reconciler = world.over(Script::of([Some(census("")), None, Some(census(""))]));
    reconciler.pass(PassOptions::default()).await.unwrap();
    let error = reconciler.pass(PassOptions::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to take a census: connection refused");
    assert_eq!(world.table().await, "web-0=a");
    // It is no census, so it interrupts nothing.
    reconciler.pass(PassOptions::default()).await.unwrap();
    assert_eq!(world.table().await, "web-0=");
}

#[tokio::test]
async fn a_partial_census_vacates_nobody_and_says_why() {
    let world = World::with(&["a", "b"]).await;
    let partial = Census {
        coverage: Coverage::Partial(vec!["region mars: timed out".into()]),
        ..census("a:terminated")
    };
    let mut reconciler = world.over(Script::always(partial));
    for _ in 0..3 {
        let pass = reconciler.pass(PassOptions::default()).await.unwrap();
        assert!(pass.plan.trouble.unwrap().contains("region mars"));
    }
    assert_eq!(world.table().await, "web-0=a web-1=b");
}

#[tokio::test]
async fn a_failed_look_up_saves_the_absent_and_not_the_terminated() {
    let world = World::with(&["a", "b"]).await;
    let cloud = Script::always(census("b:terminated"));
    *cloud.look_up.lock().unwrap() = None;
    let mut reconciler = world.over(cloud);
    for _ in 0..3 {
        let pass = reconciler.pass(PassOptions::default()).await.unwrap();
        assert!(pass.plan.trouble.unwrap().contains("connection refused"));
    }
    assert_eq!(world.table().await, "web-0=a web-1=");
}

#[tokio::test]
async fn a_machine_that_registers_during_the_census_is_not_absent() {
    let world = World::with(&["a"]).await;
    let cloud = Script { newcomer: Some((world.registrar(), "b")), ..Script::always(census("a")) };
    let cloud = Arc::new(cloud);
    let pass = world.reconciler(&cloud).pass(PassOptions::default()).await.unwrap();
    assert_eq!(world.table().await, "web-0=a web-1=b");
    assert_eq!((pass.plan.nodes, pass.plan.waiting.len()), (1, 0));
    assert!(cloud.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_new_machine_is_given_its_grace_time() {
    let world = World::with(&["a"]).await;
    register(&world.registrar(), "b").await;
    let mut reconciler = world.over(Script::always(census("a")));
    for _ in 0..6 {
        reconciler.pass(PassOptions::default()).await.unwrap();
        assert_eq!(world.table().await, "web-0=a web-1=b");
        world.pass_minutes(1);
    }
    let pass = reconciler.pass(PassOptions::default()).await.unwrap();
    assert_eq!(pass.vacated[0].to_string(), "web-1 (b): absent in 7 censuses, registered for 6m");
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let world = World::with(&["a", "b"]).await;
    let before = world.steps().await;
    let mut reconciler = world.over(Script::always(census("b:stopped")));
    reconciler.pass(DRY).await.unwrap();
    let pass = reconciler.pass(DRY).await.unwrap();
    assert_eq!(world.steps().await, before);
    assert_eq!(pass.vacated, []);
    let lines: Vec<_> = pass.lines().collect();
    assert_eq!(
        lines,
        [
            "would vacate web-0 (a): absent in 2 censuses, registered for 1h",
            "would vacate web-1 (b): cloud says stopped",
        ]
    );
    assert_eq!(pass.to_string(), "2 nodes, 0 running: would vacate 2, 0 absent so far, 0 held by the brake");
}

#[tokio::test]
async fn an_empty_census_does_not_empty_the_fleet_until_an_operator_approves() {
    let names = names(40);
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = World::with(&all).await;
    let before = world.table().await;
    let mut reconciler = world.over(Script::always(census("")));
    for _ in 0..5 {
        reconciler.pass(PassOptions::default()).await.unwrap();
    }
    assert_eq!(world.table().await, before);
    let pass = reconciler.pass(PassOptions { dry_run: true, ..APPROVED }).await.unwrap();
    assert_eq!((pass.plan.vacate.len(), pass.plan.held), (40, None));
    let pass = reconciler.pass(PassOptions::default()).await.unwrap();
    assert_eq!(pass.plan.held.as_ref().unwrap().whom.len(), 40);
    assert!(pass.to_string().ends_with("40 held by the brake"), "{pass}");
    let pass = reconciler.pass(APPROVED).await.unwrap();
    assert_eq!(pass.vacated.len(), 40);
    assert!(world.reasons().await[0].ends_with("registered for 1h, approved"));
}

#[tokio::test(start_paused = true)]
async fn a_program_that_runs_once_takes_the_censuses_that_it_needs() {
    let pause = Duration::from_secs(30);
    let world = World::with(&["a", "b"]).await;
    let started = tokio::time::Instant::now();
    let pass =
        world.over(Script::always(census("a"))).confirmed_pass(PassOptions::default(), pause).await.unwrap();
    assert_eq!(pass.vacated[0].to_string(), "web-1 (b): absent in 2 censuses, registered for 1h");
    assert_eq!(started.elapsed(), pause);
    // Nobody is absent: it doesn't wait.
    world.over(Script::always(census("a"))).confirmed_pass(PassOptions::default(), pause).await.unwrap();
    assert_eq!(started.elapsed(), pause);
    // Seen in the meantime.
    let mut reconciler = world.over(Script::of([Some(census("")), Some(census("a"))]));
    let pass = reconciler.confirmed_pass(PassOptions::default(), pause).await.unwrap();
    assert_eq!((pass.vacated.len(), pass.plan.running), (0, 1));
}

#[tokio::test]
async fn two_reconcilers_that_judge_at_once_vacate_each_slot_once() {
    let world = World::with(&["a", "b", "c"]).await;
    let before = world.steps().await;
    let seen = census("a:terminated b:stopped c");
    let cloud = Arc::new(Script { meeting: Some(Barrier::new(2)), ..Script::always(seen) });
    let (mut one, mut other) = (world.reconciler(&cloud), world.reconciler(&cloud));
    let (one, other) = tokio::join!(one.pass(PassOptions::default()), other.pass(PassOptions::default()));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.vacated.len() + other.vacated.len(), 2);
    assert_eq!(one.overtaken.len() + other.overtaken.len(), 2);
    assert_eq!(world.table().await, "web-0= web-1= web-2=c");
    assert_eq!(world.steps().await - before, 2);
}

#[tokio::test]
async fn a_slot_that_has_another_holder_by_now_is_left_alone() {
    let world = World::with(&["a", "b"]).await;
    let cloud =
        Arc::new(Script { meeting: Some(Barrier::new(2)), ..Script::always(census("a:terminated b")) });
    let mut reconciler = world.reconciler(&cloud);
    let registrar = world.registrar();
    let meanwhile = async {
        // The pass has read the table and waits in the census.
        let slot = world.store.snapshot().await.unwrap().entries[0].slot().clone();
        registrar.vacate(&slot, &id("a"), "by hand").await.unwrap();
        register(&registrar, "c").await;
        cloud.meeting.as_ref().unwrap().wait().await;
    };
    let (pass, ()) = tokio::join!(reconciler.pass(PassOptions::default()), meanwhile);
    let pass = pass.unwrap();
    assert_eq!(world.table().await, "web-0=c web-1=b");
    assert_eq!((pass.vacated.len(), pass.overtaken.len()), (0, 1));
    assert!(pass.lines().any(|line| line == "left web-0, which somebody else changed meanwhile"));
}

/// A store that breaks at its second exchange, once.
#[derive(Debug)]
struct Breaking {
    store: Arc<MemoryStore>,
    exchanges: AtomicU64,
}

#[async_trait]
impl NameStore for Breaking {
    async fn exchange(&self, transfers: &[Transfer], cause: &Cause) -> Result<Exchanged> {
        match self.exchanges.fetch_add(1, Ordering::Relaxed) {
            1 => Err(unavailable()),
            _ => self.store.exchange(transfers, cause).await,
        }
    }
    async fn take(&self, claim: &Claim, fresh: &[Slot], cause: &Cause) -> Result<Taken> {
        self.store.take(claim, fresh, cause).await
    }
    async fn refresh(&self, slot: &Slot, occupant: &Occupant, cause: &Cause) -> Result<Refreshed> {
        self.store.refresh(slot, occupant, cause).await
    }
    async fn find(&self, key: &Key) -> Result<Option<Entry>> {
        self.store.find(key).await
    }
    async fn extent(&self, service: &Service) -> Result<Option<Extent>> {
        self.store.extent(service).await
    }
    async fn revision(&self) -> Result<Revision> {
        self.store.revision().await
    }
    async fn snapshot(&self) -> Result<Snapshot> {
        self.store.snapshot().await
    }
    fn changes(&self, since: Revision) -> ChangeStream {
        self.store.changes(since)
    }
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Event>> {
        self.store.history(query).await
    }
    async fn check(&self) -> Result<Vec<Finding>> {
        self.store.check().await
    }
}

#[tokio::test]
async fn a_store_that_breaks_half_way_is_an_error_and_the_next_pass_goes_on() {
    let world = World::with(&["a", "b", "c"]).await;
    let store = Breaking { store: Arc::clone(&world.store), exchanges: AtomicU64::new(0) };
    let registrar = Registrar::new(Arc::new(store), "aerostatd");
    let cloud = Arc::new(Script::always(census("c")));
    let mut reconciler = Reconciler::new(registrar, cloud, Settings::default());
    reconciler.pass(PassOptions::default()).await.unwrap();
    let error = reconciler.pass(PassOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.context(), [("hostname", "web-1".to_owned())]);
    assert_eq!(world.table().await, "web-0= web-1=b web-2=c");
    let pass = reconciler.pass(PassOptions::default()).await.unwrap();
    assert_eq!(world.table().await, "web-0= web-1= web-2=c");
    assert_eq!(pass.vacated[0].to_string(), "web-1 (b): absent in 3 censuses, registered for 1h");
}

#[test]
fn a_pass_can_run_on_any_thread() {
    fn assert_send(_: &impl Send) {}
    let store = Arc::new(MemoryStore::new());
    let registrar = Registrar::new(store, "aerostatd");
    let mut reconciler = Reconciler::new(registrar, Arc::new(Script::default()), Settings::default());
    assert_send(&reconciler.pass(PassOptions::default()));
    assert_send(&reconciler.confirmed_pass(PassOptions::default(), Duration::ZERO));
}

/// A log that a test reads.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap()
    }

    /// The lines since the last time that contain the text.
    fn take(&self, text: &str) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.lock());
        let all = String::from_utf8(bytes).unwrap();
        all.lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        let subscriber =
            tracing_subscriber::fmt().with_writer(self.clone()).with_ansi(false).without_time().finish();
        tracing::subscriber::set_default(subscriber)
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_tells_of_a_hold_when_it_changes_and_not_at_each_pass() {
    let log = Log::default();
    let _listening = log.listen();
    let world = World::with(&["a", "b", "c", "d", "e", "f"]).await;
    let empty = || Some(census(""));
    let partial = Census { coverage: Coverage::Partial(vec!["mars".into()]), ..census("") };
    let mut reconciler = world.over(Script::of([
        empty(),
        empty(),
        empty(),
        Some(partial),
        empty(),
        Some(census("a")),
        Some(census("a b c d e f")),
    ]));
    log.take("");
    let mut warnings = Vec::new();
    for _ in 0..7 {
        reconciler.pass(PassOptions::default()).await.unwrap();
        let lines = log.take("");
        assert_eq!(lines.iter().filter(|line| line.contains("compared the table")).count(), 1, "{lines:#?}");
        warnings
            .push(lines.into_iter().filter(|line| !line.contains("compared the table")).collect::<Vec<_>>());
    }
    let told: Vec<&str> =
        warnings.iter().map(|lines| lines.first().map_or("", |line| line.as_str())).collect();
    assert_eq!(told[0], "");
    assert!(told[1].contains("WARN") && told[1].contains("the brake holds: 6 of 6 nodes"), "{}", told[1]);
    assert!(told[1].contains("web-0, web-1, web-2"), "{}", told[1]);
    assert!(told[1].contains("aerostatd --once --approve"), "{}", told[1]);
    assert_eq!(told[2], "");
    assert!(told[3].contains("WARN") && told[3].contains("the census is partial"), "{}", told[3]);
    assert!(told[4].contains("complete again"), "{}", told[4]);
    assert_eq!(warnings[4].len(), 1, "the hold is no news: {:?}", warnings[4]);
    assert!(told[5].contains("the brake holds: 5 of 6 nodes"), "{}", told[5]);
    assert!(told[6].contains("holds nobody any more"), "{}", told[6]);
}

#[tokio::test]
async fn the_log_says_of_each_name_why_it_was_vacated() {
    let log = Log::default();
    let _listening = log.listen();
    let world = World::with(&["a"]).await;
    let cloud = Arc::new(Script::always(census("a:terminated")));
    world.reconciler(&cloud).pass(DRY).await.unwrap();
    let lines = log.take("would vacate");
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains("web-0") && lines[0].contains("cloud says terminated"), "{lines:?}");
    world.reconciler(&cloud).pass(PassOptions::default()).await.unwrap();
    let lines = log.take("cloud says terminated");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("hostname=web-0") && lines[0].contains("instance=a"), "{lines:?}");
}
