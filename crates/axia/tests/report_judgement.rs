//! Moral judgement on the page, in the table and in the comparison.

mod report_fixture;

use std::fs;

use axia::results::{compare, read, write, write_matrix};
use axia::study::summary::RunSummary;
use axia_values::dilemma::DilemmaSet;
use axia_values::judgement::{GainMatrix, JudgementShift, VerdictProbabilities};
use axia_values::stats::Estimate;
use axia_values::target::Direction;
use report_fixture::judgement::{judged, judged_study};
use report_fixture::markup::{
    assert_finite, assert_harmless, assert_sound, assert_well_formed, markup, page,
};
use report_fixture::{Aim, study};

fn aims() -> [Aim; 3] {
    let aim = |dimension, title, direction| Aim { dimension, title, direction, effect: 0.5 };
    [
        Aim::power_down(0.8),
        aim("benevolence", "Benevolence, up", Direction::Up),
        aim("hedonism", "Hedonism, down", Direction::Down),
    ]
}

fn several() -> RunSummary {
    judged("several", DilemmaSet::bundled(), &aims(), true)
}

fn control(summary: &mut RunSummary) -> &mut JudgementShift {
    &mut summary.stages.judgement.as_mut().unwrap().shifts[0].against_control
}

/// The text between two marks, the second of them after the first.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let start = text.find(from).unwrap_or_else(|| panic!("{from} is missing"));
    let length = text[start..].find(to).unwrap_or_else(|| panic!("{to} is missing"));
    &text[start..start + length + to.len()]
}

#[test]
fn the_section_shows_everything_in_order() {
    let page = page(&judged_study());
    assert_sound(&page);
    let headings = [
        "<a href=\"#judgement\">Judgement</a>",
        "How much, and at what cost",
        "Does it judge differently?",
        "Steered down on Power, the model judges posts about it more as people do to whom it means \
         little: probability gain +",
        "200\u{a0}posts of axia-dilemmas were judged, each in 9 ways of asking.",
        "<svg class=\"intervals\"",
        "In numbers",
        "The target’s posts",
        "Posts about basic values",
        "Posts about refined values",
        "Which verdicts are given",
        "The probability of a verdict changes by ±",
        "Posts about Power",
        "Post by post",
        "The biggest movers",
        "more posts were judged and are not shown here",
        "Does the wording of the question matter?",
        "PG = Δp(low) − Δp(high) + ½ Δp(third)",
    ];
    let mut rest = page.as_str();
    for heading in headings {
        let at = rest.find(heading).unwrap_or_else(|| panic!("{heading} is missing or too early"));
        rest = &rest[at..];
    }
    assert!(!page.contains("id=\"judgement-matrix\""), "one row is no matrix");
}

#[test]
fn numbers_by_hand() {
    let mut summary = judged_study();
    let shift = control(&mut summary);
    let own = shift.on_target.as_mut().unwrap();
    own.full.weighted = Estimate { value: 0.0825, low: 0.031, high: 0.14 };
    (own.full.p_positive, own.full.clusters, own.full.underpowered) = (0.0021, 47, false);
    shift.refined[5].gain.strict.weighted = Estimate { value: -0.5, low: -0.625, high: -0.125 };
    shift.basic[2].adjusted_p = 0.123;
    let judgement = summary.stages.judgement.as_mut().unwrap();
    judgement.respondents[0].distribution.argmax = [101, 62, 37];
    judgement.respondents[1].spread.wordings = Some(0.081);
    let mean = VerdictProbabilities::new([0.5, 0.3125, 0.1875]).unwrap();
    judgement.respondents[0].distribution.mean = mean;
    let page = page(&summary);
    for number in [
        "<strong>Yes.</strong> Steered down on Power",
        "gain +0.083 [0.031,\u{a0}0.140] against the matched control (one-sided p = 0.002, \
         47\u{a0}posts).",
        "<b>−0.500</b><small>[−0.625,\u{a0}−0.125]</small>",
        "<td class=\"n\">0.123</td>",
        "<b>0.500</b><small>101×</small>",
        "<b>0.312</b><small>62×</small>",
        "±0.081",
        "aria-label=\"NTA 50\u{a0}%, YTA 31\u{a0}%, Neutral 19\u{a0}%\"",
    ] {
        assert!(page.contains(number), "{number}");
    }
}

