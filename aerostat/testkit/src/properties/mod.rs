//! The ten rules over random sequences of operations, compared with a model after every turn.
//!
//! The operations are those of [`Registrar`](aerostat_core::Registrar): claims of new and of known machines,
//! moves, vacations with the right and the wrong holder, releases, changes of the master with and without an
//! expected one, and aliases that are fought for and that equal hostnames. Of three services two have names
//! that collide: `db-slave`, iterative, and `db`, masterful. The operations need no state to be drawn, and what
//! is left of one that was cut off only the store can tell; so the model goes along with the store, and a
//! failure shrinks by leaving operations out.
//!
//! [`name_store_properties!`](crate::name_store_properties) makes the tests. A failure prints the shortest
//! sequence that was found; nothing is written to disk.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;

use aerostat_core::{ErrorKind, HistoryQuery, InstanceId, NameStore, Revision, Snapshot};
use futures::StreamExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::halting::Halting;
use crate::name_store::Fixture;
use crate::promises;

mod model;
mod operation;

use model::{Model, Told};
use operation::{Operation, Turn, disturbed, whole};

/// The most turns of one case.
const TURNS: usize = 40;

/// How much a store's answers are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Each is what came of the call.
    Certain,
    /// A call that happened may be repeated after its answer was lost: then it is told as having been so
    /// before. Only the table is compared, and whether the operation was refused.
    MayBeLost,
}

/// Operations one after the other do to every store what they do to the model, and tell the same.
///
/// # Panics
/// With the shortest sequence found, if they don't.
pub fn operations_in_turn_follow_the_rules<Opening: Future<Output = Fixture>>(
    cases: u32,
    answers: Answers,
    fresh: impl Fn() -> Opening,
) {
    check(cases, answers, fresh, prop::collection::vec(whole(), 1..TURNS));
}

/// Operations that are cut off anywhere, or halted while another is done, leave a table that keeps every
/// promise, and that the next operations find in order.
///
/// # Panics
/// With the shortest sequence found, if they don't.
pub fn operations_cut_off_or_halted_keep_every_promise<Opening: Future<Output = Fixture>>(
    cases: u32,
    answers: Answers,
    fresh: impl Fn() -> Opening,
) {
    check(cases, answers, fresh, prop::collection::vec(disturbed(), 1..TURNS));
}

fn check<Opening: Future<Output = Fixture>>(
    cases: u32,
    answers: Answers,
    fresh: impl Fn() -> Opening,
    turns: impl Strategy<Value = Vec<Turn>>,
) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let tested = TestRunner::new(config).run(&turns, |turns| {
        crate::run(async {
            Case::begin(&fresh().await, answers).await.play(turns).await;
        });
        Ok(())
    });
    match tested {
        Ok(()) => {}
        Err(TestError::Fail(reason, turns)) => {
            let turns: String = turns.iter().map(|turn| format!("\n  {turn:?}")).collect();
            panic!("{reason}\nin these turns:{turns}");
        }
        Err(error) => panic!("{error}"),
    }
}

/// One store with its model.
struct Case {
    store: Arc<dyn NameStore>,
    /// Another handle, for whoever interferes.
    other: Arc<dyn NameStore>,
    answers: Answers,
    start: Snapshot,
    model: Model,
}

impl Case {
    async fn begin(fixture: &Fixture, answers: Answers) -> Self {
        let store = fixture.store().clone();
        let start = store.snapshot().await.expect("a snapshot");
        Self { store, other: fixture.another().await, answers, start, model: Model::default() }
    }

    async fn play(mut self, turns: Vec<Turn>) {
        for turn in turns {
            match turn {
                Turn::Whole(operation) => self.whole(operation).await,
                Turn::Cut { operation, calls, again } => self.cut(operation, calls, again).await,
                Turn::Between { operation, calls, other } => self.between(operation, calls, other).await,
            }
        }
        self.history_tells_the_holders().await;
        self.changes_lead_to_the_table().await;
    }

    /// The table of the store, which keeps every promise.
    async fn table(&self) -> Model {
        let table = self.store.snapshot().await.expect("a snapshot");
        promises::assert_kept(&table);
        Model::of(&table)
    }

    fn assert_told(&self, operation: &Operation, told: &Told, expected: &Told) {
        match (self.answers, told, expected) {
            (Answers::MayBeLost, Told::Claimed { name, .. }, Told::Claimed { name: expected, .. }) => {
                assert_eq!(name, expected, "{operation:?}");
            }
            (Answers::MayBeLost, Told::Refused(_), _)
            | (Answers::MayBeLost, _, Told::Refused(_))
            | (Answers::Certain, _, _) => assert_eq!(told, expected, "{operation:?}"),
            (Answers::MayBeLost, _, _) => {}
        }
    }

    async fn whole(&mut self, operation: Operation) {
        let operation = operation.resolved(&self.model);
        let told = operation.perform(self.store.clone()).await;
        let expected = operation.apply(&mut self.model);
        self.assert_told(&operation, &told, &expected);
        assert_eq!(self.table().await, self.model, "the table, then the model, after {operation:?}");
    }

