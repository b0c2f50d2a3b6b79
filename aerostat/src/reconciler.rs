//! Compares the table with what the cloud says is running, and makes the names of dead machines gaps.
//!
//! [`decide`] says who loses a name; it is pure, so that every rule of it can be tested. [`Reconciler`] asks
//! the store and the cloud, decides, and vacates.
//!
//! Several reconcilers at once are harmless: a slot is vacated only if it still has the holder that was judged.

mod decision;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aerostat_core::{Census, CloudProvider, ErrorKind, InstanceId, Registrar, Result, Vacated};
use futures::StreamExt;
use tracing::{info, warn};

pub use decision::{Absences, Evidence, Facts, Hold, Plan, Vacating, Waiting, absent, decide};
pub use settings::Settings;

/// How a pass is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassOptions {
    /// Decides, and changes nothing in the table.
    pub dry_run: bool,
    /// An operator has looked at what the brake holds, and lets it go.
    pub approve: bool,
}

/// What a pass did. Its text is a summary in one line; [`lines`](Self::lines) says it for each node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// What was decided.
    pub plan: Plan,
    /// Whether nothing was to be changed.
    pub dry_run: bool,
    /// Who lost a name, sorted by slot; nobody in a dry run.
    pub vacated: Vec<Vacating>,
    /// Who was to lose a name, but somebody else had changed the slot since it was read; sorted by slot.
    pub overtaken: Vec<Vacating>,
}

impl Pass {
    /// What happened to each node that is not simply running, a line each: who lost a name or would have, who
    /// is absent, whom the brake holds.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let would: &[_] = if self.dry_run { &self.plan.vacate } else { &[] };
        let would = would.iter().map(|vacating| format!("would vacate {vacating}"));
        let vacated = self.vacated.iter().map(|vacating| format!("vacated {vacating}"));
        let overtaken = self
            .overtaken
            .iter()
            .map(|vacating| format!("left {}, which somebody else changed meanwhile", vacating.slot));
        let waiting = self.plan.waiting.iter().map(|waiting| format!("waiting for {waiting}"));
        let held = self.plan.held.iter().flat_map(|hold| &hold.whom).map(|held| format!("held {held}"));
        would.chain(vacated).chain(overtaken).chain(waiting).chain(held)
    }

    fn held(&self) -> usize {
        self.plan.held.as_ref().map_or(0, |hold| hold.whom.len())
    }
}

impl fmt::Display for Pass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { nodes, running, vacate, waiting, .. } = &self.plan;
        write!(f, "{nodes} nodes, {running} running: ")?;
        if self.dry_run {
            write!(f, "would vacate {}", vacate.len())?;
        } else {
            write!(f, "vacated {}", self.vacated.len())?;
        }
        if !self.overtaken.is_empty() {
            write!(f, ", left {} to others", self.overtaken.len())?;
        }
        write!(f, ", {} absent so far, {} held by the brake", waiting.len(), self.held())
    }
}

/// Compares the table with the census, pass after pass.
///
/// It reads the table before the census. So whoever is in the table had started when the census began, and a
/// machine that starts and registers meanwhile is not taken for absent. It takes one look-up a pass, if anybody
/// is absent, and one step of the store for each name that is lost.
#[derive(Debug)]
pub struct Reconciler {
    registrar: Registrar,
    cloud: Arc<dyn CloudProvider>,
    settings: Settings,
    absences: Absences,
    told: Told,
}

/// What the log knows already: it gets no news twice.
#[derive(Debug, Default)]
struct Told {
    /// Whom the brake holds.
    held: Vec<InstanceId>,
    /// Why absences prove nothing.
    trouble: Option<String>,
}

impl Reconciler {
    /// How many slots are vacated at once. Enough to hide the way to a store, few enough to leave it room for
    /// others.
    const AT_ONCE: usize = 16;

    /// A reconciler that remembers nothing yet.
    #[must_use]
    pub fn new(registrar: Registrar, cloud: Arc<dyn CloudProvider>, settings: Settings) -> Self {
        Self { registrar, cloud, settings, absences: Absences::default(), told: Told::default() }
    }

