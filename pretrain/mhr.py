"""Layers and routers of Poly and MHR (arXiv 2211.03831; mttl models/adapters.py and models/modifiers/poly.py; PEFT tuners/poly).

Shapes: q = n_splits (heads), s = n_skills, r = rank, t = router rows, g = groups of a batch.
"""

import math
import re
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributions import RelaxedBernoulli

EPS = 1e-12  # mttl global_vars.py


@dataclass
class Routing:
    """How the next forward pass routes; all layers of a model share one.

    rows [g]: the router row of each group; examples come group by group, all
    groups of one size, and -1 is the uniform mixture. None leaves the adapters out.
    """

    rows: torch.Tensor | None = None
    relaxed: bool = False
    temperature: float = 1.0


def normalised(z: torch.Tensor) -> torch.Tensor:
    """z / (Σ_s z + 1e-12)."""
    return z / (z.sum(-1, keepdim=True) + EPS)


class Router(nn.Module):
    """module_logits Z [t, q·s], U(±1e-3) (mttl PolytroponSelector)."""

    def __init__(self, rows: int, splits: int, skills: int):
        super().__init__()
        self.splits, self.skills = splits, skills
        self.module_logits = nn.Parameter(torch.empty(rows, splits * skills).uniform_(-1e-3, 1e-3))

    def forward(self, routing: Routing) -> torch.Tensor:
        """Weights w [g, q, s] = z / (Σ_s z + 1e-12), z = sigmoid(Z) or a relaxed Bernoulli's sample."""
        logits = self.module_logits[routing.rows].view(-1, self.splits, self.skills) / routing.temperature
        z = RelaxedBernoulli(1.0, logits=logits).rsample() if routing.relaxed else logits.sigmoid()
        w = normalised(z)
        return torch.where(routing.rows.lt(0)[:, None, None], 1 / self.skills, w)


class MhrLinear(nn.Module):
    """y = W x + (x A) B / r, with A and B mixed once for each group.

    lora_a [q, s, in/q, r] ~ U(±1/√(3·in)), the full `in` whatever q is (mttl
    LoRA.reset_parameters; PEFT's own start is √(3q) times wider); lora_b
    [q, s, r, out/q] = 0.
    """

    def __init__(self, linear: nn.Linear, router: Router, routing: Routing, rank: int):
        super().__init__()
        self.linear, self.router, self.rank = linear, router, rank
        self.routing = routing
        q, s = router.splits, router.skills
        n_in, n_out = linear.in_features, linear.out_features
        bound = 1 / math.sqrt(3 * n_in)
        self.lora_a = nn.Parameter(torch.empty(q, s, n_in // q, rank).uniform_(-bound, bound))
        self.lora_b = nn.Parameter(torch.zeros(q, s, rank, n_out // q))

    @property
    def weight(self) -> torch.Tensor:
        """The base's: T5 asks for its dtype."""
        return self.linear.weight

    def mixed(self, w: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A [g, in, r] and B [g, r, out] for weights w [g, q, s]: parameters are mixed, not outputs."""
        a = torch.einsum("gqs,qsdr->gqdr", w, self.lora_a).flatten(1, 2)
        b = torch.einsum("gqs,qsrd->grqd", w, self.lora_b).flatten(2, 3)
        return a, b

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.routing.rows is None:
            return self.linear(x)
        kind = x.device.type
        with torch.autocast(kind, enabled=False):  # mixing is small, and routers' gradients want f32
            a, b = self.mixed(self.router(self.routing))
        if torch.is_autocast_enabled(kind):  # one cast for the base's product and ours
            x = x.to(torch.get_autocast_dtype(kind))
        y, g = self.linear(x), len(a)
        low = x.reshape(g, -1, x.shape[-1]) @ a
        return torch.baddbmm(y.reshape(g, -1, y.shape[-1]), low, b / self.rank).view(y.shape)


def default_targets(model) -> list[str]:
    """Every linear of the blocks (Llama: all seven; T5: mttl's T0 pattern, and wi of ungated models)."""
    if model.config.model_type == "t5":
        return ["q", "k", "v", "o", "wi_0", "wi_1", "wi", "wo"]
    return ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def router_key(name: str, granularity: str) -> str:
    """Linears with one key share a router: the name up to the segment after "block." or "layer(s)." (mttl routing.py)."""
    if granularity == "fine":
        return name
    if granularity == "coarse":
        return ""
    if granularity == "coder":
        m = re.match(r"(encoder|decoder)\b", name)
    elif granularity == "block":
        m = re.match(r".*?\b(?:block|layers)\.\d+", name)
    else:  # T5: block.0.layer.1; Llama: layers.0.self_attn or layers.0.mlp
        m = re.match(r".*?\bblock\.\d+\.layer\.\d+|.*?\blayers\.\d+\.\w+", name)
    return m.group(0) if m else ""
