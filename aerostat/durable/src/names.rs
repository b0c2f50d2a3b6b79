//! Where a file really is, and the names of what lies beside it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How many symbolic links are followed, as in the kernel.
const MAX_LINKS: usize = 40;
/// How many hexadecimal digits end the name of a temporary file.
const DIGITS: usize = 16;

/// Follows symbolic links to the file itself, which need not exist.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&path) {
            Ok(about) if about.is_symlink() => path = folder(&path).join(fs::read_link(&path)?),
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::from(rustix::io::Errno::LOOP))
}

/// The folder that a file lies in.
pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Makes the names in a folder last.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    match File::open(folder(path))?.sync_all() {
        // Some file systems have nothing to sync in a folder.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

/// What the names of temporary files begin with.
fn prefix(target: &Path) -> io::Result<OsString> {
    let name = target.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("{} names no file", target.display()))
    })?;
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".aerostat-");
    Ok(prefix)
}

/// Where the content lies that is being written in place.
pub(crate) fn journal(target: &Path) -> io::Result<PathBuf> {
    let mut name = prefix(target)?;
    name.push("journal");
    Ok(folder(target).join(name))
}

/// A name beside `target` that nobody can foresee.
pub(crate) fn temporary(target: &Path) -> io::Result<PathBuf> {
    // The keys of `RandomState` come from the operating system's source of randomness.
    let random = RandomState::new().build_hasher().finish();
    let mut name = prefix(target)?;
    name.push(format!("{random:0DIGITS$x}"));
    Ok(folder(target).join(name))
}

/// Makes a temporary file beside `target` that only this user may read.
pub(crate) fn make_temporary(target: &Path) -> io::Result<(PathBuf, File)> {
    loop {
        let path = temporary(target)?;
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|file| (path, file)),
        }
    }
}

/// Removes the temporary files that killed programs left beside a file. Gives how many they were.
///
/// The caller must hold a lock that all writers of the file hold: a temporary file in use is removed too.
///
/// # Errors
/// The folder can't be read, or a file can't be removed.
pub fn sweep(path: impl AsRef<Path>) -> io::Result<usize> {
    let target = follow(path.as_ref())?;
    let prefix = prefix(&target)?;
    let mut swept = 0;
    for entry in fs::read_dir(folder(&target))? {
        let name = entry?.file_name();
        if is_temporary(&name, &prefix) {
            fs::remove_file(folder(&target).join(name))?;
            swept += 1;
        }
    }
    Ok(swept)
}

fn is_temporary(name: &OsStr, prefix: &OsStr) -> bool {
    let digits = name.as_encoded_bytes().strip_prefix(prefix.as_encoded_bytes());
    digits.is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}
