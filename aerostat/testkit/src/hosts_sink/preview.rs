//! [`Mode::Preview`] changes nothing and tells what a write would do.

use aerostat_core::{HostsSink, Mode, Outcome, Published, Snapshot};

use super::Fixture;
use super::tables::{lines, node, publish, table, usual, written};
use crate::samples::web;

async fn preview(sink: &dyn HostsSink, table: &Snapshot) -> Published {
    sink.publish(table, Mode::Preview).await.expect("a preview")
}

/// In every case a preview changes nothing, and gives the outcome that a write then has.
pub async fn a_preview_changes_nothing_and_tells_what_a_write_would_do(fixture: &Fixture) {
    let one = || vec![node(web(0), &["www"])];
    let tables = [
        ("the first", usual(5), Outcome::Written),
        ("the same", usual(5), Outcome::Unchanged),
        ("an older one", table(4, one()), Outcome::Kept),
        ("an empty one", table(6, vec![]), Outcome::Kept),
        ("a later one", table(7, one()), Outcome::Written),
        ("an older one again", usual(5), Outcome::Kept),
        (
            "one with a conflict",
            table(8, vec![node(web(0), &[]), node(web(1), &["web-0"])]),
            Outcome::Written,
        ),
    ];
    for (case, table, outcome) in tables {
        let (before, shown) = (fixture.machine().fingerprint(), fixture.machine().lines());
        let first = preview(fixture.sink(), &table).await;
        assert_eq!(first.outcome, outcome, "{case}: {first:#?}");
        assert_eq!(preview(fixture.sink(), &table).await, first, "{case}: a second preview tells the same");
        assert_eq!(fixture.machine().fingerprint(), before, "{case}: a preview wrote something");
        assert_eq!(fixture.machine().lines(), shown, "{case}");
        let written = publish(fixture.sink(), &table).await;
        assert_eq!(written.outcome, first.outcome, "{case}: {written:#?}");
        assert_eq!(written.target, first.target, "{case}");
    }
}

/// The difference has the lines that come and go, each behind `-` or `+`, and none when nothing would change.
pub async fn a_preview_tells_the_lines_that_would_change(fixture: &Fixture) {
    let is_told = |published: &Published, sign: &str, line: &str| {
        published.difference.iter().any(|told| told.starts_with(sign) && told.contains(line))
    };
    written(fixture.sink(), &table(1, vec![node(web(0), &[]), node(web(1), &[])])).await;
    let unchanged = preview(fixture.sink(), &table(1, vec![node(web(0), &[]), node(web(1), &[])])).await;
    assert_eq!(unchanged.difference, [""; 0]);
    let later = table(2, vec![node(web(0), &[]), node(web(2), &["www"])]);
    let before = lines(&**fixture.machine());
    let told = preview(fixture.sink(), &later).await;
    written(fixture.sink(), &later).await;
    let after = lines(&**fixture.machine());
    assert!(told.difference.iter().all(|line| line.starts_with(['-', '+'])), "{told:#?}");
    for line in before.iter().filter(|line| !after.contains(line)) {
        assert!(is_told(&told, "-", line), "{line:?} goes: {told:#?}");
    }
    for line in after.iter().filter(|line| !before.contains(line)) {
        assert!(is_told(&told, "+", line), "{line:?} comes: {told:#?}");
    }
    for line in before.iter().filter(|line| after.contains(line)) {
        assert!(!is_told(&told, "", line), "{line:?} stays: {told:#?}");
    }
}
