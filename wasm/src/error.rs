//! Errors as JavaScript gets them.

use js_sys::{Array, BigInt, Object, Reflect};
use ntfsclone_core::error::with_causes;
use ntfsclone_core::jobs::Failure;
use ntfsclone_core::open::{NotOpened, Partition, PartitionTable};
use wasm_bindgen::JsValue;

/// A plain object: `code`, `message`, and, where they are known, `offset`, `compression`,
/// `partitions` and `file`.
pub(crate) fn object(failure: &Failure) -> JsValue {
    let object = Object::new();
    set(&object, "code", &failure.code().into());
    set(&object, "message", &message(failure).into());
    if let Some(offset) = failure.offset() {
        set(&object, "offset", &BigInt::from(offset).into());
    }
    match failure {
        Failure::NotOpened(NotOpened::Compressions(compression)) => {
            set(&object, "compression", &compression.name().into());
        }
        Failure::NotOpened(NotOpened::Disk(table) | NotOpened::NoPartition(_, table)) => {
            set(&object, "partitions", &partitions(table).into());
        }
        Failure::Error(error) if let Some(file) = error.needed_file() => {
            set(&object, "file", &file.into());
        }
        _ => {}
    }
    object.into()
}

fn message(failure: &Failure) -> String {
    match failure {
        Failure::Error(error) if error.needed_file().is_some() => {
            format!("{}; open it together with that file", with_causes(error))
        }
        Failure::Error(error) => with_causes(error),
        // Their causes are in their messages.
        Failure::Refused { .. }
        | Failure::Decompress(_)
        | Failure::OtherContent(_)
        | Failure::NotOpened(_) => failure.to_string(),
        Failure::InPartition { number, source } => {
            format!("partition {number}: {}", message(source))
        }
    }
}

/// The partitions of a disk, as a list.
pub(crate) fn partitions(table: &PartitionTable) -> Array {
    table.partitions.iter().map(partition).collect()
}

fn partition(partition: &Partition) -> JsValue {
    let object = Object::new();
    set(&object, "number", &partition.number.into());
    set(&object, "offset", &BigInt::from(partition.offset).into());
    set(&object, "size", &BigInt::from(partition.size).into());
    set(&object, "isNtfs", &partition.is_ntfs.into());
    object.into()
}

fn set(object: &Object, key: &str, value: &JsValue) {
    // A new object takes any property.
    let _ = Reflect::set(object, &key.into(), value);
}
