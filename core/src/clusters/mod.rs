//! Finds the clusters of a volume that are in use, by the runlists of all files,
//! and checks them against `$Bitmap`.

pub mod audit;
pub mod claims;
pub(crate) mod extender;
pub mod finding;
pub mod lost_records;
pub mod map;
pub mod metadata;
pub mod owners;
pub mod select;
pub mod survey;
pub mod system_files;
pub mod walk;

pub use audit::{Audit, Auditor, audit};
pub use claims::Claims;
pub use finding::Finding;
pub use lost_records::LostRecords;
pub use map::ClusterMap;
pub use metadata::{Metadata, select_metadata};
pub use owners::{Owner, Owners, owners};
pub use select::{Selection, select_used};
pub use survey::{Held, Holder, Survey, Surveyed, SurveyedName, SurveyedStream};
pub use system_files::{DamagedSystemFile, damaged_system_files};
pub use walk::{Part, Walk, parts};
