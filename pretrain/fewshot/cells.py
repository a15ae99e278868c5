"""Runs methods on the cells of `handful draw`."""

import hashlib
import json
import time
from dataclasses import asdict

import torch

from ..data import Row
from ..fault import Fault
from ..judge import Question, judge
from ..model import MultiTask
from ..prompt import Encoder, Tokens
from .fit import ParamGroup, epochs, fit, lm_loss, tfew_loss
from .layers import layers_for, replaced
from .recipe import ROUTED, TRAINED, Method
from .start import best_rows


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
        if m.method in TRAINED:
            out |= self._train(cell, m, shots)
        else:
            out |= self._judge(cell, self._route(m, shots), self._shown(cell, shots, out) if m.method == "icl" else [])
        return out | {"seconds": round(time.monotonic() - start, 2)}

    def _train(self, cell: dict, m: Method, shots: list[Tokens]) -> dict:
        """Trains the method's layers and judges them."""
        torch.manual_seed(cell["seed"])
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
            out = self._judge(cell, 0, [])
        n = sum(p.numel() for p in params)
        return out | {"trainable": n, "bytes": 4 * n, "settings": {k.replace("_", "-"): v for k, v in asdict(m.recipe).items()}}

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
