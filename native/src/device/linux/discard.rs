//! Discards (TRIM) ranges of a device.

use std::fs::{self, File};
use std::io;
use std::ops::Range;

use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

use super::block_device::{DeviceId, device_id};

const BLKDISCARD: Opcode = opcode::none(0x12, 119);

/// Tells a block device that the bytes in `range` need not be kept. What is
/// read there afterwards is anything. Its ends must be multiples of
/// [`discard_unit`].
pub fn discard(device: &File, range: Range<u64>) -> io::Result<()> {
    let request = [range.start, range.end - range.start];
    // SAFETY: by `linux/fs.h` and block/ioctl.c the kernel reads two u64 at
    // this address, start and length, which live until the call returns, and
    // writes to no memory of this process.
    unsafe { ioctl(device, Setter::<BLKDISCARD, _>::new(request)) }?;
    Ok(())
}

/// What a device can discard: multiples of so many bytes.
pub fn discard_unit(device: &File) -> io::Result<u64> {
    let sector = u64::from(rustix::fs::ioctl_blksszget(device)?);
    // Of the kernel's cache no page is to be discarded in part.
    let least = sector.max(rustix::param::page_size() as u64);
    let granularity = match device_id(&device.metadata()?) {
        DeviceId::Block(major, minor) => {
            let folder = format!("/sys/dev/block/{major}:{minor}");
            // A partition's queue is that of its disk.
            let read = |queue| fs::read_to_string(format!("{folder}/{queue}/discard_granularity"));
            let text = read("queue").or_else(|_| read("../queue"));
            text.ok().and_then(|text| text.trim().parse::<u64>().ok())
        }
        DeviceId::File(..) => None,
    };
    Ok(granularity.unwrap_or(0).max(1).next_multiple_of(least))
}
