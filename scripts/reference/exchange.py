"""Folders that go from one program to the other."""

import json

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM

from . import train
from .cases import read_model
from .cli import Handful, close_logits, write_rows


def compare(name, want, handful, folder, atol, *args):
    """Scores with handful and holds its logits against PEFT's."""
    worst = close_logits(handful.logits(folder, *args)[0], want, atol, 0)
    print(f"# {name}: largest difference {worst:.2e}", flush=True)


def kind(folder):
    return json.loads((folder / "adapter_config.json").read_text())["peft_type"]


def open_peft(load, folder):
    """A base with an adapter; eval() also ends the sampling of routes."""
    return PeftModel.from_pretrained(load(), folder).eval()


def exported(folder, handful, load, base, inventory, rows, method, args, atol):
    """handful adapts; PEFT opens what it wrote."""
    examples = write_rows(folder / "rows.jsonl", rows)
    out = folder / "out"
    extra = [] if method == "lora" else ["--inventory", inventory]
    handful("adapt", "--base", base, *extra, "--examples", examples, "--method", method, "--out", out, *args)
    for sub in [out, out / "lora"] if method == "z" else [out]:
        by_task = None
        if kind(sub) == "POLY":
            tasks = json.loads((sub / "adapter_config.json").read_text())["n_tasks"]
            by_task = (lambda r: r["task_id"]) if tasks > 1 else (lambda r: 0)
        want = train.logits(open_peft(load, sub), rows, by_task)
        compare(f"{method} {sub.name}", want, handful, folder, atol, "--base", base, "--adapter", sub, "--examples", examples)


def random_rows(n, vocab, tasks, seed):
    g = torch.Generator().manual_seed(seed)
    rows = []
    for _ in range(n):
        k = int(torch.randint(2, 24, (1,), generator=g))
        ids = torch.randint(0, vocab, (k,), generator=g).tolist()
        cut = int(torch.randint(1, k, (1,), generator=g))
        rows.append({"input_ids": ids, "labels": [-100] * cut + ids[cut:], "task_id": int(torch.randint(0, tasks, (1,), generator=g))})
    return rows


def imported(folder, handful, model, adapter, tasks, save, seed):
    """PEFT writes a base and an adapter with random values; handful opens them."""
    torch.manual_seed(seed)
    LlamaForCausalLM(LlamaConfig(**model)).float().save_pretrained(folder / "base", **save)
    peft = get_peft_model(read_model(folder / "base"), adapter).eval()
    with torch.no_grad():
        for name, p in peft.named_parameters():
            if "lora_" in name:
                p.normal_(0, 0.2)
            elif "module_logits" in name:
                p.normal_(0, 1.5)
    peft.save_pretrained(folder / "adapter")
    rows = random_rows(6, model["vocab_size"], tasks, seed)
    by_task = (lambda r: r["task_id"]) if adapter.peft_type == "POLY" else None
    want = train.logits(open_peft(lambda: read_model(folder / "base"), folder / "adapter"), rows, by_task)
    examples = write_rows(folder / "rows.jsonl", rows)
    flag = "--inventory" if by_task else "--adapter"
    compare(f"PEFT's {adapter.peft_type.value}", want, handful, folder, 1e-4, "--base", folder / "base", flag, folder / "adapter", "--examples", examples)


def unopened(folder, handful, model, adapter, words):
    """An adapter of PEFT that is refused by the name of what it does."""
    LlamaForCausalLM(LlamaConfig(**model)).float().save_pretrained(folder / "base")
    get_peft_model(read_model(folder / "base"), adapter).save_pretrained(folder / "adapter")
    examples = write_rows(folder / "rows.jsonl", [dict(input_ids=[1, 2], labels=[-100, 2])])
    handful.refuses(words, "score", "--base", folder / "base", "--adapter", folder / "adapter", "--examples", examples)


def stacked(folder, handful, model):
    """handful stacks LoRAs of different ranks and linears; PEFT opens the
    inventory, and with a router that takes one skill it is that LoRA."""
    LlamaForCausalLM(LlamaConfig(**model)).float().save_pretrained(folder / "base")
    rows = [r | {"task_id": 0} for r in random_rows(4, model["vocab_size"], 1, 9)]
    configs = {"a": dict(r=2, lora_alpha=5, target_modules=["q_proj", "v_proj"]), "b": dict(r=3, lora_alpha=4, use_rslora=True, target_modules=["v_proj", "down_proj"]),
               "c": dict(r=1, target_modules="all-linear")}
    for i, (name, config) in enumerate(configs.items()):
        torch.manual_seed(i)
        peft = get_peft_model(read_model(folder / "base"), LoraConfig(task_type="CAUSAL_LM", **config)).eval()
        with torch.no_grad():
            for n, p in peft.named_parameters():
                if "lora_" in n:
                    p.normal_(0, 0.2)
        peft.save_pretrained(folder / name)
    Handful(handful.path)("stack", *(folder / n for n in configs), "--splits", 2, "--out", folder / "stack")
    examples = write_rows(folder / "rows.jsonl", rows)
    for i, name in enumerate(configs):
        poly = open_peft(lambda: read_model(folder / "base"), folder / "stack")
        with torch.no_grad():
            for n, p in poly.named_parameters():
                if "module_logits" in n:
                    p.copy_(torch.full((1, 2, len(configs)), -50.0).index_fill_(2, torch.tensor([i]), 50.0).flatten(1))
        want = train.logits(open_peft(lambda: read_model(folder / "base"), folder / name), rows)
        close_logits(train.logits(poly, rows, lambda r: 0), want, 1e-4)
        compare(f"skill {name}", want, handful, folder, 1e-4, "--base", folder / "base", "--inventory", folder / "stack", "--task", name, "--examples", examples)


def refused(folder, handful, model, words):
    """A base that handful doesn't compute as transformers does is refused by
    the name of what it lacks."""
    LlamaForCausalLM(LlamaConfig(**model)).save_pretrained(folder / "base")
    examples = write_rows(folder / "rows.jsonl", [dict(input_ids=[1, 2], labels=[-100, 2])])
    handful.refuses(words, "score", "--base", folder / "base", "--examples", examples)


def pretrained(folder, handful, model, dtype, atol):
    """handful pre-trains a base from random values with skills on it;
    transformers and PEFT open what it wrote."""
    LlamaForCausalLM(LlamaConfig(**model)).save_pretrained(folder / "config")
    rows = random_rows(24, model["vocab_size"], 3, 8)
    (folder / "tasks").mkdir()
    for t in range(3):
        write_rows(folder / "tasks" / f"t{t}.jsonl", [{k: r[k] for k in ("input_ids", "labels")} for r in rows if r["task_id"] == t])
    handful("pretrain", "--base", folder / "config", "--tasks", folder / "tasks", "--base-trainable", "--base-init", "random", "--out", folder / "out",
            "--skills", 3, "--splits", 4, "--rank", 2, "--steps", 6, "--groups", 2, "--batch", 3, "--lr", 0.02, "--router-lr", 0.5, "--base-lr", 0.01, "--dtype", dtype)
    want = train.logits(open_peft(lambda: read_model(folder / "out/base"), folder / "out"), rows, lambda r: r["task_id"])
    examples = write_rows(folder / "rows.jsonl", rows)
    compare(f"pretrain {dtype}", want, handful, folder, atol, "--base", folder / "out/base", "--inventory", folder / "out", "--examples", examples)
