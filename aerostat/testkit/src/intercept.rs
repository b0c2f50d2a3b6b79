//! A store that lets a test come between an actor and each of its calls.

use std::fmt::Debug;
use std::sync::Arc;

use aerostat_core::{
    Cause, ChangeStream, Claim, Entry, Error, Event, Exchanged, Extent, Finding, HistoryQuery, Key,
    NameStore, Occupant, Refreshed, Result, Revision, Service, Slot, Snapshot, Taken, Transfer,
};
use async_trait::async_trait;
use futures::StreamExt;

/// One method of [`NameStore`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the method of that name")]
pub enum Call {
    Take,
    Exchange,
    Refresh,
    Find,
    Extent,
    Revision,
    Snapshot,
    /// One item of the stream of changes.
    Changes,
    History,
    Check,
}

/// What becomes of a call.
#[derive(Debug)]
pub enum Verdict {
    /// It is made.
    Pass,
    /// It isn't made, and fails so.
    Refuse(Error),
    /// It is made, but its answer is lost: it fails so.
    Lose(Error),
}

/// Comes between an actor and its store.
#[async_trait]
pub trait Interceptor: Debug + Send + Sync + 'static {
    /// Says what becomes of a call, before it is made. It may take its time.
    async fn verdict(&self, call: Call) -> Verdict;
}

/// A store behind an [`Interceptor`]. Clones share both.
#[derive(Debug)]
pub struct Intercepted<S, I> {
    store: S,
    interceptor: Arc<I>,
}

impl<S: Clone, I> Clone for Intercepted<S, I> {
    fn clone(&self) -> Self {
        Self { store: self.store.clone(), interceptor: self.interceptor.clone() }
    }
}

impl<S: NameStore, I: Interceptor> Intercepted<S, I> {
    /// Puts an interceptor before a store.
    #[must_use]
    pub fn new(store: S, interceptor: I) -> Self {
        Self { store, interceptor: Arc::new(interceptor) }
    }

    async fn around<T>(&self, call: Call, calling: impl Future<Output = Result<T>> + Send) -> Result<T> {
        judged(&*self.interceptor, call, calling).await
    }
}

/// Makes a call, or not, or forgets its answer.
async fn judged<T>(
    interceptor: &impl Interceptor,
    call: Call,
    calling: impl Future<Output = Result<T>>,
) -> Result<T> {
    match interceptor.verdict(call).await {
        Verdict::Pass => calling.await,
        Verdict::Refuse(error) => Err(error),
        Verdict::Lose(error) => calling.await.and(Err(error)),
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: NameStore, I: Interceptor> NameStore for Intercepted<S, I> {
    async fn take(&self, claim: &Claim, fresh: &[Slot], cause: &Cause) -> Result<Taken> {
        self.around(Call::Take, self.store.take(claim, fresh, cause)).await
    }

    async fn exchange(&self, transfers: &[Transfer], cause: &Cause) -> Result<Exchanged> {
        self.around(Call::Exchange, self.store.exchange(transfers, cause)).await
    }

    async fn refresh(&self, slot: &Slot, occupant: &Occupant, cause: &Cause) -> Result<Refreshed> {
        self.around(Call::Refresh, self.store.refresh(slot, occupant, cause)).await
    }

    async fn find(&self, key: &Key) -> Result<Option<Entry>> {
        self.around(Call::Find, self.store.find(key)).await
    }

    async fn extent(&self, service: &Service) -> Result<Option<Extent>> {
        self.around(Call::Extent, self.store.extent(service)).await
    }

    async fn revision(&self) -> Result<Revision> {
        self.around(Call::Revision, self.store.revision()).await
    }

    async fn snapshot(&self) -> Result<Snapshot> {
        self.around(Call::Snapshot, self.store.snapshot()).await
    }

    fn changes(&self, since: Revision) -> ChangeStream {
        let start = Some((self.interceptor.clone(), self.store.changes(since)));
        let following = futures::stream::unfold(start, |state| async {
            let (interceptor, mut changes) = state?;
            let next = async { changes.next().await.transpose() };
            let next = judged(&*interceptor, Call::Changes, next).await.transpose()?;
            let goes_on = next.is_ok();
            Some((next, goes_on.then_some((interceptor, changes))))
        });
        following.boxed()
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<Event>> {
        self.around(Call::History, self.store.history(query)).await
    }

    async fn check(&self) -> Result<Vec<Finding>> {
        self.around(Call::Check, self.store.check()).await
    }
}
