//! Writes a model's shape as a `config.json`, the inverse of `from_json`.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    Activation, Architecture, Biases, ConfigError, LongRope, ModelConfig, Rope, RopeScaling, Yarn,
};

/// Contexts that Llama 3's scaling may have been trained with first, as powers of two.
const ORIGINAL_CONTEXTS: std::ops::RangeInclusive<u32> = 4..=20;
/// Bounds of the blend in Llama 3's scaling, the same in all its models.
const LOW_FREQUENCY_FACTOR: f64 = 1.0;
const HIGH_FREQUENCY_FACTOR: f64 = 4.0;
/// How exactly divisors, which files hold in single precision, must be those of Llama 3's rule.
const DIVISOR_TOLERANCE: f64 = 1e-4;

impl ModelConfig {
    /// The contents of a `config.json` that [`ModelConfig::from_json`] and transformers read as this
    /// model. `dtype` is the name of the type of its weights (`bfloat16`); `path`, the file the model
    /// came from, is only used in messages.
    ///
    /// # Errors
    /// [`ConfigError::Unsupported`] naming what `config.json` has no field for.
    pub fn to_json(&self, dtype: &str, path: &Path) -> Result<Value, ConfigError> {
        let architecture = self.hf_architecture();
        let writer = Writer { model: self, architecture, path };
        writer.refuse_inexpressible()?;
        let mut config = json!({
            "architectures": [architecture.class()],
            "model_type": architecture.model_type(),
            "vocab_size": self.vocab_size,
            "hidden_size": self.hidden_size,
            "intermediate_size": self.ffn_size,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "rms_norm_eps": plain(self.rms_eps),
            "max_position_embeddings": self.max_positions,
            "tie_word_embeddings": self.tied_embeddings,
            "bos_token_id": self.bos_id,
            "eos_token_id": self.eos_json(),
            "pad_token_id": self.pad_id,
            "torch_dtype": dtype,
            "rope_theta": plain(self.rope.theta),
            "rope_scaling": writer.rope_scaling(&self.rope)?,
        });
        for (field, value) in writer.options() {
            config[field] = value;
        }
        if let Some(parameters) = writer.rope_of_kinds()? {
            config["rope_parameters"] = parameters;
            config["rope_scaling"] = Value::Null;
        }
        Ok(config)
    }

    /// The contents of a `generation_config.json`.
    pub fn generation_json(&self) -> Value {
        json!({
            "bos_token_id": self.bos_id,
            "eos_token_id": self.eos_json(),
            "pad_token_id": self.pad_id,
        })
    }

    fn eos_json(&self) -> Value {
        match self.eos_ids.as_slice() {
            [] => Value::Null,
            [id] => json!(id),
            ids => json!(ids),
        }
    }

    /// GGUF files call Mistral a Llama.
    fn hf_architecture(&self) -> Architecture {
        match self.architecture {
            Architecture::Llama if self.options.window.is_some() => Architecture::Mistral,
            architecture => architecture,
        }
    }
}

struct Writer<'a> {
    model: &'a ModelConfig,
    architecture: Architecture,
    path: &'a Path,
}

