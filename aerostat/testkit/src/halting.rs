//! A store that halts its actor before each call, so that a test may let another actor in.

use std::pin::Pin;
use std::sync::Arc;

use aerostat_core::NameStore;
use async_trait::async_trait;
use tokio::sync::{Semaphore, mpsc};

use crate::intercept::{Call, Intercepted, Interceptor, Verdict};

/// Halts whoever calls. See [`Halting`].
#[derive(Debug)]
pub struct Turnstile {
    halted: mpsc::UnboundedSender<Call>,
    passes: Arc<Semaphore>,
}

/// A store whose one actor halts before each call until its [`Gate`] lets it go on.
pub type Halting<S> = Intercepted<S, Turnstile>;

/// Lets the actor of a [`Halting`] store go on, call by call.
#[derive(Debug)]
pub struct Gate {
    halted: mpsc::UnboundedReceiver<Call>,
    passes: Arc<Semaphore>,
    is_halted: bool,
}

/// How far an actor came.
#[derive(Debug)]
pub enum Advanced<T> {
    /// It is halted before that call.
    Halted(Call),
    /// It is done.
    Done(T),
}

impl<S: NameStore> Halting<S> {
    /// Puts a gate before a store.
    #[must_use]
    pub fn gated(store: S) -> (Self, Gate) {
        let (sender, halted) = mpsc::unbounded_channel();
        let passes = Arc::new(Semaphore::new(0));
        let gate = Gate { halted, passes: passes.clone(), is_halted: false };
        (Self::new(store, Turnstile { halted: sender, passes }), gate)
    }
}

#[async_trait]
impl Interceptor for Turnstile {
    async fn verdict(&self, call: Call) -> Verdict {
        // Without a gate there is nobody to halt for.
        if self.halted.send(call).is_ok()
            && let Ok(pass) = self.passes.acquire().await
        {
            pass.forget();
        }
        Verdict::Pass
    }
}

impl Gate {
    /// Lets the actor make the call that it is halted before, if it is, and go on until the next one, or its
    /// end. To cut an actor off, drop it where it is halted.
    pub async fn advance<A: Future>(&mut self, mut actor: Pin<&mut A>) -> Advanced<A::Output> {
        if self.is_halted {
            self.passes.add_permits(1);
            self.is_halted = false;
        }
        tokio::select! {
            biased;
            Some(call) = self.halted.recv() => {
                self.is_halted = true;
                Advanced::Halted(call)
            }
            output = &mut actor => Advanced::Done(output),
        }
    }

    /// Lets the actor make so many calls. `None`: it is halted before the next one.
    pub async fn advance_by<A: Future>(&mut self, calls: usize, mut actor: Pin<&mut A>) -> Option<A::Output> {
        for _ in 0..=calls {
            if let Advanced::Done(output) = self.advance(actor.as_mut()).await {
                return Some(output);
            }
        }
        None
    }

    /// Lets the actor go on to its end.
    pub async fn finish<A: Future>(&mut self, mut actor: Pin<&mut A>) -> A::Output {
        loop {
            if let Advanced::Done(output) = self.advance(actor.as_mut()).await {
                return output;
            }
        }
    }
}
