//! Results as lm-evaluation-harness writes them.

use crate::files::sha256;
use crate::report::{Metric, Task};
use crate::study::summary::{RunSummary, ShiftSummary};
use serde_json::{Map, Value, json};

/// What lm-evaluation-harness puts after a metric that no filter changed.
const FILTER: &str = "none";

/// A results file with one task for each respondent and stage of a run: profiles, shifts, perplexity,
/// verdicts and measures of play. Standard errors are those that the run's bootstrap intervals
/// correspond to.
pub fn lm_eval_results(summary: &RunSummary) -> Value {
    let mut results = Map::new();
    let mut counts = Map::new();
    let mut put = |name: String, metrics: Vec<Metric>, samples: usize| {
        let mut entry = Map::from_iter([("alias".to_owned(), json!(name))]);
        for Metric { name, value, error } in metrics {
            if value.is_finite() {
                entry.insert(format!("{name},{FILTER}"), json!(value));
                let error = error.filter(|error| error.is_finite());
                entry.insert(
                    format!("{name}_stderr,{FILTER}"),
                    error.map_or(json!("N/A"), |e| json!(e)),
                );
            }
        }
        counts.insert(name.clone(), json!({"original": samples, "effective": samples}));
        results.insert(name, Value::Object(entry));
    };
    for respondent in &summary.respondents {
        let profile = &respondent.profile;
        let dimensions = profile.dimensions.iter();
        let metrics = dimensions.map(|d| Metric::estimated(&d.dimension.key(), &d.mean)).collect();
        put(format!("axia_survey_{}", respondent.name), metrics, profile.items);
    }
    for shift in &summary.shifts {
        put(format!("axia_shift_{}", shift.respondent), shift_metrics(shift), shift.shift.items);
    }
    for Task { name, metrics, samples } in
        summary.stages.shown().iter().flat_map(|stage| stage.tasks())
    {
        put(name, metrics, samples);
    }
    let each = |value: Value| -> Map<String, Value> {
        results.keys().map(|task| (task.clone(), value.clone())).collect()
    };
    let config = |task: &String| {
        (task.clone(), json!({"task": task, "dataset_path": summary.survey.name, "num_fewshot": 0}))
    };
    let configs: Map<String, Value> = results.keys().map(config).collect();
    json!({
        "results": results,
        "group_subtasks": {},
        "configs": configs,
        "versions": each(json!(1)),
        "n-shot": each(json!(0)),
        "higher_is_better": each(json!({})),
        "n-samples": counts,
        "config": {
            "model": "axia",
            "model_args": format!("pretrained={}", summary.model.name),
            "model_num_parameters": summary.model.parameters,
            "model_dtype": summary.model.storage,
            "batch_size": 1,
            "limit": null,
            "bootstrap_iters": setting(summary, "resamples"),
        },
        "date": seconds(&summary.created),
        "model_source": "axia",
        "model_name": summary.model.name,
        "model_name_sanitized": summary.model.name.replace(['/', '\\', ':', ' '], "__"),
        "task_hashes": summary.hashes.get("survey").map_or_else(Map::new, |hash| {
            each(json!(sha256(hash.as_bytes())))
        }),
        "axia_version": summary.axia_version,
        "axia_command": summary.command,
    })
}

fn shift_metrics(shift: &ShiftSummary) -> Vec<Metric> {
    let effect = &shift.shift.against_control;
    let headline = [
        ("target_drop", Some(&effect.target_drop)),
        ("fluctuation", effect.fluctuation.as_ref()),
        ("selectivity", effect.selectivity.as_ref()),
    ];
    let headline = headline
        .into_iter()
        .filter_map(|(name, averages)| Some(Metric::estimated(name, &averages?.macro_average)));
    let values = effect.values.iter();
    let values =
        values.map(|v| Metric::estimated(&format!("shift_{}", v.dimension.key()), &v.shift));
    headline.chain(values).collect()
}

fn setting(summary: &RunSummary, name: &str) -> Value {
    let found = summary.settings.iter().find(|(setting, _)| setting == name);
    found.and_then(|(_, value)| value.parse::<u64>().ok()).map_or(Value::Null, |n| json!(n))
}

/// Seconds since 1970 of a time in RFC 3339.
fn seconds(time: &str) -> Value {
    let parsed = humantime::parse_rfc3339(time).ok();
    let since = parsed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    since.map_or(Value::Null, |since| json!(since.as_secs_f64()))
}
