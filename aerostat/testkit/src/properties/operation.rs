//! What actors do: drawn at random, done through a registrar, and done to the model.

use std::fmt;
use std::sync::Arc;

use aerostat_core::{
    ChangedOver, Claim, Error, Hostname, InstanceId, NameStore, Occupant, Registrar, Slot, Vacated,
};
use proptest::prelude::*;

use super::model::{Model, Told};
use crate::samples::{alias, claim, id, iterative, masterful, occupant};

/// One operation of one actor.
#[derive(Clone)]
pub(super) enum Operation {
    Claim { claim: Claim, moves: bool },
    Vacate { slot: Slot, holder: Whom },
    Release { hostname: Hostname },
    ChangeOver { instance: InstanceId, expected: Option<Whom> },
}

/// An instance, or whoever it is at that moment.
#[derive(Clone, Debug)]
pub(super) enum Whom {
    ThePresentOne,
    Instance(InstanceId),
}

impl fmt::Debug for Operation {
    /// Writes it on one line, so that a sequence can be read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim { claim: Claim { service, kind, occupant }, moves } => {
                let Occupant { instance, addresses, aliases } = occupant;
                let verb = if *moves { "moves to" } else { "claims" };
                write!(f, "{instance} at {:?} {verb} {kind} {service}, aliases {aliases:?}", addresses.v4)
            }
            Self::Vacate { slot, holder } => write!(f, "vacate {holder:?} from {slot}"),
            Self::Release { hostname } => write!(f, "release {hostname}"),
            Self::ChangeOver { instance, expected } => {
                write!(f, "{instance} becomes master after {expected:?}")
            }
        }
    }
}

/// What happens in one turn of a test.
#[derive(Clone, Debug)]
pub(super) enum Turn {
    /// An operation from beginning to end.
    Whole(Operation),
    /// An operation that is cut off after so many calls of the store; maybe the next actor does it again.
    Cut { operation: Operation, calls: usize, again: bool },
    /// An operation that is halted after so many calls while another is done from beginning to end.
    Between { operation: Operation, calls: usize, other: Operation },
}

/// The services: the names of the first two collide.
fn slot() -> impl Strategy<Value = Slot> {
    let number = 0..5u32;
    prop_oneof![
        4 => number.clone().prop_map(|number| masterful("db", number)),
        3 => number.clone().prop_map(|number| iterative("db-slave", number)),
        2 => number.clone().prop_map(|number| iterative("web", number)),
        // Of the wrong kind, once others have come.
        1 => number.prop_map(|number| masterful("web", number)),
    ]
}

fn instance() -> impl Strategy<Value = InstanceId> {
    (0..8u32).prop_map(|number| id(&format!("i-{number}")))
}

fn whom() -> impl Strategy<Value = Whom> {
    prop_oneof![2 => Just(Whom::ThePresentOne), 1 => instance().prop_map(Whom::Instance)]
}

/// Some aliases, among them hostnames that exist sooner or later, and each maybe twice.
fn aliases() -> impl Strategy<Value = Vec<aerostat_core::Alias>> {
    const NAMES: &[&str] =
        &["www", "cache", "mail", "web-1", "web-3", "db-slave-2", "db-slave-3", "db-master"];
    let name = prop::sample::select(NAMES).prop_map(alias);
    prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(name, 1..4)]
}

fn operation() -> impl Strategy<Value = Operation> {
    let claiming = (slot(), instance(), aliases(), 0..2u8, prop::bool::weighted(0.25));
    let claiming = claiming.prop_map(|(slot, instance, aliases, version, moves)| {
        let addresses = occupant(&format!("{instance}-{version}")).addresses;
        Operation::Claim { claim: claim(&slot, Occupant { instance, addresses, aliases }), moves }
    });
    prop_oneof![
        6 => claiming,
        2 => (slot(), whom()).prop_map(|(slot, holder)| Operation::Vacate { slot, holder }),
        1 => slot().prop_map(|slot| Operation::Release { hostname: slot.hostname() }),
        3 => (instance(), prop::option::of(whom()))
            .prop_map(|(instance, expected)| Operation::ChangeOver { instance, expected }),
    ]
}

/// Turns in which operations come one after the other.
pub(super) fn whole() -> impl Strategy<Value = Turn> {
    operation().prop_map(Turn::Whole)
}