impl Writer<'_> {
    /// Refuses options that this kind of model has in no `config.json`.
    fn refuse_inexpressible(&self) -> Result<(), ConfigError> {
        use Architecture::{Gemma2, Gemma3, Llama, Mistral, Qwen2, SmolLm3};
        let options = &self.model.options;
        let Biases { qkv, attention_output, mlp } = options.biases;
        let biases_fit = match self.architecture {
            Qwen2 => qkv && !attention_output && !mlp,
            Mistral => options.biases == Biases::default(),
            Llama | SmolLm3 => qkv == attention_output,
            _ => qkv == attention_output && !mlp,
        };
        let gemma = self.architecture.is_gemma();
        let (gemma2, gemma3) = (self.architecture == Gemma2, self.architecture == Gemma3);
        let has_windows = !matches!(self.architecture, Llama);
        let checks = [
            ("biases", biases_fit),
            ("attention scale", gemma || options.attention_scale.is_none()),
            ("soft-capping of attention", gemma2 || options.attention_softcap.is_none()),
            ("soft-capping of logits", gemma2 || gemma3 || options.logit_softcap.is_none()),
            ("sliding window", has_windows || options.window.is_none()),
            ("local rotary embedding", gemma3 || options.local_rope.is_none()),
            ("language part of a model of text and images", !self.model.options.with_images),
            ("partial rotary embedding", self.model.rotary_width() == self.model.head_dim),
        ];
        match checks.iter().find(|(_, fits)| !fits) {
            Some((what, _)) => Err(self.inexpressible(what)),
            None => Ok(()),
        }
    }

    /// The newer spelling, by kind of block, where windowed blocks have a scaled rotary embedding of their
    /// own: the older one cannot say so.
    fn rope_of_kinds(&self) -> Result<Option<Value>, ConfigError> {
        let local = self.model.options.local_rope.as_ref();
        let Some(local) = local.filter(|rope| rope.scaling != RopeScaling::None) else {
            return Ok(None);
        };
        let parameters = |rope: &Rope| {
            let mut parameters = match self.rope_scaling(rope)? {
                Value::Null => json!({"rope_type": "default"}),
                scaling => scaling,
            };
            parameters["rope_theta"] = plain(rope.theta);
            Ok::<_, ConfigError>(parameters)
        };
        let kinds = json!({
            "full_attention": parameters(&self.model.rope)?,
            "sliding_attention": parameters(local)?,
        });
        Ok(Some(kinds))
    }

    fn inexpressible(&self, what: &str) -> ConfigError {
        ConfigError::Unsupported {
            path: self.path.to_owned(),
            field: what.to_owned(),
            found: format!("that of a {}", self.architecture.class()),
            supported: "config.json has no field for it",
        }
    }

    /// The fields of this kind of model.
    fn options(&self) -> Vec<(&'static str, Value)> {
        let options = &self.model.options;
        let Biases { qkv, mlp, .. } = options.biases;
        let activation = match options.activation {
            Activation::Silu => "silu",
            Activation::Gelu => "gelu",
            Activation::GeluTanh => "gelu_pytorch_tanh",
            Activation::Relu => "relu",
        };
        let window = ("sliding_window", json!(options.window));
        let use_window = ("use_sliding_window", json!(options.window.is_some()));
        let layer_types = ("layer_types", self.layer_types());
        let attention_bias = ("attention_bias", json!(qkv));
        let mlp_bias = ("mlp_bias", json!(mlp));
        let silu = ("hidden_act", json!(activation));
        match self.architecture {
            Architecture::Llama => vec![silu, attention_bias, mlp_bias],
            Architecture::Mistral => vec![silu, window],
            Architecture::Qwen2 => vec![silu, use_window, window, layer_types],
            Architecture::Qwen3 => vec![silu, attention_bias, use_window, window, layer_types],
            Architecture::SmolLm3 => vec![
                silu,
                attention_bias,
                mlp_bias,
                use_window,
                window,
                layer_types,
                ("no_rope_layers", self.rope_layers()),
            ],
            Architecture::Gemma2 | Architecture::Gemma3 => {
                let mut fields = vec![
                    ("hidden_activation", json!(activation)),
                    attention_bias,
                    window,
                    layer_types,
                    ("query_pre_attn_scalar", self.query_scalar()),
                    ("final_logit_softcapping", json!(options.logit_softcap)),
                ];
                if self.architecture == Architecture::Gemma2 {
                    fields.push(("attn_logit_softcapping", json!(options.attention_softcap)));
                }
                if let Some(local) = &options.local_rope {
                    fields.push(("rope_local_base_freq", plain(local.theta)));
                }
                fields
            }
        }
    }

    fn layer_types(&self) -> Value {
        let kind = |block| match self.model.options.is_windowed(block) {
            true => "sliding_attention",
            false => "full_attention",
        };
        (0..self.model.layers).map(kind).collect()
    }

    /// 1 stands for a block with rotary embedding.
    fn rope_layers(&self) -> Value {
        let without = |block| self.model.options.without_rope.get(block) == Some(&true);
        (0..self.model.layers).map(|block| u8::from(!without(block))).collect()
    }

    /// The number whose inverse root is the scale of attention: in files in single precision, in fact whole.
    fn query_scalar(&self) -> Value {
        let scalar = self.model.attention_scale().powi(-2);
        let whole = scalar.round();
        match (scalar - whole).abs() < 1e-4 * scalar {
            true => json!(whole as u64),
            false => json!(scalar),
        }
    }

    fn rope_scaling(&self, rope: &Rope) -> Result<Value, ConfigError> {
        let llama3 = match &rope.scaling {
            RopeScaling::None => return Ok(Value::Null),
            RopeScaling::Linear { factor } => {
                return Ok(json!({"rope_type": "linear", "factor": plain(*factor)}));
            }
            RopeScaling::Proportional { share, factor } => {
                return Ok(json!({
                    "rope_type": "proportional",
                    "partial_rotary_factor": share,
                    "factor": plain(*factor),
                }));
            }
            RopeScaling::Dynamic { factor, original_max_positions }
                if *original_max_positions == self.model.max_positions =>
            {
                return Ok(json!({"rope_type": "dynamic", "factor": plain(*factor)}));
            }
            // Where Gemma 3's files say this, transformers does not look.
            RopeScaling::Yarn(yarn)
                if yarn.truncate || self.architecture != Architecture::Gemma3 =>
            {
                return Ok(yarn_json(yarn));
            }
            RopeScaling::LongRope(long) => return Ok(longrope_json(long)),
            RopeScaling::Divisors(divisors) => llama3_of(divisors, rope.theta)
                .ok_or_else(|| self.inexpressible("rope_freqs.weight"))?,
            llama3 => llama3.clone(),
        };
        match llama3 {
            RopeScaling::Llama3 {
                factor,
                low_frequency_factor,
                high_frequency_factor,
                original_max_positions,
            } => Ok(json!({
                "rope_type": "llama3",
                "factor": plain(factor),
                "low_freq_factor": plain(low_frequency_factor),
                "high_freq_factor": plain(high_frequency_factor),
                "original_max_position_embeddings": original_max_positions,
            })),
            _ => Err(self.inexpressible("rotary scaling")),
        }
    }
}

