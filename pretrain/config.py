"""What a run can be told: each field is a flag of `python -m pretrain train`."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from .fault import Fault


def flag(help, default=dataclasses.MISSING, **metadata):
    return field(default=default, metadata={"help": help, **metadata})


def choice(help, *names):
    return field(default=names[0], metadata={"help": help, "choices": list(names)})


@dataclass
class Config:
    """A pre-training run. Defaults of the method are mttl's (AdamW, 1e-3 for modules, 0.1 for routers)."""

    base: str = flag("base model: a Hugging Face folder or a .gguf file")
    tasks: str = flag("folder with manifest.json, train/*.jsonl and heldout/*.jsonl")
    out: str = flag("folder of the run: config.json, log.jsonl, checkpoint.pt")

    method: str = choice("poly is mhr with one split; lora is one skill shared by all tasks", "mhr", "poly", "lora")
    skills: int = flag("n_skills, S", 8)
    splits: int = flag("n_splits, Q: heads of a router", 8)
    rank: int = flag("r of each module", 4)
    targets: str = flag("adapted linears: names after commas, or one regular expression for the whole name; empty: all of the blocks", "")
    granularity: str = choice("linears that share a router", "fine", "layer", "block", "coder", "coarse")
    rows: str = choice("what has a router row of its own", "task", "dataset", "category")
    relaxed: bool = flag("sample routes from a relaxed Bernoulli, one sample an example, instead of the plain sigmoid", False)

    ship_only: bool = flag("take only tasks whose licence lets the result be given away", True)
    only: str = flag("take only tasks whose name matches this regular expression", "")
    balance: str = choice("what counts as one when a group's task is drawn", "dataset", "task", "category")
    max_tokens: int = flag("rows longer than this, instruction left out, are left out", 128)
    instruction_share: float = flag("share of groups that show the task's instruction", 0.5)
    aside: float = flag("share of each task's rows, picked by their hash, kept for the held-out loss", 0.05)

    groups: int = flag("task groups in a batch of one process", 4)
    group_rows: int = flag("rows of each group", 4)
    accumulate: int = flag("batches whose gradients make one step", 1)
    window: int = flag("steps whose groups are drawn together and sorted by length, so that little is padded", 8)
    uniform_share: float = flag("share of groups routed uniformly, so that the mean of the skills is trained too", 0.0)

    steps: int = flag("steps of the whole run", 1000)
    lr: float = flag("learning rate of A and B", 1e-3)
    router_lr: float = flag("learning rate of router logits", 0.1)
    weight_decay: float = flag("decoupled weight decay of A and B", 0.01)
    router_weight_decay: float = flag("the same for router logits", 0.0)
    beta2: float = flag("AdamW's second beta", 0.999)
    clip: float = flag("largest global norm of the gradient; 0: no clipping", 1.0)
    warmup: int = flag("steps of linear warm-up", 50)
    schedule: str = choice("after the warm-up", "linear", "cosine", "constant")

    start: str = flag("PEFT POLY folder that A and B start from, and rows of the tasks that both have; lora: the mean of its skills", "")
    init_rows: str = flag("sparse:K:SCALE: rows start at +SCALE on K skills a head, alike within a category, and -SCALE on the rest", "")
    init_skills: str = flag("stack:STEPS:SCALE: for STEPS each cluster of tasks trains one skill alone; then rows start at ±SCALE. grow:STEPS: for STEPS all tasks train one adapter; then every skill starts as it, and rows as --init-rows says", "")
    clusters: str = choice(
        "how stack gathers tasks: whole categories, or k-means of their gradients; of about equal weight", "category", "gradient"
    )
    entropy: float = flag("adds this times the mean routing entropy (as a share of log S), growing linearly over the run", 0.0)
    router_anneal: float = flag("temperature of the sigmoid at the end of the run, from 1", 1.0)

    precision: str = choice("bf16 is autocast over a base in bf16; adapters, optimiser and mixing stay in f32", "bf16", "f32")
    device: str = choice("auto takes a GPU where there is one", "auto", "cpu")
    threads: int = flag("CPU threads; 0: PyTorch's choice", 0)
    seed: int = flag("seed of initial values and of batches", 13)

    stats_every: int = flag("steps between measures of how far skills have parted", 50)
    eval_every: int = flag("steps between held-out losses; 0: only at the end", 0)
    eval_rows: int = flag("rows kept aside that are measured, at most, for each task", 16)
    save_every: int = flag("steps between checkpoints", 200)
    export_steps: str = flag("steps after which OUT/stepN gets an f32 PEFT folder with every row; 0: initial values", "")
    dump_batches: str = flag("file that gets each step's rows as token ids, before training starts", "")
    resume: bool = flag("go on from the checkpoint in OUT", False)

    def __post_init__(self):
        if self.method == "poly":
            self.splits = 1
        if self.method == "lora":
            self.splits = self.skills = 1
        for name in (
            "skills",
            "splits",
            "rank",
            "groups",
            "group_rows",
            "accumulate",
            "window",
            "max_tokens",
            "eval_rows",
            "save_every",
            "stats_every",
        ):
            if getattr(self, name) < 1:
                raise Fault("config", f"{name} is {getattr(self, name)}, want 1 or more")
        for name in ("instruction_share", "aside", "uniform_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise Fault("config", f"{name} is {getattr(self, name)}, want 0 to 1")
        if self.router_anneal <= 0:
            raise Fault("config", f"router_anneal is {self.router_anneal}, want more than 0")
        _ = self.sparse, self.stack, self.grow  # a malformed one is told before the base is loaded

    @property
    def sparse(self) -> tuple[int, float] | None:
        """K and SCALE of init_rows."""
        return _parse("init_rows", "sparse", self.init_rows)

    @property
    def stack(self) -> tuple[int, float] | None:
        """STEPS and SCALE of init_skills."""
        return None if self.grow else _parse("init_skills", "stack", self.init_skills)

    @property
    def grow(self) -> int:
        """STEPS of init_skills; 0: skills are not grown."""
        word, _, steps = self.init_skills.partition(":")
        if word != "grow":
            return 0
        if not (steps.isdigit() and int(steps) > 0 and self.sparse):
            raise Fault("config", f"init_skills is {self.init_skills!r}, want grow:STEPS with --init-rows sparse:K:SCALE, as in grow:300")
        return int(steps)

    @property
    def apart(self) -> int:
        """Steps before routers are trained."""
        return self.grow or (self.stack[0] if self.stack else 0)

    def save(self, path: Path):
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, run: Path) -> "Config":
        try:
            return cls(**json.loads((run / "config.json").read_text()))
        except (OSError, ValueError, TypeError) as e:
            raise Fault("run", f"{run} is no run: config.json: {e}", "name the --out folder of `pretrain train`") from e


def _parse(name, word, text):
    if not text:
        return None
    try:
        got, count, scale = text.split(":")
        count, scale = int(count), float(scale)
        if got != word or count < 1 or scale <= 0:
            raise ValueError
    except ValueError:
        raise Fault("config", f"{name} is {text!r}, want {word}:COUNT:SCALE, as in {word}:2:3") from None
    return count, scale


# Fields that may change when a run goes on.
FREE = {
    "resume",
    "threads",
    "device",
    "save_every",
    "eval_every",
    "eval_rows",
    "stats_every",
    "export_steps",
    "dump_batches",
    "out",
    "base",
    "tasks",
    "groups",
    "accumulate",
}
