"""All that a run works on."""

from pathlib import Path

import torch

from . import clusters, skills
from .base import load_base
from .batches import Sampler, row_table
from .config import Config
from .data import load_tasks
from .inventory import start_from
from .model import MultiTask, Shape, parse_targets
from .prompt import Encoder, encode_tasks


class Run:
    """Base, tasks and adapters, made from the configuration alone; `processes` train it together."""

    def __init__(self, cfg: Config, processes: int = 1):
        self.cfg, self.out, self.processes = cfg, Path(cfg.out), processes
        self.base = load_base(cfg.base, cfg.precision)
        tasks = load_tasks(cfg.tasks, "train", cfg.ship_only, cfg.only)
        self.encoded = encode_tasks(tasks, Encoder(self.base.tokenizer, self.base.seq2seq), cfg.max_tokens, cfg.aside)
        self.tasks = [e.task for e in self.encoded]
        self.rows = row_table(self.tasks, cfg.rows)
        torch.manual_seed(cfg.seed)  # initial values are drawn on the CPU, whatever trains
        shape = Shape(max(self.rows) + 1, cfg.skills, cfg.splits, cfg.rank, parse_targets(cfg.targets, self.base.model), cfg.granularity)
        self.model = MultiTask(self.base, shape, penalised=cfg.entropy > 0)
        if cfg.method == "lora":
            for z in self.model.logits():
                z.requires_grad_(False)
        if cfg.grow:
            skills.alike(self.model)
        elif cfg.sparse:
            self.deal()
        if cfg.start:
            start_from(self.model, cfg.start, dict(zip((t.name for t in self.tasks), self.rows)))

    def deal(self):
        """Rows get the skills of --init-rows."""
        skills.sparse_rows(self.model, self.row_categories(), *self.cfg.sparse, self.cfg.seed)

    def row_categories(self) -> list[str]:
        """The category of each router row (of its first task)."""
        first = {}
        for t, row in zip(self.tasks, self.rows):
            first.setdefault(row, t.category)
        return [first[i] for i in range(len(first))]

    def row_weights(self) -> list[float]:
        """How often each router row is drawn, as a share."""
        sampler, out = self.sampler(), [0.0] * (max(self.rows) + 1)
        for siblings, w in zip(sampler.sets, sampler.weights):
            within = sum(self.tasks[i].weight for i in siblings)
            for i in siblings:
                out[self.rows[i]] += w / sum(sampler.weights) * self.tasks[i].weight / within
        return out

    def clusters(self, device) -> list[int]:
        """The cluster of each router row, below n_skills."""
        weights, n = self.row_weights(), self.cfg.skills
        if self.cfg.clusters == "category":
            return clusters.category_clusters(weights, self.row_categories(), n)
        sketches = clusters.gradient_sketches(self.model, self.encoded, self.rows, self.cfg.seed, device)
        return clusters.gradient_clusters(sketches, weights, n, self.cfg.seed)

    def aside(self) -> dict:
        """Rows kept aside, told the instruction, by task, as evaluate.per_task takes them."""
        return {e.task.name: (row, [t.told or t for t in e.aside[: self.cfg.eval_rows]]) for e, row in zip(self.encoded, self.rows)}

    def sampler(self) -> Sampler:
        return Sampler(self.encoded, self.rows, self.cfg, self.groups_per_step())

    def groups_per_step(self) -> int:
        return self.cfg.groups * self.cfg.accumulate * self.processes

    def load(self, state: dict):
        with torch.no_grad():
            for name, p in self.model.adapters().items():
                p.copy_(state["adapters"][name])

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint.pt"
