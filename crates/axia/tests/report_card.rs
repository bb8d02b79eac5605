//! Model cards.

mod report_fixture;

use axia::results::model_card;
use axia::study::summary::RunSummary;
use report_fixture::{Aim, run, values};

fn summary() -> RunSummary {
    run("power", &values(), &[Aim::power_down(1.5)])
}

#[test]
fn a_card_has_front_matter_and_the_numbers() {
    let summary = summary();
    let card = model_card(&summary, "power-down").unwrap();
    let (front, text) = card.strip_prefix("---\n").unwrap().split_once("---\n").unwrap();
    for line in front.lines() {
        assert!(line.starts_with("- ") || line.contains(": ") || line == "tags:", "{line}");
    }
    assert!(front.contains("library_name: peft\n") && front.contains("base_model: \""), "{front}");
    let shift = &summary.shifts[0].shift.against_control;
    let drop = shift.target_drop.macro_average;
    let number = format!("| Target drop | +{:.2} | [{:.2},", drop.value, drop.low);
    assert!(text.contains(&number), "{number} in {text}");
    for part in
        ["| Fluctuation |", "| Selectivity |", "steered: Power, down", "Rating taught", "PeftModel"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let values = text.lines().filter(|line| line.contains('[') && line.starts_with("| ")).count();
    assert_eq!(values, 3 + shift.values.len());
}

#[test]
fn a_control_is_called_one_and_the_base_has_no_card() {
    let summary = summary();
    let card = model_card(&summary, "control").unwrap();
    assert!(card.contains("**matched control**") && !card.contains("Target drop"), "{card}");
    assert_eq!(model_card(&summary, "base"), None);
    assert_eq!(model_card(&summary, "nobody"), None);
}

#[test]
fn foreign_text_stays_in_its_cell() {
    let mut summary = summary();
    summary.model.name = "my \"model\": x".to_owned();
    summary.shifts[0].title = "a | b\n# heading".to_owned();
    let card = model_card(&summary, "power-down").unwrap();
    assert!(card.contains("base_model: \"my \\\"model\\\": x\"\n"), "{card}");
    assert!(card.contains("a \\| b # heading") && !card.contains("\n# heading"), "{card}");
}
