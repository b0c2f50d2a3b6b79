//! The URI and the section `sqlite` of the configuration.

use std::num::NonZeroU32;
use std::path::PathBuf;

use aerostat_core::registry::StoreContext;
use aerostat_core::{Error, ErrorKind, Result};
use serde::Deserialize;

/// The section `sqlite` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many events of the account of what happened are kept, the latest ones: a million (about 200 MB)
    /// unless told. Each step that changes something forgets what is beyond.
    pub history_limit: NonZeroU32,
}

impl Default for Config {
    fn default() -> Self {
        Self { history_limit: NonZeroU32::MIN.saturating_add(999_999) }
    }
}

/// The path that a URI names.
///
/// # Errors
/// [`ErrorKind::Config`] if it names none, or has a host.
pub(crate) fn path_of(context: &StoreContext) -> Result<PathBuf> {
    let written = context.after_scheme();
    let refuse = |message: &str| {
        Err(Error::new(ErrorKind::Config, message)
            .with("uri", &context.uri)
            .hint("write `sqlite:PATH`, for example `sqlite:/var/lib/aerostat/names.db`"))
    };
    let path = match written.strip_prefix("//") {
        Some(rest) if rest.starts_with('/') => rest,
        Some("") => "",
        Some(_) => return refuse("the URI of a SQLite database has no host: it is a file of this machine"),
        None => written,
    };
    if path.is_empty() {
        return refuse("the URI names no file");
    }
    if path.contains('\0') {
        return refuse("a path can't contain a zero byte");
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerostat_core::Section;
    use aerostat_core::registry::{Access, Patience};

    fn path(uri: &str) -> Result<PathBuf> {
        path_of(&StoreContext {
            uri: uri.to_owned(),
            section: Section::empty("sqlite"),
            access: Access::ReadOnly,
            patience: Patience::Command,
            auth: None,
        })
    }

    #[test]
    fn the_path_is_taken_as_written() {
        for (uri, expected) in [
            ("sqlite:x.db", "x.db"),
            ("SQLite:x.db", "x.db"),
            ("sqlite:./a b%20c?d#e.db", "./a b%20c?d#e.db"),
            ("sqlite:/abs/x.db", "/abs/x.db"),
            ("sqlite:///abs/x.db", "/abs/x.db"),
            ("sqlite::memory:", ":memory:"),
            ("sqlite:file:x.db", "file:x.db"),
        ] {
            assert_eq!(path(uri).unwrap(), PathBuf::from(expected), "{uri}");
        }
    }

    #[test]
    fn a_uri_without_a_file_or_with_a_host_is_refused() {
        for (uri, message) in
            [("sqlite:", "names no file"), ("sqlite://", "names no file"), ("sqlite://host/x.db", "no host")]
        {
            let error = path(uri).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.message().contains(message), "{uri}: {error}");
            assert!(error.advice().is_some_and(|hint| hint.contains("sqlite:PATH")), "{error}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let read = |value| Section::new("sqlite", value).unwrap().read::<Config>();
        let error = read(serde_json::json!({"history_limt": 5})).unwrap_err();
        assert_eq!(error.advice(), Some("did you mean \"history_limit\"?"));
        assert!(read(serde_json::json!({"history_limit": 0})).is_err());
        assert_eq!(read(serde_json::json!({})).unwrap().history_limit.get(), 1_000_000);
    }
}
