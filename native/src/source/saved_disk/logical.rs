//! Logical partitions: their list of links on the disk, made anew from what `sfdisk --dump` printed,
//! since only the first link is saved.

/// A partition in a dump of sfdisk, in sectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dumped {
    pub number: u32,
    pub start: u64,
    pub len: u64,
    /// Of an MBR; 0 if it is a GUID.
    pub kind: u8,
    pub is_bootable: bool,
}

/// Ours: no disk has more sectors. Sums of two such numbers are in bounds.
const MAX_SECTORS: u64 = 1 << 50;
/// The first number of a logical partition.
const FIRST_LOGICAL: u32 = 5;
const TYPE_EXTENDED: u8 = 0x05;
const SECTOR: usize = 512;
const ENTRIES: usize = 446;
const ENTRY: usize = 16;
/// A cylinder, head and sector that are not used.
const CHS_BEYOND: [u8; 3] = [0xFE, 0xFF, 0xFF];
const BOOTABLE: u8 = 0x80;

/// The partitions in a dump of the disk `name`, as all versions of sfdisk print it.
pub fn parse_dump(text: &str, name: &str) -> Vec<Dumped> {
    text.lines()
        .filter_map(|line| parse_line(line, name))
        .collect()
}

fn parse_line(line: &str, name: &str) -> Option<Dumped> {
    let (node, fields) = line.split_once(':')?;
    let digits = node.trim().strip_prefix("/dev/")?.strip_prefix(name)?;
    let number = digits.strip_prefix('p').unwrap_or(digits).parse().ok()?;
    let field = |names: [&str; 2]| {
        fields.split(',').find_map(|field| {
            let (key, value) = field.split_once('=')?;
            names.contains(&key.trim()).then(|| value.trim())
        })
    };
    let sectors = |name| {
        field([name; 2])?
            .parse()
            .ok()
            .filter(|sectors| *sectors < MAX_SECTORS)
    };
    let kind = field(["type", "Id"]).unwrap_or_default();
    Some(Dumped {
        number,
        start: sectors("start")?,
        len: sectors("size")?,
        kind: u8::from_str_radix(kind, 16).unwrap_or(0),
        is_bootable: fields.split(',').any(|field| field.trim() == "bootable"),
    })
}

/// The links to the logical partitions of the extended partition at sector `extended`: the sector
/// and the bytes of each. `first` is the first as it was saved, which knows where the second is.
pub fn links(extended: u64, partitions: &[Dumped], first: Option<&[u8]>) -> Vec<(u64, Vec<u8>)> {
    let mut logical: Vec<Dumped> = partitions
        .iter()
        .copied()
        .filter(|one| one.number >= FIRST_LOGICAL && one.len > 0 && one.start > extended)
        .collect();
    logical.sort_by_key(|one| one.number);
    let places = places(extended, &logical, first);
    let all = places.iter().zip(&logical).enumerate();
    all.map(|(index, (&place, one))| {
        let mut link = match first {
            Some(saved) if index == 0 && saved.len() >= SECTOR => saved[..SECTOR].to_vec(),
            _ => vec![0; SECTOR],
        };
        link[ENTRIES..SECTOR - 2].fill(0);
        link[SECTOR - 2..].copy_from_slice(&[0x55, 0xAA]);
        put_entry(&mut link, 0, one.kind, one.start - place, one.len);
        if one.is_bootable {
            link[ENTRIES] = BOOTABLE;
        }
        if let (Some(next), Some(&next_place)) = (logical.get(index + 1), places.get(index + 1)) {
            let len = (next.start + next.len).saturating_sub(next_place);
            put_entry(&mut link, 1, TYPE_EXTENDED, next_place - extended, len);
        }
        (place, link)
    })
    .collect()
}

/// The sector of each link: the first is at the start of the extended partition, the others
/// precede their partitions by as much, if there is so much space.
fn places(extended: u64, logical: &[Dumped], first: Option<&[u8]>) -> Vec<u64> {
    let distance = logical.first().map_or(1, |one| one.start - extended);
    let saved = first.and_then(|link| link.get(ENTRIES + ENTRY + 8..)?.first_chunk());
    let saved = saved.map(|bytes| extended + u64::from(u32::from_le_bytes(*bytes)));
    let mut places = vec![extended];
    for (index, pair) in logical.windows(2).enumerate() {
        let (before, one) = (pair[0], pair[1]);
        let ends = logical.iter().map(|other| other.start + other.len);
        let end = ends.filter(|end| *end <= one.start).max();
        let end = end.unwrap_or(before.start).max(extended + 1);
        let usual = one
            .start
            .saturating_sub(distance)
            .max(end)
            .min(one.start - 1);
        let is_free = |place: &u64| (end..one.start).contains(place);
        places.push(match saved.filter(|_| index == 0).filter(is_free) {
            Some(saved) => saved,
            None => usual,
        });
    }
    places.truncate(logical.len());
    places
}

fn put_entry(link: &mut [u8], index: usize, kind: u8, start: u64, len: u64) {
    let entry = &mut link[ENTRIES + index * ENTRY..][..ENTRY];
    let to_u32 = |sectors: u64| u32::try_from(sectors).unwrap_or(u32::MAX).to_le_bytes();
    entry[1..4].copy_from_slice(&CHS_BEYOND);
    entry[4] = kind;
    entry[5..8].copy_from_slice(&CHS_BEYOND);
    entry[8..12].copy_from_slice(&to_u32(start));
    entry[12..].copy_from_slice(&to_u32(len));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dumps_of_all_versions_are_read() {
        let old = "# partition table of /dev/sda\nunit: sectors\n\n\
                   /dev/sda1 : start=     2048, size=   204800, Id= 7, bootable\n\
                   /dev/sda4 : start=        0, size=        0, Id= 0\n";
        let new = "label: dos\nlabel-id: 0x1\ndevice: /dev/nvme0n1\nunit: sectors\n\n\
                   /dev/nvme0n1p5 : start=        4096, size=        8192, type=83\n";
        assert_eq!(
            parse_dump(old, "sda")[0],
            Dumped {
                number: 1,
                start: 2048,
                len: 204_800,
                kind: 7,
                is_bootable: true,
            }
        );
        let parsed = parse_dump(new, "nvme0n1");
        assert_eq!((parsed[0].number, parsed[0].kind), (5, 0x83));
        assert_eq!(parse_dump(new, "sda"), []);
    }

    #[test]
    fn links_are_where_they_were_or_have_space() {
        let one = |number, start, len| Dumped {
            number,
            start,
            len,
            kind: 7,
            is_bootable: false,
        };
        let partitions = [one(5, 164, 100), one(6, 300, 100), one(7, 401, 50)];
        let found = links(100, &partitions, None);
        let places: Vec<u64> = found.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [100, 264, 400]);
        let mut saved = vec![0; SECTOR];
        put_entry(&mut saved, 1, TYPE_EXTENDED, 190, 100);
        let found = links(100, &partitions, Some(&saved));
        assert_eq!(found[1].0, 290);
    }
}
