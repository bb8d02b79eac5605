//! Value profiles.

use crate::bench::Bench;
use crate::model::Recipe;
use serde_json::Value as Json;

/// Questionnaires in ValueBench's columns; `agreement` turns the second item of each value.
fn value_bench(agreement: &str) -> String {
    let mut text = "questionnaire,item,value,agreement\n".to_owned();
    for (value, verb) in [("Power", "rule"), ("Benevolence", "give")] {
        text += &format!("PVQ3,I {verb} things.,{value},1\n");
        text += &format!("PVQ3,I {verb} little.,{value},{agreement}\n");
    }
    text + "Other,I talk to strangers.,Social Boldness,1\n"
}

fn score<'a>(profile: &'a Json, dimension: &str) -> &'a Json {
    let kinds = ["dimensions", "basic", "higher"].map(|kind| profile[kind].as_array().unwrap());
    let mut scores = kinds.into_iter().flatten();
    scores.find(|score| score["dimension"] == dimension).unwrap()
}

#[test]
fn the_bundled_survey_gives_a_table_or_json() {
    let bench = Bench::new();
    let words = "profile model --limit 20 --variants few";
    let profile = bench.json(&format!("{words} --json"));
    assert_eq!(profile["items"], 20);
    assert_eq!((&profile["replies"], &profile["invalid"]), (&180.into(), &0.into()));
    assert_eq!(profile["dimensions"].as_array().unwrap().len(), 20);
    for score in profile["dimensions"].as_array().unwrap() {
        let mean = score["mean"]["value"].as_f64().unwrap();
        assert!((1.0..=6.0).contains(&mean), "{score}");
    }
    let table = bench.run(words);
    assert_eq!(table.code, 0, "{table:?}");
    for part in ["Power: dominance", "Self-transcendence", "20 items, 180 answers, 0 invalid"] {
        assert!(table.out.contains(part), "no `{part}` in {}", table.out);
    }
    assert!(table.err.contains("asking"), "progress goes to standard error: {}", table.err);
}

