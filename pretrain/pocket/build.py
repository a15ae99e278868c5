"""Makes the pocket model: `python -m pretrain.pocket.build`. Tables, tasks, base, skills, all from packages and one seed."""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .. import __main__ as recipe
from . import base, folder, tables, tasks, tokenizer

ROOT = Path(__file__).parents[2]
MOST_BYTES = 4 << 20


def note(text: str):
    print(text, file=sys.stderr, flush=True)


def write_base(model, dest: Path):
    """A Hugging Face folder, weights in f16."""
    dest.mkdir(parents=True, exist_ok=True)
    config = {k: v for k, v in model.config.to_dict().items() if k != "_name_or_path"} | {"dtype": "float16", "rope_theta": base.ROPE_THETA, "architectures": ["LlamaForCausalLM"]}
    tensors = {n: p.detach().half().contiguous() for n, p in model.named_parameters()}
    save_file(tensors, dest / "model.safetensors", metadata={"format": "pt"})
    (dest / "config.json").write_text(json.dumps(config, indent=1, default=str) + "\n")
    (dest / "tokenizer.json").write_text(tokenizer.tokenizer_json() + "\n", encoding="utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": tokenizer.END, "pad_token": tokenizer.END, "model_max_length": base.CONTEXT}
    (dest / "tokenizer_config.json").write_text(json.dumps(settings, indent=1) + "\n")


def size(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*") if f.is_file())


def keep_aside(some: list[tasks.Task], n: int = 40):
    """Tasks less n rows each, and those rows; small tasks, whose rows are facts, are learned and asked whole."""
    learn = [replace(t, rows=t.rows[n:] if len(t.rows) >= 600 else t.rows) for t in some]
    return learn, [replace(t, rows=t.rows[:n]) for t in some]


def known(model, aside: list[tasks.Task]) -> dict[str, float]:
    """The share of right answers by the first word of the tasks' names."""
    by = defaultdict(list)
    for t in aside:
        by[t.name.split("_")[0]].append(base.exact(model, t.rows, t.instruction))
    return {kind: sum(v) / len(v) for kind, v in by.items()}


CARD = """# The pocket model

A Llama of {parameters:,} parameters that knows letters, word forms, short lists, small numbers and some facts about countries, and
an inventory of {skills} skills for it. Made from tables and rules by `python -m pretrain.pocket.build`, see pretrain/pocket; for
trying things in seconds, not for use. It reads bytes; its prompt is the shipped inventories'.

| folder | what |
|---|---|
| `base` | Hugging Face folder, f16 |
| `inventory` | PEFT `POLY` folder, f16: {skills} skills × {splits} splits of rank {rank}, and the routers and gradients' sketches of {tasks} training tasks |

Never trained on, so that they can be asked for: {held_out}; and, used to choose settings: {dev}.

Data: WordNet 3.1 (Princeton University, WordNet licence, its notice is in THIRD_PARTY.md), lemminflect (MIT), countryinfo (MIT),
Unicode CLDR by way of babel (Unicode-3.0).
"""


def card(where: Path, made) -> str:
    parameters = sum(t.numel() for t in load_file(where / "model.safetensors").values())
    names = lambda some: ", ".join(f"`{n}`" for n in some)
    return CARD.format(parameters=parameters, tasks=len(folder.training(made)), held_out=names(tasks.HELD_OUT), dev=names(tasks.DEV),
                       **{k: INVENTORY[k] for k in ("skills", "splits", "rank")})


def sketch(made: Path, rows: Path):
    """What the inventory keeps of its training tasks' gradients; the program takes them."""
    command = ["go", "run", "./cmd/handful", "align", "--base", made.resolve() / "base", "--inventory", made.resolve() / "inventory", "--tasks", rows.resolve(), "--rows", "32", "--instruction", "",
               "--device", "cpu", "--sketches", made.resolve() / "inventory/task_gradients.safetensors"]
    if code := subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
        sys.exit(code)


def main():
    parser = argparse.ArgumentParser(prog="python -m pretrain.pocket.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("assets/pocket"))
    parser.add_argument("--packages", type=Path, default=tables.PACKAGES, help="WordNet's files, fetched once")
    parser.add_argument("--work", type=Path, default=Path(".cache/pocket"), help="tasks and the run")
    parser.add_argument("--fast", action="store_true", help="the same with few steps: a test of the pipeline, not a model")
    parser.add_argument("--skills-only", action="store_true", help="keep the base that is there")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1, help="of the base; the skills have the recipe's")
    a = parser.parse_args()
    began = time.time()
    torch.set_num_threads(a.threads)
    steps = FAST if a.fast else FULL

    t = tables.build(a.packages)
    made = tasks.build(t, steps["rows"])
    shutil.rmtree(a.work / "tasks", ignore_errors=True)
    folder.write(made, a.work / "tasks")
    note(f"{len(made)} tasks, {len(tasks.HELD_OUT) + len(tasks.DEV)} of them never trained on")

    if not a.skills_only:
        learn, aside = keep_aside(folder.training(made))
        model = base.train(learn, tasks.facts(t), steps["base"], a.seed, note)
        write_base(model, a.out / "base")
        for kind, share in known(model, aside).items():
            note(f"  {kind:10} {share:.0%} of rows right, told the instruction")

    shutil.rmtree(a.work / "run", ignore_errors=True)
    flags = INVENTORY | {"base": a.out / "base", "tasks": a.work / "tasks", "out": a.work / "run", "steps": steps["inventory"],
                         "threads": a.threads}
    run = ["train"] + [x for k, v in flags.items() for x in (f"--{k}", str(v))]
    export = ["export", "--run", str(a.work / "run"), "--out", str(a.out / "inventory"), "--name", "pocket-mhr", "--few_shot", json.dumps(FEW_SHOT)]
    for arguments in (run, export):
        if code := recipe.main(arguments):
            sys.exit(code)
    sketch(a.out, a.work / "tasks" / "train")
    (a.out / "README.md").write_text(card(a.out / "base", made), encoding="utf-8")
    if size(a.out) > MOST_BYTES:
        sys.exit(f"pocket: {a.out} has {size(a.out)} bytes, want at most {MOST_BYTES}; make it smaller")
    note(f"{size(a.out) / 2**20:.2f} MiB in {a.out} after {(time.time() - began) / 60:.1f} min")


# How the skills are trained; flags of `python -m pretrain train`, chosen on the dev tasks.
INVENTORY = {
    "skills": 8, "splits": 8, "rank": 4, "groups": 24, "group_rows": 8, "instruction_share": 0, "balance": "task", "lr": 1e-2, "router_lr": 0.05,
    "init_rows": "sparse:2:2", "precision": "f32", "warmup": 20, "eval_rows": 4, "save_every": 100, "device": "cpu",
}
# What the inventory recommends for a handful of examples, chosen on the dev tasks too.
FEW_SHOT = {"z": {"router_lr": 0.5}}
FULL = {"base": 2000, "inventory": 350, "rows": 1200}
FAST = {"base": 20, "inventory": 5, "rows": 80}


if __name__ == "__main__":
    main()
