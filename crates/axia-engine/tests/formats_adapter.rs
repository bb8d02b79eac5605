//! PEFT adapter folders.

use std::fs;
use std::path::{Path, PathBuf};

use axia_engine::adapter::{Adapter, AdapterError, LoraConfig, LoraTensors, TargetModules};
use axia_engine::checkpoint_files::HfFolder;
use axia_engine::config::ModelConfig;
use serde_json::{Value, json};

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny").join(path)
}

fn model(name: &str) -> ModelConfig {
    ModelConfig::from_folder(&HfFolder::new(&fixture(name).join("model"))).unwrap()
}

/// A copy of the llama adapter with one option changed.
fn changed(field: &str, value: Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let original = fixture("llama/adapter");
    fs::copy(
        original.join("adapter_model.safetensors"),
        folder.path().join("adapter_model.safetensors"),
    )
    .unwrap();
    let text = fs::read_to_string(original.join("adapter_config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config[field] = value;
    fs::write(folder.path().join("adapter_config.json"), config.to_string()).unwrap();
    folder
}

fn refusal(field: &str, value: Value) -> String {
    Adapter::read(changed(field, value).path()).unwrap_err().to_string()
}

#[test]
fn peft_folders_are_read() {
    let adapter = Adapter::read(&fixture("llama/adapter")).unwrap();
    assert_eq!((adapter.config.r, adapter.config.alpha), (4, 8.0));
    assert_eq!(adapter.config.base_model.as_deref(), Some("../model"));
    assert_eq!(adapter.config.target_modules, TargetModules::every_linear_layer());
    assert_eq!(adapter.modules.len(), 21);
    assert!(adapter.modules.is_sorted_by(|one, other| one.module < other.module));
    let down = &adapter.modules[0];
    assert_eq!(down.module, "model.layers.0.mlp.down_proj");
    assert_eq!((down.r, down.inputs, down.outputs, down.scale), (4, 96, 64, 2.0));
    assert_eq!((down.a.len(), down.b.len()), (4 * 96, 64 * 4));

    let bytes = fs::read(fixture("llama/adapter/adapter_model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let key = "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight";
    let stored: Vec<u8> = down.b.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(file.tensor(key).unwrap().data(), stored);

    let rslora = Adapter::read(&fixture("llama/adapter_rslora")).unwrap();
    assert_eq!((rslora.config.use_rslora, rslora.modules[0].scale), (true, 4.0));
}

#[test]
fn adapters_fit_their_models_and_no_others() {
    for name in ["llama", "llama_tied", "llama_rope3", "falcon3", "sharded_bf16"] {
        let adapter = Adapter::read(&fixture(name).join("adapter")).unwrap();
        adapter.check_fits(&model(name), "adapter", name).unwrap();
    }
    let adapter = Adapter::read(&fixture("llama/adapter")).unwrap();
    let misfit = |model: &ModelConfig, adapter: &Adapter| {
        adapter.check_fits(model, "my-adapter", "my-model").unwrap_err().to_string()
    };
    let mut wide = model("llama");
    wide.ffn_size = 128;
    let message = misfit(&wide, &adapter);
    assert!(
        message.starts_with("adapter `my-adapter` does not fit model `my-model`: "),
        "{message}"
    );
    assert!(
        message.contains(
            "`model.layers.0.mlp.down_proj` takes 96 values and gives 64 in the adapter, 128 and 64"
        ),
        "{message}"
    );
    let mut shallow = model("llama");
    shallow.layers = 2;
    assert!(misfit(&shallow, &adapter).contains("no linear layer `model.layers.2."));
    let mut deep = model("llama");
    deep.layers = 4;
    assert!(misfit(&deep, &adapter).contains("target `model.layers.3."));
    let mut partial = adapter.clone();
    partial.modules.remove(3);
    assert!(misfit(&model("llama"), &partial).contains("has no tensors"));
}

#[test]
fn what_an_adapter_changes_for_images_does_not_matter_to_texts() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/options");
    let folder = fixtures.join("gemma3_images");
    let config = ModelConfig::from_folder(&HfFolder::new(&folder.join("model"))).unwrap();
    let mut adapter = Adapter::read(&folder.join("adapter")).unwrap();
    let seen =
        |module: &str| LoraTensors { module: module.to_owned(), ..adapter.modules[0].clone() };
    let images = [
        seen("model.vision_tower.vision_model.encoder.layers.0.self_attn.q_proj"),
        seen("vision_tower.vision_model.encoder.layers.0.self_attn.q_proj"),
    ];
    adapter.modules.extend(images);
    adapter.check_fits(&config, "a", "m").unwrap();
    // A model of text alone has no such layers.
    let mut of_text = config;
    of_text.options.with_images = false;
    assert!(adapter.check_fits(&of_text, "a", "m").is_err());
}

#[test]
fn what_is_changed_outside_the_blocks_is_named() {
    for layer in ["lm_head", "embed_tokens"] {
        let folder = changed("r", json!(4));
        let name = format!("base_model.model.{layer}.base_layer.weight");
        let bytes = safetensors_with(&[(&name, vec![1])]);
        fs::write(folder.path().join("adapter_model.safetensors"), bytes).unwrap();
        let message = Adapter::read(folder.path()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("changes `{layer}`, which is not supported")),
            "{message}"
        );
    }
}

#[test]
fn targets_may_be_a_pattern_or_everything() {
    for targets in [json!("all-linear"), json!(r".*_proj")] {
        let adapter = Adapter::read(changed("target_modules", targets).path()).unwrap();
        adapter.check_fits(&model("llama"), "a", "m").unwrap();
    }
    let folder = changed("target_modules", json!("["));
    let adapter = Adapter::read(folder.path()).unwrap();
    let error = adapter.check_fits(&model("llama"), "a", "m").unwrap_err();
    assert!(matches!(error, AdapterError::Pattern { .. }), "{error}");
}

#[test]
fn targets_may_be_confined() {
    type Targeted = fn(&str) -> bool;
    let cases: [(&str, Value, Targeted); 5] = [
        ("layers_to_transform", json!(1), |module| module.contains(".1.")),
        ("layers_to_transform", json!([0, 2]), |module| !module.contains(".1.")),
        ("exclude_modules", json!(["q_proj"]), |module| !module.ends_with("q_proj")),
        ("exclude_modules", json!(r".*\.mlp\..*"), |module| module.contains("self_attn")),
        ("target_modules", json!(["W_pack", "q_proj"]), |module| module.ends_with("q_proj")),
    ];
    for (field, value, targeted) in cases {
        let mut adapter = Adapter::read(changed(field, value.clone()).path()).unwrap();
        let check = |adapter: &Adapter| adapter.check_fits(&model("llama"), "a", "m");
        let message = check(&adapter).unwrap_err().to_string();
        assert!(message.contains("which its settings do not target"), "{value}: {message}");
        adapter.modules.retain(|module| targeted(&module.module));
        check(&adapter).unwrap_or_else(|e| panic!("{value}: {e}"));
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy");
        adapter.write(&copy, "").unwrap();
        assert!(Adapter::read(&copy).unwrap() == adapter, "{value}");
    }
    let folder = changed("target_modules", json!("all-linear"));
    let path = folder.path().join("adapter_config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["layers_to_transform"] = json!([1]);
    fs::write(&path, config.to_string()).unwrap();
    let message = Adapter::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("`layers_to_transform` = [1] with `target_modules`"), "{message}");
}

#[test]
fn silence_means_rank_and_alpha_eight() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter_config.json");
    fs::write(&path, r#"{"peft_type": "LORA", "target_modules": ["q_proj"]}"#).unwrap();
    let config = LoraConfig::read(&path).unwrap();
    assert_eq!((config.r, config.alpha, config.use_rslora), (8, 8.0, false));
    assert_eq!(config.scale_of("model.layers.0.self_attn.q_proj").unwrap(), 1.0);
}

#[test]
fn options_that_are_not_supported_are_named() {
    for (field, value) in [
        ("use_dora", json!(true)),
        ("modules_to_save", json!(["lm_head"])),
        ("bias", json!("all")),
        ("fan_in_fan_out", json!(true)),
        ("lora_bias", json!(true)),
        ("use_qalora", json!(true)),
        ("layer_replication", json!([[0, 4], [2, 5]])),
        ("trainable_token_indices", json!([1])),
        ("init_lora_weights", json!("pissa_niter_4")),
        ("peft_type", json!("LOHA")),
        ("task_type", json!("SEQ_CLS")),
        ("some_later_switch", json!(true)),
    ] {
        let message = refusal(field, value);
        assert!(message.contains(&format!("`{field}` = ")), "{message}");
    }
    for (field, value) in [
        ("init_lora_weights", json!("gaussian")),
        ("modules_to_save", json!([])),
        ("some_later_number", json!(16)),
        ("task_type", Value::Null),
    ] {
        assert!(Adapter::read(changed(field, value).path()).is_ok(), "{field}");
    }
}

#[test]
fn numbers_that_make_no_sense_are_named() {
    for (field, value) in [
        ("r", json!(0)),
        ("r", json!(1_000_000)),
        ("lora_alpha", json!(-1)),
        ("lora_dropout", json!(1.5)),
        ("rank_pattern", json!({"q_proj": 0})),
        ("alpha_pattern", json!({"q_proj": 0.0})),
        ("target_modules", json!(7)),
        ("exclude_modules", json!([7])),
        ("layers_to_transform", json!("1")),
        ("layers_to_transform", json!([-1])),
        ("target_modules", Value::Null),
    ] {
        let message = refusal(field, value);
        assert!(message.contains(&format!("`{field}")), "{field}: {message}");
    }
    let rank = refusal("r", json!(5));
    assert!(rank.contains("has rank 4 and its pair 4, but adapter_config.json says 5"), "{rank}");
    let pattern = refusal("rank_pattern", json!({"layers.1.self_attn.q_proj": 2}));
    assert!(
        pattern.contains("layers.1.self_attn.q_proj.lora_A") && pattern.contains("says 2"),
        "{pattern}"
    );
}

fn safetensors_with(keys: &[(&str, Vec<usize>)]) -> Vec<u8> {
    let bytes = vec![0; 4096];
    let views = keys.iter().map(|(key, shape)| {
        let length = 4 * shape.iter().product::<usize>();
        let view = safetensors::tensor::TensorView::new(
            safetensors::Dtype::F32,
            shape.clone(),
            &bytes[..length],
        );
        (*key, view.unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn broken_pairs_are_named() {
    let folder = changed("r", json!(4));
    let refusal = |keys: &[(&str, Vec<usize>)]| {
        fs::write(folder.path().join("adapter_model.safetensors"), safetensors_with(keys)).unwrap();
        Adapter::read(folder.path()).unwrap_err().to_string()
    };
    let a = "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight";
    let b = "base_model.model.model.layers.0.mlp.up_proj.lora_B.weight";
    assert!(refusal(&[(a, vec![4, 8])]).contains("`.lora_B.weight`"));
    assert!(refusal(&[(b, vec![8, 4])]).contains("`.lora_A.weight`"));
    assert!(refusal(&[(a, vec![4, 8]), (b, vec![8, 3])]).contains("its pair 3"));
    assert!(refusal(&[(a, vec![32]), (b, vec![8, 4])]).contains("shapes [32]"));
    let other = refusal(&[("base_model.model.score.weight", vec![2, 2])]);
    assert!(
        other.contains("`base_model.model.score.weight`")
            && other.contains("not part of a LoRA pair"),
        "{other}"
    );
}

#[test]
fn folders_without_files_are_no_adapters() {
    let folder = tempfile::tempdir().unwrap();
    let message = Adapter::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("no adapter_config.json"), "{message}");
    fs::copy(
        fixture("llama/adapter/adapter_config.json"),
        folder.path().join("adapter_config.json"),
    )
    .unwrap();
    fs::write(folder.path().join("adapter_model.bin"), "").unwrap();
    let message = Adapter::read(folder.path()).unwrap_err().to_string();
    assert!(
        message.contains("no adapter_model.safetensors; convert its adapter_model.bin"),
        "{message}"
    );
}

fn small_adapter() -> Adapter {
    let mut config = LoraConfig::uniform(2, 4.0);
    config.base_model = Some("org/model".to_owned());
    config.rank_pattern = vec![("up_proj".to_owned(), 1)];
    let module = |name: &str, r: usize, scale: f64| LoraTensors {
        module: name.to_owned(),
        r,
        inputs: 3,
        outputs: 5,
        scale,
        a: (0..3 * r).map(|i| i as f32 * 0.5).collect(),
        b: (0..5 * r).map(|i| -(i as f32)).collect(),
    };
    Adapter {
        config,
        modules: vec![
            module("model.layers.0.mlp.down_proj", 2, 2.0),
            module("model.layers.0.mlp.up_proj", 1, 4.0),
        ],
    }
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/down/adapter");
    let adapter = small_adapter();
    adapter.write(&path, "# Card\n").unwrap();
    assert_eq!(Adapter::read(&path).unwrap(), adapter);
    assert_eq!(fs::read_to_string(path.join("README.md")).unwrap(), "# Card\n");
    // Nothing else is left behind.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

    let config: Value =
        serde_json::from_slice(&fs::read(path.join("adapter_config.json")).unwrap()).unwrap();
    for (field, value) in [
        ("peft_type", json!("LORA")),
        ("task_type", json!("CAUSAL_LM")),
        ("base_model_name_or_path", json!("org/model")),
        ("r", json!(2)),
        ("lora_alpha", json!(4)),
        ("bias", json!("none")),
        ("fan_in_fan_out", json!(false)),
        ("inference_mode", json!(true)),
        ("use_rslora", json!(false)),
        ("use_dora", json!(false)),
        ("modules_to_save", Value::Null),
        ("rank_pattern", json!({"up_proj": 1})),
        ("alpha_pattern", json!({})),
    ] {
        assert_eq!(config[field], value, "{field}");
        assert!(config.as_object().unwrap().contains_key(field), "{field}");
    }

    let bytes = fs::read(path.join("adapter_model.safetensors")).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(metadata.metadata().as_ref().unwrap()["format"], "pt");
    let keys = metadata.offset_keys();
    assert_eq!(keys[0], "base_model.model.model.layers.0.mlp.down_proj.lora_A.weight");
    assert!(keys.is_sorted());
}

#[test]
fn equal_adapters_give_equal_bytes_and_replace_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let adapter = small_adapter();
    adapter.write(&one, "card").unwrap();
    let mut reversed = adapter.clone();
    reversed.modules.reverse();
    reversed.write(&two, "card").unwrap();
    for file in ["adapter_config.json", "adapter_model.safetensors", "README.md"] {
        assert_eq!(fs::read(one.join(file)).unwrap(), fs::read(two.join(file)).unwrap(), "{file}");
    }
    let mut other = adapter;
    other.config.use_rslora = true;
    other.write(&one, "new card").unwrap();
    assert_eq!(fs::read_to_string(one.join("README.md")).unwrap(), "new card");
    assert!(Adapter::read(&one).unwrap().config.use_rslora);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn nothing_but_adapters_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "years of work").unwrap();
    let error = small_adapter().write(folder.path(), "").unwrap_err();
    assert!(matches!(error, AdapterError::Occupied { .. }), "{error}");
    let file = folder.path().join("thesis.tex");
    assert!(small_adapter().write(&file, "").is_err());
    assert_eq!(fs::read_to_string(file).unwrap(), "years of work");

    let mut wrong = small_adapter();
    wrong.modules[0].a.pop();
    let path = folder.path().join("new");
    let message = wrong.write(&path, "").unwrap_err().to_string();
    assert!(message.contains("down_proj.lora_A.weight"), "{message}");
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn folders_are_as_readable_as_any() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("adapter");
    let plain = folder.path().join("plain");
    small_adapter().write(&path, "").unwrap();
    fs::create_dir(&plain).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&path), mode(&plain));
}

#[test]
fn half_precision_is_widened() {
    let folder = tempfile::tempdir().unwrap();
    let config = r#"{"peft_type": "LORA", "r": 1, "lora_alpha": 2, "target_modules": ["up_proj"]}"#;
    fs::write(folder.path().join("adapter_config.json"), config).unwrap();
    let (a, b) = ([0x00, 0x3e, 0x00, 0xc0], [0x80, 0x3f]);
    let view =
        |dtype, shape, bytes| safetensors::tensor::TensorView::new(dtype, shape, bytes).unwrap();
    let module = "base_model.model.model.layers.0.mlp.up_proj";
    let tensors = [
        (format!("{module}.lora_A.weight"), view(safetensors::Dtype::F16, vec![1, 2], &a)),
        (format!("{module}.lora_B.weight"), view(safetensors::Dtype::BF16, vec![1, 1], &b)),
    ];
    fs::write(
        folder.path().join("adapter_model.safetensors"),
        safetensors::serialize(tensors, None).unwrap(),
    )
    .unwrap();
    let adapter = Adapter::read(folder.path()).unwrap();
    assert_eq!(
        (adapter.modules[0].a.as_slice(), adapter.modules[0].b.as_slice()),
        ([1.5, -2.0].as_slice(), [1.0].as_slice())
    );
}
