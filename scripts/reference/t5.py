"""T5 and mT5: folders that go from one program to the other, and answers."""

import json
import random

import torch
from peft import IA3Config, LoraConfig, PeftModel, PolyConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForSeq2SeqLM, MT5Config, MT5ForConditionalGeneration, T5Config, T5ForConditionalGeneration

from .cli import close_logits, write_rows
from .exchange import kind

TASK = "SEQ_2_SEQ_LM"
PAPER = r".*(SelfAttention|EncDecAttention|DenseReluDense)\.(q|k|v|o|wi_1.*|wi_0.*|wo)"


def load(folder):
    return AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()


def golden_rows(tensors, n=8):
    flat = {k: v.reshape(-1, v.shape[-1]) if v.dim() == 3 else v.reshape(-1) for k, v in tensors.items()}
    return [{"input_ids": flat["input_ids"][i][flat["attention_mask"][i].bool()].tolist(), "labels": flat["labels"][i][flat["labels"][i] >= 0].tolist(),
             "task_id": int(flat["task_ids"][i])} for i in range(n)]


def logits(model, rows, by_task=None):
    """Each row's logits alone: its decoder reads the labels one place later."""
    out = []
    with torch.no_grad():
        for r in rows:
            said = [0] + [max(y, 0) for y in r["labels"][:-1]]
            extra = {"task_ids": torch.tensor([by_task(r)])} if by_task else {}
            out.append(model(input_ids=torch.tensor([r["input_ids"]]), decoder_input_ids=torch.tensor([said]), **extra).logits[0].float())
    return out


def compare(name, model, rows, by_task, handful, folder, atol, *args):
    """T5's attention is not scaled, which blows rounding up: logits may be off
    by ten times what float32 costs transformers itself."""
    examples = write_rows(folder / "rows.jsonl", rows)
    single, want = logits(model, rows, by_task), logits(model.double(), rows, by_task)
    cost = max((a.double() - b.double()).abs().max().item() for a, b in zip(single, want))
    worst = close_logits(handful.logits(folder, *args, "--examples", examples)[0], want, max(atol, 10 * cost), 1e-5)
    print(f"# {name}: largest difference {worst:.2e}, transformers' own {cost:.2e}", flush=True)


def exported(folder, handful, base, rows, method, args, atol):
    """handful adapts; PEFT opens what it wrote."""
    examples = write_rows(folder / "rows.jsonl", rows)
    out = folder / "out"
    inventory = [] if method in ("lora", "ia3") else ["--inventory", base / "s4/adapter_init"]
    handful("adapt", "--base", base, *inventory, "--examples", examples, "--method", method, "--out", out, *args)
    for sub in [out, out / "lora"] if method == "z" else [out]:
        config = json.loads((sub / "adapter_config.json").read_text())
        if config["task_type"] != TASK:
            raise AssertionError(f"task_type {config['task_type']}")
        by_task = None
        if kind(sub) == "POLY":
            by_task = (lambda r: r["task_id"]) if config["n_tasks"] > 1 else (lambda r: 0)
        model = PeftModel.from_pretrained(load(base), sub).eval()
        compare(f"{method} {sub.name}", model, rows, by_task, handful, folder, atol, "--base", base, "--adapter", sub)


def random_model(r):
    """A config of odd sizes. d_kv times num_heads need not be d_model."""
    kind, config = (MT5ForConditionalGeneration, MT5Config) if r.random() < 0.25 else (T5ForConditionalGeneration, T5Config)
    sizes = dict(vocab_size=r.randint(60, 131), d_model=r.choice([16, 20, 24, 40]), d_kv=r.choice([2, 3, 4, 8, 10]), d_ff=r.choice([24, 30, 64]), num_heads=r.choice([1, 2, 3, 4]),
                 num_layers=r.randint(1, 3), num_decoder_layers=r.randint(1, 3), relative_attention_num_buckets=r.choice([4, 8, 12, 32]), relative_attention_max_distance=r.choice([20, 32, 128]),
                 dropout_rate=0.0, decoder_start_token_id=0, layer_norm_epsilon=r.choice([1e-6, 1e-5]), feed_forward_proj=r.choice(["relu", "gated-gelu", "gated-silu"]),
                 tie_word_embeddings=r.random() < 0.5)
    return kind, config(**sizes)


