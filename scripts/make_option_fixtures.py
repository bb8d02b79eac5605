"""Writes the tiny models of crates/axia-engine/tests/fixtures/options that have scaled rotary
embeddings or other activations, with what transformers and PEFT make of them.

    python scripts/make_option_fixtures.py [NAME ...]

Run by hand with a Python that has torch, transformers and peft. Each model has random weights; the
reference is computed in float64 from the folder as written, so that transformers has read the very
spelling of config.json that axia is tested on. Rows go through the model one by one: rotary
embeddings that depend on a text's length then have that of the row.
"""

import json
import shutil
import sys
import zlib
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent.parent / "crates/axia-engine/tests/fixtures/options"
PROMPT = 3
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SIZES = dict(
    vocab_size=48,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=4,
    num_attention_heads=2,
    num_key_value_heads=1,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=0,
)
SHORT, LONG = [1.0, 1.5, 2.0, 4.0], [1.5, 3.0, 8.0, 16.0]

# Class of the configuration; what it is made with; what its config.json then says instead
# (`None` takes a field out): older files spell rotary embeddings in other fields.
MODELS = {
    "llama_yarn": (
        "LlamaConfig",
        dict(),
        dict(
            rope_parameters=None,
            rope_theta=500.0,
            rope_scaling=dict(type="yarn", factor=4.0, original_max_position_embeddings=16),
        ),
    ),
    "qwen3_yarn": (
        "Qwen3Config",
        dict(
            head_dim=12,
            rope_parameters=dict(
                rope_type="yarn",
                rope_theta=900.0,
                factor=8.0,
                beta_fast=4,
                beta_slow=0.5,
                mscale=0.8,
                mscale_all_dim=0.3,
                truncate=False,
                original_max_position_embeddings=32,
            ),
        ),
        {},
    ),
    "qwen2_yarn": (
        "Qwen2Config",
        dict(hidden_act="relu"),
        dict(
            rope_parameters=None,
            rope_theta=1000.0,
            original_max_position_embeddings=24,
            rope_scaling=dict(
                rope_type="yarn",
                factor=3.0,
                attention_factor=1.3,
                original_max_position_embeddings=7,
            ),
        ),
    ),
    "mistral_dynamic": (
        "MistralConfig",
        dict(max_position_embeddings=14, sliding_window=9, hidden_act="gelu"),
        dict(
            rope_parameters=None,
            rope_theta=100.0,
            rope_scaling=dict(type="dynamic", factor=4.0),
        ),
    ),
    "llama_longrope": (
        "LlamaConfig",
        dict(
            rope_parameters=dict(
                rope_type="longrope",
                rope_theta=100.0,
                short_factor=SHORT,
                long_factor=LONG,
                original_max_position_embeddings=14,
            ),
        ),
        {},
    ),
    "qwen3_longrope": (
        "Qwen3Config",
        dict(head_dim=8),
        dict(
            rope_parameters=None,
            rope_theta=100.0,
            original_max_position_embeddings=15,
            rope_scaling=dict(
                type="longrope", short_factor=SHORT, long_factor=LONG, attention_factor=1.4
            ),
        ),
    ),
    "llama_proportional": (
        "LlamaConfig",
        dict(
            mlp_bias=True,
            hidden_act="gelu",
            rope_parameters=dict(
                rope_type="proportional",
                rope_theta=100.0,
                factor=2.0,
                partial_rotary_factor=0.75,
            ),
        ),
        {},
    ),
    "smollm3_llama3": (
        "SmolLM3Config",
        dict(
            no_rope_layer_interval=2,
            attention_bias=True,
            rope_parameters=dict(
                rope_type="llama3",
                rope_theta=1000.0,
                factor=4.0,
                low_freq_factor=1.0,
                high_freq_factor=3.0,
                original_max_position_embeddings=20,
            ),
        ),
        dict(no_rope_layers=None),
    ),
    "gemma2_linear": (
        "Gemma2Config",
        dict(
            head_dim=8,
            query_pre_attn_scalar=10,
            sliding_window=5,
            hidden_activation="gelu",
            attn_logit_softcapping=None,
            final_logit_softcapping=2.0,
            rope_parameters=dict(rope_type="linear", rope_theta=300.0, factor=2.5),
        ),
        {},
    ),
    "gemma3_yarn": (
        "Gemma3TextConfig",
        dict(
            head_dim=8,
            query_pre_attn_scalar=10,
            sliding_window=5,
            attention_bias=True,
            layer_types=["full_attention", "sliding_attention"] * 2,
            rope_parameters=dict(
                full_attention=dict(
                    rope_type="yarn",
                    rope_theta=1000.0,
                    factor=4.0,
                    original_max_position_embeddings=16,
                ),
                sliding_attention=dict(rope_type="linear", rope_theta=70.0, factor=1.5),
            ),
        ),
        {},
    ),
}

