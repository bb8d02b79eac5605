//! The kernels' source texts.

/// One translation unit: a text of CUDA C++ and the kernels in it.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Its name in messages.
    pub name: &'static str,
    /// What the text needs before it.
    preludes: &'static [&'static str],
    /// The text.
    body: &'static str,
    /// The kernels it holds; names are distinct over all sources.
    pub kernels: &'static [&'static str],
}

impl Source {
    /// The whole text to compile.
    pub fn text(&self) -> String {
        let parts = self.preludes.iter().chain([&self.body]);
        parts.copied().collect::<Vec<_>>().join("\n")
    }
}

const COMMON: &str = include_str!("source/common.cuh");
const TILES: &str = include_str!("source/attention_tiles.cuh");
const TENSOR_TILES: &str = include_str!("source/tensor_tiles.cuh");

/// All of them, a file per noun.
pub const SOURCES: [Source; 11] = [
    Source {
        name: "elementwise.cu",
        preludes: &[COMMON],
        body: include_str!("source/elementwise.cu"),
        kernels: &[
            "add",
            "scale",
            "add_to_rows",
            "soft_cap_all",
            "to_bf16",
            "from_bf16",
            "square_sums",
        ],
    },
    Source {
        name: "rows.cu",
        preludes: &[COMMON],
        body: include_str!("source/rows.cu"),
        kernels: &["gather", "gather_bf16", "scatter", "scatter_add"],
    },
    Source {
        name: "norm.cu",
        preludes: &[COMMON],
        body: include_str!("source/norm.cu"),
        kernels: &["rms_norm", "rms_norm_backward"],
    },
    Source {
        name: "rope.cu",
        preludes: &[COMMON],
        body: include_str!("source/rope.cu"),
        kernels: &["rope"],
    },
    Source {
        name: "gated.cu",
        preludes: &[COMMON],
        body: include_str!("source/gated.cu"),
        kernels: &["gated", "gated_backward"],
    },
    Source {
        name: "loss.cu",
        preludes: &[COMMON],
        body: include_str!("source/loss.cu"),
        kernels: &["loss_rows"],
    },
    Source {
        name: "adamw.cu",
        preludes: &[COMMON],
        body: include_str!("source/adamw.cu"),
        kernels: &["adamw"],
    },
    Source {
        name: "attention.cu",
        preludes: &[COMMON, TILES],
        body: include_str!("source/attention.cu"),
        kernels: &[
            "attention_64_16",
            "attention_64_32",
            "attention_64_64",
            "attention_128_16",
            "attention_128_32",
            "attention_128_64",
            "attention_256_16",
            "attention_256_32",
        ],
    },
    Source {
        name: "attention_backward.cu",
        preludes: &[COMMON, TILES],
        body: include_str!("source/attention_backward.cu"),
        kernels: &[
            "attention_delta",
            "attention_combine",
            "query_gradients_64_32",
            "query_gradients_128_32",
            "query_gradients_256_16",
            "key_gradients_64_32",
            "key_gradients_128_32",
            "key_gradients_256_16",
        ],
    },
    Source {
        name: "attention_bf16.cu",
        preludes: &[COMMON, TILES, TENSOR_TILES],
        body: include_str!("source/attention_bf16.cu"),
        kernels: &["attention_bf16_64", "attention_bf16_128", "attention_bf16_256"],
    },
    Source {
        name: "attention_backward_bf16.cu",
        preludes: &[COMMON, TILES, TENSOR_TILES],
        body: include_str!("source/attention_backward_bf16.cu"),
        kernels: &[
            "query_gradients_bf16_64",
            "query_gradients_bf16_128",
            "query_gradients_bf16_256",
            "key_gradients_bf16_64",
            "key_gradients_bf16_128",
            "key_gradients_bf16_256",
        ],
    },
];
