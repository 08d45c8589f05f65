//! Streams that are compressed.

use std::rc::Rc;

use ntfsclone_core::image::Compression;
use ntfsclone_core::jobs::{self, Step};
use ntfsclone_core::pages::Pages;

/// Steps that are looked at: some bytes may be decompressed to any number.
const MAX_STEPS: usize = 64;

/// A file, compressed in whatever way its first bytes tell.
pub fn decompress(data: &[u8]) {
    let Some(compression) = Compression::of(data) else {
        return;
    };
    let pages = Rc::new(Pages::new(data.len() as u64));
    let Ok(mut job) = jobs::decompress(Rc::clone(&pages), compression, false) else {
        return;
    };
    for _ in 0..MAX_STEPS {
        let before = job.progress();
        match job.step() {
            Ok(Step::Done) => {
                assert_eq!(job.progress().0, data.len() as u64);
                return;
            }
            Ok(Step::Read(range)) => {
                let bytes = &data[range.start as usize..range.end as usize];
                pages.supply(range.start, bytes.to_vec()).unwrap();
            }
            Ok(Step::Progress { done, .. }) => assert!(done >= before.0),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}
