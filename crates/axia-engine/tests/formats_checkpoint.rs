//! Weights in Hugging Face folders and GGUF files, under one set of names.

use std::fs;
use std::path::{Path, PathBuf};

use axia_engine::checkpoint_files::{CheckpointError, DType, HfFolder, SafetensorsFile};
use axia_engine::gguf::{GgufFile, GgufWriter, MetadataValue};
use axia_engine::weights::{ModelFiles, TensorSource};
use half::bf16;
use proptest::prelude::*;
use serde_json::json;

const Q_PROJ: &str = "model.layers.0.self_attn.q_proj.weight";

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny").join(path)
}

/// A safetensors file from a header and data.
fn safetensors(header: &serde_json::Value, data: &[u8]) -> Vec<u8> {
    let header = header.to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
}

fn open_bytes(bytes: &[u8]) -> Result<SafetensorsFile, CheckpointError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    fs::write(&path, bytes).unwrap();
    SafetensorsFile::open(&path)
}

fn refusal(bytes: &[u8]) -> String {
    open_bytes(bytes).unwrap_err().to_string()
}

#[test]
fn a_single_file_is_read() {
    let model = ModelFiles::open(&fixture("llama/model")).unwrap();
    let config = model.config().unwrap();
    let tensors = model.tensors(&config).unwrap();
    assert_eq!(tensors.names().count(), 3 + 3 * 9);
    let embedding = tensors.tensor_of_shape("model.embed_tokens.weight", &[320, 64]).unwrap();
    assert_eq!((embedding.dtype(), embedding.rows(), embedding.columns()), (DType::F32, 320, 64));
    let widened = embedding.to_f32().unwrap();
    assert_eq!(embedding.as_f32_slice().unwrap(), widened);
    let mut rows = vec![0.0; 2 * 64];
    embedding.dequantize_rows(7..9, &mut rows).unwrap();
    assert_eq!(rows, widened[7 * 64..9 * 64]);
    let norm = tensors.tensor("model.norm.weight").unwrap();
    assert_eq!((norm.rows(), norm.columns()), (1, 64));
}

#[test]
fn released_pages_come_back() {
    let model = ModelFiles::open(&fixture("llama/model")).unwrap();
    let tensors = model.tensors(&model.config().unwrap()).unwrap();
    let embedding = tensors.tensor("model.embed_tokens.weight").unwrap();
    embedding.will_need();
    let before = embedding.to_f32().unwrap();
    embedding.release_pages();
    assert_eq!(embedding.to_f32().unwrap(), before);
}

#[test]
fn shards_are_joined_and_widened() {
    let folder = fixture("sharded_bf16/model");
    let model = ModelFiles::open(&folder).unwrap();
    let tensors = model.tensors(&model.config().unwrap()).unwrap();
    assert_eq!(tensors.names().count(), 3 + 3 * 9);
    for (name, shape) in [("lm_head.weight", [320, 64]), (Q_PROJ, [64, 64])] {
        let tensor = tensors.tensor_of_shape(name, &shape).unwrap();
        assert_eq!(tensor.dtype(), DType::BF16);
        assert!(tensor.as_f32_slice().is_none());
        let expected: Vec<f32> = tensor
            .bytes()
            .chunks(2)
            .map(|bytes| bf16::from_le_bytes([bytes[0], bytes[1]]).to_f32())
            .collect();
        assert_eq!(tensor.to_f32().unwrap(), expected);
    }
    let shards: std::collections::BTreeSet<_> =
        tensors.names().map(|name| tensors.tensor(name).unwrap().path().to_owned()).collect();
    assert_eq!(shards.len(), 2);
}