# Gemma 3 with eyes: text_config, and weights beside those of the language part.
VISION = dict(
    hidden_size=8,
    intermediate_size=8,
    num_hidden_layers=1,
    num_attention_heads=1,
    image_size=8,
    patch_size=4,
)
MODELS["gemma3_images"] = (
    "Gemma3Config",
    dict(
        text_config=dict(
            SIZES, head_dim=8, query_pre_attn_scalar=8, sliding_window=5, num_hidden_layers=4
        ),
        vision_config=VISION,
        mm_tokens_per_image=4,
        image_token_index=45,
        boi_token_index=46,
        eoi_token_index=47,
    ),
    {},
)


def model_config(name, fields):
    kind = getattr(transformers, name)
    if "text_config" in fields:
        return kind(**fields)
    return kind(**{**SIZES, **fields})


def randomise(model):
    for name, tensor in sorted(model.named_parameters()):
        noise = torch.randn(tensor.shape)
        if "norm" in name:
            gemma = "Gemma" in type(model).__name__
            tensor.data = 0.2 * noise + (0.0 if gemma else 1.0)
        else:
            tensor.data = (0.5 if "bias" in name else 0.3) * noise


def rows():
    """Three rows that share beginnings, of 16, 15 and 13 tokens."""
    ids = torch.randint(3, 48, (40,)).tolist()
    first = ids[:16]
    return [first, first[:6] + ids[16:25], first[:9] + ids[25:29]]


def rewrite(path, replaced):
    config = json.loads(path.read_text())
    for field, value in replaced.items():
        if value is None:
            config.pop(field, None)
        else:
            config[field] = value
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def write_model(name, folder):
    kind, fields, replaced = MODELS[name]
    model = transformers.AutoModelForCausalLM.from_config(model_config(kind, fields))
    randomise(model)
    model.save_pretrained(folder / "model")
    (folder / "model/generation_config.json").unlink(missing_ok=True)
    rewrite(folder / "model/config.json", replaced)


def write_adapter(folder):
    base = load(folder / "model", torch.float32)
    settings = LoraConfig(
        r=2,
        lora_alpha=4,
        target_modules=LINEAR,
        exclude_modules=".*vision_tower.*",
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(base, settings)
    for name, tensor in sorted(model.named_parameters()):
        if "lora_" in name:
            tensor.data = 0.3 * torch.randn(tensor.shape)
    model.save_pretrained(folder / "adapter")
    (folder / "adapter/README.md").unlink(missing_ok=True)
    rewrite(folder / "adapter/adapter_config.json", dict(base_model_name_or_path="tiny"))


def load(folder, dtype=torch.float64):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager"
    )


def reference(folder, data):
    model = PeftModel.from_pretrained(load(folder / "model"), folder / "adapter").double()
    lora = {n: p for n, p in model.named_parameters() if "lora_" in n}
    for tensor in lora.values():
        tensor.requires_grad_(True)
    arrays, total = {}, 0.0
    # Ascending: what a rotary embedding remembers of a shorter row does not matter to a longer one.
    for index in sorted(range(len(data)), key=lambda i: len(data[i])):
        ids = torch.tensor([data[index]])
        logits = model(input_ids=ids, use_cache=False).logits[0]
        arrays[f"logits.{index}"] = logits.detach().float().contiguous()
        log_p = logits.log_softmax(-1)[PROMPT - 1 : -1]
        loss = -log_p.gather(1, ids[0, PROMPT:, None]).sum()
        loss.backward()
        total += loss.item()
    for name, tensor in lora.items():
        key = name.removeprefix("base_model.model.").replace(".default.weight", "")
        key = key.replace("model.language_model.", "model.")
        arrays[f"grad/{key}"] = tensor.grad.float().contiguous()
    save_file(arrays, folder / "reference.safetensors")
    (folder / "reference.json").write_text(
        json.dumps({"rows": data, "prompt": PROMPT, "loss": total})
    )


def make(name):
    torch.manual_seed(zlib.crc32(name.encode()))
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    write_model(name, folder)
    write_adapter(folder)
    reference(folder, rows())
    print(name)


if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        make(name)
