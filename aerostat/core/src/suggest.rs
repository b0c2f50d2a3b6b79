//! «Did you mean …?»

/// The known word nearest to a mistyped one, if one is near enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this similarity (Jaro and Winkler's, 0 to 1) a suggestion confuses more than it helps.
    const NEAR_ENOUGH: f64 = 0.75;
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= NEAR_ENOUGH)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_mended_and_a_stranger_is_not() {
        assert_eq!(nearest("intervall", ["interval", "server"]), Some("interval"));
        assert_eq!(nearest("srever", ["interval", "server"]), Some("server"));
        assert_eq!(nearest("quux", ["interval", "server"]), None);
    }
}
