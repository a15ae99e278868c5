"""Writes a run as PEFT adapters: a POLY folder with manifest and card, or a LORA folder."""

import dataclasses
import json
from pathlib import Path

import peft
import torch
from safetensors.torch import save

from .checkpoint import write_whole
from .config import FREE
from .fault import Fault
from .optim import temperature
from .prompt import ANSWER, INSTRUCTION_CHARS, TEMPLATE

PREFIX = "base_model.model."
DTYPES = {"f16": torch.float16, "f32": torch.float32}


def parse_few_shot(text: str) -> dict:
    """Settings of `handful adapt` by method, {"z": {"router_lr": 0.5}}: flags' names with _ for -. Opening checks the rest."""
    want = 'want {"METHOD": {"SETTING": VALUE}}, METHOD one of z, mu, mhr'
    try:
        few_shot = json.loads(text or "{}")
    except ValueError as e:
        raise Fault("export", f"--few_shot is no JSON: {e}", want) from None
    if not isinstance(few_shot, dict) or not all(m in ("z", "mu", "mhr") and isinstance(s, dict) for m, s in few_shot.items()):
        raise Fault("export", f"--few_shot {text}", want)
    return few_shot


def export_folder(run, dest: Path, step: int, dtype: str = "f16", all_rows: bool = False, name: str = "", few_shot: dict | None = None):
    """`run` holds the adapters of `step`. adapter_model.safetensors gets one router row of zeros, the uniform mixture, and
    task_rows.safetensors the trained rows; with all_rows the former gets them, and there is no manifest of tasks."""
    dest = Path(dest)
    dest.mkdir(parents=True, exist_ok=True)
    model, lora = run.model, run.cfg.method == "lora"
    config, tensors = (_lora if lora else _poly)(run, step, all_rows)
    _write(dest / "adapter_model.safetensors", tensors, dtype)
    _json(dest / "adapter_config.json", config | common(run))
    if all_rows or lora:
        return
    rows = {f"{PREFIX}{n}.poly_router.module_logits": plain_logits(run, m, step) for n, m in model.layers.items()}
    _write(dest / "task_rows.safetensors", rows, dtype)
    m = manifest(run, step, name or dest.name, few_shot or {})
    _json(dest / "manifest.json", m)
    write_whole(dest / "README.md", card(m).encode())


def plain_logits(run, layer, step: int) -> torch.Tensor:
    """Z [t, q·s] for the plain sigmoid, whatever temperature it was trained at."""
    return layer.router.module_logits / temperature(run.cfg, step)


def _poly(run, step: int, all_rows: bool):
    tensors, s = {}, run.model.shape
    for n, m in run.model.layers.items():
        z = plain_logits(run, m, step)
        tensors[f"{PREFIX}{n}.poly_lora_A"] = m.lora_a
        tensors[f"{PREFIX}{n}.poly_lora_B"] = m.lora_b
        tensors[f"{PREFIX}{n}.poly_router.module_logits"] = z if all_rows else torch.zeros_like(z[:1])
    config = {
        "peft_type": "POLY",
        "poly_type": "poly",
        "r": s.rank,
        "n_tasks": s.rows if all_rows else 1,
        "n_skills": s.skills,
        "n_splits": s.splits,
        "init_weights": True,
    }
    return config, tensors


def _lora(run, step: int, all_rows: bool):
    """lora_alpha 1: PEFT's scaling alpha/r is then our 1/r."""
    tensors = {}
    for n, m in run.model.layers.items():
        tensors[f"{PREFIX}{n}.lora_A.weight"] = m.lora_a[0, 0].T
        tensors[f"{PREFIX}{n}.lora_B.weight"] = m.lora_b[0, 0].T
    config = {
        "peft_type": "LORA",
        "r": run.model.shape.rank,
        "lora_alpha": 1,
        "lora_dropout": 0.0,
        "use_rslora": False,
        "bias": "none",
        "fan_in_fan_out": False,
    }
    return config, tensors


def common(run) -> dict:
    return {
        "task_type": "SEQ_2_SEQ_LM" if run.model.seq2seq else "CAUSAL_LM",
        "target_modules": run.model.shape.targets,
        "inference_mode": True,
        "modules_to_save": None,
        "exclude_modules": None,
        "base_model_name_or_path": run.base.name,
        "revision": None,
        "auto_mapping": None,
        "peft_version": peft.__version__,
    }


