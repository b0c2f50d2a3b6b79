//! The suites over the store in memory, bare and behind each wrapper.

use std::sync::Arc;

use aerostat_core::{Backoff, MemoryStore, NameStore, Retry};
use aerostat_testkit::name_store::Fixture;

async fn memory() -> Fixture {
    let store = MemoryStore::new();
    Fixture::opened(move || futures::future::ready(store.clone())).await
}

mod bare {
    aerostat_testkit::name_store_suite!(super::memory());
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
