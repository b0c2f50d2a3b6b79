//! Repeating what may be repeated.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::Instant;
use tracing::debug;

use crate::error::Result;
use crate::names::Service;
use crate::slot::Slot;
use crate::store::{
    Cause, ChangeStream, Claim, Exchanged, Extent, Finding, HistoryQuery, Key, NameStore, Refreshed, Taken,
    Transfer,
};
use crate::table::{Change, Entry, Event, Occupant, Revision, Snapshot};

/// How long to wait between attempts, and when to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait before the second attempt; each further one is twice as long.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
    /// No attempt starts later than this after the first.
    pub limit: Duration,
}

impl Backoff {
    /// For commands that a person waits for: gives up after 5 seconds.
    pub const COMMAND: Backoff = Backoff {
        first: Duration::from_millis(50),
        most: Duration::from_secs(1),
        limit: Duration::from_secs(5),
    };

    /// The wait after that many failures in a row: doubled each time, then shortened by up to half at random,
    /// so that machines that failed together don't come back together.
    #[must_use]
    pub fn wait(&self, failures: u32) -> Duration {
        let doubled =
            self.first.saturating_mul(1u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let full = doubled.min(self.most);
        // The standard library seeds every hasher anew: randomness enough to spread a herd.
        let random = RandomState::new().build_hasher().finish();
        full.mul_f64(0.5 + 0.5 * (random as f64 / u64::MAX as f64))
    }
}

/// A store that repeats what failed and may be repeated: an error that [is retryable](crate::Error::is_retryable).
///
/// A step whose answer was lost may have happened; the store's steps are keyed by the instance, so repeating
/// them is safe.
#[derive(Clone, Debug)]
pub struct Retry<S> {
    inner: S,
    backoff: Backoff,
}

impl<S> Retry<S> {
    /// Wraps a store.
    #[must_use]
    pub fn new(inner: S, backoff: Backoff) -> Self {
        Self { inner, backoff }
    }

    async fn repeat<T, F>(&self, attempt: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let start = Instant::now();
        let mut failures = 0;
        loop {
            let error = match attempt().await {
                Err(error) if error.is_retryable() => error,
                done => return done,
            };
            failures += 1;
            let wait = self.backoff.wait(failures);
            if start.elapsed() + wait > self.backoff.limit {
                return Err(if failures == 1 { error } else { error.with("attempts", failures) });
            }
            debug!(%error, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: NameStore + Clone> NameStore for Retry<S> {
    async fn take(&self, claim: &Claim, fresh: &[Slot], cause: &Cause) -> Result<Taken> {
        self.repeat(|| self.inner.take(claim, fresh, cause)).await
    }

    async fn exchange(&self, transfers: &[Transfer], cause: &Cause) -> Result<Exchanged> {
        self.repeat(|| self.inner.exchange(transfers, cause)).await
    }

    async fn refresh(&self, slot: &Slot, occupant: &Occupant, cause: &Cause) -> Result<Refreshed> {
        self.repeat(|| self.inner.refresh(slot, occupant, cause)).await
    }

    async fn find(&self, key: &Key) -> Result<Option<Entry>> {
        self.repeat(|| self.inner.find(key)).await
    }

    async fn extent(&self, service: &Service) -> Result<Option<Extent>> {
        self.repeat(|| self.inner.extent(service)).await
    }

    async fn revision(&self) -> Result<Revision> {
        self.repeat(|| self.inner.revision()).await
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        self.repeat(|| self.inner.snapshot()).await
    }

    fn changes(&self, since: Revision) -> ChangeStream {
        Resumed { store: self.inner.clone(), backoff: self.backoff, since, failures: 0, failing_since: None }
            .stream()
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Event>> {
        self.repeat(|| self.inner.history(query)).await
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        self.repeat(|| self.inner.check()).await
    }
}

/// A stream of changes that asks again from the last revision seen.
struct Resumed<S> {
    store: S,
    backoff: Backoff,
    since: Revision,
    failures: u32,
    failing_since: Option<Instant>,
}

impl<S: NameStore> Resumed<S> {
    fn stream(self) -> ChangeStream {
        let source = self.store.changes(self.since);
        let following = futures::stream::unfold(Some((self, source)), |state| async move {
            let (mut this, mut source) = state?;
            match this.next(&mut source).await? {
                Ok(change) => Some((Ok(change), Some((this, source)))),
                Err(error) => Some((Err(error), None)),
            }
        });
        following.boxed()
    }

    async fn next(&mut self, source: &mut BoxStream<'static, Result<Change>>) -> Option<Result<Change>> {
        loop {
            match source.next().await? {
                Ok(change) => {
                    self.since = change.revision;
                    self.failures = 0;
                    self.failing_since = None;
                    return Some(Ok(change));
                }
                Err(error) if error.is_retryable() => {
                    self.failures += 1;
                    let wait = self.backoff.wait(self.failures);
                    let since = *self.failing_since.get_or_insert_with(Instant::now);
                    if since.elapsed() + wait > self.backoff.limit {
                        return Some(Err(error));
                    }
                    debug!(%error, ?wait, "following the changes again");
                    tokio::time::sleep(wait).await;
                    *source = self.store.changes(self.since);
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use std::sync::atomic::{AtomicU32, Ordering};

    fn backoff() -> Backoff {
        Backoff {
            first: Duration::from_millis(10),
            most: Duration::from_millis(40),
            limit: Duration::from_secs(1),
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_and_vary() {
        for (failures, full) in [(1, 10), (2, 20), (3, 40), (4, 40), (40, 40), (u32::MAX, 40)] {
            let wait = backoff().wait(failures);
            let full = Duration::from_millis(full);
            assert!(full / 2 <= wait && wait <= full, "{failures}: {wait:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_be_repeated_is_repeated() {
        let retry = Retry::new((), backoff());
        let calls = AtomicU32::new(0);
        let fail = |error: fn() -> Error| {
            calls.fetch_add(1, Ordering::Relaxed);
            async move { Err::<(), _>(error()) }
        };
        let error = retry.repeat(|| fail(|| Error::new(ErrorKind::Conflict, "no"))).await.unwrap_err();
        assert_eq!((error.kind(), calls.swap(0, Ordering::Relaxed)), (ErrorKind::Conflict, 1));

        let start = Instant::now();
        let error = retry
            .repeat(|| fail(|| Error::new(ErrorKind::Unavailable, "away").retryable()))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(calls.load(Ordering::Relaxed) > 10);
        assert!(start.elapsed() <= backoff().limit);
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_after_failures_is_a_success() {
        let retry = Retry::new((), backoff());
        let calls = AtomicU32::new(0);
        let done = retry
            .repeat(|| async {
                match calls.fetch_add(1, Ordering::Relaxed) {
                    0..3 => Err(Error::new(ErrorKind::Unavailable, "away").retryable()),
                    n => Ok(n),
                }
            })
            .await;
        assert_eq!(done.unwrap(), 3);
    }
}
