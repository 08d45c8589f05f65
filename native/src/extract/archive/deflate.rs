//! Compression by several threads.

use std::num::NonZeroUsize;
use std::thread;

use flate2::{Compress, Compression, FlushCompress, Status};

use crate::host::threads;

/// Each has a state of some 300 KiB, and a part in work.
const MAX_THREADS: usize = 8;

/// A file, or a part of one that is compressed by itself: what a part comes to ends at a whole byte, and what
/// follows it may be another.
pub struct Part {
    pub bytes: Vec<u8>,
    pub is_last: bool,
    /// What `bytes` are compressed to.
    pub packed: Vec<u8>,
}

impl Part {
    pub fn new(bytes: &[u8], is_last: bool) -> Self {
        Self {
            bytes: bytes.to_vec(),
            is_last,
            packed: Vec::new(),
        }
    }
}

/// Compressors that are used for one part after the other.
pub struct Deflate {
    states: Vec<Compress>,
}

impl Deflate {
    pub fn new() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let states = (0..threads.min(MAX_THREADS)).map(|_| {
            // The streams of zip have no header.
            Compress::new(Compression::default(), false)
        });
        Self {
            states: states.collect(),
        }
    }

    /// How many parts can be compressed at a time.
    pub fn threads(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.states.len()).unwrap_or(NonZeroUsize::MIN)
    }

    pub fn compress(&mut self, parts: &mut [Part]) {
        let threads = self.threads();
        let share = parts.len().div_ceil(threads.get()).max(1);
        let shares = parts.chunks_mut(share);
        let mut work: Vec<(&mut Compress, &mut [Part])> =
            self.states.iter_mut().zip(shares).collect();
        threads::for_each(threads, &mut work, |(state, parts)| {
            for part in parts.iter_mut() {
                deflate(state, part);
            }
        });
    }
}

fn deflate(state: &mut Compress, part: &mut Part) {
    state.reset();
    let flush = match part.is_last {
        true => FlushCompress::Finish,
        false => FlushCompress::Sync,
    };
    let mut rest = part.bytes.as_slice();
    part.packed.clear();
    loop {
        part.packed.reserve(rest.len() / 2 + 1024);
        let before = state.total_in();
        let status = state.compress_vec(rest, &mut part.packed, flush);
        rest = &rest[(state.total_in() - before) as usize..];
        let has_space = part.packed.len() < part.packed.capacity();
        match (flush, status) {
            (FlushCompress::Finish, Ok(Status::StreamEnd)) => return,
            (FlushCompress::Finish, Ok(_)) => {}
            (_, Ok(_)) if rest.is_empty() && has_space => return,
            (_, Ok(_)) => {}
            (_, Err(error)) => unreachable!("compression in order failed: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn parts_follow_each_other() {
        let random =
            |seed: u64| (0..300_000_u64).map(move |at| ((at * at).wrapping_mul(seed) >> 7) as u8);
        let inputs: Vec<Vec<u8>> = vec![
            vec![],
            b"a".to_vec(),
            random(0x9e37_79b9).collect(),
            vec![0; 1 << 20],
            random(3).collect(),
        ];
        for count in 1..=inputs.len() {
            let parts = inputs[..count].iter().enumerate();
            let mut parts: Vec<Part> = parts
                .map(|(index, bytes)| Part::new(bytes, index + 1 == count))
                .collect();
            Deflate::new().compress(&mut parts);
            let packed: Vec<u8> = parts.iter().flat_map(|part| part.packed.clone()).collect();
            let mut found = Vec::new();
            let mut reader = flate2::read::DeflateDecoder::new(packed.as_slice());
            reader.read_to_end(&mut found).unwrap();
            assert!(found == inputs[..count].concat(), "{count}");
        }
    }
}
