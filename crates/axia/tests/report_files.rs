//! The files of a report: written whole, read back, and refused where they are wrong.

mod report_fixture;

use std::fs;
use std::path::Path;

use axia::report::ReportError;
use axia::results::{read, write, write_comparison};
use axia::run::Role;
use axia::study::summary::RunSummary;
use axia_values::instrument::Dimension;
use axia_values::rating::Rating;
use axia_values::shift::{Headroom, Leakage, MeanSd, Repetitions};
use axia_values::stats::Estimate;
use report_fixture::{power, run, study, values};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Writes a summary, changes its JSON, and reads it.
fn read_changed(change: impl FnOnce(&mut serde_json::Value)) -> ReportError {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &run("small", &values(), &[])).unwrap();
    let path = folder.path().join("results.json");
    let mut json = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut json);
    fs::write(&path, serde_json::to_string_pretty(&json).unwrap()).unwrap();
    read(folder.path()).unwrap_err()
}

#[test]
fn a_run_survives_the_round_trip_and_leaves_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("runs/power");
    let summary = study();
    write(&inner, &summary).unwrap();
    assert_eq!(read(&inner).unwrap(), summary);
    assert_eq!(names(&inner), ["report.html", "results.csv", "results.json"]);
    // A second run of the same name replaces the first.
    let other = run("other", &values(), &[]);
    write(&inner, &other).unwrap();
    assert_eq!(read(&inner).unwrap(), other);
    assert_eq!(names(&inner).len(), 3);
    write_comparison(&folder.path().join("pages/compare.html"), &summary, &other).unwrap();
    assert_eq!(names(&folder.path().join("pages")), ["compare.html"]);
}

