//! Unpacking a body, a bounded step at a time: however much a few bytes would become, no step makes more than
//! [`STEP_BYTES`], and the caller decides after each whether it goes on.

use std::cell::Cell;
use std::io::{ErrorKind, Write as _};

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{DParameter, Decoder, Operation as _};

use super::Encoding;

/// The most that comes out of one step.
pub(crate) const STEP_BYTES: usize = 65_536;
/// A zstd window of 8 MiB, the largest that a content coding may ask for (RFC 9659).
const ZSTD_WINDOW_LOG: u32 = 23;

/// Decoders that made more than this are not kept: they hold on to a window of that size.
const KEPT_BYTES: usize = 1_048_576;

thread_local! {
    /// Kept between bodies: setting one up takes ten times as long as unpacking a small body.
    static IDLE: Cell<Option<Decoder<'static>>> = const { Cell::new(None) };
}

/// Why a body can't be unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is not of the coding that it names, or damaged.
    Corrupt,
    /// It ends too early.
    CutShort,
}

/// What a step took and made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Bytes of the input that are done with.
    pub(crate) read: usize,
    /// Bytes at the beginning of the output.
    pub(crate) written: usize,
}

/// Unpacks one body.
pub(crate) enum Unpacker {
    Zstd(Zstd),
    Br { state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>, ended: bool },
    Gzip { decoder: Box<MultiGzDecoder<Vec<u8>>>, begun: bool },
}

impl Unpacker {
    /// # Errors
    /// A text for the log, when there is no memory.
    pub(crate) fn new(coding: Encoding) -> Result<Self, String> {
        Ok(match coding {
            Encoding::Zstd => Self::Zstd(Zstd::new().map_err(|error| error.to_string())?),
            // strict: no windows beyond RFC 7932's 16 MiB
            Encoding::Br => {
                let state = BrotliState::new_strict(StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
                Self::Br { state: Box::new(state), ended: false }
            }
            Encoding::Gzip => Self::Gzip { decoder: Box::new(MultiGzDecoder::new(Vec::new())), begun: false },
        })
    }

    /// Unpacks from `input` into `output`, which holds at least [`STEP_BYTES`]. All is done when the input is read and the
    /// output was not filled.
    pub(crate) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        match self {
            Self::Zstd(zstd) => zstd.step(input, output),
            Self::Br { state, ended } => {
                if *ended {
                    return if input.is_empty() { Ok(Step { read: 0, written: 0 }) } else { Err(Fault::Corrupt) };
                }
                let (mut to_read, mut read, mut room, mut written, mut total) = (input.len(), 0, output.len(), 0, 0);
                let result =
                    BrotliDecompressStream(&mut to_read, &mut read, input, &mut room, &mut written, output, &mut total, state.as_mut());
                match result {
                    BrotliResult::ResultFailure => return Err(Fault::Corrupt),
                    BrotliResult::ResultSuccess => *ended = true,
                    BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                }
                Ok(Step { read, written })
            }
            Self::Gzip { decoder, begun } => gzip_step(decoder, begun, input, output),
        }
    }

    /// Whether what was read was whole. What is still to come out is in `rest`.
    pub(crate) fn finish(&mut self) -> Result<Vec<u8>, Fault> {
        match self {
            Self::Zstd(Zstd { ended, .. }) | Self::Br { ended, .. } => {
                if *ended {
                    Ok(Vec::new())
                } else {
                    Err(Fault::CutShort)
                }
            }
            Self::Gzip { begun: false, .. } => Err(Fault::CutShort),
            Self::Gzip { decoder, .. } => {
                decoder.try_finish().map_err(|error| fault_of(&error))?;
                Ok(std::mem::take(decoder.get_mut()))
            }
        }
    }
}

/// A zstd stream.
pub(crate) struct Zstd {
    /// Until this is dropped.
    decoder: Option<Decoder<'static>>,
    made: usize,
    ended: bool,
}

impl Zstd {
    fn new() -> std::io::Result<Self> {
        let decoder = if let Some(mut kept) = IDLE.take() {
            kept.reinit()?;
            kept
        } else {
            let mut decoder = Decoder::new()?;
            decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
            decoder
        };
        Ok(Self { decoder: Some(decoder), made: 0, ended: false })
    }

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let status = self.decoder.as_mut().ok_or(Fault::Corrupt)?.run_on_buffers(input, output).map_err(|_| Fault::Corrupt)?;
        if status.bytes_read > 0 || status.bytes_written > 0 {
            self.ended = status.remaining == 0;
        }
        self.made = self.made.saturating_add(status.bytes_written);
        Ok(Step { read: status.bytes_read, written: status.bytes_written })
    }
}

