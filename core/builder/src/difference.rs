//! Virtual disks that are differences to another disk.

use crate::virtual_disk::{SECTOR, VHD_ID, append, put, redo_vhd_checksum};
use crate::{Qcow2, qcow2, vdi, vhd, vmdk};

/// A VHD of which the sectors that `is_written` are its own, and the others those of the parent: a [`vhd`] at the path
/// `parent`, relative.
pub fn vhd_difference(
    disk: &[u8],
    block_size: usize,
    is_written: &dyn Fn(usize) -> bool,
    parent: &str,
) -> Vec<u8> {
    const HEADER: usize = SECTOR;
    const TABLE: usize = HEADER + 1024;
    let mut file = vhd(&vec![0; disk.len()], Some(block_size));
    let mut footer = file.split_off(file.len() - SECTOR);
    put(&mut footer, 60, &4_u32.to_be_bytes());
    put(&mut footer, 68, b"ID of difference");
    redo_vhd_checksum(&mut footer);
    put(&mut file, 0, &footer);
    let path: Vec<u8> = parent.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let path_offset = append(&mut file, SECTOR, &path) as u64;
    put(&mut file, HEADER + 40, &VHD_ID);
    let name: Vec<u8> = "a name that is not there"
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    put(&mut file, HEADER + 64, &name);
    let locator = HEADER + 576;
    put(&mut file, locator, b"W2ru");
    put(&mut file, locator + 4, &512_u32.to_be_bytes());
    put(&mut file, locator + 8, &(path.len() as u32).to_be_bytes());
    put(&mut file, locator + 16, &path_offset.to_be_bytes());
    redo_vhd_checksum(&mut file[HEADER..]);
    for (index, block) in disk.chunks(block_size).enumerate() {
        let first = index * block_size / SECTOR;
        let sectors = first..first + block.len() / SECTOR;
        if !sectors.clone().any(is_written) {
            continue;
        }
        let bitmap_bytes = (block_size / SECTOR).div_ceil(8).next_multiple_of(SECTOR);
        let mut bitmap = vec![0_u8; bitmap_bytes];
        // What is the parent's is not looked at.
        let mut data = vec![0xEE; block_size];
        for sector in sectors.filter(|&sector| is_written(sector)) {
            let within = sector - first;
            bitmap[within / 8] |= 0x80 >> (within % 8);
            let range = within * SECTOR..(within + 1) * SECTOR;
            data[range.clone()].copy_from_slice(&block[range]);
        }
        let offset = append(&mut file, SECTOR, &[bitmap, data].concat());
        let sector = (offset / SECTOR) as u32;
        put(&mut file, TABLE + 4 * index, &sector.to_be_bytes());
    }
    append(&mut file, SECTOR, &footer);
    file
}

/// A [`vdi`] with this UUID.
pub fn vdi_with_id(disk: &[u8], block_size: usize, id: [u8; 16]) -> Vec<u8> {
    let mut file = vdi(disk, block_size);
    put(&mut file, 392, &id);
    put(&mut file, 408, &id);
    file
}

/// A VDI of which blocks without data are those of the parent, or zeros if their number is odd. The table of the disk
/// must be after the UUIDs, in the second sector.
pub fn vdi_difference(disk: &[u8], block_size: usize, parent: [u8; 16]) -> Vec<u8> {
    let mut file = vdi(disk, block_size);
    put(&mut file, 76, &4_u32.to_le_bytes());
    put(&mut file, 392, b"UUID of this VDI");
    put(&mut file, 424, &parent);
    put(&mut file, 440, &parent);
    file
}

/// A [`qcow2`] of version 2 with clusters of 512 bytes; clusters of zeros are those of the backing file.
pub fn qcow2_with_backing(disk: &[u8], backing: &str, format: Option<&str>) -> Vec<u8> {
    const EXTENSIONS: usize = 72;
    const NAME: usize = 200;
    let mut file = qcow2(disk, 9, Qcow2::Version2);
    put(&mut file, 8, &(NAME as u64).to_be_bytes());
    put(&mut file, 16, &(backing.len() as u32).to_be_bytes());
    put(&mut file, NAME, backing.as_bytes());
    if let Some(format) = format {
        put(&mut file, EXTENSIONS, &0xE279_2ACA_u32.to_be_bytes());
        put(
            &mut file,
            EXTENSIONS + 4,
            &(format.len() as u32).to_be_bytes(),
        );
        put(&mut file, EXTENSIONS + 8, format.as_bytes());
    }
    file
}

/// A stream-optimised [`vmdk`] of which grains of zeros are those of the parent, which has the content identifier
/// `parent_id`.
pub fn vmdk_delta(disk: &[u8], grain_size: usize, parent: &str, parent_id: &str) -> Vec<u8> {
    const DESCRIPTOR: usize = SECTOR;
    let mut file = vmdk(disk, grain_size, true);
    let text = format!(
        "# Disk DescriptorFile\nversion=1\nCID=87654321\nparentCID={parent_id}\n\
         createType=\"streamOptimized\"\nparentFileNameHint=\"{parent}\"\n\nRW {} SPARSE \"disk.vmdk\"\n",
        disk.len() / SECTOR
    );
    file[DESCRIPTOR..DESCRIPTOR + 2 * SECTOR].fill(0);
    put(&mut file, DESCRIPTOR, text.as_bytes());
    file
}
