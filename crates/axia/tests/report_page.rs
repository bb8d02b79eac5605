//! The pages: complete, inert, and well formed.

mod report_fixture;

use axia::results::compare;
use axia::study::summary::{NoteLevel, RunSummary};
use axia_values::instrument::Dimension;
use axia_values::stats::Estimate;
use axia_values::target::Direction;
use report_fixture::markup::{
    assert_finite, assert_sound, assert_well_formed, attributes, markup, page, tags,
};
use report_fixture::{Aim, run, study, traits, values};

fn several() -> RunSummary {
    let aim = |dimension, title, direction| Aim { dimension, title, direction, effect: 0.5 };
    let aims = [
        Aim::power_down(0.8),
        aim("benevolence", "Benevolence, up", Direction::Up),
        aim("hedonism", "Hedonism, down", Direction::Down),
    ];
    run("several", &values(), &aims)
}

fn other_theory() -> RunSummary {
    let aim = Aim {
        dimension: "Social Boldness",
        title: "Social Boldness, up",
        direction: Direction::Up,
        effect: 0.6,
    };
    run("traits", &traits(), &[aim])
}

#[test]
fn a_study_shows_everything_in_order() {
    let summary = study();
    let page = page(&summary);
    assert_sound(&page);
    let headings = [
        "Did it work?",
        "<strong>Yes.</strong> Power fell by",
        "Target drop",
        "Caution</b> The numbers of this run are synthetic",
        "134.5 million weights",
        "The circle of values",
        "What moved",
        "How much, and at what cost",
        "Leakage around the circle",
        "Does the wording of the question matter?",
        "Training</h2>",
        "validation loss stopped falling",
        "Items, before and after",
        "All scores",
        "Higher-order values",
        "Reproduce this run",
        "axia run --name power-study",
        "Methods",
        "What is not claimed",
    ];
    let mut rest = page.as_str();
    for heading in headings {
        let at = rest.find(heading).unwrap_or_else(|| panic!("{heading} is missing or too early"));
        rest = &rest[at..];
    }
    // Ten intervals of twenty values for each respondent, and every target marked once.
    for value in ["Power: dominance", "Universalism: objectivity", "Self-transcendence"] {
        assert!(page.contains(value), "{value}");
    }
    assert_eq!(page.matches("▼").count(), 3);
}

#[test]
fn targets_come_first_among_the_items() {
    let page = page(&study());
    let rows = page.split("<tr class=\"target\">").count() - 1;
    assert_eq!(rows, study().examples.iter().filter(|example| example.is_target).count());
    let last_target = page.rfind("<mark>target</mark>").unwrap();
    assert!(last_target < page.find("<small>self-direction-thought-0</small>").unwrap());
}

#[test]
fn a_run_without_effect_says_so() {
    let mut summary = study();
    let nothing = Estimate { value: 0.05, low: -0.02, high: 0.12 };
    summary.shifts[0].shift.against_control.target_drop.macro_average = nothing;
    let page = page(&summary);
    assert!(page.contains("<strong>No clear effect.</strong> Power fell by 0.05 points"));
    assert!(!page.contains("<strong>Yes"));
}

#[test]
fn a_profile_alone_has_no_effects() {
    let page = page(&run("alone", &values(), &[]));
    assert_sound(&page);
    assert!(page.contains("Nothing was steered in this run"));
    for absent in ["id=\"shifts\"", "id=\"effects\"", "id=\"training\"", "Did it work", "control"] {
        assert!(!markup(&page).contains(absent), "{absent}");
    }
}

#[test]
fn many_steered_respondents_get_a_circle_each() {
    let page = page(&several());
    assert_sound(&page);
    assert_eq!(page.matches("<svg class=\"circle\"").count(), 3);
    assert_eq!(page.matches("<section class=\"tiles").count(), 3);
    assert!(page.contains("Movement to goal"));
}

#[test]
fn other_instruments_get_a_dot_plot() {
    let page = page(&other_theory());
    assert_sound(&page);
    assert!(!page.contains("<svg class=\"circle\"") && !page.contains("Leakage around"));
    assert!(page.contains("Mean ratings by dimension"));
    assert!(page.contains("other traits moved by"));
    assert!(!page.contains("Higher-order values"));
}

