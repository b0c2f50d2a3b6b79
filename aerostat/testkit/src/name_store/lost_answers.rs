//! A call fails, before it was made or after: the actor repeats it, and the end is the same.

use std::sync::Arc;
use std::time::Duration;

use aerostat_core::{Backoff, HistoryQuery, Retry};

use super::Fixture;
use super::scene::{Act, Scene};
use crate::faulty::{Fault, Faulty};

/// Repeats at once, for long enough on a busy machine.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(1),
    most: Duration::from_millis(10),
    limit: Duration::from_secs(60),
};

/// Lets each call of an act fail in turn, and compares the end with that of an act without a fault.
async fn endure(fixture: &Fixture, act: Act) {
    /// More calls than any act makes.
    const CALLS: usize = 8;
    let store = fixture.store();
    let events = async || store.history(&HistoryQuery::default()).await.expect("a history").len();
    let start = events().await;
    let scene = Scene::set(store, "good").await;
    scene.perform(act, "new", store.clone()).await.expect("the act alone");
    let (expected, expected_events) = (scene.rows(store).await, events().await - start);
    for fault in [Fault::Before, Fault::After] {
        for call in 0..CALLS {
            let case = format!("{fault:?} call {call} of {act:?}");
            let start = events().await;
            let scene = Scene::set(store, format!("{fault:?}{call}").to_lowercase()).await;
            let faulty = Retry::new(Faulty::once(store.clone(), call, fault), BACKOFF);
            let done = scene.perform(act, "new", Arc::new(faulty)).await;
            done.unwrap_or_else(|error| panic!("{case}: {error}"));
            assert_eq!(scene.rows(store).await, expected, "{case}");
            assert_eq!(events().await - start, expected_events, "{case}: what happened is told once");
        }
    }
}

/// A claim whose answer was lost is repeated, and gets one name.
pub async fn a_claim_endures_a_lost_answer(fixture: &Fixture) {
    endure(fixture, Act::Claim).await;
}

/// An alias is taken from its owner once, whatever answer is lost.
pub async fn a_claim_with_an_alias_endures_a_lost_answer(fixture: &Fixture) {
    endure(fixture, Act::ClaimWithAlias).await;
}

/// A node is brought up to date, whatever answer is lost.
pub async fn a_repeated_claim_endures_a_lost_answer(fixture: &Fixture) {
    endure(fixture, Act::ClaimAgain).await;
}

/// A machine that moves has one name in the end, whatever answer is lost.
pub async fn a_move_endures_a_lost_answer(fixture: &Fixture) {
    endure(fixture, Act::Move).await;
}

/// A change-over whose answer was lost is done, and not done twice.
pub async fn a_change_over_endures_a_lost_answer(fixture: &Fixture) {
    endure(fixture, Act::ChangeOver).await;
}

/// A vacating whose answer was lost is done.
pub async fn a_vacating_endures_a_lost_answer(fixture: &Fixture) {
    endure(fixture, Act::VacateMaster).await;
}
