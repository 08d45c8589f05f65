//! Accepts clients: a thread for each.

use std::io::{self, BufReader};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use super::export::Export;
use super::handshake::negotiate;
use super::session::Session;
use crate::device::{Connection, Listener};
use crate::host::threads;
use crate::report;

/// Ours: clients at a time. Each takes one to four threads; `nbdcopy` makes 4 connections.
const MAX_CONNECTIONS: usize = 64;

/// Ours: how long a client may be silent before it has asked for the export.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait after a client could not be accepted, as for want of descriptors.
const ACCEPT_DELAY: Duration = Duration::from_millis(100);

/// Requests are read ahead up to this size.
const BUFFER_BYTES: usize = 16 << 10;

/// When a server ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    Never,
    /// When nobody is connected any more, and somebody was.
    LastClient,
}

/// What the threads of a server share.
pub struct Server {
    export: Export,
    connections: AtomicUsize,
    /// Some client has asked for the export.
    was_used: AtomicBool,
    until: Until,
}

impl Server {
    pub fn new(export: Export, until: Until) -> Arc<Self> {
        Arc::new(Self {
            export,
            connections: AtomicUsize::new(0),
            was_used: AtomicBool::new(false),
            until,
        })
    }

    /// Serves all clients of `listener`; returns when it is to end.
    ///
    /// # Errors
    ///
    /// There can be no thread.
    pub fn run(self: &Arc<Self>, listener: Listener) -> io::Result<()> {
        let (sender, receiver) = mpsc::channel();
        let server = Arc::clone(self);
        let started = threads::start("accepts", (server, listener, sender), |input| {
            let (server, listener, sender) = input;
            server.accept(&listener, &sender);
        });
        if started.is_err() {
            return Err(io::Error::other("no thread can be started"));
        }
        // The thread has a sender as long as the program runs.
        let _ = receiver.recv();
        Ok(())
    }

    fn accept(self: &Arc<Self>, listener: &Listener, ended: &mpsc::Sender<()>) {
        loop {
            let connection = match listener.accept() {
                Ok(connection) => connection,
                Err(error) => {
                    let is_usual = error.kind() == io::ErrorKind::ConnectionAborted;
                    if !is_usual {
                        report::warning(format!("cannot accept a client: {error}"));
                        thread::sleep(ACCEPT_DELAY);
                    }
                    continue;
                }
            };
            if self.connections.fetch_add(1, Ordering::SeqCst) >= MAX_CONNECTIONS {
                report::warning(format!(
                    "a client was refused: {MAX_CONNECTIONS} are connected"
                ));
                self.connections.fetch_sub(1, Ordering::SeqCst);
                continue;
            }
            let client = (Arc::clone(self), connection, ended.clone());
            let started = threads::start("serves", client, |(server, connection, ended)| {
                server.serve(connection);
                let left = server.connections.fetch_sub(1, Ordering::SeqCst) - 1;
                let was_used = server.was_used.load(Ordering::SeqCst);
                if was_used && left == 0 && server.until == Until::LastClient {
                    let _ = ended.send(());
                }
            });
            if started.is_err() {
                report::warning("a client was refused: no thread can be started");
                self.connections.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }

    /// Serves one client to its end.
    fn serve(&self, connection: Connection) {
        let served = self.serve_to_end(connection);
        if let Err(error) = served
            && error.kind() == io::ErrorKind::InvalidData
        {
            report::warning(format!("a client was disconnected: {error}"));
        }
    }

    fn serve_to_end(&self, connection: Connection) -> io::Result<()> {
        let mut writer = connection.try_clone()?;
        writer.set_timeout(Some(HANDSHAKE_TIMEOUT))?;
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, connection);
        let Some(agreed) = negotiate(&mut reader, &mut writer, &self.export)? else {
            return Ok(());
        };
        self.was_used.store(true, Ordering::SeqCst);
        // A client may be silent as long as it likes: that of a virtual machine is.
        writer.set_timeout(None)?;
        Session::new(&self.export, agreed, reader, writer)?.answer_requests()
    }
}
