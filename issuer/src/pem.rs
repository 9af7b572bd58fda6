//! Reads PEM and DER as devices print them and as people save them, and writes PEM as OpenSSL does.
//!
//! RFC 7468, read leniently around the blocks and strictly inside: any text may stand between blocks, lines may
//! end in LF or CRLF and carry blanks at either end, but the base64 itself must be exact.

use std::ops::Range;

use base64ct::{Base64, Encoding as _};

/// What a caller wants to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An X.509 certificate.
    Certificate,
    /// A PKCS#10 certification request.
    CertificateRequest,
}

impl Kind {
    /// The label that is written.
    pub fn label(self) -> &'static str {
        match self {
            Self::Certificate => "CERTIFICATE",
            Self::CertificateRequest => "CERTIFICATE REQUEST",
        }
    }

    fn matches(self, label: &str) -> bool {
        // `NEW CERTIFICATE REQUEST` is what older servers and devices write.
        label == self.label()
            || self == Self::CertificateRequest && label == "NEW CERTIFICATE REQUEST"
    }

    /// Labels that hold nearly the same thing, and why they are not taken for it.
    fn refusal(self, label: &str) -> Option<&'static str> {
        match (self, label) {
            (Self::Certificate, "TRUSTED CERTIFICATE") => {
                Some("it carries OpenSSL trust settings after the certificate")
            }
            (Self::Certificate, "X509 CERTIFICATE") => {
                Some("the label is obsolete, and some readers skip it silently")
            }
            _ => None,
        }
    }
}

/// One object found in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The DER inside: one complete element and nothing after it.
    pub der: Vec<u8>,
    /// Line of the BEGIN boundary, counted from 1; 1 for DER input.
    pub line: usize,
    /// Bytes before the BEGIN boundary; 0 for DER input.
    pub offset: usize,
}

/// Why the input was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// The input is larger than the caller allows. Nothing of it was parsed.
    #[error("input of {size} bytes is larger than the limit of {limit}")]
    TooLarge {
        /// Bytes of input.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The input holds no bytes at all.
    #[error("input is empty")]
    Empty,
    /// A shell redirect on Windows writes UTF-16.
    #[error("input is UTF-16 text: save it as UTF-8 or ASCII")]
    Utf16,
    /// There is no block of the wanted kind.
    #[error("no {wanted} block found{}", others(.other_labels))]
    NotFound {
        /// Label that was looked for.
        wanted: &'static str,
        /// Labels of the blocks that are there, in order.
        other_labels: Vec<String>,
    },
    /// More than one block where one is wanted; which is meant cannot be told.
    #[error("{} {wanted} blocks in one input (lines {})", .lines.len(), list(.lines))]
    Ambiguous {
        /// Label that was looked for.
        wanted: &'static str,
        /// Where each begins.
        lines: Vec<usize>,
    },
    /// A block whose label is close to the wanted one, and is not taken for it.
    #[error("block {label} at line {line} is refused: {reason}")]
    RefusedLabel {
        /// The label found.
        label: String,
        /// Line of its BEGIN boundary.
        line: usize,
        /// Why.
        reason: &'static str,
    },
    /// Headers such as `Proc-Type` inside the block: RFC 7468 has none, and they announce encryption.
    #[error(
        "block at line {block_line} has a header ({header}) at line {line}: PEM headers are refused"
    )]
    Headers {
        /// Line of the BEGIN boundary.
        block_line: usize,
        /// Line of the header.
        line: usize,
        /// The header's name.
        header: String,
    },
    /// The block never ends.
    #[error("block {label} at line {line} has no matching END boundary")]
    NoEnd {
        /// The block's label.
        label: String,
        /// Line of its BEGIN boundary.
        line: usize,
    },
    /// The block ends with the boundary of another label, or another block begins inside it.
    #[error("block {label} is interrupted at line {line}")]
    Interrupted {
        /// The block's label.
        label: String,
        /// Line of the wrong boundary.
        line: usize,
    },
    /// A character that is not base64 inside the block.
    #[error("byte 0x{byte:02x} at line {line}, offset {offset}, is not base64")]
    NotBase64 {
        /// The byte.
        byte: u8,
        /// Its line, from 1.
        line: usize,
        /// Its offset in the input, from 0.
        offset: usize,
    },
    /// Wrong padding, a wrong number of characters, or bits that are not zero at the end.
    #[error("base64 of the block at line {line} is incomplete or badly padded")]
    BadBase64 {
        /// Line of the BEGIN boundary.
        line: usize,
    },
    /// The block or file does not start with a DER SEQUENCE of definite length.
    #[error("content at line {line} is not a DER sequence")]
    NotDer {
        /// Line of the BEGIN boundary; 1 for DER input.
        line: usize,
    },
    /// The DER element is longer than the bytes that are there.
    #[error("content at line {line} is cut off: {present} of {expected} bytes")]
    Truncated {
        /// Line of the BEGIN boundary; 1 for DER input.
        line: usize,
        /// Bytes present.
        present: usize,
        /// Bytes announced.
        expected: usize,
    },
    /// There is something after the DER element.
    #[error("content at line {line} has {extra} bytes after its end")]
    TrailingBytes {
        /// Line of the BEGIN boundary; 1 for DER input.
        line: usize,
        /// How many bytes.
        extra: usize,
    },
}

