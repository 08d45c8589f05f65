//! The files that are pieces of one that was split, by their names: `x.aa`,
//! `x.ab`, ..., as split and Clonezilla make them; `x_aa`, `x-aa`, and `xaa`, which
//! is what split makes of the name `x`; with all numbers of [`Suffix`].

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ntfsclone_core::open::{Content, Probe, Role};

use crate::error::{Error, Result};
use crate::piece_suffix::{Alphabet, Suffix};

/// The suffixes of first pieces, in the order in which they are looked for.
const FIRST: [&str; 8] = ["aa", "aaa", "aaaa", "00", "000", "0000", "001", "0001"];

/// What stands between a name and its suffix.
const SEPARATORS: [&str; 4] = [".", "_", "-", ""];

/// How far behind a missing piece others are looked for: other files may have
/// names that look like it.
const LOOKED_AT: usize = 16;

/// Bytes that show whether a file is one of its own.
const START_BYTES: u64 = 512;

/// What is known of files by their paths.
struct Folder<'a> {
    exists: &'a dyn Fn(&Path) -> bool,
    /// Whether a file begins as an image, a volume or another whole file does.
    stands_alone: &'a dyn Fn(&Path) -> bool,
}

/// A name of a piece: `x.img.gz_` and `ab`.
struct PieceName {
    stem: String,
    suffix: String,
}

/// The files to be read as one where `path` is named: itself, if it is no
/// piece; all pieces, if it is the first of them, or the name that they were
/// split from.
///
/// # Errors
///
/// It is another piece than the first, or one is missing.
pub fn of(path: &Path) -> Result<Vec<PathBuf>> {
    let folder = Folder {
        exists: &|path| path.exists(),
        stands_alone: &stands_alone,
    };
    folder.files_of(path)
}

/// The name that the piece after these would have; `None` if they are no pieces.
pub fn after(pieces: &[PathBuf]) -> Option<PathBuf> {
    let [first, .., last] = pieces else {
        return None;
    };
    let suffixes = pieces.iter().map(|piece| PieceName::shared(piece, first));
    let suffixes: Vec<PieceName> = suffixes.collect::<Option<_>>()?;
    // Of all alphabets that the first may be of, the one that all others are of, too.
    let is_of_all = |suffix: &Suffix| suffixes.iter().all(|name| name.is_of(suffix.alphabet()));
    let alphabet = Suffix::of_first(&suffixes.first()?.suffix)
        .find(is_of_all)?
        .alphabet();
    let name = suffixes.last()?;
    let last_suffix = Suffix::parse(&name.suffix).find(|suffix| suffix.alphabet() == alphabet);
    let next = last_suffix?.successor()?;
    Some(last.with_file_name(format!("{}{}", name.stem, next.text())))
}

/// Whether what begins here is known: a piece of something goes on anywhere.
fn stands_alone(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(START_BYTES).read_to_end(&mut start));
    if read.is_err() {
        return false;
    }
    match Probe::with_start(&&start[..], &start).content() {
        Content::Unknown => false,
        Content::Refused(format) => !matches!(format.role, Role::Lost { .. }),
        _ => true,
    }
}

