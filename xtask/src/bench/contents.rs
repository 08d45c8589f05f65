//! What the volumes hold: the same bytes at every making.

use anyhow::{Context, Result};
use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::FileExt,
    path::Path,
};

const MIB: u64 = 1 << 20;

/// Large files, noise and text by turns: nothing that could be left out as zeros.
pub(super) fn large_files(root: &Path, bytes: u64) -> Result<()> {
    const PIECE: usize = 64 << 10;
    let file_length = bytes.min(256 * MIB);
    let mut noise = Noise::new(1);
    let mut piece = vec![0; PIECE];
    for number in 0..bytes / file_length {
        let mut file = create(&root.join(format!("large {number:02}.bin")))?;
        for turn in 0..file_length / PIECE as u64 {
            match turn % 2 {
                0 => noise.fill(&mut piece),
                _ => fill_with_text(&mut piece, number * file_length + turn),
            }
            file.write_all(&piece)?;
        }
    }
    Ok(())
}

/// Small files, a quarter of them within their records, the others of one to three clusters.
pub(super) fn small_files(root: &Path, files: u64) -> Result<()> {
    const CLUSTER: u64 = 4096;
    const IN_A_DIRECTORY: u64 = 500;
    let mut noise = Noise::new(2);
    for number in 0..files {
        let directory = root.join(format!("directory {:03}", number / IN_A_DIRECTORY));
        if number % IN_A_DIRECTORY == 0 {
            fs::create_dir(&directory)?;
        }
        let length = match number % 4 {
            0 => 100 + number % 500,
            clusters => clusters * CLUSTER - number % 3000,
        };
        let mut content = vec![0; usize::try_from(length)?];
        noise.fill(&mut content);
        create(&directory.join(format!("file {number:06}.txt")))?.write_all(&content)?;
    }
    Ok(())
}

/// Half of it in files whose runs need attribute lists, half in small files, of which then every other one is deleted:
/// what is used lies in pieces, as well as what is free.
pub(super) fn fragmented_files(root: &Path, bytes: u64) -> Result<()> {
    const CLUSTER: u64 = 1024;
    let mut noise = Noise::new(3);
    let length = bytes / 64;
    for number in 0..32 {
        let file = create(&root.join(format!("fragmented {number:02}.bin")))?;
        let mut piece = vec![0; usize::try_from((1 + number % 4) * CLUSTER)?];
        // As torrents arrive, if with more order: no piece can lie behind the one that is its neighbour in the file.
        let step = piece.len() as u64;
        let [even, odd] = [0, step].map(|first| (first..length).step_by(2 * piece.len()));
        for position in even.chain(odd) {
            noise.fill(&mut piece);
            file.write_all_at(&piece, position)?;
        }
    }

    let small = root.join("small");
    fs::create_dir(&small)?;
    let average = 4 * CLUSTER;
    let count = bytes / 2 / average;
    for number in 0..count {
        let mut content = vec![0; usize::try_from((1 + number % 7) * CLUSTER)?];
        noise.fill(&mut content);
        create(&small.join(number.to_string()))?.write_all(&content)?;
    }
    for number in (0..count).step_by(2) {
        fs::remove_file(small.join(number.to_string()))?;
    }
    Ok(())
}

/// A little at both ends and in the middle of a file that is longer than most disks.
pub(super) fn few_bytes_far_apart(root: &Path, files: u64) -> Result<()> {
    small_files(root, files)?;
    let mut noise = Noise::new(4);
    let mut piece = vec![0; 100 << 10];
    let file = create(&root.join("terabytes.bin"))?;
    for position in [0, 5 << 40, (15 << 40) + 12345] {
        noise.fill(&mut piece);
        file.write_all_at(&piece, position)?;
    }
    Ok(())
}

fn create(path: &Path) -> Result<File> {
    File::create_new(path).with_context(|| format!("cannot create {}", path.display()))
}

fn fill_with_text(piece: &mut [u8], seed: u64) {
    let mut rest = piece;
    for line in 0.. {
        let text = format!("{seed}.{line}: only the clusters that something uses are copied\n");
        let length = text.len().min(rest.len());
        let (head, tail) = rest.split_at_mut(length);
        head.copy_from_slice(&text.as_bytes()[..length]);
        if tail.is_empty() {
            break;
        }
        rest = tail;
    }
}

/// By Marsaglia's xorshift generator: fast, and compressible by nobody.
struct Noise {
    state: u64,
}

impl Noise {
    fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.state ^= self.state << 13;
            self.state ^= self.state >> 7;
            self.state ^= self.state << 17;
            chunk.copy_from_slice(&self.state.to_le_bytes()[..chunk.len()]);
        }
    }
}
