//! A stream in a temporary file, to be read at any place.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::input::{Files, read_before_error, read_error};

/// Bytes of a stream that are decompressed at once. Of as many zeros a hole is
/// made.
const PIECE_BYTES: usize = 64 << 10;

/// Writes all of a stream to a temporary file without a name. What comes before
/// damage is kept; returns why it ends there, too.
///
/// # Errors
///
/// There is no room for it.
pub(super) fn spool(
    name: &Path,
    reader: &mut (impl Read + ?Sized),
) -> Result<(Files, Option<Error>)> {
    let no_room = |error: io::Error| {
        Error::refused(
            name,
            format!("it cannot be decompressed to a temporary file: {error}"),
            "make room there, or name another folder in TMPDIR",
        )
    };
    let mut file = tempfile::tempfile().map_err(no_room)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut size = 0;
    let damage = loop {
        let (len, error) = read_before_error(reader, &mut piece);
        if piece[..len].iter().all(|&byte| byte == 0) {
            let skipped = i64::try_from(len).unwrap_or(0);
            file.seek(SeekFrom::Current(skipped)).map_err(no_room)?;
        } else {
            file.write_all(&piece[..len]).map_err(no_room)?;
        }
        size += len as u64;
        if error.is_some() || len < piece.len() {
            break error.map(|error| read_error(name, error));
        }
    };
    file.set_len(size).map_err(no_room)?;
    file.rewind().map_err(no_room)?;
    let files = Files::from_here(file).map_err(no_room)?;
    Ok((files, damage))
}
