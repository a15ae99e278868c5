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
    """Runs methods on the cells that `handful draw` wrote; a line of a results file for each, as `handful eval --out` writes them.
    Cells that the file holds are not run again."""

    base: str = flag("base model")
    draws: str = flag("folder of handful draw")
    inventory: str = flag("PEFT POLY folder")
    out: str = flag("results file, appended to; empty: stdout", "")
    only: str = flag("take only cells (TASK.SHOTS.SEED.json) whose name matches this regular expression", "")
    methods: str = flag(
        "of base, icl, mean, best-task, z, mu, mhr, lora, z-random, each with settings of its own: mu:steps=20,lr=0.001", "base,icl,mean,z,mu,lora"
    )
    of: str = flag("name of the inventory: methods are written NAME/METHOD, as handful eval writes another inventory's", "")
    steps: int = flag("steps of adaptation", 40)
    batch: int = flag("rows of a step", 8)
    lr: float = flag("learning rate of mu", 3e-3)
    lora_lr: float = flag("learning rate of lora", 1e-2)
    router_lr: float = flag("learning rate of z", 0.1)
    router_init: str = flag("of z: fresh, or best:K", "fresh")
    loss: str = choice("T-Few's wherever there are answers to choose from, or the plain one", "auto", "lm")
    rank: int = flag("of lora; 0: the inventory's", 0)
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
    from pathlib import Path

    from tqdm import tqdm

    from .fewshot.cells import Cells
    from .fewshot.draws import identity, load_draws
    from .fewshot.recipe import Recipe, parse_methods

    methods = parse_methods(a.methods, Recipe(a.steps, a.batch, a.lr, a.router_lr, rank=a.rank, router_init=a.router_init, loss=a.loss), a.lora_lr)
    for m in methods if a.of else ():
        m.name = f"{a.of}/{m.name}"
    draws = load_draws(a.draws, a.only)
    old = Path(a.out).read_text(encoding="utf-8").splitlines() if a.out and Path(a.out).exists() else []
    done = {json.loads(line)["key"] for line in old}
    _, model, _, encode, device = _open(a, a.inventory)
    cells = Cells(model, encode, device, a.precision, {"base": identity(a.base), "inventory": identity(a.inventory)})
    todo = [(cell, m) for cell in draws for m in methods if cells.key(cell, m) not in done]
    for cell, m in tqdm(todo, disable=None):
        line = json.dumps(cells.run(cell, m), ensure_ascii=False) + "\n"
        if not a.out:
            sys.stdout.write(line)
            continue
        with open(a.out, "a", encoding="utf-8") as f:
            f.write(line)


COMMANDS = {
    "train": (Config, train, "pre-train an inventory"),
    "export": (Export, export, "write a run as a PEFT folder"),
    "loss": (Loss, loss, "held-out loss of each task"),
    "fewshot": (FewShot, fewshot, "few-shot adaptation on drawn cells"),
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
