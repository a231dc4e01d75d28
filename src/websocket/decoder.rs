//! Decodes bytes into messages, without a socket: joins fragments, checks the size limits and UTF-8. Invalid
//! input is refused at its first invalid byte, before anything behind it is kept.

use std::num::NonZeroU32;

use bytes::{Buf, Bytes, BytesMut};

use super::close::{CloseCode, ProtocolError};
use super::frame::{FrameHead, Opcode, unmask};
use super::rate::FrameRate;

/// What a receiver accepts from a client.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Maximum bytes of a frame's payload.
    pub(crate) frame: usize,
    /// Maximum bytes of a message, over all its fragments.
    pub(crate) message: usize,
    /// True if binary messages are refused.
    pub(crate) is_text_only: bool,
    /// How fast frames and bytes may come. `None` is without a limit.
    pub(crate) rate: Option<FrameRate>,
}

impl Limits {
    /// The limits in rooms: text messages of up to 64 KiB, and `frames_per_second`.
    pub(crate) fn room(frames_per_second: Option<NonZeroU32>) -> Self {
        let rate = frames_per_second.map(FrameRate::per_second);
        Self { frame: 64 * 1024, message: 64 * 1024, is_text_only: true, rate }
    }
}

/// A whole message from a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// A text message, checked to be UTF-8.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}

/// A complete message or control frame that needs an answer. Pongs are not reported.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WireEvent {
    Message(Message),
    Ping(Bytes),
    Close(Option<CloseCode>),
}

/// Decodes frames. It keeps only incomplete input, and frees its buffer once all input is decoded.
#[derive(Debug)]
pub(super) struct Decoder {
    limits: Limits,
    input: BytesMut,
    /// The data frame whose payload is being read.
    frame: Option<DataFrame>,
    /// The message whose fragments have come so far.
    message: Option<Fragments>,
    /// Frames begun since the last call of [`begun`](Self::begun).
    begun: u32,
}

#[derive(Debug)]
struct DataFrame {
    /// True if this frame completes its message.
    is_last: bool,
    /// The masking key, rotated to the next byte of the payload.
    mask: [u8; 4],
    /// Bytes of the payload that have not come yet.
    left: usize,
}

#[derive(Debug)]
struct Fragments {
    is_text: bool,
    bytes: Vec<u8>,
    /// Length of the prefix of `bytes` that is known to be valid UTF-8, in whole characters.
    checked: usize,
}

impl Decoder {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, input: BytesMut::new(), frame: None, message: None, begun: 0 }
    }

    /// Appends bytes that were read from the connection.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// Number of frames of any kind that have begun since the last call. Resets the count.
    pub(super) fn begun(&mut self) -> u32 {
        std::mem::take(&mut self.begun)
    }

    /// The next complete message or control frame. `None` if more input is needed.
    pub(super) fn next(&mut self) -> Result<Option<WireEvent>, ProtocolError> {
        let next = self.read();
        if self.input.is_empty() {
            // Frees the buffer: an idle connection must hold no memory.
            self.input = BytesMut::new();
        }
        next
    }

    fn read(&mut self) -> Result<Option<WireEvent>, ProtocolError> {
        loop {
            if let Some(frame) = &mut self.frame {
                let message = self.message.as_mut().expect("a data frame belongs to a message");
                message.take(frame, &mut self.input)?;
                if frame.left > 0 {
                    return Ok(None);
                }
                let is_whole = frame.is_last;
                self.frame = None;
                if is_whole && let Some(message) = self.message.take() {
                    return message.whole().map(|message| Some(WireEvent::Message(message)));
                }
            }
            let Some(head) = FrameHead::read(&self.input)? else { return Ok(None) };
            if !head.opcode.is_control() {
                self.begin(&head)?;
            } else if self.input.len() < head.size + head.length as usize {
                return Ok(None);
            } else if let Some(event) = self.control(&head)? {
                return Ok(Some(event));
            }
        }
    }

    /// Begins a data frame. It is checked by its head alone, before any of its payload is kept.
    fn begin(&mut self, head: &FrameHead) -> Result<(), ProtocolError> {
        let so_far = self.message.as_ref().map(|message| message.bytes.len());
        match (head.opcode, so_far) {
            (Opcode::Continuation, None) => return Err(ProtocolError::protocol("there is nothing to continue")),
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(ProtocolError::protocol("a message is not whole yet"));
            }
            (Opcode::Binary, None) if self.limits.is_text_only => return Err(ProtocolError::TEXT_ONLY),
            _ => {}
        }
        let left = usize::try_from(head.length).map_err(|_| ProtocolError::TOO_LARGE)?;
        if left > self.limits.frame || left > self.limits.message - so_far.unwrap_or_default() {
            return Err(ProtocolError::TOO_LARGE);
        }
        self.begun += 1;
        self.input.advance(head.size);
        self.frame = Some(DataFrame { is_last: head.is_last, mask: head.mask, left });
        let is_text = head.opcode == Opcode::Text;
        self.message.get_or_insert_with(|| Fragments { is_text, bytes: Vec::new(), checked: 0 });
        Ok(())
    }

    /// Reads a complete control frame. `None` for a pong, which needs no answer.
    fn control(&mut self, head: &FrameHead) -> Result<Option<WireEvent>, ProtocolError> {
        self.begun += 1;
        self.input.advance(head.size);
        let mut payload = self.input.split_to(head.length as usize);
        unmask(&mut payload, head.mask);
        Ok(match head.opcode {
            Opcode::Close => Some(WireEvent::Close(close_code(&payload)?)),
            // A copy, since a slice would keep the whole input buffer alive.
            Opcode::Ping => Some(WireEvent::Ping(Bytes::copy_from_slice(&payload))),
            _ => None,
        })
    }
}