impl Drop for Zstd {
    fn drop(&mut self) {
        if self.made <= KEPT_BYTES {
            // gone already when the thread ends
            let _ = IDLE.try_with(|idle| idle.set(self.decoder.take()));
        }
    }
}

/// The decoder hands its output over at its next step: 32 KiB at most, its own buffer.
fn gzip_step(decoder: &mut MultiGzDecoder<Vec<u8>>, begun: &mut bool, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
    if input.is_empty() {
        return Ok(Step { read: 0, written: 0 });
    }
    *begun = true;
    let read = decoder.write(input).map_err(|error| fault_of(&error))?;
    let made = decoder.get_mut();
    let written = made.len();
    match output.get_mut(..written) {
        Some(slot) => slot.copy_from_slice(made),
        None => return Err(Fault::Corrupt),
    }
    made.clear();
    // a member's end may take nothing and make nothing: the next step begins the next member
    Ok(Step { read, written })
}

fn fault_of(error: &std::io::Error) -> Fault {
    if error.kind() == ErrorKind::UnexpectedEof { Fault::CutShort } else { Fault::Corrupt }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::pack::Packer;

    fn packed(coding: Encoding, plain: &[u8]) -> Vec<u8> {
        let mut packer = Packer::new(coding, Some(plain.len())).unwrap();
        let mut bytes = packer.push(plain).unwrap();
        bytes.extend(packer.finish().unwrap());
        bytes
    }

    /// Unpacks in pieces of this many bytes.
    fn unpacked(coding: Encoding, bytes: &[u8], piece: usize) -> Result<Vec<u8>, Fault> {
        let mut unpacker = Unpacker::new(coding).unwrap();
        let (mut all, mut output) = (Vec::new(), vec![0; STEP_BYTES]);
        for mut chunk in bytes.chunks(piece) {
            loop {
                let step = unpacker.step(chunk, &mut output)?;
                all.extend_from_slice(&output[..step.written]);
                chunk = &chunk[step.read..];
                if chunk.is_empty() && step.written < output.len() {
                    break;
                }
            }
        }
        all.extend(unpacker.finish()?);
        Ok(all)
    }

    #[test]
    fn what_was_packed_comes_out_whole_however_it_is_cut() {
        let text: Vec<u8> = (0..50_000_u32).flat_map(|number| format!("{{\"n\":{}}}\n", number % 977).into_bytes()).collect();
        for coding in Encoding::ALL {
            for plain in [&b"{}"[..], &b"\n".repeat(300_000), &text] {
                let bytes = packed(coding, plain);
                for piece in [1, 7, 4_096, usize::MAX] {
                    assert!(unpacked(coding, &bytes, piece).unwrap() == plain, "{coding:?} {} {piece}", plain.len());
                }
            }
        }
    }

    #[test]
    fn what_is_cut_short_or_damaged_is_told() {
        let text: Vec<u8> = (0..5_000_u32).flat_map(|number| number.to_string().into_bytes()).collect();
        for coding in Encoding::ALL {
            let bytes = packed(coding, &text);
            for kept in [0, 1, bytes.len() / 2] {
                assert_eq!(unpacked(coding, &bytes[..kept], 100), Err(Fault::CutShort), "{coding:?} {kept} of {}", bytes.len());
            }
            assert!(unpacked(coding, &bytes[..bytes.len() - 1], 100).is_err(), "{coding:?}");
            assert!(unpacked(coding, b"{\"protocol\":1,\"operations\":[]}", 100).is_err(), "{coding:?}");
            let with_more = [&bytes[..], b"and some more after it"].concat();
            assert_eq!(unpacked(coding, &with_more, 1_000_000), Err(Fault::Corrupt), "{coding:?}");
        }
    }

    #[test]
    fn frames_and_members_one_after_another_are_one_body() {
        for coding in [Encoding::Zstd, Encoding::Gzip] {
            let both = [packed(coding, b"{\"a\":"), packed(coding, b"1}")].concat();
            for piece in [1, 3, 1_000] {
                assert_eq!(unpacked(coding, &both, piece).unwrap(), b"{\"a\":1}", "{coding:?} {piece}");
            }
        }
    }

    #[test]
    fn a_window_beyond_the_rfc_is_refused() {
        // a zstd frame header that asks for a window of 16 MiB, then a block of 1 byte repeated
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70, 0x0b, 0x00, 0x00, b' '];
        assert_eq!(unpacked(Encoding::Zstd, &frame, 100), Err(Fault::Corrupt));
        // the same with 8 MiB
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68, 0x0b, 0x00, 0x00, b' '];
        assert_eq!(unpacked(Encoding::Zstd, &frame, 100).unwrap(), b" ");
    }
}
