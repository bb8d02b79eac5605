//! What the player types.

use crate::cli::session::Session;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// How often a wish to stop is looked for.
const TICK: Duration = Duration::from_millis(50);

/// Lines of standard input, read beside the game: a read that waits would not notice Ctrl-C.
pub struct Input {
    lines: Receiver<String>,
    typed: bool,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A line, without white space around it.
    Line(String),
    /// There is no more.
    End,
    /// The user pressed Ctrl-C.
    Stopped,
}

impl Input {
    /// Begins to read.
    pub fn new() -> Self {
        let (sender, lines) = sync_channel(0);
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            let mut line = Vec::new();
            while input.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                if sender.send(text).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Self { lines, typed: io::stdin().is_terminal() }
    }

    /// The next line.
    pub fn next(&self, session: &Session) -> Typed {
        loop {
            if session.cancelled() {
                return Typed::Stopped;
            }
            match self.lines.recv_timeout(TICK) {
                Ok(line) => return Typed::Line(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Typed::End,
            }
        }
    }

    /// Whether the lines come from a terminal, which shows them itself.
    pub const fn is_typed(&self) -> bool {
        self.typed
    }
}
