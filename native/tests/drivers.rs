//! What programs that drive ntfsclone call, and what they look for in its output. Each script is what one of them
//! does, in few words, and succeeds if that program would be content.

use crate::support::{
    program::{Program, ours, reference},
    requirements::{Need, met_here},
    scene::Scene,
    small_volume::{builder, image_of},
};
use std::process::Command;

struct Driver {
    name: &'static str,
    /// For sh; `$P` is the program, `volume` a volume, `image` its image, and `target` a file as large as it.
    script: &'static str,
}

const TOOLS: &[Need] = &[
    Need::Tool("sh"),
    Need::Tool("awk"),
    Need::Tool("gzip"),
    Need::Tool("split"),
    Need::Tool("cmp"),
];

const DRIVERS: &[Driver] = &[
    // get_ntfs_image_info of ocs-functions: a number and a unit after the colon, or it waits for a key.
    Driver {
        name: "Clonezilla saves",
        script: "($P --save-image --output - volume | gzip -c >x.gz) 2>&1 | tee log >/dev/null
                 space log && gzip -dc x.gz | cmp - image",
    },
    Driver {
        name: "Clonezilla saves what it did not check",
        script: "($P --force --rescue --save-image --output - volume | gzip -c | split -a 2 -b 100k - x.) 2>&1 \
                 | tee log >/dev/null
                 space log && cat x.* | gzip -dc | cmp - image",
    },
    Driver {
        name: "Clonezilla restores",
        script: "gzip -c image >x.gz
                 gzip -dc x.gz | $P --restore-image --overwrite target - | tee log >/dev/null
                 space log",
    },
    Driver {
        name: "Clonezilla copies from disk to disk",
        script: "$P --save-image --output - volume 2>/dev/null | $P --restore-image --overwrite target -",
    },
    // restoreImage: done when it sees Syncing, percent between blanks.
    Driver {
        name: "opsi restores",
        script: "$P --restore-image --overwrite target image 2>&1 | tr '\\r' '\\n' >log
                 grep -q Syncing log && grep -qE '[[:space:]][0-9]+[.,][0-9]{2}[[:space:]]percent' log &&
                 ! sed '1,/Syncing/d' log | grep -qE 'Syncing|percent'",
    },
    // Names that others chose do not end it.
    Driver {
        name: "opsi waits for the end",
        script: "$P --save-image -f --overwrite Syncing.img volume 2>&1 | tr '\\r' '\\n' | sed '/Syncing/q' >log
                 grep -q '^Saving NTFS' log || exit 1
                 $P --restore-image --overwrite target Syncing.img 2>&1 | tr '\\r' '\\n' | sed '/Syncing/q' >log
                 grep -q '^Restoring NTFS' log",
    },
    // An old saveImage: lines that mean something to it, and its percent, which must not be above 100.
    Driver {
        name: "opsi saves",
        script: "$P --save-image -f --overwrite x volume 2>&1 | tr '\\r' '\\n' >log
                 for word in Scanning Accounting Saving Syncing; do grep -q $word log || exit 1; done
                 grep -qE '[[:space:]][0-9]+[[:space:]]+MB[[:space:]]+\\([0-9]+[.,][0-9]+%\\)[[:space:]]' log &&
                 ! grep -E '[[:space:]][0-9]+[.,][0-9]+[[:space:]]' log | grep -v ' percent completed'",
    },
    // clone_progress: the last line of standard output so far, as scanf reads a number.
    Driver {
        name: "GParted copies",
        script: "$P -f --overwrite target volume >log 2>errors || exit 1
                 tr '\\r' '\\n' <log | awk '/percent completed/ { if ($1 + 0 > 100) bad = 1; last = $1 + 0 }
                 END { exit bad || last != 100 }'",
    },
    // oe_test_ntfs-3g of openEuler's test suite.
    Driver {
        name: "openEuler tests",
        script: r#"grep_for() { grep -q "$1" || { echo "no $1 in $2"; exit 1; }; }
                 $P --help 2>&1 | grep_for 'Usage: ntfsclone \[OPTIONS\]' help || exit 1
                 $P --version 2>&1 | grep_for 'ntfsclone v' version || exit 1
                 $P --output x volume 2>&1 | grep_for Syncing output || exit 1
                 $P --overwrite target volume 2>&1 | grep_for Syncing overwrite || exit 1
                 $P --save-image --output b volume 2>&1 | grep_for Syncing save || exit 1
                 $P --restore-image --overwrite target b 2>&1 | grep_for Syncing restore || exit 1
                 $P --metadata --output m volume 2>&1 | grep_for Syncing metadata || exit 1
                 $P --overwrite target volume --rescue 2>&1 | grep_for Syncing rescue || exit 1
                 $P --restore-image b --no-action 2>&1 | grep_for completed no-action || exit 1
                 $P --metadata --overwrite m volume --ignore-fs-check 2>&1 | grep_for Syncing ignore || exit 1
                 for option in new-serial new-half-serial preserve-timestamps quiet force full-logfile; do
                     $P --overwrite target volume --$option 2>&1 | grep_for Syncing $option || exit 1
                 done"#,
    },
    Driver {
        name: "FOG captures and deploys",
        script: "$P -sf -O x volume && gzip x && gzip -dc x.gz | $P -r -O target - && cmp target clone",
    },
    Driver {
        name: "linbo clones",
        script: "$P -f --overwrite target volume 2>>log >/dev/null && cmp target clone
                 test $($P -f --overwrite target volume | grep 'Current volume size' | awk -F'(' '{ print $2 }' \
                 | awk '{ print $1 }') -gt 0",
    },
    Driver {
        name: "SambaEdu saves in pieces and restores",
        script: "$P --save-image -o - volume | gzip -c | split -b 100k - x.ntfs &&
                 cat x.ntfs* | gunzip -c | $P --restore-image --overwrite target - && cmp target clone",
    },
    Driver {
        name: "a rescue system streams to a backup program",
        script: "$P -so - volume | cat >x && cmp x image && cat x | $P -rO target - && cmp target clone",
    },
    // daemon/ntfsclone.c: an error is all that standard error got.
    Driver {
        name: "libguestfs",
        script: "$P -o - --save-image volume >x && cmp x image &&
                 $P -o - --save-image --metadata --rescue --ignore-fs-check --preserve-timestamps --force volume >m &&
                 cat x | $P -O target --restore-image - 2>errors && cmp target clone &&
                 ! (echo no image | $P -O other --restore-image - 2>>errors)",
    },
    Driver {
        name: "xcp-ng compacts a disk",
        script: "$P -O target volume && cmp target clone",
    },
    Driver {
        name: "dialog shows a gauge",
        script: "test \"$($P -rO target - <image 2>&1 | tr '\\r' '\\n' | cut -d. -f1 | grep -xE ' *[0-9]+' \
                 | tail -n 1)\" = 100",
    },
    // A state machine over both streams: which partition is saved, then what of it.
    Driver {
        name: "an imaging server follows",
        script: r#"$P --save-image --output x volume 2>&1 | tr '\r' '\n' | awk '
                 /^ntfsclone v[0-9]/ && state == "" { state = "imaging" }
                 /^Scanning volume \.\.\./ && state == "imaging" { state = "scanning" }
                 /^ *[0-9.]+ percent completed/ && (state == "scanning" || state == "saving") { percent++ }
                 /^Space in use +: [0-9]+ MB \([0-9.]+%\)/ && state == "scanning" { state = "scanned" }
                 /^Saving NTFS to image \.\.\./ && state == "scanned" { state = "saving" }
                 END { exit !(state == "saving" && percent >= 4) }'"#,
    },
    Driver {
        name: "a log keeps every sixth of the percent",
        script: "$P --output - volume 2>&1 >/dev/null | tr '\\r' '\\n' | grep -q '[0-9] percent completed'",
    },
];

