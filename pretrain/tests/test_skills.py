"""Ways to make skills part."""

from collections import Counter
from itertools import repeat

import pytest
import torch

from pretrain import clusters, skills
from pretrain.__main__ import Export, export
from pretrain.base import load_base
from pretrain.config import Config
from pretrain.data import Row
from pretrain.evaluate import score
from pretrain.fault import Fault
from pretrain.fewshot.fit import ParamGroup, fit, lm_loss
from pretrain.fewshot.layers import layers_for, replaced
from pretrain.fewshot.recipe import Recipe
from pretrain.model import MultiTask, Shape
from pretrain.prompt import Encoded, Encoder

from .conftest import lines
from .test_train import adapters, run


def model(llama, rows=6, skills=4, splits=2):
    torch.manual_seed(0)
    return MultiTask(load_base(llama), Shape(rows, skills, splits, 2, ["q_proj", "down_proj"]))


def test_sparse_rows(llama):
    m = model(llama)
    skills.sparse_rows(m, ["a", "a", "b", "c", "d", "b"], k=2, scale=3.0, seed=1)
    hot = torch.stack([z.view(6, 2, 4) > 0 for z in m.logits()])  # [routers, rows, q, s]
    assert (hot.sum(-1) == 2).all()
    assert torch.equal(hot[:, 0], hot[:, 1]) and torch.equal(hot[:, 2], hot[:, 5])
    of_category = hot[:, [0, 2, 3, 4]]
    assert (of_category.sum(1) == 2).all()  # 4 categories × 2 skills = each of 4 skills twice, in every head
    assert not torch.equal(hot[:, 0, 0], hot[:, 0, 1])  # heads draw apart


def test_category_clusters_are_about_equal():
    cluster = clusters.category_clusters([3, 3, 2, 2, 1, 1], ["big", "big", "b", "c", "d", "e"], 3)
    assert cluster[0] == cluster[1]
    assert sorted(sum(w for w, c in zip([3, 3, 2, 2, 1, 1], cluster) if c == i) for i in range(3)) == [3, 3, 6]
    assert set(clusters.category_clusters([1.0, 0.7, 0.7, 0.7], ["a", "b", "b", "b"], 4)) == {0, 1, 2, 3}


def test_gradient_clusters_find_groups_and_stay_about_equal():
    torch.manual_seed(0)
    truth = [i % 3 for i in range(30)]
    x = torch.nn.functional.normalize(torch.eye(3, 50)[truth] + 0.1 * torch.randn(30, 50), dim=-1)
    found = clusters.gradient_clusters(x, [1.0] * 30, 3, seed=0)
    assert len({(a, b) for a, b in zip(truth, found)}) == 3
    alike = torch.nn.functional.normalize(torch.ones(30, 50) + 0.01 * torch.randn(30, 50), dim=-1)
    assert max(Counter(clusters.gradient_clusters(alike, [1.0] * 30, 3, seed=0)).values()) <= 15


def test_sketches_keep_cosines(llama, tasks):
    m = model(llama, rows=3)

    def rows(text):
        return [Row(i, c * 3, text) for i, c in enumerate("abcdefgh")]

    encode = Encoder(load_base(llama).tokenizer, False)
    encoded = [Encoded(None, encode(r, "")) for r in (rows("x"), rows("x")[::-1], rows("Q"))]
    s = clusters.gradient_sketches(m, encoded, [0, 1, 2], 0, "cpu")
    assert s[0] @ s[1] > 0.999 and s[0] @ s[2] < 0.9


def test_assigned_rows_use_one_skill_alone(llama):
    m = model(llama)
    skills.assign(m, [0, 1, 2, 3, 0, 1], skills.ONE_HOT)
    w = m.weights(torch.arange(6))
    assert torch.equal(w[0, :, 0].argmax(-1), torch.tensor([0, 1, 2, 3, 0, 1]))
    assert w.max() == 1 and w.sort(-1).values[..., :-1].max() < 1e-12


@pytest.mark.parametrize("by", ["category", "gradient"])
def test_stacked_skills_train_apart_then_together(by, llama, tasks, tmp_path):
    flags = dict(clusters=by, skills=3, splits=4, init_skills="stack:5:2", lr=0.02, warmup=1, stats_every=1, save_every=5)
    out = run(llama, tasks, tmp_path / "apart", **flags, steps=5)
    z = torch.cat([v for k, v in adapters(out).items() if "module_logits" in k])
    assert set(z.abs().unique().tolist()) == {skills.ONE_HOT}  # frozen
    log = [line for line in lines(run(llama, tasks, tmp_path / "both", **flags, steps=8)) if "loss" in line]
    assert log[4]["entropy"] < 1e-6 and log[5]["entropy"] > 0.1
    assert log[4]["mean_share"] < 0.75  # three skills of which none is another: about 1/√3


