//! What `verify --json` reports.

use ntfs_volume_builder::Volume;
use serde_json::Value;

use super::scene::{Outcome, Scene};

/// Runs `verify --json` with these words; gives the exit status and the report.
pub(crate) fn report(scene: &Scene, words: &str) -> (i32, Value) {
    let outcome = scene.run(&format!("verify --json {words}"));
    outcome.changed_only(&[]);
    (outcome.code().expect("it ends"), json(&outcome))
}

pub(crate) fn json(outcome: &Outcome) -> Value {
    let text = String::from_utf8_lossy(outcome.stdout());
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", outcome.errors()))
}

pub(crate) fn codes(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("a list");
    let codes = findings.iter().map(|finding| &finding["code"]);
    codes.map(|code| code.as_str().expect("a name")).collect()
}

/// What is sound: exit status 0, and nothing found.
pub(crate) fn check_sound(scene: &Scene, words: &str, volume: &Volume) {
    let (status, report) = report(scene, words);
    assert_eq!((status, codes(&report)), (0, vec![]), "{words}: {report}");
    assert_eq!(report["sound"], true);
    assert_eq!(report["volume"]["clusters"], used(volume), "{words}");
}

pub(crate) fn used(volume: &Volume) -> u64 {
    volume.used_clusters().count() as u64
}

pub(crate) fn check_found(scene: &Scene, words: &str, expected: &[&str]) -> Value {
    let (status, report) = report(scene, words);
    assert_eq!(
        (status, codes(&report)),
        (1, expected.to_vec()),
        "{words}: {report}"
    );
    assert_eq!(report["sound"], false);
    report
}
