//! `serve`: a volume for NBD clients.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::ntfs::Volume;

use super::open_volume::{Accepted, judge_use};
use crate::device::Listener;
use crate::error::{Error, Result};
use crate::host::signals::{self, Unfinished};
use crate::input;
use crate::nbd::{Export, Server, Until};
use crate::options::{self, Address, ServeTask};
use crate::overlay::{Identity, Overlay};
use crate::report::{self, Reports};
use crate::source::{Content, Device, RestoredVolume};

pub fn run(task: &ServeTask, progress: options::Progress) -> Result<()> {
    let opened = input::open(&task.source, None)?;
    let device = Device::of(opened, progress, Reports::TO_STDERR)?;
    let path = device.path().to_owned();
    let accepted = Accepted {
        dirty: true,
        mounted: task.force,
        unknown_use: task.force,
    };
    judge_use(&path, device.metadata(), accepted)?;

    let volume = Volume::open_or_salvage(Arc::clone(device.source()));
    if let Err(error) = &volume {
        let error = report::with_causes(error);
        report::warning(format!(
            "{}: the volume cannot be opened, and is served as it is: {error}",
            path.display()
        ));
    }
    let volume = volume.ok();
    let restored = RestoredVolume::new(device, volume.as_ref());
    let restored = Arc::new(restored.map_err(|error| Error::read(&path, error))?);
    warn_of_missing(&restored);
    let overlay = match &task.overlay {
        None => None,
        Some(overlay) => {
            let source = restored.device().source();
            let identity = Identity::of(source, volume.as_ref());
            let base = Arc::clone(&restored) as Arc<dyn Content>;
            Some(Arc::new(Overlay::open(overlay, base, &identity)?))
        }
    };
    drop(volume);
    let description = format!("the NTFS volume in {}", path.display());
    let export = match &overlay {
        Some(overlay) => Export::writable(Arc::clone(overlay), description),
        None => Export::read_only(Arc::clone(&restored) as Arc<dyn Content>, description),
    };
    let until = match task.is_once {
        true => Until::LastClient,
        false => Until::Never,
    };
    let listener = listen(&task.address)?;
    let socket = SocketFile::of(&task.address);
    end_cleanly(&overlay, task.overlay.as_deref())?;
    announce(task, &restored, overlay.as_deref(), &listener)?;

    let served = Server::new(export, until).run(listener);
    served.map_err(|error| Error::io("serve", &path, error))?;
    drop(socket);
    if let Some((overlay, path)) = overlay.zip(task.overlay.as_deref()) {
        let flushed = overlay.flush();
        flushed.map_err(|error| Error::io("sync", path, error))?;
    }
    restored.device().check_unchanged()
}

fn warn_of_missing(restored: &RestoredVolume) {
    let bytes = restored.missing_bytes();
    if bytes > 0 {
        report::warning(format!(
            "{}: {} ({}) in use on the volume are not in the image; to read them is an error",
            restored.device().path().display(),
            report::count(bytes, "byte", "bytes"),
            report::size(bytes)
        ));
    }
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
fn announce(
    task: &ServeTask,
    restored: &RestoredVolume,
    overlay: Option<&Overlay>,
    listener: &Listener,
) -> Result<()> {
    let access = match (overlay, &task.overlay) {
        (Some(overlay), Some(path)) => format!(
            "writable, with {} of changes in {}",
            report::size(overlay.written_bytes()),
            path.display()
        ),
        _ => "read-only".to_owned(),
    };
    let device = restored.device();
    Reports::TO_STDERR.line(format_args!(
        "Serving {}{}: {} bytes ({}), {access}",
        device.path().display(),
        device.input().remark(),
        restored.size(),
        report::size(restored.size())
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

/// Has a signal flush the overlay before the program ends.
fn end_cleanly(overlay: &Option<Arc<Overlay>>, path: Option<&Path>) -> Result<()> {
    let save: Box<dyn Fn() -> Result<String> + Send> = match overlay.clone().zip(path) {
        None => Box::new(|| Ok("nothing was being written".to_owned())),
        Some((overlay, path)) => {
            let path = path.to_owned();
            Box::new(move || {
                let flushed = overlay.flush();
                flushed.map_err(|error| Error::io("sync", &path, error))?;
                Ok(format!("all changes are in {}", path.display()))
            })
        }
    };
    signals::begin(|| Ok(((), Unfinished::Continued(save))))
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
