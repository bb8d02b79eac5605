//! Tests that run again in a process of their own, which may be killed or short of disk.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FOLDER: &str = "AXIA_TEST_RERUN_FOLDER";

/// The folder given to this process by [`rerun`], if that is how it was started.
pub fn given_folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// Runs the ignored test `name` of this binary in a new process; `limits` are shell commands that
/// come before it.
pub fn rerun(name: &str, folder: &Path, limits: &str) -> Output {
    let script = format!(r#"{limits} exec "$0" "$@""#);
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .output()
        .unwrap()
}
