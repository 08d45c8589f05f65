//! The formats that a volume can be converted to, as JSON: what is committed is the table of
//! writers, and `test/types.test.js` compares `js/formats.ts` with it. `UPDATE=1 cargo test -p
//! ntfsclone-wasm` writes it.

use std::path::Path;
use std::{env, fs};

use ntfsclone_core::write::{Conversion, Partitioning, WRITERS, Writer};

#[test]
fn formats_are_those_of_the_writers() {
    let lines: Vec<String> = WRITERS.iter().map(|writer| line_of(writer)).collect();
    let text = format!("{{\n{}\n}}\n", lines.join(",\n"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats.generated.json");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, text, "UPDATE=1 cargo test -p ntfsclone-wasm");
}

fn line_of(writer: &'static Writer) -> String {
    // A list of strings is debugged as JSON has it.
    let extensions = writer.extensions;
    let takes_table = Conversion::new(writer, Some(Partitioning::Gpt)).is_some();
    let disk = match Conversion::from(writer).partitioning {
        _ if !takes_table => "null",
        Partitioning::Gpt => r#""gpt""#,
        Partitioning::Mbr => r#""mbr""#,
        Partitioning::None => r#""none""#,
    };
    format!(
        r#"  "{}": {{ "extensions": {extensions:?}, "disk": {disk} }}"#,
        writer.id
    )
}
