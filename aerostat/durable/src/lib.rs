//! Replaces a file so that a crash leaves the old one or the new one, whole.
//!
//! [`replace`] is for content in hand, [`Replacement`] for content that is written bit by bit:
//!
//! 1. The new content goes to a temporary file in the same folder, which nobody else can have made, with the
//!    owner, the mode and the extended attributes (ACL, SELinux label) of the present file; it is synced.
//! 2. If asked, the present file is kept under another name, as a link to it, or where there are no links, as
//!    a copy.
//! 3. The temporary file is renamed over the present one, and the folder is synced.
//!
//! A symbolic link stays: the file that it leads to is replaced.
//!
//! # Where nothing can be renamed
//!
//! A file that is mounted by itself, as `/etc/hosts` is in a container, can't be replaced, only written. The
//! finished temporary file then becomes a journal with a fixed name, and its content is copied over the
//! file. If that fails, the old content is put back. If the program is killed half-way, the journal is still
//! there: [`recover`] sees whether the file is really torn, and completes it.
//!
//! # What a crash leaves behind
//!
//! A killed program may leave temporary files: `.NAME.aerostat-` and sixteen hexadecimal digits. They are
//! harmless; [`sweep`] removes them.

mod attributes;
mod backup;
mod in_place;
mod names;
mod replacement;

pub use in_place::{recover, torn};
pub use names::sweep;
pub use replacement::{How, Replacement, replace};