impl Folder<'_> {
    fn files_of(&self, path: &Path) -> Result<Vec<PathBuf>> {
        let itself = || Ok(vec![path.to_owned()]);
        if !(self.exists)(path) {
            let first = self.first_of(path);
            // Or to be told that it is not there.
            return first.map_or_else(itself, |first| self.pieces(&first));
        }
        for name in PieceName::all_of(path) {
            if let Some(first) = self.first_before(path, &name) {
                return Err(Error::refused(
                    path,
                    "is a piece of a file, and not the first",
                    format!("name the first: {}", first.display()),
                ));
            }
        }
        let is_first = |name: &PieceName| FIRST.contains(&&*name.suffix);
        match PieceName::all_of(path).any(|name| is_first(&name)) {
            true => self.pieces(path),
            false => itself(),
        }
    }

    /// The first piece of what was split from `path`.
    fn first_of(&self, path: &Path) -> Option<PathBuf> {
        let name = path.file_name()?.to_str()?;
        let stems = SEPARATORS
            .iter()
            .map(|separator| format!("{name}{separator}"));
        let mut firsts = stems
            .flat_map(|stem| FIRST.map(|suffix| path.with_file_name(format!("{stem}{suffix}"))));
        firsts.find(|first| (self.exists)(first))
    }

    /// All pieces from the first on.
    fn pieces(&self, first: &Path) -> Result<Vec<PathBuf>> {
        let mut found = vec![first.to_owned()];
        let is_first = |name: &PieceName| FIRST.contains(&&*name.suffix);
        for name in PieceName::all_of(first).filter(is_first) {
            for suffix in Suffix::of_first(&name.suffix) {
                let pieces = self.pieces_from(first, &name, suffix)?;
                if pieces.len() > found.len() {
                    found = pieces;
                }
            }
        }
        Ok(found)
    }

    /// The pieces of one alphabet, or only the first.
    fn pieces_from(
        &self,
        first: &Path,
        name: &PieceName,
        mut suffix: Suffix,
    ) -> Result<Vec<PathBuf>> {
        let piece =
            |suffix: &Suffix| first.with_file_name(format!("{}{}", name.stem, suffix.text()));
        let mut found = vec![first.to_owned()];
        let missing = loop {
            let next = suffix.following();
            let there = next.iter().find(|next| self.goes_on(name, &piece(next)));
            let Some(there) = there else {
                break next.into_iter().next();
            };
            found.push(piece(there));
            suffix = there.clone();
        };
        let Some(missing) = missing else {
            return Ok(found);
        };
        let later = std::iter::successors(Some(missing.clone()), |later| {
            later.following().into_iter().next()
        });
        // The others may be of decimal numbers.
        let is_told = |suffix: &Suffix| {
            suffix.alphabet() != Alphabet::Hexadecimal
                || suffix
                    .text()
                    .contains(|sign: char| sign.is_ascii_lowercase())
        };
        let later = later.skip(1).take(LOOKED_AT).filter(is_told);
        let mut later = later.map(|later| piece(&later));
        if let Some(later) = later.find(|later| self.goes_on(name, later)) {
            return Err(Error::refused(
                &piece(&missing),
                format!("is missing, but {} is there", later.display()),
                "all pieces must be in one folder, under the names they were given",
            ));
        }
        Ok(found)
    }

    /// Whether a file of this name is a later piece. Without a dot it may well be
    /// another file, which then begins as one.
    fn goes_on(&self, name: &PieceName, path: &Path) -> bool {
        (self.exists)(path) && (name.has_dot() || !(self.stands_alone)(path))
    }

    /// The first piece of the set that `path` is a later piece of.
    fn first_before(&self, path: &Path, name: &PieceName) -> Option<PathBuf> {
        let piece = |suffix: &str| path.with_file_name(format!("{}{suffix}", name.stem));
        let is_before = |first: &&str| {
            let is_lower = first.len() == name.suffix.len() && **first < *name.suffix;
            is_lower && (self.exists)(&piece(first))
        };
        let first = piece(FIRST.iter().copied().find(|first| is_before(first))?);
        // .gz is no piece because there is a file .aa.
        let mut before = Suffix::parse(&name.suffix).filter_map(|suffix| suffix.preceding());
        let follows = before.any(|before| (self.exists)(&piece(&before.text())));
        (follows && self.goes_on(name, path)).then_some(first)
    }
}

