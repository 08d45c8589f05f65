//! The bulk data of a volume: read once, in large pieces.

use std::sync::Arc;

use ntfsclone_core::io::IoError;
use ntfsclone_core::plan::Plan;

use super::volume::Device;
use crate::direct::{DirectFile, PROBES, is_mostly_cached};
use crate::error::Result;
use crate::options::Direct;
use crate::pipeline::{Filled, Filler};

/// Reads what `plan` says, in its order.
pub fn copy_steps(
    device: Arc<Device>,
    plan: Arc<Plan>,
    direct: Direct,
) -> impl FnOnce(&mut Filler) -> Filled {
    move |filler| {
        let reader = BulkReader::new(&device, &plan, direct);
        let cluster_size = plan.geometry().cluster_size;
        for step in plan.steps() {
            let (offset, len) = plan.bytes_of(step);
            let read = filler.fill(offset, len, cluster_size, |offset, bytes| {
                reader.read_at(offset, bytes)
            })?;
            if let Err(error) = read {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    }
}

struct BulkReader<'a> {
    device: &'a Device,
    /// What is read past the cache, if anything.
    direct: Option<DirectFile>,
}

impl<'a> BulkReader<'a> {
    fn new(device: &'a Device, plan: &Plan, direct: Direct) -> Self {
        let wanted = match direct {
            // A rescue has its own way past the cache.
            _ if device.damaged().is_some() => false,
            Direct::Always => true,
            Direct::Never => false,
            Direct::Auto => !is_mostly_cached(device.file(), probes(plan).into_iter()),
        };
        let direct = wanted.then(|| DirectFile::to_read(device.file()));
        Self {
            device,
            direct: direct.flatten(),
        }
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        if let Some(direct) = &self.direct {
            match direct.read_exact_at(offset, bytes) {
                Ok(Some(())) => return Ok(()),
                Ok(None) => {}
                Err(error) => {
                    let error = IoError::new(error);
                    return Err(self.device.read_error(offset, bytes.len(), error));
                }
            }
        }
        self.device.read_at(offset, bytes)
    }
}

/// Places all over what is copied, to be looked at.
fn probes(plan: &Plan) -> Vec<u64> {
    let distance = plan.bytes().div_ceil(PROBES).max(1);
    let (mut done, mut next) = (0, 0);
    let mut places = Vec::new();
    for step in plan.steps() {
        let (offset, len) = plan.bytes_of(step);
        while next < done + len {
            places.push(offset + next - done);
            next += distance;
        }
        done += len;
    }
    places
}
