"""A frozen base with adapters on its linears, and its loss."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from peft import PolyConfig
from peft.tuners.tuners_utils import check_target_module_exists
from torch import nn

from .base import Base
from .fault import Fault
from .mhr import EPS, MhrLinear, Router, Routing, default_targets, router_key
from .prompt import IGNORE


@dataclass
class Shape:
    """What adapters look like."""

    rows: int
    skills: int
    splits: int
    rank: int
    targets: list[str] | str  # as PEFT's target_modules: names, or one regular expression
    granularity: str = "fine"


def parse_targets(text: str, model) -> list[str] | str:
    """Names after commas; anything else than letters, digits and dots makes it a regular expression."""
    if not text:
        have = {n.rsplit(".", 1)[-1] for n, m in model.named_modules() if isinstance(m, nn.Linear)}
        return [t for t in default_targets(model) if t in have]
    names = text.split(",")
    return names if all(n.replace("_", "").replace(".", "").isalnum() for n in names) else text


def share_of_uniform(w: torch.Tensor) -> torch.Tensor:
    """Entropy over the last axis as a share of log S: 1 is uniform, 0 one skill alone."""
    return -(w * (w + EPS).log()).sum(-1) / math.log(w.shape[-1])


class MultiTask(nn.Module):
    """Adapters are trained, the base is not. `layers` maps HF module paths to MhrLinear, in the model's order."""

    def __init__(self, base: Base, shape: Shape, penalised: bool = False):
        super().__init__()
        self.penalised = penalised and shape.skills > 1
        self.base, self.seq2seq, self.shape = base.model, base.seq2seq, shape
        self.routing = Routing()
        self.layers: dict[str, MhrLinear] = {}
        routers: dict[str, Router] = {}
        config = PolyConfig(target_modules=shape.targets)
        for name, linear in [(n, m) for n, m in base.model.named_modules() if isinstance(m, nn.Linear)]:
            if not check_target_module_exists(config, name):
                continue
            for what, size in (("inputs", linear.in_features), ("outputs", linear.out_features)):
                if size % shape.splits:
                    raise Fault(
                        "adapters",
                        f"{name} has {size} {what}, which {shape.splits} splits do not divide",
                        "choose other --splits or --targets",
                    )
            key = router_key(name, shape.granularity)
            if key not in routers:
                routers[key] = Router(shape.rows, shape.splits, shape.skills)
            layer = MhrLinear(linear, routers[key], self.routing, shape.rank)
            self.layers[name] = layer
            base.model.set_submodule(name, layer)
        if not self.layers:
            raise Fault("adapters", f"no linear of the base matches {shape.targets!r}", "see --targets")
        self.routers = list(routers.values())

    def modules_ab(self) -> list[nn.Parameter]:
        return [p for m in self.layers.values() for p in (m.lora_a, m.lora_b)]

    def logits(self) -> list[nn.Parameter]:
        return [r.module_logits for r in self.routers]

    def adapters(self) -> dict[str, nn.Parameter]:
        """Trained tensors by name, shared routers once."""
        out = {}
        for name, m in self.layers.items():
            out |= {f"{name}.lora_a": m.lora_a, f"{name}.lora_b": m.lora_b}
        return out | {f"router{i}.module_logits": z for i, z in enumerate(self.logits())}

    def forward(self, batch: dict) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed NLL of the batch's labels, and the summed routing entropy of its groups where `penalised`, else 0."""
        nll, _, _ = self.tokens(batch)
        return nll.sum(), self.entropy(batch["routes"]) if self.penalised else nll.new_zeros(())

    def tokens(self, batch: dict) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """For each label of the batch: NLL, the example it belongs to, and whether it is the likeliest token. Logits are made for labels alone."""
        routes, labels = batch["routes"], batch["labels"]
        if routes is not None and self.routing.relaxed:  # a sample for each example, so each is mixed alone
            routes = routes.repeat_interleave(len(labels) // len(routes))
        self.routing.rows = routes
        ids, mask = batch["input_ids"], batch["attention_mask"]
        if self.seq2seq:
            start = self.base.prepare_decoder_input_ids_from_labels(labels)
            logits = self.base(input_ids=ids, attention_mask=mask, decoder_input_ids=start, use_cache=False).logits
            keep = labels != IGNORE
            logits, target = logits[keep], labels[keep]
        else:
            hidden = self.base.base_model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1]
            keep = labels[:, 1:] != IGNORE
            logits, target = self.base.get_output_embeddings()(hidden[keep]), labels[:, 1:][keep]
        nll = F.cross_entropy(logits.float(), target, reduction="none")
        return nll, keep.nonzero()[:, 0], logits.argmax(-1) == target

    def entropy(self, routes) -> torch.Tensor:
        """Σ over groups with a row of the mean over routers and heads of the entropy of w, as a share of log S."""
        w = self.weights(routes[routes >= 0])
        return share_of_uniform(w).mean((0, 2)).sum()

    def weights(self, rows: torch.Tensor) -> torch.Tensor:
        """w of all routers, without sampling: [routers, rows, q, s]."""
        z = torch.stack([z[rows] for z in self.logits()]).unflatten(-1, (self.shape.splits, self.shape.skills))
        z = (z / self.routing.temperature).sigmoid()
        return z / (z.sum(-1, keepdim=True) + EPS)
