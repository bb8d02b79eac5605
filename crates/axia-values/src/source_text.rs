//! The text of files that other people wrote.

use std::path::Path;

/// The text of a file, without a byte order mark; the line of the first byte that is not UTF-8
/// if there is one.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, usize> {
    let text = std::str::from_utf8(bytes).map_err(|error| line_of(bytes, error.valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// What to say of a line that [`decode`] refused.
pub(crate) const NOT_UTF8: &str = "the text is not UTF-8; save the file as UTF-8";

/// The line, counted from 1, of a byte offset.
pub(crate) fn line_of(bytes: &[u8], offset: usize) -> usize {
    bytes.iter().take(offset).filter(|&&byte| byte == b'\n').count() + 1
}

/// What a file is about, by its name: `surveys/pvq.csv` gives `pvq`.
pub(crate) fn stem(source: &str) -> String {
    Path::new(source)
        .file_stem()
        .map_or_else(|| source.to_owned(), |stem| stem.to_string_lossy().into_owned())
}
