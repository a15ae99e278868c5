"""Random runs: a base, an inventory, rows and settings from one seed."""

import json
import random

import torch
from peft import PolyConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def random_model(r):
    """LlamaConfig's arguments: odd sizes, grouped heads, heads of any width."""
    kv = r.choice([1, 1, 2, 3])
    heads = kv * r.choice([1, 2, 3])
    head_dim = r.choice([2, 4, 6, 8, 10])
    hidden = heads * (head_dim if r.random() < 0.4 else r.choice([5, 6, 8, 10, 16]))  # transformers wants a multiple
    m = dict(vocab_size=r.randint(60, 131), hidden_size=hidden, intermediate_size=r.choice([16, 24, 40, 50, 66, 80]), num_hidden_layers=r.randint(1, 3),
             num_attention_heads=heads, num_key_value_heads=kv, max_position_embeddings=64, tie_word_embeddings=r.random() < 0.5,
             rms_norm_eps=r.choice([1e-5, 1e-6, 1e-3]), pad_token_id=None, bos_token_id=1, eos_token_id=r.choice([2, [2, 3]]), initializer_range=0.15)
    m["rope_parameters"] = {"rope_type": "default", "rope_theta": r.choice([1e4, 5e4, 1e6])}
    if hidden != heads * head_dim:
        m["head_dim"] = head_dim
    return m


def write_model(folder, model, seed, dtype="float32", shards=False, old_config=False):
    """A checkpoint with random weights, norms too. old_config spells
    config.json as transformers 4 did."""
    torch.manual_seed(seed)
    base = LlamaForCausalLM(LlamaConfig(**model))
    with torch.no_grad():
        for n, p in base.named_parameters():
            if "norm" in n:
                p.uniform_(0.5, 1.5)
    base.to(getattr(torch, dtype)).save_pretrained(folder, **({"max_shard_size": "20KB"} if shards else {}))
    if old_config:
        file = folder / "config.json"
        c = json.loads(file.read_text())
        rope = c.pop("rope_parameters")
        c |= dict(rope_theta=rope.pop("rope_theta"), rope_scaling=None if rope == {"rope_type": "default"} else rope, torch_dtype=c.pop("dtype"),
                  pretraining_tp=1, use_cache=True, transformers_version="4.40.0")
        file.write_text(json.dumps(c, indent=2))


def read_model(folder):
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def random_targets(r):
    pick = r.sample(MODULES, r.randint(1, len(MODULES)))
    return r.choice([pick, pick, "all-linear", rf".*\.0\.(self_attn|mlp)\.({'|'.join(pick)})", rf"(?!.*lm_head).*\.({'|'.join(pick)})",
                     rf"model\.layers\.\d+\.\w+\.(?:{'|'.join(pick)})"])


def write_inventory(folder, base, r, seed):
    """A POLY folder with random values, "as if pre-trained", and its (config,
    tensors). n_splits divides the sizes of all its modules. There are two skills
    at least: the router of one has no gradient but noise."""
    targets = random_targets(r)
    probe = get_peft_model(read_model(base), PolyConfig(task_type="CAUSAL_LM", target_modules=targets, r=1, n_splits=1))
    sizes = {d for m in probe.modules() if hasattr(m, "poly_lora_A") for d in (m.in_features, m.out_features)}
    splits = r.choice([q for q in (1, 2, 4, 8) if all(d % q == 0 for d in sizes)])
    config = dict(task_type="CAUSAL_LM", target_modules=targets, r=r.randint(1, 6), n_tasks=r.randint(1, 5), n_skills=r.randint(2, 6), n_splits=splits)
    torch.manual_seed(seed)
    model = get_peft_model(read_model(base), PolyConfig(**config))
    tensors = {}
    with torch.no_grad():
        for n, p in model.named_parameters():
            if "lora_" in n or "module_logits" in n:
                p.normal_(0, 1.0 if "module_logits" in n else 0.3)
                tensors[n.replace(".default", "")] = p.detach().clone()
    model.save_pretrained(folder)
    if r.random() < 0.2:  # an inventory at half the size
        save_file({n: v.bfloat16() for n, v in tensors.items()}, folder / "adapter_model.safetensors")
        tensors = {n: v.bfloat16().float() for n, v in tensors.items()}
    return config, tensors


def random_rows(r, n, vocab, tasks):
    """Pre-tokenised rows: most with a prompt, some with labels here and there,
    some of one token or without a label."""
    rows = []
    for _ in range(n):
        k = r.choice([1, 2, 3, 5, 9, 17, 30])
        ids = [r.randrange(vocab) for _ in range(k)]
        kind = r.random()
        if kind < 0.6:
            cut = r.randint(0, k - 1)
            labels = [-100] * cut + ids[cut:]
        elif kind < 0.9:
            labels = [r.choice([i, i, -100, r.randrange(vocab)]) for i in ids]
        else:
            labels = [-100] * k
        rows.append(dict(input_ids=ids, labels=labels, task_id=r.randrange(tasks)))
    return rows


def learns(row):
    """The labels that count: the first can't be predicted."""
    return sum(y >= 0 for y in row["labels"][1:])


def random_optim(r, steps):
    decay = r.choice([None, None, 0.0, 0.01, 0.1])
    return dict(steps=steps, batch=r.randint(1, 5), lr=r.choice([1e-3, 3e-3]), router_lr=r.choice([0.05, 0.1]), clip=r.choice([0, 0, 0.1, 1.0]),
                warmup=r.choice([0, 0, 2, 3]), linear=r.random() < 0.5,
                decay=0.01 if decay is None else decay, router_decay=0 if decay is None else decay, given_decay=decay)


def flags(o):
    """The same settings for handful."""
    f = ["--order", "file", "--steps", o["steps"], "--batch", o["batch"], "--lr", o["lr"], "--router-lr", o["router_lr"], "--clip", o["clip"],
         "--warmup", o["warmup"], "--schedule", "linear" if o["linear"] else "constant"]
    return f + ([] if o["given_decay"] is None else ["--weight-decay", o["given_decay"]])


def random_case(seed):
    r = random.Random(seed)
    method = r.choice(["z", "mu", "mhr", "mhr", "lora"])
    init = {"z": ["mean", "task"], "mhr": ["keep", "keep", "mean", "task"]}.get(method, ["mean"])
    return r, dict(seed=seed, method=method, init=r.choice(init), dtype=r.choice(["float32", "float32", "float16", "bfloat16"]), shards=r.random() < 0.3,
                   old_config=r.random() < 0.4, model=random_model(r))
