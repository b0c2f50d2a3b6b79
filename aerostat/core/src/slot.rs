//! Kinds and slots: how a service numbers its machines.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::format_smolstr;

use crate::error::{Error, ErrorKind, Result};
use crate::names::{Hostname, MAX_LABEL, Service};
use crate::suggest::nearest;

/// How the machines of a service are numbered. In files and documents the field is `service_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// All alike: `web-0`, `web-1`, …
    #[default]
    Iterative,
    /// One master and its slaves: `db-master`, `db-slave-1`, `db-slave-2`, …
    Masterful,
}

impl Kind {
    /// Both kinds.
    pub const ALL: [Kind; 2] = [Kind::Iterative, Kind::Masterful];

    /// The kind's name in files and documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Iterative => "iterative",
            Kind::Masterful => "masterful",
        }
    }
}

impl FromStr for Kind {
    type Err = Error;

    /// Reads a kind in any case.
    fn from_str(value: &str) -> Result<Self> {
        let lower = value.to_ascii_lowercase();
        Kind::ALL.into_iter().find(|kind| kind.as_str() == lower).ok_or_else(|| {
            let error = Error::invalid("kind", value, "is neither iterative nor masterful");
            match nearest(&lower, Kind::ALL.map(Kind::as_str)) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error,
            }
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One position of a service, with its fixed hostname.
///
/// Slots order by service, then by number, so that `web-2` comes before `web-10` and a master before its
/// slaves.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SlotFields", into = "SlotFields")]
pub struct Slot {
    service: Service,
    kind: Kind,
    number: u32,
}

#[derive(Serialize, Deserialize)]
struct SlotFields {
    service: Service,
    service_type: Kind,
    number: u32,
}

impl Slot {
    /// The slot of that number. Iterative services count from 0; of masterful ones 0 is the master, and n
    /// the n-th slave.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the hostname would have more than 63 characters.
    pub fn new(service: Service, kind: Kind, number: u32) -> Result<Self> {
        let slot = Self { service, kind, number };
        if slot.hostname_len() > MAX_LABEL {
            let shown = slot.to_string();
            return Err(Error::invalid("hostname", &shown, "is longer than 63 characters (RFC 1123)")
                .hint("choose a shorter name for the service"));
        }
        Ok(slot)
    }

    /// The first slot of a service: `web-0`, `db-master`.
    ///
    /// # Errors
    /// As [`Slot::new`].
    pub fn first(service: Service, kind: Kind) -> Result<Self> {
        Self::new(service, kind, 0)
    }

    /// The slot after this one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the hostname would be too long, or the numbers have run out.
    pub fn next(&self) -> Result<Self> {
        let number = self
            .number
            .checked_add(1)
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("{self} has no successor")))?;
        Self::new(self.service.clone(), self.kind, number)
    }

    /// The slot of a service that has that hostname, if it is one.
    #[must_use]
    pub fn of_hostname(service: &Service, kind: Kind, hostname: &Hostname) -> Option<Self> {
        let tail = hostname.as_str().strip_prefix(service.as_str())?.strip_prefix('-')?;
        let digits = match kind {
            Kind::Iterative => tail,
            Kind::Masterful if tail == "master" => "0",
            Kind::Masterful => tail.strip_prefix("slave-").filter(|digits| *digits != "0")?,
        };
        // One spelling a number: `web-01` and `web-+1` are no slots.
        let number: u32 = digits.parse().ok()?;
        (format_smolstr!("{number}") == digits).then(|| Self { service: service.clone(), kind, number })
    }

    /// The range of all slots that a service could ever have, of either kind.
    pub(crate) fn all_of(service: &Service) -> RangeInclusive<Self> {
        let end = |kind, number| Self { service: service.clone(), kind, number };
        end(Kind::Iterative, 0)..=end(Kind::Masterful, u32::MAX)
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The kind of the service.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number: 0 for the first slot, which of a masterful service is the master.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Whether this is the master of a masterful service.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.kind == Kind::Masterful && self.number == 0
    }

    /// The hostname that belongs to this slot for ever.
    #[must_use]
    pub fn hostname(&self) -> Hostname {
        Hostname::assigned(format_smolstr!("{self}"))
    }

    fn hostname_len(&self) -> usize {
        let digits = self.number.checked_ilog10().map_or(1, |log| log as usize + 1);
        let tail = match (self.kind, self.number) {
            (Kind::Iterative, _) => "-".len() + digits,
            (Kind::Masterful, 0) => "-master".len(),
            (Kind::Masterful, _) => "-slave-".len() + digits,
        };
        self.service.as_str().len() + tail
    }
}

impl fmt::Display for Slot {
    /// Writes the hostname.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, kind, number } = self;
        match (kind, number) {
            (Kind::Iterative, _) => write!(f, "{service}-{number}"),
            (Kind::Masterful, 0) => write!(f, "{service}-master"),
            (Kind::Masterful, _) => write!(f, "{service}-slave-{number}"),
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.kind)
    }
}

