//! The new content of a file, until it takes the place of the old one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::attributes::take_over;
use crate::names::{folder, follow, make_temporary, sync_folder_of};
use crate::{backup, in_place};

/// How the content of a file was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// At one stroke, by a rename: nobody saw anything but the old or the new content.
    Renamed,
    /// By writing over it, because it can't be renamed: whoever read meanwhile may have seen both mixed.
    InPlace,
}

/// Replaces the content of a file, which need not exist.
///
/// # Errors
/// As [`Replacement`]. The file is as it was.
pub fn replace(path: impl AsRef<Path>, content: &[u8]) -> io::Result<How> {
    let mut replacement = Replacement::begin(path)?;
    replacement.write_all(content)?;
    replacement.commit()
}

/// The new content of a file. It is written without a buffer, so in large pieces, and takes the place of the
/// old one with [`commit`](Self::commit). Dropped before, it leaves nothing behind.
#[derive(Debug)]
pub struct Replacement {
    target: PathBuf,
    temporary: PathBuf,
    file: File,
    backup: Option<PathBuf>,
}

impl Replacement {
    /// Begins to replace a file, which need not exist. Its folder must.
    ///
    /// # Errors
    /// It is something else than a file, such as a folder; or nothing can be made beside it, with its owner.
    pub fn begin(path: impl AsRef<Path>) -> io::Result<Self> {
        let target = follow(path.as_ref())?;
        let present = match fs::metadata(&target) {
            // Asked before it is opened: opening a pipe would wait for its other end.
            Ok(about) if about.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(about) if !about.is_file() => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
            }
            Ok(_) => Some(File::open(&target)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        Self::of(target, present.as_ref())
    }

    /// Begins to replace `target`, with owner and mode of that file.
    pub(crate) fn of(target: PathBuf, like: Option<&File>) -> io::Result<Self> {
        let (temporary, file) = make_temporary(&target)?;
        let replacement = Self { target, temporary, file, backup: None };
        take_over(&replacement.file, like)?;
        Ok(replacement)
    }

    /// Keeps the present content under another name, as soon as the new one is complete. If the file isn't
    /// there, what has that name stays.
    #[must_use]
    pub fn keeping(mut self, backup: impl Into<PathBuf>) -> Self {
        self.backup = Some(backup.into());
        self
    }

    /// Puts the new content in the place of the old one.
    ///
    /// # Errors
    /// The content can't be synced, kept or put there; the file is as it was. If the file had to be written in
    /// place and the old content couldn't be put back either, the journal stays for [`recover`](crate::recover).
    pub fn commit(self) -> io::Result<How> {
        self.file.sync_all()?;
        let kept = self.backup.as_deref().filter(|_| self.target.exists());
        let linked = match kept {
            Some(backup) => backup::link(&self.target, backup)?,
            None => false,
        };
        if let Some(backup) = kept.filter(|_| !linked) {
            backup::copy(&self.target, backup)?;
        }
        match fs::rename(&self.temporary, &self.target) {
            Ok(()) => {
                sync_folder_of(&self.target)?;
                if let Some(backup) = kept.filter(|backup| folder(backup) != folder(&self.target)) {
                    sync_folder_of(backup)?;
                }
                Ok(How::Renamed)
            }
            Err(error) if is_mounted_by_itself(&error) => {
                // The file is about to be written: its copy must not be a link to it.
                if let Some(backup) = kept.filter(|_| linked) {
                    backup::copy(&self.target, backup)?;
                }
                in_place::write(&self.file, &self.temporary, &self.target, kept)?;
                Ok(How::InPlace)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_mounted_by_itself(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices)
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        // After a commit there is nothing of that name.
        remove(&self.temporary);
    }
}

/// Removes a temporary file, if it is there. One that stays is harmless, and swept later.
pub(crate) fn remove(temporary: &Path) {
    let _ = fs::remove_file(temporary);
}
