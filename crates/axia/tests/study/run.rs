//! The whole experiment and its report.

use crate::bench::Bench;
use serde_json::Value as Json;
use std::time::SystemTime;

const RESPONDENTS: [&str; 4] =
    ["base", "control", "universalism-nature-down", "universalism-nature-up"];

fn modified(bench: &Bench, name: &str) -> SystemTime {
    bench.path(name).metadata().unwrap().modified().unwrap()
}

fn names(list: &Json) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[test]
fn a_run_leaves_a_whole_folder_and_does_nothing_twice() {
    let bench = Bench::new();
    let words =
        "run model --limit 20 --passages 0 --posts 0 --episodes 0 --rank 2 --rows 27 --out out";
    let printed = bench.json(&format!("{words} --json"));
    let results = bench.read_json("out/results.json");
    assert_eq!(printed, results);
    assert_eq!(names(&results["respondents"]), RESPONDENTS);
    assert_eq!(results["survey"]["items"], serde_json::json!([20, 20, 20]));
    let shifts = results["shifts"].as_array().unwrap();
    let steered: Vec<_> = shifts.iter().map(|shift| &shift["respondent"]).collect();
    assert_eq!(steered, RESPONDENTS[2..].iter().collect::<Vec<_>>());

    let mut expected: Vec<String> = [
        "manifest.json",
        "baseline/distributions.jsonl",
        "timings.json",
        "results.json",
        "results.csv",
        "report.html",
    ]
    .map(str::to_owned)
    .into();
    expected.extend(RESPONDENTS.map(|name| format!("responses/{name}.jsonl")));
    expected.extend(RESPONDENTS[2..].iter().flat_map(|name| tried(name)));
    expected.extend(RESPONDENTS[..2].iter().flat_map(|name| validated(name)));
    for name in &RESPONDENTS[1..] {
        expected.push(format!("training/{name}.json"));
        for file in ["adapter_config.json", "adapter_model.safetensors", "README.md"] {
            expected.push(format!("adapters/{name}/{file}"));
        }
    }
    expected.sort();
    assert_eq!(bench.files("out").into_keys().collect::<Vec<_>>(), expected);
    let variants = results["survey"]["test_variants"].as_u64().unwrap() as usize;
    assert_eq!(bench.read_lines("out/responses/base.jsonl").len(), 20 * variants);
    let metrics = bench.read_lines("out/training/universalism-nature-down.metrics.jsonl");
    let steps = metrics.iter().filter(|line| line["kind"] == "step");
    let losses: Vec<&Json> = steps.map(|line| &line["loss"]).collect();
    let history = results["training"][1]["history"]["steps"].as_array().unwrap();
    assert_eq!(losses, history.iter().map(|step| &step["loss"]).collect::<Vec<_>>());
    let card = bench.read("out/adapters/universalism-nature-up/README.md");
    assert!(card.starts_with("---\nbase_model: \"model\"\nlibrary_name: peft\n"), "{card}");
    assert!(card.contains("| Target drop | ") && card.contains("| rank | 2 |"), "{card}");

    let before = (bench.numbers("out"), modified(&bench, "out/responses/base.jsonl"));
    let again = bench.run(words);
    assert_eq!(again.code, 0, "{again:?}");
    assert!(
        again.out.contains("Universalism: nature, down") && again.out.contains("report.html"),
        "{again:?}"
    );
    assert_eq!(again.err, "", "nothing is asked or trained again");
    assert_eq!(before, (bench.numbers("out"), modified(&bench, "out/responses/base.jsonl")));
    let times = |results: &Json| results["timings"].clone();
    assert_eq!(times(&bench.read_json("out/results.json")), times(&results));
}

/// What is left of a steered respondent's adapter being tried at six scales.
fn tried(name: &str) -> Vec<String> {
    let scales = ["0.25", "0.5", "0.75", "1", "1.25", "1.5"];
    let at = |scale: &&str| validated(&format!("{name}-x{scale}"));
    let metrics = format!("training/{name}.metrics.jsonl");
    let own = [format!("frontier/{name}.json"), metrics];
    scales.iter().flat_map(at).chain(own).collect()
}