fn yarn_json(yarn: &Yarn) -> Value {
    json!({
        "rope_type": "yarn",
        "factor": plain(yarn.factor),
        "attention_factor": plain(yarn.attention_factor),
        "beta_fast": plain(yarn.beta_fast),
        "beta_slow": plain(yarn.beta_slow),
        "truncate": yarn.truncate,
        "original_max_position_embeddings": yarn.original_max_positions,
    })
}

fn longrope_json(long: &LongRope) -> Value {
    let list = |factors: &[f64]| factors.iter().copied().map(plain).collect::<Value>();
    json!({
        "rope_type": "longrope",
        "short_factor": list(&long.short_factors),
        "long_factor": list(&long.long_factors),
        "attention_factor": plain(long.attention_factor),
        "original_max_position_embeddings": long.original_max_positions,
    })
}

/// Llama 3's scaling that has these divisors, if one of the usual ones has.
fn llama3_of(divisors: &[f32], theta: f64) -> Option<RopeScaling> {
    let factor = f64::from(divisors.iter().copied().fold(1.0, f32::max));
    let head_dim = 2 * divisors.len();
    let plain = Rope { theta, scaling: RopeScaling::None }.frequencies(head_dim, 0);
    let candidates = ORIGINAL_CONTEXTS.map(|power| RopeScaling::Llama3 {
        factor,
        low_frequency_factor: LOW_FREQUENCY_FACTOR,
        high_frequency_factor: HIGH_FREQUENCY_FACTOR,
        original_max_positions: 1 << power,
    });
    let has_them = |scaling: &RopeScaling| {
        let scaled = Rope { theta, scaling: scaling.clone() }.frequencies(head_dim, 0);
        plain.iter().zip(&scaled).zip(divisors).all(|((plain, scaled), divisor)| {
            let expected = plain / scaled;
            (expected - f64::from(*divisor)).abs() <= DIVISOR_TOLERANCE * expected
        })
    };
    // The largest context first: short ones may leave no frequency to blend, and look alike.
    candidates.rev().find(has_them)
}

