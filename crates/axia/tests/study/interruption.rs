//! Runs that are stopped and taken up again.

use crate::bench::{Bench, Said};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// Long enough to be caught at work.
const RUN: &str = "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --epochs 40 --batch 4 --out";
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `path` is there; panics if the child ends before.
fn wait_for(path: &Path, child: &mut Child) {
    let started = Instant::now();
    while !path.exists() {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended ({ended:?}) before it made {}", path.display());
        assert!(started.elapsed() < PATIENCE, "no {}", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The same with the paper's labels, for which the control is trained, too.
fn hard(out: &str) -> String {
    format!("{RUN} {out} --anchors hard")
}

/// Losses of all steps and epochs, without times.
fn losses(bench: &Bench, out: &str) -> Vec<String> {
    let records = ["control", "face-down", "face-up"].iter().flat_map(|name| {
        let summary = bench.read_json(&format!("{out}/training/{name}.json"));
        let history = &summary["history"];
        let steps = history["steps"].as_array().unwrap().clone();
        let validations = history["validations"].as_array().unwrap().clone();
        [steps, validations].concat()
    });
    records.map(|record| record["loss"].to_string()).collect()
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let bench = Bench::new();
    bench.ok(&hard("whole"));
    killed_at(
        &bench,
        &hard("cut"),
        &[
            "checkpoints/control.safetensors",
            "responses/control.jsonl",
            "checkpoints/face-down.safetensors",
        ],
    );
}

#[test]
fn a_killed_run_with_soft_anchors_goes_on_to_the_same_bytes() {
    let bench = Bench::new();
    bench.ok(&format!("{RUN} whole --language-kl 0.2"));
    killed_at(
        &bench,
        &format!("{RUN} cut --language-kl 0.2"),
        &[
            "baseline/distributions.jsonl.part",
            "checkpoints/face-down.safetensors",
            "validation/face-down-x0.5.jsonl",
            "frontier/face-down.json",
            "checkpoints/face-up.safetensors",
        ],
    );
}

/// Kills the run in `cut` as soon as each of `files` is there, lets it go on, and compares it with the
/// one in `whole`.
fn killed_at(bench: &Bench, words: &str, files: &[&str]) {
    for at in files {
        let mut child = bench.command(words).spawn().unwrap();
        wait_for(&bench.path("cut").join(at), &mut child);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!bench.path("cut/results.json").exists(), "{at}: it was over already");
    }
    bench.ok(words);
    let (whole, cut) = (bench.numbers("whole"), bench.numbers("cut"));
    let differ: Vec<&String> =
        whole.keys().filter(|file| cut.get(*file) != whole.get(*file)).collect();
    assert!(differ.is_empty(), "{differ:?} differ");
    let more: Vec<&String> = cut.keys().filter(|file| !whole.contains_key(*file)).collect();
    assert!(more.is_empty(), "{more:?} are there besides");
    assert_eq!(losses(bench, "whole"), losses(bench, "cut"));
    assert!(!bench.path("cut/checkpoints/face-up.safetensors").exists());
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_says_how_to_go_on() {
    use rustix::process::{Pid, Signal, kill_process};

    let bench = Bench::new();
    bench.ok(&hard("whole"));
    for at in
        ["manifest.json", "checkpoints/control.safetensors", "checkpoints/face-down.safetensors"]
    {
        let mut child = bench.command(&hard("cut")).spawn().unwrap();
        wait_for(&bench.path("cut").join(at), &mut child);
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let said = Said::from(child.wait_with_output().unwrap());
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{at}: {said:?}");
        assert!(said.err.contains("stopped: the work so far is kept in `cut`"), "{at}: {said:?}");
        assert!(said.err.contains("goes on from there"), "{at}: {said:?}");
    }
    bench.ok(&hard("cut"));
    assert_eq!(bench.numbers("whole"), bench.numbers("cut"));
    assert_eq!(losses(&bench, "whole"), losses(&bench, "cut"));
}

#[test]
fn what_a_killed_write_left_behind_is_no_foreign_file() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("out")).unwrap();
    bench.write("out/.tmpAbC123", "half a manifest");
    bench.ok("run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --out out");
}
