//! Writing a file that can't be replaced, with a journal.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::names::{follow, journal, sync_folder_of};

/// What the system writes at one stroke: after a crash each block is old, new, or never written.
const BLOCK: usize = 4096;
/// How much is written with one call: the more, the shorter the file is torn.
const PIECE: usize = 256 * BLOCK;

/// Copies the finished file `content`, whose name is `temporary`, over `target`. `previous` has the present
/// content, if anything has.
pub(crate) fn write(
    content: &File,
    temporary: &Path,
    target: &Path,
    previous: Option<&Path>,
) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(target)?;
    make_room(&file, content.metadata()?.len())?;
    let mut undo: Box<dyn Read> = match previous {
        Some(previous) => Box::new(File::open(previous)?),
        None => Box::new(io::Cursor::new(fs::read(target)?)),
    };
    let journal = journal(target)?;
    fs::rename(temporary, &journal)?;
    sync_folder_of(&journal)?;
    let mut content = content;
    content.rewind()?;
    let written = overwrite(&file, &mut content);
    if written.is_err() {
        // A journal that stays lets the next run complete what could neither be done nor undone.
        overwrite(&file, &mut undo)?;
    }
    remove_journal(&journal)?;
    written
}

/// Reserves the space, so that a full disk is noticed before anything is written.
fn make_room(file: &File, length: u64) -> io::Result<()> {
    if length == 0 {
        return Ok(());
    }
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, length) {
        Err(full @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(full.into()),
        // Not every file system can reserve.
        _ => Ok(()),
    }
}

/// Writes `content` over a file, and cuts off what is left of the old content last: whoever reads meanwhile
/// misses as little as can be.
fn overwrite(mut file: &File, content: &mut dyn Read) -> io::Result<()> {
    file.rewind()?;
    let length = io::copy(&mut BufReader::with_capacity(PIECE, content), &mut file)?;
    file.set_len(length)?;
    file.sync_all()
}

fn remove_journal(journal: &Path) -> io::Result<()> {
    fs::remove_file(journal)?;
    sync_folder_of(journal)
}

/// Finds the content that a file was to get in place when its writer was killed: the path of the journal, if
/// there is one and the file is still torn. `previous` is where the old content was kept.
///
/// A file that somebody has written anew since, as a container's runtime does when it starts, isn't torn.
///
/// # Errors
/// A file can't be read.
pub fn torn(path: impl AsRef<Path>, previous: impl AsRef<Path>) -> io::Result<Option<PathBuf>> {
    let target = follow(path.as_ref())?;
    let journal = journal(&target)?;
    let (Some(new), Some(present)) = (open(&journal)?, open(&target)?) else { return Ok(None) };
    let old = open(previous.as_ref())?;
    Ok(is_mixed(present, new, old)?.then_some(journal))
}

/// Completes a file whose writer was killed while writing in place, and gives whether it was torn. The journal is
/// removed in any case. `previous` is where the old content was kept.
///
/// The caller must hold a lock that all writers of the file hold.
///
/// # Errors
/// A file can't be read or written; the journal stays.
pub fn recover(path: impl AsRef<Path>, previous: impl AsRef<Path>) -> io::Result<bool> {
    let target = follow(path.as_ref())?;
    let journal = journal(&target)?;
    if !journal.exists() {
        return Ok(false);
    }
    let is_torn = torn(&target, previous)?.is_some();
    if is_torn {
        let file = OpenOptions::new().write(true).open(&target)?;
        overwrite(&file, &mut File::open(&journal)?)?;
    }
    remove_journal(&journal)?;
    Ok(is_torn)
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether each block of a file is that of the new content, or of the old, or empty; and the file is no shorter
/// than both.
fn is_mixed(mut present: File, mut new: File, mut old: Option<File>) -> io::Result<bool> {
    let shortest = match &old {
        Some(old) => old.metadata()?.len().min(new.metadata()?.len()),
        None => new.metadata()?.len(),
    };
    if present.metadata()?.len() < shortest {
        return Ok(false);
    }
    loop {
        let block = block_of(&mut present)?;
        let of_new = block_of(&mut new)?;
        let of_old = old.as_mut().map(block_of).transpose()?.unwrap_or_default();
        if block.is_empty() {
            return Ok(true);
        }
        let is_empty = block.iter().all(|byte| *byte == 0);
        if !is_empty && !is_overlaid(&block, &of_new, &of_old) {
            return Ok(false);
        }
    }
}

/// Whether a block is the new one, or the old one, or at the end of the new content the old one behind it.
fn is_overlaid(block: &[u8], new: &[u8], old: &[u8]) -> bool {
    block == new
        || block == old
        || block.strip_prefix(new).is_some_and(|rest| old.get(new.len()..) == Some(rest))
}

fn block_of(file: &mut File) -> io::Result<Vec<u8>> {
    let mut block = Vec::with_capacity(BLOCK);
    file.take(BLOCK as u64).read_to_end(&mut block)?;
    Ok(block)
}