def test_grown_skills_are_one_adapter_and_then_part(llama, tasks, tmp_path):
    flags = dict(skills=3, splits=4, init_skills="grow:4", init_rows="sparse:1:3", lr=0.02, warmup=1, stats_every=1, save_every=4)
    one = adapters(run(llama, tasks, tmp_path / "one", **flags, steps=4))
    assert all(v.abs().max() == 0 for k, v in one.items() if "module_logits" in k)
    assert all(torch.allclose(v, v[:, :1].expand_as(v), atol=1e-7) for k, v in one.items() if "lora_" in k)
    log = [line for line in lines(run(llama, tasks, tmp_path / "both", **flags, steps=8)) if "loss" in line]
    assert log[3]["mean_share"] > 0.9999 and log[3]["entropy"] > 0.9999
    assert log[7]["mean_share"] < 0.998 and log[7]["entropy"] < 0.8
    with pytest.raises(Fault, match="sparse"):
        Config(base="b", tasks="t", out="o", init_skills="grow:4")


def test_measures(llama):
    m = model(llama)
    assert skills.measures(m)["entropy"] > 0.999
    for layer in m.layers.values():
        layer.lora_b.data = torch.randn(2, 1, *layer.lora_b.shape[2:]).expand_as(layer.lora_b).clone()
    same = skills.measures(m)
    assert abs(same["mean_share"] - 1) < 1e-6 and abs(same["cosine"] - 1) < 1e-6
    for layer in m.layers.values():
        torch.nn.init.normal_(layer.lora_b)
    apart = skills.measures(m)
    assert abs(apart["mean_share"] - 0.5) < 0.1 and abs(apart["cosine"]) < 0.1


@pytest.mark.parametrize("flags", [{"entropy": 5.0}, {"router_anneal": 0.1}, {"init_rows": "sparse:1:4"}])
def test_options_lower_the_entropy(flags, llama, tasks, tmp_path):
    last = [
        [line for line in lines(run(llama, tasks, tmp_path / str(len(f)), steps=30, lr=0.02, **f)) if "entropy" in line][-1]
        for f in ({}, flags)
    ]
    assert last[1]["entropy"] < last[0]["entropy"] - 0.01


def test_uniform_share_leaves_rows_alone(llama, tasks, tmp_path):
    before = adapters(run(llama, tasks, tmp_path / "a", steps=1, uniform_share=1.0))
    after = adapters(run(llama, tasks, tmp_path / "b", steps=8, uniform_share=1.0, lr=0.05))
    assert all(torch.equal(before[k], after[k]) for k in before if "module_logits" in k)
    assert any(not torch.equal(before[k], after[k]) for k in before if "lora_b" in k)


def test_mu_starts_at_the_uniform_mixture_and_z_leaves_skills(llama):
    m = model(llama)
    for layer in m.layers.values():
        torch.nn.init.normal_(layer.lora_b, std=0.1)
    base = load_base(llama)
    shots = Encoder(base.tokenizer, False)([Row(i, f"{c}{c}", c) for i, c in enumerate("abcdef")], "")
    mean = score(m, [(-1, t) for t in shots], "cpu")
    with replaced(m, layers_for(m, "mu", 2)):
        mu = score(m, [(0, t) for t in shots], "cpu")
    assert max(abs(a[0] - b[0]) for a, b in zip(mean, mu)) < 1e-4
    kept = [layer.lora_b.clone() for layer in m.layers.values()]
    layers = layers_for(m, "z", 2)
    with replaced(m, layers):
        logits = [x.router.module_logits for x in layers.values()]
        loss = lambda picked: lm_loss(m, [shots[i] for i in picked], "cpu", "f32")
        fit([ParamGroup(logits, 0.1)], loss, len(shots), repeat(list(range(len(shots)))), Recipe(steps=20))
        z = score(m, [(0, t) for t in shots], "cpu")
    assert sum(s[0] for s in z) < sum(s[0] for s in mean)
    assert all(torch.equal(a, layer.lora_b) for a, layer in zip(kept, m.layers.values()))
    assert score(m, [(-1, t) for t in shots], "cpu") == mean


def test_a_start_is_the_inventory_and_of_lora_its_mean(llama, tasks, tmp_path):
    run(llama, tasks, tmp_path / "run", steps=8, lr=0.02, init_rows="sparse:1:2")
    export(Export(run=str(tmp_path / "run"), out=str(tmp_path / "made"), dtype="f32"))
    want = adapters(tmp_path / "run")
    run(llama, tasks, tmp_path / "again", steps=1, lr=0.0, router_lr=0.0, start=str(tmp_path / "made"))
    got = adapters(tmp_path / "again")
    assert got.keys() == want.keys() and all(torch.equal(got[k], want[k]) for k in want)
    run(llama, tasks, tmp_path / "mean", steps=1, lr=0.0, router_lr=0.0, start=str(tmp_path / "made"), method="lora")
    mean = adapters(tmp_path / "mean")
    for k, w in want.items():
        if k.endswith("lora_a"):
            assert torch.allclose(mean[k], w.mean(1).flatten(0, 1)[None, None])
        elif k.endswith("lora_b"):
            assert torch.allclose(mean[k], w.mean(1).transpose(0, 1).flatten(1)[None, None])
    with pytest.raises(Fault, match="want the run's"):
        run(llama, tasks, tmp_path / "no", start=str(tmp_path / "made"), skills=2)
