//! The suites over the store in memory, bare and behind each wrapper.

use std::sync::Arc;
use std::time::Duration;

use aerostat_core::{Backoff, MemoryStore, NameStore, Retry};
use aerostat_testkit::name_store::Fixture;
use aerostat_testkit::{Fault, Faulty};

async fn memory() -> Fixture {
    let store = MemoryStore::new();
    Fixture::opened(move || futures::future::ready(store.clone())).await
}

/// A store that fails by a plan, behind one that retries. The timer makes each wait a millisecond or two.
async fn mended(plan: &'static [Option<Fault>]) -> Fixture {
    const BACKOFF: Backoff =
        Backoff { first: Duration::ZERO, most: Duration::ZERO, limit: Duration::from_secs(60) };
    memory().await.behind(|store| Retry::new(Faulty::by_plan(store, plan), BACKOFF))
}

mod bare {
    use super::*;

    aerostat_testkit::name_store_suite!(memory());
    aerostat_testkit::name_store_properties!(memory(), cases: 512);
}

mod as_a_trait_object {
    use super::*;

    async fn boxed() -> Fixture {
        let store: Arc<dyn NameStore> = Arc::new(MemoryStore::new());
        Fixture::new(store)
    }

    aerostat_testkit::name_store_suite!(boxed());
}

mod that_retries {
    use super::*;

    async fn retrying() -> Fixture {
        memory().await.behind(|store| Retry::new(store, Backoff::COMMAND))
    }

    aerostat_testkit::name_store_suite!(retrying());
}

mod that_retries_what_failed_before_it_happened {
    use super::*;

    async fn failing() -> Fixture {
        mended(&[Some(Fault::Before), Some(Fault::Before), None, None, None, None, None]).await
    }

    aerostat_testkit::name_store_suite!(failing());
    aerostat_testkit::name_store_properties!(failing(), cases: 32);
}

mod that_retries_what_happened_before_it_failed {
    use super::*;

    async fn forgetting() -> Fixture {
        mended(&[Some(Fault::After), None, None, Some(Fault::After), Some(Fault::Before), None, None]).await
    }

    // Not the suite: a step that happened twice rightly tells so. What it does is the same.
    aerostat_testkit::name_store_properties!(forgetting(), cases: 32, answers: MayBeLost);
}