#[test]
fn results_of_the_first_version_still_open() {
    let folder = tempfile::tempdir().unwrap();
    let summary = study();
    write(folder.path(), &summary).unwrap();
    let path = folder.path().join("results.json");
    let text = fs::read_to_string(&path).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["format_version"] = 1.into();
    for respondent in json["respondents"].as_array_mut().unwrap() {
        let fields = respondent.as_object_mut().unwrap();
        assert!(fields.remove("steering").is_some() && fields.remove("seed").is_some());
    }
    fs::write(&path, json.to_string()).unwrap();
    assert_eq!(read(folder.path()).unwrap(), summary);
    // It is written again as the present version.
    write(folder.path(), &read(folder.path()).unwrap()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_fixture_is_what_it_claims() {
    let summary = study();
    let roles: Vec<_> = summary.respondents.iter().map(|one| one.role).collect();
    assert_eq!(roles, [Role::Base, Role::Control, Role::Steered]);
    let targets = summary.shifts[0].shift.against_control.values.iter();
    let targets: Vec<_> = targets.filter(|value| value.goal == Some(Rating::MIN)).collect();
    assert_eq!(targets.len(), power().len());
}

#[test]
fn wrong_files_are_refused_with_reasons() {
    let missing = read(Path::new("no/such/run")).unwrap_err().to_string();
    assert!(missing.contains("results.json is missing; is no/such/run the folder"), "{missing}");

    let error = read_changed(|json| drop(json["survey"].as_object_mut().unwrap().remove("title")));
    assert!(matches!(error, ReportError::Malformed { .. }));
    let error = error.to_string();
    assert!(error.contains("missing field `title`") && error.contains("line"), "{error}");

    let error = read_changed(|json| json["format_version"] = 99.into()).to_string();
    assert!(error.contains("format_version 99, this axia reads 2"), "{error}");
    let error = read_changed(|json| drop(json.as_object_mut().unwrap().remove("format_version")));
    assert!(error.to_string().contains("missing field `format_version`"), "{error}");
    let error = read_changed(|json| {
        json["respondents"][0]["profile"]["format_version"] = 7.into();
    });
    let error = error.to_string();
    assert!(error.contains("format_version of the profile of `base` 7"), "{error}");

    let error = read_changed(|json| json["respondents"][0]["role"] = "judge".into()).to_string();
    assert!(error.contains("unknown variant `judge`"), "{error}");
    assert!(error.contains("`\"role\": \"judge\""), "{error}");
}

#[test]
fn numbers_that_are_none_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut summary = study();
    summary.training[0].history.steps[3].loss = f64::NAN;
    let error = write(folder.path(), &summary).unwrap_err();
    assert!(matches!(error, ReportError::NotFinite { .. }));
    let error = error.to_string();
    assert!(error.contains("`\"loss\": null,`"), "{error}");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

/// The table of a run in which some numbers are set by hand.
fn table(change: impl FnOnce(&mut RunSummary)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut summary = study();
    change(&mut summary);
    write(folder.path(), &summary).unwrap();
    let text = fs::read_to_string(folder.path().join("results.csv")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn cells_by_hand() {
    let estimate = |value, low, high| Estimate { value, low, high };
    let lines = table(|summary| {
        let profile = &mut summary.respondents[0].profile;
        profile.grand_mean = 4.125;
        profile.dimensions[0].mean = estimate(4.25, 4.0, 4.5);
        profile.dimensions[0].rank = 3;
        profile.dimensions[0].template_sd = None;
        profile.higher[3].centred = estimate(-0.5, -0.75, -0.25);
        let effects = &mut summary.shifts[0].shift.against_control;
        effects.target_drop.macro_average = estimate(0.62, 0.41, 0.8);
        let (points, share) = (estimate(1.5, 1.0, 2.0), estimate(0.75, 0.5, 1.0));
        effects.headroom = Some(Headroom { points, share });
        summary.frontiers[0].scale = 0.5;
        summary.frontiers[0].points[1].perplexity_rise = estimate(0.0625, 0.0, 0.125);
        effects.values[1].shift = estimate(-1e-3, -0.5, 0.25);
        effects.leakage = vec![Leakage { distance: 4, values: 2, shift: estimate(0.1, 0.0, 0.2) }];
        let none = None;
        effects.repetitions = Some(Repetitions {
            count: 3,
            target_drop_macro: Some(MeanSd { mean: 0.5, sd: 0.125 }),
            target_drop_micro: none,
            fluctuation_macro: none,
            fluctuation_micro: none,
            selectivity_macro: none,
            selectivity_micro: none,
        });
        summary.examples[0].item = "an \"item\", quoted".to_owned();
        summary.examples[0].ratings[1].1 = 2.5;
        summary.examples[0].probabilities[1] = [0.5, 0.25, 0.125, 0.125, 0.0, 0.0];
        summary.training[1].history.validations[0].loss = 0.875;
    });
    assert_eq!(lines[0], "respondent,kind,name,measure,value,low,high");
    let expected = [
        "base,profile,all,grand-mean,4.125,,",
        "base,dimension,self-direction-thought,mean,4.25,4,4.5",
        "base,dimension,self-direction-thought,rank,3,,",
        "base,higher,self-transcendence,centred,-0.5,-0.75,-0.25",
        "power-down,effect,steered-minus-control,target-drop-macro,0.62,0.41,0.8",
        "power-down,effect,steered-minus-control,headroom,1.5,1,2",
        "power-down,effect,steered-minus-control,headroom-share,0.75,0.5,1",
        "power-down,frontier,chosen,scale,0.5,,",
        "power-down,frontier,x0.5,perplexity-rise,0.0625,0,0.125",
        "power-down,shift,self-direction-action,steered-minus-control,-0.001,-0.5,0.25",
        "power-down,leakage,distance-4,steered-minus-control,0.1,0,0.2",
        "power-down,repetitions,steered-minus-control,target-drop-macro-mean,0.5,,",
        "power-down,repetitions,steered-minus-control,target-drop-macro-sd,0.125,,",
        "control,item,\"an \"\"item\"\", quoted\",rating,2.5,,",
        "control,item,\"an \"\"item\"\", quoted\",p4,0.125,,",
        "power-down,training,step-24,validation-loss,0.875,,",
        "control,training,all,unique-tokens,54000,,",
    ];
    for line in expected {
        assert!(lines.iter().any(|own| own == line), "{line} is missing");
    }
    let without = "base,dimension,self-direction-thought,template-sd";
    assert!(!lines.iter().any(|line| line.starts_with(without)));
}

#[test]
fn the_table_is_tidy() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &study()).unwrap();
    let mut reader = csv::Reader::from_path(folder.path().join("results.csv")).unwrap();
    let mut keys = std::collections::BTreeSet::new();
    for record in reader.records() {
        let record = record.unwrap();
        let key: Vec<_> = record.iter().take(4).map(str::to_owned).collect();
        assert!(keys.insert(key), "{record:?} occurs twice");
        let value: f64 = record[4].parse().unwrap();
        if !record[5].is_empty() {
            let [low, high] = [&record[5], &record[6]].map(|end| end.parse::<f64>().unwrap());
            assert!(low <= value && value <= high, "{record:?}");
        }
    }
    // 20 + 10 + 4 rows of each measure for each of three respondents.
    let means = keys.iter().filter(|key| key[3] == "centred").count();
    assert_eq!(means, 3 * 34);
    let known = |name: &String| Dimension::from_key(name).value().is_some();
    assert!(keys.iter().filter(|key| key[1] == "shift").all(|key| known(&key[2])));
}
