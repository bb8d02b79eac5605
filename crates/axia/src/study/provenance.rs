//! Where numbers come from: model, survey, machine, hashes.

use super::Settings;
use super::summary::{ModelInfo, SurveyInfo};
use crate::files::HashWriter;
use crate::run::StudyError;
use axia_engine::Model;
use axia_engine::error::FileError;
use axia_values::instrument::{Instrument, Split};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Facts about the model; `name` is what the user called it.
pub fn describe_model(name: &str, model: &Model) -> Result<ModelInfo, StudyError> {
    let tensors = model.tensors()?;
    let (mut parameters, mut types) = (0u64, BTreeSet::new());
    for name in tensors.names() {
        let tensor = tensors.tensor(name).map_err(axia_engine::EngineError::from)?;
        parameters += tensor.values() as u64;
        types.insert(tensor.dtype().name());
    }
    let files = files(model.path(), &["safetensors"]);
    let bytes = files.iter().filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
    Ok(ModelInfo {
        name: name.to_owned(),
        architecture: format!("{:?}", model.decoder().config().architecture).to_lowercase(),
        parameters,
        storage: types.into_iter().collect::<Vec<_>>().join(", "),
        bytes,
    })
}

/// Facts about the survey as this experiment uses it.
pub fn describe_survey(instrument: &Instrument, settings: &Settings) -> SurveyInfo {
    let count = |split| instrument.split(split).count();
    SurveyInfo {
        name: instrument.name.clone(),
        title: instrument.title.clone(),
        items: [count(Split::Train), count(Split::Validation), count(Split::Test)],
        train_variants: instrument.variants().len(),
        test_variants: settings.test_variants.per_item(instrument),
        instructions: instrument.instructions.len(),
        templates: instrument.templates.len(),
    }
}

/// Processor, system and threads.
pub fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let threads = rayon::current_num_threads();
    let (system, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let cpu = cpu.unwrap_or_else(|| "unknown processor".to_owned());
    format!("{cpu}, {threads} threads, {system} {arch}")
}

/// The files of a folder that have one of these endings, in the order of names; or the file.
fn files(path: &Path, endings: &[&str]) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path());
    let wanted = |path: &PathBuf| {
        path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending))
    };
    let mut files: Vec<PathBuf> = entries.filter(wanted).collect();
    files.sort();
    files
}

/// What the hash of a model's weights is called.
pub(super) const WEIGHTS: &str = "model weights";

/// Hashes of everything that makes a model what it is: weights and, where they are files of their
/// own, configuration, tokenizer and chat template.
///
/// # Errors
/// [`StudyError::File`].
pub fn model_hashes(path: &Path) -> Result<Vec<(String, String)>, StudyError> {
    let mut hashes = vec![(WEIGHTS.to_owned(), sha256_of(path)?)];
    if path.is_dir() {
        let settings = files(path, &["json", "jinja"]);
        hashes.push(("model settings".to_owned(), digest(&settings)?));
    }
    Ok(hashes)
}

/// SHA-256 of a model's weights (of a folder: of all its weight files, in the order of names), or
/// of any file.
///
/// # Errors
/// [`StudyError::File`].
pub fn sha256_of(path: &Path) -> Result<String, StudyError> {
    digest(&files(path, &["safetensors"]))
}

fn digest(files: &[PathBuf]) -> Result<String, StudyError> {
    let mut digest = HashWriter::default();
    for file in files {
        let copied =
            std::fs::File::open(file).and_then(|mut bytes| std::io::copy(&mut bytes, &mut digest));
        copied.map_err(FileError::on("read", file))?;
    }
    Ok(digest.finish())
}
