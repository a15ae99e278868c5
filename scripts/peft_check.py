"""Holds handful against Hugging Face PEFT, both ways.

What `handful adapt` writes is opened with PeftModel.from_pretrained, and what
PEFT writes is opened by `handful score`; the logits of both programs must
agree. Prints the Test Anything Protocol.

    python scripts/peft_check.py [dist/handful]
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

os.environ["TQDM_DISABLE"] = "1"  # no bars among the results

import torch
from peft import LoraConfig, PeftModel, PolyConfig, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

ROOT = pathlib.Path(__file__).resolve().parent.parent
HANDFUL = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "dist/handful")
GOLDEN = ROOT / "testdata/golden/mhr/llama_gqa"
BASE = ROOT / ".cache/base/SmolLM2-135M-Instruct.Q4_1.gguf"
STARTER = ROOT / "assets/inventory/smollm2-135m-mhr-starter"
torch.set_num_threads(2)


def handful(*args):
    p = subprocess.run([HANDFUL, *map(str, args)], capture_output=True, text=True)
    if p.returncode != 0:
        raise RuntimeError(f"handful {' '.join(map(str, args))}: status {p.returncode}: {p.stderr.strip()}")
    return p.stdout


def write_rows(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def golden_rows(n=8):
    b = load_file(GOLDEN / "batches.safetensors")
    flat = {k: v.reshape(-1, v.shape[-1]) if v.dim() == 3 else v.reshape(-1) for k, v in b.items()}
    rows = []
    for i in range(n):
        k = int(flat["attention_mask"][i].sum())
        rows.append({"input_ids": flat["input_ids"][i, :k].tolist(), "labels": flat["labels"][i, :k].tolist(), "task_id": int(flat["task_ids"][i])})
    return rows


def random_rows(n, vocab, tasks, seed):
    g = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(n):
        k = int(torch.randint(2, 24, (1,), generator=g))
        ids = torch.randint(0, vocab, (k,), generator=g).tolist()
        cut = int(torch.randint(1, k, (1,), generator=g))
        rows.append({"input_ids": ids, "labels": [-100] * cut + ids[cut:], "task_id": int(torch.randint(0, tasks, (1,), generator=g))})
    return rows


def peft_logits(model, rows, by_task):
    """Each row's logits alone, so that padding plays no part."""
    out = []
    with torch.no_grad():
        for r in rows:
            extra = {"task_ids": torch.tensor([by_task(r)])} if by_task else {}
            out.append(model(input_ids=torch.tensor([r["input_ids"]]), **extra).logits[0].float())
    return out


def compare(name, want, folder, atol, *args):
    """Scores with handful and holds its logits against PEFT's."""
    logits = folder / "logits.safetensors"
    handful("score", "--device", "cpu", *args, "--json", "--logits", logits)
    got = load_file(logits)
    worst, flips = 0.0, 0
    for i, w in enumerate(want):
        g = got[f"row{i}"]
        if g.shape != w.shape:
            raise AssertionError(f"row {i}: shape {tuple(g.shape)}, want {tuple(w.shape)}")
        worst = max(worst, (g - w).abs().max().item())
        flips += int((g.argmax(-1) != w.argmax(-1)).sum())
    print(f"# {name}: largest difference {worst:.2e}, {flips} other argmax", flush=True)
    if not worst <= atol or flips:
        raise AssertionError(f"largest difference {worst:.2e}, want at most {atol:.0e}; {flips} positions with another argmax")


def kind(folder):
    return json.loads((folder / "adapter_config.json").read_text())["peft_type"]


def open_peft(load, folder):
    """A base with an adapter; eval() also ends the sampling of routes."""
    return PeftModel.from_pretrained(load(), folder).eval()


def exported(folder, load, base, inventory, rows, method, args, atol):
    """handful adapts; PEFT opens what it wrote."""
    examples = write_rows(folder / "rows.jsonl", rows)
    out = folder / "out"
    extra = [] if method == "lora" else ["--inventory", inventory]
    handful("adapt", "--device", "cpu", "--base", base, *extra, "--examples", examples, "--method", method, "--out", out, *args)
    for sub in [out, out / "lora"] if method == "z" else [out]:
        by_task = None
        if kind(sub) == "POLY":
            tasks = json.loads((sub / "adapter_config.json").read_text())["n_tasks"]
            by_task = (lambda r: r["task_id"]) if tasks > 1 else (lambda r: 0)
        want = peft_logits(open_peft(load, sub), rows, by_task)
        compare(f"{method} {sub.name}", want, folder, atol, "--base", base, "--adapter", sub, "--examples", examples)


def golden_model():
    return AutoModelForCausalLM.from_pretrained(GOLDEN, dtype=torch.float32).eval()


def real_model():
    return AutoModelForCausalLM.from_pretrained(BASE.parent, gguf_file=BASE.name, dtype=torch.float32).eval()


def imported(folder, model, adapter, tasks, save, seed):
    """PEFT writes a base and an adapter with random values; handful opens them."""
    torch.manual_seed(seed)
    base = LlamaForCausalLM(LlamaConfig(**model)).float().eval()
    base.save_pretrained(folder / "base", **save)
    peft = get_peft_model(LlamaForCausalLM.from_pretrained(folder / "base", dtype=torch.float32), adapter).eval()
    with torch.no_grad():
        for name, p in peft.named_parameters():
            if "lora_" in name:
                p.normal_(0, 0.2)
            elif "module_logits" in name:
                p.normal_(0, 1.5)
    peft.save_pretrained(folder / "adapter")
    rows = random_rows(6, model["vocab_size"], tasks, seed)
    by_task = (lambda r: r["task_id"]) if adapter.peft_type == "POLY" else None
    want = peft_logits(open_peft(lambda: LlamaForCausalLM.from_pretrained(folder / "base", dtype=torch.float32), folder / "adapter"), rows, by_task)
    examples = write_rows(folder / "rows.jsonl", rows)
    flag = "--inventory" if by_task else "--adapter"
    compare(f"PEFT's {adapter.peft_type.value}", want, folder, 1e-4, "--base", folder / "base", flag, folder / "adapter", "--examples", examples)