impl Fragments {
    /// Moves the part of the frame's payload that has arrived from `input` into the message.
    fn take(&mut self, frame: &mut DataFrame, input: &mut BytesMut) -> Result<(), ProtocolError> {
        let (begin, count) = (self.bytes.len(), frame.left.min(input.len()));
        self.bytes.extend_from_slice(&input[..count]);
        input.advance(count);
        frame.mask = unmask(&mut self.bytes[begin..], frame.mask);
        frame.left -= count;
        if self.is_text { self.check() } else { Ok(()) }
    }

    /// Checks the new bytes. A character that is cut at the end is allowed, since later bytes may complete it.
    fn check(&mut self) -> Result<(), ProtocolError> {
        match std::str::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            Err(error) if error.error_len().is_some() => return Err(ProtocolError::BAD_UTF8),
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }

    /// The whole message. Here a text must not end within a character.
    fn whole(self) -> Result<Message, ProtocolError> {
        if !self.is_text {
            return Ok(Message::Binary(self.bytes));
        }
        String::from_utf8(self.bytes).map(Message::Text).map_err(|_| ProtocolError::BAD_UTF8)
    }
}

fn close_code(payload: &[u8]) -> Result<Option<CloseCode>, ProtocolError> {
    match payload {
        [] => Ok(None),
        [_] => Err(ProtocolError::protocol("a close code has two bytes")),
        [high, low, reason @ ..] => {
            let code = CloseCode::read(u16::from_be_bytes([*high, *low]))?;
            std::str::from_utf8(reason).map_err(|_| ProtocolError::BAD_UTF8)?;
            Ok(Some(code))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{ByteEdits, edited};

    const LIMITS: Limits = Limits { frame: 1_000, message: 1_500, is_text_only: false, rate: None };

    /// A masked frame as a client sends it. `first` is the first byte of its head.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [0x12, 0x34, 0x56, 0x78];
        let mut frame = vec![first];
        match payload.len() {
            short @ 0..126 => frame.push(0x80 | short as u8),
            long => frame.extend([&[0xFE], &(long as u16).to_be_bytes()[..]].concat()),
        }
        frame.extend(mask);
        let begin = frame.len();
        frame.extend(payload);
        unmask(&mut frame[begin..], mask);
        frame
    }

    /// The events decoded from these pieces, and the error that ended the decoding, if any.
    fn heard(limits: Limits, pieces: &[&[u8]]) -> (Vec<WireEvent>, Option<ProtocolError>) {
        let (mut decoder, mut events) = (Decoder::new(limits), Vec::new());
        for piece in pieces {
            decoder.push(piece);
            loop {
                match decoder.next() {
                    Ok(Some(event)) => events.push(event),
                    Ok(None) => break,
                    Err(fault) => return (events, Some(fault)),
                }
            }
        }
        (events, None)
    }

    fn text(text: &str) -> WireEvent {
        WireEvent::Message(Message::Text(text.to_owned()))
    }

    #[test]
    fn fragments_are_one_message_whatever_stands_between_them() {
        let bytes = [frame(0x01, b"Hal"), frame(0x89, b"?"), frame(0x8A, b""), frame(0x80, b"lo")].concat();
        let ping = WireEvent::Ping(Bytes::from_static(b"?"));
        assert_eq!(heard(LIMITS, &[&bytes]), (vec![ping, text("Hallo")], None));
    }

    #[test]
    fn a_bad_byte_is_refused_before_the_frame_is_whole() {
        let bytes = frame(0x81, b"good\xFFgood");
        let known = bytes.len() - 4;
        assert_eq!(heard(LIMITS, &[&bytes[..known - 1]]), (vec![], None));
        assert_eq!(heard(LIMITS, &[&bytes[..known]]), (vec![], Some(ProtocolError::BAD_UTF8)));
    }

    #[test]
    fn a_character_may_be_split_but_not_left_unfinished() {
        let (one, two) = "ä".as_bytes().split_at(1);
        let whole = [frame(0x01, one), frame(0x80, two)].concat();
        assert_eq!(heard(LIMITS, &[&whole]), (vec![text("ä")], None));
        assert_eq!(heard(LIMITS, &[&frame(0x81, one)]).1, Some(ProtocolError::BAD_UTF8));
    }

    #[test]
    fn what_is_too_large_is_refused_by_its_head() {
        let one_too_many = frame(0x81, &[b'x'; 1_001]);
        assert_eq!(heard(LIMITS, &[&one_too_many[..8]]).1, Some(ProtocolError::TOO_LARGE));
        let endless = [0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0];
        assert_eq!(heard(LIMITS, &[&endless]).1, Some(ProtocolError::TOO_LARGE));
        let in_two = [frame(0x01, &[b'x'; 1_000]), frame(0x80, &[b'x'; 501])].concat();
        assert_eq!(heard(LIMITS, &[&in_two]).1, Some(ProtocolError::TOO_LARGE));
        let just_right = [frame(0x01, &[b'x'; 1_000]), frame(0x80, &[b'x'; 500])].concat();
        assert_eq!(heard(LIMITS, &[&just_right]), (vec![text(&"x".repeat(1_500))], None));
    }

    #[test]
    fn every_frame_is_counted_whatever_its_kind() {
        let frames = [frame(0x01, b""), frame(0x00, b""), frame(0x8A, b"!"), frame(0x00, b"x"), frame(0x89, b"")];
        let mut decoder = Decoder::new(LIMITS);
        decoder.push(&frames.concat());
        while matches!(decoder.next(), Ok(Some(_))) {}
        assert_eq!((decoder.begun(), decoder.begun()), (5, 0));
    }

    #[test]
    fn binary_is_refused_where_only_text_is_taken() {
        let limits = Limits { is_text_only: true, ..LIMITS };
        for first in [0x82, 0x02] {
            assert_eq!(heard(limits, &[&frame(first, b"x")[..6]]).1, Some(ProtocolError::TEXT_ONLY));
        }
    }

    #[test]
    fn nothing_is_kept_of_what_was_heard() {
        let mut decoder = Decoder::new(LIMITS);
        decoder.push(&[frame(0x81, &[b'x'; 900]), frame(0x89, b"?")].concat());
        while matches!(decoder.next(), Ok(Some(_))) {}
        assert_eq!((decoder.input.capacity(), decoder.frame.is_none(), decoder.message.is_none()), (0, true, true));
    }

    #[test]
    fn any_bytes_give_the_same_messages_however_they_are_cut() {
        type Input = (Vec<(u8, Vec<u8>)>, ByteEdits, Vec<u8>);
        bolero::check!().with_type::<Input>().for_each(|(frames, edits, cuts)| {
            let frame = |(first, payload): &(u8, Vec<u8>)| frame(first & 0x8F, payload);
            let frames: Vec<u8> = frames.iter().flat_map(frame).collect();
            for bytes in [edited(&frames, edits), frames] {
                let (mut pieces, mut rest) = (Vec::new(), &bytes[..]);
                for cut in cuts {
                    let (piece, left) = rest.split_at(usize::from(*cut).min(rest.len()));
                    pieces.push(piece);
                    rest = left;
                }
                pieces.push(rest);
                let whole = heard(LIMITS, &[&bytes]);
                assert_eq!(heard(LIMITS, &pieces), whole);
                let byte_by_byte: Vec<&[u8]> = bytes.chunks(1).collect();
                assert_eq!(heard(LIMITS, &byte_by_byte), whole);
            }
        });
    }
}
