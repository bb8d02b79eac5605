//! What a model argument means.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use axia::models::{
    ModelError, ModelLocation, ModelReference, Quiet, Settings, Watch, identify, known_models,
    model_path, resolve,
};

fn settings(home: &Path) -> Settings {
    Settings::from_variables(|name| match name {
        "HOME" => Some(home.into()),
        "HF_HUB_OFFLINE" => Some(OsString::from("1")),
        _ => None,
    })
    .unwrap()
}

fn identify_in(home: &Path, argument: &str) -> Result<ModelReference, ModelError> {
    identify(argument, &settings(home))
}

fn problem(home: &Path, argument: &str) -> String {
    identify_in(home, argument).unwrap_err().to_string()
}

#[test]
fn existing_paths_come_first() {
    let home = tempfile::tempdir().unwrap();
    let model = home.path().join("model");
    fs::create_dir(&model).unwrap();
    fs::write(model.join("config.json"), "{}").unwrap();
    let gguf = home.path().join("m.GGUF");
    fs::write(&gguf, "").unwrap();
    let blob = home.path().join("5a5a");
    fs::write(&blob, "GGUF\x03").unwrap();

    let local = |argument: &str| match identify_in(home.path(), argument).unwrap() {
        ModelReference::Local(location) => location,
        other => panic!("{other:?}"),
    };
    assert_eq!(local(model.to_str().unwrap()), ModelLocation::Folder(model.clone()));
    assert_eq!(local("~/model"), ModelLocation::Folder(model));
    assert_eq!(local(gguf.to_str().unwrap()), ModelLocation::Gguf(gguf));
    assert_eq!(local(blob.to_str().unwrap()), ModelLocation::Gguf(blob));
}

#[test]
fn what_is_there_but_no_model_says_what_to_give() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("f");
    fs::create_dir(&folder).unwrap();
    assert!(problem(home.path(), "~/f").contains("has no config.json"));
    fs::write(folder.join("x.gguf"), "").unwrap();
    assert!(problem(home.path(), "~/f").contains("give the file x.gguf"));
    fs::write(folder.join("w.safetensors"), "").unwrap();
    assert!(problem(home.path(), "~/f/w.safetensors").contains("give the folder"));
    fs::write(folder.join("notes.txt"), "hello").unwrap();
    assert!(problem(home.path(), "~/f/notes.txt").contains("expected a .gguf file"));
}

#[test]
fn paths_that_do_not_exist_are_not_taken_for_hub_ids() {
    let home = tempfile::tempdir().unwrap();
    for argument in [
        "./model",
        "../model",
        "/no/such",
        "~/nothing",
        "models/",
        "a/b/c",
        "m.gguf",
        "org/m.gguf",
        "x\\y",
        "w.safetensors",
    ] {
        let error = identify_in(home.path(), argument).unwrap_err();
        assert!(matches!(error, ModelError::NoSuchPath(_)), "{argument}: {error}");
        assert!(error.is_usage());
    }
}

#[test]
fn known_names_and_hub_ids() {
    let home = tempfile::tempdir().unwrap();
    for name in ["smollm2-135m-instruct", "SmolLM2-135M-Instruct"] {
        let found = identify_in(home.path(), name).unwrap();
        assert_eq!(found, ModelReference::Known(&known_models()[0]));
    }
    let ModelReference::Hub(id) = identify_in(home.path(), "Qwen/Qwen3-8B@v1").unwrap() else {
        panic!("no hub id");
    };
    assert_eq!((id.repository(), id.revision()), ("Qwen/Qwen3-8B", "v1"));
    let with_slashes = identify_in(home.path(), "Qwen/Qwen3-8B@refs/pr/1").unwrap();
    assert!(matches!(with_slashes, ModelReference::Hub(_)));
    for file in ["Q4_K_M", "model-Q4_K_M.gguf"] {
        let found = identify_in(home.path(), &format!("org/name@v1:{file}")).unwrap();
        assert!(matches!(found, ModelReference::Hub(id) if id.file() == Some(file)));
    }
    assert!(problem(home.path(), "org/na me").contains("is no hub id"));
}

#[test]
fn unknown_words_get_the_list_and_the_nearest_name() {
    let home = tempfile::tempdir().unwrap();
    let near = problem(home.path(), "smollm-135m-instruct");
    assert!(near.contains("did you mean `smollm2-135m-instruct`?"), "{near}");
    let far = problem(home.path(), "zebra");
    assert!(!far.contains("did you mean"), "{far}");
    assert!(far.contains("known: smollm2-135m-instruct"), "{far}");
}

#[test]
fn resolving_a_known_model_that_is_present_needs_no_pip() {
    let home = tempfile::tempdir().unwrap();
    let settings = Settings { pip: Vec::new(), ..settings(home.path()) };
    let model = &known_models()[0];
    let path = model_path(model, &settings);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(&path).unwrap().set_len(model.bytes).unwrap();
    let cancel = AtomicBool::new(false);
    let found = resolve(model.name, &settings, &mut Watch::new(&mut Quiet, &cancel)).unwrap();
    assert_eq!(found, ModelLocation::Gguf(path));
}

#[test]
fn a_hub_id_offline_says_what_is_missing() {
    let home = tempfile::tempdir().unwrap();
    let cancel = AtomicBool::new(false);
    let mut quiet = Quiet;
    let mut watch = Watch::new(&mut quiet, &cancel);
    let settings = settings(home.path());
    let text = resolve("org/name", &settings, &mut watch).unwrap_err().to_string();
    assert!(text.contains("HF_HUB_OFFLINE forbids downloads"), "{text}");
    assert!(text.contains("lacks every file of org/name"), "{text}");
}
