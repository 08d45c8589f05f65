//! A server of the NBD protocol: fixed newstyle handshake, simple and structured replies,
//! and the metadata context `base:allocation`.
//!
//! The specification is `doc/proto.md` of github.com/NetworkBlockDevice/nbd; its names are
//! used here. All numbers on the wire are big-endian. What a client sends is untrusted:
//! every length is bounded before it is believed, a request that makes no sense gets an
//! error, and a client that cannot be understood is disconnected.

mod answer;
mod export;
mod handshake;
mod option;
mod reply;
mod request;
mod server;
mod session;

pub use export::Export;
pub use server::{Server, Until};
