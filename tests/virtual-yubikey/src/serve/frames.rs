//! Frames: a length and a body.

use std::io::{self, BufRead as _, BufReader, Read, Write};

/// Reads and writes frames.
pub(super) struct Frames<L: Read>(BufReader<L>);

impl<L: Read + Write> Frames<L> {
    pub(super) fn new(link: L) -> Self {
        Self(BufReader::new(link))
    }

    /// The next body; none when the other side ended between two frames.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.0.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut length = [0; 2];
        self.0.read_exact(&mut length)?;
        let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut body)?;
        Ok(Some(body))
    }

    /// Sends a body. In one write: with two, the second waits for the reader's acknowledgement of
    /// the first, which takes 40 ms.
    pub(super) fn send(&mut self, body: &[u8]) -> io::Result<()> {
        let length = u16::try_from(body.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        let frame = [&length.to_be_bytes(), body].concat();
        let link = self.0.get_mut();
        link.write_all(&frame)?;
        link.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Gives what it has in the portions that it has it in; counts writes.
    #[derive(Default)]
    struct Portions {
        came: VecDeque<Vec<u8>>,
        went: Vec<Vec<u8>>,
    }

    impl Read for Portions {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(portion) = self.came.pop_front() else { return Ok(0) };
            buffer[..portion.len()].copy_from_slice(&portion);
            Ok(portion.len())
        }
    }

    impl Write for Portions {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.went.push(octets.to_vec());
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn bodies(stream: &[u8], portion: usize) -> io::Result<Vec<Vec<u8>>> {
        let came = stream.chunks(portion).map(<[u8]>::to_vec).collect();
        let mut frames = Frames::new(Portions { came, went: Vec::new() });
        std::iter::from_fn(|| frames.next().transpose()).collect()
    }

    #[test]
    fn frames_are_found_however_the_stream_is_cut() {
        let stream = b"\x00\x01\x04\x00\x05\x00\xFD\x00\x00\x00\x00\x00\x00\x01\x02";
        for portion in 1..=stream.len() {
            let expected = [&b"\x04"[..], b"\x00\xFD\x00\x00\x00", b"", b"\x02"];
            assert_eq!(bodies(stream, portion).unwrap(), expected, "{portion}");
        }
    }

    #[test]
    fn an_end_inside_a_frame_is_an_error() {
        for stream in [&b"\x00"[..], b"\x00\x02", b"\x00\x02\xAA", b"\x00\x01\x04\x00"] {
            let error = bodies(stream, 1).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn an_answer_is_one_write() {
        let mut frames = Frames::new(Portions::default());
        frames.send(&[7; 300]).unwrap();
        frames.send(&[]).unwrap();
        let went = &frames.0.get_ref().went;
        assert_eq!((went.len(), went[0].len()), (2, 302));
        assert_eq!((&went[0][..3], &went[1][..]), (&[1, 44, 7][..], &[0, 0][..]));
        assert!(frames.send(&vec![0; 65_536]).is_err());
    }
}
