//! The trait of logins.

use std::fmt::{self, Debug};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Result;

/// Text that never shows in `Debug`, logs or errors.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, to hand to a driver.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a login is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginReason {
    /// The store connects for the first time.
    Connect,
    /// The login before was refused.
    Refused,
    /// The login before has expired.
    Expired,
}

/// What a store says when it asks for a login.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginRequest {
    /// The store's URI, without any login that was in it.
    pub store: String,
    /// Why it asks.
    pub reason: LoginReason,
}

impl LoginRequest {
    /// A request of the store at that URI.
    #[must_use]
    pub fn new(store: impl Into<String>, reason: LoginReason) -> Self {
        Self { store: store.into(), reason }
    }
}

/// The answer to a [`LoginRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Login {
    /// No login: what the URI says is enough.
    None,
    /// A user and a password.
    Password {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// An X.509 certificate with its key, as one PEM file.
    Certificate {
        /// The PEM file.
        file: PathBuf,
    },
    /// A token that the store takes as it is.
    Token(Secret),
}

/// A source of logins, asked by a store when it connects, and again when a login is refused or expires.
#[async_trait]
pub trait AuthHook: Send + Sync + Debug + 'static {
    /// Answers with a login.
    ///
    /// # Behavior
    /// - It may be asked at any time and often; it caches what is dear.
    /// - Asked because a login was refused or expired, it doesn't answer from a cache.
    /// - The secret is in no error, no log line and no `Debug` text.
    /// - It ends within seconds, with an error if its source doesn't answer.
    async fn login(&self, request: &LoginRequest) -> Result<Login>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<T: AuthHook + ?Sized> AuthHook for Arc<T> {
    async fn login(&self, request: &LoginRequest) -> Result<Login> {
        (**self).login(request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formatted_login_lacks_the_secret() {
        let login = Login::Password { username: "ada".into(), password: Secret::new("hunter2") };
        let shown = format!("{login:?} {login:#?} {:?}", Login::Token(Secret::new("hunter2")));
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("ada"), "{shown}");
    }
}
