"""Judging, and the cells of few-shot adaptation."""

import json
import math

import pytest
import torch

from pretrain.__main__ import Export, export
from pretrain.base import load_base
from pretrain.evaluate import score
from pretrain.fewshot.fit import tfew_loss
from pretrain.fewshot.recipe import Recipe, parse_methods
from pretrain.fewshot.start import best_rows, slopes
from pretrain.inventory import open_inventory
from pretrain.judge import Question, judge
from pretrain.model import MultiTask, Shape, parse_targets
from pretrain.prompt import Tokens

from .conftest import pretrain
from .test_train import run


@pytest.fixture
def inventory(llama, tasks, tmp_path):
    run(llama, tasks, tmp_path / "run", steps=10, lr=0.02)
    export(Export(run=str(tmp_path / "run"), out=str(tmp_path / "made")))
    return tmp_path / "made"


def draws(folder):
    """A cell of labels, which know how the word ends, and one of written answers."""
    folder.mkdir()
    words = [f"{a}{b}x" for a in "abcdefgh" for b in "kl"]
    labelled = [{"input": w, "output": "low" if w[1] == "k" else "high", "options": ["low", "high"]} for w in words]
    written = [{"input": w, "output": w[0]} for w in words]
    for task, metric, rows in ("ends", "balanced", labelled), ("first", "exact", written):
        cell = {"task": task, "data": "0" * 64, "shots": 6, "seed": 0, "metric": metric, "instruction": "Do", "train": rows[:6], "held": rows[6:]}
        if metric == "balanced":
            cell["labels"] = ["high", "low"]
        (folder / f"{task}.6.0.json").write_text(json.dumps(cell))
    return folder


@pytest.mark.parametrize("prefix", [[], [9, 8, 7, 1]])
@pytest.mark.parametrize("route", [None, -1])
def test_answers_behind_a_shared_prompt_score_as_each_alone(llama, inventory, route, prefix):
    model, _ = open_inventory(load_base(llama), inventory)
    torch.manual_seed(0)
    ids = lambda n: torch.randint(2, 97, (n,)).tolist()
    questions = [Question(ids(k), ids(3), [ids(1 + j) for j in range(k % 4)]) for k in range(1, 9)]
    got = judge(model, route, prefix, questions, set(), "cpu")
    for q, scores in zip(questions, got):
        answers = [q.answer, *q.choices]
        rows = [(route, Tokens(prefix + q.prompt + a, [-100] * len(prefix + q.prompt) + a)) for a in answers]
        assert len(scores) == len(answers)
        for s, (nll, n, greedy) in zip(scores, score(model, rows, "cpu")):
            assert (s.tokens, s.greedy) == (n, greedy)
            assert abs(s.nll - nll) < 1e-4


def test_an_answer_may_end_with_any_end(llama):
    model, _ = open_inventory_base(llama)
    prompt = [5, 6, 7]
    model.routing.rows = None
    with torch.no_grad():
        best = model.base(torch.tensor([prompt])).logits[0, -1].argmax().item()
    other = (best + 1) % 98
    for ends, want in (set(), False), ({best}, True):
        [[s]] = judge(model, None, [], [Question(prompt, [other], [])], ends, "cpu")
        assert s.greedy is want


def open_inventory_base(llama):
    base = load_base(llama)
    return MultiTask(base, Shape(1, 1, 1, 1, parse_targets("", base.model))), {}


def test_cells(llama, inventory, tmp_path):
    out = tmp_path / "results.jsonl"
    methods = "base,icl,mean,z,z-random,mu,lora,mu:steps=2,lr=0.5,z:router-init=best:2,mu:loss=lm"
    args = ("fewshot", "--base", llama, "--draws", draws(tmp_path / "draws"), "--inventory", inventory, "--out", out)
    args += ("--methods", methods, "--steps", 4, "--precision", "f32")
    pretrain(*args)
    results = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["name"] for r in results[:10]] == [*methods.split(",")[:7], "mu:steps=2,lr=0.5", "z:router-init=best:2", "mu:loss=lm"]
    assert len(results) == 20 and len({r["key"] for r in results}) == 20
    assert all(len(r["hits"]) == r["n"] == 10 for r in results)
    assert len({r["loss"] for r in results[:10]}) == 10
    by = {r["name"]: r for r in results if r["task"] == "ends"}
    assert by["icl"]["shown"] == 6
    assert by["z"]["trainable"] < by["mu"]["trainable"] == by["lora"]["trainable"]
    assert by["mu:steps=2,lr=0.5"]["settings"]["lr"] == 0.5
    assert all(g == h for r in by.values() for g, h in zip([int(a == b) for a, b in zip(r["gold"], r["got"])], map(int, r["hits"])))
    # a run that was killed goes on where it was
    out.write_text("".join(out.read_text().splitlines(keepends=True)[:5]))
    pretrain(*args)
    again = [json.loads(line) for line in out.read_text().splitlines()]
    strip = lambda rs: [{k: v for k, v in r.items() if k != "seconds"} for r in rs]
    assert strip(again) == strip(results)


