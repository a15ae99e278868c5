"""Which tasks train one skill together, when skills are grown one LoRA a cluster."""

from collections import Counter, defaultdict

import torch
import torch.nn.functional as F

from .batches import Group, collate

SKETCH = 1024  # numbers that stand for a task's gradient
ROWS = 16  # of a task that the gradient is taken on
ROOM = 1.5  # a cluster's weight is at most this times the mean, where rows are small enough
RESTARTS, ROUNDS = 20, 30


def category_clusters(weights: list[float], categories: list[str], n: int) -> list[int]:
    """The cluster of each router row: categories, heaviest first, go to the lightest cluster so far.

    With fewer categories than clusters, the heaviest are cut, and their rows take turns.
    """
    total, rows = defaultdict(float), Counter(categories)
    for w, c in zip(weights, categories):
        total[c] += w
    parts = dict.fromkeys(total, 1)
    while sum(parts.values()) < n and any(parts[c] < rows[c] for c in parts):
        parts[max((c for c in parts if parts[c] < rows[c]), key=lambda c: total[c] / parts[c])] += 1
    load, home = [0.0] * n, defaultdict(list)
    for weight, c in sorted(((total[c] / parts[c], c) for c in parts for _ in range(parts[c])), reverse=True):
        i = min(range(n), key=load.__getitem__)
        load[i] += weight
        home[c].append(i)
    turn, out = Counter(), []
    for c in categories:
        out.append(home[c][turn[c] % len(home[c])])
        turn[c] += 1
    return out


def gradient_sketches(model, tasks, rows: list[int], seed: int, device) -> torch.Tensor:
    """[t, SKETCH], of unit length: for each router row the gradient of its tasks' loss with respect to B, under uniform mixing,
    added up in random buckets with random signs, which keeps cosines nearly (count sketch)."""
    generator = torch.Generator().manual_seed(seed)
    params = [m.lora_b for m in model.layers.values()]
    size = sum(p[:, 0].numel() for p in params)
    bucket = torch.randint(SKETCH, (size,), generator=generator).to(device)
    sign = (torch.randint(2, (size,), generator=generator) * 2 - 1.0).to(device)
    out = torch.zeros(max(rows) + 1, SKETCH, device=device)
    for e, row in zip(tasks, rows):
        nll, _, _ = model.tokens(collate([Group(0, -1, [t.told or t for t in e.train[:ROWS]])], device))
        grads = torch.autograd.grad(nll.mean(), params)
        flat = torch.cat([g[:, 0].flatten() for g in grads]).float()  # uniform mixing gives all skills the same
        out[row].index_add_(0, bucket, flat / flat.norm().clamp_min(1e-20) * sign)
    return F.normalize(out, dim=-1).cpu()


def gradient_clusters(sketches: torch.Tensor, weights: list[float], n: int, seed: int) -> list[int]:
    """k-means by cosine with about equal weights: rows that are surest of their cluster choose first, a full one takes no more.
    The best of RESTARTS starts."""
    generator = torch.Generator().manual_seed(seed)
    best, best_score = None, -float("inf")
    for _ in range(RESTARTS):
        centres = sketches[_far_apart(sketches, n, generator)]
        for _ in range(ROUNDS):
            cluster = _assign(sketches @ centres.T, weights)
            made = torch.stack([sketches[cluster == i].sum(0) if (cluster == i).any() else centres[i] for i in range(n)])
            made = F.normalize(made, dim=-1)
            if torch.equal(made, centres):
                break
            centres = made
        score = (sketches * centres[cluster]).sum().item()
        if score > best_score:
            best, best_score = cluster.tolist(), score
    return best


def _far_apart(x: torch.Tensor, n: int, generator) -> list[int]:
    """k-means++: starts are drawn by their distance from those there are."""
    picked = [int(torch.randint(len(x), (1,), generator=generator))]
    while len(picked) < n:
        distance = (1 - (x @ x[picked].T).amax(-1)).clamp_min(1e-9)
        picked.append(int(torch.multinomial(distance, 1, generator=generator)))
    return picked


def _assign(similar: torch.Tensor, weights: list[float]) -> torch.Tensor:
    n = similar.shape[1]
    room = [ROOM * sum(weights) / n] * n
    out = torch.zeros(len(similar), dtype=torch.long)
    for i in similar.amax(-1).argsort(descending=True).tolist():
        wanted = similar[i].argsort(descending=True).tolist()
        c = next((c for c in wanted if room[c] >= weights[i]), max(range(n), key=room.__getitem__))
        room[c] -= weights[i]
        out[i] = c
    return out
