//! The types of the documents in TypeScript: what is committed is what the types
//! of Rust are. `UPDATE=1 cargo test -p ntfsclone-wasm` writes it.

use std::path::Path;
use std::{env, fs};

use ntfsclone_core::clusters::metadata;
use ntfsclone_core::write::WRITERS;
use ntfsclone_core::{check, clusters, info, jobs, ntfs, relocate, wipe};
use ts_rs::{Config, TS};

#[test]
fn types_are_those_of_rust() {
    let config = Config::new().with_large_int("number");
    let declarations = [
        info::Document::decl(&config),
        info::Format::decl(&config),
        info::ImageSummary::decl(&config),
        info::VolumeSummary::decl(&config),
        ntfs::Unclean::decl(&config),
        info::Usage::decl(&config),
        info::BadClusters::decl(&config),
        info::Run::decl(&config),
        check::Document::decl(&config),
        check::Report::decl(&config),
        check::ImageChecked::decl(&config),
        check::VolumeChecked::decl(&config),
        check::Finding::decl(&config),
        check::Place::decl(&config),
        check::Code::decl(&config),
        check::Severity::decl(&config),
        check::Effect::decl(&config),
        clusters::Surveyed::decl(&config),
        clusters::SurveyedName::decl(&config),
        clusters::SurveyedStream::decl(&config),
        jobs::ListedFile::decl(&config),
        jobs::ListedStream::decl(&config),
        jobs::Unlisted::decl(&config),
        wipe::Remains::decl(&config),
        metadata::Sensitive::decl(&config),
        wipe::Wiped::decl(&config),
        clusters::Holder::decl(&config),
        relocate::ResizeLimits::decl(&config),
        relocate::Resized::decl(&config),
        relocate::Loss::decl(&config),
    ];
    let mut text =
        "// Made of the types of Rust by documents.rs.\n\nexport type JsonValue = unknown;\n"
            .to_owned();
    for declaration in declarations {
        text += &format!("\nexport {declaration}\n");
    }
    let ids: Vec<String> = WRITERS.iter().map(|it| format!("{:?}", it.id)).collect();
    text += &format!("\nexport type Target = {};\n", ids.join(" | "));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/documents.generated.ts");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, text, "UPDATE=1 cargo test -p ntfsclone-wasm");
}
