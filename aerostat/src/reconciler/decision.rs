//! Who loses a name, and why: pure functions, with no clock and no I/O.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use aerostat_core::{
    Census, Coverage, Error, InstanceId, InstanceState, Node, Sighting, Slot, Snapshot, Timestamp,
};

use super::settings::Settings;

/// What is known when a pass decides.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The table. It must be older than the census: see [`Reconciler`](super::Reconciler).
    pub snapshot: &'a Snapshot,
    /// What the cloud says is running.
    pub census: &'a Census,
    /// The cloud's answer about the [`absent`] instances, or why there is none.
    pub look_up: Result<&'a Census, &'a Error>,
}

/// Why an instance loses its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The cloud names a state other than pending and running.
    State(InstanceState),
    /// The cloud doesn't know it.
    Absent {
        /// In so many complete censuses in a row.
        censuses: u32,
        /// How long it was registered.
        registered_for: Duration,
        /// Whether an operator approved what the brake would have held.
        approved: bool,
    },
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Evidence::State(state) => write!(f, "cloud says {state}"),
            Evidence::Absent { censuses, registered_for, approved } => {
                let age = Age(*registered_for);
                write!(f, "absent in {}, registered for {age}", Censuses(*censuses))?;
                f.write_str(if *approved { ", approved" } else { "" })
            }
        }
    }
}

/// A slot that its instance is to lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vacating {
    /// The slot.
    pub slot: Slot,
    /// Who holds it.
    pub instance: InstanceId,
    /// Why.
    pub evidence: Evidence,
}

impl fmt::Display for Vacating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.slot, self.instance, self.evidence)
    }
}

/// A node whose instance is absent, but not yet for long enough, or not yet for certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The slot.
    pub slot: Slot,
    /// Who holds it.
    pub instance: InstanceId,
    /// How many absences in a row are proven so far.
    pub absences: u32,
    /// How long it has been registered.
    pub registered_for: Duration,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { slot, instance, absences, registered_for } = self;
        let (censuses, age) = (Censuses(*absences), Age(*registered_for));
        write!(f, "{slot} ({instance}): absent in {censuses} so far, registered for {age}")
    }
}

/// What the brake holds: so many are absent that the census is more likely wrong than right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Whom, sorted by slot.
    pub whom: Vec<Vacating>,
    /// How many nodes there are.
    pub nodes: usize,
    /// How many of them may lose their names by absence in one pass.
    pub limit: usize,
}

impl fmt::Display for Hold {
    /// Says why and whom; of very many, the first ones.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        let Self { whom, nodes, limit } = self;
        let count = whom.len();
        if count > *limit {
            write!(f, "{count} of {nodes} nodes are absent, more than the {limit} of one pass: ")?;
        } else {
            write!(f, "{count} of {nodes} nodes are absent, in the census that was held before: ")?;
        }
        for (at, held) in whom.iter().take(SHOWN).enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, held.slot)?;
        }
        match count.saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many of them the cloud says are pending or running.
    pub running: usize,
    /// Who loses a name, sorted by slot.
    pub vacate: Vec<Vacating>,
    /// Who is absent and keeps the name so far, sorted by slot.
    pub waiting: Vec<Waiting>,
    /// What the brake holds.
    pub held: Option<Hold>,
    /// Why an absence proves nothing this time: the census or the look-up is partial, or the look-up failed.
    pub trouble: Option<String>,
}

/// What a reconciler remembers from pass to pass. It may be lost at any time: then absences count anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Absences {
    counts: HashMap<InstanceId, Absence>,
    /// The digest of the census for which the brake holds.
    held: Option<u64>,
}

/// Absences of one instance in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Absence {
    /// Which registration of the instance they count against: one that registered anew starts anew.
    since: Timestamp,
    count: u32,
}

impl Absences {
    /// How many absences in a row count against a node.
    fn of(&self, node: &Node) -> u32 {
        self.counts
            .get(node.instance())
            .filter(|absence| absence.since == node.since)
            .map_or(0, |absence| absence.count)
    }

    fn set(&mut self, node: &Node, count: u32) {
        if count > 0 {
            self.counts.insert(node.instance().clone(), Absence { since: node.since, count });
        }
    }
}

/// The instances that hold a name and that a census doesn't name: to be asked for by id. None if the census is
/// not complete, because nothing follows from it.
#[must_use]
pub fn absent(snapshot: &Snapshot, census: &Census) -> Vec<InstanceId> {
    if !census.is_complete() {
        return Vec::new();
    }
    snapshot
        .nodes()
        .map(Node::instance)
        .filter(|instance| census.sighting(instance) == Sighting::NotSeen)
        .cloned()
        .collect()
}

