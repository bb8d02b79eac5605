//! What the server's list of models says.

use crate::respondent::served::ServedError;
use crate::respondent::served::asking::Asking;
use serde_json::Value;
use std::sync::atomic::AtomicBool;

/// Names of a context's length, in tokens, in the lists of different servers.
const LENGTHS: [&str; 3] = ["max_model_len", "context_length", "context_window"];

/// The longest text that the model reads, where the server says so.
///
/// # Errors
/// [`ServedError`] after a cancellation, or where the answer cannot be kept.
pub(in crate::respondent::served) fn context(
    asking: &Asking,
    cancel: &AtomicBool,
) -> Result<Option<usize>, ServedError> {
    asking.context(|list| length(list, &asking.model), cancel)
}

fn length(list: &Value, model: &str) -> Option<usize> {
    let own = list["data"].as_array()?.iter().find(|entry| entry["id"] == model)?;
    let length = LENGTHS.iter().find_map(|name| own[*name].as_u64())?;
    usize::try_from(length).ok().filter(|&length| length > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lengths_are_found_by_any_name_of_the_model_asked() {
        let list = json!({"data": [{"id": "a", "context_window": 9}, {"id": "b"}, {"id": "c",
            "max_model_len": 4096}, {"id": "d", "max_model_len": 0}]});
        let found = ["a", "b", "c", "d", "e"].map(|model| length(&list, model));
        assert_eq!(found, [Some(9), None, Some(4096), None, None]);
        assert_eq!(length(&json!("x"), "a"), None);
    }
}
