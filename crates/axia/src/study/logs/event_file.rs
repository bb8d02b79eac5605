//! TensorBoard's event files: events in TFRecord frames.

use super::crc32c::masked_crc32c;
use super::event::{What, encode};
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
}