#[test]
fn the_folder_keeps_profile_answers_and_ratings() {
    let bench = Bench::new();
    let words = "profile model --survey survey.toml --out out --json";
    let printed = bench.json(words);
    let names = ["manifest.json", "profile.json", "ratings.jsonl", "responses.jsonl"];
    let files = bench.files("out");
    assert_eq!(files.keys().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    assert_eq!(bench.read_json("out/profile.json"), printed);
    // 6 items, each with 2 instructions and 2 templates.
    assert_eq!(bench.read_lines("out/responses.jsonl").len(), 24);
    assert_eq!(bench.read_lines("out/ratings.jsonl").len(), 6);
    bench.ok(words);
    assert_eq!(bench.files("out"), files);
    bench.fails(&format!("{words} --readout argmax"), 2, &["`out`", "profile.readout"]);
    let all = bench.json("profile model --survey survey.toml --split all --json");
    assert_eq!(all["items"], 18);
}

#[test]
fn an_adapter_changes_the_profile() {
    let bench = Bench::new();
    bench.ok(
        "steer model --survey survey.toml --value face --direction up --preset paper --anchors soft --softmax candidates --tilt end --schedule constant --warmup 0 --order random --seed 0 --rank 16 --rows 540 --batch 9 --epochs 2 --lr 0.01 --out out",
    );
    let face = |words: &str| {
        let profile = bench
            .json(&format!("profile model --survey survey.toml --variants all --json {words}"));
        score(&profile, "face")["mean"]["value"].as_f64().unwrap()
    };
    let (base, steered) = (face(""), face("--adapter out/adapters/face-up"));
    assert!(steered > base + 1.0, "{base} → {steered}");
    let results = bench.read_json("out/results.json");
    let in_run = |index: usize| {
        score(&results["respondents"][index]["profile"], "face")["mean"]["value"].as_f64().unwrap()
    };
    assert!((in_run(0) - base).abs() < 1e-9, "the run and `axia profile` agree");
    assert!((in_run(2) - steered).abs() < 1e-9, "the run and `axia profile` agree");
}

#[test]
fn sampled_replies_without_a_rating_are_counted() {
    let bench = Bench::new();
    let words = "profile model --survey survey.toml --readout sampled --out out --json --seed";
    let profile = bench.json(&format!("{words} 5"));
    assert_eq!(profile["replies"], 24 * 3);
    let invalid = profile["invalid"].as_u64().unwrap();
    assert!((1..72).contains(&invalid), "random bytes are seldom ratings: {invalid}");
    let votes: Vec<Json> = bench
        .read_lines("out/responses.jsonl")
        .iter()
        .flat_map(|line| line["answer"]["sampled"].as_array().unwrap().clone())
        .collect();
    assert_eq!(votes.len(), 72);
    assert_eq!(votes.iter().filter(|vote| vote.is_null()).count() as u64, invalid);
    let table = bench.ok("profile model --survey survey.toml --readout sampled --seed 5");
    assert!(table.contains(&format!("{invalid} invalid")), "{table}");

    let before = bench.read("out/responses.jsonl");
    bench.ok(&format!("{words} 5"));
    assert_eq!(bench.read("out/responses.jsonl"), before, "the seed decides");
    bench.fails(&format!("{words} 6"), 2, &["profile.seed was 5 and now is 6"]);
}

#[test]
fn reverse_keyed_items_are_turned() {
    let bench = Bench::new();
    let ask = |agreement: &str| {
        bench.write("pvq.csv", &value_bench(agreement));
        let words = "profile model --survey pvq.csv --questionnaire pvq3 --json --out";
        bench.json(&format!("{words} out{agreement}"))
    };
    let (straight, turned) = (ask("1"), ask("-1"));
    assert_eq!(bench.read("out1/responses.jsonl"), bench.read("out-1/responses.jsonl"));
    let rated = |item: &str| {
        let answers = bench.read_lines("out1/responses.jsonl");
        let answers: Vec<_> = answers.iter().filter(|answer| answer["item"] == item).collect();
        let expected = answers.iter().map(|answer| {
            let p = answer["answer"]["scored"].as_array().unwrap();
            p.iter().zip(1..).map(|(p, r)| p.as_f64().unwrap() * f64::from(r)).sum::<f64>()
        });
        expected.sum::<f64>() / answers.len() as f64
    };
    for (value, first, second) in
        [("power", "pvq3-001", "pvq3-002"), ("benevolence", "pvq3-003", "pvq3-004")]
    {
        let mean = |profile: &Json| score(profile, value)["mean"]["value"].as_f64().unwrap();
        let (first, second) = (rated(first), rated(second));
        assert!((mean(&straight) - (first + second) / 2.0).abs() < 1e-9, "{value}");
        assert!((mean(&turned) - (first + 7.0 - second) / 2.0).abs() < 1e-9, "{value}");
    }
}

#[test]
fn surveys_that_cannot_be_asked_are_refused() {
    let bench = Bench::new();
    bench.write("pvq.csv", &value_bench("-1"));
    let profile = "profile model --survey pvq.csv";
    bench.fails(profile, 2, &["PVQ3", "Other", "name one"]);
    bench.fails(&format!("{profile} --questionnaire PVQ33"), 2, &["did you mean `PVQ3`?"]);
    let train = format!("{profile} --questionnaire PVQ3 --split train");
    bench.fails(&train, 2, &["no items", "--split"]);
    let run = "run model --survey pvq.csv --passages 0 --posts 0 --episodes 0 --questionnaire PVQ3 --rows 27 --out out";
    bench.fails(run, 2, &["train", "PVQ3"]);
    assert!(!bench.path("out").exists());
    bench.fails("profile model --questionnaire PVQ3", 2, &["--survey"]);
    bench.fails("profile model --limit 0", 2, &["--limit"]);
    bench.fails("profile model --readout guessed", 2, &["expected, argmax or sampled"]);
    bench.fails("profile model --survey none.csv", 2, &["none.csv"]);
    bench.write("bad.csv", "questionnaire,item,value,agreement\nPVQ,I rule.,Power,2\n");
    bench.fails("profile model --survey bad.csv", 2, &["bad.csv", "line 2", "agreement"]);
}

#[test]
fn chat_uses_the_template_of_the_model() {
    let bench = Bench::new();
    let words = "profile model --survey survey.toml --json";
    let (plain, chat) = (bench.json(words), bench.json(&format!("{words} --chat")));
    assert_eq!(plain["items"], chat["items"]);
    assert_ne!(plain["dimensions"], chat["dimensions"]);
    bench.ok(
        "run model --survey survey.toml --passages 0 --posts 0 --episodes 0 --value face --rank 2 --rows 27 --chat --out out",
    );
    assert_eq!(bench.read_json("out/manifest.json")["settings"]["chat"], true);
}

#[test]
fn models_without_a_sound_template_cannot_chat() {
    let ask = "profile model --survey survey.toml";
    let bench = Bench::with_model(&Recipe { chat_template: None, ..Recipe::default() });
    bench.ok(ask);
    for words in [format!("{ask} --chat"), "run model --chat --out out".to_owned()] {
        bench.fails(&words, 2, &["`model`", "no chat template"]);
    }
    for (template, problem) in [
        ("{% for m in messages %}", "line 1"),
        ("{{ raise_exception('speak to the hand') }}", "speak to the hand"),
        ("\n{{ messages | nonesuch }}", "line 2"),
    ] {
        let recipe = Recipe { chat_template: Some(template), ..Recipe::default() };
        let bench = Bench::with_model(&recipe);
        bench.fails(&format!("{ask} --chat"), 2, &["chat template", problem]);
    }
}
