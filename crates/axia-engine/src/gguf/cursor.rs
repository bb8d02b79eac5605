//! Reads little-endian numbers and strings from bytes without ever leaving them.

use super::GgufFormatError;

/// A position in bytes of unknown quality.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes not read yet.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: u64, what: &'static str) -> Result<&'a [u8], GgufFormatError> {
        let taken = usize::try_from(count)
            .ok()
            .and_then(|count| self.position.checked_add(count))
            .and_then(|end| Some((end, self.bytes.get(self.position..end)?)));
        let Some((end, taken)) = taken else {
            return Err(GgufFormatError::Truncated { what, needed: count, left: self.left() });
        };
        self.position = end;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], GgufFormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64, what)?);
        Ok(array)
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32, GgufFormatError> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &'static str) -> Result<u64, GgufFormatError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A count of things that take at least `least_bytes` each: more of them than the rest of the file
    /// can hold is an error, so that a count may be trusted for allocation.
    pub fn count(
        &mut self,
        least_bytes: u64,
        what: &'static str,
    ) -> Result<usize, GgufFormatError> {
        let count = self.u64(what)?;
        let needed = count.saturating_mul(least_bytes);
        match usize::try_from(count) {
            Ok(count) if needed <= self.left() as u64 => Ok(count),
            _ => Err(GgufFormatError::Truncated { what, needed, left: self.left() }),
        }
    }

    /// A string: its length in bytes as 64 bits, then UTF-8.
    pub fn string(&mut self, what: &'static str) -> Result<&'a str, GgufFormatError> {
        let length = self.u64(what)?;
        let bytes = self.take(length, what)?;
        std::str::from_utf8(bytes).map_err(|_| GgufFormatError::Utf8(what))
    }

    /// A string of at most `limit` bytes.
    pub fn name(&mut self, limit: u64, what: &'static str) -> Result<&'a str, GgufFormatError> {
        let name = self.string(what)?;
        let found = name.len() as u64;
        if found > limit {
            return Err(GgufFormatError::TooLarge { what, found, limit });
        }
        Ok(name)
    }
}
