//! The layout of an image: its header, and the bytes of the commands.

use core::fmt;
use core::mem::size_of;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::{Error, Result, Structure};

/// What every image begins with.
pub const MAGIC: &[u8; 16] = b"\0ntfsclone-image";

/// Bytes of the header that we write: [`RawHeader`] rounded up to a multiple
/// of 8.
pub const HEADER_SIZE: usize = 56;

/// Bytes of the header of images before version 10, which has no offset to
/// the data.
pub(super) const OLD_HEADER_SIZE: usize = 46;
/// Bytes of the fields of the header since version 10.
pub(super) const FIELDS_SIZE: usize = size_of::<RawHeader>();

/// The command that skips free clusters: a signed 64-bit count follows.
pub(crate) const COMMAND_GAP: u8 = 0;
/// The command that carries the next cluster: its bytes follow.
pub const COMMAND_NEXT: u8 = 1;

const MAJOR_VERSION: u8 = 10;
const MINOR_VERSION: u8 = 1;
/// The first minor version of 10 that ends with the tail of the device.
const MINOR_WITH_TAIL: u8 = 1;

const MIN_CLUSTER_SIZE: u32 = 256;
const MAX_CLUSTER_SIZE: u32 = 2 << 20;

/// The header as it stands in an image.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawHeader {
    /// 0
    magic: [u8; 16],
    /// 16
    major_version: u8,
    /// 17
    minor_version: u8,
    /// 18: bytes
    cluster_size: U32,
    /// 22: bytes of the partition or file that was read
    device_size: U64,
    /// 30: clusters of the volume
    nr_clusters: U64,
    /// 38: clusters in use, without the tail
    inuse: U64,
    /// 46: bytes from the start of the header to the first command
    offset_to_image_data: U32,
}

const _: () = assert!(size_of::<RawHeader>() == 50);

/// Which of the formats an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Version 10 and a minor version: all images since 2007.
    Current {
        /// 0 has no tail.
        minor: u8,
    },
    /// Before version 10, without a tail.
    Old(ByteOrder),
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current { minor } => write!(f, "{MAJOR_VERSION}.{minor}"),
            Self::Old(ByteOrder::Little) => write!(f, "before 10, little-endian"),
            Self::Old(ByteOrder::Big) => write!(f, "before 10, big-endian"),
        }
    }
}

/// The order of the bytes of all numbers of an old image: that of the machine
/// that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The lowest first.
    Little,
    /// The highest first.
    Big,
}

/// A header whose every field is within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which format.
    pub version: Version,
    /// Bytes in a cluster: a power of two, 256 B to 2 MiB.
    pub cluster_size: u32,
    /// Bytes of the partition or file that was read, not of the volume.
    pub device_size: u64,
    /// Clusters of the volume, at least one; all lie within `device_size`.
    pub nr_clusters: u64,
    /// Clusters in use, as the writer counted; not checked, since nothing but
    /// progress depends on it.
    pub inuse: u64,
    /// Where the commands begin, in bytes from the start of the image.
    pub data_offset: u32,
}

impl Header {
    /// The header of a new image.
    pub fn new(cluster_size: u32, device_size: u64, nr_clusters: u64, inuse: u64) -> Self {
        Self {
            version: Version::Current {
                minor: MINOR_VERSION,
            },
            cluster_size,
            device_size,
            nr_clusters,
            inuse,
            data_offset: 56,
        }
    }

    /// True if the image ends with the tail of the device.
    pub fn has_tail(&self) -> bool {
        matches!(self.version, Version::Current { minor } if minor >= MINOR_WITH_TAIL)
    }

    /// Bytes of the volume's clusters, without the tail.
    pub fn volume_size(&self) -> u64 {
        self.nr_clusters.saturating_mul(self.cluster_size.into())
    }

    /// How many bytes the cluster `lcn` has in the image: fewer than others
    /// where the device ends. `None` if it lies past the end of the device.
    pub fn bytes_at(&self, lcn: u64) -> Option<u64> {
        let cluster_size = u64::from(self.cluster_size);
        let start = lcn.checked_mul(cluster_size)?;
        let left = self.device_size.checked_sub(start)?;
        Some(left.min(cluster_size))
    }

    /// Bytes of the tail: what is left of the device after the last cluster,
    /// at most a cluster.
    pub fn tail_size(&self) -> u64 {
        self.bytes_at(self.nr_clusters).unwrap_or(0)
    }

