"""Making skills part: where routers start, skills grown from one LoRA a cluster, and measures of how far it went.

From mttl's start, B = 0 and nearly uniform routes, every skill of a head gets
nearly the same gradient, so skills stay alike for long.
"""

import random

import torch

from .model import share_of_uniform

ONE_HOT = 40.0  # ± this: sigmoid and its normalisation round to one skill alone, and its gradient is 0


@torch.no_grad()
def sparse_rows(model, categories: list[str], k: int, scale: float, seed: int):
    """Each router and head deals every category K skills from shuffled decks, so that all skills are used about as often; rows of a
    category start alike: +scale on its K skills, -scale on the rest. `categories` [t] names each row's."""
    rng = random.Random(f"{seed}.rows")
    names = sorted(set(categories))
    skills = model.shape.skills
    k = min(k, skills)
    row_of = [names.index(c) for c in categories]
    for z in model.logits():
        heads = []
        for _ in range(model.shape.splits):
            deck, hands = [], {}
            for c in rng.sample(names, len(names)):
                hand = []
                while len(hand) < k:
                    if not deck:
                        deck = rng.sample(range(skills), skills)
                    card = next((s for s in deck if s not in hand), None)
                    if card is None:
                        deck = []
                        continue
                    deck.remove(card)
                    hand.append(card)
                hands[c] = hand
            heads.append([[scale if s in hands[c] else -scale for s in range(skills)] for c in names])
        start = torch.tensor(heads)  # [q, categories, s]
        z += start[:, row_of].transpose(0, 1).flatten(1).to(z)


@torch.no_grad()
def alike(model):
    """All skills become the first, all routes uniform. Trained so, the skills stay alike: they are one adapter, and whatever is
    trained of it later starts from what all tasks have in common."""
    for m in model.layers.values():
        m.lora_a.copy_(m.lora_a[:, :1].expand_as(m.lora_a))
        m.lora_b.copy_(m.lora_b[:, :1].expand_as(m.lora_b))
    for z in model.logits():
        z.zero_()


@torch.no_grad()
def assign(model, cluster: list[int], scale: float):
    """Rows of cluster c get +scale on skill c in every head, -scale on the others; `cluster` [t] is below n_skills."""
    one_hot = torch.nn.functional.one_hot(torch.tensor(cluster), model.shape.skills).float()
    z0 = ((2 * one_hot - 1) * scale).repeat(1, model.shape.splits)
    for z in model.logits():
        z.copy_(z0)


@torch.no_grad()
def loosen(model, scale: float):
    """After `assign` by ±ONE_HOT: the same rows at ±scale."""
    for z in model.logits():
        z *= scale / ONE_HOT


@torch.no_grad()
def measures(model) -> dict[str, float]:
    """entropy: mean of routes' entropy / log S, over rows, heads and routers. largest: mean of the largest weight.
    mean_share: RMS of the mean over skills of B / RMS of B; 1 for equal skills, 1/√S for unlike ones. cosine: mean over pairs of skills."""
    s = model.shape.skills
    if s == 1:
        return {}
    rows = torch.arange(model.shape.rows, device=model.logits()[0].device)
    w = model.weights(rows)
    out = {"entropy": share_of_uniform(w).mean().item(), "largest": w.amax(-1).mean().item()}
    gram = sum(torch.einsum("qard,qbrd->ab", m.lora_b, m.lora_b) for m in model.layers.values()).double().cpu()
    if gram.trace() > 0:
        norm = gram.diagonal().clamp_min(1e-30).sqrt()
        cosine = gram / norm[:, None] / norm[None]
        out["mean_share"] = (gram.sum() / s / gram.trace()).clamp_min(0).sqrt().item()
        out["cosine"] = ((cosine.sum() - s) / (s * (s - 1))).item()
    return out
