//! An actor is halted before each of its calls in turn, and another does something from beginning to end.

use std::pin::pin;
use std::sync::Arc;

use super::Fixture;
use super::scene::{Act, Scene};
use super::steps::table;
use crate::halting::Halting;

/// Halts `act` before each of its calls, lets another actor do each other thing there, and lets it go on.
/// Every promise holds at each moment, both finish, and nobody loses a name but who was vacated.
async fn interleave(fixture: &Fixture, act: Act) {
    /// More calls than any act makes when somebody interferes.
    const CALLS: usize = 32;
    let (store, other) = (fixture.store(), fixture.another().await);
    for (number, meanwhile) in Act::ALL.into_iter().enumerate() {
        for calls in 0.. {
            assert!(calls < CALLS, "{act:?} never ends");
            let case = format!("{meanwhile:?} before call {calls} of {act:?}");
            let scene = Scene::set(store, format!("{number}x{calls}")).await;
            let mut expected = scene.holders(store).await;
            let (halting, mut gate) = Halting::gated(store.clone());
            let mut acting = pin!(scene.perform(act, "a", Arc::new(halting)));
            if gate.advance_by(calls, acting.as_mut()).await.is_some() {
                break;
            }
            table(store).await;
            let effect = scene.perform(meanwhile, "b", other.clone()).await;
            let effect = effect.unwrap_or_else(|error| panic!("{case}: {error}"));
            let between = table(store).await;
            if act != Act::Move && meanwhile != Act::Move {
                expected.extend(effect.comes);
                expected.retain(|instance| Some(instance) != effect.goes.as_ref());
                assert_eq!(scene.holders(store).await, expected, "{case}");
            } else {
                expected = scene.holders(store).await;
            }
            match gate.finish(acting).await {
                Ok(effect) => {
                    expected.extend(effect.comes);
                    expected.retain(|instance| Some(instance) != effect.goes.as_ref());
                }
                Err(error) => assert!(Scene::may_fail(act, meanwhile, error.kind()), "{case}: {error}"),
            }
            assert_eq!(scene.holders(store).await, expected, "{case}");
            assert!(table(store).await.revision >= between.revision, "{case}");
        }
    }
}

/// A claim is one step in the end, whatever comes between its look-ups.
pub async fn a_claim_may_be_halted_anywhere(fixture: &Fixture) {
    interleave(fixture, Act::Claim).await;
}

/// A claim may be halted while it takes an alias away from its owner.
pub async fn taking_an_alias_may_be_halted_anywhere(fixture: &Fixture) {
    interleave(fixture, Act::ClaimWithAlias).await;
}

/// A repeated claim brings its node up to date wherever that is by then.
pub async fn a_repeated_claim_may_be_halted_anywhere(fixture: &Fixture) {
    interleave(fixture, Act::ClaimAgain).await;
}

/// A machine that moves may be halted between its two names.
pub async fn a_move_may_be_halted_anywhere(fixture: &Fixture) {
    interleave(fixture, Act::Move).await;
}

/// A change-over looks again when somebody moved.
pub async fn a_change_over_may_be_halted_anywhere(fixture: &Fixture) {
    interleave(fixture, Act::ChangeOver).await;
}
