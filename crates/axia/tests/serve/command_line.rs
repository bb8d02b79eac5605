//! The command, from start to signal.

use crate::adapter;
use crate::model::Recipe;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Recipe::default().write(&folder.path().join("tiny"));
        adapter::write(&folder.path().join("adapter"), 1);
        Self(folder)
    }

    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_axia"));
        command
            .args(words.split_whitespace())
            .current_dir(self.0.path())
            .env("AXIA_CACHE", self.0.path().join("cache"))
            .env("HF_HUB_OFFLINE", "1")
            .env("EMPTY_KEY", "")
            .env("A_KEY", "sesame")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    fn fails(&self, words: &str, parts: &[&str]) {
        let output = self.command(words).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}: {said}");
        for part in parts {
            assert!(said.contains(part), "{words}: no `{part}` in {said}");
        }
    }
}

/// A process that does not outlive its test.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[cfg(unix)]
fn it_serves_until_it_is_told_to_stop() {
    let folder = Folder::new();
    let mut served =
        Served(folder.command("serve tiny --adapter mine=adapter --port 0").spawn().unwrap());
    let mut line = String::new();
    BufReader::new(served.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").and_then(|rest| rest.strip_suffix("/v1"));
    let address: SocketAddr = address.unwrap().parse().unwrap();
    assert!(address.ip().is_loopback());
    let body = ureq::get(format!("http://{address}/v1/models")).call().unwrap();
    let list = body.into_body().read_to_string().unwrap();
    assert!(list.contains("\"tiny\"") && list.contains("\"tiny:mine\""), "{list}");

    let id = rustix::process::Pid::from_raw(served.0.id() as i32).unwrap();
    let start = Instant::now();
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let status = served.0.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(start.elapsed() < Duration::from_secs(5));
    let mut said = String::new();
    served.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("serving tiny, tiny:mine") && !said.contains("panicked"), "{said}");
}

#[test]
fn what_cannot_be_served_is_refused() {
    let folder = Folder::new();
    folder.fails("serve nowhere", &["nowhere"]);
    folder.fails("serve tiny --adapter mine", &["NAME=DIR"]);
    folder.fails("serve tiny --adapter mine=nowhere", &["nowhere"]);
    folder.fails("serve tiny --adapter a=adapter --adapter a=adapter", &["`a`", "another one"]);
    folder.fails("serve tiny --run nowhere", &["nowhere"]);
    folder.fails("serve tiny --host 0.0.0.0 --port 0", &["--host 0.0.0.0", "--api-key-env"]);
    folder.fails("serve tiny --api-key-env EMPTY_KEY", &["EMPTY_KEY"]);
    folder.fails("serve tiny --api-key-env UNSET_KEY", &["UNSET_KEY"]);
    folder.fails("serve tiny --queue 0", &["--queue", "at least 1"]);
    folder.fails("serve tiny --host not/a/host", &["--host not/a/host"]);
}
