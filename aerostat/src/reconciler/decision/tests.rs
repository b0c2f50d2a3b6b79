//! The rules one by one, then together over drawn cases.

mod properties;

use aerostat_core::{Addresses, Entry, ErrorKind, Kind, Occupant, Revision, Service};

use super::*;

/// When every snapshot of these tests is taken.
const NOW: Timestamp = Timestamp(100_000_000);
const MINUTE: u64 = 60_000;

pub(super) fn id(text: &str) -> InstanceId {
    InstanceId::parse(text).unwrap()
}

/// The table `web-0`, `web-1`, … with those instances, each registered so many minutes ago.
pub(super) fn table<'a>(nodes: impl IntoIterator<Item = (&'a str, u64)>) -> Snapshot {
    let service = Service::parse("web").unwrap();
    let entries = (0u32..).zip(nodes).map(|(number, (instance, minutes))| {
        Entry::Node(Node {
            slot: Slot::new(service.clone(), Kind::Iterative, number).unwrap(),
            occupant: Occupant { instance: id(instance), addresses: Addresses::default(), aliases: vec![] },
            since: Timestamp(NOW.0 - minutes * MINUTE),
        })
    });
    Snapshot { revision: Revision { lineage: 1, number: 1 }, taken_at: NOW, entries: entries.collect() }
}

/// A complete census, written as `i-1 i-2:stopped`.
pub(super) fn census(text: &str) -> Census {
    Census::complete(text.split_whitespace().map(|word| {
        let (instance, state) = word.split_once(':').unwrap_or((word, "running"));
        (id(instance), InstanceState::new(state))
    }))
}

pub(super) fn partial(text: &str) -> Census {
    Census { coverage: Coverage::Partial(vec!["region mars: timed out".to_owned()]), ..census(text) }
}

/// A reconciler without its surroundings.
struct Judge {
    settings: Settings,
    absences: Absences,
    approved: bool,
}

impl Judge {
    fn new() -> Self {
        Self { settings: Settings::default(), absences: Absences::default(), approved: false }
    }

    fn judge(&mut self, snapshot: &Snapshot, census: &Census, look_up: Result<&Census, &Error>) -> Plan {
        let facts = Facts { snapshot, census, look_up };
        let (plan, after) = decide(facts, &self.absences, &self.settings, self.approved);
        self.absences = after;
        plan
    }

    /// Decides upon a census when the look-up finds nothing more.
    fn see(&mut self, snapshot: &Snapshot, seen: &Census) -> Plan {
        self.judge(snapshot, seen, Ok(&census("")))
    }
}

fn vacated(plan: &Plan) -> Vec<String> {
    plan.vacate.iter().map(ToString::to_string).collect()
}

/// A fleet of old nodes `i-0`, `i-1`, … and a census of those that aren't missing.
fn fleet(nodes: usize, missing: usize) -> (Snapshot, Census) {
    let names: Vec<String> = (0..nodes).map(|n| format!("i-{n}")).collect();
    let snapshot = table(names.iter().map(|name| (name.as_str(), 60)));
    (snapshot, census(&names[missing..].join(" ")))
}

#[test]
fn a_named_state_vacates_at_once_however_young_the_node_is() {
    let snapshot = table([("a", 0), ("b", 0), ("c", 0), ("d", 0), ("e", 60)]);
    let plan = Judge::new().see(&snapshot, &census("a b:pending c:terminated d:stopped e:Shutting-Down"));
    assert_eq!(
        vacated(&plan),
        [
            "web-2 (c): cloud says terminated",
            "web-3 (d): cloud says stopped",
            "web-4 (e): cloud says shutting-down"
        ]
    );
    assert_eq!((plan.nodes, plan.running), (5, 2));
}

#[test]
fn a_partial_census_vacates_nobody_not_even_the_terminated() {
    let mut judge = Judge::new();
    let snapshot = table([("a", 60), ("b", 60)]);
    for _ in 0..5 {
        let plan = judge.see(&snapshot, &partial("a:terminated"));
        assert_eq!((plan.vacate.len(), plan.waiting.len(), plan.held), (0, 0, None));
        assert_eq!(
            plan.trouble.unwrap(),
            "the census is partial, so it vacates nobody: region mars: timed out"
        );
    }
}

#[test]
fn an_absent_instance_is_vacated_in_the_second_census() {
    let (snapshot, seen) = (table([("a", 60), ("b", 12)]), census("a"));
    let mut judge = Judge::new();
    let plan = judge.see(&snapshot, &seen);
    assert_eq!(plan.vacate, []);
    assert_eq!(plan.waiting[0].to_string(), "web-1 (b): absent in 1 census so far, registered for 12m");
    assert_eq!(
        vacated(&judge.see(&snapshot, &seen)),
        ["web-1 (b): absent in 2 censuses, registered for 12m"]
    );
}

