//! Hostnames, services and aliases: labels of RFC 1123 that have been read and found well formed.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::error::{Error, Result};

/// The most bytes that a label may have (RFC 1123 section 2.1, RFC 1035 section 2.3.4).
pub(crate) const MAX_LABEL: usize = 63;

/// Reads a label in lower case, or says which rule it breaks. `what` names the value in the message.
fn parse_label(what: &str, value: &str) -> Result<SmolStr> {
    let refuse = |rule: &str| Err(Error::invalid(what, value, rule));
    if value.is_empty() {
        return refuse("is empty: a name has 1 to 63 characters (RFC 1123)");
    }
    if let Some(bad) = value.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-') {
        return refuse(&format!("contains {bad:?}: a name has letters, digits and hyphens only (RFC 1123)"));
    }
    if value.starts_with('-') || value.ends_with('-') {
        return refuse("starts or ends with a hyphen, which a name may not (RFC 1123)");
    }
    if value.len() > MAX_LABEL {
        return refuse("is longer than 63 characters (RFC 1123)");
    }
    let label: SmolStr = value.chars().map(|c| c.to_ascii_lowercase()).collect();
    if matches!(label.as_str(), "localhost" | "broadcasthost") || label.starts_with("ip6-") {
        return refuse("is reserved: localhost, broadcasthost and ip6-… belong to the system");
    }
    Ok(label)
}

macro_rules! label {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "SmolStr", into = "SmolStr")]
        pub struct $name(SmolStr);

        impl $name {
            /// Reads a value in lower case.
            ///
            /// # Errors
            /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) with the value and the rule that it breaks.
            pub fn parse(value: &str) -> Result<Self> {
                parse_label($what, value).map(Self)
            }

            /// The label, in lower case.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(value: &str) -> Result<Self> {
                Self::parse(value)
            }
        }

        impl TryFrom<SmolStr> for $name {
            type Error = Error;
            fn try_from(value: SmolStr) -> Result<Self> {
                Self::parse(&value)
            }
        }

        impl From<$name> for SmolStr {
            fn from(value: $name) -> SmolStr {
                value.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
    };
}

label!(
    /// The name of a machine, such as `web-0` or `db-master`: one label of RFC 1123 in lower case.
    Hostname,
    "hostname"
);
label!(
    /// What a machine does, such as `web` or `db`: one label of RFC 1123 in lower case.
    Service,
    "service"
);
label!(
    /// A further name of a machine, such as `www`: one label of RFC 1123 in lower case.
    Alias,
    "alias"
);

impl Hostname {
    /// A hostname that the naming rules made: short enough, and well formed because its service is.
    pub(crate) fn assigned(label: SmolStr) -> Self {
        debug_assert!(parse_label("hostname", &label).is_ok_and(|parsed| parsed == label), "{label}");
        Self(label)
    }
}

impl Alias {
    /// The alias that is spelt as that hostname.
    #[must_use]
    pub fn from_hostname(hostname: &Hostname) -> Self {
        Self(hostname.0.clone())
    }

    /// The hostname that is spelt as this alias.
    #[must_use]
    pub fn to_hostname(&self) -> Hostname {
        Hostname(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(value: &str, rule: &str) {
        let error = Service::parse(value).expect_err(value);
        assert!(error.message().contains(rule), "{value:?}: {error}");
    }

    #[test]
    fn each_broken_rule_is_named() {
        refused("", "is empty");
        refused("web.1", "contains '.'");
        refused("wéb", "contains 'é'");
        refused("web 1", "contains ' '");
        refused("a\n10.0.0.1 b", "contains '\\n'");
        refused("-web", "hyphen");
        refused("web-", "hyphen");
        refused(&"a".repeat(64), "longer than 63");
        refused("LocalHost", "reserved");
        refused("broadcasthost", "reserved");
        refused("IP6-allnodes", "reserved");
    }

    #[test]
    fn names_are_lowered_when_read() {
        assert_eq!(Hostname::parse("DB-Master").unwrap().as_str(), "db-master");
        assert_eq!(Alias::parse("WWW").unwrap(), Alias::parse("www").unwrap());
        assert_eq!(Service::parse(&"A".repeat(63)).unwrap().as_str(), "a".repeat(63));
    }

    proptest! {
        #[test]
        fn what_parses_is_a_label_and_parses_to_itself(text in "\\PC{0,70}|[a-zA-Z0-9-]{0,66}") {
            if let Ok(name) = Hostname::parse(&text) {
                let name = name.as_str();
                prop_assert!((1..=63).contains(&name.len()));
                prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
                prop_assert!(!name.starts_with('-') && !name.ends_with('-'));
                prop_assert_eq!(Hostname::parse(name).unwrap(), Hostname::parse(&text).unwrap());
                prop_assert!(name.eq_ignore_ascii_case(&text));
            }
        }
    }
}
