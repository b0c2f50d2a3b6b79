//! The trait of clouds.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::census::Census;
use crate::error::Result;
use crate::instance::{Addresses, InstanceId};

/// Who this machine is, as its cloud knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The cloud's id of this machine.
    pub instance: InstanceId,
    /// Where other machines reach it.
    #[serde(flatten)]
    pub addresses: Addresses,
}

/// A cloud: says who this machine is, and which machines run.
///
/// Every method may be called at any time, from several tasks at once, and may be dropped at any await.
#[async_trait]
pub trait CloudProvider: Send + Sync + Debug + 'static {
    /// Says who this machine is.
    ///
    /// # Behavior
    /// - The same machine gets the same instance id for its whole life.
    /// - Off this cloud it fails within seconds, with an error that says where it asked; it never hangs.
    async fn identity(&self) -> Result<Identity>;

    /// Lists the instances that the cloud knows.
    ///
    /// # Behavior
    /// - It is [`Complete`](crate::Coverage::Complete) only if every page of every region answered.
    /// - If a part failed, it is [`Partial`](crate::Coverage::Partial) and says which; if nothing answered, it
    ///   is an error.
    /// - An instance that the cloud still names after its end is in it, with its state.
    async fn census(&self) -> Result<Census>;

    /// Asks for single instances by id.
    ///
    /// # Behavior
    /// - It names no instance that wasn't asked for.
    /// - An id that the cloud doesn't know is not in the answer, and is no error.
    /// - No ids give an empty, complete answer.
    /// - A part that failed makes it partial, as in [`census`](Self::census).
    async fn look_up(&self, ids: &[InstanceId]) -> Result<Census>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: CloudProvider + ?Sized> CloudProvider for Arc<T> {
    async fn identity(&self) -> Result<Identity> {
        (**self).identity().await
    }
    async fn census(&self) -> Result<Census> {
        (**self).census().await
    }
    async fn look_up(&self, ids: &[InstanceId]) -> Result<Census> {
        (**self).look_up(ids).await
    }
}
