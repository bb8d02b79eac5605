//! A run that was interrupted goes on to the same bytes as one that never was.

use crate::rerun::{given_folder, rerun};
use crate::tiny::{StopAfter, assert_same, data, fresh, model, run, settings, steady};
use axia_engine::error::{EngineError, FileError};
use axia_engine::kernels::CpuKernels;
use axia_engine::train::{
    EarlyStopping, Observer, StepRecord, StopReason, TrainData, TrainSettings, Trained, train,
};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Interrupts a run after every number of its steps, goes on, and compares.
fn assert_resumes(settings: &TrainSettings, data: &TrainData, stopped: StopReason) {
    let decoder = model();
    let whole = run(&decoder, fresh(&decoder, 1), data, settings).unwrap();
    assert_eq!(whole.stopped, stopped);
    let steps = whole.history.steps.len();
    for taken in 0..steps {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("run.checkpoint");
        let go = |limit: usize| {
            let mut observer = StopAfter::new(limit);
            let adapter = fresh(&decoder, 1);
            let end = train(&decoder, adapter, data, settings, Some(&path), &mut observer);
            (end, observer.steps)
        };
        let (first, counted) = go(taken);
        assert!(matches!(first, Err(EngineError::Cancelled)));
        assert_eq!(counted, taken);
        let (second, counted) = go(usize::MAX);
        assert_eq!(counted, steps - taken, "no step is taken twice");
        assert_same(&format!("after {taken} steps"), &second.unwrap(), &whole);
    }
}

#[test]
fn a_run_of_all_epochs() {
    assert_resumes(&settings(), &data(), StopReason::Finished);
}

#[test]
fn a_run_that_validation_stops_early() {
    let early_stopping = Some(EarlyStopping { patience: 2, threshold: 0.0 });
    let settings = TrainSettings { epochs: 9, early_stopping, ..settings() };
    assert_resumes(&settings, &data(), StopReason::EarlyStopping);
}

#[test]
fn a_run_that_is_held_to_plain_texts() {
    let texts = vec![vec![1, 40, 41, 42], vec![1, 90, 17]];
    let settings = TrainSettings { language_kl: 0.3, ..settings() };
    assert_resumes(&settings, &TrainData { texts, ..data() }, StopReason::Finished);
}

#[test]
fn a_run_with_a_limit_of_steps_inside_an_epoch() {
    let settings =
        TrainSettings { max_steps: Some(5), accumulation: 2, batch_rows: 2, ..settings() };
    assert_resumes(&settings, &data(), StopReason::Finished);
}

/// The recorded numbers come back to the last bit however many they are.
#[test]
fn a_long_run_that_is_interrupted_at_its_end() {
    let decoder = model();
    let settings = TrainSettings { epochs: 40, ..settings() };
    let whole = run(&decoder, fresh(&decoder, 1), &data(), &settings).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.checkpoint");
    let go = |limit: usize| {
        let adapter = fresh(&decoder, 1);
        train(&decoder, adapter, &data(), &settings, Some(&path), &mut StopAfter::new(limit))
    };
    assert!(matches!(go(119), Err(EngineError::Cancelled)));
    assert_same("after 119 steps", &go(usize::MAX).unwrap(), &whole);
}

#[test]
fn a_run_without_validation_that_is_interrupted_at_every_step() {
    let decoder = model();
    let data = TrainData { validation: Vec::new(), ..data() };
    let whole = run(&decoder, fresh(&decoder, 1), &data, &settings()).unwrap();
    let folder = TempDir::new().unwrap();
    // The folder of the checkpoint is made as needed.
    let path = folder.path().join("deep/down/run.checkpoint");
    let mut interruptions = 0;
    let found = loop {
        let (adapter, mut observer) = (fresh(&decoder, 1), StopAfter::new(1));
        match train(&decoder, adapter, &data, &settings(), Some(&path), &mut observer) {
            Err(EngineError::Cancelled) => interruptions += 1,
            end => break end.unwrap(),
        }
    };
    assert_eq!(interruptions, 8);
    assert_same("step by step", &found, &whole);
}

#[test]
fn a_finished_run_is_not_run_again() {
    let decoder = model();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.checkpoint");
    let go = |observer: &mut StopAfter| {
        let adapter = fresh(&decoder, 1);
        train(&decoder, adapter, &data(), &steady(), Some(&path), observer).unwrap()
    };
    let first = go(&mut StopAfter::new(usize::MAX));
    let mut observer = StopAfter::new(usize::MAX);
    assert_same("again", &go(&mut observer), &first);
    assert_eq!(observer.steps, 0);
}

