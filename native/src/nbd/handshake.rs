//! The handshake: what is served, and in which form it is asked for.

use std::io::{self, Read, Write};

use super::export::Export;
use super::option::{
    ABORT, ClientOption, EXPORT_NAME, Fields, GO, INFO, INFO_BLOCK_SIZE, INFO_DESCRIPTION,
    INFO_EXPORT, INFO_NAME, LIST, LIST_META_CONTEXT, OPTION_MAGIC, ReplyType, SET_META_CONTEXT,
    STRUCTURED_REPLY, not_understood, write_reply,
};
use super::request::MAX_REQUEST_BYTES;

/// "NBDMAGIC".
const MAGIC: u64 = 0x4e42_444d_4147_4943;

// Flags of the handshake, of both sides.
const FIXED_NEWSTYLE: u16 = 1 << 0;
const NO_ZEROES: u16 = 1 << 1;

/// Ours: options of one client. Tools send about ten.
const MAX_OPTIONS: usize = 256;

/// Ours: requests of this size are aligned to what is stored, whatever that is.
const PREFERRED_BYTES: u32 = 4096;

/// The one metadata context there is.
const ALLOCATION: &str = "base:allocation";
pub(super) const ALLOCATION_ID: u32 = 1;

/// What a client and the server agreed on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) is_structured: bool,
    /// `base:allocation` was selected, so that `BLOCK_STATUS` may be sent.
    pub(super) has_allocation: bool,
}

/// What follows an option.
enum Next {
    Option,
    Requests,
    End,
}

/// Negotiates with a client until it asks for the export. `None` if it only wanted to know
/// something.
///
/// # Errors
///
/// The connection failed; of kind [`io::ErrorKind::InvalidData`], the client makes no sense.
pub(super) fn negotiate(
    reader: &mut impl Read,
    writer: &mut impl Write,
    export: &Export,
) -> io::Result<Option<Agreed>> {
    let mut greeting = MAGIC.to_be_bytes().to_vec();
    greeting.extend(OPTION_MAGIC.to_be_bytes());
    greeting.extend((FIXED_NEWSTYLE | NO_ZEROES).to_be_bytes());
    writer.write_all(&greeting)?;
    let mut flags = [0; 4];
    reader.read_exact(&mut flags)?;
    let flags = u32::from_be_bytes(flags);
    let has_zeroes = flags & u32::from(NO_ZEROES) == 0;
    if flags & !u32::from(FIXED_NEWSTYLE | NO_ZEROES) != 0 {
        return Err(not_understood("the client has flags that are not known"));
    }
    let mut negotiation = Negotiation {
        writer,
        export,
        agreed: Agreed::default(),
        has_zeroes,
    };
    for _ in 0..MAX_OPTIONS {
        let option = ClientOption::read(reader)?;
        match negotiation.answer(&option)? {
            Next::Option => {}
            Next::Requests => return Ok(Some(negotiation.agreed)),
            Next::End => return Ok(None),
        }
    }
    Err(not_understood("the client sends options without an end"))
}

struct Negotiation<'a, W> {
    writer: &'a mut W,
    export: &'a Export,
    agreed: Agreed,
    /// The client wants 124 zeros after the reply to `EXPORT_NAME`.
    has_zeroes: bool,
}

