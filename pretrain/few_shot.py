"""Few-shot adaptation: MHR-z, MHR-mu, MHR, LoRA from scratch, and what they are held against. Runs the cells of `handful draw`."""

import hashlib
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from .batches import Group, collate
from .data import Row
from .fault import Fault
from .judge import Question, judge, pack, token_nll
from .mhr import MhrLinear, Router, normalised
from .model import MultiTask
from .prompt import Encoder, Tokens

FINALISTS, ROWS_AT_ONCE = 8, 4  # rows that the search for a start tries, and in one batch
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


def layers_for(model: MultiTask, method: str, rank: int) -> dict[str, MhrLinear]:
    """New layers over the same base: z has the skills and a fresh row, z-random skills of the same size that learned nothing
    (B uniform, as wide as the inventory's); mhr a copy of the skills and a fresh row; mu one LoRA, the skills' mean; lora one from scratch."""
    out = {}
    for name, old in model.layers.items():
        q, s = (old.router.splits, old.router.skills) if method in ROUTED else (1, 1)
        with torch.device(old.lora_a.device):
            new = MhrLinear(old.linear, Router(1, q, s), model.routing, rank if method == "lora" and rank else old.rank)
        with torch.no_grad():
            if method == "z":
                new.lora_a, new.lora_b = old.lora_a, old.lora_b
            elif method == "mhr":
                new.lora_a.copy_(old.lora_a)
                new.lora_b.copy_(old.lora_b)
            elif method == "z-random":
                new.lora_b.uniform_(-1, 1).mul_((3 * old.lora_b.square().mean()).sqrt())
            elif method == "mu":
                uniform = torch.full((1, old.router.splits, old.router.skills), 1 / old.router.skills, device=old.lora_a.device)
                a, b = old.mixed(uniform)
                new.lora_a.copy_(a[None])
                new.lora_b.copy_(b[None])
        out[name] = new
    return out


@contextmanager
def replaced(model: MultiTask, layers: dict[str, MhrLinear]):
    """The model with other layers, for a while."""
    old = model.layers
    try:
        for name, layer in layers.items():
            model.base.set_submodule(name, layer)
        model.layers = layers
        yield
    finally:
        for name, layer in old.items():
            model.base.set_submodule(name, layer)
        model.layers = old


def epochs(cell: dict) -> Iterator[list[int]]:
    """Its examples, by index, in the order of each epoch: the drawn one, or one by the seed where none was drawn."""
    if drawn := cell.get("order"):
        yield from drawn
        raise Fault("fewshot", f"{cell['task']}: an order of {len(drawn)} epochs is drawn, want more", "draw with more --epochs, or take fewer steps")
    rng, shots = random.Random(f"{cell['seed']}.order"), len(cell["train"])
    while True:
        yield rng.sample(range(shots), shots)


@dataclass
class ParamGroup:
    """Parameters of one learning rate."""

    params: list[torch.nn.Parameter]
    rate: float
    decay: float = 0.0


def fit(groups: list[ParamGroup], loss: Callable[[list[int]], torch.Tensor], shots: int, order: Iterator[list[int]], r: Recipe):
    """Trains groups; `loss` is that of a batch of shots, by index."""
    opt = torch.optim.AdamW([{"params": g.params, "weight_decay": g.decay} for g in groups])
    params = [p for g in groups for p in g.params]
    ahead: list[int] = []
    for k in range(r.steps):
        while len(ahead) < min(r.batch, shots):
            ahead += next(order)
        picked, ahead = ahead[: r.batch], ahead[r.batch :]
        opt.zero_grad()
        loss(picked).backward(inputs=params)  # z leaves A and B alone
        torch.nn.utils.clip_grad_norm_(params, r.clip)
        pace = k / r.warmup if k < r.warmup else (r.steps - k) / max(1, r.steps - r.warmup)
        for g, to in zip(groups, opt.param_groups):
            to["lr"] = g.rate * pace
        opt.step()


def lm_loss(model: MultiTask, shots: list[Tokens], device, precision: str) -> torch.Tensor:
    """Mean NLL of the answers' tokens."""
    batch = collate([Group(0, 0, shots)], device)
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
        nll, _, _ = model.tokens(batch)
    return nll.mean()


def tfew_loss(model: MultiTask, questions: list[Question], device, precision: str) -> torch.Tensor:
    """LM + multiple choice + unlikelihood (core/tune/loss_tfew.go, without its constant); the choices of a question are wrong ones."""
    p = pack([], questions)
    nll, _ = token_nll(model, 0, p, device, precision)
    lm, mc, ul = [], [], []
    answers = iter(nll.split(p.lengths))
    for q in questions:
        right, *wrong = [next(answers) for _ in range(1 + len(q.choices))]
        lm.append(right)
        mc.append(-torch.stack([-a.mean() for a in (right, *wrong)]).log_softmax(0)[0])
        ul += [-(1 - (-a).exp() + 1e-2).log() for a in wrong]
    return torch.cat(lm).mean() + torch.stack(mc).mean() + (torch.cat(ul).mean() if ul else 0)


