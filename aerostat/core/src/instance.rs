//! Instances: the machines as their cloud knows them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::error::{Error, Result};

/// The cloud's id of a machine, such as `i-0123456789abcdef0`: 1 to 255 characters, none of them blank or a
/// control character. Compared as written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "SmolStr", into = "SmolStr")]
pub struct InstanceId(SmolStr);

impl InstanceId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) with the value and the rule that it breaks.
    pub fn parse(value: &str) -> Result<Self> {
        const MAX: usize = 255;
        let refuse = |rule: &str| Err(Error::invalid("instance id", value, rule));
        if value.is_empty() {
            return refuse("is empty");
        }
        if value.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return refuse("contains a blank or a control character");
        }
        if value.len() > MAX {
            return refuse("is longer than 255 bytes");
        }
        Ok(Self(value.into()))
    }

    /// The id as the cloud writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for InstanceId {
    type Err = Error;
    fn from_str(value: &str) -> Result<Self> {
        Self::parse(value)
    }
}

impl TryFrom<SmolStr> for InstanceId {
    type Error = Error;
    fn try_from(value: SmolStr) -> Result<Self> {
        Self::parse(&value)
    }
}

impl From<InstanceId> for SmolStr {
    fn from(value: InstanceId) -> SmolStr {
        value.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Where a machine is reached: at most one address of each family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Addresses {
    /// The IPv4 address.
    #[serde(rename = "ip")]
    pub v4: Option<Ipv4Addr>,
    /// The IPv6 address.
    #[serde(rename = "ipv6")]
    pub v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// The addresses that there are, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> {
        self.v4.map(IpAddr::V4).into_iter().chain(self.v6.map(IpAddr::V6))
    }

    /// Whether there is no address at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4.is_none() && self.v6.is_none()
    }
}

impl From<IpAddr> for Addresses {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self { v4: Some(v4), v6: None },
            IpAddr::V6(v6) => Self { v4: None, v6: Some(v6) },
        }
    }
}

impl From<Ipv4Addr> for Addresses {
    fn from(address: Ipv4Addr) -> Self {
        IpAddr::V4(address).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_with_blanks_or_without_characters_is_refused() {
        for bad in ["", " ", "i 1", "i-1\n", "i\u{0}1", &"i".repeat(256)] {
            assert!(InstanceId::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(InstanceId::parse("i-0AbC").unwrap().as_str(), "i-0AbC");
    }
}
