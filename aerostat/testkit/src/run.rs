//! How one behaviour is run: on a runtime of its own, with a deadline.

use std::time::Duration;

/// After so long a behaviour counts as hung. Far longer than any needs: a deadline, not a measure of speed.
const DEADLINE: Duration = Duration::from_secs(300);

/// Runs one behaviour to its end, on several threads.
///
/// The suites' macros call it, so that a crate that uses them needs no runtime of its own.
///
/// # Panics
/// When the behaviour is broken or hangs.
pub fn run<F: Future>(behaviour: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(DEADLINE, behaviour).await.expect("the behaviour ends within five minutes")
    })
}

/// Runs each behaviour of a module as a test of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __each_behaviour {
    ($suite:ident, $fixture:expr, [$($group:ident: $($behaviour:ident)*;)*]) => {
        $($(
            #[test]
            fn $behaviour() {
                $crate::run(async {
                    let fixture = $fixture.await;
                    $crate::$suite::$group::$behaviour(&fixture).await;
                });
            }
        )*)*
    };
}