impl PieceName {
    /// The ways to take the name of `path` apart: with the suffix behind the last
    /// separator, or with one of usual length at the end.
    fn all_of(path: &Path) -> impl Iterator<Item = Self> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default().to_owned();
        let behind_separator = name.rfind(['.', '_', '-']).map(|at| at + 1);
        let lengths = FIRST.iter().map(|first| first.len());
        let at_end = lengths.filter_map(|len| name.len().checked_sub(len));
        let mut places: Vec<usize> = at_end.chain(behind_separator).collect();
        places.sort_unstable();
        places.dedup();
        // Nothing is split from no name.
        let places = places.into_iter().filter(|&place| place > 0);
        let names = places.filter_map(move |place| {
            let (stem, suffix) = name.split_at_checked(place)?;
            let is_suffix = suffix.len() >= 2 && Suffix::parse(suffix).next().is_some();
            is_suffix.then(|| Self {
                stem: stem.to_owned(),
                suffix: suffix.to_owned(),
            })
        });
        names.collect::<Vec<_>>().into_iter()
    }

    /// The name of a piece of the set that begins with `first`.
    fn shared(path: &Path, first: &Path) -> Option<Self> {
        let stem_of_first = PieceName::all_of(first).find(|name| FIRST.contains(&&*name.suffix))?;
        let name = path.file_name()?.to_str()?;
        Some(Self {
            suffix: name.strip_prefix(&*stem_of_first.stem)?.to_owned(),
            stem: stem_of_first.stem,
        })
    }

    fn has_dot(&self) -> bool {
        self.stem.ends_with('.')
    }

    fn is_of(&self, alphabet: Alphabet) -> bool {
        Suffix::parse(&self.suffix).any(|suffix| suffix.alphabet() == alphabet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read where `named` is, of these files; or what is said. A file with
    /// an exclamation mark begins as a file of its own.
    fn check(there: &str, named: &str, expected: &str) {
        let there: Vec<&str> = there.split(' ').collect();
        let names = || there.iter().map(|name| name.trim_end_matches('!'));
        let folder = Folder {
            exists: &|path| names().any(|name| Path::new(name) == path),
            stands_alone: &|path| there.contains(&&*format!("{}!", path.display())),
        };
        let found = folder.files_of(Path::new(named));
        let found = match found {
            Ok(names) => {
                let names = names.iter().map(|name| name.to_str().unwrap());
                names.collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{named} of {there:?}");
    }

    #[test]
    fn sets() {
        let table = [
            ("x.img", "x.img", "x.img"),
            ("x.img", "y.img", "y.img"),
            ("x.aa", "x.aa", "x.aa"),
            ("x.aa x.ab x.ac", "x.aa", "x.aa x.ab x.ac"),
            ("x.aa x.ab x.ac", "x", "x.aa x.ab x.ac"),
            ("x x.aa x.ab", "x", "x"),
            ("d/x.aaa d/x.aab", "d/x.aaa", "d/x.aaa d/x.aab"),
            ("x.00 x.01 x.02", "x.00", "x.00 x.01 x.02"),
            ("x.000 x.001", "x", "x.000 x.001"),
            ("x.001 x.002", "x.001", "x.001 x.002"),
            ("x.gz.aa x.gz.ab", "x.gz", "x.gz.aa x.gz.ab"),
            // Without a dot.
            ("x_aa x_ab x_ac", "x_aa", "x_aa x_ab x_ac"),
            ("x_aa x_ab", "x", "x_aa x_ab"),
            (
                "x.img.gz_aa x.img.gz_ab",
                "x.img.gz",
                "x.img.gz_aa x.img.gz_ab",
            ),
            (
                "x.img.gz_aa x.img.gz_ab",
                "x.img.gz_aa",
                "x.img.gz_aa x.img.gz_ab",
            ),
            ("x-00 x-01", "x-00", "x-00 x-01"),
            ("xaa xab xac", "xaa", "xaa xab xac"),
            ("d/xaa d/xab", "d/x", "d/xaa d/xab"),
            ("xaaa xaab", "xaaa", "xaaa xaab"),
            ("x00 x01", "x00", "x00 x01"),
            (
                "x_aa x_ab x_ad",
                "x_aa",
                "x_ac: is missing, but x_ad is there",
            ),
            (
                "x_aa x_ab",
                "x_ab",
                "x_ab: is a piece of a file, and not the first",
            ),
            (
                "xaa xab",
                "xab",
                "xab: is a piece of a file, and not the first",
            ),
            // Several images, which begin so.
            ("disk00! disk01!", "disk00", "disk00"),
            ("disk00! disk01!", "disk01", "disk01"),
            ("disk_00 disk_01! disk_02!", "disk_02", "disk_02"),
            ("isaa isac!", "isaa", "isaa"),
            ("aa ab", "ab", "ab"),
            // Letters that are hexadecimal, too.
            (
                "x.aa x.ab x.ac x.ad x.ae x.af x.ag x.ah",
                "x",
                "x.aa x.ab x.ac x.ad x.ae x.af x.ag x.ah",
            ),
            ("x.aa x.ab x.ba", "x.aa", "x.aa x.ab"),
            // Hexadecimal numbers.
            (
                "x08 x09 x0a x07 x06 x05 x04 x03 x02 x01 x00 x0b",
                "x00",
                "x00 x01 x02 x03 x04 x05 x06 x07 x08 x09 x0a x0b",
            ),
            (
                "x.00 x.01 x.02 x.03 x.04 x.05 x.06 x.07 x.08 x.09 x.10",
                "x",
                "x.00 x.01 x.02 x.03 x.04 x.05 x.06 x.07 x.08 x.09 x.10",
            ),
            (
                "x.00 x.01 x.02 x.03 x.04 x.05 x.06 x.07 x.08 x.09 x.0b",
                "x.00",
                "x.0a: is missing, but x.0b is there",
            ),
            // Other files beside them.
            ("x.aa x.ab x.gz", "x.aa", "x.aa x.ab"),
            ("x.aa x.gz", "x.gz", "x.gz"),
            ("x.aaa x.img", "x.img", "x.img"),
            ("y.aa z.ab", "y.aa", "y.aa"),
            ("x.1 x.2", "x.1", "x.1"),
            // Copies of several days have such names.
            ("x.01 x.02", "x.01", "x.01"),
            ("x.01 x.02", "x.02", "x.02"),
            (
                "x.aa x.ab x.ac",
                "x.ab",
                "x.ab: is a piece of a file, and not the first",
            ),
            (
                "x.000 x.001",
                "x.001",
                "x.001: is a piece of a file, and not the first",
            ),
            (
                "x.001 x.002",
                "x.002",
                "x.002: is a piece of a file, and not the first",
            ),
            (
                "x.aa x.ab x.ad",
                "x.aa",
                "x.ac: is missing, but x.ad is there",
            ),
            ("x.001 x.005", "x", "x.002: is missing, but x.005 is there"),
        ];
        for (there, named, expected) in table {
            check(there, named, expected);
        }
    }

    #[test]
    fn names_after_the_last() {
        let table = [
            ("x.aa x.ab", Some("x.ac")),
            ("x_aa x_ab", Some("x_ac")),
            ("x.aa x.af", Some("x.ag")),
            ("d/xaa d/xab", Some("d/xac")),
            ("x.00 x.01", Some("x.02")),
            ("x.08 x.09", None),
            ("x.00 x.09", Some("x.10")),
            ("x.00 x.0e x.0f", Some("x.10")),
            ("x.00 x.0a x.19", Some("x.1a")),
            ("x.001 x.002", Some("x.003")),
            ("x.aa", None),
            ("x.aa x.zz", None),
        ];
        for (pieces, expected) in table {
            let paths: Vec<PathBuf> = pieces.split(' ').map(PathBuf::from).collect();
            let next = after(&paths);
            assert_eq!(next.as_deref(), expected.map(Path::new), "{pieces}");
        }
    }
}
