"""The training loop, on Accelerate: one process or many."""

import json
import signal
import time
from pathlib import Path

import torch
from accelerate import Accelerator
from tqdm import tqdm

from . import checkpoint, evaluate, skills
from .base import load_base
from .batches import Sampler, collate, dump, label_count, row_table
from .config import FREE, Config
from .data import load_tasks
from .export import export_folder
from .fault import Fault
from .model import MultiTask, Shape, parse_targets
from .optim import factor, optimizer, set_rates, temperature
from .prompt import Encoder, encode_tasks


class Run:
    """All that a run works on, made from its configuration alone."""

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
        if cfg.sparse:
            skills.sparse_rows(self.model, self.row_categories(), *cfg.sparse, cfg.seed)

    def row_categories(self) -> list[str]:
        """The category of each router row (of its first task)."""
        first = {}
        for t, row in zip(self.tasks, self.rows):
            first.setdefault(row, t.category)
        return [first[i] for i in range(len(first))]

    def clusters(self) -> list[int]:
        """The cluster of each router row: that of its first task's category."""
        sampler = self.sampler()
        weights = dict.fromkeys(self.row_categories(), 0.0)
        for siblings, w in zip(sampler.sets, sampler.weights):
            for i in siblings:
                weights[self.row_categories()[self.rows[i]]] += w / len(siblings)
        return skills.category_clusters(weights, self.row_categories(), self.cfg.skills)

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


def train(cfg: Config):
    if cfg.threads:
        torch.set_num_threads(cfg.threads)
    accelerator = Accelerator(
        mixed_precision="bf16" if cfg.precision == "bf16" else "no",
        cpu=cfg.device == "cpu",
    )
    out = Path(cfg.out)
    state = _start(cfg, out, accelerator)
    run = Run(cfg, accelerator.num_processes)
    if cfg.dump_batches and accelerator.is_main_process:
        dump(cfg.dump_batches, run.sampler(), cfg.steps)
    Loop(run, accelerator, state).run()


def _start(cfg: Config, out: Path, accelerator) -> dict | None:
    """Makes the run's folder, or opens the checkpoint to go on from."""
    have = (out / "checkpoint.pt").exists()
    if have and not cfg.resume:
        raise Fault("train", f"{out} holds a run", "--resume goes on with it; or name another --out")
    state = None
    if have:
        state = checkpoint.load(out / "checkpoint.pt")
        other = [k for k, v in state["config"].items() if k not in FREE and getattr(cfg, k) != v]
        if other:
            raise Fault("train", f"--{other[0].replace('_', '-')} is {getattr(cfg, other[0])!r}, the run has {state['config'][other[0]]!r}", "go on with the flags it began with")
        now, then = (c["groups"] * c["accumulate"] * n for n, c in ((accelerator.num_processes, vars(cfg)), (state["processes"], state["config"])))
        if now != then:
            raise Fault("train", f"processes × groups × accumulate is {now}, the run has {then}")
    if accelerator.is_main_process:
        out.mkdir(parents=True, exist_ok=True)
        cfg.save(out / "config.json")
    accelerator.wait_for_everyone()
    return state