#[test]
fn wrong_requests_name_file_and_tensor() {
    let folder = HfFolder::new(&fixture("llama/model"));
    let tensors = TensorSource::from_folder(&folder).unwrap();
    let missing = tensors.tensor("model.layers.0.self_attn.q_prj.weight").unwrap_err().to_string();
    assert!(
        missing.contains("llama/model` has no tensor `model.layers.0.self_attn.q_prj.weight`"),
        "{missing}"
    );
    assert!(missing.contains(&format!("did you mean `{Q_PROJ}`?")), "{missing}");
    let shape = tensors.tensor_of_shape(Q_PROJ, &[64, 32]).unwrap_err().to_string();
    assert!(shape.contains("[64, 64]") && shape.contains("[64, 32]"), "{shape}");
    let tensor = tensors.tensor(Q_PROJ).unwrap();
    let mut out = vec![0.0; 64];
    for rows in [64..65, 0..2, 1..1] {
        let message = tensor.dequantize_rows(rows, &mut out).unwrap_err().to_string();
        assert!(message.contains(Q_PROJ), "{message}");
    }
    assert!(tensor.dequantize_into(&mut out).is_err());
}

#[test]
fn incomplete_folders_are_refused() {
    let empty = tempfile::tempdir().unwrap();
    let refusal =
        |folder: &Path| TensorSource::from_folder(&HfFolder::new(folder)).unwrap_err().to_string();
    assert!(refusal(empty.path()).contains("neither model.safetensors nor"));
    fs::write(empty.path().join("pytorch_model.bin"), "").unwrap();
    assert!(refusal(empty.path()).contains("convert its PyTorch weights"));

    let sharded = tempfile::tempdir().unwrap();
    for name in ["model.safetensors.index.json", "model-00001-of-00002.safetensors"] {
        fs::copy(fixture("sharded_bf16/model").join(name), sharded.path().join(name)).unwrap();
    }
    let missing = refusal(sharded.path());
    assert!(missing.contains("shard `model-00002-of-00002.safetensors`"), "{missing}");
    assert!(missing.contains("model.safetensors.index.json"), "{missing}");

    let (one, two) = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
    fs::copy(sharded.path().join(one), sharded.path().join(two)).unwrap();
    let wrong = refusal(sharded.path());
    assert!(wrong.contains(two) && wrong.contains("has no tensor `"), "{wrong}");
}

#[test]
fn an_index_stays_in_its_folder() {
    for shard in ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "..", ""] {
        let folder = tempfile::tempdir().unwrap();
        let index = json!({"weight_map": {"x": shard}}).to_string();
        fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
        let error = HfFolder::new(folder.path()).open_weights().unwrap_err();
        assert!(matches!(error, CheckpointError::ShardName { .. }), "{shard}: {error}");
    }
}