    /// Takes a census, compares, and vacates.
    ///
    /// A dry run counts absences as any other. Cut at any await, a pass has vacated some of those that it would
    /// have, and the next one goes on.
    ///
    /// # Errors
    /// Those of the cloud's census and of the store. After an error nobody has lost a name that the evidence
    /// didn't cost them. That asking by id fails is no error: see [`Plan::trouble`].
    pub async fn pass(&mut self, options: PassOptions) -> Result<Pass> {
        let plan = self.observe(options.approve).await?;
        self.tell(&plan);
        let mut pass = Pass { plan, dry_run: options.dry_run, vacated: Vec::new(), overtaken: Vec::new() };
        let outcome = if options.dry_run {
            for Vacating { slot, instance, evidence } in &pass.plan.vacate {
                info!(hostname = %slot, %instance, reason = %evidence, "would vacate");
            }
            Ok(())
        } else {
            self.vacate(&mut pass).await
        };
        info!(
            nodes = pass.plan.nodes,
            running = pass.plan.running,
            vacated = pass.vacated.len(),
            overtaken = pass.overtaken.len(),
            absent = pass.plan.waiting.len(),
            held = pass.held(),
            dry_run = pass.dry_run,
            "compared the table with the census"
        );
        outcome.map(|()| pass)
    }

    /// Makes a pass for a program that runs once and so remembers nothing: first it takes as many further
    /// censuses as an absence needs, `pause` apart, and changes nothing by them.
    ///
    /// # Errors
    /// As [`pass`](Self::pass).
    pub async fn confirmed_pass(&mut self, options: PassOptions, pause: Duration) -> Result<Pass> {
        for _ in 1..self.settings.absences.get() {
            let plan = self.observe(options.approve).await?;
            if plan.waiting.is_empty() {
                break;
            }
            tokio::time::sleep(pause).await;
        }
        self.pass(options).await
    }

    /// Asks the store and the cloud, and decides.
    async fn observe(&mut self, approved: bool) -> Result<Plan> {
        // The table first. The other way round, a machine that starts and registers between the two would be in
        // the table and not in the census.
        let snapshot = self.registrar.store().snapshot().await?;
        let census = self.cloud.census().await.map_err(|error| error.during("take a census"))?;
        let absent = absent(&snapshot, &census);
        let look_up =
            if absent.is_empty() { Ok(Census::complete([])) } else { self.cloud.look_up(&absent).await };
        let facts = Facts { snapshot: &snapshot, census: &census, look_up: look_up.as_ref() };
        let (plan, absences) = decide(facts, &self.absences, &self.settings, approved);
        self.absences = absences;
        Ok(plan)
    }

    async fn vacate(&self, pass: &mut Pass) -> Result<()> {
        let mut failure = None;
        let mut steps = futures::stream::iter(pass.plan.vacate.clone())
            .map(|vacating| async move {
                let Vacating { slot, instance, evidence } = &vacating;
                let outcome = self.registrar.vacate(slot, instance, &evidence.to_string()).await;
                (vacating, outcome)
            })
            .buffered(Self::AT_ONCE);
        while let Some((vacating, outcome)) = steps.next().await {
            match outcome {
                Ok(Vacated::Done(_)) => pass.vacated.push(vacating),
                Ok(Vacated::AlreadyVacant(_) | Vacated::HeldByAnother(_)) => pass.overtaken.push(vacating),
                Err(error) if error.kind() == ErrorKind::NotFound => pass.overtaken.push(vacating),
                Err(error) => {
                    failure = Some(error.with("hostname", vacating.slot));
                    break;
                }
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Says what the brake holds and what makes absences prove nothing, when it is news.
    fn tell(&mut self, plan: &Plan) {
        if plan.trouble != self.told.trouble {
            match &plan.trouble {
                Some(trouble) => warn!("{trouble}"),
                None => info!("census and look-up are complete again"),
            }
            self.told.trouble.clone_from(&plan.trouble);
        }
        if plan.trouble.is_some() {
            return; // Nothing is known about the brake.
        }
        let whom = plan.held.iter().flat_map(|hold| &hold.whom);
        let held: Vec<InstanceId> = whom.map(|held| held.instance.clone()).collect();
        if held == self.told.held {
            return;
        }
        match &plan.held {
            Some(hold) => warn!(
                held = hold.whom.len(),
                advice = "if they are gone indeed: `aerostatd --once --approve`",
                "the brake holds: {hold}"
            ),
            None => info!("the brake holds nobody any more"),
        }
        self.told.held = held;
    }
}
