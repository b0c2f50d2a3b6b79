//! The suite of sinks over the sink in memory.

use std::sync::Arc;

use aerostat_core::HostsSink;
use aerostat_testkit::hosts_sink::{Fixture, MemorySink};

mod bare {
    use super::*;

    async fn fresh() -> Fixture {
        let sink = MemorySink::new();
        Fixture::opened(sink.clone(), move || std::future::ready(sink.clone())).await
    }

    aerostat_testkit::hosts_sink_suite!(fresh());
}

mod as_a_trait_object {
    use super::*;

    async fn fresh() -> Fixture {
        let sink = MemorySink::new();
        let shared: Arc<dyn HostsSink> = Arc::new(sink.clone());
        Fixture::opened(sink, move || std::future::ready(shared.clone())).await
    }

    aerostat_testkit::hosts_sink_suite!(fresh());
}
