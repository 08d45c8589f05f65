//! The developer's commands: `cargo xtask --help` lists them.

mod bench;
mod deferred_part;
mod demo_volume;
mod faults;
mod fuzz;
mod mount;
mod npm;
mod page;
mod page_test;
mod setup;
mod step;
mod test;
mod wasm_toolchain;
mod web;
mod web_test;
mod zstd_parts;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The developer's commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what the tests need, then check and test everything
    Test,
    /// Install what the tests need
    Setup,
    /// Make the volume that `ntfsclone demo` shows: native/demo/volume.ntfs.zst
    DemoVolume,
    /// Make the npm package (wasm/pkg, and the file that npm would publish), and the page (www/dist)
    Web,
    /// Make the npm package and test it; `test` does that, too
    TestWeb,
    /// Make the page and test it, on the npm package as it is; `test` does that, too
    TestPage,
    /// Make the npm package and the page, and serve the page on this machine
    Serve {
        /// Where
        #[arg(long, default_value_t = 8000)]
        port: u16,
    },
    /// Measure time, memory and system calls beside other programs
    Bench(bench::Arguments),
    /// Measure the page beside the browser's own ceiling and the program, on the page as it is
    BenchPage {
        /// MiB of content of the volume
        #[arg(long, default_value_t = 500)]
        mib: u32,
        /// How often each job is measured; the median counts
        #[arg(long, default_value_t = 3)]
        rounds: u32,
    },
    /// Run the fuzz targets of core/fuzz, from their committed seeds
    Fuzz(fuzz::Arguments),
    /// Run the program while system calls fail, disks fill up and processes are killed; count what is lost
    Faults(faults::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Test => test::run(),
        Command::Setup => setup::run(),
        Command::DemoVolume => demo_volume::run(),
        Command::Web => {
            web::run()?;
            page::build()
        }
        Command::TestWeb => test::web(),
        Command::TestPage => test::page(),
        Command::Serve { port } => page::serve(port),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::BenchPage { mib, rounds } => page_test::bench(mib, rounds),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Faults(arguments) => faults::run(&arguments),
    }
}
