//! A dump's bytes: unpacked as they are read, counted and hashed as they stand on the disk.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axia_engine::error::FileError;
use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use crate::dilemmas::BuildError;
use crate::files::HashWriter;

/// Bytes read from the disk at once.
const BUFFER: usize = 1 << 20;

/// Largest window of a zstd frame, as a power of two: what `zstd --long=31` writes, as the makers
/// of dumps do.
const WINDOW_LOG: u32 = 31;

/// How a dump is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Packing {
    /// Not at all.
    Plain,
    /// gzip; several members in one file are one stream.
    Gzip,
    /// Zstandard with windows of up to 2 GiB; several frames in one file are one stream.
    Zstd,
    /// bzip2; several streams in one file are one stream.
    Bzip2,
}

/// A dump being unpacked. What is read from it are the JSON lines.
pub(crate) struct Archive {
    decoder: Decoder,
    packing: Packing,
    path: PathBuf,
}

type Buffered = BufReader<Source>;

enum Decoder {
    Plain(Buffered),
    Gzip(Box<MultiGzDecoder<Buffered>>),
    Zstd(zstd::Decoder<'static, Buffered>),
    Bzip2(Box<MultiBzDecoder<Buffered>>),
}

impl Archive {
    /// Opens a dump. Its packing is told from its first bytes, for names lie. `read` grows by the
    /// bytes that are taken from the disk.
    ///
    /// # Errors
    /// [`BuildError::File`]; [`BuildError::NoDump`] if it is something that holds no JSON lines.
    pub(crate) fn open(path: &Path, read: Arc<AtomicU64>) -> Result<Self, BuildError> {
        let failed = FileError::on("open", path);
        let file = File::open(path).map_err(failed)?;
        let mut source =
            BufReader::with_capacity(BUFFER, Source { file, digest: HashWriter::default(), read });
        let head = source.fill_buf().map_err(FileError::on("read", path))?;
        let packing =
            recognise(head).map_err(|found| BuildError::NoDump { path: path.to_owned(), found })?;
        let decoder = match packing {
            Packing::Plain => Decoder::Plain(source),
            Packing::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(source))),
            Packing::Bzip2 => Decoder::Bzip2(Box::new(MultiBzDecoder::new(source))),
            Packing::Zstd => {
                let open = zstd::Decoder::with_buffer(source).and_then(|mut decoder| {
                    decoder.window_log_max(WINDOW_LOG)?;
                    Ok(decoder)
                });
                Decoder::Zstd(open.map_err(FileError::on("unpack", path))?)
            }
        };
        Ok(Self { decoder, packing, path: path.to_owned() })
    }

    /// How it is packed.
    pub(crate) const fn packing(&self) -> Packing {
        self.packing
    }

    /// The SHA-256 (hex) of the whole file as it stands on the disk, damaged tail and all.
    ///
    /// # Errors
    /// [`BuildError::File`] if the rest of the file cannot be read.
    pub(crate) fn finish(self) -> Result<String, BuildError> {
        let mut source = match self.decoder {
            Decoder::Plain(source) => source,
            Decoder::Gzip(decoder) => decoder.into_inner(),
            Decoder::Zstd(decoder) => decoder.finish(),
            Decoder::Bzip2(decoder) => decoder.into_inner(),
        };
        io::copy(&mut source, &mut io::sink()).map_err(FileError::on("read", &self.path))?;
        Ok(source.into_inner().digest.finish())
    }
}

impl Read for Archive {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match &mut self.decoder {
            Decoder::Plain(decoder) => decoder.read(bytes),
            Decoder::Gzip(decoder) => decoder.read(bytes),
            Decoder::Zstd(decoder) => decoder.read(bytes),
            Decoder::Bzip2(decoder) => decoder.read(bytes),
        }
    }
}

/// The packing of a file that begins with `head`, or what the file is instead of a dump.
fn recognise(head: &[u8]) -> Result<Packing, &'static str> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head {
        [0x1f, 0x8b, ..] => Ok(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Packing::Zstd),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Ok(Packing::Bzip2),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Err("an xz archive; unpack it with `xz -d`"),
        [b'P', b'K', 3, 4, ..] => Err("a zip archive; unpack it with `unzip`"),
        _ if text.starts_with(b"[") => {
            Err("a JSON array; turn it into lines with `jq -c '.[]' FILE`")
        }
        _ if head.contains(&0) => Err("a binary file of an unknown kind"),
        _ => Ok(Packing::Plain),
    }
}

/// A file that is counted and hashed while it is read.
struct Source {
    file: File,
    digest: HashWriter,
    read: Arc<AtomicU64>,
}

impl Read for Source {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(bytes)?;
        self.digest.write_all(&bytes[..count])?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packings_are_told_from_the_first_bytes() {
        assert_eq!(recognise(b"\x1f\x8b\x08"), Ok(Packing::Gzip));
        assert_eq!(recognise(b"\x28\xb5\x2f\xfd"), Ok(Packing::Zstd));
        assert_eq!(recognise(b"\x5a\x2a\x4d\x18"), Ok(Packing::Zstd));
        assert_eq!(recognise(b"BZh91AY"), Ok(Packing::Bzip2));
        // A file cut in the middle of a line is still a dump, and so is an empty one.
        for plain in [&b"{\"id\":1}"[..], b"\xef\xbb\xbf\n {}", b"le\":\"x\"}\n{}", b""] {
            assert_eq!(recognise(plain), Ok(Packing::Plain));
        }
        assert!(recognise(b" [{}]").unwrap_err().contains("jq"));
        assert!(recognise(b"\xfd7zXZ\0").unwrap_err().contains("xz"));
        assert!(recognise(b"PK\x03\x04").unwrap_err().contains("zip"));
        assert!(recognise(b"\x7fELF\0").unwrap_err().contains("binary"));
    }
}
