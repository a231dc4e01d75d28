//! Frames on the wire (RFC 6455, section 5.2): parses the heads of incoming frames and writes whole outgoing
//! ones. What breaks the protocol in the head alone is refused here.

use bytes::{BufMut, Bytes, BytesMut};

use super::close::{CloseCode, ProtocolError};

/// Maximum payload of a control frame in bytes (RFC 6455, section 5.5).
pub(super) const MOST_CONTROL: usize = 125;

/// The kind of a frame. Each number is its value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
}

impl Opcode {
    fn of(nibble: u8) -> Option<Self> {
        Some(match nibble {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// True for control frames, which may come between the fragments of a message.
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The head of a client's frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// The FIN bit: this frame is the last of its message.
    pub(super) is_last: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: [u8; 4],
    /// Length of the payload in bytes.
    pub(super) length: u64,
    /// Length of the head itself in bytes.
    pub(super) size: usize,
}

impl FrameHead {
    /// Parses the head at the start of `bytes`. `None` while it is incomplete.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, ProtocolError> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        let (is_last, short) = (first & 0x80 != 0, second & 0x7F);
        if first & 0x70 != 0 {
            return Err(ProtocolError::protocol("a reserved bit is set"));
        }
        let opcode = Opcode::of(first & 0x0F).ok_or(ProtocolError::protocol("a reserved opcode"))?;
        if second & 0x80 == 0 {
            return Err(ProtocolError::protocol("a client's frame is masked"));
        }
        if opcode.is_control() && (!is_last || usize::from(short) > MOST_CONTROL) {
            return Err(ProtocolError::protocol("a control frame is whole, and of 125 bytes at most"));
        }
        let Some((length, rest)) = length(short, rest)? else { return Ok(None) };
        let Some(mask) = rest.first_chunk() else { return Ok(None) };
        let size = bytes.len() - rest.len() + mask.len();
        Ok(Some(Self { is_last, opcode, mask: *mask, length, size }))
    }
}

/// Parses the payload's length. Returns it with the bytes that follow it, or `None` while it is incomplete. A
/// length that is not written in the shortest form is refused, as RFC 6455 demands.
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, ProtocolError> {
    let (length, least, rest) = match short {
        126 => {
            let Some((long, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u16::from_be_bytes(*long).into(), 126, rest)
        }
        127 => {
            let Some((long, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from_be_bytes(*long), 0x1_0000, rest)
        }
        short => (short.into(), 0, rest),
    };
    if length < least || length > i64::MAX as u64 {
        return Err(ProtocolError::protocol("a length is written as short as it can be"));
    }
    Ok(Some((length, rest)))
}

/// Unmasks a piece of a payload. Returns the mask rotated to where the next piece of the same payload begins.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) -> [u8; 4] {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    let mut next = mask;
    next.rotate_left(rest.len() % 4);
    next
}

/// An encoded frame to send. It is encoded once for all its receivers: clones share the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame(Bytes);

impl Frame {
    /// A text message.
    pub(crate) fn text(text: &str) -> Self {
        Self::new(Opcode::Text, text.as_bytes())
    }

    /// A binary message.
    pub(crate) fn binary(bytes: &[u8]) -> Self {
        Self::new(Opcode::Binary, bytes)
    }

    /// A ping without payload, which the client has to answer by a pong.
    pub(crate) fn ping() -> Self {
        Self::new(Opcode::Ping, &[])
    }

    /// A pong that answers a ping with the same payload.
    pub(super) fn pong(payload: &[u8]) -> Self {
        Self::new(Opcode::Pong, payload)
    }

    /// A close frame. A reason that is too long for a control frame is cut at a character boundary.
    pub(super) fn close(code: Option<CloseCode>, reason: &str) -> Self {
        let Some(code) = code else { return Self::new(Opcode::Close, &[]) };
        let reason = &reason[..reason.floor_char_boundary(MOST_CONTROL - 2)];
        Self::new(Opcode::Close, &[&code.0.to_be_bytes(), reason.as_bytes()].concat())
    }

    fn new(opcode: Opcode, payload: &[u8]) -> Self {
        let mut frame = BytesMut::with_capacity(payload.len() + 10);
        frame.put_u8(0x80 | opcode as u8);
        match payload.len() {
            short @ 0..126 => frame.put_u8(short as u8),
            long @ 126..0x1_0000 => {
                frame.put_u8(126);
                frame.put_u16(long as u16);
            }
            long => {
                frame.put_u8(127);
                frame.put_u64(long as u64);
            }
        }
        frame.put_slice(payload);
        Self(frame.freeze())
    }

    pub(super) fn is_close(&self) -> bool {
        self.0[0] & 0x0F == Opcode::Close as u8
    }

    /// Restores a frame from bytes that [`into_bytes`](Self::into_bytes) returned.
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The encoded bytes, head included.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let bytes = [0x81, 0xFE, 0x01, 0x00, 1, 2, 3, 4, b'x'];
        for end in 0..8 {
            assert_eq!(FrameHead::read(&bytes[..end]), Ok(None));
        }
        let head = FrameHead { is_last: true, opcode: Opcode::Text, mask: [1, 2, 3, 4], length: 256, size: 8 };
        assert_eq!(FrameHead::read(&bytes), Ok(Some(head)));
    }

    #[test]
    fn a_length_that_could_be_shorter_is_refused() {
        let short_as_16_bits = [0x81, 0xFE, 0, 125, 0, 0, 0, 0];
        let sixteen_as_64_bits = [0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0];
        let negative = [0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for bytes in [&short_as_16_bits[..], &sixteen_as_64_bits, &negative] {
            assert_eq!(FrameHead::read(bytes).map_err(|fault| fault.code), Err(CloseCode::PROTOCOL));
        }
    }

    #[test]
    fn a_mask_goes_on_where_the_last_piece_ended() {
        let (plain, mask) = ((0..100).collect::<Vec<u8>>(), [7, 77, 177, 200]);
        let mut whole = plain.clone();
        unmask(&mut whole, mask);
        for cut in 0..plain.len() {
            let mut pieces = plain.clone();
            let (one, other) = pieces.split_at_mut(cut);
            unmask(other, unmask(one, mask));
            assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn a_frame_has_the_shortest_length_there_is() {
        let head = |length: usize, size: usize| Frame::text(&"x".repeat(length)).into_bytes()[..size].to_vec();
        assert_eq!(head(125, 2), [0x81, 125]);
        assert_eq!(head(126, 4), [0x81, 126, 0, 126]);
        assert_eq!(head(0xFFFF, 4), [0x81, 126, 0xFF, 0xFF]);
        assert_eq!(head(0x1_0000, 10), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_long_reason_is_cut_between_two_characters() {
        let frame = Frame::close(Some(CloseCode::AWAY), &"ä".repeat(100)).into_bytes();
        assert_eq!(frame[..4], [0x88, 2 + 122, 0x03, 0xE9]);
        assert_eq!(std::str::from_utf8(&frame[4..]), Ok(&*"ä".repeat(61)));
    }
}
