//! Files that nobody but their owner may read.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes an empty one; an error when something is there already.
pub(crate) fn make_new(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Makes an empty one where nothing is yet. What SQLite puts beside it follows its mode.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    match make_new(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
