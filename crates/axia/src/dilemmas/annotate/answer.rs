//! Reading the annotator's answer.

use axia_values::dilemma::{Justification, Stance};
use axia_values::taxonomy::RefinedValue;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Vote;
use crate::text::one_line;

/// Most characters of a reason; what is longer is cut after a word.
const LONGEST_REASON: usize = 400;
/// Most characters of a complaint, which may quote the answer.
const LONGEST_COMPLAINT: usize = 200;

/// A usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) vote: Vote,
    pub(super) reasons: Justification,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    value: String,
    value_reason: String,
    high_stance: String,
    high_reason: String,
    low_stance: String,
    low_reason: String,
}

/// The JSON schema of an answer.
pub(super) fn schema() -> Value {
    let value = json!({"type": "string", "enum": RefinedValue::ALL.map(RefinedValue::slug)});
    let stance = json!({"type": "string", "enum": Stance::ALL.map(Stance::label)});
    let reason = json!({"type": "string"});
    let properties = json!({
        "value": value,
        "value_reason": reason,
        "high_stance": stance,
        "high_reason": reason,
        "low_stance": stance,
        "low_reason": reason,
    });
    let required: Vec<&String> =
        properties.as_object().into_iter().flat_map(|p| p.keys()).collect();
    json!({
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

/// Reads the first JSON object in `text`.
///
/// # Errors
/// Why it will not do, in one line.
pub(super) fn parse(text: &str) -> Result<Answer, String> {
    read(text).map_err(|complaint| one_line(&complaint, LONGEST_COMPLAINT))
}

fn read(text: &str) -> Result<Answer, String> {
    let object = object(text).ok_or("there is no complete JSON object in it")?;
    let fields: Fields = serde_json::from_str(object).map_err(|e| e.to_string())?;
    let about = |field: &str, problem: String| format!("{field}: {problem}");
    let stance =
        |field: &str, text: &str| text.parse::<Stance>().map_err(|e| about(field, e.to_string()));
    let reason = |field: &str, text: &str| match one_line(text, LONGEST_REASON) {
        reason if reason.is_empty() => Err(about(field, "a reason is missing".to_owned())),
        reason => Ok(reason),
    };
    let vote = Vote {
        value: fields.value.parse().map_err(|e| about("value", format!("{e}")))?,
        high_stance: stance("high_stance", &fields.high_stance)?,
        low_stance: stance("low_stance", &fields.low_stance)?,
    };
    if vote.high_stance == vote.low_stance {
        return Err(format!("high_stance and low_stance are both {}", vote.high_stance));
    }
    let reasons = Justification {
        value: reason("value_reason", &fields.value_reason)?,
        high_stance: reason("high_reason", &fields.high_reason)?,
        low_stance: reason("low_reason", &fields.low_reason)?,
    };
    Ok(Answer { vote, reasons })
}

/// The first complete JSON object in `text`, after the model's thoughts if it wrote them down.
pub(super) fn object(text: &str) -> Option<&str> {
    let text = text.rsplit("</think>").next().unwrap_or(text);
    text.match_indices('{').find_map(|(at, _)| {
        let rest = &text[at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        rest.get(..values.byte_offset())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stance::{Neutral, Nta, Yta};
    use proptest::prelude::*;

    fn answer() -> Value {
        json!({
            "value": "power-dominance", "value_reason": "He wants to decide.",
            "high_stance": "NTA", "high_reason": "It is his call.",
            "low_stance": "YTA", "low_reason": "Nobody asked him.",
        })
    }

    fn with(field: &str, value: Value) -> String {
        let mut answer = answer();
        answer[field] = value;
        answer.to_string()
    }

    #[test]
    fn a_good_answer_is_read() {
        let read = parse(&answer().to_string()).unwrap();
        let expected =
            Vote { value: RefinedValue::PowerDominance, high_stance: Nta, low_stance: Yta };
        assert_eq!(read.vote, expected);
        assert_eq!(read.reasons.value, "He wants to decide.");
        assert_eq!(read.reasons.high_stance, "It is his call.");
        assert_eq!(read.reasons.low_stance, "Nobody asked him.");
    }

    #[test]
    fn fences_chatter_and_thoughts_are_skipped() {
        let json = serde_json::to_string_pretty(&answer()).unwrap();
        for text in [
            format!("```json\n{json}\n```"),
            format!("Sure! {{the answer}}: {json} I hope { }that {{\"helps\": 1}}", "{"),
            format!("<think>maybe {{\"value\": \"face\"}}</think>\n{json}"),
            format!("\u{feff}{json}"),
        ] {
            assert_eq!(parse(&text).unwrap().vote.high_stance, Nta, "{text}");
        }
    }

    #[test]
    fn labels_in_other_spellings_are_understood() {
        for (field, text) in [
            ("value", "Power: dominance"),
            ("value", " POD "),
            ("high_stance", "nta"),
            ("low_stance", " yta "),
        ] {
            assert!(parse(&with(field, json!(text))).is_ok(), "{field} {text}");
        }
        let neutral = parse(&with("low_stance", json!("NEUTRAL"))).unwrap();
        assert_eq!(neutral.vote.low_stance, Neutral);
    }

    #[test]
    fn everything_else_is_refused_with_the_reason() {
        for (text, part) in [
            (String::new(), "no complete JSON object"),
            ("NTA".to_owned(), "no complete JSON object"),
            (answer().to_string().trim_end_matches('}').to_owned(), "no complete JSON object"),
            ("[1]".to_owned(), "no complete JSON object"),
            ("{}".to_owned(), "missing field `value`"),
            (with("value", json!("power")), "value: unknown value `power`"),
            (with("value", json!(3)), "invalid type"),
            (with("value", json!(["face"])), "invalid type"),
            (with("value", json!("\u{1b}[2J\u{202e}")), "value: unknown value"),
            (with("high_stance", json!("ESH")), "high_stance: unknown stance `ESH`"),
            (with("low_stance", json!("NTA")), "both NTA"),
            (with("high_reason", json!(" \n")), "high_reason: a reason is missing"),
            (with("low_reason", json!(null)), "invalid type: null"),
            (with("confidence", json!(1)), "unknown field `confidence`"),
            ("{".repeat(100_000), "no complete JSON object"),
            ("{\"a\":".repeat(20_000), "no complete JSON object"),
            (with("value", json!("x".repeat(1_000_000))), "value: unknown value"),
        ] {
            let complaint = parse(&text).unwrap_err();
            assert!(complaint.contains(part), "{part}: {complaint}");
            assert!(complaint.chars().count() <= LONGEST_COMPLAINT, "{complaint}");
            assert!(!complaint.contains(['\u{1b}', '\u{202e}', '\n']), "{complaint}");
        }
    }

    #[test]
    fn a_field_given_twice_is_refused() {
        let text = answer().to_string().replacen('{', "{\"value\": \"face\", ", 1);
        assert!(parse(&text).unwrap_err().contains("duplicate field `value`"));
    }

    #[test]
    fn long_reasons_are_cut_after_a_word() {
        let read = parse(&with("low_reason", json!("word ".repeat(100)))).unwrap();
        let reason = read.reasons.low_stance;
        assert!(reason.ends_with("word…") && reason.chars().count() <= LONGEST_REASON);
        assert!(reason.chars().count() > LONGEST_REASON - 6);
        let exact = "x".repeat(LONGEST_REASON);
        assert_eq!(parse(&with("low_reason", json!(exact))).unwrap().reasons.low_stance, exact);
    }

    #[test]
    fn the_schema_admits_what_is_read() {
        let schema = schema();
        let names: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(json!(names), schema["required"]);
        let mut sorted: Vec<_> = answer().as_object().unwrap().keys().cloned().collect();
        assert_eq!(sorted, names);
        sorted.sort();
        assert_eq!(schema["properties"]["value"]["enum"].as_array().unwrap().len(), 20);
        assert_eq!(schema["properties"]["low_stance"]["enum"], json!(["NTA", "YTA", "Neutral"]));
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_be_read(before in "[^{]{0,20}|\\PC{0,20}", cut in 0..300_usize) {
            let whole = answer().to_string();
            let text = format!("{before}{whole}");
            let text: String = text.chars().take(cut).collect();
            if let Ok(answer) = parse(&text) {
                prop_assert!(answer.vote.value == RefinedValue::PowerDominance && text.contains(&whole));
            }
        }
    }
}
