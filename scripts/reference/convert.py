"""What `handful convert` writes, opened by transformers, PEFT and llama.cpp."""

import torch
from gguf import GGMLQuantizationType as Type
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from . import llamacpp, train
from .cases import read_model
from .cli import Handful, close_logits, write_rows
from .exchange import open_peft, random_rows

DTYPES = {"F32": (torch.float32, 1e-5), "F16": (torch.float16, 5e-3), "BF16": (torch.bfloat16, 5e-2)}


def random_lora(folder, model, **config):
    """A base and a LoRA of PEFT with random values."""
    torch.manual_seed(3)
    LlamaForCausalLM(LlamaConfig(**model)).float().save_pretrained(folder / "base", max_shard_size="60KB")
    peft = get_peft_model(read_model(folder / "base"), LoraConfig(task_type="CAUSAL_LM", **config)).eval()
    with torch.no_grad():
        for name, p in peft.named_parameters():
            if "lora_" in name:
                p.normal_(0, 0.2)
    peft.save_pretrained(folder / "adapter")


def merged(folder, handful, model):
    """A base with a LoRA in its weights is what PEFT's merge_and_unload makes."""
    random_lora(folder, model, target_modules="all-linear", r=4, lora_alpha=6)
    rows = random_rows(4, model["vocab_size"], 1, 4)
    one = open_peft(lambda: read_model(folder / "base"), folder / "adapter").merge_and_unload()
    examples = ["--examples", write_rows(folder / "rows.jsonl", rows)]
    for dtype, (kind, atol) in DTYPES.items():
        out = folder / dtype
        Handful(handful.path)("convert", folder / "adapter", out, "--to", "merged", "--base", folder / "base", "--dtype", dtype)
        got = AutoModelForCausalLM.from_pretrained(out, dtype="auto").eval()
        if got.dtype != kind:
            raise AssertionError(f"{dtype}: opened as {got.dtype}")
        got = train.logits(got.float(), rows)
        close_logits(got, train.logits(one, rows), atol)
        close_logits(handful.logits(folder, "--base", out, *examples)[0], got)


def from_gguf(folder, handful, base, tokenizer, model, rows):
    """A GGUF base becomes a folder that transformers opens, tokenizer and all."""
    adapter = folder / "adapter"
    handful("adapt", "--base", base, "--method", "lora", "--examples", write_rows(folder / "rows.jsonl", rows), "--steps", 2, "--lr", 0.02, "--out", adapter)
    Handful(handful.path)("convert", adapter, folder / "merged", "--to", "merged", "--base", base)
    got = AutoModelForCausalLM.from_pretrained(folder / "merged", dtype="auto").eval()
    off = close_logits(train.logits(got, rows), train.logits(open_peft(lambda: model, adapter), rows), 2e-3)
    mine = AutoTokenizer.from_pretrained(folder / "merged")
    for text in ["The capital of France is Paris.", " 12345 x=7;\n\n  é ünï 漢字 🙂", "<|im_start|>user\nHi<|im_end|>"]:
        if mine(text)["input_ids"] != tokenizer(text)["input_ids"] or mine.decode(mine(text)["input_ids"]) != tokenizer.decode(tokenizer(text)["input_ids"]):
            raise AssertionError(f"{text!r} becomes {mine(text)['input_ids']}, want {tokenizer(text)['input_ids']}")
    if (mine.bos_token, mine.eos_token, mine.chat_template) != (tokenizer.bos_token, tokenizer.eos_token, tokenizer.chat_template):
        raise AssertionError("the tokenizer's ends or its chat template are others")
    print(f"# largest difference {off:.0e}", flush=True)


def gguf_lora(folder, handful, base, rows):
    """llama.cpp with a LoRA as GGUF says what handful says with it."""
    model, adapter, lora = folder / "f32.gguf", folder / "adapter", folder / "lora.gguf"
    llamacpp.requantize(base, model, lambda *_: Type.F32)
    handful("adapt", "--base", base, "--method", "lora", "--targets", "all-linear", "--rank", 3, "--examples", write_rows(folder / "rows.jsonl", rows), "--steps", 4, "--lr", 0.02, "--out", adapter)
    Handful(handful.path)("convert", adapter, lora, "--to", "gguf-lora", "--base", base)
    ids = rows[0]["input_ids"][:12]
    examples = ["--examples", write_rows(folder / "one.jsonl", [dict(input_ids=ids, labels=[-100] + ids[1:])])]
    worst = 0.0
    for file, flags in {None: [], lora: ["--adapter", adapter]}.items():
        want = handful.logits(folder, "--base", model, *flags, *examples)[0][0][-1].double().log_softmax(-1)
        for token, p in llamacpp.likeliest(model, ids, file).items():
            worst = max(worst, abs(p - want[token].item()))
    if not worst < 2e-3:
        raise AssertionError(f"log probabilities differ by {worst}")
    print(f"# largest difference {worst:.0e}", flush=True)


def gguf_lora_t5(folder, handful, file, scale):
    """The same of a T5 in a GGUF file, whose head llama.cpp does not scale. Its
    cache is F16 here."""
    model, adapter, lora = folder / "f32.gguf", folder / "adapter", folder / "lora.gguf"
    llamacpp.requantize(file, model, lambda *_: Type.F32)
    ids, said = list(range(3, 43)), [0, 5, 17, 60, 4, 9]
    handful("adapt", "--base", file, "--method", "lora", "--targets", "all-linear", "--rank", 3, "--examples", write_rows(folder / "rows.jsonl", [dict(input_ids=ids, labels=[7, 8, 1])]), "--steps", 8, "--lr", 0.02, "--out", adapter)
    Handful(handful.path)("convert", adapter, lora, "--to", "gguf-lora", "--base", file)
    examples = ["--examples", write_rows(folder / "one.jsonl", [dict(input_ids=ids, labels=said[1:] + [1])])]
    worst, moved = 0.0, {}
    for with_lora, flags in {None: [], lora: ["--adapter", adapter]}.items():
        want = handful.logits(folder, "--base", model, *flags, *examples)[0][0][-1] * scale
        got = torch.from_numpy(llamacpp.answered(model, ids, said, len(want), with_lora))
        worst = max(worst, (got.double().log_softmax(-1) - want.double().log_softmax(-1)).abs().max().item())
        moved[with_lora] = got
    if not worst < 2e-2 or (moved[None] - moved[lora]).abs().max() < 0.5:
        raise AssertionError(f"log probabilities differ by {worst}")
    print(f"# largest difference {worst:.0e}", flush=True)