/// Every object of the wanted kind, in order: at least one. Blocks of other kinds are passed over unread.
///
/// `limit` is the largest input in bytes, checked before anything is parsed.
///
/// # Errors
/// Any [`PemError`] but [`PemError::Ambiguous`].
pub fn read_all(input: &[u8], kind: Kind, limit: usize) -> Result<Vec<Block>, PemError> {
    if input.len() > limit {
        return Err(PemError::TooLarge { size: input.len(), limit });
    }
    if input.is_empty() {
        return Err(PemError::Empty);
    }
    if looks_like_der(input) {
        exactly_one_element(input, 1)?;
        return Ok(vec![Block { der: input.to_vec(), line: 1, offset: 0 }]);
    }
    if input.starts_with(&[0xff, 0xfe]) || input.starts_with(&[0xfe, 0xff]) {
        return Err(PemError::Utf16);
    }
    scan(input, kind)
}

/// The one object of the wanted kind.
///
/// # Errors
/// [`PemError::Ambiguous`] when there are several, else as [`read_all`].
pub fn read_one(input: &[u8], kind: Kind, limit: usize) -> Result<Block, PemError> {
    let mut blocks = read_all(input, kind, limit)?;
    let lines = blocks.iter().map(|block| block.line).collect();
    match (blocks.pop(), blocks.is_empty()) {
        (Some(block), true) => Ok(block),
        _ => Err(PemError::Ambiguous { wanted: kind.label(), lines }),
    }
}

/// PEM as OpenSSL writes it: 64 columns, LF, nothing before or after.
pub fn encode(kind: Kind, der: &[u8]) -> String {
    let label = kind.label();
    format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", base64_lines(der))
}

/// Base64 in lines of 64 characters, each ended by LF, as `openssl enc -base64` writes it.
pub fn base64_lines(bytes: &[u8]) -> String {
    // 48 bytes are 64 characters.
    bytes.chunks(48).map(|chunk| Base64::encode_string(chunk) + "\n").collect()
}

fn scan(input: &[u8], kind: Kind) -> Result<Vec<Block>, PemError> {
    let mut lines = Lines::new(input);
    let mut blocks = Vec::new();
    let mut other_labels = Vec::new();
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line.text, "BEGIN") else { continue };
        if let Some(reason) = kind.refusal(label) {
            let label = label.to_owned();
            return Err(PemError::RefusedLabel { label, line: line.number, reason });
        }
        if kind.matches(label) {
            blocks.push(block(&mut lines, label, &line)?);
        } else {
            // Not ours: whatever it holds, private keys too, is never decoded.
            other_labels.push(label.to_owned());
        }
    }
    if blocks.is_empty() {
        return Err(PemError::NotFound { wanted: kind.label(), other_labels });
    }
    Ok(blocks)
}

