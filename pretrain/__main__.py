"""python -m pretrain train|export|loss|fewshot"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from transformers.hf_argparser import HfArgumentParser

from .config import Config, choice, flag
from .fault import Fault


@dataclass
class Export:
    """Writes a run's checkpoint as a PEFT folder."""

    run: str = flag("--out folder of a training run")
    out: str = flag("folder to write")
    name: str = flag("name of the inventory; empty: the folder's", "")
    dtype: str = choice("of the tensors", "f16", "f32")
    few_shot: str = flag("settings to recommend for a handful of examples, as JSON: {method: {setting: value}}", "")
    all_rows: bool = flag("put the tasks' router rows into the adapter itself, in place of one row of zeros", False)
    base: str = flag("base model, where it has moved", "")
    tasks: str = flag("task folder, where it has moved", "")


@dataclass
class Loss:
    """Loss and exact answers of each task on rows that were not trained on; JSON on stdout."""

    base: str = flag("base model")
    tasks: str = flag("task folder")
    inventory: str = flag("PEFT POLY or LORA folder; empty: the base alone", "")
    split: str = choice("train: rows kept aside of training tasks; heldout: all rows of held-out tasks", "train", "heldout")
    route: str = choice("row: each task's own; mean: the uniform mixture", "row", "mean")
    ship_only: bool = flag("take only tasks whose licence lets the result be given away", True)
    only: str = flag("take only tasks whose name matches this regular expression", "")
    aside: float = flag("share of rows kept aside, as in training", 0.05)
    max_rows: int = flag("rows of each task, at most", 50)
    max_tokens: int = flag("longer rows are left out", 256)
    precision: str = choice("of the forward pass", "bf16", "f32")
    threads: int = flag("CPU threads; 0: PyTorch's choice", 0)


@dataclass
class FewShot:
    """Adapts to tasks from a few shots and tests on the rest; a JSON line for each task, method and seed, and means at the end."""

    base: str = flag("base model")
    tasks: str = flag("task folder")
    inventory: str = flag("PEFT POLY folder")
    split: str = choice("of the tasks", "heldout", "train")
    only: str = flag("take only tasks whose name matches this regular expression", "")
    methods: str = flag("of base, mean, z, mu, lora", "base,mean,z,mu,lora")
    shots: int = flag("examples to learn from", 16)
    seeds: int = flag("draws of shots", 1)
    test_rows: int = flag("rows to test on, at most", 100)
    steps: int = flag("steps of adaptation", 60)
    batch: int = flag("rows of a step", 8)
    lr: float = flag("learning rate of mu and lora", 3e-3)
    router_lr: float = flag("learning rate of z", 0.1)
    rank: int = flag("of lora; 0: the inventory's", 0)
    max_tokens: int = flag("longer rows are left out", 256)
    precision: str = choice("of forward and backward", "bf16", "f32")
    threads: int = flag("CPU threads; 0: PyTorch's choice", 0)


def train(cfg: Config):
    from .train import train

    train(cfg)
    print(f"next: python -m pretrain export --run {cfg.out} --out FOLDER", file=sys.stderr)


def export(a: Export):
    from . import checkpoint
    from .export import export_folder, parse_few_shot
    from .run import Run

    few_shot = parse_few_shot(a.few_shot)
    cfg = Config.load(Path(a.run))
    cfg.base, cfg.tasks, cfg.out = a.base or cfg.base, a.tasks or cfg.tasks, a.run
    state = checkpoint.load(Path(a.run) / "checkpoint.pt")
    run = Run(cfg, state["processes"])
    run.load(state)
    export_folder(run, Path(a.out), state["step"], a.dtype, a.all_rows, a.name, few_shot)


def _open(a, inventory):
    import torch

    from .base import load_base
    from .inventory import open_inventory
    from .model import MultiTask, Shape, parse_targets
    from .prompt import Encoder

    if a.threads:
        torch.set_num_threads(a.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    base = load_base(a.base, a.precision)
    model, rows = open_inventory(base, inventory) if inventory else (MultiTask(base, Shape(1, 1, 1, 1, parse_targets("", base.model))), {})
    return base, model.to(device), rows, Encoder(base.tokenizer, base.seq2seq), device


def loss(a: Loss):
    from .data import load_tasks
    from .evaluate import per_task
    from .prompt import encode_rows

    base, model, rows, encode, device = _open(a, a.inventory)
    out = {}
    for t in load_tasks(a.tasks, a.split, a.ship_only and a.split == "train", a.only):
        kept = [r for r in t.rows if a.split == "heldout" or r.is_aside(a.aside)][: a.max_rows]
        route = None if not a.inventory else -1 if a.route == "mean" else rows.get(t.name, -1)
        out[t.name] = route, [x.told or x for x in encode_rows(kept, t.instruction, encode, a.max_tokens)]
    print(json.dumps(per_task(model, out, device, a.precision), indent=1))


def fewshot(a: FewShot):
    from tqdm import tqdm

    from .data import load_tasks
    from .few_shot import Recipe, draw, run
    from .prompt import encode_rows

    methods = a.methods.split(",")
    if wrong := [m for m in methods if m not in ("base", "mean", "z", "mu", "lora")]:
        raise Fault("fewshot", f"method {wrong[0]!r}, want base, mean, z, mu or lora")
    base, model, _, encode, device = _open(a, a.inventory)
    recipe = Recipe(a.steps, a.batch, a.lr, a.router_lr, precision=a.precision)
    model.requires_grad_(False)
    results = {m: [] for m in methods}
    todo = [(t, seed, m) for t in load_tasks(a.tasks, a.split, only=a.only) for seed in range(a.seeds) for m in methods]
    for t, seed, m in tqdm(todo, disable=None):
        shots, test = ([x.told or x for x in encode_rows(r, t.instruction, encode, a.max_tokens)] for r in draw(t, a.shots, seed))
        if not shots or not test:
            raise Fault("fewshot", f"{t.name} has {len(t.rows)} rows, too few for {a.shots} shots and a test")
        r = run(model, m, shots, test[: a.test_rows], seed, recipe, device, a.rank)
        results[m].append(r)
        print(json.dumps({"task": t.name, "method": m, "seed": seed, **r}), flush=True)
    print(json.dumps({"mean": {m: {k: sum(r[k] for r in rs) / len(rs) for k in ("loss", "exact")} for m, rs in results.items()}}))


COMMANDS = {
    "train": (Config, train, "pre-train an inventory"),
    "export": (Export, export, "write a run as a PEFT folder"),
    "loss": (Loss, loss, "held-out loss of each task"),
    "fewshot": (FewShot, fewshot, "few-shot adaptation, for ablations"),
}


def main(args=None) -> int:
    parser = HfArgumentParser(
        [], prog="python -m pretrain", description="Pre-trains inventories of skills on many tasks: MHR, Poly, or one LoRA."
    )
    sub = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=HfArgumentParser)
    for name, (kind, _, help) in COMMANDS.items():
        sub.add_parser(name, dataclass_types=kind, help=help, description=kind.__doc__)
    values = vars(parser.parse_args(args))
    kind, do, _ = COMMANDS[values.pop("command")]
    try:
        do(kind(**{k: v for k, v in values.items() if k in kind.__dataclass_fields__}))
    except Fault as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
