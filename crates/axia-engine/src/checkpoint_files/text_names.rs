//! What a model of text calls its tensors, whatever they were saved as a part of.

use std::borrow::Cow;

/// What begins the names of a model that was saved without what reads its final states.
const BARE: [&str; 3] = ["embed_tokens.", "layers.", "norm."];

/// What a model of text calls the tensor or module `name` of a model of text and images, if it belongs to
/// its language part, or of one that was saved without its output layer; other names stay. Of images,
/// older files have `language_model` in front, newer ones inside.
pub(crate) fn text_name(name: &str) -> Cow<'_, str> {
    if let Some(rest) = name.strip_prefix("model.language_model.") {
        return Cow::Owned(format!("model.{rest}"));
    }
    match name.strip_prefix("language_model.") {
        Some(rest) => Cow::Borrowed(rest),
        None if BARE.iter().any(|part| name.starts_with(part)) => {
            Cow::Owned(format!("model.{name}"))
        }
        None => Cow::Borrowed(name),
    }
}

/// What newer versions of transformers call the module `name` of a model of text and images.
pub(crate) fn newer_name(name: &str) -> Cow<'_, str> {
    match name.strip_prefix("language_model.model.") {
        Some(rest) => Cow::Owned(format!("model.language_model.{rest}")),
        None => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_model_of_text() {
        for (name, expected) in [
            (
                "language_model.model.layers.0.mlp.up_proj.weight",
                "model.layers.0.mlp.up_proj.weight",
            ),
            ("language_model.lm_head.weight", "lm_head.weight"),
            ("model.language_model.embed_tokens.weight", "model.embed_tokens.weight"),
            ("model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
            ("vision_tower.head.weight", "vision_tower.head.weight"),
            ("layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
            ("norm.weight", "model.norm.weight"),
        ] {
            assert_eq!(text_name(name), expected);
        }
        let older = "language_model.model.layers.0.mlp.up_proj";
        assert_eq!(newer_name(older), "model.language_model.layers.0.mlp.up_proj");
    }
}
