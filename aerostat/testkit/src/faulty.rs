//! A store whose calls fail, before they are made or after: then the answer is lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use aerostat_core::{Error, ErrorKind, NameStore};
use async_trait::async_trait;

use crate::intercept::{Call, Intercepted, Interceptor, Verdict};

/// How a call fails. Either error is retryable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call isn't made.
    Before,
    /// The call is made, and its answer is lost.
    After,
}

/// Which calls of a store fail, and how. See [`Faulty`].
#[derive(Debug)]
pub struct Faults {
    plan: Vec<Option<Fault>>,
    begins_anew: bool,
    calls: AtomicUsize,
}

/// A store whose calls fail by a plan.
pub type Faulty<S> = Intercepted<S, Faults>;

impl<S: NameStore> Faulty<S> {
    /// Lets calls fail as the plan says, the first call by its first item, and so on. After the last item the
    /// plan begins anew.
    #[must_use]
    pub fn by_plan(store: S, plan: &[Option<Fault>]) -> Self {
        Self::new(store, Faults { plan: plan.to_vec(), begins_anew: true, calls: AtomicUsize::new(0) })
    }

    /// Lets one call fail: that with this number, counted from 0.
    #[must_use]
    pub fn once(store: S, number: usize, fault: Fault) -> Self {
        let mut plan = vec![None; number];
        plan.push(Some(fault));
        Self::new(store, Faults { plan, begins_anew: false, calls: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Interceptor for Faults {
    async fn verdict(&self, call: Call) -> Verdict {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let item = if self.begins_anew { number.checked_rem(self.plan.len()) } else { Some(number) };
        let fault = item.and_then(|item| self.plan.get(item).copied().flatten());
        let error = |message: &str| {
            Error::new(ErrorKind::Unavailable, message).with("call", format!("{call:?}")).retryable()
        };
        match fault {
            None => Verdict::Pass,
            Some(Fault::Before) => Verdict::Refuse(error("the call was not made")),
            Some(Fault::After) => Verdict::Lose(error("the answer was lost")),
        }
    }
}