def manifest(run, step: int, name: str, few_shot: dict) -> dict:
    """What an inventory was made of. `rows` gives each task's row in task_rows.safetensors; without it, row i is task i's."""
    cfg, s = run.cfg, run.model.shape
    lengths = [len(t) for e in run.encoded for r in e.train for t in (r, r.told) if t]
    out = {
        "name": name,
        "base": {"file": run.base.file, "sha256": run.base.sha256()},
        "method": cfg.method,
        "rank": s.rank,
        "n_skills": s.skills,
        "n_splits": s.splits,
        "scaling": 1 / s.rank,
        "prompt": {
            "template": TEMPLATE,
            "answer": ANSWER,
            "end": run.base.end,
            "instruction_chars": INSTRUCTION_CHARS,
            "max_tokens_seen": max(lengths),
        },
        "steps": step,
        "examples_per_step": run.groups_per_step() * cfg.group_rows,
    }
    if few_shot:
        out["few_shot"] = few_shot
    out["tasks"] = [t.name for t in run.tasks]
    if run.rows != list(range(len(run.rows))):
        out["rows"] = run.rows
    out["hyperparameters"] = {k: v for k, v in dataclasses.asdict(cfg).items() if k not in FREE or k in ("groups", "accumulate")}
    out["sources"] = [
        {
            "name": t.name,
            "category": t.category,
            "source": t.source,
            "licence": t.licence,
            "rows": len(e.train),
            "row": row,
            "sha256": t.sha256,
        }
        for e, t, row in zip(run.encoded, run.tasks, run.rows)
    ]
    return out


def card(m: dict) -> str:
    """README.md of an inventory."""
    h = m["hyperparameters"]
    lines = [
        f"# {m['name']}",
        "",
        f"A PEFT `POLY` adapter for `{m['base']['file']}` (sha256 `{m['base']['sha256']}`): {m['n_skills']} skills × {m['n_splits']} splits of rank {m['rank']},",
        f"trained by {m['method'].upper()} for {m['steps']} steps of {m['examples_per_step']} examples on {len(m['tasks'])} tasks. `adapter_model.safetensors` has one router row",
        "of zeros, the uniform mixture; `task_rows.safetensors` has the trained rows, whose tasks `manifest.json` names.",
        "",
        "```python",
        'model = PeftModel.from_pretrained(base, "FOLDER").eval()   # eval(): routes are sampled otherwise',
        "model(input_ids=ids, task_ids=torch.zeros(len(ids), dtype=torch.long))",
        "```",
        "",
        "## Prompt",
        "",
        "```",
        m["prompt"]["template"],
        "```",
        "",
        f"Parts in square brackets vanish with their field; an instruction is cut at {INSTRUCTION_CHARS} characters. The answer is `{m['prompt']['answer']}` and `{m['prompt']['end']}`;",
        f"prompt and answer are tokenised apart, without BOS. Rows had up to {m['prompt']['max_tokens_seen']} tokens.",
        "",
        "## Training",
        "",
        f"AdamW, {h['lr']:g} for A and B, {h['router_lr']:g} for routers, {h['schedule']} after {h['warmup']} steps of warm-up, clip {h['clip']:g}, seed {h['seed']}. All of it: `hyperparameters` in `manifest.json`.",
        "",
    ]
    if few_shot := m.get("few_shot"):
        said = "; ".join(f"{method}: " + ", ".join(f"{k} {v}" for k, v in s.items()) for method, s in few_shot.items())
        lines += ["## For a handful of examples", "", f"`handful` takes these settings where none are given: {said}.", ""]
    lines += [
        "## Data",
        "",
        "| task | category | rows | source | licence | sha256 |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {s['name']} | {s['category']} | {s['rows']} | {s['source']} | {s['licence']} | `{s['sha256'][:16]}` |" for s in m["sources"]
    ]
    return "\n".join(lines) + "\n"


def _write(path: Path, tensors: dict, dtype: str):
    out = {}
    for name, t in tensors.items():
        t = t.detach().to("cpu", DTYPES[dtype]).contiguous()
        if not torch.isfinite(t).all():
            raise Fault("export", f"{name} has values that {dtype} cannot hold", "use --dtype f32")
        out[name] = t
    write_whole(path, save(out, metadata={"format": "pt"}))


def _json(path: Path, value: dict):
    write_whole(path, (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode())
