//! 10.1 images: rewritten into the older forms of the format, and what they hold of a device.

use std::ops::Range;

/// Header fields of a 10.1 image, and its body up to the tail.
pub(crate) struct Image<'a> {
    header: &'a [u8],
    cluster_size: usize,
    nr_clusters: u64,
    /// Commands for the clusters 0 to nr_clusters, without the backup boot sector behind them.
    body: &'a [u8],
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum ByteOrder {
    Little,
    Big,
}

impl<'a> Image<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Self {
        assert_eq!(&bytes[..16], b"\0ntfsclone-image", "not an image");
        assert_eq!(bytes[16..18], [10, 1], "not a 10.1 image");
        let cluster_size = u32::from_le_bytes(bytes[18..22].try_into().expect("four bytes"));
        let nr_clusters = u64::from_le_bytes(bytes[30..38].try_into().expect("eight bytes"));
        let start = u32::from_le_bytes(bytes[46..50].try_into().expect("four bytes"));
        let mut image = Self {
            header: &bytes[..46],
            cluster_size: cluster_size as usize,
            nr_clusters,
            body: &bytes[start as usize..],
        };
        let end = image.walk(|_| ());
        image.body = &image.body[..end];
        image
    }

    /// The bytes of the device that it holds, those of the tail too: the longest areas, in order.
    pub(crate) fn areas(&self) -> Vec<Range<u64>> {
        let mut areas: Vec<Range<u64>> = Vec::new();
        let mut add = |start: u64, end: u64| match areas.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ if start == end => {}
            _ => areas.push(start..end),
        };
        let size = self.cluster_size as u64;
        let mut position = 0;
        self.walk(|command| match command {
            Command::Gap(count) => position += count as u64 * size,
            Command::Next(_) => {
                add(position, position + size);
                position += size;
            }
        });
        let device_size = u64::from_le_bytes(self.header[22..30].try_into().expect("eight bytes"));
        let volume_size = self.nr_clusters * size;
        add(volume_size, device_size.min(volume_size + size));
        areas
    }

    /// As the first version with a fixed layout wrote it: no backup boot sector at the end.
    pub(crate) fn to_version_10_0(&self) -> Vec<u8> {
        let mut image = self.header.to_vec();
        image[17] = 0;
        image.extend(56_u32.to_le_bytes());
        image.resize(56, 0);
        image.extend(self.body);
        image
    }

    /// As tools before that wrote it: a shorter header in the writer's own byte order, with the NTFS version in it.
    pub(crate) fn to_old_format(&self, order: ByteOrder) -> Vec<u8> {
        let mut image = self.header.to_vec();
        image[16..18].copy_from_slice(&[3, 1]);
        if order == ByteOrder::Big {
            for field in [18..22, 22..30, 30..38, 38..46] {
                image[field].reverse();
            }
        }
        self.walk(|command| match command {
            Command::Gap(count) => {
                image.push(0);
                image.extend(match order {
                    ByteOrder::Little => count.to_le_bytes(),
                    ByteOrder::Big => count.to_be_bytes(),
                });
            }
            Command::Next(cluster) => {
                image.push(1);
                image.extend(cluster);
            }
        });
        image
    }

    /// Reports the commands up to nr_clusters; returns the bytes they take.
    fn walk(&self, mut report: impl FnMut(Command<'_>)) -> usize {
        let (mut offset, mut position) = (0, 0);
        while position < self.nr_clusters {
            match self.body[offset] {
                0 => {
                    let count = self.body[offset + 1..offset + 9].try_into();
                    let count = i64::from_le_bytes(count.expect("eight bytes"));
                    report(Command::Gap(count));
                    position = position
                        .checked_add_signed(count)
                        .expect("a gap within the volume");
                    offset += 9;
                }
                1 => {
                    let end = offset + 1 + self.cluster_size;
                    report(Command::Next(&self.body[offset + 1..end]));
                    position += 1;
                    offset = end;
                }
                other => panic!("unknown command {other:#04x} at byte {offset:#x} of the body"),
            }
        }
        offset
    }
}

enum Command<'a> {
    Gap(i64),
    Next(&'a [u8]),
}