/// For all scripts: what Clonezilla makes of a report.
const FUNCTIONS: &str = r#"
space() {
    test $(grep -c '^Space in use' $1) = 1 || exit 1
    used=$(awk -F: '/^Space in use/ { print $2 }' $1 | sed -e 's/[[:space:]]*([[:digit:]]*.*)[[:space:]]*//g' \
        -e 's/^[[:space:]]*//g')
    expr "$used" : '[0-9][0-9]* [KMG]B$' >/dev/null
}
"#;

#[track_caller]
fn assert_content(driver: &Driver, program: Program, whose: &str) {
    let volume = builder().label("Syncing").build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    // What is on the target stays where nothing is in use.
    scene.write("target", vec![0; volume.bytes.len()]);
    scene.write("clone", crate::support::small_volume::clone_of(&volume));
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!("{FUNCTIONS}\n{}", driver.script));
    command.env("P", program().get_program()).env("LC_ALL", "C");
    command.current_dir(scene.path(""));
    let output = command.output().expect("there is a shell");
    assert!(
        output.status.success(),
        "{} is not content with {whose}: {}{}",
        driver.name,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn drivers_are_content_with_ours() {
    if !met_here(TOOLS) {
        return;
    }
    for driver in DRIVERS {
        assert_content(driver, ours, "ours");
    }
}

/// Else the scripts would prove nothing.
#[test]
fn drivers_are_content_with_the_original() {
    if !met_here(&[TOOLS, &[Need::Reference]].concat()) {
        return;
    }
    for driver in DRIVERS {
        assert_content(driver, reference, "the original");
    }
}
