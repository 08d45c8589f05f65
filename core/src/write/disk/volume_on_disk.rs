//! A volume as the content of the disk that it is written into.

use alloc::borrow::Cow;
use alloc::boxed::Box;

use super::layout::DiskLayout;
use crate::plan::Plan;
use crate::units::len_u64;
use crate::write::{Disk, DiskContent};

/// The clusters of a plan, and the partition table around them.
pub(crate) struct VolumeOnDisk<'a> {
    plan: &'a Plan,
    layout: Cow<'a, DiskLayout>,
}

impl<'a> VolumeOnDisk<'a> {
    /// Without a layout, the volume is the disk.
    pub(crate) fn new(plan: &'a Plan, layout: Option<&'a DiskLayout>) -> Self {
        let layout = match layout {
            Some(layout) => Cow::Borrowed(layout),
            None => Cow::Owned(DiskLayout::unpartitioned(plan)),
        };
        Self { plan, layout }
    }

    /// Where everything lies.
    pub(crate) fn layout(&self) -> &DiskLayout {
        &self.layout
    }
}

impl DiskContent for VolumeOnDisk<'_> {
    fn disk(&self) -> Disk {
        self.layout.disk()
    }

    fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        let layout = &*self.layout;
        let in_volume = |(offset, len): (u64, u64)| {
            let len = len.min(layout.volume_len().saturating_sub(offset));
            (layout.on_disk(offset), len)
        };
        let backup = layout.backup();
        let backup_len = backup.end.saturating_sub(backup.start);
        let (end_offset, end) = layout.end();
        let last = [
            (layout.on_disk(backup.start), backup_len),
            (end_offset, len_u64(end.len())),
        ];
        let ranges = [(0, len_u64(layout.start().len()))]
            .into_iter()
            .chain(self.plan.ranges().map(in_volume))
            .chain(last)
            .filter(|(_, len)| *len > 0);
        Box::new(ranges)
    }
}