/// Says what is to be done, and what to remember for the next time.
///
/// - A census that is not complete vacates nobody, not even those whose end it names.
/// - A named state other than pending and running vacates at once.
/// - An instance that neither the census nor a complete look-up names has one absence more. With enough of them
///   in a row, and registered for longer than the grace time, it is due.
/// - An instance that anything names as running has no absence any more. A census or look-up that is not
///   complete leaves the count of those that it doesn't name.
/// - If more are due than [`Settings::brake_limit`], the brake holds all of them, and goes on holding while the
///   census stays the same, unless it is `approved`.
#[must_use]
pub fn decide(facts: Facts<'_>, before: &Absences, settings: &Settings, approved: bool) -> (Plan, Absences) {
    let mut after = Absences { held: before.held, ..Absences::default() };
    if let Coverage::Partial(why) = &facts.census.coverage {
        let mut plan = Plan {
            trouble: Some(format!("the census is partial, so it vacates nobody: {}", why.join("; "))),
            ..Plan::default()
        };
        for node in facts.snapshot.nodes() {
            plan.nodes += 1;
            if facts.census.sighting(node.instance()) == Sighting::Running {
                plan.running += 1;
            } else {
                after.set(node, before.of(node));
            }
        }
        return (plan, after);
    }

    let mut plan = Plan::default();
    let mut due = Vec::new();
    let complete = facts.look_up.is_ok_and(Census::is_complete);
    for node in facts.snapshot.nodes() {
        plan.nodes += 1;
        let instance = node.instance();
        let vacating = |evidence| Vacating { slot: node.slot.clone(), instance: instance.clone(), evidence };
        let (sighting, certain) = match (facts.census.sighting(instance), facts.look_up) {
            (Sighting::NotSeen, Ok(look_up)) => (look_up.sighting(instance), complete),
            (sighting, _) => (sighting, true),
        };
        match sighting {
            Sighting::Running => plan.running += 1,
            Sighting::Gone(state) if certain => {
                plan.vacate.push(vacating(Evidence::State(state.clone())));
            }
            Sighting::Gone(_) | Sighting::NotSeen => {
                let absences = before.of(node).saturating_add(u32::from(complete));
                after.set(node, absences);
                let registered_for = facts.snapshot.taken_at.since(node.since);
                if complete && absences >= settings.absences.get() && registered_for > settings.grace {
                    let evidence = Evidence::Absent { censuses: absences, registered_for, approved: false };
                    due.push(vacating(evidence));
                } else {
                    let (slot, instance) = (node.slot.clone(), instance.clone());
                    plan.waiting.push(Waiting { slot, instance, absences, registered_for });
                }
            }
        }
    }
    if !plan.waiting.is_empty() {
        plan.trouble = trouble_of(facts.look_up);
    }
    // Without a complete look-up nobody is due, which says nothing about the brake.
    if complete {
        after.held = brake(due, &mut plan, facts.census, before, settings, approved);
    }
    (plan, after)
}

/// Lets those who are due lose their names or holds all of them; gives the digest of the census if it holds.
fn brake(
    mut due: Vec<Vacating>,
    plan: &mut Plan,
    census: &Census,
    before: &Absences,
    settings: &Settings,
    approved: bool,
) -> Option<u64> {
    if due.is_empty() {
        return None;
    }
    let limit = settings.brake_limit(plan.nodes);
    let digest = digest(census);
    let holds = due.len() > limit || before.held == Some(digest);
    if holds && !approved {
        plan.held = Some(Hold { whom: due, nodes: plan.nodes, limit });
        return Some(digest);
    }
    for vacating in &mut due {
        if let Evidence::Absent { approved, .. } = &mut vacating.evidence {
            *approved = holds;
        }
    }
    plan.vacate.append(&mut due);
    plan.vacate.sort_by(|a, b| a.slot.cmp(&b.slot));
    None
}

/// Tells two censuses apart. Were two of them mistaken for one, the brake would hold for longer than it must.
fn digest(census: &Census) -> u64 {
    let mut hasher = DefaultHasher::new();
    census.instances.hash(&mut hasher);
    hasher.finish()
}

fn trouble_of(look_up: Result<&Census, &Error>) -> Option<String> {
    match look_up.map(|look_up| &look_up.coverage) {
        Ok(Coverage::Complete) => None,
        Ok(Coverage::Partial(why)) => {
            Some(format!("asking for absent instances by id was answered in part: {}", why.join("; ")))
        }
        Err(error) => Some(format!("absent instances could not be asked for by id: {error}")),
    }
}

/// Writes «1 census», «2 censuses».
struct Censuses(u32);

impl fmt::Display for Censuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "census" } else { "censuses" })
    }
}

/// Writes a duration to the minute, a short one to the second.
struct Age(Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let seconds = if seconds < 60 { seconds } else { seconds - seconds % 60 };
        write!(f, "{}", humantime::format_duration(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests;
