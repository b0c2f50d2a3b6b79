//! A small fleet on which one actor is disturbed in the middle of what it does.

use std::collections::BTreeSet;
use std::sync::Arc;

use aerostat_core::{
    Claim, ErrorKind, InstanceId, NameStore, Occupant, Registrar, Result, Slot, Snapshot, Vacated,
};

use super::steps::{seat, table, vacate};
use crate::samples::{claim, id, iterative, masterful, occupant, occupant_with};

/// One fleet among others in the same table; their tags keep them apart.
///
/// Its service `db` has the master `m`, a gap where `db-slave-1` was, and the slaves `s` and `y`; its service
/// `web` has `w`. The alias `www` is the master's.
pub(super) struct Scene {
    tag: String,
}

/// What an actor does in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A new machine claims a name of `db`.
    Claim,
    /// A new machine claims a name of `db` and the master's alias.
    ClaimWithAlias,
    /// The master claims again, with one alias more.
    ClaimAgain,
    /// `w` moves to `db`.
    Move,
    /// `s` becomes the master.
    ChangeOver,
    /// `y` becomes the master.
    ChangeOverByAnother,
    /// `m` is vacated from the master's slot.
    VacateMaster,
    /// `s` is vacated from its slot.
    VacateSlave,
}

impl Act {
    pub(super) const ALL: [Self; 8] = [
        Self::Claim,
        Self::ClaimWithAlias,
        Self::ClaimAgain,
        Self::Move,
        Self::ChangeOver,
        Self::ChangeOverByAnother,
        Self::VacateMaster,
        Self::VacateSlave,
    ];
}

/// Who holds a name after an act that didn't before, and the other way round.
#[derive(Debug, Default)]
pub(super) struct Effect {
    pub(super) comes: Option<InstanceId>,
    pub(super) goes: Option<InstanceId>,
}

impl Scene {
    /// Lays out the fleet.
    pub(super) async fn set(store: &dyn NameStore, tag: impl Into<String>) -> Self {
        let scene = Self { tag: tag.into() };
        let www = occupant_with(&scene.name("m"), &[&scene.name("www")]);
        seat(store, &scene.db(0), www).await;
        for (number, name) in [(1, "x"), (2, "s"), (3, "y")] {
            seat(store, &scene.db(number), scene.occupant(name)).await;
        }
        vacate(store, &scene.db(1), &scene.name("x")).await;
        seat(store, &scene.web(), scene.occupant("w")).await;
        scene
    }

    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.tag)
    }

    fn occupant(&self, name: &str) -> Occupant {
        occupant(&self.name(name))
    }

    fn id(&self, name: &str) -> InstanceId {
        id(&self.name(name))
    }

    fn db(&self, number: u32) -> Slot {
        masterful(&self.name("db"), number)
    }

    fn web(&self) -> Slot {
        iterative(&self.name("web"), 0)
    }

    fn claim(&self, name: &str, aliases: &[&str]) -> Claim {
        let aliases: Vec<_> = aliases.iter().map(|alias| self.name(alias)).collect();
        let aliases: Vec<_> = aliases.iter().map(String::as_str).collect();
        claim(&self.db(0), occupant_with(&self.name(name), &aliases))
    }

    /// Does it; `new` is the machine that claims, if a new one does.
    pub(super) async fn perform(&self, act: Act, new: &str, store: Arc<dyn NameStore>) -> Result<Effect> {
        let registrar = Registrar::new(store, "testkit");
        let comes = |name| Ok(Effect { comes: Some(self.id(name)), goes: None });
        let vacating = async |slot: Slot, name| {
            let vacated = registrar.vacate(&slot, &self.id(name), "a test").await?;
            let goes = matches!(vacated, Vacated::Done(_)).then(|| self.id(name));
            Ok(Effect { comes: None, goes })
        };
        match act {
            Act::Claim => registrar.claim(self.claim(new, &[])).await.and(comes(new)),
            Act::ClaimWithAlias => registrar.claim(self.claim(new, &["www"])).await.and(comes(new)),
            Act::ClaimAgain => registrar.claim(self.claim("m", &["more", "www"])).await.and(comes("m")),
            Act::Move => registrar.claim_moving(self.claim("w", &[])).await.and(comes("w")),
            Act::ChangeOver => registrar.change_over(&self.id("s"), None).await.map(|_| Effect::default()),
            Act::ChangeOverByAnother => {
                registrar.change_over(&self.id("y"), None).await.map(|_| Effect::default())
            }
            Act::VacateMaster => vacating(self.db(0), "m").await,
            Act::VacateSlave => vacating(self.db(2), "s").await,
        }
    }

    /// Whether an act may fail so when another actor did something in between: who lost its name can't change
    /// over.
    pub(super) fn may_fail(act: Act, meanwhile: Act, kind: ErrorKind) -> bool {
        (act, meanwhile, kind) == (Act::ChangeOver, Act::VacateSlave, ErrorKind::NotFound)
    }

    /// Who holds a name.
    pub(super) async fn holders(&self, store: &dyn NameStore) -> BTreeSet<InstanceId> {
        self.nodes(&table(store).await).map(|node| node.instance().clone()).collect()
    }

    fn nodes<'a>(&'a self, table: &'a Snapshot) -> impl Iterator<Item = &'a aerostat_core::Node> {
        let ours = [self.db(0).service().clone(), self.web().service().clone()];
        table.nodes().filter(move |node| ours.contains(node.slot.service()))
    }

    /// The fleet in short, without its tag: `db-master m www`.
    pub(super) async fn rows(&self, store: &dyn NameStore) -> Vec<String> {
        let table = table(store).await;
        let rows = self.nodes(&table).map(|node| {
            let aliases: String = node.occupant.aliases.iter().map(|alias| format!(" {alias}")).collect();
            format!("{} {}{aliases}", node.slot, node.instance()).replace(&format!("-{}", self.tag), "")
        });
        rows.collect()
    }
}