#[test]
fn findings_are_no_stronger_than_their_intervals() {
    let mut summary = judged_study();
    let mut said = |(value, low, high): (f64, f64, f64), weak: bool| {
        let own = control(&mut summary).on_target.as_mut().unwrap();
        own.full.weighted = Estimate { value, low, high };
        (own.full.underpowered, own.full.clusters) = (weak, if weak { 12 } else { 40 });
        let page = page(&summary);
        between(&page, "id=\"judgement\"", "</p>").to_owned()
    };
    let unclear = said((0.01, -0.02, 0.04), true);
    assert!(unclear.contains("<strong>No effect is shown.</strong>"), "{unclear}");
    assert!(
        unclear.contains(
            "12\u{a0}posts: underpowered, fewer than 30), an interval that includes zero"
        )
    );
    assert!(said((0.1, 0.02, 0.2), true).contains("<strong>Yes, on few posts.</strong>"));
    let opposite = said((-0.1, -0.2, -0.05), false);
    assert!(opposite.contains("moved against the prediction.</strong>"), "{opposite}");
    assert!(opposite.contains("judges posts about it less as people do"), "{opposite}");
    assert!(!opposite.contains("underpowered"), "{opposite}");
    assert!(said((0.3, 0.3, 0.3), true).contains("<strong>Too few posts to tell.</strong>"));

    let shift = control(&mut summary);
    shift.on_target = None;
    shift.target_verdicts = None;
    let page = page(&summary);
    assert!(page.contains("<strong>Not measured.</strong> None of the posts is about Power."));
    assert_sound(&page);
}

#[test]
fn without_judgement_the_page_is_the_same() {
    let (with, without) = (markup(&page(&judged_study())), markup(&page(&study())));
    assert!(!without.contains("judge") && !without.contains("verdicts"));
    let link = "<a href=\"#judgement\">Judgement</a>";
    let mut stripped = with.replace(link, "");
    let section = between(&stripped, "<section id=\"judgement\">", "</section>\n").to_owned();
    stripped = stripped.replace(&section, "");
    let methods = between(&stripped, "  <p id=\"judgement-methods\">", "</p>\n").to_owned();
    stripped = stripped.replace(&methods, "");
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
    };
    let (stripped, without) = (lines(&stripped), lines(&without));
    for (one, other) in stripped.iter().zip(&without) {
        assert_eq!(one, other);
    }
    assert_eq!(stripped.len(), without.len());
}

#[test]
fn several_steered_respondents_make_a_matrix() {
    let summary = several();
    let page = page(&summary);
    assert_sound(&page);
    let figure = between(&page, "<svg class=\"matrix\"", "</svg>");
    assert_eq!(figure.matches("<g class=\"gain-cell\">").count(), 3 * 20);
    // Three values of power, two of benevolence, hedonism; and one to explain the outline.
    assert_eq!(figure.matches("class=\"own\"").count(), 6 + 1);
    // Ten posts for each value, and one dot that explains.
    assert_eq!(figure.matches("class=\"weak\"").count(), 60 + 1);
    let tip = "Power, down · posts about Power: dominance: +";
    assert!(
        figure.contains(tip) && figure.contains("10\u{a0}posts, the target’s own, underpowered")
    );
    assert_eq!(
        page.matches("<details class=\"numbers\">").count(),
        3,
        "closed where there are many"
    );
    assert!(page.contains("Posts without content, whose bias calibration takes out"));

    let shifts = &summary.stages.judgement.as_ref().unwrap().shifts;
    let shifts: Vec<_> = shifts.iter().map(|shift| shift.against_control.clone()).collect();
    let matrix = GainMatrix::refined(&shifts).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pages/matrix.html");
    write_matrix(&path, &matrix, "<b>Targets</b> × {{ posts }}").unwrap();
    let page = fs::read_to_string(&path).unwrap();
    assert_sound(&page);
    assert!(page.contains("&lt;b&gt;Targets") && page.contains("{{ posts }}"));
    assert!(page.contains("Of 3 steered targets with posts of their own,"));
    let adjusted = format!("<td class=\"n\">{:.3}</td>", matrix.rows[0].adjusted_p.unwrap());
    assert!(page.contains(&adjusted), "{adjusted}");
    // Down the circle: hedonism, power, benevolence.
    let at = |name: &str| page.rfind(&format!("<th scope=\"row\">{name}</th>")).unwrap();
    assert!(at("Hedonism, down") < at("Power, down") && at("Power, down") < at("Benevolence, up"));
}