def test_tfew_loss(llama, inventory):
    """Against the formula, answer by answer: core/tune/loss_tfew.go, which is held against mttl's values."""
    model, _ = open_inventory(load_base(llama), inventory)
    torch.manual_seed(0)
    ids = lambda n: torch.randint(2, 97, (n,)).tolist()
    questions = [Question(ids(5), ids(3), [ids(2), ids(4)]), Question(ids(2), ids(1), [ids(3)]), Question(ids(4), ids(2), [])]
    lm, mc, ul = [], 0.0, []
    for q in questions:
        nll = []
        for answer in [q.answer, *q.choices]:
            model.routing.rows = torch.tensor([0])
            logits = model.base(torch.tensor([q.prompt + answer])).logits[0, len(q.prompt) - 1 : -1]
            nll.append(torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="none"))
        lm += nll[0].tolist()
        mc += torch.nn.functional.cross_entropy(torch.stack([-x.mean() for x in nll]), torch.tensor(0)).item() / 3
        ul += [-math.log(1 - math.exp(-x) + 0.01) for y in nll[1:] for x in y.tolist()]
    want = sum(lm) / len(lm) + mc + sum(ul) / len(ul)
    assert abs(tfew_loss(model, questions, "cpu", "f32").item() - want) < 1e-4


def test_best_rows(llama, inventory):
    model, _ = open_inventory(load_base(llama), inventory)
    torch.manual_seed(0)
    shots = [Tokens(ids, [-100] + ids[1:]) for ids in torch.randint(2, 97, (7, 5)).tolist()]
    with torch.no_grad():
        for layer in model.layers.values():
            layer.router.module_logits.normal_(std=3)
    loss = [sum(nll for nll, _, _ in score(model, [(r, t) for t in shots], "cpu")) for r in range(model.shape.rows)]
    assert best_rows(model, shots, 2, "cpu", "f32") == sorted(range(len(loss)), key=loss.__getitem__)[:2]


def test_slopes(llama):
    torch.manual_seed(0)
    model = MultiTask(load_base(llama), Shape(20, 4, 2, 2, ["q_proj", "down_proj"]))
    with torch.no_grad():
        for layer in model.layers.values():
            layer.lora_b.normal_(std=0.3)
            layer.router.module_logits.normal_(std=3)
    shots = [Tokens(ids, [-100] + ids[1:]) for ids in torch.randint(2, 97, (7, 5)).tolist()]
    got, h = slopes(model, shots, "cpu", "f32"), 0.05
    loss = lambda r: sum(n for n, _, _ in score(model, [(r, t) for t in shots], "cpu")) / 28
    for row in 0, 7:
        kept, ends = [z.detach().clone() for z in model.logits()], []
        for sign in 1, -1:
            with torch.no_grad():
                for z, old in zip(model.logits(), kept):
                    w = old[row].view(2, 4).sigmoid()
                    z[row] = sign * h * (w / w.sum(-1, keepdim=True)).flatten()
            ends.append(loss(row))
        with torch.no_grad():
            for z, old in zip(model.logits(), kept):
                z.copy_(old)
        assert abs(got[row].item() - (ends[0] - ends[1]) / (2 * h)) < 1e-3 * got.abs().max().item() + 1e-4
    few = got.argsort()[:8].tolist()
    assert best_rows(model, shots, 1, "cpu", "f32") == [min(few, key=loss)]


def test_methods_by_name():
    got = parse_methods("z:router-lr=0.3,steps=9,mu,lora:rank=2", Recipe())
    assert [(m.name, m.method) for m in got] == [("z:router-lr=0.3,steps=9", "z"), ("mu", "mu"), ("lora:rank=2", "lora")]
    assert (got[0].recipe.router_lr, got[0].recipe.steps, got[2].recipe.rank) == (0.3, 9, 2)
    for wrong in "y", "z:depth=3", "base:lr=1", "lr=3", "z:steps=many", "z:router-init=task:1":
        with pytest.raises(Exception, match="fewshot"):
            parse_methods(wrong, Recipe())
