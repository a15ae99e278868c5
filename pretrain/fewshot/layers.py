"""The layers that a method trains, over the base that is there."""

from contextlib import contextmanager

import torch

from ..mhr import MhrLinear, Router
from ..model import MultiTask
from .recipe import ROUTED


def layers_for(model: MultiTask, method: str, rank: int) -> dict[str, MhrLinear]:
    """New layers over the same base: z has the skills and a fresh row, z-random skills of the same size that learned nothing
    (B uniform, as wide as the inventory's); mhr a copy of the skills and a fresh row; mu one LoRA, the skills' mean; lora one from scratch."""
    out = {}
    for name, old in model.layers.items():
        q, s = (old.router.splits, old.router.skills) if method in ROUTED else (1, 1)
        with torch.device(old.lora_a.device):
            new = MhrLinear(old.linear, Router(1, q, s), model.routing, rank if method == "lora" and rank else old.rank)
        with torch.no_grad():
            if method == "z":
                new.lora_a, new.lora_b = old.lora_a, old.lora_b
            elif method == "mhr":
                new.lora_a.copy_(old.lora_a)
                new.lora_b.copy_(old.lora_b)
            elif method == "z-random":
                new.lora_b.uniform_(-1, 1).mul_((3 * old.lora_b.square().mean()).sqrt())
            elif method == "mu":
                uniform = torch.full((1, old.router.splits, old.router.skills), 1 / old.router.skills, device=old.lora_a.device)
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
