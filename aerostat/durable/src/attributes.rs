//! What a new file takes over from the one that it replaces.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use rustix::buffer::spare_capacity;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};

/// The mode of a file that wasn't there before.
const FRESH: u32 = 0o644;
/// All bits of a mode.
const MODE: u32 = 0o7777;

/// Gives `new` the owner, the mode and the extended attributes of `old`, or if there is none, the usual mode.
pub(crate) fn take_over(new: &File, old: Option<&File>) -> io::Result<()> {
    let Some(old) = old else { return new.set_permissions(Permissions::from_mode(FRESH)) };
    let (of_old, of_new) = (old.metadata()?, new.metadata()?);
    if (of_old.uid(), of_old.gid()) != (of_new.uid(), of_new.gid()) {
        fchown(new, Some(of_old.uid()), Some(of_old.gid()))
            .map_err(|error| io::Error::new(error.kind(), format!("can't keep the file's owner: {error}")))?;
    }
    // After the owner, whose change clears bits of the mode, and before the attributes, of which an ACL may
    // say more than the mode.
    new.set_permissions(Permissions::from_mode(of_old.mode() & MODE))?;
    copy_extended(old, new);
    Ok(())
}

/// Copies what can be copied: a file system may have no attributes, and some are the system's alone.
fn copy_extended(old: &File, new: &File) {
    /// The most that Linux lets a list of names, and a value, be.
    const MAX: usize = 64 << 10;
    let mut names = Vec::with_capacity(MAX);
    if flistxattr(old, spare_capacity(&mut names)).is_err() {
        return;
    }
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = Vec::with_capacity(MAX);
        if fgetxattr(old, name, spare_capacity(&mut value)).is_ok() {
            // A label that can't be set leaves the file with the folder's usual one.
            let _ = fsetxattr(new, name, &value, XattrFlags::empty());
        }
    }
}
