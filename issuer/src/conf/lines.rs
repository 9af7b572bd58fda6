//! Physical lines made into logical ones.
//!
//! OpenSSL reads a file in pieces of at most 510 bytes and strips line ends from each *piece*. A line
//! that is longer than a piece therefore ends at a CR which happens to be the last byte of one
//! (OpenSSL 3.0.19). Judged against the real program, this reader has to cut at the same places.

use std::sync::Arc;

use super::error::{Error, Place, Reason};

/// OpenSSL's buffer of 512 bytes, less its own spare byte and the NUL of `fgets`.
const PIECE: usize = 510;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A text being read, with the number of its next line.
#[derive(Debug)]
pub(super) struct Source {
    name: Arc<str>,
    text: Vec<u8>,
    at: usize,
    line: u32,
}

/// One piece of a source.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    /// What it holds, without line ends.
    pub(super) bytes: &'a [u8],
    /// Whether the line goes on in the next piece.
    pub(super) open: bool,
}

impl Source {
    pub(super) fn new(name: Arc<str>, text: Vec<u8>) -> Self {
        Self { name, text, at: 0, line: 1 }
    }

    /// Where the next piece stands.
    pub(super) fn place(&self) -> Place {
        Place::at(Arc::clone(&self.name), self.line)
    }

    /// The next piece, or `None` at the end. `first` is set for the very first piece of a load,
    /// which alone may begin with a byte order mark (OpenSSL strips none in included files).
    pub(super) fn piece(&mut self, first: bool) -> Result<Option<Piece<'_>>, Error> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let window = rest.get(..PIECE).unwrap_or(rest);
        let length =
            window.iter().position(|byte| *byte == b'\n').map_or(window.len(), |at| at + 1);
        let piece = window.get(..length).unwrap_or_default();
        if piece.contains(&0) {
            // OpenSSL takes a line that begins with NUL for the end of the file, and glues one that
            // holds a NUL to the next line. Neither can be meant.
            return Err(self.place().error(Reason::NulByte));
        }
        self.at += length;
        let marked = first && piece.starts_with(BYTE_ORDER_MARK);
        let bytes =
            if marked { piece.get(BYTE_ORDER_MARK.len()..).unwrap_or_default() } else { piece };
        if bytes.is_empty() {
            return Ok(None);
        }
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        let stripped = bytes.get(..end.map_or(0, |at| at + 1)).unwrap_or_default();
        let open = stripped.len() == bytes.len();
        if piece.ends_with(b"\n") {
            self.line += 1;
        }
        Ok(Some(Piece { bytes: stripped, open }))
    }
}
