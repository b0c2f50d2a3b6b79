//! What the file system says about the path of a database.
//!
//! SQLite answers most obstacles with one «unable to open database file»; here each of them gets its own
//! error. Nothing is opened or made: opening and closing a file outside of SQLite would drop the locks that
//! SQLite holds on it in this process (POSIX advisory locks belong to the process).

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aerostat_core::registry::Access;
use aerostat_core::{Error, ErrorKind, Result};
use rustix::fs::{Access as Right, access};
use rustix::io::Errno;

/// Tells one file from another, and one state of a file from a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    device: u64,
    inode: u64,
    length: u64,
    written: (i64, i64),
}

impl Fingerprint {
    /// That of the file at the path; `None` if there is none.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().map(|file| Self {
            device: file.dev(),
            inode: file.ino(),
            length: file.len(),
            written: (file.mtime(), file.mtime_nsec()),
        })
    }

    /// Whether the file holds something, but less than the smallest page of a database.
    pub(crate) fn is_too_short_for_a_database(&self) -> bool {
        (1..512).contains(&self.length)
    }

    /// Whether both are of one file, whatever was written to it meanwhile.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// Where the file lies in truth: SQLite follows symbolic links before it names the files beside it.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The path of a file that SQLite keeps beside the database: `-wal`, `-shm`, `-journal`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(resolved(path));
    name.push(suffix);
    name.into()
}

/// Whether nobody is using the database, and nothing of it lies in a log: all of it is in the one file.
pub(crate) fn is_at_rest(path: &Path) -> bool {
    let length = |suffix| fs::metadata(beside(path, suffix)).ok().map(|file| file.len());
    length("-journal").is_none()
        && match length("-wal") {
            None => true,
            // An empty log is what a reader left, unless somebody shares it in memory.
            Some(0) => length("-shm").is_none(),
            Some(_) => false,
        }
}

/// Sees that a database may be used, or made, at the path, and says whether it is there.
///
/// # Errors
/// [`ErrorKind::Config`] if the path can't be that of a database, [`ErrorKind::PermissionDenied`] if the
/// operating system forbids its use.
pub(crate) fn look(path: &Path, wanted: Access) -> Result<bool> {
    look_at(path, wanted).map_err(|error| error.with("path", path.display()))
}

fn look_at(path: &Path, wanted: Access) -> Result<bool> {
    let resolved = resolved(path);
    let folder = resolved.parent().unwrap_or(path);
    let file = match fs::metadata(path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unreachable_path(&error)),
    };
    match &file {
        Some(file) => see_that_it_is_a_file(file)?,
        None => see_that_it_is_a_folder(folder)?,
    }
    if file.is_some() {
        permit(access(path, Right::READ_OK), "this user may not read the database")?;
    }
    if wanted == Access::ReadWrite {
        if file.is_some() {
            permit(access(path, Right::WRITE_OK), "this user may not write the database")?;
        }
        let refusal = "this user may not make files in the database's folder, where SQLite keeps its log";
        permit(access(folder, Right::WRITE_OK | Right::EXEC_OK), refusal)?;
    }
    Ok(file.is_some())
}

fn see_that_it_is_a_file(file: &Metadata) -> Result<()> {
    if file.is_dir() {
        return Err(Error::new(ErrorKind::Config, "the path of the database is a folder")
            .hint("name a file in it, for example `names.db`"));
    }
    if !file.is_file() {
        return Err(Error::new(ErrorKind::Config, "the path of the database is not a regular file")
            .hint("name another path"));
    }
    Ok(())
}

fn see_that_it_is_a_folder(folder: &Path) -> Result<()> {
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(Error::new(ErrorKind::Config, format!("{} is not a folder", folder.display()))
            .hint("name another path")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::new(ErrorKind::Config, format!("the folder {} is missing", folder.display()))
                .hint(format!("make it first: `mkdir -p {}`", folder.display())))
        }
        Err(error) => Err(unreachable_path(&error)),
    }
}

fn unreachable_path(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            Error::new(ErrorKind::PermissionDenied, "this user may not enter a folder of the path")
                .hint("run as a user who may, or give this one the right to")
        }
        io::ErrorKind::NotADirectory => {
            Error::new(ErrorKind::Config, "a part of the path is a file, not a folder")
                .hint("name another path")
        }
        _ => Error::new(ErrorKind::Config, error.to_string()).hint("name another path"),
    }
}

fn permit(right: rustix::io::Result<()>, refusal: &str) -> Result<()> {
    match right {
        Ok(()) => Ok(()),
        Err(Errno::ROFS) => {
            Err(Error::new(ErrorKind::PermissionDenied, "the database is on a read-only file system")
                .hint("name a path that can be written, or mount the file system for writing"))
        }
        Err(Errno::ACCESS | Errno::PERM) => Err(Error::new(ErrorKind::PermissionDenied, refusal)
            .hint("run as a user who may, or give this one the right to")),
        Err(error) => Err(Error::new(ErrorKind::Io, error.to_string())),
    }
}

/// Whether the path lies on a file system of another machine, as far as this can be told.
pub(crate) fn is_remote(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        /// `f_type` of NFS, CIFS, SMB2, Ceph and 9P, from `statfs(2)`: 32 bits, whatever the type that holds them.
        const REMOTE: [u32; 5] = [0x6969, 0xff53_4d42, 0xfe53_4d42, 0x00c3_6400, 0x0102_1997];
        rustix::fs::statfs(path).is_ok_and(|found| REMOTE.contains(&(found.f_type as u32)))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_can_hold_no_database_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "x").unwrap();
        for (path, message, hint) in [
            (folder.path().to_owned(), "is a folder", "name a file in it"),
            (folder.path().join("no/such/x.db"), "is missing", "mkdir -p"),
            (file.join("x.db"), "a part of the path is a file", "another path"),
            (PathBuf::from("/dev/null"), "not a regular file", "another path"),
        ] {
            for wanted in [Access::ReadOnly, Access::ReadWrite] {
                let error = look(&path, wanted).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Config, "{error}");
                assert!(error.message().contains(message), "{error}");
                assert!(error.advice().is_some_and(|advice| advice.contains(hint)), "{error}");
                assert!(error.to_string().contains(&path.display().to_string()), "{error}");
            }
        }
    }

    #[test]
    fn a_log_or_a_journal_means_that_the_file_alone_is_not_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        assert!(is_at_rest(&path));
        fs::write(beside(&path, "-wal"), "").unwrap();
        assert!(is_at_rest(&path));
        fs::write(beside(&path, "-shm"), "").unwrap();
        assert!(!is_at_rest(&path));
        fs::remove_file(beside(&path, "-shm")).unwrap();
        fs::write(beside(&path, "-wal"), "x").unwrap();
        assert!(!is_at_rest(&path));
    }
}