    async fn cut(&mut self, operation: Operation, calls: usize, again: bool) {
        let operation = operation.resolved(&self.model);
        let before = self.model.clone();
        let told = {
            let (halting, mut gate) = Halting::gated(self.store.clone());
            gate.advance_by(calls, pin!(operation.perform(Arc::new(halting)))).await
        };
        let expected = operation.apply(&mut self.model);
        if let Some(told) = told {
            self.assert_told(&operation, &told, &expected);
        } else {
            let left = self.table().await;
            // Whose answers are lost looks again, and may be cut off then.
            let is_done = self.answers == Answers::MayBeLost && left == self.model;
            assert!(
                is_done || operation.may_be_cut_to(&before, &left),
                "{operation:?} after {calls} calls left {left:#?} of {before:#?}"
            );
            if !again {
                self.model = left;
                return;
            }
            // The next actor finishes it: the end is as if it had never been cut off.
            operation.perform(self.other.clone()).await;
        }
        assert_eq!(self.table().await, self.model, "the table, then the model, after {operation:?}");
    }

    async fn between(&mut self, operation: Operation, calls: usize, other: Operation) {
        let (operation, other) = (operation.resolved(&self.model), other.resolved(&self.model));
        let (halting, mut gate) = Halting::gated(self.store.clone());
        let mut acting = pin!(operation.perform(Arc::new(halting)));
        let mut told = gate.advance_by(calls, acting.as_mut()).await;
        self.table().await;
        let other_told = other.perform(self.other.clone()).await;
        self.table().await;
        if told.is_none() {
            told = Some(gate.finish(acting).await);
        }
        for (operation, told) in [(&operation, &told), (&other, &Some(other_told))] {
            if let Some(Told::Refused(kind)) = told {
                let kinds = [ErrorKind::Conflict, ErrorKind::NotFound, ErrorKind::InvalidInput];
                assert!(kinds.contains(kind), "{operation:?}: {kind}");
            }
        }
        let after = self.table().await;
        self.nobody_is_lost(&after, [&operation, &other]);
        self.model = after;
    }

    /// Who held a name still holds one, but those whom an operation was to remove.
    fn nobody_is_lost(&self, after: &Model, operations: [&Operation; 2]) {
        if operations.iter().any(|operation| matches!(operation, Operation::Release { .. })) {
            return;
        }
        let holders = |model: &Model| model.machines.keys().cloned().collect::<BTreeSet<InstanceId>>();
        let mut lost = &holders(&self.model) - &holders(after);
        lost.retain(|instance| operations.iter().all(|one| one.may_remove().as_ref() != Some(instance)));
        assert!(lost.is_empty(), "{lost:?} lost their names by {operations:?}");
    }

    /// The events, one after the other, give the holders: none is missing, none is told twice.
    async fn history_tells_the_holders(&self) {
        let events = self.store.history(&HistoryQuery::default()).await.expect("a history");
        let mut holders = BTreeMap::new();
        for event in events {
            let before = match event.to {
                Some(holder) => holders.insert(event.hostname.clone(), holder),
                None => holders.remove(&event.hostname),
            };
            assert_eq!(before, event.from, "who held {} before", event.hostname);
        }
        let table = self.store.snapshot().await.expect("a snapshot");
        let expected: BTreeMap<_, _> =
            table.nodes().map(|node| (node.hostname(), node.instance().clone())).collect();
        assert_eq!(holders, expected);
    }

    /// The changes since the beginning give the table.
    async fn changes_lead_to_the_table(self) {
        let until: Revision = self.store.revision().await.expect("a revision");
        let mut table = self.start;
        let mut changes = self.store.changes(table.revision);
        while table.revision != until {
            table.apply(changes.next().await.expect("a change").expect("a change"));
        }
        let end = self.store.snapshot().await.expect("a snapshot");
        assert_eq!(table.entries, end.entries);
    }
}

/// Makes the tests that compare a store with a model over random sequences of operations.
///
/// It takes an expression that gives a future of a [`Fixture`], as
/// [`name_store_suite!`](crate::name_store_suite) does, and how many sequences each test plays. Each sequence
/// has a fresh store.
///
/// ```
/// use aerostat_testkit::name_store::Fixture;
/// # use aerostat_core::MemoryStore;
///
/// async fn fresh_store() -> Fixture {
///     Fixture::new(MemoryStore::new())
/// }
///
/// aerostat_testkit::name_store_properties!(fresh_store(), cases: 64);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! name_store_properties {
    ($fixture:expr, cases: $cases:expr) => {
        $crate::name_store_properties!($fixture, cases: $cases, answers: Certain);
    };
    ($fixture:expr, cases: $cases:expr, answers: $answers:ident) => {
        $crate::name_store_properties!(@tests $fixture, $cases, $answers, [
            operations_in_turn_follow_the_rules
            operations_cut_off_or_halted_keep_every_promise
        ]);
    };
    (@tests $fixture:expr, $cases:expr, $answers:ident, [$($property:ident)*]) => {
        $(
            #[test]
            fn $property() {
                $crate::properties::$property($cases, $crate::properties::Answers::$answers, || $fixture);
            }
        )*
    };
}
