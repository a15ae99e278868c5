"""Few-shot adaptation of a task, for ablations: MHR-z, MHR-mu, LoRA from scratch, and what they are held against."""

import random
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from .batches import Group, collate
from .data import Row, Task
from .evaluate import score, summary
from .mhr import MhrLinear, Router
from .model import MultiTask
from .prompt import Tokens


@dataclass
class Recipe:
    """AdamW, linear warm-up over 6 % of the steps, then linear decay; mean loss over the labels of a batch."""

    steps: int = 60
    batch: int = 8
    lr: float = 3e-3
    router_lr: float = 0.1
    weight_decay: float = 0.01
    clip: float = 1.0
    precision: str = "bf16"


def draw(task: Task, shots: int, seed: int) -> tuple[list[Row], list[Row]]:
    """Shots to learn from, balanced over labels where the task has labels, and the other rows, shuffled."""
    rng = random.Random(f"{seed}.{task.name}")
    rows = rng.sample(task.rows, len(task.rows))
    if not task.labels:
        return rows[:shots], rows[shots:]
    by_label = defaultdict(list)
    for r in rows:
        by_label[r.output].append(r)
    taken: list[Row] = []
    while len(taken) < min(shots, len(rows)):
        for label in sorted(by_label):
            if by_label[label] and len(taken) < shots:
                taken.append(by_label[label].pop(0))
    chosen = set(map(id, taken))
    return taken, [r for r in rows if id(r) not in chosen]


def layers_for(model: MultiTask, method: str, rank: int) -> dict[str, MhrLinear]:
    """New layers over the same base: z has the skills and a fresh row; mu one LoRA, the skills' mean; lora one from scratch."""
    out = {}
    for name, old in model.layers.items():
        q, s = (old.router.splits, old.router.skills) if method == "z" else (1, 1)
        with torch.device(old.lora_a.device):
            new = MhrLinear(old.linear, Router(1, q, s), model.routing, rank if method == "lora" else old.rank)
        if method == "z":
            new.lora_a, new.lora_b = old.lora_a, old.lora_b
        elif method == "mu":
            uniform = torch.full((1, old.router.splits, old.router.skills), 1 / old.router.skills, device=old.lora_a.device)
            with torch.no_grad():
                a, b = old.mixed(uniform)
                new.lora_a.copy_(a[None])
                new.lora_b.copy_(b[None])
        out[name] = new
    return out


@contextmanager
def replaced(model: MultiTask, layers: dict[str, MhrLinear]):
    """The model with other layers, for a while."""
    old = model.layers
    try:
        for name, layer in layers.items():
            model.base.set_submodule(name, layer)
        model.layers = layers
        yield
    finally:
        for name, layer in old.items():
            model.base.set_submodule(name, layer)
        model.layers = old


def run(model: MultiTask, method: str, shots: list[Tokens], test: list[Tokens], seed: int, recipe: Recipe, device, rank: int = 0) -> dict:
    """Adapts by method (base, mean, z, mu, lora) and gives the test rows' summary."""
    if method in ("base", "mean"):
        route = None if method == "base" else -1
        return summary(score(model, [(route, t) for t in test], device, recipe.precision))
    torch.manual_seed(seed)
    layers = layers_for(model, method, rank or next(iter(model.layers.values())).rank)
    with replaced(model, layers):
        if method == "z":
            group = {"params": [m.router.module_logits for m in layers.values()], "lr": recipe.router_lr, "weight_decay": 0.0}
        else:
            group = {
                "params": [p for m in layers.values() for p in (m.lora_a, m.lora_b)],
                "lr": recipe.lr,
                "weight_decay": recipe.weight_decay,
            }
        fit(model, group, shots, seed, recipe, device)
        return summary(score(model, [(0, t) for t in test], device, recipe.precision))


def fit(model: MultiTask, group: dict, shots: list[Tokens], seed: int, recipe: Recipe, device):
    params, rate = group["params"], group["lr"]
    opt = torch.optim.AdamW([group])
    rng, order = random.Random(f"{seed}.order"), []
    warmup = max(1, round(0.06 * recipe.steps))
    for k in range(recipe.steps):
        while len(order) < min(recipe.batch, len(shots)):
            order += rng.sample(range(len(shots)), len(shots))
        picked, order = order[: recipe.batch], order[recipe.batch :]
        batch = collate([Group(0, 0, [shots[i] for i in picked])], device)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=recipe.precision == "bf16"):
            nll, _, _ = model.tokens(batch)
        opt.zero_grad()
        nll.mean().backward(inputs=params)  # z leaves A and B alone
        torch.nn.utils.clip_grad_norm_(params, recipe.clip)
        opt.param_groups[0]["lr"] = rate * min((k + 1) / warmup, (recipe.steps - k) / recipe.steps)
        opt.step()
