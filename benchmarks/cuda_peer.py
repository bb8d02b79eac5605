"""The peer of cuda.py: transformers + PEFT on padded batches, bf16 and SDPA on a card. Imported there."""
import gc
import time
from contextlib import nullcontext

import torch
from peft import PeftModel
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

BATCHES = [4, 9, 18, 36, 72, 144, 288]


def write_model(folder, shape, device, dtype):
    """A model with random weights, and a tokenizer that nobody uses."""
    torch.manual_seed(0)
    config = LlamaConfig(
        **shape, max_position_embeddings=8192, rms_norm_eps=1e-5, tie_word_embeddings=False,
        bos_token_id=0, eos_token_id=1)
    with torch.device(device):
        model = LlamaForCausalLM(config).to(dtype)
    model.save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    del model
    gc.collect()
    if device != "cpu":
        torch.cuda.empty_cache()


class Peer:
    def __init__(self, folder, device, dtype):
        self.device = device
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa").to(device)

    def wait(self):
        if self.device != "cpu":
            torch.cuda.synchronize()

    def timed(self, work, times):
        """Seconds of one call, after one that is not timed."""
        work()
        self.wait()
        started = time.perf_counter()
        for _ in range(times):
            work()
        self.wait()
        return (time.perf_counter() - started) / times

    def ceilings(self, width, copied):
        """The measured rate of a large matmul and of copying, in FLOP and bytes per second."""
        like = {"device": self.device, "dtype": self.model.dtype}
        a, b = (torch.randn(width, width, **like) for _ in range(2))
        x = torch.empty(copied, device=self.device, dtype=torch.uint8)
        y = torch.empty_like(x)
        return {"matmul_flops_per_s": 2 * width**3 / self.timed(lambda: a @ b, 20),
                "copy_bytes_per_s": 2 * copied / self.timed(lambda: y.copy_(x), 20)}

    def padded(self, sequences, fill):
        longest = max(map(len, sequences))
        rows = [s + [fill] * (longest - len(s)) for s in sequences]
        return torch.tensor(rows, device=self.device)

    def score(self, rows, batch):
        """Log-likelihoods of every candidate of every row, and rows per second."""
        jobs = [(r["prompt_ids"], c) for r in rows for c in r["candidates_ids"]]
        found = []
        started = time.perf_counter()
        with torch.no_grad():
            for at in range(0, len(jobs), batch):
                part = jobs[at:at + batch]
                tokens = self.padded([p + c for p, c in part], 0)
                mask = self.padded([[1] * len(p + c) for p, c in part], 0)
                is_read = self.padded([[0] * len(p) + [1] * len(c) for p, c in part], 0)[:, 1:]
                logits = self.model(input_ids=tokens, attention_mask=mask).logits[:, :-1]
                read, wanted = logits[is_read.bool()].float(), tokens[:, 1:][is_read.bool()]
                log_p = read.log_softmax(-1).gather(1, wanted[:, None]).squeeze(1)
                found += [one.sum().item() for one in log_p.split(is_read.sum(1).tolist())]
        return found, len(rows) / (time.perf_counter() - started)

    def adapt(self, adapter):
        """Puts an adapter on the model, to be trained."""
        self.model = PeftModel.from_pretrained(self.model, adapter, is_trainable=True).train()
        weights = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            weights, lr=1e-4, weight_decay=0.0, fused=self.device != "cpu")

    def train(self, rows, batch, steps):
        """Losses of `steps` steps and one before them that is not timed, and rows per second."""
        losses, spent = [], 0.0
        for step in range(steps + 1):
            part = [rows[(step * batch + k) % len(rows)] for k in range(batch)]
            pairs = [(r["prompt_ids"], r["completion_ids"]) for r in part]
            tokens = self.padded([p + c for p, c in pairs], 0)
            mask = self.padded([[1] * len(p + c) for p, c in pairs], 0)
            labels = self.padded([[-100] * len(p) + c for p, c in pairs], -100)
            self.wait()
            started = time.perf_counter()
            # PEFT keeps adapters in f32: without this their products would be too.
            with torch.autocast("cuda", torch.bfloat16) if self.device != "cpu" else nullcontext():
                loss = self.model(input_ids=tokens, attention_mask=mask, labels=labels).loss
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            losses.append(loss.item())
            spent += time.perf_counter() - started if step else 0.0
        return losses, batch * steps / spent

    def forget(self):
        """Gives back what earlier work took of the card."""
        gc.collect()
        if self.device != "cpu":
            torch.cuda.empty_cache()

    def best(self, work, watch):
        """The fastest of several batch sizes; the first that does not fit ends the search. `watch`
        follows the card's memory; None where nothing fits."""
        found = []
        for batch in BATCHES:
            self.forget()
            try:
                with watch() as peak:
                    _, rows_per_s = work(batch)
            except torch.OutOfMemoryError:
                break
            found.append({"rows_per_s": rows_per_s, "batch": batch, "peak_mib": peak.mib})
        return max(found, key=lambda f: f["rows_per_s"], default=None)
