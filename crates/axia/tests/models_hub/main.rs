//! Fetching from a stand-in for the hub on the loopback interface.

mod stub;

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axia::models::hub::{HubId, cached, cached_or_fetch, fetch};
use axia::models::{HubSettings, ModelError, Quiet, Settings, Token, Watch};
use serde_json::json;

use stub::{COMMIT, LISTING, Route, Stub, file_path, git_hash, listing, sha256};

fn settings(cache: &Path, stub: &Stub) -> HubSettings {
    let home = |name: &str| (name == "HOME").then(|| OsString::from("/nowhere"));
    HubSettings {
        cache: cache.to_owned(),
        endpoint: stub.address.clone(),
        token: None,
        retries: 2,
        retry_pause: Duration::from_millis(10),
        ..Settings::from_variables(home).unwrap().hub
    }
}

fn id() -> HubId {
    "org/name".parse().unwrap()
}

fn fetch_with(settings: &HubSettings) -> Result<std::path::PathBuf, ModelError> {
    let cancel = AtomicBool::new(false);
    fetch(&id(), settings, &mut Watch::new(&mut Quiet, &cancel))
}

/// Weights that fill several reads.
fn weights() -> Vec<u8> {
    (0..150_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn small_model(weights: &[u8]) -> [(&'static str, &[u8]); 6] {
    [
        ("README.md", b"not needed"),
        ("config.json", b"{}"),
        ("tokenizer.json", b"{\"t\": 1}"),
        ("tokenizer_config.json", b"{\"c\": 1}"),
        ("pytorch_model.bin", b"not needed either"),
        ("model.safetensors", weights),
    ]
}

/// A cache, and a stub that serves a small model.
fn bench() -> (tempfile::TempDir, Stub, HubSettings) {
    let cache = tempfile::tempdir().unwrap();
    let stub = Stub::new();
    stub.repository(&small_model(&weights()));
    let settings = settings(cache.path(), &stub);
    (cache, stub, settings)
}

#[test]
fn fetches_what_is_needed_into_the_shared_layout() {
    let (cache, stub, settings) = bench();
    let folder = fetch_with(&settings).unwrap();
    let model = cache.path().join("models--org--name");
    assert_eq!(folder, model.join("snapshots").join(COMMIT));
    assert_eq!(fs::read_to_string(model.join("refs/main")).unwrap(), COMMIT);
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    assert_eq!(fs::read(model.join("blobs").join(sha256(&weights()))).unwrap(), weights());
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(
        names,
        ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    );
    #[cfg(unix)]
    assert_eq!(
        fs::read_link(folder.join("model.safetensors")).unwrap(),
        Path::new("../../blobs").join(sha256(&weights()))
    );
    let blobs = fs::read_dir(model.join("blobs")).unwrap().count();
    assert_eq!(blobs, 4, "unfinished blobs remain");

    // The weights come last, and none is asked for twice.
    assert_eq!(stub.paths().last().unwrap(), &file_path("model.safetensors"));
    fetch_with(&settings).unwrap();
    assert_eq!(stub.paths().len(), 6);
    assert_eq!(stub.paths()[5], LISTING);
    assert_eq!(cached(&id(), &settings).unwrap(), folder);
    let cancel = AtomicBool::new(false);
    let mut quiet = Quiet;
    let again = cached_or_fetch(&id(), &settings, &mut Watch::new(&mut quiet, &cancel));
    assert_eq!(again.unwrap(), folder);
    assert_eq!(stub.paths().len(), 6);
}

#[test]
fn shards_follow_the_index() {
    let cache = tempfile::tempdir().unwrap();
    let stub = Stub::new();
    let index = br#"{"weight_map": {"a": "m-1.safetensors", "b": "m-2.safetensors"}}"#;
    stub.repository(&[
        ("config.json", b"{}"),
        ("tokenizer.json", b"{}"),
        ("model.safetensors.index.json", index),
        ("m-1.safetensors", b"one"),
        ("m-2.safetensors", b"two"),
        ("other.safetensors", b"no"),
    ]);
    let folder = fetch_with(&settings(cache.path(), &stub)).unwrap();
    assert_eq!(fs::read(folder.join("m-1.safetensors")).unwrap(), b"one");
    assert_eq!(fs::read(folder.join("m-2.safetensors")).unwrap(), b"two");
    assert!(!folder.join("other.safetensors").exists());
}

#[test]
fn revisions_have_their_own_reference() {
    let cache = tempfile::tempdir().unwrap();
    let stub = Stub::new();
    stub.repository(&small_model(b"w"));
    stub.same_listing("refs%2Fpr%2F1");
    stub.same_listing(COMMIT);
    let settings = settings(cache.path(), &stub);
    let cancel = AtomicBool::new(false);
    let get = |id: String| {
        let id: HubId = id.parse().unwrap();
        fetch(&id, &settings, &mut Watch::new(&mut Quiet, &cancel)).unwrap();
        cached(&id, &settings).unwrap()
    };
    get("org/name@refs/pr/1".to_owned());
    get(format!("org/name@{COMMIT}"));
    let refs = cache.path().join("models--org--name/refs");
    assert_eq!(fs::read_to_string(refs.join("refs/pr/1")).unwrap(), COMMIT);
    assert!(!refs.join(COMMIT).exists());
    assert!(!refs.join("main").exists());
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() {
    let (_cache, stub, settings) = bench();
    stub.route(&file_path("model.safetensors"), Route::BreaksOnce(weights(), 300_000));
    let folder = fetch_with(&settings).unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    let last = stub.requests().pop().unwrap();
    assert_eq!(last.headers["range"], "bytes=300000-");
}

#[test]
fn a_server_without_ranges_starts_over() {
    let (cache, stub, settings) = bench();
    stub.route(&file_path("model.safetensors"), Route::NoRanges(weights()));
    let blobs = cache.path().join("models--org--name/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let partial = format!("{}.axia.incomplete", sha256(&weights()));
    fs::write(blobs.join(partial), &weights()[..1000]).unwrap();
    let folder = fetch_with(&settings).unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), weights());
    assert_eq!(stub.requests().pop().unwrap().headers["range"], "bytes=1000-");
}

#[test]
fn a_whole_but_unnamed_blob_is_not_asked_for_again() {
    let (cache, stub, settings) = bench();
    let blobs = cache.path().join("models--org--name/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let partial = format!("{}.axia.incomplete", sha256(&weights()));
    fs::write(blobs.join(partial), weights()).unwrap();
    fetch_with(&settings).unwrap();
    assert!(!stub.paths().contains(&file_path("model.safetensors")));
}

#[test]
fn a_wrong_beginning_is_found_and_forgotten() {
    let (cache, _stub, settings) = bench();
    let blobs = cache.path().join("models--org--name/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let partial = blobs.join(format!("{}.axia.incomplete", sha256(&weights())));
    fs::write(&partial, [1; 1000]).unwrap();
    let error = fetch_with(&settings).unwrap_err();
    assert!(matches!(error, ModelError::WrongContent { .. }), "{error}");
    assert!(!partial.exists());
    assert!(cached(&id(), &settings).is_err());
    fetch_with(&settings).unwrap();
}

#[test]
fn a_busy_hub_is_asked_again() {
    let (_cache, stub, settings) = bench();
    stub.route(&file_path("config.json"), Route::StatusOnce(503, b"{}".to_vec()));
    fetch_with(&settings).unwrap();
    stub.route(LISTING, Route::Status(429, ""));
    let before = stub.paths().len();
    let text = fetch_with(&settings).unwrap_err().to_string();
    assert!(text.contains("HTTP status 429"), "{text}");
    assert_eq!(stub.paths().len() - before, 3);
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let (_cache, stub, mut settings) = bench();
    let elsewhere = Stub::new();
    elsewhere.route("/store/w", Route::Body(weights()));
    // Another name for the same interface, so that the host differs.
    let address = elsewhere.address.replace("127.0.0.1", "localhost");
    stub.route(&file_path("model.safetensors"), Route::Moved(format!("{address}/store/w")));
    settings.token = Token::new("hf_secret");
    fetch_with(&settings).unwrap();
    assert!(stub.requests().iter().all(|r| r.headers["authorization"] == "Bearer hf_secret"));
    let there = elsewhere.requests();
    assert_eq!(there.len(), 1);
    assert!(!there[0].headers.contains_key("authorization"));
}

#[test]
fn refusals_say_what_to_do() {
    let (_cache, stub, mut settings) = bench();
    stub.route(&file_path("config.json"), Route::Status(403, "GatedRepo"));
    let gated = fetch_with(&settings).unwrap_err().to_string();
    assert!(gated.contains("(HTTP 403): it is gated; log in at http"), "{gated}");
    assert!(gated.contains("set HF_TOKEN"), "{gated}");
    settings.token = Token::new("t");
    let known = fetch_with(&settings).unwrap_err().to_string();
    assert!(known.contains("your token's account has no access yet"), "{known}");

    stub.route(LISTING, Route::Status(401, "RepoNotFound"));
    let expired = fetch_with(&settings).unwrap_err().to_string();
    assert!(expired.contains("your token has expired or may not read it"), "{expired}");
    settings.token = None;
    let unknown = fetch_with(&settings).unwrap_err().to_string();
    assert!(unknown.contains("(HTTP 401): either there is no such model"), "{unknown}");

    stub.route(LISTING, Route::Status(404, "RevisionNotFound"));
    let revision = fetch_with(&settings).unwrap_err();
    assert!(revision.to_string().contains("has no revision `main` of org/name"), "{revision}");
    assert!(revision.is_usage());
    stub.route(LISTING, Route::Status(404, ""));
    let model = fetch_with(&settings).unwrap_err().to_string();
    assert!(model.contains("has no model org/name"), "{model}");
}

#[test]
fn unsuitable_repositories_say_what_is_missing() {
    let cache = tempfile::tempdir().unwrap();
    let stub = Stub::new();
    let settings = settings(cache.path(), &stub);
    let problem = |files: &[(&str, &[u8])]| {
        stub.repository(files);
        fetch_with(&settings).unwrap_err().to_string()
    };
    let base: [(&str, &[u8]); 2] = [("config.json", b"{}"), ("tokenizer.json", b"{}")];
    let text = problem(&base[..1]);
    assert!(text.contains("org/name cannot be used: the repository has no tokenizer.json"));
    let text = problem(&[base[0], base[1], ("pytorch_model.bin", b"")]);
    assert!(text.contains("no model.safetensors; look for a revision"), "{text}");
    let text = problem(&[base[0], base[1], ("x-Q4.gguf", b"")]);
    assert!(text.contains("as in org/name:x-Q4.gguf"), "{text}");
    let bad_index: &[u8] = br#"{"weight_map": {"a": "../../x"}}"#;
    let text = problem(&[base[0], base[1], ("model.safetensors.index.json", bad_index)]);
    assert!(text.contains("names the file \"../../x\""), "{text}");
}

#[test]
fn a_listing_without_hashes_is_refused() {
    let (_cache, stub, settings) = bench();
    let bare = ["config.json", "tokenizer.json", "model.safetensors"];
    let siblings = bare.iter().map(|name| json!({"rfilename": name})).collect();
    stub.route(LISTING, Route::Body(listing(siblings)));
    let text = fetch_with(&settings).unwrap_err().to_string();
    assert!(text.contains("no size and hash of config.json"), "{text}");
}

#[test]
fn offline_with_everything_there_needs_no_network() {
    let (cache, stub, mut settings) = bench();
    let folder = fetch_with(&settings).unwrap();
    drop(stub);
    settings.offline = Some("HF_HUB_OFFLINE");
    assert_eq!(fetch_with(&settings).unwrap(), folder);
    fs::remove_file(folder.join("tokenizer.json")).unwrap();
    fs::remove_dir_all(cache.path().join("models--org--name/blobs")).unwrap();
    let text = fetch_with(&settings).unwrap_err().to_string();
    assert!(
        text.contains("lacks config.json, tokenizer.json, model.safetensors of org/name"),
        "{text}"
    );
}

#[test]
fn no_network_names_the_address_and_is_not_tried_again() {
    let (_cache, stub, mut settings) = bench();
    drop(stub);
    settings.retry_pause = Duration::from_secs(100);
    let text = fetch_with(&settings).unwrap_err().to_string();
    assert!(text.contains(&format!("no connection to {}", settings.endpoint)), "{text}");
}

#[test]
fn cancelling_does_not_wait_for_a_silent_hub() {
    let (_cache, stub, settings) = bench();
    stub.route(&file_path("model.safetensors"), Route::Silence);
    let cancel = AtomicBool::new(false);
    let begun = Instant::now();
    let error = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stub.paths().contains(&file_path("model.safetensors"))
                && begun.elapsed() < Duration::from_secs(10)
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            cancel.store(true, Ordering::Relaxed);
        });
        fetch(&id(), &settings, &mut Watch::new(&mut Quiet, &cancel)).unwrap_err()
    });
    assert!(matches!(error, ModelError::Cancelled), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(9));
}

#[test]
fn a_silent_hub_counts_as_broken_after_a_while() {
    let (_cache, stub, mut settings) = bench();
    stub.route(LISTING, Route::Silence);
    settings.stall = Duration::from_millis(100);
    settings.retries = 1;
    let error = fetch_with(&settings).unwrap_err();
    assert!(matches!(error, ModelError::Unreachable { .. }), "{error}");
    assert_eq!(stub.paths().len(), 2);
}

#[test]
fn two_at_once_download_once() {
    let (_cache, stub, settings) = bench();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| fetch_with(&settings).unwrap());
        let folder = fetch_with(&settings).unwrap();
        assert_eq!(folder, other.join().unwrap());
    });
    let paths = stub.paths();
    assert_eq!(paths.iter().filter(|path| **path == file_path("model.safetensors")).count(), 1);
}

