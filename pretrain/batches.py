"""Which rows make a step: a function of the seed and the step alone, so that a run resumes anywhere and any layout of processes sees the same."""

import json
import random
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import torch

from .config import Config
from .prompt import IGNORE, Encoded, Tokens

CHUNKS = 3  # row draws are this many times larger than a group, sorted by length and cut into groups, one of which is taken


@dataclass
class Group:
    """Rows of one task."""

    task: int
    row: int  # of the routers; -1: uniform mixing
    rows: list[Tokens]

    @property
    def longest(self):
        return max(map(len, self.rows))


def row_table(tasks, by: str) -> list[int]:
    """The router row of each task: rows are numbered in the order in which their task, data set or category comes first."""
    names = {}
    return [names.setdefault(getattr(t, "name" if by == "task" else by), len(names)) for t in tasks]


class Sampler:
    """Draws `cfg.window` steps at once, sorts their groups by length and deals them out: groups of a step are about as long as each other."""

    def __init__(self, tasks: list[Encoded], rows: list[int], cfg: Config, per_step: int):
        self.tasks, self.rows, self.cfg = tasks, rows, cfg
        self.per_step = per_step  # groups of all processes and accumulated batches
        siblings = defaultdict(list)
        for i, e in enumerate(tasks):
            siblings[getattr(e.task, "name" if cfg.balance == "task" else cfg.balance)].append(i)
        self.sets = list(siblings.values())
        self.weights = [sum(tasks[i].task.weight for i in s) / len(s) for s in self.sets]
        self._window, self._steps = None, []

    def step(self, k: int) -> list[Group]:
        """All groups of step k, for all processes and accumulated batches."""
        window, i = divmod(k, self.cfg.window)
        if window != self._window:
            self._window, self._steps = window, self._draw(window)
        return self._steps[i]

    def _draw(self, window: int) -> list[list[Group]]:
        rng = random.Random(f"{self.cfg.seed}.{window}")  # a text seeds alike in every Python
        groups = [self._group(rng) for _ in range(self.per_step * self.cfg.window)]
        if self.cfg.window > 1:
            groups.sort(key=lambda g: g.longest)
        steps = [groups[i : i + self.per_step] for i in range(0, len(groups), self.per_step)]
        rng.shuffle(steps)
        return steps

    def _group(self, rng: random.Random) -> Group:
        siblings = rng.choices(self.sets, self.weights)[0]
        t = rng.choices(siblings, [self.tasks[i].task.weight for i in siblings])[0]
        rows, k = self.tasks[t].train, self.cfg.group_rows
        chunks = max(1, min(CHUNKS, len(rows) // k))
        if len(rows) >= k:
            drawn = rng.sample(rows, chunks * k)
        else:
            drawn = rng.choices(rows, k=k)
        if rng.random() < self.cfg.instruction_share:
            drawn = [r.told or r for r in drawn]
        drawn.sort(key=len)
        chunk = rng.randrange(chunks)
        row = -1 if rng.random() < self.cfg.uniform_share else self.rows[t]
        return Group(t, row, drawn[chunk * k : (chunk + 1) * k])


def collate(groups: list[Group], device=None) -> dict[str, torch.Tensor]:
    """input_ids, attention_mask [b, n], labels [b, n or m] and routes [g]; right-padded; b = g · rows of a group, in the groups' order."""
    rows = [r for g in groups for r in g.rows]
    n, m = max(len(r.ids) for r in rows), max(len(r.labels) for r in rows)
    out = {
        "input_ids": torch.zeros(len(rows), n, dtype=torch.long),
        "attention_mask": torch.zeros(len(rows), n, dtype=torch.long),
        "labels": torch.full((len(rows), m), IGNORE),
        "routes": torch.tensor([g.row for g in groups]),
    }
    for i, r in enumerate(rows):
        out["input_ids"][i, : len(r.ids)] = torch.tensor(r.ids)
        out["attention_mask"][i, : len(r.ids)] = 1
        out["labels"][i, : len(r.labels)] = torch.tensor(r.labels)
    return {k: v.to(device) for k, v in out.items()}


def label_count(groups: list[Group], seq2seq: bool) -> int:
    """Labels that carry loss: a decoder's first one has nothing before it that could predict it."""
    return sum(y != IGNORE for g in groups for r in g.rows for y in (r.labels if seq2seq else r.labels[1:]))


def dump(path, sampler: Sampler, steps: int):
    """One line a step: {"step", "rows": [{"input_ids", "labels", "task_id", "task"}]}; task_id is the router row, -1 for uniform mixing."""
    with open(Path(path), "w", encoding="utf-8") as f:
        for k in range(steps):
            rows = [
                {"input_ids": list(r.ids), "labels": list(r.labels), "task_id": g.row, "task": sampler.tasks[g.task].task.name}
                for g in sampler.step(k)
                for r in g.rows
            ]
            f.write(json.dumps({"step": k, "rows": rows}) + "\n")
