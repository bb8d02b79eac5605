//! Data on standard output.

use super::failure::{Failure, Outcome};
use serde::Serialize;
use std::io::{self, ErrorKind, Write};

/// Writes to standard output. A reader that has seen enough, such as `head`, is no failure.
pub fn print(data: impl AsRef<[u8]>) -> Outcome {
    print_more(data).map(drop)
}

/// Writes a part of the data to standard output, and says whether anybody still reads it.
pub fn print_more(data: impl AsRef<[u8]>) -> Outcome<bool> {
    let mut out = io::stdout().lock();
    match out.write_all(data.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(error).while_trying("write to standard output"))
        }
        written => Ok(written.is_ok()),
    }
}

/// Writes one indented JSON value and a line break.
pub fn print_json(value: &impl Serialize) -> Outcome {
    print(serde_json::to_string_pretty(value).map_err(Failure::failed)? + "\n")
}