#[test]
fn content_that_is_not_what_the_hub_lists_is_refused() {
    let (cache, stub, settings) = bench();
    let mut wrong = weights();
    wrong[77] ^= 1;
    stub.route(&file_path("model.safetensors"), Route::Body(wrong));
    let text = fetch_with(&settings).unwrap_err().to_string();
    assert!(text.contains("model.safetensors of org/name has SHA-256"), "{text}");
    assert!(cached(&id(), &settings).is_err());
    stub.route(&file_path("tokenizer.json"), Route::Body(b"{\"t\": 2}".to_vec()));
    fs::remove_dir_all(cache.path().join("models--org--name")).unwrap();
    let text = fetch_with(&settings).unwrap_err().to_string();
    let expected = format!("where git hash {} was expected", git_hash(b"{\"t\": 1}"));
    assert!(text.contains("tokenizer.json of org/name has git hash"), "{text}");
    assert!(text.contains(&expected), "{text}");
    // As git itself has it.
    assert_eq!(git_hash(b"what is up, doc?"), "bd9dbf5aae1a3862dd1526723246b20206e5fc37");
    let blobs = fs::read_dir(cache.path().join("models--org--name/blobs")).unwrap();
    assert_eq!(blobs.count(), 1, "config.json alone was right");
}

#[test]
fn a_model_too_large_for_the_disk_is_not_begun() {
    let (_cache, stub, settings) = bench();
    let entry = |name: &str, bytes: u64| {
        json!({"rfilename": name, "size": bytes, "blobId": sha256(name.as_bytes()),
               "lfs": {"sha256": sha256(name.as_bytes()), "size": bytes, "pointerSize": 1}})
    };
    let small = [("config.json", &b"{}"[..]), ("tokenizer.json", b"{\"t\": 1}")];
    let mut siblings: Vec<_> = small
        .iter()
        .map(|(name, bytes)| json!({"rfilename": name, "size": bytes.len(), "blobId": git_hash(bytes)}))
        .collect();
    siblings.push(entry("model.safetensors", 1 << 60));
    stub.route(LISTING, Route::Body(listing(siblings)));
    let error = fetch_with(&settings).unwrap_err();
    assert!(matches!(error, ModelError::DiskFull { .. }), "{error}");
    assert!(error.to_string().contains("set HF_HUB_CACHE"), "{error}");
    assert!(!stub.paths().contains(&file_path("model.safetensors")));
}