/// What is left of a validation.
fn validated(name: &str) -> [String; 2] {
    [format!("validation/{name}.jsonl"), format!("validation/{name}.text.jsonl")]
}

/// The control of soft anchors has nothing to learn; the scale of the others is in their folders.
#[test]
fn soft_anchors_leave_the_control_where_the_base_is() {
    let bench = Bench::new();
    let words = "run model --survey survey.toml --passages 2 --posts 0 --episodes 0 --value face \
                 --rank 2 --rows 27";
    let results = bench.json(&format!("{words} --language-budget 500% --out out --json"));
    assert_eq!(bench.read("out/responses/base.jsonl"), bench.read("out/responses/control.jsonl"));
    let control = &results["training"][0];
    assert_eq!(
        (&control["stopped"], &control["history"]["steps"]),
        (&"nothing-to-learn".into(), &serde_json::json!([]))
    );
    assert_eq!(results["controls"][0]["rank_correlation"], 1.0);
    let rows = bench.read_lines("out/baseline/distributions.jsonl");
    assert!(rows[0]["answer"]["scored"].as_array().unwrap().len() == 6, "{}", rows[0]);
    for (place, name) in ["face-down", "face-up"].iter().enumerate() {
        let frontier = &results["frontiers"][place];
        assert_eq!(frontier["respondent"], *name);
        assert_eq!(frontier["points"].as_array().unwrap().len(), 7);
        assert_eq!(frontier["points"][0]["perplexity_rise"]["value"], 0.0);
        let scale = frontier["scale"].as_f64().unwrap();
        let config = bench.read_json(&format!("out/adapters/{name}/adapter_config.json"));
        assert_eq!(config["lora_alpha"].as_f64().unwrap(), 4.0 * scale);
        // Two held-out items carry no claim.
        assert_eq!(results["shifts"][place]["gates"][0]["gate"], "few-items");
    }
    let page = bench.read("out/report.html");
    assert!(page.contains("Turning the adapters up and down"));
    let off = bench.json(&format!("{words} --language-budget off --out off --json"));
    assert_eq!(off["frontiers"][0]["scale"], 1.0);
}

/// A tilt teaches a distribution, a KL weight reads plain text; both are of soft anchors or either.
#[test]
fn labels_can_be_chosen() {
    let bench = Bench::new();
    let words = "steer model --survey survey.toml --value face --direction up --rank 2 --rows 18";
    bench.ok(&format!("{words} --tilt 1.5 --softmax vocabulary --out tilted"));
    let manifest = bench.read_json("tilted/manifest.json");
    let expected = serde_json::json!({"soft": {"softmax": "vocabulary", "pull": {"tilt": 1.5}}});
    assert_eq!(manifest["settings"]["anchors"], expected);
    bench.ok(&format!("{words} --language-kl 0.5 --out held"));
    let steps = bench.read_lines("held/training/face-up.metrics.jsonl");
    assert!(steps[1]["language_kl"].as_f64().unwrap() >= 0.0, "{}", steps[1]);
    let hard = bench.json(&format!("{words} --anchors hard --out hard --json"));
    assert_eq!(hard["anchors"], "hard");
    assert!(bench.path("hard/baseline/ratings.jsonl").exists());
    bench.fails(&format!("{words} --anchors hard --tilt 1"), 2, &["--tilt", "--anchors soft"]);
    bench.fails(&format!("{words} --tilt -1"), 2, &["tilt", "positive"]);
    bench.fails(&format!("{words} --language-budget much"), 2, &["--language-budget", "percent"]);
    bench.fails(&format!("{words} --language-kl -1"), 2, &["--language-kl", "at least 0"]);
    bench.fails(&format!("{words} --target-share 0"), 2, &["share", "above 0"]);
    bench.fails(&format!("{words} --tilt far"), 2, &["--tilt", "a number, or `end`"]);
    bench.ok(&format!("{words} --tilt end --out end"));
    let anchors = &bench.read_json("end/manifest.json")["settings"]["anchors"];
    assert_eq!(anchors["soft"]["pull"], "end");
}

