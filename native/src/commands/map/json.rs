//! One JSON object, for scripts.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::Domain;
use crate::visible::VisibleJson;

#[derive(Serialize)]
struct Document<'a> {
    source: String,
    /// Bytes of the device.
    size: u64,
    /// Bytes of a cluster.
    cluster_size: u32,
    /// What is in use, in bytes of the device.
    #[serde(serialize_with = "areas")]
    areas: &'a Domain<'a>,
}

fn areas<S: Serializer>(domain: &Domain<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(domain.areas())
}

pub fn write(domain: &Domain<'_>, out: &mut impl Write) -> io::Result<()> {
    let document = Document {
        source: domain.source.display().to_string(),
        size: domain.size,
        cluster_size: domain.cluster_size(),
        areas: domain,
    };
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, VisibleJson);
    document.serialize(&mut serializer)?;
    writeln!(out)
}