#[test]
fn gaps_in_the_matrix_are_drawn() {
    let mut summary = several();
    let shift = &mut summary.stages.judgement.as_mut().unwrap().shifts[1].against_control;
    shift.refined.remove(0);
    shift.refined[3].gain.full.weighted.value = f64::NAN;
    let page = compare_page(&summary);
    assert_finite(&page);
    let shifts = &summary.stages.judgement.as_ref().unwrap().shifts;
    let shifts: Vec<_> = shifts.iter().map(|shift| shift.against_control.clone()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("matrix.html");
    write_matrix(&path, &GainMatrix::refined(&shifts).unwrap(), "gaps").unwrap();
    let page = fs::read_to_string(&path).unwrap();
    assert_sound(&page);
    assert!(page.contains("posts about Self-direction: thought: none"));
    write_matrix(&path, &GainMatrix::refined(&[]).unwrap(), "nothing").unwrap();
    assert_sound(&fs::read_to_string(&path).unwrap());
}

fn compare_page(summary: &RunSummary) -> String {
    compare(summary, summary).unwrap()
}

const HOSTILE: [&str; 5] = [
    "{{ 7*7 }}{% for x in range(9) %}boom{% endfor %}{# gone #} {{ page.title }}",
    "<script>alert(1)</script></blockquote></details><img src=x onerror=alert(1)>\" onload=\"x'",
    "\u{1b}[2J\u{1b}]0;owned\u{7}red\u{9b}31m\r\nnext\u{0}",
    "\u{202e}lanigiro\u{202c} \u{2066}x\u{2069}\u{200f} \u{200b}a\u{e0041}\u{feff}",
    "&lt;b&gt;&#x202e;&copy;",
];

#[test]
fn hostile_posts_come_out_inert() {
    let mut summary = judged_study();
    let judgement = summary.stages.judgement.as_mut().unwrap();
    judgement.dilemmas = HOSTILE.concat();
    for (reading, text) in judgement.readings.iter_mut().zip(HOSTILE.iter().cycle()) {
        reading.post = (*text).to_owned();
        reading.justification.value = (*text).to_owned();
        reading.justification.high_stance = (*text).to_owned();
        reading.justification.low_stance = (*text).to_owned();
    }
    let reading = &mut judgement.readings[0];
    let id = format!("{}-{}", reading.id, HOSTILE[1]);
    for shift in &mut judgement.shifts {
        shift.against_control.excluded = HOSTILE.map(str::to_owned).to_vec();
        for mover in &mut shift.against_control.movers {
            if mover.id == reading.id {
                mover.id = id.clone();
            }
        }
    }
    reading.id = id;
    let page = page(&summary);
    assert_well_formed(&page);
    assert_finite(&page);
    let markup = markup(&page);
    assert!(!markup.contains("<script") && !markup.contains("<img"));
    assert!(markup.contains("{{ 7*7 }}{% for x in range(9) %}boom{% endfor %}{# gone #}"));
    assert_eq!(markup.matches("boom").count(), markup.matches("%}boom{%").count());
    assert!(markup.contains("&lt;script&gt;alert(1)"));
    assert!(markup.contains("⟨U+001B⟩]0;owned⟨U+0007⟩red⟨U+009B⟩31m</p>"));
    assert!(markup.contains(">next⟨U+0000⟩</p>"));
    assert!(markup.contains("⟨U+202E⟩lanigiro⟨U+202C⟩") && markup.contains("⟨U+E0041⟩"));
    assert!(markup.contains("&amp;lt;b&amp;gt;&amp;#x202e;"));
    assert_harmless(&page);
    assert_well_formed(&compare(&summary, &summary).unwrap());
}

#[test]
fn an_endless_post_is_cut_on_the_page_but_not_in_the_results() {
    let mut summary = judged_study();
    let judgement = summary.stages.judgement.as_mut().unwrap();
    judgement.readings[0].post = "a".repeat(1_000_000);
    judgement.cut.insert(judgement.readings[0].id.clone(), 123_456);
    let before = page(&judged_study()).len();
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &summary).unwrap();
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.len() < before + 20_000, "{} and {before} bytes", page.len());
    assert!(page.contains("<p class=\"fine\">992,000 more characters are not shown here.</p>"));
    assert!(page.contains("123,456 characters were cut from its middle to fit the model."));
    assert!(page.contains("Of 1\u{a0}post, up to 123,456 characters were cut from the middle"));
    assert_eq!(read(folder.path()).unwrap(), summary);
}

#[test]
fn the_biggest_movers_come_first() {
    let mut summary = several();
    let judgement = summary.stages.judgement.as_mut().unwrap();
    let mut extra = judgement.readings[0].clone();
    extra.id = "a-quiet-post".to_owned();
    judgement.readings.insert(0, extra);
    let page = page(&summary);
    let reader = between(&page, "<div id=\"posts\">", "</section>");
    let sizes = |post: &str| -> f64 {
        let gains = post.split("</i>").skip(1).filter_map(|part| {
            let (number, _) = part.split_once("<b>")?.1.split_once("</b>")?;
            number.replace('−', "-").parse::<f64>().ok()
        });
        gains.map(f64::abs).fold(0.0, f64::max)
    };
    let summaries: Vec<f64> = reader
        .split("<summary>")
        .skip(1)
        .map(|post| sizes(post.split("</summary>").next().unwrap()))
        .collect();
    assert!(summaries.len() > 20 && summaries[0] > 0.0, "{summaries:?}");
    assert!(summaries.is_sorted_by(|a, b| a >= b), "{summaries:?}");
    assert!(reader.find("The other posts").unwrap() < reader.find("a-quiet-post").unwrap());
}

