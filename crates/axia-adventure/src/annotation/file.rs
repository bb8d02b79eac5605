//! The benchmark's annotations: `annotations_clean/{game}.json`.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::fields::{Annotation, GROUPS};
use crate::error::LoadError;

#[derive(Deserialize)]
struct File {
    scenes: HashMap<String, Value>,
}

/// Reads annotations by the id of their scene.
///
/// # Errors
/// If the file cannot be read, is not of that form, or a field is missing, unknown or no number.
pub fn read_annotations(path: &Path) -> Result<HashMap<String, Annotation>, LoadError> {
    let text = crate::files::read(path)?;
    parse_annotations(&text).map_err(|message| LoadError::Format { path: path.into(), message })
}

/// Reads annotations from the text of a file.
pub(crate) fn parse_annotations(text: &str) -> Result<HashMap<String, Annotation>, String> {
    let file: File = serde_json::from_str(text).map_err(|error| error.to_string())?;
    file.scenes
        .into_iter()
        .map(|(scene, value)| match parse_annotation(&value) {
            Ok(annotation) => Ok((scene, annotation)),
            Err(message) => Err(format!("scene `{scene}`: {message}")),
        })
        .collect()
}

/// An annotation from its JSON form.
///
/// # Errors
/// If a field is missing, unknown or no number; it is named.
pub fn parse_annotation(value: &Value) -> Result<Annotation, String> {
    let mut annotation = Annotation::default();
    let mut found = 0;
    for (path, names, start) in GROUPS {
        let group = path.iter().try_fold(value, |value, key| value.get(key));
        let group = group
            .and_then(Value::as_object)
            .ok_or_else(|| format!("the group `{}` is missing", path.join(".")))?;
        for (field, name) in (start..).zip(names) {
            let number = group
                .get(*name)
                .ok_or_else(|| format!("`{}.{name}` is missing", path.join(".")))?;
            let x = number
                .as_f64()
                .ok_or_else(|| format!("`{}.{name}` is {number}, not a number", path.join(".")))?;
            annotation.set(field, x, !(number.is_i64() || number.is_u64()));
        }
        found += names.len();
        if let Some(unknown) = group.keys().find(|key| !names.contains(&key.as_str())) {
            return Err(format!("`{}.{unknown}` is not a known field", path.join(".")));
        }
    }
    debug_assert_eq!(found, super::fields::FIELDS);
    Ok(annotation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_annotations_are_named() {
        let whole = serde_json::to_value(Annotation::default()).unwrap_or_default();
        assert!(parse_annotation(&whole).is_ok());
        let mut less = whole.clone();
        less["morality"].as_object_mut().map(|morality| morality.remove("killing"));
        assert_eq!(parse_annotation(&less), Err("`morality.killing` is missing".into()));
        let mut more = whole.clone();
        more["money"]["euros"] = 1.into();
        assert_eq!(parse_annotation(&more), Err("`money.euros` is not a known field".into()));
        let mut wrong = whole;
        wrong["physical"]["watts"] = "many".into();
        assert_eq!(
            parse_annotation(&wrong),
            Err("`physical.watts` is \"many\", not a number".into())
        );
    }
}
