//! The present content under another name.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::names::{sync_folder_of, temporary};
use crate::replacement::{Replacement, remove};

/// Keeps the file `target` as `backup` too, by a link: nothing is copied, and the one moment in which `backup`
/// changes is a rename. Gives `false` where there can be no link.
pub(crate) fn link(target: &Path, backup: &Path) -> io::Result<bool> {
    let temporary = temporary(backup)?;
    if fs::hard_link(target, &temporary).is_err() {
        return Ok(false);
    }
    let renamed = fs::rename(&temporary, backup);
    // Renaming one link of a file over another one does nothing and leaves both.
    remove(&temporary);
    renamed?;
    Ok(true)
}

/// Copies the file `target` to `backup`.
pub(crate) fn copy(target: &Path, backup: &Path) -> io::Result<()> {
    let mut source = File::open(target)?;
    let mut replacement = Replacement::of(backup.to_owned(), Some(&source))?;
    io::copy(&mut source, &mut replacement)?;
    replacement.commit()?;
    sync_folder_of(backup)
}
