"""Holds handful's (IA)³, shared routers and selectors against PEFT, both ways.

Each check takes an empty folder and the program, and fails by an exception;
CHECKS lists them by name, for this script and for others.

    python scripts/ia3_check.py [dist/handful]
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
from peft import IA3Config, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "testdata/golden/mhr/llama_gqa"
CONFIG = dict(vocab_size=101, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
              max_position_embeddings=64, tie_word_embeddings=False, pad_token_id=None)


def run(program, *args):
    p = subprocess.run([program, *map(str, args)], capture_output=True, text=True)
    if p.returncode:
        raise RuntimeError(f"handful {' '.join(map(str, args))}: status {p.returncode}: {p.stderr.strip()}")
    return p


def random_rows(n, vocab, seed):
    g = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(n):
        k = int(torch.randint(2, 24, (1,), generator=g))
        ids = torch.randint(0, vocab, (k,), generator=g).tolist()
        rows.append({"input_ids": ids, "labels": [-100] + ids[1:]})
    return rows


def compare(folder, program, base, adapter, rows):
    """PEFT's logits of each row alone against those of `handful score`."""
    model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base, dtype=torch.float32), adapter).eval()
    poly = json.loads((adapter / "adapter_config.json").read_text())["peft_type"] == "POLY"
    extra = {"task_ids": torch.tensor([0])} if poly else {}
    examples, logits = folder / "rows.jsonl", folder / "logits.safetensors"
    examples.write_text("".join(json.dumps(r) + "\n" for r in rows))
    run(program, "score", "--device", "cpu", "--base", base, "--adapter", adapter, "--examples", examples, "--logits", logits)
    got, worst = load_file(logits), 0.0
    with torch.no_grad():
        for i, r in enumerate(rows):
            want = model(input_ids=torch.tensor([r["input_ids"]]), **extra).logits[0]
            worst = max(worst, (got[f"row{i}"] - want).abs().max().item())
    print(f"# largest difference {worst:.2e}", flush=True)
    if not worst <= 1e-4:
        raise AssertionError(f"largest difference {worst:.2e}, want at most 1e-04")


def exported(*args, inventory="s4/adapter_init"):
    """handful trains; PEFT opens what it wrote."""
    def check(folder, program):
        rows, out = random_rows(6, 96, 1), folder / "out"
        examples = folder / "train.jsonl"
        examples.write_text("".join(json.dumps(r) + "\n" for r in rows))
        run(program, "adapt", "--device", "cpu", "--base", GOLDEN, "--inventory", GOLDEN / inventory, "--examples", examples, "--out", out,
            "--steps", 5, "--warmup", 0, "--lr", 0.1, "--router-lr", 0.5, *args)
        for adapter in [out, out / "lora"] if (out / "lora").exists() else [out]:
            compare(folder, program, GOLDEN, adapter, rows)
    return check


def imported(**config):
    """PEFT writes random vectors; handful opens them."""
    def check(folder, program):
        torch.manual_seed(7)
        LlamaForCausalLM(LlamaConfig(**CONFIG)).save_pretrained(folder / "base")
        model = get_peft_model(LlamaForCausalLM.from_pretrained(folder / "base", dtype=torch.float32), IA3Config(task_type="CAUSAL_LM", **config))
        with torch.no_grad():
            for name, p in model.named_parameters():
                if "ia3_l" in name:
                    p.normal_(1, 0.5)
        model.save_pretrained(folder / "adapter")
        compare(folder, program, folder / "base", folder / "adapter", random_rows(6, CONFIG["vocab_size"], 2))
        said = run(program, "inspect", folder / "adapter").stdout
        if "peft-ia3" not in said:
            raise AssertionError(said)
    return check