impl<W: Write> Negotiation<'_, W> {
    fn answer(&mut self, option: &ClientOption) -> io::Result<Next> {
        let kind = option.kind;
        let Some(data) = &option.data else {
            if kind == EXPORT_NAME {
                // There is no reply that says so.
                return Err(not_understood("the name of an export is too long"));
            }
            return self.reply(kind, ReplyType::TooBig, b"the option is too long");
        };
        match kind {
            EXPORT_NAME => self.export_by_name(data),
            ABORT => {
                // The client may be gone already.
                let _ = self.reply(kind, ReplyType::Ack, &[]);
                Ok(Next::End)
            }
            LIST if data.is_empty() => {
                // A name of no bytes, and nothing for people.
                self.reply(kind, ReplyType::Server, &[0; 4])?;
                self.reply(kind, ReplyType::Ack, &[])
            }
            INFO | GO => self.describe(kind, data),
            STRUCTURED_REPLY if data.is_empty() => {
                self.agreed.is_structured = true;
                self.reply(kind, ReplyType::Ack, &[])
            }
            LIST_META_CONTEXT | SET_META_CONTEXT => self.contexts(kind, data),
            LIST | STRUCTURED_REPLY => {
                self.reply(kind, ReplyType::Invalid, b"the option has no data")
            }
            _ => self.reply(kind, ReplyType::Unsupported, b"the option is not known"),
        }
    }

    fn reply(&mut self, kind: u32, reply: ReplyType, data: &[u8]) -> io::Result<Next> {
        write_reply(self.writer, kind, reply, data)?;
        Ok(Next::Option)
    }

    /// `EXPORT_NAME` has no reply for an error.
    fn export_by_name(&mut self, name: &[u8]) -> io::Result<Next> {
        if !name.is_empty() {
            return Err(not_understood("the client asks for an export with a name"));
        }
        let mut bytes = self.size_and_flags();
        if self.has_zeroes {
            bytes.extend([0; 124]);
        }
        self.writer.write_all(&bytes)?;
        Ok(Next::Requests)
    }

    fn size_and_flags(&self) -> Vec<u8> {
        let mut bytes = self.export.content().size().to_be_bytes().to_vec();
        let flags = self.export.flags(self.agreed.is_structured);
        bytes.extend(flags.to_be_bytes());
        bytes
    }

    /// `INFO` and `GO`: the name of the export, and a list of what the client wants to know.
    fn describe(&mut self, kind: u32, data: &[u8]) -> io::Result<Next> {
        let mut fields = Fields(data);
        let name = fields.string();
        let count = fields.u16();
        let (Some(name), Some(count)) = (name, count) else {
            return self.reply(kind, ReplyType::Invalid, b"the option is cut short");
        };
        let wanted: Option<Vec<u16>> = (0..count).map(|_| fields.u16()).collect();
        let Some(wanted) = wanted.filter(|_| fields.is_empty()) else {
            return self.reply(kind, ReplyType::Invalid, b"the option has another length");
        };
        if !name.is_empty() {
            return self.reply(kind, ReplyType::Unknown, UNKNOWN_NAME);
        }
        let export = self.size_and_flags();
        self.inform(kind, INFO_EXPORT, &export)?;
        let sizes = [1, PREFERRED_BYTES, MAX_REQUEST_BYTES].map(u32::to_be_bytes);
        self.inform(kind, INFO_BLOCK_SIZE, sizes.as_flattened())?;
        if wanted.contains(&INFO_NAME) {
            self.inform(kind, INFO_NAME, &[])?;
        }
        if wanted.contains(&INFO_DESCRIPTION) {
            let description = self.export.description();
            self.inform(kind, INFO_DESCRIPTION, description.as_bytes())?;
        }
        self.reply(kind, ReplyType::Ack, &[])?;
        Ok(match kind {
            GO => Next::Requests,
            _ => Next::Option,
        })
    }

    fn inform(&mut self, kind: u32, information: u16, data: &[u8]) -> io::Result<Next> {
        let data = [&information.to_be_bytes(), data].concat();
        self.reply(kind, ReplyType::Info, &data)
    }

    /// `LIST_META_CONTEXT` and `SET_META_CONTEXT`: the name of the export, and queries.
    fn contexts(&mut self, kind: u32, data: &[u8]) -> io::Result<Next> {
        let is_set = kind == SET_META_CONTEXT;
        if is_set {
            self.agreed.has_allocation = false;
            if !self.agreed.is_structured {
                let text = b"structured replies must be negotiated first";
                return self.reply(kind, ReplyType::Invalid, text);
            }
        }
        let mut fields = Fields(data);
        let (Some(name), Some(count)) = (fields.string(), fields.u32()) else {
            return self.reply(kind, ReplyType::Invalid, b"the option is cut short");
        };
        let mut is_queried = count == 0 && !is_set;
        for _ in 0..count {
            let Some(query) = fields.string() else {
                return self.reply(kind, ReplyType::Invalid, b"a query is cut short");
            };
            is_queried |= query == ALLOCATION.as_bytes() || (!is_set && query == b"base:");
        }
        if !fields.is_empty() {
            return self.reply(kind, ReplyType::Invalid, b"the option has another length");
        }
        if !name.is_empty() {
            return self.reply(kind, ReplyType::Unknown, UNKNOWN_NAME);
        }
        if is_queried {
            let id = if is_set { ALLOCATION_ID } else { 0 };
            let context = [&id.to_be_bytes(), ALLOCATION.as_bytes()].concat();
            self.reply(kind, ReplyType::MetaContext, &context)?;
            self.agreed.has_allocation |= is_set;
        }
        self.reply(kind, ReplyType::Ack, &[])
    }
}

const UNKNOWN_NAME: &[u8] = b"there is one export, and its name is empty";
