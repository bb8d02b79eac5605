//! Downloading one file of a hub model as a blob of the cache.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::super::files::{file_size, git_hash_of, move_into_place, sha256_of};
use super::super::settings::HUB_CACHE_VARIABLE as VARIABLE;
use super::super::{ModelError, Watch};
use super::HubId;
use super::client::{Answer, Client, Failure};
use super::listing::RemoteFile;

/// The HTTP status for a range that begins at or beyond the file's end.
const RANGE_REFUSED: u16 = 416;

/// A file to be downloaded.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client<'a>,
    pub(super) id: &'a HubId,
    pub(super) commit: &'a str,
    pub(super) file: &'a RemoteFile,
}

impl Download<'_> {
    /// Puts the file at `blob`, complete and checked.
    pub(super) fn run(&self, blob: &Path, watch: &mut Watch) -> Result<(), ModelError> {
        let partial = incomplete(blob);
        self.client.with_retries(watch, |watch| self.attempt(&partial, watch))?;
        match self.verify(&partial, watch) {
            Ok(()) => move_into_place(&partial, blob, VARIABLE),
            Err(ModelError::Cancelled) => Err(ModelError::Cancelled),
            Err(error) => {
                // Taken up again, a wrong beginning would stay wrong.
                discard(&partial);
                Err(error)
            }
        }
    }

    /// Downloads what `partial` lacks.
    fn attempt(&self, partial: &Path, watch: &mut Watch) -> Result<(), Failure> {
        let total = self.file.bytes;
        watch.begin(&self.file.name, total);
        let mut have = resumable(self.file, partial);
        if have == 0 || have < total {
            let mut answer = self.request(have, partial, watch)?;
            if !continues(&answer, have) {
                have = 0;
            }
            have = self.receive(&mut answer, have, partial, watch)?;
        }
        if have != total {
            return Err(self.wrong_length(have));
        }
        watch.end();
        Ok(())
    }

    /// Asks for the bytes from `have` on.
    fn request(&self, have: u64, partial: &Path, watch: &mut Watch) -> Result<Answer, Failure> {
        let Self { id, commit, file, .. } = self;
        let path = format!("/{}/resolve/{commit}/{}", id.repository(), file.name);
        let start = (have > 0).then_some(have);
        let answer = self.client.get(&path, start, watch)?;
        if answer.status == RANGE_REFUSED {
            discard(partial);
            return Err(self.wrong_length(have));
        }
        self.client.check(&answer, id, &self.what())?;
        // Only now, for a refusal to let this user in says more than this.
        match file.is_described() {
            true => Ok(answer),
            false => Err(Failure::Lasting(self.undescribed())),
        }
    }

    /// Appends the answer's body to the first `have` bytes of `partial`, and
    /// returns how many bytes there are then.
    fn receive(
        &self,
        answer: &mut Answer,
        mut have: u64,
        partial: &Path,
        watch: &mut Watch,
    ) -> Result<u64, Failure> {
        let mut output = open_at(partial, have)?;
        while let Some(chunk) = self.client.next_chunk(answer, watch)? {
            have += chunk.len() as u64;
            if have > self.file.bytes {
                discard(partial);
                break;
            }
            output.write_all(&chunk).map_err(|e| ModelError::io("write", partial, VARIABLE, e))?;
            watch.advance(have);
        }
        Ok(have)
    }

    fn verify(&self, partial: &Path, watch: &mut Watch) -> Result<(), ModelError> {
        let label = format!("checking {}", self.file.name);
        let (kind, expected, found) = match &self.file.sha256 {
            Some(sha256) => ("SHA-256", sha256, sha256_of(partial, &label, VARIABLE, watch)?),
            None if self.file.has_git_hash() => {
                let found = git_hash_of(partial, &label, VARIABLE, watch)?;
                ("git hash", &self.file.blob, found)
            }
            None => return Ok(()),
        };
        if found == *expected {
            return Ok(());
        }
        Err(ModelError::WrongContent {
            what: self.what(),
            found: format!("{kind} {found}"),
            expected: format!("{kind} {expected}"),
        })
    }

    /// Passing, since servers may send less than the range asked for.
    fn wrong_length(&self, have: u64) -> Failure {
        let total = self.file.bytes;
        Failure::Passing(ModelError::HubAnswer {
            what: self.what(),
            problem: match have > total {
                true => format!("more than its {total} bytes came"),
                false => format!("{have} of {total} bytes came"),
            },
        })
    }

    fn undescribed(&self) -> ModelError {
        ModelError::HubAnswer {
            what: format!("the list of files of {}", self.id),
            problem: format!(
                "it has no size and hash of {} (asked for with `blobs=true`), so that the file could not be checked; if HF_ENDPOINT is set to a mirror, try another",
                self.file.name
            ),
        }
    }

    fn what(&self) -> String {
        format!("{} of {}", self.file.name, self.id)
    }
}

/// An unfinished blob, named so that no other program writes to it as well.
pub(super) fn incomplete(blob: &Path) -> PathBuf {
    let mut name = blob.as_os_str().to_owned();
    name.push(".axia.incomplete");
    name.into()
}

/// How much of `partial` to keep. A file without a SHA-256 is small, and a
/// wrong beginning would not be noticed: it starts over.
fn resumable(file: &RemoteFile, partial: &Path) -> u64 {
    match (&file.sha256, file_size(partial)) {
        (Some(_), Some(have)) if have <= file.bytes => have,
        _ => 0,
    }
}

fn discard(partial: &Path) {
    // If this fails, opening it for writing will say so.
    let _ = fs::remove_file(partial);
}

/// Whether the answer goes on from byte `have`, as asked; servers may well
/// send everything instead.
fn continues(answer: &Answer, have: u64) -> bool {
    answer.status == 206
        && answer
            .header("content-range")
            .is_some_and(|range| range.starts_with(&format!("bytes {have}-")))
}

/// Opens `path` for writing after its first `keep` bytes.
fn open_at(path: &Path, keep: u64) -> Result<File, ModelError> {
    let open = || -> io::Result<File> {
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.set_len(keep)?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    };
    open().map_err(|e| ModelError::io("write", path, VARIABLE, e))
}