def write_model(folder, r, seed):
    """A checkpoint with random weights, and whether its head is its own."""
    kind, config = random_model(r)
    torch.manual_seed(seed)
    base = kind(config)
    own = kind is MT5ForConditionalGeneration or not config.scale_decoder_outputs
    with torch.no_grad():
        for n, p in base.named_parameters():
            p.uniform_(0.5, 1.5) if "norm" in n else p.normal_(0, 0.8 if "bias" in n else 1.0 if "shared" in n else 0.25)
    base.to(getattr(torch, r.choice(["float32", "float32", "float16", "bfloat16"])))
    state = {k: v.clone() for k, v in base.state_dict().items() if "embed_tokens" not in k}
    if own:
        state["lm_head.weight"] = torch.randn_like(state["shared.weight"].float()).to(state["shared.weight"].dtype) * 0.3
    else:
        state.pop("lm_head.weight", None)
    base.save_pretrained(folder)
    for f in folder.glob("*.safetensors*"):
        f.unlink()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    if r.random() < 0.4:  # config.json as transformers 4 spelt it
        c = json.loads((folder / "config.json").read_text())
        c.pop("scale_decoder_outputs", None)
        c["torch_dtype"] = c.pop("dtype")
        if own or kind is MT5ForConditionalGeneration:
            c["tie_word_embeddings"] = False
        else:
            c.pop("tie_word_embeddings", None)
        (folder / "config.json").write_text(json.dumps(c))
    return config


def random_rows(r, config, tasks, n=6):
    word = lambda: r.randrange(config.vocab_size)
    rows = []
    for _ in range(n):
        answer = [word() for _ in range(r.choice([1, 2, 4, 9, 30]))]
        rows.append({"input_ids": [word() for _ in range(r.choice([1, 2, 7, 23, 60, 160]))], "labels": [y if r.random() < 0.8 else -100 for y in answer[:-1]] + answer[-1:], "task_id": r.randrange(tasks)})
    return rows


def random_adapter(r, base):
    """PEFT's POLY, LORA or IA3 on some of the linears."""
    names = sorted({n.rpartition(".")[2] for n, m in base.named_modules() if isinstance(m, torch.nn.Linear)} - {"lm_head"})
    pick = r.sample(names, r.randint(1, len(names)))
    targets = r.choice([pick, "all-linear", PAPER, r"decoder\..*EncDecAttention\.(q|v)"])
    what = r.choice(["POLY", "POLY", "LORA", "IA3"])
    if what == "LORA":
        return LoraConfig(task_type=TASK, target_modules=targets, r=r.randint(1, 5), lora_alpha=r.choice([1, 3, 16]), use_rslora=r.random() < 0.3)
    if what == "IA3":
        return IA3Config(task_type=TASK, target_modules=["k", "v", "wo"], feedforward_modules=["wo"])
    probe = get_peft_model(base, PolyConfig(task_type=TASK, target_modules=targets, r=1, n_splits=1))
    sizes = {d for m in probe.modules() if hasattr(m, "poly_lora_A") for d in (m.in_features, m.out_features)}
    splits = r.choice([q for q in (1, 2, 4, 8) if all(d % q == 0 for d in sizes)])
    return PolyConfig(task_type=TASK, target_modules=targets, r=r.randint(1, 4), n_tasks=r.randint(1, 4), n_skills=r.randint(1, 4), n_splits=splits)


def imported(folder, handful, seed):
    """transformers writes a base and PEFT an adapter, with random values; handful
    opens them."""
    r = random.Random(seed)
    config = write_model(folder / "base", r, seed)
    rows = random_rows(r, config, 1)
    compare(f"{config.model_type} {config.feed_forward_proj}", load(folder / "base"), rows, None, handful, folder, 1e-4, "--base", folder / "base")
    adapter = random_adapter(r, load(folder / "base"))
    model = get_peft_model(load(folder / "base"), adapter).eval()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_" in name:
                p.normal_(0, 0.2)
            elif "module_logits" in name:
                p.normal_(0, 1.5)
            elif "ia3_l" in name:
                p.uniform_(0.5, 1.5)
    model.save_pretrained(folder / "adapter")
    poly = adapter.peft_type == "POLY"
    rows = random_rows(r, config, adapter.n_tasks if poly else 1)
    by_task = (lambda row: row["task_id"]) if poly else None
    model = PeftModel.from_pretrained(load(folder / "base"), folder / "adapter").eval()
    compare(f"PEFT's {adapter.peft_type.value}", model, rows, by_task, handful, folder, 1e-4, "--base", folder / "base", "--inventory" if poly else "--adapter", folder / "adapter")