#[test]
fn neither_folder_nor_gguf_is_no_model() {
    let error = ModelFiles::open(Path::new("nowhere")).unwrap_err().to_string();
    assert!(error.contains("cannot open `nowhere`"), "{error}");
    let weights = fixture("llama/model/model.safetensors");
    let error = ModelFiles::open(&weights).unwrap_err().to_string();
    assert!(error.contains("model.safetensors` is not a model"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.gguf");
    fs::write(&path, "").unwrap();
    let error = ModelFiles::open(&path).unwrap_err().to_string();
    assert!(error.contains("empty.gguf` is not a sound GGUF file"), "{error}");
}

#[test]
fn headers_are_checked() {
    assert!(refusal(b"").contains("shorter than 8 bytes"));
    assert!(refusal(b"short").contains("shorter than 8 bytes"));
    let long = refusal(&[&1000_u64.to_le_bytes(), b"{}".as_slice()].concat());
    assert!(long.contains("1000 bytes long, but only 2 follow"), "{long}");
    assert!(refusal(&[&[255; 8], b"{}".as_slice()].concat()).contains("only 2 follow"));
    assert!(refusal(&safetensors(&json!([]), &[])).contains("not a JSON object"));
    let entry = |dtype: &str, shape: &[u64], offsets: &[u64]| {
        let header = json!({"__metadata__": {"format": "pt"}, "t": {"dtype": dtype, "shape": shape, "data_offsets": offsets}});
        safetensors(&header, &[0; 8])
    };
    assert!(open_bytes(&entry("F32", &[2, 1], &[0, 8])).is_ok());
    for (dtype, shape, offsets, problem) in [
        ("F32", vec![3], vec![0, 8], "tensor `t` has shape [3] of F32"),
        ("F32", vec![u64::MAX, u64::MAX], vec![0, 8], "tensor `t` has shape"),
        ("F32", vec![0, u64::MAX, u64::MAX, 1], vec![0, 0], "tensor `t` has shape"),
        ("F32", vec![4], vec![0, 16], "tensor `t` should lie at bytes 0 to 16"),
        ("F32", vec![1], vec![8, 4], "tensor `t` should lie at bytes 8 to 4"),
        ("F32", vec![1], vec![u64::MAX, u64::MAX], "tensor `t` should lie"),
        ("F32", vec![1], vec![0], "tensor `t` has `data_offsets` that are not"),
    ] {
        let message = refusal(&entry(dtype, &shape, &offsets));
        assert!(message.contains(problem), "{message}");
    }
}

#[test]
fn tensors_fill_the_file_one_behind_the_other() {
    let file = |places: [[u64; 2]; 2], bytes: usize| {
        let entry = |place: [u64; 2]| json!({"dtype": "F32", "shape": [(place[1] - place[0]) / 4], "data_offsets": place});
        let header = json!({"a": entry(places[0]), "b": entry(places[1])});
        safetensors(&header, &vec![0; bytes])
    };
    assert!(open_bytes(&file([[0, 4], [4, 12]], 12)).is_ok());
    assert!(open_bytes(&file([[8, 12], [0, 8]], 12)).is_ok(), "in any order of names");
    assert!(open_bytes(&file([[0, 4], [4, 4]], 4)).is_ok(), "an empty one");
    for (places, bytes, problem) in [
        (
            [[0, 4], [8, 12]],
            12,
            "tensor `b` begins at byte 8 of the data, but what is before it ends at 4",
        ),
        ([[0, 8], [4, 12]], 12, "tensor `b` begins at byte 4"),
        ([[4, 8], [8, 12]], 12, "tensor `a` begins at byte 4"),
        ([[0, 4], [4, 8]], 11, "3 bytes follow its last tensor"),
    ] {
        let message = refusal(&file(places, bytes));
        assert!(message.contains(problem), "{message}");
    }
}

#[test]
fn one_file_of_all_weights_comes_before_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let weights = "model.safetensors";
    fs::copy(fixture("llama/model").join(weights), folder.path().join(weights)).unwrap();
    let index = json!({"weight_map": {"x": "model-00001-of-00002.safetensors"}}).to_string();
    fs::write(folder.path().join("model.safetensors.index.json"), index).unwrap();
    let tensors = TensorSource::from_folder(&HfFolder::new(folder.path())).unwrap();
    assert!(tensors.contains(Q_PROJ) && !tensors.contains("x"));
}

#[test]
fn other_types_are_errors_only_for_those_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let header = json!({
        "ids": {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]},
        "w": {"dtype": "F16", "shape": [2], "data_offsets": [8, 12]},
    });
    let bytes = safetensors(&header, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3e, 0, 0x7c]);
    fs::write(folder.path().join("model.safetensors"), bytes).unwrap();
    let tensors = TensorSource::from_folder(&HfFolder::new(folder.path())).unwrap();
    assert!(tensors.contains("ids"));
    let message = tensors.tensor("ids").unwrap_err().to_string();
    assert!(message.contains("tensor `ids`") && message.contains("I64"), "{message}");
    // The second half is infinity.
    let weights = tensors.tensor("w").unwrap();
    let mut values = [0.0; 2];
    weights.dequantize_rows(0..1, &mut values).unwrap();
    assert_eq!(values, [1.5, f32::INFINITY]);
    let message = weights.to_f32().unwrap_err().to_string();
    assert!(message.contains("tensor `w`") && message.contains("inf at index 1"), "{message}");
}