#[test]
fn events_for_tensorboard_are_written_on_demand() {
    let bench = Bench::new();
    let words = "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27";
    bench.ok(&format!("{words} --tensorboard --out out"));
    let files = bench.files("out/tensorboard");
    let folders: Vec<&str> = files.keys().map(|path| path.split('/').next().unwrap()).collect();
    assert_eq!(folders, ["face-down", "face-up"], "the control has nothing to learn");
    for (path, bytes) in &files {
        assert!(path.contains("/events.out.tfevents."), "{path}");
        let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(
            holds("brain.Event:2") && holds("train/loss") && holds("validation/loss"),
            "{path}"
        );
    }
    // The run is the same without.
    bench.ok(&format!("{words} --out out"));
}

#[test]
fn the_full_protocol_runs_to_its_end() {
    let bench = Bench::new();
    let words = "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --preset paper --rank 4 --out out";
    let results = bench.json(&format!("{words} --json"));
    let seeded = |name: &'static str| (0..3).map(move |seed| format!("{name}-seed{seed}"));
    let names_of_all = ["control", "face-down", "face-up"].map(seeded).into_iter().flatten();
    let found = names(&results["respondents"]);
    let mut respondents: Vec<String> = found.into_iter().map(str::to_owned).collect();
    let mut expected: Vec<String> =
        std::iter::once("base".to_owned()).chain(names_of_all).collect();
    respondents.sort();
    expected.sort();
    assert_eq!(respondents, expected);
    // Every item in every way of asking, in training as in evaluation: 6 items, 2 × 2 ways.
    for training in results["training"].as_array().unwrap() {
        assert_eq!(training["rows"], 24);
        let epochs = training["history"]["validations"].as_array().unwrap().len();
        assert!((1..=10).contains(&epochs), "{epochs} epochs");
    }
    assert_eq!(bench.read_lines("out/responses/face-up-seed2.jsonl").len(), 24);
    let sampled = &bench.read_lines("out/baseline/responses.jsonl")[0]["answer"]["sampled"];
    assert_eq!(sampled.as_array().unwrap().len(), 3, "three repetitions");
}

#[test]
fn reports_are_rebuilt_and_compared() {
    let bench = Bench::new();
    bench.ok("run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --out out");
    let page = bench.read("out/report.html");
    for outside in ["<link", "<iframe", "@import", " src=", "url(http"] {
        assert!(!page.contains(outside), "report.html reaches outside: {outside}");
    }

    std::fs::remove_file(bench.path("out/report.html")).unwrap();
    let before = bench.read("out/results.json");
    assert_eq!(bench.ok("report out").trim(), "out/report.html");
    assert_eq!((bench.read("out/report.html"), bench.read("out/results.json")), (page, before));
    assert_eq!(bench.json("report out --json"), bench.read_json("out/results.json"));

    let said = bench.ok("report --compare out out --out comparison/page.html");
    assert_eq!(said.trim(), "comparison/page.html");
    assert!(bench.read("comparison/page.html").contains("face-down"));

    bench.fails("report model", 2, &["model/results.json"]);
    bench.fails("report --compare out", 2, &["--compare"]);
    bench.fails("report out --out page.html", 2, &["--out", "[DIR]"]);
    bench.fails("report --compare out out --json", 2, &["--json", "--compare"]);
    bench.write("out/results.json", "{\"format_version\": 99}");
    bench.fails("report out", 2, &["out/results.json", "99"]);
}

#[test]
fn a_folder_with_another_run_or_foreign_files_is_left_alone() {
    let bench = Bench::new();
    let run =
        "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rows 27";
    bench.ok(&format!("{run} --rank 2 --out out"));
    let before = bench.files("out");
    let other = ["`out`", "settings.rank was 2 and now is 4", "--out"];
    bench.fails(&format!("{run} --rank 4 --alpha 4 --out out"), 2, &other);
    let survey = bench.read("survey.toml");
    bench.write("survey.toml", &survey.replace("I enjoy a test 1.", "I enjoy a trial 1."));
    bench.fails(&format!("{run} --rank 2 --out out"), 2, &["hashes.survey"]);
    assert_eq!(bench.files("out"), before);

    std::fs::create_dir(bench.path("thesis")).unwrap();
    bench.write("thesis/thesis.tex", "All of it.");
    for words in [format!("{run} --out thesis"), "profile model --limit 1 --out thesis".to_owned()]
    {
        bench.fails(&words, 2, &["`thesis`", "no manifest.json", "--out"]);
    }
    assert_eq!(bench.files("thesis").len(), 1);
}

