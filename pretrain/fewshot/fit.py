"""Training on a handful of examples."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from ..batches import Group, collate
from ..fault import Fault
from ..judge import Question, pack, token_nll
from ..model import MultiTask
from ..prompt import Tokens
from .recipe import Recipe


def epochs(cell: dict) -> Iterator[list[int]]:
    """Its examples, by index, in the order of each epoch: the drawn one, or one by the seed where none was drawn."""
    if drawn := cell.get("order"):
        yield from drawn
        raise Fault("fewshot", f"{cell['task']}: an order of {len(drawn)} epochs is drawn, want more", "draw with more --epochs, or take fewer steps")
    rng, shots = random.Random(f"{cell['seed']}.order"), len(cell["train"])
    while True:
        yield rng.sample(range(shots), shots)


@dataclass
class ParamGroup:
    """Parameters of one learning rate."""

    params: list[torch.nn.Parameter]
    rate: float
    decay: float = 0.0


def fit(groups: list[ParamGroup], loss: Callable[[list[int]], torch.Tensor], shots: int, order: Iterator[list[int]], r: Recipe):
    """Trains groups; `loss` is that of a batch of shots, by index."""
    opt = torch.optim.AdamW([{"params": g.params, "weight_decay": g.decay} for g in groups])
    params = [p for g in groups for p in g.params]
    ahead: list[int] = []
    for k in range(r.steps):
        while len(ahead) < min(r.batch, shots):
            ahead += next(order)
        picked, ahead = ahead[: r.batch], ahead[r.batch :]
        opt.zero_grad()
        loss(picked).backward(inputs=params)  # z leaves A and B alone
        torch.nn.utils.clip_grad_norm_(params, r.clip)
        pace = k / r.warmup if k < r.warmup else (r.steps - k) / max(1, r.steps - r.warmup)
        for g, to in zip(groups, opt.param_groups):
            to["lr"] = g.rate * pace
        opt.step()


def lm_loss(model: MultiTask, shots: list[Tokens], device, precision: str) -> torch.Tensor:
    """Mean NLL of the answers' tokens."""
    batch = collate([Group(0, 0, shots)], device)
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
        nll, _, _ = model.tokens(batch)
    return nll.mean()


def tfew_loss(model: MultiTask, questions: list[Question], device, precision: str) -> torch.Tensor:
    """LM + multiple choice + unlikelihood (core/tune/loss_tfew.go, without its constant); the choices of a question are wrong ones."""
    p = pack([], questions)
    nll, _ = token_nll(model, 0, p, device, precision)
    lm, mc, ul = [], [], []
    answers = iter(nll.split(p.lengths))
    for q in questions:
        right, *wrong = [next(answers) for _ in range(1 + len(q.choices))]
        lm.append(right)
        mc.append(-torch.stack([-a.mean() for a in (right, *wrong)]).log_softmax(0)[0])
        ul += [-(1 - (-a).exp() + 1e-2).log() for a in wrong]
    return torch.cat(lm).mean() + torch.stack(mc).mean() + (torch.cat(ul).mean() if ul else 0)
