//! Results of earlier versions of the format.

use serde_json::{Value, json};

/// Makes results of version 1 some of version 2: these say which steering and seed a respondent has,
/// which version 1 left to its name.
pub(super) fn from_version_1(results: &mut Value) {
    let seeds: Vec<u64> = results["shifts"][0]["shift"]["seeds"]
        .as_array()
        .map(|seeds| seeds.iter().filter_map(Value::as_u64).collect())
        .unwrap_or_default();
    for list in ["/respondents", "/perplexity/respondents"] {
        let respondents = results.pointer_mut(list).and_then(Value::as_array_mut);
        for respondent in respondents.into_iter().flatten() {
            let name = respondent["name"].as_str().unwrap_or_default().to_owned();
            let (steering, seed) = split(&name, &seeds);
            if let Some(fields) = respondent.as_object_mut() {
                fields.insert("steering".to_owned(), json!(steering));
                fields.insert("seed".to_owned(), json!(seed));
            }
        }
    }
    results["format_version"] = json!(2);
}

/// Steering and seed of a name, which ends in the seed where a run has several.
fn split<'a>(name: &'a str, seeds: &[u64]) -> (&'a str, u64) {
    let own = seeds.iter().find_map(|&seed| {
        let steering = name.strip_suffix(&format!("-seed{seed}"))?;
        Some((steering, seed))
    });
    let only = if name == "base" { 0 } else { seeds.first().copied().unwrap_or_default() };
    own.filter(|_| seeds.len() > 1).unwrap_or((name, only))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart_where_there_are_several_seeds() {
        assert_eq!(split("base", &[3, 12]), ("base", 0));
        assert_eq!(split("power-down-seed12", &[3, 12]), ("power-down", 12));
        assert_eq!(split("power-down-seed2", &[3, 12]), ("power-down-seed2", 3));
        assert_eq!(split("odd-seed3", &[3]), ("odd-seed3", 3), "one seed is in no name");
    }

    #[test]
    fn respondents_get_what_their_names_say() {
        let mut results = json!({
            "format_version": 1,
            "shifts": [{"shift": {"seeds": [0, 1]}}],
            "respondents": [{"name": "base"}, {"name": "control-seed1"}],
            "perplexity": {"respondents": [{"name": "face-up-seed1"}]},
        });
        from_version_1(&mut results);
        assert_eq!(results["format_version"], 2);
        assert_eq!(results["respondents"][0]["steering"], "base");
        assert_eq!(
            results["respondents"][1],
            json!({"name": "control-seed1", "steering": "control", "seed": 1})
        );
        assert_eq!(results["perplexity"]["respondents"][0]["steering"], "face-up");
    }
}
