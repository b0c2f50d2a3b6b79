//! Where the files of the system lie.

use std::path::{Component, Path, PathBuf};

/// The folder under which every file of the system is read and written: `/`, or another one for images,
/// containers and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Root {
    /// A root at that folder.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Whether this is the running system itself, whose kernel and programs may be touched too.
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0 == Path::new("/")
    }

    /// Where a file of the system lies under this root. A path that lies under it already stays as it is.
    #[must_use]
    pub fn locate(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        if self.is_system() || path.starts_with(&self.0) {
            return path.to_owned();
        }
        let below =
            path.components().filter(|part| !matches!(part, Component::RootDir | Component::Prefix(_)));
        self.0.join(below.collect::<PathBuf>())
    }

    /// The folder.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl Default for Root {
    /// The running system.
    fn default() -> Self {
        Self::new("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_below_the_root_once() {
        let root = Root::new("/tmp/image");
        assert_eq!(root.locate("/etc/hosts"), Path::new("/tmp/image/etc/hosts"));
        assert_eq!(root.locate("/tmp/image/etc/hosts"), Path::new("/tmp/image/etc/hosts"));
        assert_eq!(Root::default().locate("/etc/hosts"), Path::new("/etc/hosts"));
        assert!(Root::default().is_system() && !root.is_system());
    }
}
