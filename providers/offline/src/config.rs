//! The section `offline` of the configuration.

use std::net::{IpAddr, Ipv6Addr};

use aerostat_core::{Addresses, Error, ErrorKind, InstanceId, Result};
use serde::Deserialize;

/// The section `offline` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The instance id; `test-instance` unless told. Two machines of one table need two ids.
    pub instance_id: Option<InstanceId>,
    /// The address, IPv4 or IPv6. Unless told, the host's own: the first IPv4 address of an interface that is
    /// neither loopback nor link-local, and the first global IPv6 address; a host that has neither is
    /// 127.0.0.1. If it is told, the host's own addresses don't count.
    pub ip: Option<String>,
    /// The IPv6 address beside an IPv4 one.
    pub ipv6: Option<String>,
}

impl Config {
    const INSTANCE_ID: &str = "test-instance";

    /// The instance id.
    pub(crate) fn instance(&self) -> Result<InstanceId> {
        self.instance_id.clone().map_or_else(|| InstanceId::parse(Self::INSTANCE_ID), Ok)
    }

    /// The addresses that the section gives.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if one is no address of its family or no machine can have it;
    /// [`ErrorKind::Config`] if they contradict each other.
    pub(crate) fn addresses(&self) -> Result<Addresses> {
        let mut addresses = match &self.ip {
            Some(text) => Addresses::from(parse("ip", text)?),
            None => Addresses::default(),
        };
        if let Some(text) = &self.ipv6 {
            let v6 = parse_v6(text)?;
            if addresses.v6.is_some_and(|other| other != v6) {
                return Err(Error::new(
                    ErrorKind::Config,
                    "`ip` and `ipv6` are two different IPv6 addresses",
                )
                .hint("a machine has at most one address of each family: give the IPv4 address as `ip`"));
            }
            addresses.v6 = Some(v6);
        }
        Ok(addresses)
    }
}

fn parse(key: &str, text: &str) -> Result<IpAddr> {
    let address: IpAddr =
        text.parse().map_err(|_| Error::invalid(key, text, "is neither an IPv4 nor an IPv6 address"))?;
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(Error::invalid(key, text, "is no address of one machine"));
    }
    Ok(address)
}

fn parse_v6(text: &str) -> Result<Ipv6Addr> {
    match parse("ipv6", text)? {
        IpAddr::V6(v6) => Ok(v6),
        IpAddr::V4(_) => Err(Error::invalid("ipv6", text, "is an IPv4 address").hint("give it as `ip`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(ip: &str, ipv6: Option<&str>) -> Result<Addresses> {
        let config = Config { ip: Some(ip.to_owned()), ipv6: ipv6.map(str::to_owned), ..Config::default() };
        config.addresses()
    }

    #[test]
    fn an_address_goes_to_its_family() {
        let (v4, v6) = ("10.0.0.9".parse().unwrap(), "2001:db8::9".parse().unwrap());
        assert_eq!(addresses("10.0.0.9", None).unwrap(), Addresses { v4: Some(v4), v6: None });
        assert_eq!(addresses("2001:db8::9", None).unwrap(), Addresses { v4: None, v6: Some(v6) });
        let both = Addresses { v4: Some(v4), v6: Some(v6) };
        assert_eq!(addresses("10.0.0.9", Some("2001:db8::9")).unwrap(), both);
        assert_eq!(addresses("2001:db8::9", Some("2001:db8::9")).unwrap().v6, Some(v6));
    }

    #[test]
    fn what_no_machine_can_have_is_refused_with_the_value() {
        for bad in [
            "300.1.1.1",
            "",
            "web-0",
            "10.0.0.1/8",
            "10.0.0.1\n",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "::",
            "ff02::1",
        ] {
            let error = addresses(bad, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
            assert!(error.message().contains(&format!("ip {bad:?}")), "{error}");
        }
    }

    #[test]
    fn two_addresses_of_one_family_are_refused() {
        assert_eq!(addresses("2001:db8::9", Some("2001:db8::8")).unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(addresses("10.0.0.9", Some("10.0.0.8")).unwrap_err().advice(), Some("give it as `ip`"));
    }
}