    /// The header as bytes of version 10.1.
    pub fn to_bytes(&self) -> [u8; HEADER_SIZE] {
        let raw = RawHeader {
            magic: *MAGIC,
            major_version: MAJOR_VERSION,
            minor_version: MINOR_VERSION,
            cluster_size: U32::new(self.cluster_size),
            device_size: U64::new(self.device_size),
            nr_clusters: U64::new(self.nr_clusters),
            inuse: U64::new(self.inuse),
            offset_to_image_data: U32::new(56),
        };
        let mut bytes = [0; HEADER_SIZE];
        for (byte, field) in bytes.iter_mut().zip(raw.as_bytes()) {
            *byte = *field;
        }
        bytes
    }

    /// How many bytes of the header [`Header::parse`] needs, told by its first
    /// [`OLD_HEADER_SIZE`] bytes.
    pub(super) fn len(start: &[u8; OLD_HEADER_SIZE]) -> Result<usize> {
        let [magic @ .., _, _, _, _, _, _, _, _, _, _] = start;
        let [magic @ .., major, _] = magic.first_chunk::<18>().unwrap_or(&[0; 18]);
        if magic != MAGIC {
            let found = magic.first_chunk::<8>().copied().unwrap_or_default();
            let expected = "0x006e7466736c6f6e (a zero byte and ntfsclone-image)";
            return Err(corrupt(0, "its magic", u64::from_be_bytes(found), expected));
        }
        match *major {
            MAJOR_VERSION => Ok(FIELDS_SIZE),
            ..MAJOR_VERSION => Ok(OLD_HEADER_SIZE),
            _ => Err(Error::Unsupported {
                structure: Structure::ImageHeader,
                offset: 16,
                field: "major version",
                found: u64::from(*major),
                expected: "10 or below",
            }),
        }
    }

    /// Checks a header of as many bytes as [`Header::len`] said, which are the
    /// first of `bytes`.
    pub(super) fn parse(bytes: &[u8; FIELDS_SIZE]) -> Result<Self> {
        let raw: RawHeader = zerocopy::transmute!(*bytes);
        if raw.major_version == MAJOR_VERSION {
            let header = Self {
                version: Version::Current {
                    minor: raw.minor_version,
                },
                cluster_size: raw.cluster_size.get(),
                device_size: raw.device_size.get(),
                nr_clusters: raw.nr_clusters.get(),
                inuse: raw.inuse.get(),
                data_offset: raw.offset_to_image_data.get(),
            };
            if usize::try_from(header.data_offset).is_ok_and(|offset| offset < FIELDS_SIZE) {
                let found = header.data_offset.into();
                return Err(corrupt(46, "the offset of its data", found, "at least 50"));
            }
            return header.check();
        }

        let little = Self {
            version: Version::Old(ByteOrder::Little),
            cluster_size: raw.cluster_size.get(),
            device_size: raw.device_size.get(),
            nr_clusters: raw.nr_clusters.get(),
            inuse: raw.inuse.get(),
            data_offset: 46,
        };
        let big = Self {
            version: Version::Old(ByteOrder::Big),
            cluster_size: little.cluster_size.swap_bytes(),
            device_size: little.device_size.swap_bytes(),
            nr_clusters: little.nr_clusters.swap_bytes(),
            inuse: little.inuse.swap_bytes(),
            data_offset: 46,
        };
        // Several cluster sizes are one in either order (4 KiB is 1 MiB the
        // other way round), so all fields have their say; read in the wrong
        // order, a device is some exabytes large.
        match (little.check(), big.check()) {
            (Ok(little), Ok(big)) => Ok(match little.device_size <= big.device_size {
                true => little,
                false => big,
            }),
            (Ok(header), Err(_)) | (Err(_), Ok(header)) => Ok(header),
            (Err(error), Err(_)) => Err(error),
        }
    }

    pub(in crate::image) fn check(self) -> Result<Self> {
        let cluster_size = self.cluster_size;
        if !cluster_size.is_power_of_two()
            || !(MIN_CLUSTER_SIZE..=MAX_CLUSTER_SIZE).contains(&cluster_size)
        {
            let expected = "a power of two from 256 to 2 MiB";
            return Err(corrupt(
                18,
                "its cluster size",
                cluster_size.into(),
                expected,
            ));
        }
        if i64::try_from(self.device_size).is_err() {
            return Err(corrupt(
                22,
                "its device size",
                self.device_size,
                "less than 2^63",
            ));
        }
        let bytes = self.nr_clusters.checked_mul(cluster_size.into());
        let fits = bytes.is_some_and(|bytes| bytes <= self.device_size);
        if self.nr_clusters == 0 || !fits {
            let expected = "at least 1, and within its device size";
            return Err(corrupt(
                30,
                "its number of clusters",
                self.nr_clusters,
                expected,
            ));
        }
        Ok(self)
    }
}

fn corrupt(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Error {
    Error::Corrupt {
        structure: Structure::ImageHeader,
        offset,
        field,
        found,
        expected,
    }
}
