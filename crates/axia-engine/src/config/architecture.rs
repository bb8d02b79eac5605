//! The kinds of model that the engine knows.

/// A family of decoders. All are one block with options ([`Options`](super::Options)); the family
/// says which options a model's files speak of and what their silence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Architecture {
    /// Llama and what uses its block unchanged: SmolLM2, Falcon3, TinyLlama, …
    Llama,
    /// Mistral: Llama with a sliding window.
    Mistral,
    /// Qwen2 and Qwen2.5: queries, keys and values have biases.
    Qwen2,
    /// Qwen3: queries and keys are normalised.
    Qwen3,
    /// SmolLM3: some blocks have no rotary embedding.
    SmolLm3,
    /// Gemma 2: norms on both sides, soft-capping, every other block windowed.
    Gemma2,
    /// Gemma 3 (text): norms on both sides and on queries and keys, windowed blocks with a rotary
    /// embedding of their own.
    Gemma3,
}

/// The class of whole Gemma 3 models with images, of which the text part is read.
pub(super) const GEMMA3_WITH_IMAGES: &str = "Gemma3ForConditionalGeneration";

/// The names of a kind of model in files.
struct Names {
    architecture: Architecture,
    /// In the `architectures` of `config.json`.
    class: &'static str,
    /// In the `model_type` of `config.json`.
    model_type: &'static str,
    /// In the `general.architecture` of GGUF metadata, where it is also the prefix of keys; `None`
    /// where converters write another kind's.
    gguf: Option<&'static str>,
}

const KNOWN: [Names; 7] = [
    Names {
        architecture: Architecture::Llama,
        class: "LlamaForCausalLM",
        model_type: "llama",
        gguf: Some("llama"),
    },
    Names {
        architecture: Architecture::Mistral,
        class: "MistralForCausalLM",
        model_type: "mistral",
        gguf: None,
    },
    Names {
        architecture: Architecture::Qwen2,
        class: "Qwen2ForCausalLM",
        model_type: "qwen2",
        gguf: Some("qwen2"),
    },
    Names {
        architecture: Architecture::Qwen3,
        class: "Qwen3ForCausalLM",
        model_type: "qwen3",
        gguf: Some("qwen3"),
    },
    Names {
        architecture: Architecture::SmolLm3,
        class: "SmolLM3ForCausalLM",
        model_type: "smollm3",
        gguf: Some("smollm3"),
    },
    Names {
        architecture: Architecture::Gemma2,
        class: "Gemma2ForCausalLM",
        model_type: "gemma2",
        gguf: Some("gemma2"),
    },
    Names {
        architecture: Architecture::Gemma3,
        class: "Gemma3ForCausalLM",
        model_type: "gemma3_text",
        gguf: Some("gemma3"),
    },
];

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
        Self::find(|names| names.gguf == Some(name))
    }

    /// The class in the `architectures` of `config.json`.
    pub fn class(self) -> &'static str {
        self.names().class
    }

    /// The `model_type` of `config.json`.
    pub fn model_type(self) -> &'static str {
        self.names().model_type
    }

    /// The `general.architecture` of GGUF metadata.
    pub fn gguf_name(self) -> &'static str {
        // Converters write Mistral as the Llama that it is but for its window.
        self.names().gguf.unwrap_or("llama")
    }

    /// Whether converters to GGUF interleave the rows of this kind's query and key projections (see
    /// [`RowOrder`](crate::checkpoint_files::RowOrder)).
    pub fn gguf_interleaves_rotary_rows(self) -> bool {
        matches!(self, Self::Llama | Self::Mistral | Self::SmolLm3)
    }

    /// Whether this is a Gemma: norms on both sides of each half of a block, scaled embeddings,
    /// and norm weights that Hugging Face stores less 1.
    pub fn is_gemma(self) -> bool {
        matches!(self, Self::Gemma2 | Self::Gemma3)
    }

    /// Whether the queries and keys of each head are normalised.
    pub fn has_qk_norm(self) -> bool {
        matches!(self, Self::Qwen3 | Self::Gemma3)
    }

    /// The class names of all kinds, for messages.
    pub fn supported_names() -> String {
        let names = KNOWN.iter().map(|names| names.class);
        names.chain([GEMMA3_WITH_IMAGES]).collect::<Vec<_>>().join(", ")
    }

    fn names(self) -> &'static Names {
        let own = KNOWN.iter().find(|names| names.architecture == self);
        own.unwrap_or_else(|| unreachable!("every architecture is in the list"))
    }

    fn find(matches: impl Fn(&Names) -> bool) -> Option<Self> {
        KNOWN.iter().find(|names| matches(names)).map(|names| names.architecture)
    }
}