#[test]
fn the_number_of_absences_is_a_setting() {
    let (snapshot, seen) = (table([("a", 60)]), census(""));
    for absences in 1..5 {
        let mut judge = Judge::new();
        judge.settings.absences = absences.try_into().unwrap();
        for _ in 1..absences {
            assert_eq!(judge.see(&snapshot, &seen).vacate, []);
        }
        assert_eq!(judge.see(&snapshot, &seen).vacate.len(), 1, "{absences}");
    }
}

#[test]
fn the_grace_time_must_be_over() {
    let mut judge = Judge::new();
    let mut snapshot = table([("a", 5)]);
    for _ in 0..4 {
        assert_eq!(judge.see(&snapshot, &census("")).vacate, [], "five minutes are not longer than five");
    }
    snapshot.taken_at.0 += 1;
    assert_eq!(judge.see(&snapshot, &census("")).vacate.len(), 1);
}

#[test]
fn a_clock_of_the_store_that_went_back_vacates_nobody() {
    let mut judge = Judge::new();
    let mut snapshot = table([("a", 60)]);
    snapshot.taken_at = Timestamp(0);
    for _ in 0..4 {
        assert_eq!(judge.see(&snapshot, &census("")).vacate, []);
    }
}

#[test]
fn an_instance_that_is_seen_again_starts_anew() {
    let snapshot = table([("a", 60)]);
    let sightings: [fn(&mut Judge, &Snapshot) -> Plan; 4] = [
        |judge, snapshot| judge.see(snapshot, &census("a")),
        |judge, snapshot| judge.see(snapshot, &partial("a")),
        |judge, snapshot| judge.judge(snapshot, &census(""), Ok(&census("a:pending"))),
        |judge, snapshot| judge.judge(snapshot, &census(""), Ok(&partial("a"))),
    ];
    for (n, seen_again) in sightings.into_iter().enumerate() {
        let mut judge = Judge::new();
        judge.see(&snapshot, &census(""));
        assert_eq!(seen_again(&mut judge, &snapshot).running, 1);
        assert_eq!(judge.see(&snapshot, &census("")).vacate, [], "way {n}");
        assert_eq!(judge.see(&snapshot, &census("")).vacate.len(), 1, "way {n}");
    }
}

#[test]
fn what_proves_nothing_neither_counts_nor_forgets() {
    let snapshot = table([("a", 60)]);
    let error = Error::new(ErrorKind::Unavailable, "connection refused");
    let proofless: [&dyn Fn(&mut Judge) -> Plan; 4] = [
        &|judge| judge.see(&snapshot, &partial("")),
        &|judge| judge.judge(&snapshot, &census(""), Ok(&partial(""))),
        &|judge| judge.judge(&snapshot, &census(""), Ok(&partial("a:terminated"))),
        &|judge| judge.judge(&snapshot, &census(""), Err(&error)),
    ];
    for (n, look) in proofless.into_iter().enumerate() {
        let mut judge = Judge::new();
        for _ in 0..3 {
            let plan = look(&mut judge);
            assert_eq!(plan.vacate, [], "way {n}");
            assert!(plan.trouble.is_some(), "way {n}");
        }
        assert_eq!(judge.see(&snapshot, &census("")).waiting[0].absences, 1, "way {n}");
        assert_eq!(look(&mut judge).vacate, [], "way {n}");
        assert_eq!(judge.see(&snapshot, &census("")).vacate.len(), 1, "way {n}");
    }
}

#[test]
fn a_look_up_that_names_the_end_vacates_at_once() {
    let snapshot = table([("a", 0), ("b", 0)]);
    let plan = Judge::new().judge(&snapshot, &census("a"), Ok(&census("b:terminated")));
    assert_eq!(vacated(&plan), ["web-1 (b): cloud says terminated"]);
}

#[test]
fn only_the_absent_are_asked_for_by_id() {
    let snapshot = table([("a", 60), ("b", 60), ("c", 0)]);
    assert_eq!(absent(&snapshot, &census("a:stopped stranger")), [id("b"), id("c")]);
    assert_eq!(absent(&snapshot, &partial("")), []);
}

#[test]
fn absences_count_against_one_registration_and_follow_a_change_over() {
    let mut judge = Judge::new();
    let mut snapshot = table([("a", 60), ("b", 60)]);
    judge.see(&snapshot, &census("b"));
    // Given back and registered again, long ago by now.
    let again = table([("a", 50), ("b", 60)]);
    assert_eq!(judge.see(&again, &census("b")).waiting[0].absences, 1);
    // Two nodes change places.
    let mut judge = Judge::new();
    judge.see(&snapshot, &census("b"));
    let slots: Vec<Slot> = snapshot.entries.iter().map(|entry| entry.slot().clone()).collect();
    snapshot.entries.reverse();
    for (entry, slot) in snapshot.entries.iter_mut().zip(slots) {
        let Entry::Node(node) = entry else { panic!("a vacancy") };
        node.slot = slot;
    }
    assert_eq!(
        vacated(&judge.see(&snapshot, &census("b"))),
        ["web-1 (a): absent in 2 censuses, registered for 1h"]
    );
}