/// Turns in which operations are also cut off and disturbed.
pub(super) fn disturbed() -> impl Strategy<Value = Turn> {
    prop_oneof![
        2 => whole(),
        1 => (operation(), 0..6usize, any::<bool>())
            .prop_map(|(operation, calls, again)| Turn::Cut { operation, calls, again }),
        1 => (operation(), 0..6usize, operation())
            .prop_map(|(operation, calls, other)| Turn::Between { operation, calls, other }),
    ]
}

impl Whom {
    fn resolve(&mut self, present: Option<InstanceId>) {
        if let Self::ThePresentOne = self {
            // Where nobody is, anybody is wrong.
            *self = Self::Instance(present.unwrap_or_else(|| id("nobody")));
        }
    }

    fn id(&self) -> InstanceId {
        match self {
            Self::ThePresentOne => id("nobody"),
            Self::Instance(instance) => instance.clone(),
        }
    }
}

impl Operation {
    /// The same, with the present holders by name.
    pub(super) fn resolved(mut self, model: &Model) -> Self {
        match &mut self {
            Self::Vacate { slot, holder } => holder.resolve(model.holder_of(&slot.hostname())),
            Self::ChangeOver { expected: Some(expected), .. } => {
                expected.resolve(model.holder_of(&masterful("db", 0).hostname()));
            }
            _ => {}
        }
        self
    }

    /// What comes of it in the model.
    pub(super) fn apply(&self, model: &mut Model) -> Told {
        match self {
            Self::Claim { claim, moves } => model.claim(claim, *moves),
            Self::Vacate { slot, holder } => model.vacate(slot, &holder.id()),
            Self::Release { hostname } => model.release(hostname),
            Self::ChangeOver { instance, expected } => {
                model.change_over(instance, expected.as_ref().map(Whom::id).as_ref())
            }
        }
    }

    /// What comes of it in a store.
    pub(super) async fn perform(&self, store: Arc<dyn NameStore>) -> Told {
        let registrar = Registrar::new(store, "testkit");
        let done: Result<Told, Error> = async {
            Ok(match self {
                Self::Claim { claim, moves } => {
                    let claim = claim.clone();
                    let claimed = if *moves {
                        registrar.claim_moving(claim).await?
                    } else {
                        registrar.claim(claim).await?
                    };
                    Told::Claimed { name: claimed.node.slot.to_string(), held_before: claimed.held_before }
                }
                Self::Vacate { slot, holder } => told(registrar.vacate(slot, &holder.id(), "a turn").await?),
                Self::Release { hostname } => told(registrar.release(hostname, "a turn").await?),
                Self::ChangeOver { instance, expected } => {
                    let expected = expected.as_ref().map(Whom::id);
                    let ChangedOver { demoted, was_master, .. } =
                        registrar.change_over(instance, expected.as_ref()).await?;
                    let demoted = demoted.map(|(instance, slot)| (instance, slot.to_string()));
                    Told::ChangedOver { demoted, was_master }
                }
            })
        }
        .await;
        done.unwrap_or_else(|error| Told::Refused(error.kind()))
    }

    /// Who may lose a name for good by it, besides whoever a release hits.
    pub(super) fn may_remove(&self) -> Option<InstanceId> {
        match self {
            Self::Claim { claim, moves: true } => Some(claim.occupant.instance.clone()),
            Self::Vacate { holder, .. } => Some(holder.id()),
            _ => None,
        }
    }

    /// Whether a table can be what is left when it is cut off.
    pub(super) fn may_be_cut_to(&self, before: &Model, after: &Model) -> bool {
        let Self::Claim { claim, moves } = self else { return after == before };
        let mut moved = before.clone();
        moved.leave(&claim.occupant.instance);
        after.differs_from_by_aliases(before, &before.taken_by(claim))
            || *moves && after.differs_from_by_aliases(&moved, &moved.taken_by(claim))
    }
}

fn told(vacated: Vacated) -> Told {
    match vacated {
        Vacated::Done(slot) => Told::Vacated(slot.to_string()),
        Vacated::AlreadyVacant(slot) => Told::AlreadyVacant(slot.to_string()),
        Vacated::HeldByAnother(node) => Told::HeldByAnother(node.slot.to_string(), node.instance().clone()),
    }
}
