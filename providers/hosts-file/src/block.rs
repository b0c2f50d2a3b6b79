//! Where our block is in a hosts file, and the file with another one.

use std::net::IpAddr;
use std::ops::Range;

use memchr::memmem;

use crate::line::{Line, each, without_end};

/// The line before the table.
pub(crate) const OPENING: &[u8] = b"# AEROSTAT\n";
/// The line after the table.
pub(crate) const CLOSING: &[u8] = b"# /AEROSTAT\n";
/// What both lines have in common.
const WORD: &[u8] = b"AEROSTAT";
const LOCALHOST: &[u8] = b"localhost";
const LOCALHOST_LINE: &[u8] = b"127.0.0.1 localhost\n";

/// A hosts file, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout<'a> {
    /// What comes before the place of the block.
    before: &'a [u8],
    /// What comes after it.
    after: Vec<&'a [u8]>,
    /// Whether there is a block.
    has_block: bool,
    /// Whether a block has lines.
    pub(crate) shows_something: bool,
    /// What was broken.
    pub(crate) damage: Vec<String>,
}

/// A part of the content that is ours, with its first and last line.
struct Block {
    span: Range<usize>,
    is_closed: bool,
}

impl<'a> Layout<'a> {
    /// Takes a content apart.
    pub(crate) fn of(content: &'a [u8]) -> Self {
        let blocks = blocks(content);
        let mut layout = Self { before: content, has_block: !blocks.is_empty(), ..Self::default() };
        let mut outside = 0;
        for (at, block) in blocks.iter().enumerate() {
            let part = content.get(outside..block.span.start).unwrap_or_default();
            if at == 0 {
                layout.before = part;
            } else {
                layout.after.push(part);
                layout
                    .damage
                    .push(format!("a second block of aerostat was in line {}", line_of(content, block)));
            }
            if !block.is_closed {
                let line = line_of(content, block);
                layout.damage.push(format!(
                    "the block of aerostat in line {line} was never closed; the lines after it that aerostat \
                     didn't write are kept"
                ));
            }
            let lines = content.get(block.span.clone()).unwrap_or_default();
            layout.shows_something |=
                each(lines).any(|line| marker(line).is_none() && !without_end(line).is_empty());
            outside = block.span.end;
        }
        if layout.has_block {
            layout.after.push(content.get(outside..).unwrap_or_default());
        }
        layout
    }

    /// The parts outside of our blocks, in their order.
    pub(crate) fn outside(&self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::once(self.before).chain(self.after.iter().copied())
    }

    /// The parts of the file with `top` at its top and those lines in its block.
    pub(crate) fn with<'b>(&self, top: &'b [u8], lines: &'b [u8]) -> Vec<&'b [u8]>
    where
        'a: 'b,
    {
        let mut parts = vec![top, self.before];
        if self.before.last().is_some_and(|byte| *byte != b'\n') {
            parts.push(b"\n");
        }
        if !names_localhost(top) && !self.outside().any(names_localhost) {
            parts.push(LOCALHOST_LINE);
        }
        parts.extend([OPENING, lines, CLOSING]);
        parts.extend(&self.after);
        parts
    }
}

/// Whether a content is those parts one after the other.
pub(crate) fn is_same(content: &[u8], parts: &[&[u8]]) -> bool {
    parts.iter().try_fold(content, |rest, part| rest.strip_prefix(*part)).is_some_and(<[u8]>::is_empty)
}

fn line_of(content: &[u8], block: &Block) -> usize {
    memchr::memchr_iter(b'\n', content.get(..block.span.start).unwrap_or_default()).count() + 1
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    Opening,
    Closing,
}

/// Which of the two lines a line is.
fn marker(line: &[u8]) -> Option<Marker> {
    let line = without_end(line);
    if line == without_end(OPENING) {
        Some(Marker::Opening)
    } else if line == without_end(CLOSING) {
        Some(Marker::Closing)
    } else {
        None
    }
}

/// The lines that are markers, with where they are.
fn markers(content: &[u8]) -> impl Iterator<Item = (Range<usize>, Marker)> {
    memmem::find_iter(content, WORD).filter_map(move |word| {
        // A marker's line starts shortly before the word: a line of 100 MB is not searched backwards.
        let earliest = word.saturating_sub(CLOSING.len());
        let start =
            memchr::memrchr(b'\n', content.get(earliest..word)?).map_or(earliest, |end| earliest + end + 1);
        let head = content.get(start..word)?;
        if head != b"# " && head != b"# /" {
            return None;
        }
        // Shortly before, but not in the middle of a line.
        if start > 0 && content.get(start - 1) != Some(&b'\n') {
            return None;
        }
        let rest = content.get(word..)?;
        let line = each(rest).next()?;
        let span = start..word + line.len();
        marker(content.get(span.clone())?).map(|marker| (span, marker))
    })
}

