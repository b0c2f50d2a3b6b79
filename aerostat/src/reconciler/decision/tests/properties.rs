//! What holds whatever the table, the cloud and the settings are. The cases are drawn from their numbers, so a
//! number that fails here fails everywhere.

use std::collections::BTreeMap;

use super::*;

/// Numbers from a seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Once in `times`.
    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// A census that names some of `names`, more or less of them; partial once in five.
    fn census<'a>(&mut self, names: impl Iterator<Item = &'a String>) -> Census {
        const STATES: [&str; 4] = ["running", "pending", "stopped", "terminated"];
        let missing = 1 + self.below(6);
        let mut drawn = census("");
        for name in names {
            if !self.once_in(missing) {
                // Most machines run.
                let state = STATES[if self.once_in(3) { self.below(4) } else { 0 } as usize];
                drawn.instances.insert(id(name), InstanceState::new(state));
            }
        }
        if self.once_in(5) {
            drawn.coverage = Coverage::Partial(vec!["drawn".to_owned()]);
        }
        drawn
    }

    fn settings(&mut self) -> Settings {
        Settings {
            grace: Duration::from_secs(60 * self.below(8)),
            absences: u32::try_from(1 + self.below(3)).unwrap().try_into().unwrap(),
            brake_fraction: self.below(11) as f64 / 10.0,
            brake_minimum: self.below(5) as usize,
        }
    }
}

/// What the cloud has shown of one instance in the passes since it was last seen running.
#[derive(Default)]
struct Shown {
    proven_absences: u32,
}

/// One pass over a drawn table: sees that the plan follows from the facts, and keeps its own account of the
/// absences.
fn check_pass(
    facts: Facts<'_>,
    settings: &Settings,
    approved: bool,
    plan: &Plan,
    account: &mut BTreeMap<InstanceId, Shown>,
) {
    let Facts { snapshot, census, look_up } = facts;
    let proof = census.is_complete() && look_up.is_ok_and(Census::is_complete);
    for node in snapshot.nodes() {
        let instance = node.instance();
        let absent = census.sighting(instance) == Sighting::NotSeen;
        let found = look_up.ok().filter(|_| absent && census.is_complete());
        let running = census.sighting(instance) == Sighting::Running
            || found.is_some_and(|found| found.sighting(instance) == Sighting::Running);
        let shown = account.entry(instance.clone()).or_default();
        if running {
            shown.proven_absences = 0;
        } else if absent && proof && found.is_some_and(|found| found.sighting(instance) == Sighting::NotSeen)
        {
            shown.proven_absences += 1;
        }

        let planned: Vec<_> = plan.vacate.iter().filter(|vacating| vacating.instance == *instance).collect();
        let held =
            plan.held.iter().flat_map(|hold| &hold.whom).filter(|held| held.instance == *instance).count();
        let waiting = plan.waiting.iter().filter(|waiting| waiting.instance == *instance).count();
        if !census.is_complete() {
            assert_eq!((planned.len(), held), (0, 0), "a partial census vacates nobody");
            continue;
        }
        assert_eq!(planned.len() + held + waiting + usize::from(running), 1, "{instance} has one fate");
        if let Sighting::Gone(_) = census.sighting(instance) {
            assert_eq!(planned.len(), 1, "a named end is never held");
        }
        for Vacating { slot, evidence, .. } in planned {
            assert_eq!(*slot, node.slot);
            match evidence {
                Evidence::State(state) => {
                    let source = if absent { look_up.unwrap() } else { census };
                    assert!(source.is_complete());
                    assert_eq!(source.sighting(instance), Sighting::Gone(state));
                }
                Evidence::Absent { censuses, registered_for, .. } => {
                    assert!(proof && absent);
                    assert_eq!(*censuses, shown.proven_absences);
                    assert!(*censuses >= settings.absences.get());
                    assert!(*registered_for > settings.grace);
                    assert_eq!(*registered_for, snapshot.taken_at.since(node.since));
                }
            }
        }
    }
    let by_absence =
        plan.vacate.iter().filter(|vacating| matches!(vacating.evidence, Evidence::Absent { .. })).count();
    assert!(approved || by_absence <= settings.brake_limit(plan.nodes), "{by_absence} of {}", plan.nodes);
    assert!(plan.held.is_none() || by_absence == 0, "the brake holds all or none");
    assert!(plan.vacate.is_sorted_by(|a, b| a.slot < b.slot));
    assert_eq!(plan.nodes, snapshot.nodes().count());
}

#[test]
fn every_plan_follows_from_what_was_seen() {
    let (mut by_state, mut by_absence, mut holds) = (0, 0, 0);
    for seed in 0..4_000 {
        let draw = &mut Draw(seed);
        let names: Vec<String> = (0..draw.below(16)).map(|n| format!("i-{n}")).collect();
        let mut present: BTreeMap<&str, u64> =
            names.iter().map(|name| (name.as_str(), draw.below(12))).collect();
        let mut judge = Judge { settings: draw.settings(), approved: draw.once_in(4), ..Judge::new() };
        let mut account = BTreeMap::new();
        println!("seed {seed}: {:?}", judge.settings);
        for _ in 0..draw.below(8) {
            let snapshot = table(present.iter().map(|(name, minutes)| (*name, *minutes)));
            let census = draw.census(names.iter());
            let asked: Vec<String> = absent(&snapshot, &census).iter().map(ToString::to_string).collect();
            let found = draw.census(asked.iter().filter(|_| seed % 2 == 0));
            let error = Error::new(ErrorKind::Unavailable, "drawn");
            let look_up = if draw.once_in(6) { Err(&error) } else { Ok(&found) };
            let plan = judge.judge(&snapshot, &census, look_up);
            let facts = Facts { snapshot: &snapshot, census: &census, look_up };
            check_pass(facts, &judge.settings, judge.approved, &plan, &mut account);
            holds += usize::from(plan.held.is_some());
            for Vacating { instance, evidence, .. } in &plan.vacate {
                match evidence {
                    Evidence::State(_) => by_state += 1,
                    Evidence::Absent { .. } => by_absence += 1,
                }
                account.remove(instance);
                present.remove(instance.as_str());
            }
        }
    }
    // The cases are worth something only if they reach every end.
    assert!(by_state > 1000 && by_absence > 1000 && holds > 100, "{by_state} {by_absence} {holds}");
}
