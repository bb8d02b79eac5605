//! GGUF files: reading back what was written, real files, and files that are damaged.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axia_engine::gguf::{
    DType, GgufError, GgufFile, GgufFormatError, GgufHeader, GgufWriter, MetadataArray,
    MetadataValue, dequantize,
};
use proptest::prelude::*;

fn parse(bytes: &[u8]) -> Result<GgufHeader, GgufError> {
    GgufHeader::parse(bytes, Path::new("test.gguf"))
}

fn problem(bytes: &[u8]) -> GgufFormatError {
    match parse(bytes) {
        Err(GgufError::Format { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

/// A small file with every type of value and three tensors.
fn small_file() -> GgufWriter {
    let values = [
        MetadataValue::U8(1),
        MetadataValue::I8(-2),
        MetadataValue::U16(3),
        MetadataValue::I16(-4),
        MetadataValue::U32(5),
        MetadataValue::I32(-6),
        MetadataValue::F32(0.5),
        MetadataValue::Bool(true),
        MetadataValue::String("naïve".to_owned()),
        MetadataValue::U64(7),
        MetadataValue::I64(-8),
        MetadataValue::F64(0.25),
        MetadataValue::Array(MetadataArray::String(vec!["a".to_owned(), String::new()])),
        MetadataValue::Array(MetadataArray::F32(vec![1.0, 2.0])),
        MetadataValue::Array(MetadataArray::U8(vec![1, 2, 3])),
        MetadataValue::Array(MetadataArray::Bool(vec![true, false])),
        MetadataValue::Array(MetadataArray::Array(vec![
            MetadataArray::I64(vec![-1]),
            MetadataArray::U16(vec![]),
        ])),
    ];
    let mut file = GgufWriter::new().entry("general.alignment", MetadataValue::U32(32));
    for (i, value) in values.into_iter().enumerate() {
        file = file.entry(&format!("key.{i}"), value);
    }
    file.tensor_f32("vector", &[3], &[1.0, 2.0, 3.0])
        .tensor("blocks", &[2, 64], DType::Q4_1, (0..80).collect())
        .tensor("halves", &[2, 1, 3], DType::F16, vec![0; 12])
}

#[test]
fn what_is_written_is_read_back() {
    let bytes = small_file().to_bytes();
    let header = parse(&bytes).unwrap();
    assert_eq!(header.version, 3);
    let metadata = &header.metadata;
    assert_eq!(metadata.iter().count(), 18);
    assert_eq!(metadata.u64("key.0").unwrap(), Some(1));
    assert_eq!(metadata.f64("key.6").unwrap(), Some(0.5));
    assert_eq!(metadata.bool("key.7").unwrap(), Some(true));
    assert_eq!(metadata.str("key.8").unwrap(), Some("naïve"));
    assert_eq!(metadata.strings("key.12").unwrap().unwrap(), ["a", ""]);
    let nested = MetadataValue::Array(MetadataArray::Array(vec![
        MetadataArray::I64(vec![-1]),
        MetadataArray::U16(vec![]),
    ]));
    assert_eq!(metadata.get("key.16"), Some(&nested));
    assert_eq!(metadata.u64("absent").unwrap(), None);

    let [vector, blocks, halves] = header.tensors.as_slice() else {
        panic!("{:?}", header.tensors);
    };
    assert_eq!((vector.shape.as_slice(), vector.dtype), ([3].as_slice(), DType::F32));
    assert_eq!(bytes[vector.range.clone()], [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64]);
    assert_eq!(blocks.shape, [2, 64]);
    assert_eq!(bytes[blocks.range.clone()], (0..80).collect::<Vec<u8>>());
    assert_eq!(halves.shape, [2, 1, 3]);
    assert!(header.tensors.iter().all(|tensor| tensor.range.start % 32 == 0));
}

#[test]
fn wrong_types_name_key_and_value() {
    let header = parse(&small_file().to_bytes()).unwrap();
    let metadata = &header.metadata;
    let message = metadata.u64("key.1").unwrap_err().to_string();
    assert_eq!(message, "metadata `key.1` of `test.gguf` should be a whole number, found I8(-2)");
    assert!(metadata.str("key.12").unwrap_err().to_string().contains("found an array"));
    assert!(metadata.i32s("key.13").is_err());
    assert!(metadata.missing("x").to_string().contains("no metadata `x`"));
}

#[test]
fn the_first_bytes_are_checked() {
    let bytes = small_file().to_bytes();
    assert_eq!(problem(b""), GgufFormatError::Magic);
    assert_eq!(problem(b"GGML\x03\0\0\0"), GgufFormatError::Magic);
    let mut version = bytes.clone();
    version[4] = 1;
    assert_eq!(problem(&version), GgufFormatError::Version(1));
    version[4..8].copy_from_slice(&[0, 0, 0, 3]);
    assert_eq!(problem(&version), GgufFormatError::BigEndian);
    version[4..8].copy_from_slice(&[2, 0, 0, 0]);
    assert_eq!(parse(&version).unwrap().version, 2);
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = small_file().to_bytes();
    for length in 0..bytes.len() {
        assert!(parse(&bytes[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn absurd_counts_and_lengths_are_errors() {
    let bytes = small_file().to_bytes();
    for at in [8, 16, 24] {
        for value in [u64::MAX, u64::MAX / 2, 1 << 40, bytes.len() as u64] {
            let mut damaged = bytes.clone();
            damaged[at..at + 8].copy_from_slice(&value.to_le_bytes());
            assert!(parse(&damaged).is_err(), "{value} at {at}");
        }
    }
    let mut deep = MetadataArray::U8(vec![1]);
    for _ in 0..100 {
        deep = MetadataArray::Array(vec![deep]);
    }
    let deep = GgufWriter::new().entry("deep", MetadataValue::Array(deep));
    assert!(matches!(problem(&deep.to_bytes()), GgufFormatError::TooLarge { .. }));
}

#[test]
fn names_occur_once() {
    let keys = GgufWriter::new().entry("k", MetadataValue::U8(1)).entry("k", MetadataValue::U8(2));
    assert!(matches!(
        problem(&keys.to_bytes()),
        GgufFormatError::Duplicate { what: "metadata", .. }
    ));
    let tensors = GgufWriter::new().tensor_f32("t", &[1], &[1.0]).tensor_f32("t", &[1], &[1.0]);
    assert!(matches!(
        problem(&tensors.to_bytes()),
        GgufFormatError::Duplicate { what: "tensor", .. }
    ));
}

#[test]
fn alignments_are_powers_of_two() {
    for (value, sound) in [(0, false), (1, true), (24, false), (64, true), (1 << 20, false)] {
        let file = GgufWriter::new().entry("general.alignment", MetadataValue::U32(value));
        assert_eq!(parse(&file.to_bytes()).is_ok(), sound, "{value}");
    }
    // Tensors are laid out for an alignment of 32: the second one is not aligned to 64.
    let file = GgufWriter::new()
        .entry("general.alignment", MetadataValue::U32(64))
        .tensor_f32("a", &[1], &[1.0])
        .tensor_f32("b", &[1], &[1.0]);
    let message = problem(&[file.to_bytes(), vec![0; 64]].concat()).to_string();
    assert!(message.contains("tensor `b`") && message.contains("not aligned"), "{message}");
}

#[test]
fn shapes_must_fit_type_and_file() {
    let shape = |shape: &[usize], dtype| {
        problem(&GgufWriter::new().tensor("t", shape, dtype, vec![0; 64]).to_bytes()).to_string()
    };
    let impossible = "tensor `t` has the impossible shape";
    assert!(shape(&[2, 33], DType::Q8_0).contains(impossible));
    assert!(shape(&[0, 32], DType::Q8_0).contains(impossible));
    assert!(shape(&[], DType::F32).contains(impossible));
    assert!(shape(&[usize::MAX, 32], DType::Q8_0).contains(impossible));
    assert!(shape(&[1 << 40, 1 << 40], DType::F32).contains(impossible));
    assert!(shape(&[1000], DType::F32).contains("past the end of the file"));
    assert!(shape(&[1, 1, 1, 1, 1], DType::F32).contains("number of dimensions"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Damaged files are read or refused, but never make the reader panic or leave the file.
    #[test]
    fn damaged_files_are_survived(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = small_file().to_bytes();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        if let Ok(header) = parse(&bytes) {
            for tensor in &header.tensors {
                prop_assert!(tensor.range.end <= bytes.len());
                let values: usize = tensor.shape.iter().product();
                prop_assert_eq!(tensor.dtype.bytes_for(values), Some(tensor.range.len()));
            }
        }
    }

    #[test]
    fn noise_after_the_magic_is_survived(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(&[b"GGUF\x03\0\0\0".as_slice(), &noise].concat());
    }
}

/// The real file that a variable of the environment names, if any.
fn real_file(variable: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    if path.is_none() {
        eprintln!("skipped: {variable} names no GGUF file");
    }
    path
}

#[test]
fn real_files_dequantise_as_the_reference() {
    for (variable, reference) in [
        ("AXIA_TEST_GGUF", include_str!("fixtures/smollm2/tensors_reference.json")),
        ("AXIA_TEST_GGUF_QWEN", include_str!("fixtures/qwen2/tensors_reference.json")),
    ] {
        let Some(path) = real_file(variable) else { continue };
        let file = Arc::new(GgufFile::open(&path).unwrap());
        let reference: serde_json::Value = serde_json::from_str(reference).unwrap();
        let expected = reference["tensors"].as_array().unwrap();
        assert!(expected.len() > 10);
        for expected in expected {
            let name = expected["name"].as_str().unwrap();
            check_tensor(&file, file.tensor(name).unwrap(), expected);
        }
    }
}

fn check_tensor(
    file: &GgufFile,
    info: &axia_engine::gguf::TensorInfo,
    expected: &serde_json::Value,
) {
    let name = &info.name;
    assert_eq!(*name, expected["name"]);
    assert_eq!(info.dtype.name(), expected["type"]);
    let shape: Vec<usize> = serde_json::from_value(expected["shape"].clone()).unwrap();
    assert_eq!(info.shape, shape);
    let mut values = vec![0.0; shape.iter().product()];
    axia_engine::gguf::dequantize(info.dtype, &file.map().bytes()[info.range.clone()], &mut values)
        .unwrap();
    let first: Vec<f32> = serde_json::from_value(expected["first"].clone()).unwrap();
    for (ours, theirs) in values.iter().zip(&first) {
        assert!((ours - theirs).abs() <= 1e-8 * theirs.abs().max(1.0), "{name}: {ours} {theirs}");
    }
    let (mut sum, mut abs_sum, mut weighted) = (0.0, 0.0, 0.0);
    for (i, value) in values.iter().enumerate() {
        sum += f64::from(*value);
        abs_sum += f64::from(value.abs());
        weighted += f64::from(*value) * (i % 257 + 1) as f64;
    }
    let scale = abs_sum;
    for (field, ours, unit) in
        [("sum", sum, 1.0), ("abs_sum", abs_sum, 1.0), ("weighted_sum", weighted, 257.0)]
    {
        let theirs = expected[field].as_f64().unwrap();
        assert!((ours - theirs).abs() <= 1e-9 * unit * scale, "{name} {field}: {ours} {theirs}");
    }
}

/// Blocks of random bytes, widened by the gguf package.
#[test]
fn quantised_blocks_widen_as_the_reference_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf/blocks.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let types = DType::ALL.iter().filter(|dtype| dtype.is_readable() && dtype.block_values() > 1);
    for dtype in types {
        let stored = file.tensor(&format!("{dtype}.bytes")).unwrap();
        let expected = file.tensor(&format!("{dtype}.values")).unwrap();
        let mut out = vec![0f32; expected.shape()[0]];
        dequantize(*dtype, stored.data(), &mut out).unwrap();
        let found: Vec<u8> = out.iter().flat_map(|value| value.to_le_bytes()).collect();
        let differs = found.chunks(4).zip(expected.data().chunks(4)).position(|(a, b)| a != b);
        assert_eq!(differs, None, "{dtype}");
    }
}
