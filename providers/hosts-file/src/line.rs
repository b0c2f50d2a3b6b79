//! One line of the table, as it stands in the file.

use std::net::IpAddr;

use aerostat_core::{Alias, Hostname};

/// One line of the table: an address with the names of its node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The address.
    pub address: IpAddr,
    /// The hostname.
    pub hostname: Hostname,
    /// The further names, in their order.
    pub aliases: Vec<Alias>,
}

/// Reads the lines that [`render`](crate::render) writes, one after the other. Other lines are left out.
pub fn parse(lines: &[u8]) -> impl Iterator<Item = Line> {
    each(lines).filter_map(Line::read)
}

/// The lines of a content, each with its end.
pub(crate) fn each(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let (line, after) = match memchr::memchr(b'\n', rest) {
            Some(end) => rest.split_at_checked(end + 1)?,
            None if rest.is_empty() => return None,
            None => (rest, &[][..]),
        };
        rest = after;
        Some(line)
    })
}

/// A line without its end and the blanks before it.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    line.iter().rposition(|byte| !blank(byte)).and_then(|last| line.get(..=last)).unwrap_or_default()
}

impl Line {
    /// Reads a line of exactly the form in which it was written: single blanks, names in lower case, no remark.
    fn read(line: &[u8]) -> Option<Self> {
        let line = str::from_utf8(without_end(line)).ok()?;
        let mut words = line.split(' ');
        let address = words.next()?.parse().ok()?;
        let hostname = Hostname::parse(words.next()?).ok()?;
        let aliases: Vec<_> = words.map(|word| Alias::parse(word).ok()).collect::<Option<_>>()?;
        Some(Self { address, hostname, aliases })
    }

    /// Whether a line looks as if it were of a table: the first name ends as a slot's does.
    pub(crate) fn is_ours(line: &[u8]) -> bool {
        let is_slot = |hostname: &str| {
            let (_, tail) = hostname.rsplit_once('-').unwrap_or_default();
            let canonical = !tail.is_empty() && (tail == "0" || !tail.starts_with('0'));
            tail == "master" || (canonical && tail.bytes().all(|byte| byte.is_ascii_digit()))
        };
        !line.iter().any(u8::is_ascii_uppercase)
            && Self::read(line).is_some_and(|line| is_slot(line.hostname.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_their_newlines_and_the_last_may_have_none() {
        let lines: Vec<_> = each(b"a\n\nb\r\nc").collect();
        assert_eq!(lines, [&b"a\n"[..], b"\n", b"b\r\n", b"c"]);
        assert_eq!(each(b"").count(), 0);
        assert_eq!(without_end(b" a \t\r\n"), b" a");
        assert_eq!(without_end(b" \n"), b"");
    }

    #[test]
    fn only_lines_as_the_table_has_them_look_like_it() {
        for ours in ["10.0.0.1 web-0", "fd00::1 db-master www a", "10.0.0.1 db-slave-10\r\n"] {
            assert!(Line::is_ours(ours.as_bytes()), "{ours}");
        }
        for other in [
            "",
            "10.0.0.1",
            "10.0.0.1 printer",
            "10.0.0.1  web-0",
            "10.0.0.1\tweb-0",
            " 10.0.0.1 web-0",
            "10.0.0.1 web-0 # a remark",
            "10.0.0.1 Web-0",
            "10.0.0.1 web-00",
            "10.0.0.1 web-",
            "10.0.0.1 web-0 www.example.org",
            "127.0.0.1 localhost",
            "10.0.0.300 web-0",
            "# /AEROSTAT",
        ] {
            assert!(!Line::is_ours(other.as_bytes()), "{other}");
        }
        assert!(!Line::is_ours(b"10.0.0.1 web-0 \xff"));
    }
}