/// Reads on from the BEGIN line to the matching END.
fn block(lines: &mut Lines<'_>, label: &str, begin: &Line<'_>) -> Result<Block, PemError> {
    let mut base64 = String::new();
    for line in lines.by_ref() {
        let end = boundary(line.text, "END");
        if end == Some(label) {
            let der = Base64::decode_vec(&base64)
                .map_err(|_| PemError::BadBase64 { line: begin.number })?;
            exactly_one_element(&der, begin.number)?;
            return Ok(Block { der, line: begin.number, offset: begin.offset });
        }
        if end.is_some() || boundary(line.text, "BEGIN").is_some() {
            return Err(PemError::Interrupted { label: label.to_owned(), line: line.number });
        }
        if let Some(header) = header_name(line.text) {
            return Err(PemError::Headers {
                block_line: begin.number,
                line: line.number,
                header: header.to_owned(),
            });
        }
        for (at, byte) in line.text.iter().enumerate() {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')) {
                let offset = line.offset + at;
                return Err(PemError::NotBase64 { byte: *byte, line: line.number, offset });
            }
            base64.push(char::from(*byte));
        }
    }
    Err(PemError::NoEnd { label: label.to_owned(), line: begin.number })
}

struct Line<'a> {
    /// Without the line end and without blanks at either end.
    text: &'a [u8],
    number: usize,
    /// Of `text` in the input.
    offset: usize,
}

struct Lines<'a> {
    input: &'a [u8],
    rest: Range<usize>,
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(input: &'a [u8]) -> Self {
        let start = if input.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        // C strings printed with their terminator: one NUL at the very end is not content.
        let end = input.len() - usize::from(input.ends_with(b"\0"));
        Self { input, rest: start..end.max(start), number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = self.input.get(self.rest.clone()).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let whole = rest.get(..length)?;
        let start = self.rest.start;
        self.rest.start = (start + length + 1).min(self.rest.end);
        self.number += 1;
        let text = whole.trim_ascii();
        let indent = whole.len() - whole.trim_ascii_start().len();
        Some(Line { text, number: self.number, offset: start + indent })
    }
}

/// The label of a `-----BEGIN label-----` or `-----END label-----` line.
fn boundary<'a>(line: &'a [u8], word: &str) -> Option<&'a str> {
    // The NUL that ends a C string may stand right behind the last dash, with more text after it.
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    let label = line
        .strip_prefix(b"-----")?
        .strip_prefix(word.as_bytes())?
        .strip_prefix(b" ")?
        .strip_suffix(b"-----")?;
    let label = std::str::from_utf8(label).ok()?;
    (!label.is_empty() && label.bytes().all(|byte| matches!(byte, b' '..=b'~'))).then_some(label)
}

fn header_name(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = std::str::from_utf8(line.get(..colon)?).ok()?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (!name.is_empty() && name.bytes().all(word)).then_some(name)
}

/// A certificate or a request is longer than 127 bytes, so its length takes the long form: `30 8x`. Text that
/// begins with the digit zero never has a second byte above 0x7f in the encodings that PEM is written in.
fn looks_like_der(input: &[u8]) -> bool {
    matches!(input, [0x30, second, ..] if *second >= 0x80)
}

fn exactly_one_element(der: &[u8], line: usize) -> Result<(), PemError> {
    let expected = element_length(der).ok_or(PemError::NotDer { line })?;
    let present = der.len();
    match present.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(PemError::Truncated { line, present, expected }),
        std::cmp::Ordering::Greater => {
            Err(PemError::TrailingBytes { line, extra: present - expected })
        }
    }
}

/// Header and content length of a SEQUENCE; the decoder proper judges the rest.
fn element_length(der: &[u8]) -> Option<usize> {
    let [0x30, first, rest @ ..] = der else { return None };
    if *first < 0x80 {
        return Some(2 + usize::from(*first));
    }
    let count = usize::from(*first & 0x7f);
    let octets = rest.get(..count).filter(|octets| (1..=4).contains(&octets.len()))?;
    let length = octets.iter().try_fold(0usize, |length, octet| {
        length.checked_mul(256)?.checked_add(usize::from(*octet))
    })?;
    length.checked_add(2 + count)
}

fn others(labels: &[String]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    format!(" (there is: {})", labels.join(", "))
}

fn list(lines: &[usize]) -> String {
    lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}
