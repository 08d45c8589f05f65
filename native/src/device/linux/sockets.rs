//! Sockets, by which other programs connect to this one.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

/// Where clients connect to.
pub enum Listener {
    /// A socket in the file system: who may write to it may connect.
    Local(UnixListener),
    /// An address: whoever reaches it may connect.
    Network(TcpListener),
}

impl Listener {
    /// Creates the socket `path`, and takes the place of one that nobody listens to.
    ///
    /// # Errors
    ///
    /// Of kind [`io::ErrorKind::AddrInUse`]: there is something else of that name.
    pub fn local(path: &Path) -> io::Result<Self> {
        let bound = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_behind(path) => {
                std::fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            bound => bound,
        };
        bound.map(Self::Local)
    }

    pub fn network(address: SocketAddr) -> io::Result<Self> {
        TcpListener::bind(address).map(Self::Network)
    }

    /// The address, with the port that the system chose; `None` of a socket in the file
    /// system.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Local(_) => None,
            Self::Network(listener) => listener.local_addr().ok(),
        }
    }

    /// Waits for the next client.
    pub fn accept(&self) -> io::Result<Connection> {
        match self {
            Self::Local(listener) => {
                let (stream, _) = listener.accept()?;
                Ok(Connection::Local(stream))
            }
            Self::Network(listener) => {
                let (stream, _) = listener.accept()?;
                // A reply is not to wait for the next one.
                stream.set_nodelay(true)?;
                Ok(Connection::Network(stream))
            }
        }
    }
}

/// A socket whose program was killed.
fn is_left_behind(path: &Path) -> bool {
    let metadata = std::fs::symlink_metadata(path);
    let is_socket = metadata.is_ok_and(|metadata| metadata.file_type().is_socket());
    let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    is_socket && UnixStream::connect(path).as_ref().is_err_and(refused)
}

/// A client.
pub enum Connection {
    Local(UnixStream),
    Network(TcpStream),
}

impl Connection {
    /// The same connection, to be written to while another thread reads.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Local(stream) => Self::Local(stream.try_clone()?),
            Self::Network(stream) => Self::Network(stream.try_clone()?),
        })
    }

    /// Ends the connection for whoever reads from it or writes to it, here and there.
    pub fn disconnect(&self) {
        // It may have ended before.
        let _ = match self {
            Self::Local(stream) => stream.shutdown(Shutdown::Both),
            Self::Network(stream) => stream.shutdown(Shutdown::Both),
        };
    }

    /// How long a read or write may wait; `None` is for ever.
    pub fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Local(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)
            }
            Self::Network(stream) => {
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)
            }
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Local(stream) => stream.read(buf),
            Self::Network(stream) => stream.read(buf),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Local(stream) => stream.write(buf),
            Self::Network(stream) => stream.write(buf),
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Local(stream) => stream.write_vectored(slices),
            Self::Network(stream) => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
