//! What a preview tells.

use std::collections::HashMap;

use crate::line::each;

/// The lines that go, each behind `-`, then those that come, behind `+`. Lines that only move are not told.
/// Control characters are escaped.
pub(crate) fn difference(old: &[u8], new: &[u8]) -> Vec<String> {
    // How many times more a line is in the old content than in the new one.
    let mut surplus: HashMap<&[u8], i64> = HashMap::new();
    each(old).for_each(|line| *surplus.entry(without_newline(line)).or_default() += 1);
    each(new).for_each(|line| *surplus.entry(without_newline(line)).or_default() -= 1);
    let mut told = Vec::new();
    // Of equal lines the first ones go, and the first ones come: which, nobody can tell.
    for line in each(old).map(without_newline) {
        if let Some(more @ 1..) = surplus.get_mut(line) {
            *more -= 1;
            told.push(shown('-', line));
        }
    }
    for line in each(new).map(without_newline) {
        if let Some(less @ ..=-1) = surplus.get_mut(line) {
            *less += 1;
            told.push(shown('+', line));
        }
    }
    told
}

fn without_newline(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

fn shown(sign: char, line: &[u8]) -> String {
    let mut shown = String::from(sign);
    for character in String::from_utf8_lossy(line).chars() {
        match character {
            '\t' => shown.push('\t'),
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stay_are_not_told() {
        let told = difference(b"a\nb\nc\nb\n", b"c\nb\nd\na");
        assert_eq!(told, ["-b", "+d"]);
        assert_eq!(difference(b"a\nb", b"a\nb\n"), [""; 0]);
        assert_eq!(difference(b"", b"a\n"), ["+a"]);
    }

    #[test]
    fn what_would_disturb_a_terminal_is_escaped() {
        assert_eq!(difference(b"a\x1b[2J\tb\xff\r\n", b""), ["-a\\u{1b}[2J\tb\u{fffd}\\r"]);
    }
}