#[test]
fn a_gguf_file_is_fetched_alone_and_found_again_offline() {
    let cache = tempfile::tempdir().unwrap();
    let stub = Stub::new();
    stub.repository(&[
        ("README.md", b"#"),
        ("m-Q4_K_M.gguf", b"GGUF four"),
        ("m-Q8_0.gguf", b"GGUF eight"),
    ]);
    let mut settings = settings(cache.path(), &stub);
    let fetched = |wanted: &str, settings: &HubSettings| {
        let id: HubId = format!("org/name:{wanted}").parse().unwrap();
        let cancel = AtomicBool::new(false);
        fetch(&id, settings, &mut Watch::new(&mut Quiet, &cancel))
    };
    let path = fetched("q8_0", &settings).unwrap();
    assert!(path.ends_with("m-Q8_0.gguf"), "{}", path.display());
    assert_eq!(fs::read(&path).unwrap(), b"GGUF eight");
    assert_eq!(stub.paths()[1..], [file_path("m-Q8_0.gguf")]);
    let error = fetched("Q2_K", &settings).unwrap_err().to_string();
    assert!(error.contains("`Q2_K`: there are m-Q4_K_M.gguf, m-Q8_0.gguf"), "{error}");
    settings.offline = Some("HF_HUB_OFFLINE");
    assert_eq!(fetched("m-Q8_0.gguf", &settings).unwrap(), path);
    let error = fetched("Q4_K_M", &settings).unwrap_err().to_string();
    assert!(error.contains("Q4_K_M") && error.contains("HF_HUB_OFFLINE"), "{error}");
}

#[test]
fn of_several_kinds_of_weights_safetensors_are_taken() {
    let cache = tempfile::tempdir().unwrap();
    let stub = Stub::new();
    let index: &[u8] = br#"{"weight_map": {"a": "model-1.safetensors"}}"#;
    stub.repository(&[
        ("config.json", b"{}"),
        ("tokenizer.json", b"{\"t\": 1}"),
        ("model-Q4_K_M.gguf", b"GGUF"),
        ("pytorch_model.bin", b"pickle"),
        ("model.safetensors.index.json", index),
        ("model-1.safetensors", b"shard"),
        ("model.safetensors", b"whole"),
    ]);
    let folder = fetch_with(&settings(cache.path(), &stub)).unwrap();
    assert_eq!(fs::read(folder.join("model.safetensors")).unwrap(), b"whole");
    let fetched: Vec<String> = stub.paths().into_iter().skip(1).collect();
    let expected = ["config.json", "tokenizer.json", "model.safetensors"].map(file_path);
    assert_eq!(fetched, expected);
}
