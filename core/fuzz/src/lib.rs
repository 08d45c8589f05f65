//! What each fuzz target does with its input, and what must hold whatever the
//! input is.
//!
//! `core/tests/fuzz_regressions.rs` runs the committed inputs through these
//! same functions, so that an ordinary test run replays every crash ever found.

use ntfsclone_core::disk::DiskFormat;

mod content;
mod decompress;
mod disk;
mod image;
#[path = "../../tests/support/image_decoder.rs"]
mod image_decoder;
mod image_reader;
mod partclone;
mod relocate;
mod seekable;
mod side_index;
mod structures;
mod tree;
mod volume;

pub use content::{content, lznt1, wof};
pub use decompress::decompress;
pub use disk::{disk, disk_files, vhd, vhdx};
pub use image::image_decoder;
pub use image_reader::image_reader;
pub use partclone::partclone;
pub use relocate::relocate;
pub use seekable::seekable;
pub use side_index::side_index;
pub use structures::{attribute_list, boot_sector, mft_record, runlist};
pub use tree::tree;
pub use volume::volume_scan;

/// Runs the target of that name.
pub fn run(target: &str, data: &[u8]) {
    match target {
        "boot_sector" => boot_sector(data),
        "mft_record" => mft_record(data),
        "runlist" => runlist(data),
        "attribute_list" => attribute_list(data),
        "volume_scan" => volume_scan(data),
        "relocate" => relocate(data),
        "tree" => tree(data),
        "content" => content(data),
        "lznt1" => lznt1(data),
        "decompress" => decompress(data),
        "wof" => wof(data),
        "image_decoder" => image_decoder(data),
        "seekable" => seekable(data),
        "side_index" => side_index(data),
        "image_reader" => image_reader(data),
        "partclone" => partclone(data),
        "disk_files" => disk_files(data),
        "qcow2" => disk(DiskFormat::Qcow2, data),
        "vdi" => disk(DiskFormat::Vdi, data),
        "vhd" => vhd(data),
        "vhdx" => vhdx(data),
        "vmdk" => disk(DiskFormat::Vmdk, data),
        _ => panic!("there is no fuzz target {target}"),
    }
}
