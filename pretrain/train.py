"""The training loop, on Accelerate: one process or many."""

import signal
import time
from contextlib import nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from tqdm import tqdm

from . import checkpoint, evaluate, skills
from .batches import collate, dump, label_count
from .config import FREE, Config
from .data import note
from .export import export_folder
from .fault import Fault
from .log import Log
from .optim import factor, optimizer, set_rates, temperature
from .run import Run


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
    if accelerator.is_main_process:
        n = sum(p.numel() for p in run.model.adapters().values() if p.requires_grad)
        note(
            f"{accelerator.num_processes} processes, {len(run.tasks)} tasks in {max(run.rows) + 1} rows, {n / 1e6:.2f}M trained, {run.groups_per_step() * cfg.group_rows} examples a step"
        )
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
            raise Fault(
                "train",
                f"--{other[0].replace('_', '-')} is {getattr(cfg, other[0])!r}, the run has {state['config'][other[0]]!r}",
                "go on with the flags it began with",
            )
        now, then = (
            c["groups"] * c["accumulate"] * n for n, c in ((accelerator.num_processes, vars(cfg)), (state["processes"], state["config"]))
        )
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
            with self.acc.no_sync(self.model) if i + 1 < cfg.accumulate else nullcontext():
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
        return k < self.cfg.apart

    def phase(self, k: int):
        """What changes before step k: routes of stacked skills, temperature."""
        cfg = self.cfg
        self.core.routing.relaxed = cfg.relaxed and not self.frozen(k)
        self.core.routing.temperature = temperature(cfg, k)
        if cfg.stack and k == 0:
            with self.acc.autocast():
                found = [self.r.clusters(self.acc.device)]
            broadcast_object_list(found)  # k-means turns last bits into other clusters
            skills.assign(self.core, found[0], skills.ONE_HOT)
            if self.log:
                self.log.write({"step": 0, "clusters": dict(zip((t.name for t in self.r.tasks), (found[0][row] for row in self.r.rows)))})
        if cfg.stack and k == cfg.stack[0]:
            skills.loosen(self.core, cfg.stack[1])
        if cfg.grow and k == cfg.grow:
            self.r.deal()

    def held_out(self):
        if not self.log:
            return
        self.core.routing.temperature = temperature(self.cfg, self.step)
        r = evaluate.per_task(self.core, self.r.aside(), self.acc.device, self.cfg.precision)
        self.log.write(
            {
                "step": self.step,
                "held_out": {k: r[k] for k in ("loss", "exact")},
                "tasks": {n: round(t["loss"], 5) for n, t in r["tasks"].items()},
            }
        )

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
