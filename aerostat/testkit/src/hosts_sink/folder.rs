//! What is on disk, as one text.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// A text that differs as soon as anything in a folder, or in one of its folders, does: a name, a kind, a
/// size, a mode, a time of modification, the content; and whether a file is still the same one.
///
/// # Panics
/// If something can't be read.
#[must_use]
pub fn fingerprint_of_folder(folder: &Path) -> String {
    let mut text = String::new();
    describe(folder, &mut text);
    text
}

fn describe(path: &Path, text: &mut String) {
    let shown = path.display();
    let about = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
    let modified = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let kind = about.file_type();
    let identity = identity(&about);
    writeln!(text, "{shown} {kind:?} {} {modified:?} {identity}", about.len()).expect("memory");
    if kind.is_dir() {
        let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder's entry").path()).collect();
        paths.sort();
        for path in paths {
            describe(&path, text);
        }
    } else if kind.is_file() {
        let content = fs::read(path).unwrap_or_else(|error| panic!("{shown}: {error}"));
        writeln!(text, "{}", content.escape_ascii()).expect("memory");
    }
}

#[cfg(unix)]
fn identity(about: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!("{} {:o} {}:{}", about.ino(), about.mode(), about.uid(), about.gid())
}

#[cfg(not(unix))]
fn identity(about: &fs::Metadata) -> String {
    about.permissions().readonly().to_string()
}
