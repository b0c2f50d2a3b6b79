//! This host's own addresses.

use std::net::{IpAddr, Ipv6Addr};

use aerostat_core::{Addresses, Error, ErrorKind, Result};

/// This host's own addresses, as its interfaces have them now; none if it has nothing but loopback.
///
/// # Errors
/// [`ErrorKind::Io`] if the system doesn't tell.
pub(crate) fn of_this_host() -> Result<Addresses> {
    let interfaces = if_addrs::get_if_addrs().map_err(|error| {
        Error::new(ErrorKind::Io, error.to_string())
            .during("list the addresses of this host")
            .hint("give the address by `--ip`, or as `ip` in section `offline` of the configuration")
    })?;
    let all: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).collect();
    Ok(choose(&all))
}

/// The address of each family that other machines most likely reach, in the order of the interfaces: the first
/// IPv4 address that is neither loopback nor link-local, and the first IPv6 address of the internet
/// (2000::/3), else of the site (fc00::/7, RFC 4193).
fn choose(all: &[IpAddr]) -> Addresses {
    let v4 = all.iter().find_map(|address| match address {
        IpAddr::V4(v4) => (!v4.is_loopback() && !v4.is_link_local() && !v4.is_unspecified()).then_some(*v4),
        IpAddr::V6(_) => None,
    });
    let first_v6 = |wanted: fn(&Ipv6Addr) -> bool| {
        all.iter().find_map(|address| match address {
            IpAddr::V6(v6) => wanted(v6).then_some(*v6),
            IpAddr::V4(_) => None,
        })
    };
    let v6 =
        first_v6(|v6| v6.segments()[0] & 0xe000 == 0x2000).or_else(|| first_v6(Ipv6Addr::is_unique_local));
    Addresses { v4, v6 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(all: &[&str]) -> String {
        let all: Vec<IpAddr> = all.iter().map(|text| text.parse().unwrap()).collect();
        let texts: Vec<_> = choose(&all).iter().map(|address| address.to_string()).collect();
        texts.join(" ")
    }

    #[test]
    fn the_first_address_that_others_reach_is_chosen() {
        for (all, expected) in [
            (&["127.0.0.1", "::1", "169.254.7.7", "10.0.0.5", "172.17.0.1", "fe80::1"] as &[_], "10.0.0.5"),
            (&["127.0.0.1", "10.0.0.5", "fd00::5", "2001:db8::5"], "10.0.0.5 2001:db8::5"),
            (&["10.0.0.5", "fd00::5"], "10.0.0.5 fd00::5"),
            (&["127.0.0.1", "2001:db8::5"], "2001:db8::5"),
            (&["127.0.0.1", "::1", "fe80::1", "169.254.7.7"], ""),
            (&[], ""),
        ] {
            assert_eq!(chosen(all), expected, "{all:?}");
        }
    }
}