impl TryFrom<SlotFields> for Slot {
    type Error = Error;
    fn try_from(fields: SlotFields) -> Result<Self> {
        Slot::new(fields.service, fields.service_type, fields.number)
    }
}

impl From<Slot> for SlotFields {
    fn from(slot: Slot) -> Self {
        Self { service: slot.service, service_type: slot.kind, number: slot.number }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slot(service: &str, kind: Kind, number: u32) -> Slot {
        Slot::new(Service::parse(service).unwrap(), kind, number).unwrap()
    }

    #[test]
    fn hostnames_follow_the_kind() {
        assert_eq!(slot("web", Kind::Iterative, 0).hostname().as_str(), "web-0");
        assert_eq!(slot("db", Kind::Masterful, 0).hostname().as_str(), "db-master");
        assert_eq!(slot("db", Kind::Masterful, 12).hostname().as_str(), "db-slave-12");
    }

    #[test]
    fn slots_order_by_number_not_by_text() {
        assert!(slot("web", Kind::Iterative, 2) < slot("web", Kind::Iterative, 10));
        assert!(slot("a", Kind::Iterative, 9) < slot("b", Kind::Iterative, 0));
    }

    #[test]
    fn a_hostname_of_more_than_63_characters_is_refused() {
        let service = Service::parse(&"a".repeat(61)).unwrap();
        assert!(Slot::new(service.clone(), Kind::Iterative, 9).is_ok());
        let error = Slot::new(service, Kind::Iterative, 10).unwrap_err();
        assert!(error.message().contains("longer than 63"), "{error}");
    }

    #[test]
    fn only_one_spelling_is_a_slot() {
        let web = Service::parse("web").unwrap();
        for other in ["web-01", "web", "web-", "webb-1", "web-1-2", "web-99999999999"] {
            let hostname = Hostname::parse(other);
            if let Ok(hostname) = hostname {
                assert_eq!(Slot::of_hostname(&web, Kind::Iterative, &hostname), None, "{other}");
            }
        }
        let db = Service::parse("db").unwrap();
        let zero = Hostname::parse("db-slave-0").unwrap();
        assert_eq!(Slot::of_hostname(&db, Kind::Masterful, &zero), None);
    }

    #[test]
    fn an_unknown_kind_gets_the_nearest() {
        let error = "masterfull".parse::<Kind>().unwrap_err();
        assert_eq!(error.advice(), Some("did you mean masterful?"));
        assert_eq!("MasterFul".parse::<Kind>().unwrap(), Kind::Masterful);
    }

    proptest! {
        #[test]
        fn a_slot_is_found_again_by_its_hostname(
            service in "[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5})?",
            masterful: bool,
            number: u32,
        ) {
            let kind = if masterful { Kind::Masterful } else { Kind::Iterative };
            let Ok(service) = Service::parse(&service) else { return Ok(()) };
            let slot = Slot::new(service.clone(), kind, number).unwrap();
            prop_assert_eq!(slot.hostname_len(), slot.hostname().as_str().len());
            prop_assert_eq!(Slot::of_hostname(&service, kind, &slot.hostname()), Some(slot));
        }
    }
}
