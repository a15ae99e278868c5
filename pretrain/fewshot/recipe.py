"""Which methods there are, and how each is trained."""

import re
from dataclasses import asdict, dataclass, replace

from ..fault import Fault

TRAINED = ("z", "z-random", "mu", "mhr", "lora")
METHODS = ("base", "icl", "mean", "best-task", *TRAINED)
ROUTED = ("z", "z-random", "mhr")


@dataclass
class Recipe:
    """AdamW, linear warm-up and decay; mean loss over the labels of a batch; every epoch in another order, the drawn one where there is one. lr is of A and B,
    router_lr of routers; rank, and alpha (of x A B · alpha / rank), are lora's, rank 0 the inventory's. router_init is of z and mhr: fresh, or
    best:K, the mean of the logits of the K training rows under which the examples' loss is smallest. loss is lm, or auto: T-Few's
    wherever there are answers to choose from."""

    steps: int = 40
    batch: int = 8
    lr: float = 3e-3
    router_lr: float = 0.1
    warmup: int = 4
    weight_decay: float = 0.01
    clip: float = 1.0
    rank: int = 0
    alpha: float = 1.0
    router_init: str = "fresh"
    loss: str = "auto"


@dataclass
class Method:
    """METHOD:KEY=VALUE,…, as handful eval names it."""

    name: str
    method: str
    recipe: Recipe


def parse_methods(text: str, recipe: Recipe, lora_lr: float = 1e-2) -> list[Method]:
    """Methods after commas; KEY=VALUE after a comma is a setting of the method before it."""
    out: list[Method] = []
    for piece in filter(None, text.split(",")):
        head, colon, setting = piece.partition(":")
        if "=" not in head:
            if head not in METHODS:
                raise Fault("fewshot", f"method {head!r}, want one of {', '.join(METHODS)}")
            out.append(Method(head, head, replace(recipe, lr=lora_lr) if head == "lora" else recipe))
            if not colon:
                continue
        else:
            setting = piece
        key, _, value = setting.partition("=")
        field = key.replace("-", "_")
        if not out or out[-1].method not in TRAINED or field not in asdict(recipe):
            raise Fault("fewshot", f"no setting {setting!r}", f"want {', '.join(asdict(recipe)).replace('_', '-')} of a method that is trained")
        m = out[-1]
        m.name += (":" if m.name == m.method else ",") + setting
        try:
            m.recipe = replace(m.recipe, **{field: type(getattr(recipe, field))(value)})
        except ValueError:
            raise Fault("fewshot", f"{setting!r} is no number") from None
        if not re.fullmatch(r"fresh|best:[1-9]\d*", m.recipe.router_init):
            raise Fault("fewshot", f"{setting!r}, want router-init=fresh or best:K")
        if m.recipe.loss not in ("lm", "auto"):
            raise Fault("fewshot", f"{setting!r}, want loss=lm or auto")
    return out