// Killed processes, full disks, and folders that cannot be written: the last good checkpoint
// stays, and the run goes on from it.

fn go(path: &Path, observer: &mut dyn Observer) -> Result<Trained<CpuKernels>, EngineError> {
    let decoder = model();
    train(&decoder, fresh(&decoder, 1), &data(), &settings(), Some(path), observer)
}

fn uninterrupted() -> Trained<CpuKernels> {
    let decoder = model();
    run(&decoder, fresh(&decoder, 1), &data(), &settings()).unwrap()
}

fn assert_unwritable(end: Result<Trained<CpuKernels>, EngineError>, path: &Path) {
    let error = end.err().unwrap();
    assert!(matches!(&error, EngineError::File(FileError { path: p, .. }) if p == path), "{error}");
    assert!(error.to_string().starts_with("cannot write the checkpoint `"), "{error}");
}

/// Ends the process at a step, as a kill does: nothing is cleaned up.
struct Die {
    at: usize,
}

impl Observer for Die {
    fn step(&mut self, record: &StepRecord) {
        if record.step == self.at {
            std::process::exit(9);
        }
    }
}

#[test]
#[ignore = "runs only as the victim of another test"]
fn victim() {
    if let Some(folder) = given_folder() {
        // One step after the checkpoint at the end of the first epoch.
        let _ = go(&folder.join("run.checkpoint"), &mut Die { at: 4 });
    }
}

#[test]
#[cfg(unix)]
fn a_killed_run_goes_on_from_its_last_checkpoint() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.checkpoint");
    assert_eq!(rerun("resume::victim", folder.path(), "").status.code(), Some(9));
    assert!(path.exists(), "the first epoch's end was saved");
    // It was killed while it wrote the next one.
    let partial = folder.path().join("run.checkpoint.partial");
    fs::write(&partial, &fs::read(&path).unwrap()[..1000]).unwrap();
    let mut observer = StopAfter::new(usize::MAX);
    assert_same("killed", &go(&path, &mut observer).unwrap(), &uninterrupted());
    assert_eq!(observer.steps, 6, "two of three epochs were left");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(left, [path], "the half-written file is gone");
}

#[test]
#[ignore = "runs only with a limit on the size of files, which another test sets"]
fn trains_on_a_full_disk() {
    if let Some(folder) = given_folder() {
        let path = folder.join("run.checkpoint");
        assert_unwritable(go(&path, &mut ()), &path);
    }
}

#[test]
#[cfg(unix)]
fn a_full_disk_leaves_the_old_checkpoint() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.checkpoint");
    assert!(matches!(go(&path, &mut StopAfter::new(1)), Err(EngineError::Cancelled)));
    let before = fs::read(&path).unwrap();
    assert!(before.len() > 64 << 10);
    // Writing beyond the limit fails, as on a full disk, once the signal is ignored.
    let limits = "trap '' XFSZ; ulimit -f 64 || exit 77;";
    let output = rerun("resume::trains_on_a_full_disk", folder.path(), limits);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert!(fs::read(&path).unwrap() == before, "the old checkpoint is as it was");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half written is left");
    assert_same("with room again", &go(&path, &mut ()).unwrap(), &uninterrupted());
}

#[test]
fn a_name_that_cannot_be_written_leaves_the_old_checkpoint() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.checkpoint");
    assert!(matches!(go(&path, &mut StopAfter::new(1)), Err(EngineError::Cancelled)));
    let before = fs::read(&path).unwrap();
    let partial = folder.path().join("run.checkpoint.partial");
    fs::create_dir(&partial).unwrap();
    assert_unwritable(go(&path, &mut ()), &path);
    assert!(fs::read(&path).unwrap() == before);
    fs::remove_dir(&partial).unwrap();
    assert_same("once it can", &go(&path, &mut ()).unwrap(), &uninterrupted());
}

#[test]
fn a_path_below_a_file_fails_before_training() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    let mut observer = StopAfter::new(usize::MAX);
    let error = go(&file.join("run.checkpoint"), &mut observer).err().unwrap();
    assert!(matches!(error, EngineError::File(_)), "{error}");
    assert_eq!(observer.steps, 0);
    // A folder in the checkpoint's place.
    assert!(matches!(go(folder.path(), &mut ()), Err(EngineError::File(_))));
}
