"""The router rows that z and mhr start from (core/tune/start.go)."""

import torch

from ..batches import Group, collate
from ..mhr import normalised
from ..model import MultiTask
from ..prompt import Tokens
from .fit import lm_loss
from .layers import layers_for, replaced

FINALISTS, ROWS_AT_ONCE = 8, 4  # rows that are tried, and in one batch


def best_rows(model: MultiTask, shots: list[Tokens], k: int, device, precision: str) -> list[int]:
    """The k router rows of the smallest loss, of the few towards which it falls most steeply."""
    rows = list(range(model.shape.rows))
    if (keep := max(FINALISTS, 2 * k)) < len(rows):
        rows = slopes(model, shots, device, precision).argsort()[:keep].tolist()
    total, count = torch.zeros(model.shape.rows), torch.zeros(model.shape.rows)
    for i in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[i : i + ROWS_AT_ONCE]
        batch = collate([Group(0, r, shots) for r in part], device)
        with torch.no_grad(), torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
            nll, example, _ = model.tokens(batch)
        row = torch.tensor(part)[example.cpu() // len(shots)]
        total.index_add_(0, row, nll.float().cpu())
        count.index_add_(0, row, torch.ones(len(row)))
    loss = total / count
    return sorted(rows, key=lambda r: loss[r].item())[:k]


def slopes(model: MultiTask, shots: list[Tokens], device, precision: str) -> torch.Tensor:
    """[t]: Σ ∂L/∂z·w at even routing, z = 0, for the mixture w of each router row."""
    even = layers_for(model, "z", 0)
    z = [x.router.module_logits for x in even.values()]
    with torch.no_grad():
        for x in z:
            x.zero_()
    with replaced(model, even):
        grads = torch.autograd.grad(lm_loss(model, shots, device, precision), [x.requires_grad_() for x in z])
    with torch.no_grad():
        shape = (-1, model.shape.splits, model.shape.skills)
        w = [normalised(x.router.module_logits.view(shape).sigmoid()).flatten(1) for x in model.layers.values()]
        return sum((a @ g[0] for a, g in zip(w, grads)), torch.zeros(model.shape.rows, device=device)).cpu()