class Loop:
    """Steps from `step` on. Everything random follows from the seed and the step, so a checkpoint needs no generator's state."""

    def __init__(self, run: Run, accelerator: Accelerator, state: dict | None):
        self.r, self.acc, self.cfg = run, accelerator, run.cfg
        self.core = run.model
        self.step = 0
        opt = optimizer(self.core, self.cfg)
        if state:
            run.load(state)
            self.step = state["step"]
        self.model, self.opt = accelerator.prepare(run.model, opt)
        if state:
            self.opt.load_state_dict(state["optimizer"])
        self.sampler = run.sampler()
        self.trained = [p for p in self.core.adapters().values() if p.requires_grad]
        self.log = Log(run.out / "log.jsonl", self.step) if accelerator.is_main_process else None
        self.stop = False

    def run(self):
        before = {s: signal.signal(s, self._stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._steps()
        finally:
            for s, handler in before.items():
                signal.signal(s, handler)

    def _steps(self):
        cfg = self.cfg
        exports = {int(s) for s in cfg.export_steps.split(",") if s}
        self._export(exports)
        bar = tqdm(total=cfg.steps, initial=self.step, disable=None if self.acc.is_main_process else True, unit="step")
        while self.step < cfg.steps:
            line = self.one()
            bar.update()
            bar.set_postfix(loss=f"{line['loss']:.3f}")
            self._export(exports)
            last = self.step == cfg.steps
            if last or (cfg.eval_every and self.step % cfg.eval_every == 0):
                self.held_out()
            stop = self._anyone_stops()
            if last or stop or self.step % cfg.save_every == 0:
                self.save()
            if stop and not last:
                raise Fault("train", f"stopped at step {self.step}, which is saved", "go on with --resume")
        bar.close()

    def one(self) -> dict:
        """One step; gives its log line."""
        cfg, k, began = self.cfg, self.step, time.perf_counter()
        self.phase(k)
        torch.manual_seed((cfg.seed << 32) + k * self.acc.num_processes + self.acc.process_index)  # for relaxed routes
        groups = self.sampler.step(k)
        labels = label_count(groups, self.core.seq2seq)
        mine = groups[self.acc.process_index :: self.acc.num_processes]
        loss = torch.zeros((), device=self.acc.device)
        for i in range(cfg.accumulate):
            batch = collate(mine[i :: cfg.accumulate], self.acc.device)
            with self.acc.no_sync(self.model) if i + 1 < cfg.accumulate else _nothing():
                nll, entropy = self.model(batch)
                # gradients are averaged over processes, hence the factor: the loss is the mean over all labels of the step
                scale = self.acc.num_processes / max(labels, 1)
                penalty = cfg.entropy * k / cfg.steps * self.acc.num_processes / len(groups)
                self.acc.backward(nll * scale + entropy * penalty)
            loss += nll.detach() / max(labels, 1)
        if self.frozen(k):
            for z in self.core.logits():
                z.grad = None  # AdamW passes over it
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.trained if p.grad is not None])
        if not torch.isfinite(norm):
            raise Fault("train", f"the gradient of step {k} is not finite", "lower --lr, or use --precision f32")
        if cfg.clip:
            torch.nn.utils.clip_grads_with_norm_(self.trained, cfg.clip, norm)
        set_rates(self.opt, factor(k, cfg))
        self.opt.step()
        self.opt.zero_grad()
        self.step += 1
        line = {
            "step": k,
            "loss": self.acc.reduce(loss, "sum").item(),
            "lr": self.opt.param_groups[0]["lr"],
            "router_lr": self.opt.param_groups[1]["lr"],
            "grad_norm": norm.item(),
            "tokens": sum(len(r) for g in groups for r in g.rows),
            "labels": labels,
            "seconds": round(time.perf_counter() - began, 3),
        }
        if self.log:
            if self.step % cfg.stats_every == 0 or self.step == cfg.steps:
                line |= skills.measures(self.core)
            self.log.write(line)
        return line

    def frozen(self, k: int) -> bool:
        return bool(self.cfg.stack) and k < self.cfg.stack[0]

    def phase(self, k: int):
        """What changes before step k: routes of stacked skills, temperature."""
        cfg = self.cfg
        self.core.routing.relaxed = cfg.relaxed and not self.frozen(k)
        self.core.routing.temperature = temperature(cfg, k)
        if cfg.stack and k in (0, cfg.stack[0]):
            skills.assign(self.core, self.r.clusters(), skills.ONE_HOT if self.frozen(k) else cfg.stack[1])

    def held_out(self):
        if not self.log:
            return
        self.core.routing.temperature = temperature(self.cfg, self.step)
        r = evaluate.per_task(self.core, self.r.aside(), self.acc.device, self.cfg.precision)
        self.log.write({"step": self.step, "held_out": {k: r[k] for k in ("loss", "exact")}, "tasks": {n: round(t["loss"], 5) for n, t in r["tasks"].items()}})

    def save(self):
        if not self.log:
            return
        self.log.flush()
        checkpoint.save(
            self.r.checkpoint,
            {
                "step": self.step,
                "config": vars(self.cfg),
                "processes": self.acc.num_processes,
                "adapters": {n: p.detach().cpu() for n, p in self.core.adapters().items()},
                "optimizer": self.opt.state_dict(),
            },
        )

    def _export(self, steps: set[int]):
        if self.log and self.step in steps:
            export_folder(self.r, self.r.out / f"step{self.step}", self.step, dtype="f32", all_rows=True)

    def _stop(self, *_):
        self.stop = True

    def _anyone_stops(self) -> bool:
        """A signal may reach one process alone; all must leave at the same step."""
        if self.acc.num_processes == 1:
            return self.stop
        return self.acc.reduce(torch.tensor(float(self.stop), device=self.acc.device), "sum").item() > 0


class Log:
    """log.jsonl; lines of steps after the checkpoint are dropped, as those steps are done again."""

    def __init__(self, path: Path, step: int):
        kept = []
        if step and path.exists():
            for raw in path.read_text().splitlines():
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue  # the kill cut it
                if line["step"] < step or ("held_out" in line and line["step"] <= step):
                    kept.append(raw)
        path.write_text("".join(f"{raw}\n" for raw in kept))
        self.file = open(path, "a", buffering=1)

    def write(self, line: dict):
        try:
            self.file.write(json.dumps(line) + "\n")
        except OSError as e:
            raise Fault("log", f"{self.file.name}: {e.strerror}", "make room, then go on with --resume") from e

    def flush(self):
        self.file.flush()


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False