def best_rows(model: MultiTask, shots: list[Tokens], k: int, device, precision: str) -> list[int]:
    """The k router rows of the smallest loss, of the few towards which it falls most steeply (core/tune/start.go)."""
    rows = list(range(model.shape.rows))
    if (keep := max(FINALISTS, 2 * k)) < len(rows):
        rows = slopes(model, shots, device, precision).argsort()[:keep].tolist()
    total, count = torch.zeros(model.shape.rows), torch.zeros(model.shape.rows)
    for i in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[i : i + ROWS_AT_ONCE]
        batch = collate([Group(0, r, shots) for r in part], device)
        with torch.no_grad(), torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16"):
            nll, example, _ = model.tokens(batch)
        row = torch.tensor(part)[example.cpu() // len(shots)]
        total.index_add_(0, row, nll.float().cpu())
        count.index_add_(0, row, torch.ones(len(row)))
    loss = total / count
    return sorted(rows, key=lambda r: loss[r].item())[:k]


def slopes(model: MultiTask, shots: list[Tokens], device, precision: str) -> torch.Tensor:
    """[t]: Σ ∂L/∂z·w at even routing, z = 0, for the mixture w of each router row."""
    even = layers_for(model, "z", 0)
    z = [x.router.module_logits for x in even.values()]
    with torch.no_grad():
        for x in z:
            x.zero_()
    with replaced(model, even):
        grads = torch.autograd.grad(lm_loss(model, shots, device, precision), [x.requires_grad_() for x in z])
    with torch.no_grad():
        shape = (-1, model.shape.splits, model.shape.skills)
        w = [normalised(x.router.module_logits.view(shape).sigmoid()).flatten(1) for x in model.layers.values()]
        return sum((a @ g[0] for a, g in zip(w, grads)), torch.zeros(model.shape.rows, device=device)).cpu()


class Cells:
    """Runs methods on drawn cells of a base and an inventory."""

    def __init__(self, model: MultiTask, encode: Encoder, device, precision: str, names: dict[str, str]):
        self.model, self.encode, self.device, self.precision, self.names = model, encode, device, precision, names
        model.requires_grad_(False)
        tok = encode.tokenizer
        self.newline = tok("\n", add_special_tokens=False)["input_ids"]
        self.ends = {tok.eos_token_id} | {i for t, i in tok.get_vocab().items() if "\n" in tok.convert_tokens_to_string([t])}
        self.context = getattr(model.base.config, "max_position_embeddings", 8192)

    def key(self, cell: dict, m: Method) -> str:
        """Hash of all that decides a result."""
        recipe = asdict(m.recipe) if m.method in TRAINED else None
        text = json.dumps([cell, m.name, recipe, self.names, self.precision], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def run(self, cell: dict, m: Method) -> dict:
        """A line of a results file (docs/formats.md, "Evaluation results")."""
        start, seed = time.monotonic(), cell["seed"]
        shots = [self._tokens(x, cell) for x in cell["train"]]
        out = {"key": self.key(cell, m), "task": cell["task"], "distance": cell.get("distance", ""), "data": cell["data"], "name": m.name}
        out |= {"shots": cell["shots"], "seed": seed, "metric": cell["metric"], "device": f"PyTorch {torch.__version__}, {self.precision}"}
        out["base"] = self.names["base"]
        if m.method not in ("base", "icl", "lora"):
            out["inventory"] = self.names["inventory"]
        if m.method not in TRAINED:
            prefix = self._shown(cell, shots, out) if m.method == "icl" else []
            out |= self._judge(cell, self._route(m, shots), prefix)
        else:
            torch.manual_seed(seed)
            layers = layers_for(self.model, m.method, m.recipe.rank)
            if m.method in ("z", "mhr") and m.recipe.router_init != "fresh":
                rows = best_rows(self.model, shots, int(m.recipe.router_init.removeprefix("best:")), self.device, self.precision)
                with torch.no_grad():
                    for name, layer in layers.items():
                        layer.router.module_logits.copy_(self.model.layers[name].router.module_logits[rows].mean(0, keepdim=True))
            if m.method == "lora":
                for layer in layers.values():
                    layer.rank = layer.rank / m.recipe.alpha
            groups = []
            if m.method in ROUTED:
                groups.append(ParamGroup([x.router.module_logits for x in layers.values()], m.recipe.router_lr))
            if m.method in ("mu", "mhr", "lora"):
                groups.append(ParamGroup([p for x in layers.values() for p in (x.lora_a, x.lora_b)], m.recipe.lr, m.recipe.weight_decay))
            params = [p for g in groups for p in g.params]
            for p in params:
                p.requires_grad_(True)
            if m.recipe.loss == "auto" and not self.model.seq2seq:
                asked = [self._question(x, cell, wrong=True) for x in cell["train"]]
                loss = lambda picked: tfew_loss(self.model, [asked[i] for i in picked], self.device, self.precision)
            else:
                loss = lambda picked: lm_loss(self.model, [shots[i] for i in picked], self.device, self.precision)
            with replaced(self.model, layers):
                fit(groups, loss, len(shots), epochs(cell), m.recipe)
                out |= self._judge(cell, 0, [])
            n = sum(p.numel() for p in params)
            out |= {"trainable": n, "bytes": 4 * n, "settings": {k.replace("_", "-"): v for k, v in asdict(m.recipe).items()}}
        return out | {"seconds": round(time.monotonic() - start, 2)}

    def _route(self, m: Method, shots: list[Tokens]) -> int | None:
        """The router row of a method that trains nothing: -1 is the mean, None the base."""
        if m.method == "best-task":
            return best_rows(self.model, shots, 1, self.device, self.precision)[0]
        return -1 if m.method == "mean" else None

    def _tokens(self, x: dict, cell: dict, output: str | None = None) -> Tokens:
        return self.encode([Row(0, x["input"], x["output"] if output is None else output, x.get("options"))], cell.get("instruction", ""))[0]

    def _parts(self, t: Tokens) -> tuple[list[int], list[int]]:
        if self.model.seq2seq:
            return list(t.ids), list(t.labels)
        n = next(i for i, y in enumerate(t.labels) if y >= 0)
        return list(t.ids[:n]), list(t.ids[n:])

    def _shown(self, cell: dict, shots: list[Tokens], out: dict) -> list[int]:
        """The examples before each prompt, as many as leave room for the longest row."""
        if self.model.seq2seq:
            raise Fault("fewshot", "icl wants a decoder")
        longest = max(len(self._tokens(x, cell, o).ids) for x in cell["held"] for o in [x["output"], *(x.get("options") or cell.get("labels") or [])])
        prefix: list[int] = []
        out["shown"] = 0
        for t in shots:
            if len(prefix) + len(t.ids) + len(self.newline) + longest > self.context:
                break
            prefix += [*t.ids, *self.newline]
            out["shown"] += 1
        return prefix

    def _options(self, x: dict, cell: dict) -> list[str]:
        return [] if cell["metric"] in ("exact", "rougeL") else x.get("options") or cell["labels"]

    def _question(self, x: dict, cell: dict, wrong: bool = False) -> Question:
        prompt, answer = self._parts(self._tokens(x, cell))
        options = [o for o in self._options(x, cell) if not (wrong and o == x["output"])]
        return Question(prompt, answer, [self._parts(self._tokens(x, cell, o))[1] for o in options])

    def _judge(self, cell: dict, route: int | None, prefix: list[int]) -> dict:
        labels, written = cell.get("labels"), cell["metric"] in ("exact", "rougeL")
        choices = [self._options(x, cell) for x in cell["held"]]
        questions = [self._question(x, cell) for x in cell["held"]]
        got = judge(self.model, route, prefix, questions, self.ends, self.device, self.precision)
        hits, gold, given = "", [], []
        for x, options, (right, *rest) in zip(cell["held"], choices, got):
            if written:
                hits += "01"[right.greedy]
                continue
            best = options[min(range(len(rest)), key=lambda i: rest[i].mean)]
            hits += "01"[best == x["output"]]
            gold.append(labels.index(x["output"]) if x["output"] in labels else -1)
            given.append(labels.index(best) if best in labels else -1)
        n, right = len(hits), [h == "1" for h in hits]
        accuracy = sum(right) / n
        out = {"n": n, "accuracy": accuracy, "balanced": accuracy, "hits": hits}
        out["loss"] = sum(g[0].nll for g in got) / sum(g[0].tokens for g in got)
        if written:
            return out | {"exact": accuracy}
        by_class = [[r for r, g in zip(right, gold) if g == c] for c in sorted(set(gold))]
        return out | {"balanced": sum(sum(c) / len(c) for c in by_class) / len(by_class), "labels": labels, "gold": gold, "got": given}


def load_draws(folder: str, only: str) -> list[dict]:
    """The cells of `handful draw`, in order of their files."""
    files = [f for f in sorted(Path(folder).glob("*.json")) if re.search(only, f.name)]
    if not files:
        raise Fault("fewshot", f"{folder} holds no draws", "handful draw --tasks TASKS --shots 16 --seeds 3 --out DRAWS")
    try:
        return [json.loads(f.read_text(encoding="utf-8")) for f in files]
    except ValueError as e:
        raise Fault("fewshot", f"{folder}: {e}", "draw anew") from None


def identity(path: str) -> str:
    """Name and hash, as handful eval gives them: of a file, or of the lines of `sha256sum` over a folder's weights and JSON files."""
    p = Path(path)

    def digest(f: Path) -> str:
        with open(f, "rb") as h:
            return hashlib.file_digest(h, "sha256").hexdigest()

    if p.is_file():
        return f"{p.name} sha256:{digest(p)}"
    files = sorted(f for f in p.iterdir() if f.suffix in (".json", ".safetensors", ".gguf"))
    lines = "".join(f"{digest(f)}  {f.name}\n" for f in files)
    return f"{p.resolve().name} sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
