//! Disks that are too large for a format, and the memory that large ones take.

use ntfsclone_core::Error;
use ntfsclone_core::clusters::ClusterMap;
use ntfsclone_core::plan::Plan;
use ntfsclone_core::units::{Extent, Geometry, Lcn};
use ntfsclone_core::write::{
    DiskLayout, Out, Partitioning, QCOW2, Shape, Stopped, VDI, VHD, VHD_FIXED, VHDX, Writer,
};

/// A volume of so many clusters of 4 KiB, with every `step`th in use.
fn large(clusters: u64, step: usize) -> Plan {
    let mut map = ClusterMap::new(clusters).unwrap();
    for lcn in (0..clusters).step_by(step) {
        map.insert(Extent::new(Lcn(lcn), 1));
    }
    let geometry = Geometry {
        sector_size: 512,
        cluster_size: 4096,
        total_sectors: clusters * 8 + 7,
        mft_record_size: 1024,
        index_record_size: 4096,
    };
    Plan::new(geometry, (clusters + 1) * 4096, map)
}

fn try_encoder(writer: &Writer, plan: &Plan) -> Result<(), Error> {
    let layout = DiskLayout::new(Partitioning::Gpt, plan, 1, false)?;
    let shape = Shape::Volume {
        plan,
        disk: Some(&layout),
    };
    writer.encoder(&shape).map(|_| ())
}

#[test]
fn disks_that_a_format_cannot_describe_are_refused() {
    const TIB: u64 = (1 << 40) / 4096;
    let rows: [(&Writer, u64, bool); 8] = [
        (&VHD, 2 * TIB - (1 << 22), true),
        (&VHD, 2 * TIB, false),
        (&VHD_FIXED, 2 * TIB, false),
        (&VHDX, 63 * TIB, true),
        (&VHDX, 64 * TIB, false),
        (&QCOW2, 1000 * TIB, true),
        (&QCOW2, 1024 * TIB, false),
        (&VDI, 64 * TIB, true),
    ];
    for (writer, clusters, is_accepted) in rows {
        let plan = large(clusters, 1 << 40);
        let result = try_encoder(writer, &plan);
        match is_accepted {
            true => result.unwrap(),
            false => assert!(
                matches!(result, Err(Error::DiskTooLarge { .. })),
                "{} {clusters}",
                writer.id
            ),
        }
    }
    let plan = large(3 * TIB, 1 << 40);
    let layout = DiskLayout::new(Partitioning::Mbr, &plan, 1, false);
    assert!(matches!(layout, Err(Error::DiskTooLarge { .. })));
}

/// Counts bytes, and the most of them in one call.
#[derive(Default)]
struct Counted {
    len: u64,
    most: usize,
}

impl Out for Counted {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.len += bytes.len() as u64;
        self.most = self.most.max(bytes.len());
        Ok(())
    }

    fn zeros(&mut self, len: u64) -> Result<(), Stopped> {
        self.len += len;
        Ok(())
    }
}

#[test]
fn tables_of_large_disks_come_in_small_pieces() {
    // 1 TiB, of which something is in every GiB.
    let plan = large((1 << 40) / 4096, 1 << 18);
    let cluster = [7; 4096];
    for writer in [&QCOW2, &VDI, &VHD, &VHDX] {
        let layout = DiskLayout::new(Partitioning::Gpt, &plan, 1, false).unwrap();
        let shape = Shape::Volume {
            plan: &plan,
            disk: Some(&layout),
        };
        let mut encoder = writer.encoder(&shape).unwrap().unwrap();
        let mut out = Counted::default();
        for (offset, len) in plan.ranges() {
            encoder
                .data(offset, &cluster[..len as usize], &mut out)
                .unwrap();
        }
        encoder.finish(&mut out).unwrap();
        assert_eq!(Some(out.len), writer.size(&shape), "{}", writer.id);
        assert!(out.most <= 128 << 10, "{}: {}", writer.id, out.most);
    }
}
