//! The errors of the operating system, as those of aerostat.

use std::io;
use std::path::Path;

use aerostat_core::{Error, ErrorKind};

/// Says what the operating system had against doing that to a file.
pub(crate) fn failure(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |error| {
        let (kind, hint) = advice(&error);
        let failure = Error::new(kind, error.to_string()).during(operation).with("path", path.display());
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn advice(error: &io::Error) -> (ErrorKind, Option<&'static str>) {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            (ErrorKind::PermissionDenied, Some("run as root: the hosts file and files beside it are written"))
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            (ErrorKind::Io, Some("make room on the file system; the hosts file is as it was"))
        }
        io::ErrorKind::ReadOnlyFilesystem => (
            ErrorKind::Io,
            Some("the folder of the hosts file must be writable: its backup and its lock lie there"),
        ),
        io::ErrorKind::NotFound => (ErrorKind::NotFound, Some("make the folder that it is to lie in")),
        io::ErrorKind::IsADirectory | io::ErrorKind::InvalidInput => (
            ErrorKind::Config,
            Some("name the hosts file with `path` in section `hosts-file` of the configuration"),
        ),
        _ => (ErrorKind::Io, None),
    }
}
