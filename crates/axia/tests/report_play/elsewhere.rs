//! Play in the table of results and in the comparison of two runs.

use std::fs;

use axia::results::{compare, read, write};
use axia_values::stats::Estimate;

use super::report_fixture::markup::assert_sound;
use super::report_fixture::play::{played, played_study};
use super::report_fixture::{Aim, study};
use super::{change, parts, player, section, shift};

#[test]
fn rows_of_the_table_by_hand() {
    let mut summary = played_study();
    change(&mut summary, "violations.Σ", Some((-12.25, -20.0, -4.5)));
    let own = shift(&mut summary);
    own.revealed[5].change = Some(Estimate { value: -0.25, low: -0.5, high: 0.0 });
    let agreement = own.agreement.as_mut().unwrap();
    (agreement.points[0].survey, agreement.points[0].play) = (0.125, -0.25);
    let base = player(&mut summary, "base");
    base.measures[5].count = 3.25;
    base.measures[5].score = Some(Estimate { value: 98.5, low: 90.0, high: 105.0 });
    base.measures[6].score = None;
    base.revealed[0].decisions = 17;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &summary).unwrap();
    assert_eq!(read(folder.path()).unwrap(), summary);
    let text = fs::read_to_string(folder.path().join("results.csv")).unwrap();
    let fifth = summary.stages.play.as_ref().unwrap().shifts[0].revealed[5].value.slug();
    let revealed = format!("power-down,revealed,{fifth},steered-minus-control,-0.25,-0.5,0");
    for line in [
        "all,game,mill-race,max-points,100,,",
        "all,game,mill-race,random-games,1000,,",
        "base,playing,all,games,12,,",
        "random,playing,all,loop-breaks,2,,",
        "base,play,power.Σ,count,3.25,,",
        "base,play,power.Σ,score,98.5,90,105",
        "power-down,play,violations.Σ,steered-minus-control,-12.25,-20,-4.5",
        "base,revealed,self-direction-thought,decisions,17,,",
        "power-down,agreement,all,correlation,0.84,0.61,0.94",
        "power-down,agreement,self-direction-thought,survey-shift,0.125,,",
        "power-down,agreement,self-direction-thought,play-shift,-0.25,,",
        &revealed,
    ] {
        assert!(text.lines().any(|own| own == line), "{line} is missing");
    }
    assert!(!text.contains("base,play,utility.suffering,score"));
    let mut keys = std::collections::BTreeSet::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.unwrap();
        let key: Vec<_> = record.iter().take(4).map(str::to_owned).collect();
        assert!(keys.insert(key), "{record:?} occurs twice");
    }
}

#[test]
fn a_comparison_sets_play_side_by_side() {
    let mut a = played_study();
    let mut b = played("weaker", &[Aim::power_down(0.3)]);
    for (run, value) in [(&mut a, 90.0), (&mut b, 82.5)] {
        let base = player(run, "base");
        base.measures[21].score = Some(Estimate { value, low: 80.0, high: 99.0 });
    }
    let page = compare(&a, &b).unwrap();
    assert_sound(&page);
    let both = section(&page);
    let row = "<th scope=\"row\">Ethical violations</th><td class=\"n\">90.0 [80.0,\u{a0}99.0]</td>\
               <td class=\"n\">82.5 [80.0,\u{a0}99.0]</td><td class=\"n\"><b>−7.5</b></td>";
    assert!(both.contains(row), "{both}");
    assert!(both.contains("Power, steered − control") && !both.contains("different games"));
    parts(&mut b).games[0].hash = "0".repeat(64);
    parts(&mut b).settings[0].1 = "words of the answer".to_owned();
    let other = compare(&a, &b).unwrap();
    assert!(other.contains("The runs played different games"));
    assert!(other.contains("Play: decisions</th>"));
    assert!(other.contains("Hash of the game mill-race</th>"));
    // One side alone played.
    let half = compare(&study(), &a).unwrap();
    assert_sound(&half);
    assert!(half.contains("<section id=\"play\">") && half.contains("Seeds of the game"));
}
