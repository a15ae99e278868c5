"""Loss and accuracy of tasks on rows that were not trained on."""

import math

import torch

from .batches import Group, collate
from .prompt import Tokens


@torch.no_grad()
def score(model, rows: list[tuple[int | None, Tokens]], device, precision="f32", batch_tokens=4096) -> list[tuple[float, int, bool]]:
    """For each (route, row), in order: summed NLL, labels, and whether every label is the likeliest token, which is whether greedy
    decoding gives the answer. Route -1 is the uniform mixture, None the base alone; routes must be all None or none."""
    out: list = [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i][1]))
    relaxed, model.routing.relaxed = model.routing.relaxed, False
    while order:
        n = max(1, min(len(order), batch_tokens // len(rows[order[-1]][1])))
        part, order = order[-n:], order[:-n]
        batch = collate([Group(0, -1 if rows[i][0] is None else rows[i][0], [rows[i][1]]) for i in part], device)
        if rows[part[0]][0] is None:
            batch["routes"] = None
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
            nll, example, right = model.tokens(batch)
        zeros = torch.zeros(len(part), device=nll.device)
        total = zeros.index_add(0, example, nll).tolist()
        count = zeros.index_add(0, example, torch.ones_like(nll)).tolist()
        wrong = zeros.index_add(0, example, (~right).float()).tolist()
        for i, t, c, w in zip(part, total, count, wrong):
            out[i] = (t, int(c), w == 0)
    model.routing.relaxed = relaxed
    return out


def summary(scores) -> dict[str, float]:
    """loss: mean NLL of a label; exact: share of rows whose whole answer is right; rows."""
    labels = sum(c for _, c, _ in scores)
    return {
        "loss": sum(t for t, _, _ in scores) / max(labels, 1),
        "exact": sum(r for *_, r in scores) / max(len(scores), 1),
        "rows": len(scores),
    }


def per_task(model, tasks: dict[str, tuple[int | None, list[Tokens]]], device, precision="f32") -> dict:
    """`tasks` maps a name to its route and rows. Gives {"tasks": {name: summary}, "loss", "exact": means over tasks}."""
    flat = [(route, r) for route, rows in tasks.values() for r in rows]
    scores = iter(score(model, flat, device, precision))
    out = {name: summary([next(scores) for _ in rows]) for name, (_, rows) in tasks.items() if rows}
    mean = {k: sum(t[k] for t in out.values()) / len(out) if out else math.nan for k in ("loss", "exact")}
    return {**mean, "tasks": out}
