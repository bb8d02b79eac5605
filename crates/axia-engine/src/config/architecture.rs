//! The kinds of model that the engine knows.

/// A family of decoders that share one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Architecture {
    /// Llama and what uses its block unchanged: SmolLM2, Falcon3, TinyLlama, …
    Llama,
}

/// The names of a kind of model in files.
struct Names {
    architecture: Architecture,
    /// In the `architectures` of `config.json`.
    class: &'static str,
    /// In the `model_type` of `config.json`.
    model_type: &'static str,
    /// In the `general.architecture` of GGUF metadata, where it is also the prefix of keys.
    gguf: &'static str,
}

const KNOWN: [Names; 1] = [Names {
    architecture: Architecture::Llama,
    class: "LlamaForCausalLM",
    model_type: "llama",
    gguf: "llama",
}];

impl Architecture {
    /// By a class of the `architectures` of `config.json`.
    pub fn from_class(class: &str) -> Option<Self> {
        Self::find(|names| names.class == class)
    }

    /// By the `model_type` of `config.json`.
    pub fn from_model_type(model_type: &str) -> Option<Self> {
        Self::find(|names| names.model_type == model_type)
    }

    /// By the `general.architecture` of GGUF metadata.
    pub fn from_gguf(name: &str) -> Option<Self> {
        Self::find(|names| names.gguf == name)
    }

    /// Whether converters to GGUF interleave the rows of this kind's query and key projections (see
    /// [`RowOrder`](crate::checkpoint_files::RowOrder)).
    pub fn gguf_interleaves_rotary_rows(self) -> bool {
        match self {
            Self::Llama => true,
        }
    }

    /// The class names of all kinds, for messages.
    pub fn supported_names() -> String {
        let names: Vec<&str> = KNOWN.iter().map(|names| names.class).collect();
        names.join(", ")
    }

    fn find(matches: impl Fn(&Names) -> bool) -> Option<Self> {
        KNOWN.iter().find(|names| matches(names)).map(|names| names.architecture)
    }
}
