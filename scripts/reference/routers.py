"""(IA)³, shared routers and selectors against PEFT, both ways. checks lists
them by name; each takes an empty folder and the program (a Handful)."""

import json
import subprocess

import torch
from peft import IA3Config, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from . import exchange, train
from .cases import read_model
from .cli import write_rows

CONFIG = dict(vocab_size=101, hidden_size=48, intermediate_size=80, num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2,
              max_position_embeddings=64, tie_word_embeddings=False, pad_token_id=None)


def random_rows(n, vocab, seed):
    """Rows whose tokens are all learned but the first."""
    return [{"input_ids": r["input_ids"], "labels": [-100] + r["input_ids"][1:]} for r in exchange.random_rows(n, vocab, 1, seed)]


def compare(folder, handful, base, adapter, rows):
    """PEFT's logits of each row alone against those of `handful score`."""
    want = train.logits(exchange.open_peft(lambda: read_model(base), adapter), rows, (lambda r: 0) if exchange.kind(adapter) == "POLY" else None)
    exchange.compare(adapter.name, want, handful, folder, 1e-4, "--base", base, "--adapter", adapter, "--examples", write_rows(folder / "rows.jsonl", rows))


def exported(golden, *args, inventory="s4/adapter_init"):
    """handful trains; PEFT opens what it wrote."""
    def check(folder, handful):
        rows, out = random_rows(6, 96, 1), folder / "out"
        examples = write_rows(folder / "train.jsonl", rows)
        handful("adapt", "--base", golden, "--inventory", golden / inventory, "--examples", examples, "--out", out,
            "--steps", 5, "--warmup", 0, "--lr", 0.1, "--router-lr", 0.5, *args)
        for adapter in [out, out / "lora"] if (out / "lora").exists() else [out]:
            compare(folder, handful, golden, adapter, rows)
    return check


def imported(**config):
    """PEFT writes random vectors; handful opens them."""
    def check(folder, handful):
        torch.manual_seed(7)
        LlamaForCausalLM(LlamaConfig(**CONFIG)).save_pretrained(folder / "base")
        model = get_peft_model(read_model(folder / "base"), IA3Config(task_type="CAUSAL_LM", **config))
        with torch.no_grad():
            for name, p in model.named_parameters():
                if "ia3_l" in name:
                    p.normal_(1, 0.5)
        model.save_pretrained(folder / "adapter")
        compare(folder, handful, folder / "base", folder / "adapter", random_rows(6, CONFIG["vocab_size"], 2))
        said = subprocess.run([handful.path, "inspect", folder / "adapter"], capture_output=True, text=True, check=True).stdout
        if "peft-ia3" not in said:
            raise AssertionError(said)
    return check


def trained(golden, granularity, key):
    """z with shared routers: losses and logits of ten steps against torch's
    AdamW on PEFT's model, whose layers of a group are given one parameter."""
    def check(folder, handful):
        rows, out = random_rows(12, 96, 5), folder / "out"
        examples = write_rows(folder / "train.jsonl", rows)
        handful("adapt", "--base", golden, "--inventory", golden / "s4/adapter_init", "--examples", examples, "--out", out,
            "--method", "z", "--granularity", granularity, "--router-init", "task:1", "--order", "file", "--batch", 3, "--steps", 10,
            "--router-lr", 0.1, "--weight-decay", 0.01, "--clip", 0, "--warmup", 0, "--schedule", "constant")
        model = PeftModel.from_pretrained(read_model(golden), golden / "s4/adapter_init").eval()
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


def checks(golden):
    """By name; golden is the folder of the golden base."""
    return {
        "PEFT opens the export of ia3": exported(golden, "--method", "ia3"),
        "PEFT opens the export of ia3: four modules": exported(golden, "--method", "ia3", "--targets", "q_proj,o_proj,up_proj,mlp.down_proj"),
        "PEFT opens the export of ia3: regex": exported(golden, "--method", "ia3", "--targets", r".*\.1\.(self_attn|mlp)\.(k_proj|down_proj)"),
        "PEFT opens the export of ia3: no feed-forward": exported(golden, "--method", "ia3", "--targets", "v_proj"),
        "handful opens PEFT's IA3: PEFT's modules for Llama": imported(),
        "handful opens PEFT's IA3: regex, two feed-forward modules": imported(target_modules=r".*(q_proj|o_proj|gate_proj|down_proj)", feedforward_modules=["o_proj", "down_proj"]),
        "handful opens PEFT's IA3: all linears, none feed-forward": imported(target_modules="all-linear", feedforward_modules=[]),
        **{f"PEFT opens the export of z: routers by {g}": exported(golden, "--method", "z", "--granularity", g) for g in ["layer", "block", "coarse"]},
        **{f"PEFT opens the export of z: selector {s}": exported(golden, "--method", "z", "--selector", s) for s in ["shared", "straight-through", "correction", "l2"]},
        "z trains one router as torch does": trained(golden, "coarse", lambda n: ""),
        "z trains a router a block as torch does": trained(golden, "block", lambda n: n.split(".")[2]),
        "z trains a router a sub-layer as torch does": trained(golden, "layer", lambda n: n.rsplit(".", 1)[0]),
        "PEFT opens the export of z: Poly, straight-through": exported(golden, "--method", "z", "--selector", "straight-through", "--seed", 3, inventory="s1/adapter_init"),
        "PEFT opens the export of z: sampled routes": exported(golden, "--method", "z", "--relaxed", "--granularity", "block"),
        "PEFT opens the export of mhr: shared skill, routers by layer": exported(golden, "--method", "mhr", "--selector", "shared", "--granularity", "layer", "--router-init", "best:2"),
    }
