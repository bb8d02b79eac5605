//! Adapters as GGUF files, as llama.cpp loads them (`--lora`).

use super::{Adapter, AdapterError, LoraTensors};
use crate::checkpoint_files::{gguf_name, text_name};
use crate::config::ModelConfig;
use crate::gguf::{GgufWriter, MetadataValue};

impl Adapter {
    /// The adapter as a GGUF file for llama.cpp. `base` is the shape of the model that it is for; the
    /// `names` of adapter and model are only used in messages.
    ///
    /// llama.cpp knows one alpha and takes alpha / rank for the factor of every update. Where the factor is
    /// another (rank-stabilised, by pattern) the difference goes into B. Rows of B on queries and keys
    /// stand in the order in which converters store those of the model.
    ///
    /// # Errors
    /// [`AdapterError::Mismatch`] if the adapter is not for this model.
    pub fn to_gguf(
        &self,
        base: &ModelConfig,
        (adapter, model): (&str, &str),
    ) -> Result<GgufWriter, AdapterError> {
        self.check_fits(base, adapter, model)?;
        let text = |text: &str| MetadataValue::String(text.to_owned());
        let mut file = GgufWriter::new()
            .entry("general.architecture", text(base.architecture.gguf_name()))
            .entry("general.type", text("adapter"))
            .entry("general.name", text(adapter))
            .entry("adapter.type", text("lora"))
            .entry("adapter.lora.alpha", MetadataValue::F32(self.config.alpha as f32));
        for module in &self.modules {
            let weight = format!("{}.weight", text_name(&module.module));
            let name = gguf_name(&weight, base.options.post_norms);
            let b = stored_b(module, base, self.config.alpha as f32);
            file = file
                .tensor_f32(&format!("{name}.lora_a"), &[module.r, module.inputs], &module.a)
                .tensor_f32(&format!("{name}.lora_b"), &[module.outputs, module.r], &b);
        }
        Ok(file)
    }
}

/// B with what llama.cpp's factor lacks, its rows in the order of GGUF files.
fn stored_b(module: &LoraTensors, base: &ModelConfig, alpha: f32) -> Vec<f32> {
    // Exactly 1 for plain LoRA, whose numbers are to stay what they are.
    let factor = module.scale * module.r as f64 / f64::from(alpha);
    let scaled: Vec<f32> =
        module.b.iter().map(|value| (f64::from(*value) * factor) as f32).collect();
    let Some(order) = base.row_order_in_gguf(&module.module) else { return scaled };
    let mut stored = vec![0.0; scaled.len()];
    for (row, values) in scaled.chunks_exact(module.r.max(1)).enumerate() {
        let place = order.stored_row(row) * module.r;
        if let Some(out) = stored.get_mut(place..place + module.r) {
            out.copy_from_slice(values);
        }
    }
    stored
}