def pretrained(folder, dtype, atol):
    """handful pre-trains a base from random values with skills on it; transformers and PEFT open what it wrote."""
    torch.manual_seed(8)
    LlamaForCausalLM(LlamaConfig(**TINY)).save_pretrained(folder / "config")
    rows = random_rows(24, TINY["vocab_size"], 3, 8)
    for t in range(3):
        (folder / "tasks").mkdir(exist_ok=True)
        write_rows(folder / "tasks" / f"t{t}.jsonl", [{k: r[k] for k in ("input_ids", "labels")} for r in rows if r["task_id"] == t])
    handful("pretrain", "--device", "cpu", "--base", folder / "config", "--tasks", folder / "tasks", "--base-trainable", "--base-init", "random", "--out", folder / "out",
            "--skills", 3, "--splits", 4, "--rank", 2, "--steps", 6, "--groups", 2, "--batch", 3, "--lr", 0.02, "--router-lr", 0.5, "--base-lr", 0.01, "--dtype", dtype)
    load = lambda: AutoModelForCausalLM.from_pretrained(folder / "out/base", dtype=torch.float32)
    want = peft_logits(open_peft(load, folder / "out"), rows, lambda r: r["task_id"])
    examples = write_rows(folder / "rows.jsonl", rows)
    compare(f"pretrain {dtype}", want, folder, atol, "--base", folder / "out/base", "--inventory", folder / "out", "--examples", examples)


def real_rows():
    tok = AutoTokenizer.from_pretrained(BASE.parent, gguf_file=BASE.name)
    rows = []
    for text, label in [("Win a free phone now, text YES", "spam"), ("Are we still on for lunch?", "ham"), ("URGENT: claim your prize", "spam"), ("I'll call you later", "ham")]:
        prompt, answer = tok(f"Input: {text}\nOutput:")["input_ids"], tok(f" {label}<|im_end|>")["input_ids"]
        rows.append({"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer})
    return rows


TINY = dict(vocab_size=101, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            max_position_embeddings=64, tie_word_embeddings=False, rope_theta=5e4, pad_token_id=None)


def checks():
    steps = ["--steps", "4", "--batch", "3", "--lr", "0.02", "--router-lr", "0.5"]
    for split in ["s1", "s4"]:
        for method, more in [("z", []), ("mu", []), ("mhr", ["--router-init", "keep"]), ("lora", [])]:
            if (split, method) == ("s1", "lora"):
                continue
            yield f"golden {split}: PEFT opens the export of {method}", lambda d, s=split, m=method, x=more: exported(
                d, golden_model, GOLDEN, GOLDEN / s / "adapter_init", golden_rows(), m, steps + x, 1e-4)
    for dtype in ["F32", "F16"]:
        yield f"transformers and PEFT open what pretrain wrote in {dtype}", lambda d, t=dtype: pretrained(d, t, 1e-4)
    poly = dict(task_type="CAUSAL_LM", init_weights=False)
    yield "handful opens PEFT's POLY: untied, 8 splits, three modules", lambda d: imported(
        d, TINY, PolyConfig(target_modules=["q_proj", "v_proj", "down_proj"], r=3, n_tasks=5, n_skills=3, n_splits=8, **poly), 5, {}, 1)
    yield "handful opens PEFT's POLY: regex, one split, shards", lambda d: imported(
        d, TINY, PolyConfig(target_modules=r".*\.1\.(self_attn|mlp)\.(o_proj|gate_proj|up_proj)", r=2, n_tasks=2, n_skills=7, n_splits=1, **poly), 2, {"max_shard_size": "40KB"}, 2)
    yield "handful opens PEFT's POLY: tied, no grouped heads", lambda d: imported(
        d, TINY | dict(tie_word_embeddings=True, num_key_value_heads=6), PolyConfig(target_modules="all-linear", r=4, n_tasks=3, n_skills=2, n_splits=2, **poly), 3, {}, 3)
    yield "handful opens PEFT's LORA: alpha 16, rank 6", lambda d: imported(
        d, TINY, LoraConfig(target_modules=["k_proj", "gate_proj"], r=6, lora_alpha=16, task_type="CAUSAL_LM"), 1, {}, 4)
    yield "handful opens PEFT's LORA: rslora, wide heads", lambda d: imported(
        d, TINY | dict(head_dim=10), LoraConfig(target_modules="all-linear", r=5, lora_alpha=3, use_rslora=True, task_type="CAUSAL_LM"), 1, {}, 5)
    if BASE.exists():
        for method in ["z", "mu"]:
            yield f"SmolLM2: PEFT opens the export of {method}", lambda d, m=method: exported(
                d, real_model, BASE, STARTER, real_rows(), m, ["--steps", "2", "--batch", "4"], 2e-3)


def main():
    failed = 0
    todo = list(checks())
    print(f"TAP version 13\n1..{len(todo) + (not BASE.exists())}", flush=True)
    for i, (name, check) in enumerate(todo, 1):
        with tempfile.TemporaryDirectory() as d:
            try:
                check(pathlib.Path(d))
                print(f"ok {i} - {name}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {i} - {name}\n" + traceback.format_exc(limit=3), flush=True)
    if not BASE.exists():
        print(f"ok {len(todo) + 1} - SmolLM2: PEFT opens the exports # SKIP no base model: run `make base`")
    sys.exit(failed > 0)


main()