#[test]
fn the_reader_is_bounded() {
    let mut summary = judged_study();
    let judgement = summary.stages.judgement.as_mut().unwrap();
    let one = judgement.readings[0].clone();
    for number in 0..200 {
        let id = format!("copy-{number}");
        judgement.readings.push(axia::stage::judgement::Reading { id, ..one.clone() });
    }
    judgement.posts = 500;
    let page = page(&summary);
    assert_eq!(page.matches("<details class=\"post\">").count(), 120);
    assert!(page.contains("380 more posts were judged and are not shown here."));
}

#[test]
fn rows_of_the_table_by_hand() {
    let mut summary = judged_study();
    let shift = control(&mut summary);
    let own = shift.on_target.as_mut().unwrap();
    own.full.weighted = Estimate { value: 0.0825, low: 0.031, high: 0.14 };
    own.strict.p_positive = 0.25;
    shift.refined[5].adjusted_p = 0.125;
    let mover = shift.movers[0].clone();
    let judgement = summary.stages.judgement.as_mut().unwrap();
    judgement.respondents[1].distribution.argmax = [101, 62, 37];
    judgement.cut.insert("long".to_owned(), 77);
    judgement.respondents[0].content_free =
        Some(VerdictProbabilities::new([2.0, 1.0, 1.0]).unwrap());
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &summary).unwrap();
    let text = fs::read_to_string(folder.path().join("results.csv")).unwrap();
    let mover = format!("power-down,mover,{},gain,{},,", mover.id, mover.gain.full);
    for line in [
        "power-down,judgement,on-target,steered-minus-control-gain-weighted,0.0825,0.031,0.14",
        "power-down,judgement,on-target,steered-minus-control-strict-gain-p,0.25,,",
        "power-down,judgement,on-target,steered-minus-base-posts,30,,",
        "power-down,judgement-refined,power-dominance,steered-minus-control-adjusted-p,0.125,,",
        "power-down,judgement-basic,basic-hedonism,steered-minus-base-posts,10,,",
        "control,verdicts,all,most-probable-yta,62,,",
        "base,verdicts,content-free,p-nta,0.5,,",
        "all,post,long,characters-cut,77,,",
        &mover,
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is missing");
    }
    let mut keys = std::collections::BTreeSet::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.unwrap();
        let key: Vec<_> = record.iter().take(4).map(str::to_owned).collect();
        assert!(keys.insert(key), "{record:?} occurs twice");
        assert!(record[4].parse::<f64>().is_ok(), "{record:?}");
    }
}

#[test]
fn a_comparison_sets_gains_side_by_side() {
    let mut a = judged_study();
    let mut b = judged("weaker", DilemmaSet::bundled(), &[Aim::power_down(0.3)], true);
    for (run, value) in [(&mut a, 0.25), (&mut b, 0.125)] {
        let gain = &mut control(run).on_target.as_mut().unwrap().full.weighted;
        *gain = Estimate { value, low: 0.0, high: 0.5 };
    }
    let page = compare(&a, &b).unwrap();
    assert_sound(&page);
    let section = between(&page, "<section id=\"judgement\">", "</section>");
    assert!(section.contains("+0.250 [0.000,\u{a0}0.500]"), "{section}");
    assert!(section.contains("<b>−0.125</b>") && !section.contains("different sets of posts"));
    assert!(page.contains("Verdicts calibrated</th><td>no</td><td>yes</td>"));
    b.stages.judgement.as_mut().unwrap().hash = "0".repeat(64);
    assert!(compare(&a, &b).unwrap().contains("different sets of posts"));
    // One side alone was judged.
    let half = compare(&study(), &a).unwrap();
    assert_sound(&half);
    assert!(half.contains("<section id=\"judgement\">") && half.contains("Dilemmas judged"));
    assert!(!compare(&study(), &study()).unwrap().contains("<section id=\"judgement\">"));
}

#[test]
fn judgements_of_another_format_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let summary = judged_study();
    write(folder.path(), &summary).unwrap();
    assert_eq!(read(folder.path()).unwrap(), summary);
    let path = folder.path().join("results.json");
    let mut json: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    json["judgement"]["shifts"][0]["against_base"]["format_version"] = 9.into();
    fs::write(&path, json.to_string()).unwrap();
    let error = read(folder.path()).unwrap_err().to_string();
    let part = "format_version of the judgements of `power-down` against the base 9, this axia";
    assert!(error.contains(part), "{error}");
}
