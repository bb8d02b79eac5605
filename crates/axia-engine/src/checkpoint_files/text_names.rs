//! The language part of models of text and images.

use std::borrow::Cow;

/// What a model of text calls the tensor or module `name` of a model of text and images, if it belongs to
/// its language part; other names stay. Older files have `language_model` in front, newer ones inside.
pub(crate) fn text_name(name: &str) -> Cow<'_, str> {
    if let Some(rest) = name.strip_prefix("model.language_model.") {
        return Cow::Owned(format!("model.{rest}"));
    }
    match name.strip_prefix("language_model.") {
        Some(rest) => Cow::Borrowed(rest),
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
    fn language_parts_lose_their_prefix() {
        for (name, expected) in [
            (
                "language_model.model.layers.0.mlp.up_proj.weight",
                "model.layers.0.mlp.up_proj.weight",
            ),
            ("language_model.lm_head.weight", "lm_head.weight"),
            ("model.language_model.embed_tokens.weight", "model.embed_tokens.weight"),
            ("model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.up_proj.weight"),
            ("vision_tower.head.weight", "vision_tower.head.weight"),
        ] {
            assert_eq!(text_name(name), expected);
        }
        let older = "language_model.model.layers.0.mlp.up_proj";
        assert_eq!(newer_name(older), "model.language_model.layers.0.mlp.up_proj");
    }
}
