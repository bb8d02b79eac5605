//! TensorBoard's event files: events in TFRecord frames.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file of events; each is handed to the system as it comes.
pub(super) struct EventFile {
    file: File,
}

impl EventFile {
    /// A new file in `folder`, for what happens from step `step` on.
    pub fn create(folder: &Path, step: usize) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (seconds, process) = (now() as u64, std::process::id());
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = match host.trim() {
            "" => "axia",
            host => host,
        };
        // Resumed within the second, a run gets the next number.
        let name = |n: u32| format!("events.out.tfevents.{seconds:010}.{host}.{process}.{n}");
        let free = (0..).map(|n| folder.join(name(n))).find(|path| !path.exists());
        let path = free.unwrap_or_else(|| folder.join(name(0)));
        let mut events = Self { file: File::create(path)? };
        events.write(0, &What::FileVersion)?;
        events.write(step, &What::Start)?;
        Ok(events)
    }

    /// Adds an event that happened now.
    pub fn write(&mut self, step: usize, what: &What) -> io::Result<()> {
        self.file.write_all(&frame(&encode(now(), step, what)))
    }
}

/// Length and data, each with its checksum.
fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let checksum = |bytes: &[u8]| masked_crc32c(bytes).to_le_bytes();
    [&length[..], &checksum(&length), data, &checksum(data)].concat()
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

const POLYNOMIAL: u32 = 0x82f6_3b78;
const MASK: u32 = 0xa282_ead8;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| TABLE[usize::from(crc as u8 ^ byte)] ^ (crc >> 8);
    !bytes.iter().fold(!0, step)
}

/// The checksum as TFRecord files hold it: so that the checksum of data with checksums in them is not
/// a checksum of checksums.
pub(super) fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

// TensorBoard's events, the few that are needed, encoded as Protocol Buffers.
//
// `Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
// SessionLog session_log = 7; }`, `Summary { repeated Value value = 1; }`, `Value { string tag = 1;
// float simple_value = 2; }`, `SessionLog { SessionStatus status = 1; }`.

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// What an event says.
pub(super) enum What<'a> {
    /// The format, first in every file.
    FileVersion,
    /// A run begins, or goes on, at the event's step: what older files hold of later ones is void.
    Start,
    /// Numbers by name.
    Scalars(&'a [(&'a str, f64)]),
}

/// The bytes of an event; `wall_time` is in seconds since 1970.
pub(super) fn encode(wall_time: f64, step: usize, what: &What) -> Vec<u8> {
    let mut out = Vec::new();
    put_key(&mut out, 1, FIXED64);
    out.extend_from_slice(&wall_time.to_le_bytes());
    if step > 0 {
        put_key(&mut out, 2, VARINT);
        put_varint(&mut out, step as u64);
    }
    match what {
        What::FileVersion => put_bytes(&mut out, 3, b"brain.Event:2"),
        What::Start => put_bytes(&mut out, 7, &[1 << 3 | VARINT, 1]),
        What::Scalars(scalars) => {
            let mut summary = Vec::new();
            for (tag, value) in *scalars {
                let mut entry = Vec::new();
                put_bytes(&mut entry, 1, tag.as_bytes());
                put_key(&mut entry, 2, FIXED32);
                entry.extend_from_slice(&(*value as f32).to_le_bytes());
                put_bytes(&mut summary, 1, &entry);
            }
            put_bytes(&mut out, 5, &summary);
        }
    }
    out
}

fn put_key(out: &mut Vec<u8>, field: u8, kind: u8) {
    out.push(field << 3 | kind);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_key(out, field, BYTES);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of all frames, whose checksums must be right.
    fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_at(8);
            let (check, rest) = rest.split_at(4);
            assert_eq!(check, masked_crc32c(length).to_le_bytes());
            let (data, rest) =
                rest.split_at(u64::from_le_bytes(length.try_into().unwrap()) as usize);
            let (check, rest) = rest.split_at(4);
            assert_eq!(check, masked_crc32c(data).to_le_bytes());
            found.push(data.to_vec());
            bytes = rest;
        }
        found
    }

    #[test]
    fn files_hold_frames_of_events() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/down");
        let mut events = EventFile::create(&path, 3).unwrap();
        events.write(3, &What::Scalars(&[("train/loss", 2.0)])).unwrap();
        EventFile::create(&path, 4).unwrap();
        let mut files: Vec<_> =
            path.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        assert_eq!(files.len(), 2, "{files:?}");
        let name = files[0].file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("events.out.tfevents.") && name.ends_with(".0"), "{name}");
        let found = frames(&std::fs::read(&files[0]).unwrap());
        assert_eq!(found.len(), 3);
        let tail = |bytes: &[u8]| bytes[9..].to_vec();
        for (frame, what) in found.iter().zip([
            (0, What::FileVersion),
            (3, What::Start),
            (3, What::Scalars(&[("train/loss", 2.0)])),
        ]) {
            // All but the time.
            assert_eq!(tail(frame), tail(&encode(0.0, what.0, &what.1)));
        }
    }

    #[test]
    fn known_checksums() {
        // RFC 3720, B.4, and the usual check value.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(b""), 0);
        assert_eq!(masked_crc32c(b""), MASK);
    }

    #[test]
    fn events_are_encoded_byte_by_byte() {
        let time = [0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f];
        let version = [&time[..], &[0x1a, 13], b"brain.Event:2"].concat();
        assert_eq!(encode(1.5, 0, &What::FileVersion), version);
        let start = [&time[..], &[0x10, 0x2c, 0x3a, 2, 8, 1]].concat();
        assert_eq!(encode(1.5, 44, &What::Start), start);
        let scalars = [&time[..], &[0x10, 0xac, 0x02, 0x2a, 10, 0x0a, 8, 0x0a, 1, b'x', 0x15]];
        let scalars = [&scalars.concat()[..], &[0, 0, 0, 0x3f]].concat();
        assert_eq!(encode(1.5, 300, &What::Scalars(&[("x", 0.5)])), scalars);
    }
}