/// A GGUF file whose query projection holds its own row numbers, in stored order.
fn numbered_gguf(folder: &Path) -> GgufFile {
    let (hidden, heads, kv_heads) = (8_usize, 2_usize, 1_usize);
    let head_dim = hidden / heads;
    let rows = |count: usize| -> Vec<f32> {
        (0..count).flat_map(|row| vec![row as f32; hidden]).collect()
    };
    let number = |value: usize| MetadataValue::U32(value as u32);
    let bytes = GgufWriter::new()
        .entry("general.architecture", MetadataValue::String("llama".to_owned()))
        .entry("llama.embedding_length", number(hidden))
        .entry("llama.block_count", number(1))
        .entry("llama.attention.head_count", number(heads))
        .entry("llama.attention.head_count_kv", number(kv_heads))
        .entry("llama.feed_forward_length", number(16))
        .entry("llama.context_length", number(64))
        .entry("llama.attention.layer_norm_rms_epsilon", MetadataValue::F32(1e-5))
        .tensor_f32("token_embd.weight", &[3, hidden], &rows(3))
        .tensor_f32("blk.0.attn_q.weight", &[hidden, hidden], &rows(hidden))
        .tensor_f32("blk.0.attn_k.weight", &[head_dim, hidden], &rows(head_dim))
        .tensor_f32("blk.0.attn_v.weight", &[head_dim, hidden], &rows(head_dim))
        .tensor("odd", &[256], DType::IQ2_XS, vec![0; 74])
        .to_bytes();
    let path = folder.join("numbered.gguf");
    fs::write(&path, bytes).unwrap();
    GgufFile::open(&path).unwrap()
}

#[test]
fn rotary_rows_come_in_half_split_order() {
    let folder = tempfile::tempdir().unwrap();
    let model = ModelFiles::Gguf(numbered_gguf(folder.path()));
    let config = model.config().unwrap();
    assert_eq!((config.vocab_size, config.head_dim, config.tied_embeddings), (3, 4, true));
    let tensors = model.tensors(&config).unwrap();
    let first_column = |name: &str| -> Vec<f32> {
        let tensor = tensors.tensor(name).unwrap();
        let whole = tensor.to_f32().unwrap();
        let mut row = vec![0.0; tensor.columns()];
        for (i, expected) in whole.chunks(tensor.columns()).enumerate() {
            tensor.dequantize_rows(i..i + 1, &mut row).unwrap();
            assert_eq!(row, expected);
        }
        whole.into_iter().step_by(8).collect()
    };
    assert_eq!(first_column(Q_PROJ), [0., 2., 1., 3., 4., 6., 5., 7.]);
    assert_eq!(first_column("model.layers.0.self_attn.k_proj.weight"), [0., 2., 1., 3.]);
    assert_eq!(first_column("model.layers.0.self_attn.v_proj.weight"), [0., 1., 2., 3.]);
    let query = tensors.tensor(Q_PROJ).unwrap();
    assert!(query.as_f32_slice().is_none());
    let message = tensors.tensor("odd").unwrap_err().to_string();
    assert!(message.contains("tensor `odd`") && message.contains("IQ2_XS"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Damaged files are read or refused, but never make the reader panic or leave the file.
    #[test]
    fn damaged_safetensors_are_survived(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..5),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let header = json!({
            "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
            "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
        });
        let mut bytes = safetensors(&header, &[1; 32]);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        if let Ok(file) = open_bytes(&bytes) {
            for (_, tensor) in file.tensors() {
                if let Ok(tensor) = tensor {
                    let mut out = vec![0.0; tensor.values()];
                    tensor.dequantize_into(&mut out).unwrap();
                }
            }
        }
    }
}
