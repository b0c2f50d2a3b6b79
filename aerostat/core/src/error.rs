//! The one error of every part.

use std::error::Error as StdError;
use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as far as a caller can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value from outside breaks a rule: a name, an address, an argument.
    InvalidInput,
    /// The configuration is wrong: an unknown key, a file that can't be read, a provider that isn't there.
    Config,
    /// What the operation needs is not there, such as a name that this machine should hold.
    NotFound,
    /// The table says otherwise: another holder, another kind, another service, another master.
    Conflict,
    /// The other side can't be reached, or is too busy.
    Unavailable,
    /// No answer in time; whether the step happened is not known.
    TimedOut,
    /// The login was refused or has expired.
    Unauthenticated,
    /// The login is good, but may not do this; or the operating system forbids it.
    PermissionDenied,
    /// What was read can't be what aerostat wrote: broken data.
    Corrupt,
    /// The data were written by a newer aerostat.
    TooNew,
    /// The revision is older than what the store remembers, or of another database: take a new snapshot.
    Expired,
    /// The provider can't do this at all.
    Unsupported,
    /// The operating system failed to read or write: a full disk, a broken file system.
    Io,
    /// A mistake in aerostat or a provider.
    Internal,
}

impl ErrorKind {
    /// Every kind with its name as text, for messages that cross a process or library boundary.
    const NAMES: &[(ErrorKind, &str)] = &[
        (ErrorKind::InvalidInput, "invalid-input"),
        (ErrorKind::Config, "config"),
        (ErrorKind::NotFound, "not-found"),
        (ErrorKind::Conflict, "conflict"),
        (ErrorKind::Unavailable, "unavailable"),
        (ErrorKind::TimedOut, "timed-out"),
        (ErrorKind::Unauthenticated, "unauthenticated"),
        (ErrorKind::PermissionDenied, "permission-denied"),
        (ErrorKind::Corrupt, "corrupt"),
        (ErrorKind::TooNew, "too-new"),
        (ErrorKind::Expired, "expired"),
        (ErrorKind::Unsupported, "unsupported"),
        (ErrorKind::Io, "io"),
        (ErrorKind::Internal, "internal"),
    ];

    /// The kind's name, stable over versions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, _)| *kind == self).map_or("internal", |(_, name)| name)
    }

    /// The kind of that name; `None` for a name that this version doesn't know.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The error of every operation of aerostat and its providers.
///
/// Its message is a lower-case fragment that reads well behind «failed to …: ». Providers must put no secret
/// into any part of it: all of it is shown and logged.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    retryable: bool,
    operation: Option<&'static str>,
    message: String,
    context: Vec<(&'static str, String)>,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error that says what was wrong. It isn't retryable until [`retryable`](Self::retryable) says so.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            retryable: false,
            operation: None,
            message: message.into(),
            context: Vec::new(),
            hint: None,
            source: None,
        }))
    }

    /// An [`ErrorKind::InvalidInput`] that names the value and the rule that it breaks. Long values are cut
    /// short, and control characters are escaped.
    #[must_use]
    pub fn invalid(what: &str, value: &str, rule: impl fmt::Display) -> Self {
        const SHOWN: usize = 80;
        let mut shown: String = value.chars().take(SHOWN).collect();
        if shown.len() < value.len() {
            shown.push('…');
        }
        Self::new(ErrorKind::InvalidInput, format!("{what} {shown:?} {rule}"))
    }

    /// Marks that the same call may succeed later, and is safe to repeat.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Names what was being done, as it reads behind «failed to». The innermost name stays.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Adds a key and a value that help to find the cause: a path, a host, a hostname.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Says what a person can do about it, as a sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// What was being done, as it reads behind «failed to».
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// What was wrong, without operation and context.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Keys and values that help to find the cause, in the order in which they were added.
    #[must_use]
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.0.context
    }

    /// What a person can do about it.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.0.operation {
            write!(f, "failed to {operation}: ")?;
        }
        f.write_str(&self.0.message)?;
        let mut opening = " (";
        for (key, value) in &self.0.context {
            write!(f, "{opening}{key}: {value}")?;
            opening = ", ";
        }
        if !self.0.context.is_empty() {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retryable", &self.0.retryable)
            .field("operation", &self.0.operation)
            .field("message", &self.0.message)
            .field("context", &self.0.context)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_reads_as_one_sentence_with_its_context() {
        let error = Error::new(ErrorKind::Io, "no space left on device")
            .during("write the hosts file")
            .with("path", "/etc/hosts")
            .with("bytes", 12);
        assert_eq!(
            error.to_string(),
            "failed to write the hosts file: no space left on device (path: /etc/hosts, bytes: 12)"
        );
    }

    #[test]
    fn the_innermost_operation_stays() {
        let error = Error::new(ErrorKind::Io, "x").during("inner").during("outer");
        assert_eq!(error.operation(), Some("inner"));
    }

    #[test]
    fn a_long_invalid_value_is_cut_and_escaped() {
        let error = Error::invalid("alias", &format!("a\n{}", "b".repeat(500)), "is too long");
        assert!(error.message().starts_with("alias \"a\\nbbb"), "{error}");
        assert!(error.message().len() < 200, "{error}");
    }

    #[test]
    fn every_kind_is_found_by_its_name() {
        for (kind, name) in ErrorKind::NAMES {
            assert_eq!(kind.as_str(), *name);
            assert_eq!(ErrorKind::from_name(name), Some(*kind));
        }
        assert_eq!(ErrorKind::from_name("no such kind"), None);
    }
}