#[test]
fn folders_that_cannot_be_written_are_named() {
    let bench = Bench::new();
    bench.write("file", "in the way");
    let run = "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27";
    for out in ["file", "file/below"] {
        bench.fails(&format!("{run} --out {out}"), 1, &["`file", "cannot write"]);
        bench.fails(&format!("profile model --limit 1 --out {out}"), 1, &["`file", "cannot write"]);
    }
    assert_eq!(bench.read("file"), "in the way");
}

#[test]
fn damaged_cells_are_named() {
    let bench = Bench::new();
    let run = "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --out out";
    bench.ok(run);
    bench.write("out/responses/control.jsonl", "{\"item\": \"face-test-1\"}\n");
    bench.fails(run, 2, &["out/responses/control.jsonl", "line 1", "remove it"]);
    std::fs::remove_file(bench.path("out/responses/control.jsonl")).unwrap();
    bench.ok(run);
}

#[test]
fn several_seeds_give_an_adapter_each() {
    let bench = Bench::new();
    bench.ok("run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --seed 3,4 --out out");
    let results = bench.read_json("out/results.json");
    let seeded = ["control", "face-down", "face-up"];
    let seeded = [3, 4].map(|seed| seeded.map(|name| format!("{name}-seed{seed}"))).concat();
    assert_eq!(names(&results["respondents"])[1..], seeded);
    let files = bench.files("out/adapters");
    let weights = |name: &str| &files[&format!("{name}/adapter_model.safetensors")];
    assert_ne!(weights("control-seed3"), weights("control-seed4"));
}

#[test]
fn senseless_settings_are_refused_before_anything_is_computed() {
    let bench = Bench::new();
    let run =
        "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --out out";
    for (flag, part) in [
        ("--rank 0", "rank"),
        ("--alpha -1", "alpha"),
        ("--epochs 0", "epochs"),
        ("--batch 0", "batch"),
        ("--lr 0", "learning rate"),
        ("--lr nan", "learning rate"),
        ("--limit 0", "limit"),
        ("--seed 1,1", "seed"),
        ("--value fce", "did you mean `face`?"),
        ("--value benevolence", "`benevolence-down`"),
        ("--survey none.toml", "none.toml"),
    ] {
        let words = match flag.split_once(' ') {
            Some(("--value", value)) => run.replace("--value face", &format!("--value {value}")),
            Some(("--survey", path)) => run.replace("survey.toml", path),
            _ => format!("{run} {flag}"),
        };
        bench.fails(&words, 2, &[part]);
        assert!(!bench.path("out").exists(), "{flag}");
    }
    // Early stopping, which the full protocol has, needs items to watch.
    let survey = bench.read("survey.toml").replace("\"validation\"", "\"train\"");
    bench.write("survey.toml", &survey);
    bench.fails(&format!("{run} --preset paper"), 2, &["validation"]);
    assert!(!bench.path("out").exists());
}

#[test]
fn a_dry_run_tells_the_plan_and_does_nothing() {
    let bench = Bench::new();
    let said = bench.ok(
        "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --dry-run",
    );
    for part in ["model", "tiny", "Face, down", "Face, up", "runs/face", "rank: 2", "alpha: 4"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(!bench.path("runs").exists());
    bench.fails("run nonesuch --dry-run", 2, &["nonesuch"]);
}

#[cfg(unix)]
#[test]
fn others_may_read_a_run_if_the_umask_admits() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new();
    bench.ok("run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --out out");
    let mode = |name: &str| bench.path(name).metadata().unwrap().permissions().mode();
    let made_by_hand = mode("survey.toml");
    for name in ["manifest.json", "responses/base.jsonl", "results.json"] {
        assert_eq!(mode(&format!("out/{name}")), made_by_hand, "{name}");
    }
}