#[test]
fn the_brake_holds_all_absences_beyond_its_limit() {
    for (nodes, missing, holds) in [
        (3, 3, false),
        (4, 4, true),
        (20, 3, false),
        (20, 4, true),
        (100, 10, false),
        (100, 11, true),
        (1000, 1000, true),
    ] {
        let (snapshot, seen) = fleet(nodes, missing);
        let mut judge = Judge::new();
        assert_eq!(judge.see(&snapshot, &seen).held, None, "nobody is due in the first census");
        let plan = judge.see(&snapshot, &seen);
        let held = plan.held.map_or(0, |hold| hold.whom.len());
        let expected = if holds { (0, missing) } else { (missing, 0) };
        assert_eq!((plan.vacate.len(), held), expected, "{missing} of {nodes}");
    }
}

#[test]
fn the_brake_says_why_and_whom() {
    let (snapshot, seen) = fleet(100, 24);
    let mut judge = Judge::new();
    judge.see(&snapshot, &seen);
    let text = judge.see(&snapshot, &seen).held.unwrap().to_string();
    assert!(
        text.starts_with("24 of 100 nodes are absent, more than the 10 of one pass: web-0, web-1, "),
        "{text}"
    );
    assert!(text.ends_with("web-19 and 4 more"), "{text}");
}

#[test]
fn the_brake_leaves_named_states_alone() {
    let (snapshot, mut seen) = fleet(20, 10);
    seen.instances.extend(census("i-0:terminated i-19:stopped").instances);
    let mut judge = Judge::new();
    judge.see(&snapshot, &seen);
    let plan = judge.see(&snapshot, &seen);
    assert_eq!(vacated(&plan), ["web-0 (i-0): cloud says terminated", "web-19 (i-19): cloud says stopped"]);
    assert_eq!(plan.held.unwrap().whom.len(), 9);
}

#[test]
fn the_brake_holds_while_the_census_stays_the_same() {
    let (snapshot, seen) = fleet(20, 4);
    let mut judge = Judge::new();
    judge.see(&snapshot, &seen);
    assert!(judge.see(&snapshot, &seen).held.is_some());
    // Somebody released web-3: three are within the limit, but nothing new is known of the cloud.
    let fewer =
        Snapshot { entries: [&snapshot.entries[..3], &snapshot.entries[4..]].concat(), ..snapshot.clone() };
    for look_up in [Ok(&census("")), Ok(&partial("")), Ok(&census(""))] {
        let plan = judge.judge(&fewer, &seen, look_up);
        assert_eq!(plan.vacate, []);
    }
    let held = judge.see(&fewer, &seen).held.unwrap();
    assert!(
        held.to_string().starts_with("3 of 19 nodes are absent, in the census that was held before"),
        "{held}"
    );
    let mut changed = seen;
    changed.instances.extend(census("stranger").instances);
    assert_eq!(judge.see(&fewer, &changed).vacate.len(), 3);
}

#[test]
fn the_brake_lets_go_when_the_census_names_them_again() {
    let (snapshot, seen) = fleet(20, 20);
    let mut judge = Judge::new();
    judge.see(&snapshot, &seen);
    assert_eq!(judge.see(&snapshot, &seen).held.unwrap().whom.len(), 20);
    let plan = judge.see(&snapshot, &fleet(20, 0).1);
    assert_eq!((plan.vacate.len(), plan.held, plan.running), (0, None, 20));
}

#[test]
fn approval_lets_go_and_is_written_into_the_evidence() {
    let (snapshot, seen) = fleet(20, 4);
    let mut judge = Judge::new();
    judge.see(&snapshot, &seen);
    judge.see(&snapshot, &seen);
    judge.approved = true;
    let plan = judge.see(&snapshot, &seen);
    assert_eq!(plan.held, None);
    assert_eq!(vacated(&plan)[3], "web-3 (i-3): absent in 3 censuses, registered for 1h, approved");
    // Where the brake holds nothing, there is nothing to approve.
    let (snapshot, seen) = fleet(20, 1);
    judge.absences = Absences::default();
    judge.see(&snapshot, &seen);
    assert_eq!(
        vacated(&judge.see(&snapshot, &seen)),
        ["web-0 (i-0): absent in 2 censuses, registered for 1h"]
    );
}

#[test]
fn approval_shortens_neither_the_grace_time_nor_the_count() {
    let mut judge = Judge { approved: true, ..Judge::new() };
    let snapshot = table([("a", 60), ("b", 1)]);
    assert_eq!(judge.see(&snapshot, &census("")).vacate, []);
    assert_eq!(vacated(&judge.see(&snapshot, &census(""))).len(), 1);
}

#[test]
fn nothing_is_remembered_of_those_who_left_the_table() {
    let mut judge = Judge::new();
    judge.see(&table([("a", 60)]), &census(""));
    assert_eq!(judge.absences.counts.len(), 1);
    judge.see(&table([]), &partial(""));
    assert_eq!(judge.absences, Absences::default());
}
