//! The page: www/dist, to be served from any folder of any web server.

use crate::{npm, step, web};
use anyhow::{Context, Result};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Builds it, on the package that `web` makes.
pub(crate) fn build() -> Result<()> {
    npm::install(&folder())?;
    make_sample()?;
    step::run(npm::tool(&folder(), "tsc").args(["--project", "tsconfig.json"]))?;
    step::run(npm::tool(&folder(), "vite").args(["build", "--logLevel", "warn"]))?;
    println!("page: {}", folder().join("dist").display());
    Ok(())
}

/// Builds it and serves it, until it is interrupted.
pub(crate) fn serve(port: u16) -> Result<()> {
    web::run()?;
    build()?;
    println!("page: http://localhost:{port}/");
    step::run(npm::tool(&folder(), "vite").args([
        "preview",
        "--strictPort",
        "--port",
        &port.to_string(),
    ]))
}

/// Where its sources and tests are.
pub(crate) fn folder() -> PathBuf {
    step::root().join("www")
}

/// What a visitor can try it with: an image of the volume that comes with the program, as the program makes it.
fn make_sample() -> Result<()> {
    let volume = step::root().join("native/demo/volume.ntfs.zst");
    let sample = folder().join("public/sample.gzip");
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    if modified(&sample).is_ok_and(|made| modified(&volume).is_ok_and(|volume| made >= volume)) {
        return Ok(());
    }
    let program = || step::cargo(["run", "--quiet", "--release", "-p", "ntfsclone", "--"]);
    let scratch = tempfile::tempdir().context("a place for the sample")?;
    let [raw, image] = ["volume.ntfs", "sample.img"].map(|name| scratch.path().join(name));
    step::run(
        program()
            .args(["--quiet", "--restore-image", "-o"])
            .args([&raw, &volume]),
    )?;
    step::run(
        program()
            .args(["--quiet", "--save-image", "-o"])
            .args([&image, &raw]),
    )?;
    // Node has it, and is there: not so a program.
    let compress = "const { gzipSync } = require('node:zlib'); const { readFileSync, writeFileSync } = require('node:fs'); \
                    const [image, sample] = process.argv.slice(1); \
                    writeFileSync(sample, gzipSync(readFileSync(image), { level: 9 }));";
    step::run(
        npm::node(&folder())
            .args(["--eval", compress])
            .args([&image, &sample]),
    )
}