def trained(granularity, key):
    """z with shared routers: losses and logits of ten steps against torch's
    AdamW on PEFT's model, whose layers of a group are given one parameter."""
    def check(folder, program):
        rows, out = random_rows(12, 96, 5), folder / "out"
        examples = folder / "train.jsonl"
        examples.write_text("".join(json.dumps(r) + "\n" for r in rows))
        run(program, "adapt", "--device", "cpu", "--base", GOLDEN, "--inventory", GOLDEN / "s4/adapter_init", "--examples", examples, "--out", out,
            "--method", "z", "--granularity", granularity, "--router-init", "task:1", "--order", "file", "--batch", 3, "--steps", 10,
            "--router-lr", 0.1, "--weight-decay", 0.01, "--clip", 0, "--warmup", 0, "--schedule", "constant")
        model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(GOLDEN, dtype=torch.float32), GOLDEN / "s4/adapter_init").eval()
        layers = {n.removeprefix("base_model.model."): m for n, m in model.named_modules() if hasattr(m, "poly_router")}
        groups = {}
        for name, layer in layers.items():
            groups.setdefault(key(name), []).append(layer.poly_router["default"])
        shared = []
        for routers in groups.values():
            z = torch.nn.Parameter(torch.stack([r.module_logits.data[1:2] for r in routers]).mean(0))
            for r in routers:
                r.module_logits = z
            shared.append(z)
        optim = torch.optim.AdamW(shared, lr=0.1, weight_decay=0.01)
        for step, line in enumerate((out / "train.jsonl").read_text().splitlines()):
            batch = [rows[(3 * step + i) % len(rows)] for i in range(3)]
            total, count = 0, sum(len(r["labels"]) - 1 for r in batch)
            for r in batch:
                logits = model(input_ids=torch.tensor([r["input_ids"]]), task_ids=torch.tensor([0])).logits[0]
                total = total + torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(r["labels"][1:]), reduction="sum") / count
            optim.zero_grad()
            total.backward()
            norm = torch.stack([z.grad.norm() for z in shared]).norm().item()
            got = json.loads(line)
            if abs(got["loss"] - total.item()) > 2e-4 or abs(got["grad_norm"] - norm) > 2e-5 + 2e-3 * norm:
                raise AssertionError(f"step {step + 1}: {got}, want loss {total.item():.6f} and norm {norm:.6f}")
            optim.step()
        wrote, worst = load_file(out / "adapter_model.safetensors"), 0.0
        for name, layer in layers.items():
            z = layer.poly_router["default"].module_logits
            worst = max(worst, (wrote[f"base_model.model.{name}.poly_router.module_logits"] - z).abs().max().item())
        print(f"# {len(shared)} routers, largest difference of logits {worst:.2e}", flush=True)
        if not worst <= 5e-3:
            raise AssertionError(f"logits differ by {worst:.2e}, want at most 5e-03")
    return check


CHECKS = {
    "PEFT opens the export of ia3": exported("--method", "ia3"),
    "PEFT opens the export of ia3: four modules": exported("--method", "ia3", "--targets", "q_proj,o_proj,up_proj,mlp.down_proj"),
    "PEFT opens the export of ia3: regex": exported("--method", "ia3", "--targets", r".*\.1\.(self_attn|mlp)\.(k_proj|down_proj)"),
    "PEFT opens the export of ia3: no feed-forward": exported("--method", "ia3", "--targets", "v_proj"),
    "handful opens PEFT's IA3: PEFT's modules for Llama": imported(),
    "handful opens PEFT's IA3: regex, two feed-forward modules": imported(target_modules=r".*(q_proj|o_proj|gate_proj|down_proj)", feedforward_modules=["o_proj", "down_proj"]),
    "handful opens PEFT's IA3: all linears, none feed-forward": imported(target_modules="all-linear", feedforward_modules=[]),
    **{f"PEFT opens the export of z: routers by {g}": exported("--method", "z", "--granularity", g) for g in ["layer", "block", "coarse"]},
    **{f"PEFT opens the export of z: selector {s}": exported("--method", "z", "--selector", s) for s in ["shared", "straight-through", "correction", "l2"]},
    "z trains one router as torch does": trained("coarse", lambda n: ""),
    "z trains a router a block as torch does": trained("block", lambda n: n.split(".")[2]),
    "z trains a router a sub-layer as torch does": trained("layer", lambda n: n.rsplit(".", 1)[0]),
    "PEFT opens the export of z: Poly, straight-through": exported("--method", "z", "--selector", "straight-through", "--seed", 3, inventory="s1/adapter_init"),
    "PEFT opens the export of z: sampled routes": exported("--method", "z", "--relaxed", "--granularity", "block"),
    "PEFT opens the export of mhr: shared skill, routers by layer": exported("--method", "mhr", "--selector", "shared", "--granularity", "layer", "--router-init", "best:2"),
}


def main():
    program, failed = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "dist/handful"), 0
    print(f"TAP version 13\n1..{len(CHECKS)}", flush=True)
    for i, (name, check) in enumerate(CHECKS.items(), 1):
        with tempfile.TemporaryDirectory() as d:
            try:
                check(pathlib.Path(d), program)
                print(f"ok {i} - {name}", flush=True)
            except Exception:
                failed += 1
                print(f"not ok {i} - {name}\n" + traceback.format_exc(limit=3), flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
