//! The page: www/dist, to be served from any folder of any web server.

use crate::{npm, step, web};
use anyhow::Result;
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

/// What a visitor can try it with: an image of the volume that comes with the program. The package makes it: to build
/// the program only for that took minutes.
fn make_sample() -> Result<()> {
    let volume = step::root().join("native/demo/volume.ntfs.zst");
    let sample = folder().join("public/sample.gzip");
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified());
    if modified(&sample).is_ok_and(|made| modified(&volume).is_ok_and(|volume| made >= volume)) {
        return Ok(());
    }
    step::run(
        npm::node(&folder())
            .arg("make-sample.js")
            .args([&volume, &sample]),
    )
}