/// A number as it was meant: what GGUF files hold in single precision without the digits that this adds.
fn plain(number: f64) -> Value {
    let single = number as f32;
    let meant = match f64::from(single) == number {
        true => single.to_string().parse().unwrap_or(number),
        false => number,
    };
    json!(meant)
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::*;
    use crate::checkpoint_files::HfFolder;
    use std::path::PathBuf;

    /// Whether both are of one model, but for what GGUF files store already applied.
    fn same(left: &ModelConfig, right: &ModelConfig) -> bool {
        let bare = |config: &ModelConfig| ModelConfig {
            options: Options { norm_offset: 0.0, ..config.options.clone() },
            ..config.clone()
        };
        bare(left) == bare(right)
    }

    /// Models that have a `config.json` of their own; a part of one has not.
    fn folders() -> Vec<PathBuf> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let kinds = ["tiny", "options"].map(|kind| fixtures.join(kind).read_dir().unwrap());
        let folders = kinds.into_iter().flatten().map(|entry| entry.unwrap().path().join("model"));
        folders.filter(|folder| !folder.parent().unwrap().ends_with("gemma3_images")).collect()
    }

    #[test]
    fn what_is_written_is_read_as_the_same_model() {
        let folders = folders();
        assert!(folders.len() > 10);
        for folder in folders {
            let config = ModelConfig::from_folder(&HfFolder::new(&folder)).unwrap();
            let json = config.to_json("float32", &folder).unwrap();
            let text = json.to_string();
            let again = ModelConfig::from_json(text.as_bytes(), &folder).unwrap();
            assert!(same(&again, &config), "{}:\n{again:?}\n{config:?}", folder.display());
        }
    }

    #[test]
    fn divisors_of_llama_3_are_recognised_and_others_refused() {
        let folder = HfFolder::new(&folders()[0]);
        let mut config = ModelConfig::from_folder(&folder).unwrap();
        config.architecture = Architecture::Llama;
        config.options = Options::default();
        config.head_dim = 128;
        let scaling = RopeScaling::Llama3 {
            factor: 32.0,
            low_frequency_factor: 1.0,
            high_frequency_factor: 4.0,
            original_max_positions: 8192,
        };
        config.rope = Rope { theta: 500_000.0, scaling: RopeScaling::None };
        let plain = config.rope.frequencies(128, 0);
        config.rope.scaling = scaling.clone();
        let scaled = config.rope.frequencies(128, 0);
        let mut divisors: Vec<f32> =
            plain.iter().zip(&scaled).map(|(plain, scaled)| (plain / scaled) as f32).collect();
        config.rope.scaling = RopeScaling::Divisors(divisors.clone());
        let json = config.to_json("bfloat16", Path::new("model.gguf")).unwrap();
        let again = ModelConfig::from_json(json.to_string().as_bytes(), Path::new("x")).unwrap();
        assert_eq!(again.rope.scaling, scaling);

        divisors[3] = 1.5;
        config.rope.scaling = RopeScaling::Divisors(divisors);
        let error = config.to_json("bfloat16", Path::new("model.gguf")).unwrap_err().to_string();
        assert!(error.contains("rope_freqs.weight") && error.contains("model.gguf"), "{error}");
    }

    #[test]
    fn numbers_lose_the_digits_of_single_precision() {
        assert_eq!(plain(f64::from(1e-5_f32)), json!(1e-5));
        assert_eq!(plain(f64::from(0.1_f32)), json!(0.1));
        assert_eq!(plain(1e-6), json!(1e-6));
        assert_eq!(plain(500_000.0), json!(500_000.0));
    }
}