#[test]
fn hostile_texts_come_out_inert() {
    let attack = "<script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"x' {{ 7*7 }}";
    let mut summary = study();
    summary.name = attack.to_owned();
    summary.command = attack.to_owned();
    summary.machine = attack.to_owned();
    summary.axia_version = attack.to_owned();
    summary.created = attack.to_owned();
    summary.model.name = attack.to_owned();
    summary.model.storage = attack.to_owned();
    summary.model.architecture = attack.to_owned();
    summary.survey.title = attack.to_owned();
    summary.settings.push((attack.to_owned(), attack.to_owned()));
    summary.hashes.insert(attack.to_owned(), attack.to_owned());
    summary.timings.push((attack.to_owned(), 1.0));
    summary.notes[0].text = attack.to_owned();
    summary.shifts[0].title = attack.to_owned();
    summary.shifts[0].respondent = attack.to_owned();
    summary.respondents[2].name = attack.to_owned();
    summary.training[1].respondent = attack.to_owned();
    let named = Dimension::Named(attack.to_owned());
    for one in &mut summary.respondents {
        one.profile.dimensions[4].dimension = named.clone();
    }
    summary.shifts[0].shift.against_control.values[4].dimension = named;
    for example in &mut summary.examples {
        example.statement = attack.to_owned();
        example.item = attack.to_owned();
        example.dimension = attack.to_owned();
        example.ratings[2].0 = attack.to_owned();
    }
    for page in [page(&summary), compare(&summary, &summary).unwrap()] {
        let markup = markup(&page);
        assert!(!markup.contains("<script") && !markup.contains("<img"));
        assert!(markup.contains("&lt;script&gt;alert(1)&lt;"));
        assert!(markup.contains("{{ 7*7 }}") && !markup.contains("49 49"));
        assert_well_formed(&page);
        let tags = tags(&markup);
        assert!(attributes(&tags, "onload").is_empty() && attributes(&tags, "onerror").is_empty());
    }
}

#[test]
fn cautions_stand_out() {
    let mut summary = study();
    summary.notes[1].level = NoteLevel::Caution;
    assert_eq!(page(&summary).matches("<li class=\"caution\"><b>Caution</b>").count(), 2);
}

#[test]
fn a_comparison_shows_what_differs() {
    let a = study();
    let mut b = run("weaker", &values(), &[Aim::power_down(0.3)]);
    b.settings[0].1 = "0.00002".to_owned();
    b.settings.push(("warm-up".to_owned(), "15 %".to_owned()));
    let page = compare(&a, &b).unwrap();
    assert_sound(&page);
    assert!(page.contains("Setting: learning rate</th><td>0.0001</td><td>0.00002</td>"));
    assert!(page.contains("Setting: warm-up</th><td>–</td><td>15 %</td>"));
    assert!(!page.contains("Setting: rank"));
    assert_eq!(page.matches("<svg class=\"circle\"").count(), 3);
    assert_eq!(page.matches("<svg class=\"intervals\"").count(), 1);
    let drop =
        |run: &RunSummary| run.shifts[0].shift.against_control.target_drop.macro_average.value;
    let difference = format!("<b>−{:.2}</b>", drop(&a) - drop(&b));
    assert!(page.contains(&difference), "{difference}");
}

#[test]
fn runs_with_little_in_common_compare() {
    let alone = run("alone", &values(), &[]);
    let page = compare(&several(), &alone).unwrap();
    assert_sound(&page);
    assert!(page.contains("Not compared: control (only in A), power-down (only in A)"));
    let page = compare(&study(), &other_theory()).unwrap();
    assert_sound(&page);
    assert!(page.contains("power-down | social-boldness-up"));
    let page = compare(&alone, &alone).unwrap();
    assert!(page.contains("facts, settings and hashes are the same"));
}

#[test]
fn numbers_that_are_none_are_not_drawn() {
    let mut broken = study();
    for score in &mut broken.respondents[0].profile.dimensions[..3] {
        score.mean.value = f64::NAN;
    }
    broken.shifts[0].shift.against_control.values[2].shift.high = f64::INFINITY;
    assert_finite(&compare(&broken, &study()).unwrap());
}
