//! The behaviours of a [`NameStore`], each a function that panics when the store breaks it.
//!
//! They follow the *Behavior* lists of the trait. [`name_store_suite!`](crate::name_store_suite) makes a
//! test of each.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use aerostat_core::NameStore;
use futures::FutureExt;
use futures::future::BoxFuture;

pub mod cancellation;
pub mod changes;
pub mod exchange;
pub mod history;
pub mod interleavings;
pub mod lost_answers;
pub mod races;
pub mod reads;
pub mod refresh;
pub mod repeats;
mod scene;
mod steps;
pub mod take;

/// A fresh, empty store for one behaviour, a way to open it again, and what keeps its place alive.
pub struct Fixture {
    store: Arc<dyn NameStore>,
    another: Opener,
    places: Vec<Box<dyn Any + Send>>,
}

/// Opens one more handle on a fixture's table.
type Opener = Arc<dyn Fn() -> BoxFuture<'static, Arc<dyn NameStore>> + Send + Sync>;

impl Fixture {
    /// A store that can't be opened twice: all handles are this one.
    #[must_use]
    pub fn new(store: impl NameStore) -> Self {
        let store: Arc<dyn NameStore> = Arc::new(store);
        let shared = store.clone();
        let another: Opener = Arc::new(move || futures::future::ready(shared.clone()).boxed());
        Self { store, another, places: Vec::new() }
    }

    /// A store that each call of `open` opens anew, with connections and caches of its own, on one table.
    pub async fn opened<Open, Opening, Store>(open: Open) -> Self
    where
        Open: Fn() -> Opening + Send + Sync + 'static,
        Opening: Future<Output = Store> + Send + 'static,
        Store: NameStore,
    {
        let another: Opener =
            Arc::new(move || open().map(|store| Arc::new(store) as Arc<dyn NameStore>).boxed());
        Self { store: another().await, another, places: Vec::new() }
    }

    /// Keeps something until the behaviour has been tested: a temporary folder, a server.
    #[must_use]
    pub fn keeping(mut self, place: impl Any + Send) -> Self {
        self.places.push(Box::new(place));
        self
    }

    /// The same table behind a wrapper, such as one that retries.
    #[must_use]
    pub fn behind<Wrapper: NameStore>(
        self,
        wrap: impl Fn(Arc<dyn NameStore>) -> Wrapper + Send + Sync + 'static,
    ) -> Self {
        let store = Arc::new(wrap(self.store));
        let wrap = Arc::new(wrap);
        let another: Opener = Arc::new(move || {
            let (opening, wrap) = ((self.another)(), wrap.clone());
            async move { Arc::new(wrap(opening.await)) as Arc<dyn NameStore> }.boxed()
        });
        Self { store, another, places: self.places }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn NameStore> {
        &self.store
    }

    /// One more handle on the same table.
    pub async fn another(&self) -> Arc<dyn NameStore> {
        (self.another)().await
    }
}

impl fmt::Debug for Fixture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("store", &self.store).finish_non_exhaustive()
    }
}

