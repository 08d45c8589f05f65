//! Volumes as they are, of volumes and images.

use ntfsclone_core::tasks::Target;

use crate::driver::Driver;
use crate::samples::{image_of, restored, volumes};

#[test]
fn what_is_in_use_is_there() {
    for (name, built) in volumes() {
        let image = image_of(&built);
        for (what, source) in [("volume", &built.bytes), ("image", &image)] {
            let mut driver = Driver::new(source.as_slice());
            let opened = driver.open().unwrap();
            let output = driver.output(&mut opened.convert(Target::Raw)).unwrap();
            assert!(output == restored(&built), "{name}, {what}");
            // The rest was looked at to open it, and to find what is in use.
            let all = source.len() as u64;
            assert!(
                driver.read <= all + all / 8 + (1 << 20),
                "{name}, {what}: {} of {all}",
                driver.read
            );
            assert!(driver.peak <= 21 << 20, "{name}, {what}: {}", driver.peak);
        }
    }
}
