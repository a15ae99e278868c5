"""Makes the pocket model: `python -m pretrain.pocket.build`. Tables, tasks, base, skills, all from packages and one seed."""

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file

from .. import __main__ as recipe
from . import base, folder, tables, tasks, tokenizer

MOST_BYTES = 4 << 20


def note(text: str):
    print(text, file=sys.stderr, flush=True)


def write_base(model, dest: Path):
    """A Hugging Face folder, weights in f16."""
    dest.mkdir(parents=True, exist_ok=True)
    config = model.config.to_dict() | {"dtype": "float16", "rope_theta": base.ROPE_THETA, "architectures": ["LlamaForCausalLM"]}
    tensors = {n: p.detach().half().contiguous() for n, p in model.named_parameters()}
    save_file(tensors, dest / "model.safetensors", metadata={"format": "pt"})
    (dest / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")
    (dest / "tokenizer.json").write_text(tokenizer.tokenizer_json() + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": tokenizer.END, "pad_token": tokenizer.END, "model_max_length": base.CONTEXT}
    (dest / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")


def size(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def main():
    parser = argparse.ArgumentParser(prog="python -m pretrain.pocket.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("assets/pocket"))
    parser.add_argument("--work", type=Path, default=Path(".cache/pocket"), help="packages, tasks and the run")
    parser.add_argument("--fast", action="store_true", help="the same with few steps: a test of the pipeline, not a model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=13)
    a = parser.parse_args()
    began = time.time()
    torch.set_num_threads(a.threads)
    steps = FAST if a.fast else FULL

    t = tables.build(a.work)
    made = tasks.build(t)
    shutil.rmtree(a.work / "tasks", ignore_errors=True)
    folder.write(made, a.work / "tasks")
    note(f"{len(made)} tasks, {len(tasks.HELD_OUT) + len(tasks.DEV)} of them never trained on")

    model = base.train(folder.training(made), tasks.facts(t), steps["base"], a.seed, note)
    write_base(model, a.out / "base")

    shutil.rmtree(a.work / "run", ignore_errors=True)
    flags = INVENTORY | {"base": a.out / "base", "tasks": a.work / "tasks", "out": a.work / "run", "steps": steps["inventory"],
                         "threads": a.threads, "seed": a.seed}
    run = ["train"] + [x for k, v in flags.items() for x in (f"--{k}", str(v))]
    export = ["export", "--run", str(a.work / "run"), "--out", str(a.out / "inventory"), "--name", "pocket-mhr"]
    for arguments in (run, export):
        if code := recipe.main(arguments):
            sys.exit(code)
    if size(a.out) > MOST_BYTES:
        sys.exit(f"pocket: {a.out} has {size(a.out)} bytes, want at most {MOST_BYTES}; make it smaller")
    note(f"{size(a.out) / 2**20:.2f} MiB in {a.out} after {(time.time() - began) / 60:.1f} min")


# How the skills are trained; flags of `python -m pretrain train`, chosen on the dev tasks.
INVENTORY = {
    "skills": 8, "splits": 4, "rank": 4, "groups": 24, "group_rows": 8, "instruction_share": 0, "balance": "task", "lr": 5e-3, "router_lr": 0.1,
    "init_rows": "sparse:2:2", "precision": "f32", "warmup": 20, "max_tokens": 128,
}
FULL = {"base": 3000, "inventory": 500}
FAST = {"base": 20, "inventory": 5}


if __name__ == "__main__":
    main()
