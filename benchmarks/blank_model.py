"""Writes a Hugging Face folder of Llama-3.1-8B's shape in bfloat16, in shards, for measuring memory.

    python benchmarks/blank_model.py FOLDER

Weights are zero, norms one, and the files sparse, so that 16 GB take no disk: how much memory a
pass needs does not depend on the weights' values, and pages of a hole count like any other.
"""

import json
import struct
import sys
from pathlib import Path

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 128256,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    },
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}
SHARDS = 4
ONE = struct.pack("<H", 0x3F80)


def tensors():
    hidden, ffn, vocab = 4096, 14336, 128256
    yield "model.embed_tokens.weight", [vocab, hidden]
    for block in range(CONFIG["num_hidden_layers"]):
        for name, shape in {
            "input_layernorm": [hidden],
            "self_attn.q_proj": [hidden, hidden],
            "self_attn.k_proj": [1024, hidden],
            "self_attn.v_proj": [1024, hidden],
            "self_attn.o_proj": [hidden, hidden],
            "post_attention_layernorm": [hidden],
            "mlp.gate_proj": [ffn, hidden],
            "mlp.up_proj": [ffn, hidden],
            "mlp.down_proj": [hidden, ffn],
        }.items():
            yield f"model.layers.{block}.{name}.weight", shape
    yield "model.norm.weight", [hidden]
    yield "lm_head.weight", [vocab, hidden]


def size(shape):
    product = 2
    for length in shape:
        product *= length
    return product


def write(path, part):
    header, end = {}, 0
    for name, shape in part:
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size(shape)]}
        end += size(shape)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        start = file.tell()
        file.truncate(start + end)
        for name, entry in header.items():
            if "norm" in name:
                file.seek(start + entry["data_offsets"][0])
                file.write(ONE * entry["shape"][0])


def main(folder):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2))
    every = list(tensors())
    step = -(-len(every) // SHARDS)
    weight_map = {}
    for shard in range(SHARDS):
        name = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        part = every[shard * step : (shard + 1) * step]
        write(folder / name, part)
        weight_map.update({tensor: name for tensor, _ in part})
    total = sum(size(shape) for _, shape in every)
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    print(f"{total / 1e9:.2f} GB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
