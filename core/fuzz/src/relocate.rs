//! A volume in another size, or on a disk with other sectors.

use ntfsclone_core::clusters::{ClusterMap, audit, select_used};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::relocate::{Carried, NewDisk, Relocated, Relocation};

/// The most bytes of a volume that is read.
const MAX_SIZE: u64 = 1 << 20;

/// Whatever is in a volume, in another size it is read to its end or refused; and if all its records could be
/// changed, it can be opened.
pub fn relocate(data: &[u8]) {
    let Ok(volume) = Volume::open(data) else {
        return;
    };
    let Ok(mut selection) = select_used(&volume, |_| {}) else {
        return;
    };
    if audit(&volume, &mut selection).is_err() {
        return;
    }
    for extent in &selection.bad {
        selection.map.remove(*extent);
    }
    let disks = [
        NewDisk::like(volume.geometry()),
        NewDisk {
            sector_size: 4096,
            bad: selection.bad,
        },
    ];
    for disk in disks {
        relocate_to(data, &selection.map, &disk);
    }
}

fn relocate_to(data: &[u8], used: &ClusterMap, disk: &NewDisk) {
    let carried = || {
        let volume = Volume::open(data).expect("it was opened before");
        Carried::read(&volume, used.clone())
    };
    let Ok(least) = carried().and_then(|carried| carried.least_size(disk)) else {
        return;
    };
    for size in [least, least + 5000, 2 * data.len() as u64] {
        let volume = Volume::open(data).expect("it was opened before");
        let relocation = carried().and_then(|carried| Relocation::new(carried, disk, size));
        let Ok(relocated) = relocation.and_then(|found| Relocated::new(volume, found)) else {
            continue;
        };
        assert!(relocated.size() <= size.max(least));
        let clusters = relocated.relocation().clusters();
        assert!(clusters.len() <= relocated.relocation().to().nr_clusters());
        let is_sound = relocated.check().is_ok();
        if relocated.size() > MAX_SIZE {
            continue;
        }
        let mut bytes = vec![0; relocated.size() as usize];
        let read = relocated.read_exact_at(0, &mut bytes);
        assert!(!is_sound || read.is_ok(), "it was checked: {read:?}");
        if is_sound {
            let opened = Volume::open(bytes.as_slice());
            assert!(opened.is_ok(), "resized to {size}: {opened:?}");
        }
    }
}
