//! The options of `serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

use super::{IndexArgs, ProgressArgs, numbers};

/// The port of NBD.
const PORT: u16 = 10809;

/// The options of `serve`.
#[derive(Debug, Args)]
#[command(after_help = SERVE_HELP)]
pub struct Serve {
    /// The image, volume, virtual disk or device to serve; - is standard input
    #[arg(value_name = "IMAGE")]
    pub source: PathBuf,

    /// Listen on the Unix socket PATH, which is removed at the end
    #[arg(long, value_name = "PATH", conflicts_with = "listen")]
    pub socket: Option<PathBuf>,

    /// Listen on ADDRESS:PORT, or on PORT of this machine alone; port 0 is any free one
    ///
    /// Whoever reaches the address can read the volume, and with --overlay write to it:
    /// nothing is encrypted, and nobody is asked for a password.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        value_parser = address,
        default_value = "127.0.0.1:10809"
    )]
    pub listen: SocketAddr,

    /// Let clients write; what they write is kept in FILE, and IMAGE stays as it is
    ///
    /// FILE is created if it does not exist. Later runs continue with it, for the same
    /// volume in the same state.
    #[arg(long, value_name = "FILE")]
    pub overlay: Option<PathBuf>,

    #[command(flatten)]
    pub index: IndexArgs,

    /// Serve partition N of IMAGE, which is a whole disk [default: the only one with NTFS]
    #[arg(long, value_name = "N", value_parser = numbers::partition)]
    pub partition: Option<u32>,

    /// End when the last client has disconnected
    #[arg(long)]
    pub once: bool,

    /// Accept a volume that is mounted read-write
    #[arg(short, long)]
    pub force: bool,

    #[command(flatten)]
    pub progress: ProgressArgs,
}

const SERVE_HELP: &str = "\
Serves the volume as a restore would write it, by the NBD protocol. Free clusters that an image does
not store are holes. Clusters in use that it does not store, as in an image of metadata, are read
errors. The address is printed when clients can connect. The server ends by a signal (Ctrl-C).

Examples:
  ntfsclone serve backup.img
  nbdcopy nbd://127.0.0.1:10809 volume.raw

  ntfsclone serve --once --socket /tmp/backup.sock backup.img.zst
  qemu-img convert -O qcow2 'nbd+unix:///?socket=/tmp/backup.sock' volume.qcow2

  ntfsclone serve --socket /tmp/backup.sock --overlay changes.overlay backup.img
  nbd-client -unix /tmp/backup.sock /dev/nbd0; mount /dev/nbd0 /mnt";

/// `ADDRESS:PORT`, `ADDRESS` or `PORT`.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let host = text.strip_prefix("localhost").unwrap_or(text);
    let host = host.strip_prefix(':').unwrap_or(host);
    if let Ok(port) = host.parse() {
        return Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    }
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(SocketAddr::new(address, PORT)),
        Err(_) => Err("expected ADDRESS:PORT, as in 127.0.0.1:10809 or [::1]:10809".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_this_machines_by_default() {
        for (text, expected) in [
            ("10810", "127.0.0.1:10810"),
            (":0", "127.0.0.1:0"),
            ("localhost:7", "127.0.0.1:7"),
            ("0.0.0.0", "0.0.0.0:10809"),
            ("[::1]:5", "[::1]:5"),
            ("::1", "[::1]:10809"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected);
        }
        for text in ["", "host:1", "1.2.3.4:99999", "127.0.0.1:"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