/// Makes a test of every behaviour of a [`NameStore`].
///
/// It takes an expression that gives a future of a [`Fixture`] with an empty table; each test evaluates it
/// anew. Put it into a module of its own for each store that is tested.
///
/// ```
/// use aerostat_testkit::name_store::Fixture;
/// # use aerostat_core::MemoryStore;
///
/// async fn fresh_store() -> Fixture {
///     Fixture::new(MemoryStore::new())
/// }
///
/// aerostat_testkit::name_store_suite!(fresh_store());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! name_store_suite {
    ($fixture:expr) => {
        $crate::__each_behaviour! { name_store, $fixture, [
            take:
                a_service_of_another_kind_is_refused
                an_instance_that_holds_a_node_of_the_service_keeps_it_as_it_was
                an_instance_that_holds_a_node_of_another_service_is_told_which
                an_alias_that_is_a_hostname_held_or_vacant_is_refused
                an_alias_of_another_node_is_refused_with_its_owner
                the_vacancy_with_the_lowest_number_is_taken_and_nothing_is_opened
                a_vacancy_is_taken_even_if_an_alias_equals_a_fresh_hostname
                without_fresh_slots_there_is_no_vacancy
                a_first_fresh_slot_that_exists_is_no_vacancy
                a_first_fresh_hostname_of_another_service_is_told_with_its_owner
                a_first_fresh_hostname_that_is_an_alias_is_told_with_its_owner
                a_first_fresh_hostname_that_is_an_alias_of_the_claimant_is_refused
                fresh_slots_are_opened_in_order_and_the_first_is_taken
                fresh_slots_are_opened_up_to_a_hostname_of_another_service
                fresh_slots_are_opened_up_to_an_alias
                fresh_slots_are_opened_up_to_an_alias_of_the_claimant
                since_is_the_moment_of_the_step
                what_was_stored_is_read_back_whole
                services_with_like_names_do_not_mix
                instance_ids_that_differ_by_case_are_two_instances;
            exchange:
                all_slots_change_hands_or_none
                a_conflict_shows_the_holders_and_leaves_out_what_does_not_exist
                senseless_transfers_are_invalid_and_change_nothing
                an_instance_that_moves_takes_addresses_aliases_and_since_along
                instances_move_in_a_circle
                the_answer_is_in_the_order_of_the_transfers
                a_slot_that_is_left_is_a_vacancy_that_was_held
                a_slot_that_was_never_held_stays_so
                transfers_that_move_nobody_change_nothing
                the_aliases_of_an_instance_that_leaves_are_free
                a_vacated_slot_is_taken_again;
            refresh:
                addresses_and_aliases_are_replaced_and_since_stays
                a_slot_that_the_instance_does_not_hold_is_not_held
                an_alias_that_is_a_hostname_is_refused
                an_alias_of_another_node_is_refused
                its_own_aliases_are_no_conflict
                a_node_that_is_so_already_makes_no_revision
                an_alias_given_up_is_free;
            reads:
                a_row_is_found_by_hostname_instance_and_alias
                what_is_not_there_is_none
                other_handles_see_an_answered_step_at_once
                an_extent_tells_the_highest_slot_and_the_lowest_vacancy
                every_step_that_changes_something_makes_one_revision
                a_snapshot_is_sorted_by_service_then_number
                a_check_of_a_sound_table_finds_no_problem_and_changes_nothing;
            changes:
                changes_lead_from_every_revision_to_every_later_table
                changes_are_seen_as_they_happen
                changes_start_behind_the_revision_that_was_asked_for
                a_change_never_shows_part_of_a_step
                another_lineage_is_expired_and_ends;
            history:
                events_tell_who_came_and_went_oldest_first
                a_limit_gives_the_latest_events
                events_of_one_hostname_are_asked_for
                slots_that_changed_hands_together_share_a_revision
                what_did_not_happen_leaves_no_event;
            repeats:
                a_repeated_take_is_held
                a_repeated_exchange_conflicts_with_the_wanted_holders
                a_repeated_refresh_gives_the_same_node;
            cancellation:
                a_take_that_is_dropped_happens_or_does_not
                an_exchange_that_is_dropped_happens_or_does_not
                a_refresh_that_is_dropped_happens_or_does_not;
            races:
                many_claims_at_once_get_distinct_dense_names
                many_takes_of_the_same_fresh_slots_get_distinct_names
                claims_of_one_instance_at_once_get_one_name
                of_exchanges_at_once_one_happens
                of_claims_to_one_alias_at_once_one_wins
                change_overs_at_once_never_show_two_masters
                claims_and_vacations_at_once_keep_every_promise;
            interleavings:
                a_claim_may_be_halted_anywhere
                taking_an_alias_may_be_halted_anywhere
                a_repeated_claim_may_be_halted_anywhere
                a_move_may_be_halted_anywhere
                a_change_over_may_be_halted_anywhere;
            lost_answers:
                a_claim_endures_a_lost_answer
                a_claim_with_an_alias_endures_a_lost_answer
                a_repeated_claim_endures_a_lost_answer
                a_move_endures_a_lost_answer
                a_change_over_endures_a_lost_answer
                a_vacating_endures_a_lost_answer;
        ] }
    };
}
