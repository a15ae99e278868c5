"""Holds handful against PyTorch, transformers and PEFT.

What `handful adapt` writes is opened with PeftModel.from_pretrained, and what
PEFT writes is opened by `handful score`; random runs of training go through
both programs, and so do random GGUF files and greedy text. Prints the Test
Anything Protocol.

    python scripts/peft_check.py [dist/handful]
    python scripts/peft_check.py --seeds 0-99 [--device gpu]   random runs and files alone
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

os.environ["TQDM_DISABLE"] = "1"  # no bars among the results

import torch
from peft import LoraConfig, PolyConfig
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from reference import convert, ggufs, hostile, llamacpp, routers, run, speech, t5, train
from reference.cases import read_model
from reference.cli import Handful, write_rows
from reference.exchange import compare, exported, imported, pretrained, refused, stacked, unopened

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "testdata/golden/mhr/llama_gqa"
T5 = [ROOT / "testdata/golden/mhr/t5_relu_tied", ROOT / "testdata/golden/mhr/t5_gated_untied"]
T5_GGUF = ROOT / "core/format/hf/testdata"
BASE = ROOT / ".cache/base/SmolLM2-135M-Instruct.Q4_1.gguf"
SHIPPED = ROOT / "assets/inventory/smollm2-135m-mhr"
SEEDS = range(400, 410)  # of the random runs; any others do as well


class Skip(Exception):
    """What a check needs is not here."""


def golden_rows(n=8):
    b = load_file(GOLDEN / "batches.safetensors")
    flat = {k: v.reshape(-1, v.shape[-1]) if v.dim() == 3 else v.reshape(-1) for k, v in b.items()}
    rows = []
    for i in range(n):
        k = int(flat["attention_mask"][i].sum())
        rows.append({"input_ids": flat["input_ids"][i, :k].tolist(), "labels": flat["labels"][i, :k].tolist(), "task_id": int(flat["task_ids"][i])})
    return rows


def real_model():
    return AutoModelForCausalLM.from_pretrained(BASE.parent, gguf_file=BASE.name, dtype=torch.float32).eval()


def real_tokenizer():
    return AutoTokenizer.from_pretrained(BASE.parent, gguf_file=BASE.name)


def real_rows():
    tok = real_tokenizer()
    rows = []
    for text, label in [("Win a free phone now, text YES", "spam"), ("Are we still on for lunch?", "ham"), ("URGENT: claim your prize", "spam"), ("I'll call you later", "ham")]:
        prompt, answer = tok(f"Input: {text}\nOutput:")["input_ids"], tok(f" {label}<|im_end|>")["input_ids"]
        rows.append({"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer})
    return rows


def on_real(check):
    """A check that needs the real base model."""
    def run(folder):
        if not BASE.exists():
            raise Skip("no base model: run `make base`")
        check(folder)
    return run


def with_llamacpp(check):
    """A check that needs llama.cpp."""
    def run(folder):
        if not llamacpp.xllamacpp:
            raise Skip("no xllamacpp: it has no wheel for this machine")
        check(folder)
    return run


def on_gpu(program, check):
    """A check on the gpu, where an adapter opens."""
    def run(folder):
        rows = write_rows(folder / "probe.jsonl", golden_rows(1))
        p = subprocess.run([program, "score", "--device", "gpu", "--base", GOLDEN, "--examples", rows], capture_output=True, text=True)
        if p.returncode == 1 and "use --device cpu" in p.stderr:
            raise Skip("no GPU adapter")
        check(folder, Handful(program, "--device", "gpu"))
    return run


TINY = dict(vocab_size=101, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
            max_position_embeddings=64, tie_word_embeddings=False, rope_theta=5e4, pad_token_id=None)


def all_checks(program):
    cpu = Handful(program, "--device", "cpu")
    steps = ["--steps", "4", "--batch", "3", "--lr", "0.02", "--router-lr", "0.5"]
    for split in ["s1", "s4"]:
        for method, more in [("z", []), ("mu", []), ("mhr", ["--router-init", "keep"]), ("lora", [])]:
            if (split, method) != ("s1", "lora"):
                yield f"golden {split}: PEFT opens the export of {method}", lambda d, s=split, m=method, x=more: exported(
                    d, cpu, lambda: read_model(GOLDEN), GOLDEN, GOLDEN / s / "adapter_init", golden_rows(), m, steps + x, 1e-4)
    for base in T5:
        rows = t5.golden_rows(load_file(base / "batches.safetensors"))
        for method, more in [("z", []), ("mu", []), ("mhr", ["--router-init", "keep"]), ("lora", []), ("lora", ["--targets", "t0"]), ("lora", ["--targets", "ni"]), ("ia3", []), ("ia3", ["--targets", "ia3"])]:
            yield f"{base.name}: PEFT opens the export of {' '.join([method, *more])}", lambda d, b=base, q=rows, m=method, x=more: t5.exported(d, cpu, b, q, m, steps + x, 1e-4)
    for dtype in ["F32", "F16"]:
        yield f"transformers and PEFT open what pretrain wrote in {dtype}", lambda d, t=dtype: pretrained(d, cpu, TINY, t, 1e-4)
    poly = dict(task_type="CAUSAL_LM", init_weights=False)
    yield "handful opens PEFT's POLY: untied, 8 splits, three modules", lambda d: imported(
        d, cpu, TINY, PolyConfig(target_modules=["q_proj", "v_proj", "down_proj"], r=3, n_tasks=5, n_skills=3, n_splits=8, **poly), 5, {}, 1)
    yield "handful opens PEFT's POLY: regex, one split, shards", lambda d: imported(
        d, cpu, TINY, PolyConfig(target_modules=r".*\.1\.(self_attn|mlp)\.(o_proj|gate_proj|up_proj)", r=2, n_tasks=2, n_skills=7, n_splits=1, **poly), 2, {"max_shard_size": "40KB"}, 2)
    yield "handful opens PEFT's POLY: tied, no grouped heads", lambda d: imported(
        d, cpu, TINY | dict(tie_word_embeddings=True, num_key_value_heads=6), PolyConfig(target_modules="all-linear", r=4, n_tasks=3, n_skills=2, n_splits=2, **poly), 3, {}, 3)
    yield "handful opens PEFT's POLY: one skill", lambda d: imported(
        d, cpu, TINY, PolyConfig(target_modules="all-linear", r=2, n_tasks=3, n_skills=1, n_splits=4, **poly), 3, {}, 6)
    yield "handful opens PEFT's LORA: alpha 16, rank 6", lambda d: imported(
        d, cpu, TINY, LoraConfig(target_modules=["k_proj", "gate_proj"], r=6, lora_alpha=16, task_type="CAUSAL_LM"), 1, {}, 4)
    yield "handful opens PEFT's LORA: rslora, wide heads", lambda d: imported(
        d, cpu, TINY | dict(head_dim=10), LoraConfig(target_modules="all-linear", r=5, lora_alpha=3, use_rslora=True, task_type="CAUSAL_LM"), 1, {}, 5)
    patterns = dict(rank_pattern={r"layers\.0\.self_attn\.q_proj": 5, "down_proj": 1}, alpha_pattern={"q_proj": 9, r"^model.layers.1.mlp.down_proj": 4}, task_type="CAUSAL_LM")
    for rslora in [False, True]:
        yield f"handful opens PEFT's LORA: rank_pattern, alpha_pattern{', rslora' * rslora}", lambda d, s=rslora: imported(
            d, cpu, TINY, LoraConfig(target_modules=["q_proj", "v_proj", "down_proj"], r=3, lora_alpha=2, use_rslora=s, **patterns), 1, {}, 7)
    yield "handful refuses PEFT's DoRA by name", lambda d: unopened(d, cpu, TINY, LoraConfig(target_modules=["q_proj"], use_dora=True, task_type="CAUSAL_LM"), ["use_dora"])
    yield "handful stacks PEFT's LORAs", lambda d: stacked(d, cpu, TINY)
    for name, scale in {"relu": 32 ** 0.5, "gated": 1}.items():
        yield f"llama.cpp runs a T5 ({name}) and its LoRA as GGUF", with_llamacpp(lambda d, f=T5_GGUF / f"t5_{name}.gguf", s=scale: convert.gguf_lora_t5(d, cpu, f, s))
    yield "transformers opens a base merged with a LoRA", lambda d: convert.merged(d, cpu, TINY)
    for key, more in {"attention_bias": dict(attention_bias=True), "mlp_bias": dict(mlp_bias=True),
                      "dynamic": dict(rope_parameters=dict(rope_type="dynamic", rope_theta=1e4, factor=2.0))}.items():
        yield f"handful refuses a base with {key}", lambda d, k=key, m=more: refused(d, cpu, TINY | m, [k])
    for name in ["core/format/safetensors/testdata/mixed.safetensors", "core/format/gguf/testdata/kinds.gguf", "core/format/hf/testdata/tiny.gguf",
                 "assets/pocket/base/config.json", "assets/pocket/inventory/adapter_config.json"]:
        yield f"damaged {name}: Python opens what handful opens", lambda d, n=name: hostile.check(d, Handful(program), SEEDS[0], ROOT / n, 100)
    yield from random_checks(cpu, SEEDS)
    for seed in SEEDS[:2]:
        yield f"random run {seed} on the gpu", on_gpu(program, lambda d, h, s=seed: run.run(d, h, s))
    for name, check in routers.checks(GOLDEN).items():
        yield name, lambda d, c=check: c(d, cpu)
    for method in ["z", "mu"]:
        yield f"SmolLM2: PEFT opens the export of {method}", on_real(lambda d, m=method: exported(
            d, cpu, real_model, BASE, SHIPPED, real_rows(), m, ["--steps", "2", "--batch", "4"], 2e-3))
    yield "SmolLM2: transformers opens the GGUF merged with a LoRA", on_real(lambda d: convert.from_gguf(d, cpu, BASE, real_tokenizer(), real_model(), real_rows()))
    yield "SmolLM2: llama.cpp runs a LoRA as GGUF", on_real(with_llamacpp(lambda d: convert.gguf_lora(d, cpu, BASE, real_rows())))
    yield "SmolLM2 as llama.cpp's Q4_K_M", on_real(with_llamacpp(lambda d: q4_k_m(d, cpu)))
    yield "SmolLM2: greedy text is transformers'", on_real(lambda d: speech.check(d, cpu, real_model(), real_tokenizer(), BASE, SHIPPED))


def q4_k_m(folder, handful):
    """handful's logits of a Q4_K_M are transformers' of what it stands for."""
    llamacpp.requantize(BASE, folder / "m.gguf")
    want = train.logits(AutoModelForCausalLM.from_pretrained(folder, gguf_file="m.gguf", dtype=torch.float32).eval(), real_rows())
    compare("Q4_K_M", want, handful, folder, 2e-3, "--base", folder / "m.gguf", "--examples", write_rows(folder / "rows.jsonl", real_rows()))


def random_checks(handful, seeds):
    for seed in seeds:
        yield f"random run {seed}", lambda d, s=seed: run.run(d, handful, s)
    for seed in seeds:
        yield f"random T5 {seed}", lambda d, s=seed: t5.imported(d, handful, s)
    for seed in seeds[::2]:
        yield f"random GGUF {seed}", lambda d, s=seed: ggufs.check(d, handful, s)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("handful", nargs="?", default="dist/handful")
    args.add_argument("--seeds", help="FIRST-LAST")
    args.add_argument("--device", default="cpu")
    a = args.parse_args()
    program = ROOT / a.handful
    torch.set_num_threads(2)
    if a.seeds:
        first, _, last = a.seeds.partition("-")
        todo = list(random_checks(Handful(program, "--device", a.device), range(int(first), int(last or first) + 1)))
    else:
        todo = list(all_checks(program))
    failed = 0
    print(f"TAP version 13\n1..{len(todo)}", flush=True)
    for i, (name, check) in enumerate(todo, 1):
        with tempfile.TemporaryDirectory() as d:
            try:
                check(pathlib.Path(d))
                print(f"ok {i} - {name}", flush=True)
            except Skip as why:
                print(f"ok {i} - {name} # SKIP {why}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {i} - {name}\n" + traceback.format_exc(limit=3), flush=True)
    sys.exit(failed > 0)


main()