fn blocks(content: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Range<usize>> = None;
    let unclosed = |opening: Range<usize>, limit: usize| {
        let lines = content.get(opening.end..limit).unwrap_or_default();
        let ours: usize = each(lines).take_while(|line| Line::is_ours(line)).map(<[u8]>::len).sum();
        Block { span: opening.start..opening.end + ours, is_closed: false }
    };
    for (span, marker) in markers(content) {
        match (marker, open.take()) {
            (Marker::Opening, before) => {
                blocks.extend(before.map(|opening| unclosed(opening, span.start)));
                open = Some(span);
            }
            (Marker::Closing, Some(opening)) => {
                blocks.push(Block { span: opening.start..span.end, is_closed: true });
            }
            (Marker::Closing, None) => {}
        }
    }
    blocks.extend(open.map(|opening| unclosed(opening, content.len())));
    blocks
}

/// Whether a line gives an address the name `localhost`.
fn names_localhost(content: &[u8]) -> bool {
    let mut seen = 0;
    for at in memchr::memchr2_iter(b'l', b'L', content) {
        let is_name =
            || content.get(at..at + LOCALHOST.len()).is_some_and(|word| word.eq_ignore_ascii_case(LOCALHOST));
        if at < seen || !is_name() {
            continue;
        }
        let start = content
            .get(seen..at)
            .and_then(|head| memchr::memrchr(b'\n', head))
            .map_or(seen, |end| seen + end + 1);
        let Some(line) = content.get(start..).and_then(|rest| each(rest).next()) else { continue };
        let line_names = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let mut words = line_names.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let address = words.next().and_then(|word| str::from_utf8(word).ok());
        if address.is_some_and(|word| word.parse::<IpAddr>().is_ok())
            && words.any(|word| word.eq_ignore_ascii_case(LOCALHOST))
        {
            return true;
        }
        // Each line is looked at once.
        seen = start + line.len();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NEW: &str = "10.0.0.9 new-0\n";
    const BLOCK: &str = "# AEROSTAT\n10.0.0.9 new-0\n# /AEROSTAT\n";

    fn rewritten(content: &[u8]) -> Vec<u8> {
        Layout::of(content).with(b"", NEW.as_bytes()).concat()
    }

    fn assert_rewritten(content: &str, expected: &str) {
        let shown = String::from_utf8(rewritten(content.as_bytes())).unwrap();
        assert_eq!(shown, expected, "of {content:?}");
        assert_eq!(rewritten(shown.as_bytes()), shown.as_bytes(), "the second time, of {content:?}");
        assert!(Layout::of(shown.as_bytes()).damage.is_empty(), "of {content:?}");
    }

    /// Rewrites a file that names localhost in its first line, which isn't written here.
    fn assert_mended(content: &str, expected: &str) {
        let top = "::1 localhost\n";
        assert_rewritten(&format!("{top}{content}"), &format!("{top}{}", expected.replace("<>\n", BLOCK)));
    }

    #[test]
    fn a_block_is_replaced_where_it_is() {
        assert_mended("a\n# AEROSTAT\nold\n# /AEROSTAT\nb", "a\n<>\nb");
        assert_mended("# AEROSTAT\n# /AEROSTAT\n", "<>\n");
        assert_mended("# AEROSTAT\n# /AEROSTAT", "<>\n");
        assert_mended("a\r\n# AEROSTAT \t\r\nold\r\n# /AEROSTAT\r\nb\r\n", "a\r\n<>\nb\r\n");
    }

    #[test]
    fn a_file_without_a_block_gets_one_at_its_end() {
        assert_mended("", "<>\n");
        assert_mended("a\n", "a\n<>\n");
        assert_mended("a", "a\n<>\n");
        assert_mended("a\r\n\r\n", "a\r\n\r\n<>\n");
    }

    #[test]
    fn a_marker_inside_a_line_is_none() {
        for line in [
            "## AEROSTAT",
            " # AEROSTAT",
            "# AEROSTAT x",
            "#AEROSTAT",
            "x # AEROSTAT",
            "# aerostat",
            "# AEROSTATS",
        ] {
            assert_mended(&format!("{line}\nx\n# /AEROSTAT\n"), &format!("{line}\nx\n# /AEROSTAT\n<>\n"));
        }
        let long = "x".repeat(100);
        assert_mended(&format!("{long}# AEROSTAT\n"), &format!("{long}# AEROSTAT\n<>\n"));
    }

    #[test]
    fn a_second_block_is_removed() {
        let second = "# AEROSTAT\n10.0.0.1 web-0\nx\n# /AEROSTAT\n";
        assert_mended(&format!("a\n{second}b\n{second}c\n{second}"), "a\n<>\nb\nc\n");
        assert_eq!(Layout::of(second.repeat(3).as_bytes()).damage.len(), 2);
    }

    #[test]
    fn an_unclosed_block_swallows_nothing_that_follows() {
        let open = "# AEROSTAT\n10.0.0.1 web-0\nfd00::1 db-master x\n";
        assert_mended(&format!("a\n{open}"), "a\n<>\n");
        assert_mended(
            &format!("a\n{open}10.0.0.2 printer\n\n10.0.0.1 nas-1\n"),
            "a\n<>\n10.0.0.2 printer\n\n10.0.0.1 nas-1\n",
        );
        assert_mended("# AEROSTAT\n", "<>\n");
        assert_mended("# AEROSTAT", "<>\n");
        assert_mended("# AEROSTAT\n10.0.0.", "<>\n10.0.0.");
        // Unclosed, and then whole.
        assert_mended(&format!("{open}b\n# AEROSTAT\nold\n# /AEROSTAT\nc\n"), "<>\nb\nc\n");
        assert_mended(&format!("{open}b\n{open}c"), "<>\nb\nc");
        let damage = Layout::of(b"a\n# AEROSTAT\n").damage;
        assert!(matches!(&damage[..], [one] if one.contains("in line 2 was never closed")), "{damage:?}");
    }

    #[test]
    fn a_closing_line_alone_stays() {
        assert_mended("a\n# /AEROSTAT\nb\n", "a\n# /AEROSTAT\nb\n<>\n");
    }

    #[test]
    fn a_file_that_names_no_localhost_gets_it_before_the_block() {
        let with = |head: &str, tail: &str| format!("{head}127.0.0.1 localhost\n{BLOCK}{tail}");
        assert_rewritten("", &with("", ""));
        assert_rewritten("10.0.0.1 a", &with("10.0.0.1 a\n", ""));
        assert_rewritten("a\n# AEROSTAT\n127.0.0.1 localhost\n# /AEROSTAT\nb\n", &with("a\n", "b\n"));
        for none in [
            "# 127.0.0.1 localhost\n",
            "127.0.0.1 localhosts\n",
            "127.0.0.1 mylocalhost\n",
            "127.0.0.1 localhost.localdomain\n",
            "localhost 127.0.0.1\n",
            "127.0.0.1 a # localhost\n",
            "127.0.0.1\nlocalhost\n",
            "x localhost localhost\n",
        ] {
            assert_rewritten(none, &with(none, ""));
        }
        for one in
            ["127.0.0.1\tLocalHost", "::1 a localhost # x\r\n", "x localhost\n\t 127.0.0.1  a localhost\n"]
        {
            let end = if one.ends_with('\n') { "" } else { "\n" };
            assert_rewritten(one, &format!("{one}{end}{BLOCK}"));
        }
        assert_rewritten("# AEROSTAT\n# /AEROSTAT\n::1 localhost", &format!("{BLOCK}::1 localhost"));
    }

    #[test]
    fn only_lines_between_the_markers_count_as_shown() {
        for (content, shows) in [
            ("10.0.0.1 web-0\n", false),
            ("# AEROSTAT\n# /AEROSTAT\n10.0.0.1 web-0\n", false),
            ("# AEROSTAT\n \n# /AEROSTAT\n", false),
            ("# AEROSTAT\n10.0.0.1 web-0\n# /AEROSTAT\n", true),
            ("# AEROSTAT\n# /AEROSTAT\n# AEROSTAT\n10.0.0.1 web-0", true),
            ("# AEROSTAT\n10.0.0.1 printer", false),
        ] {
            assert_eq!(Layout::of(content.as_bytes()).shows_something, shows, "{content:?}");
        }
    }

    /// Contents in which markers and lines of ours are likely.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            Just(b"# AEROSTAT".to_vec()),
            Just(b"# /AEROSTAT".to_vec()),
            Just(b"10.0.0.1 web-0".to_vec()),
            Just(b"127.0.0.1 localhost".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r\n".to_vec()),
            Just(b" ".to_vec()),
            prop::collection::vec(any::<u8>(), 0..20),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn every_byte_outside_survives_in_its_place(content in content()) {
            let layout = Layout::of(&content);
            let written = rewritten(&content);
            let (before, after) = (layout.before, layout.after.concat());
            prop_assert!(written.starts_with(before));
            prop_assert!(written.ends_with(&after));
            let ours = str::from_utf8(&written[before.len()..written.len() - after.len()]).unwrap();
            prop_assert!(ours.ends_with(BLOCK));
            let added = ours.strip_suffix(BLOCK).unwrap();
            prop_assert!(["", "\n", "127.0.0.1 localhost\n", "\n127.0.0.1 localhost\n"].contains(&added), "{:?}", added);
            // What is ours was found from the markers alone: the rest is the content, in its order.
            let blocks: usize = blocks(&content).iter().map(|block| block.span.len()).sum();
            prop_assert_eq!(layout.outside().map(<[u8]>::len).sum::<usize>() + blocks, content.len());
        }

        #[test]
        fn what_is_written_is_whole_and_stays(content in content()) {
            let written = rewritten(&content);
            let layout = Layout::of(&written);
            prop_assert!(layout.has_block);
            prop_assert_eq!(&layout.damage, &[""; 0]);
            prop_assert_eq!(rewritten(&written), written.clone());
            prop_assert!(layout.outside().any(names_localhost));
        }

        #[test]
        fn a_content_is_the_same_as_its_parts_alone(content: Vec<u8>, other: Vec<u8>, at: prop::sample::Index) {
            let (head, tail) = content.split_at(at.index(content.len() + 1));
            prop_assert!(is_same(&content, &[head, b"", tail]));
            prop_assert_eq!(is_same(&other, &[head, tail]), content == other);
            prop_assert!(!is_same(&content, &[head, tail, b"x"]));
        }
    }
}
