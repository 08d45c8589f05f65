//! `serve`: a volume for NBD clients.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::served_volume::ServedVolume;
use crate::device::Listener;
use crate::error::{Error, Result};
use crate::host::signals::{self, Unfinished};
use crate::nbd::{Export, Server, Until};
use crate::options::{self, Address, ServeTask};
use crate::report::{self, Reports};

pub fn run(task: &ServeTask, progress: options::Progress) -> Result<()> {
    let served = ServedVolume::open(&task.source, task.overlay.as_deref(), task.force, progress)?;
    let path = served.device().path();
    let description = format!("the NTFS volume in {}", path.display());
    let export = match served.overlay() {
        Some(overlay) => Export::writable(Arc::clone(overlay), description),
        None => Export::read_only(served.content(), description),
    };
    let until = match task.is_once {
        true => Until::LastClient,
        false => Until::Never,
    };
    let listener = listen(&task.address)?;
    let socket = SocketFile::of(&task.address);
    // A signal flushes the overlay before the program ends.
    signals::begin(|| Ok(((), Unfinished::Continued(served.saver()))))?;
    announce(task, &served, &listener)?;

    let ended = Server::new(export, until).run(listener);
    ended.map_err(|error| Error::io("serve", path, error))?;
    drop(socket);
    served.finish()
}

fn listen(address: &Address) -> Result<Listener> {
    match address {
        Address::Local(path) => {
            Listener::local(path).map_err(|error| Error::io("listen on", path, error))
        }
        Address::Network(address) => {
            if !address.ip().is_loopback() {
                report::warning(format!(
                    "{address}: whoever reaches this address can read the volume: nothing is \
                     encrypted, and nobody is asked for a password"
                ));
            }
            let name = PathBuf::from(address.to_string());
            Listener::network(*address).map_err(|error| Error::io("listen on", &name, error))
        }
    }
}

/// Prints where clients connect to: a line of its own, for scripts.
fn announce(task: &ServeTask, served: &ServedVolume, listener: &Listener) -> Result<()> {
    let (device, size) = (served.device(), served.content().size());
    Reports::TO_STDERR.line(format_args!(
        "Serving {}{}: {size} bytes ({}), {}",
        device.path().display(),
        device.input().remark(),
        report::size(size),
        served.access()
    ));
    let uri = match (&task.address, listener.address()) {
        (Address::Local(path), _) => uri_of_socket(path)?,
        (Address::Network(address), chosen) => uri_of_address(chosen.unwrap_or(*address)),
    };
    Reports::TO_STDOUT.line(uri);
    report::check_written()
}

fn uri_of_address(address: SocketAddr) -> String {
    format!("nbd://{address}")
}

/// By `doc/uri.md` of the NBD project. Clients may be in other folders.
fn uri_of_socket(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path);
    let absolute = absolute.map_err(|error| Error::io("find", path, error))?;
    let bytes = crate::device::name_bytes(absolute.as_os_str());
    let mut uri = "nbd+unix:///?socket=".to_owned();
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(byte.into());
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(uri)
}

/// The socket in the file system, which is removed when the server ends.
struct SocketFile(PathBuf);

impl SocketFile {
    fn of(address: &Address) -> Option<Self> {
        let Address::Local(path) = address else {
            return None;
        };
        signals::with_parts(|parts| parts.push(path.clone()));
        Some(Self(path.clone()))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        signals::with_parts(|parts| {
            parts.retain(|part| *part != self.0);
            // It may be gone already.
            let _ = std::fs::remove_file(&self.0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uri_of_a_socket_has_no_other_characters() {
        let uri = uri_of_socket(Path::new("/tmp/a b&c%?.sock")).unwrap();
        assert_eq!(uri, "nbd+unix:///?socket=/tmp/a%20b%26c%25%3F.sock");
    }
}
