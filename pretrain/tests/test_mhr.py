"""Layers, routers and optimiser against PEFT: its files of golden vectors, and its live PolyModel."""

import json

import pytest
import torch
from peft import PeftModel, PolyConfig
from peft.tuners.poly.router import PolyRouter
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from pretrain.base import load_base
from pretrain.config import Config
from pretrain.inventory import open_inventory
from pretrain.mhr import Router, Routing, router_key
from pretrain.optim import optimizer

from .conftest import GOLDEN

FOLDER = GOLDEN / "llama_gqa"
PREFIX = "base_model.model."


def opened(splits):
    model, _ = open_inventory(load_base(FOLDER), FOLDER / f"s{splits}/adapter_init")
    batches = load_file(FOLDER / "batches.safetensors")
    return model, batches


def batch(batches, k, routes):
    return {n: batches[n][k] for n in ("input_ids", "attention_mask", "labels")} | {"routes": routes}


def named(model):
    """Trained tensors under PEFT's names."""
    out = {}
    for n, m in model.layers.items():
        out |= {
            f"{PREFIX}{n}.poly_lora_A": m.lora_a,
            f"{PREFIX}{n}.poly_lora_B": m.lora_b,
            f"{PREFIX}{n}.poly_router.module_logits": m.router.module_logits,
        }
    return out


@pytest.mark.parametrize("splits", [1, 4])
def test_forward_and_gradients_are_pefts(splits):
    model, batches = opened(splits)
    want = load_file(FOLDER / f"s{splits}/forward.safetensors")
    nll, _, _ = model.tokens(batch(batches, 0, batches["task_ids"][0][:1]))  # one task a batch: one group
    assert abs(nll.mean() - want["loss"]) < 2e-5
    nll.mean().backward()
    for name, p in named(model).items():
        torch.testing.assert_close(p.grad, want[f"grad.{name}"], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("splits", [1, 4])
def test_steps_are_pefts(splits):
    model, batches = opened(splits)
    cfg = Config("", "", "", router_weight_decay=0.01)
    opt = optimizer(model, cfg)
    losses = json.loads((FOLDER / f"s{splits}/meta.json").read_text())["mhr_full"]["losses"]
    for k in range(10):
        nll, _, _ = model.tokens(batch(batches, k, batches["task_ids"][k][:1]))
        assert abs(nll.mean().item() - losses[k]) < 2e-4
        opt.zero_grad()
        nll.mean().backward()
        opt.step()
        if k in (0, 9):
            want = load_file(FOLDER / f"s{splits}/mhr_full/step{k + 1}.safetensors")
            off = torch.cat([(p.detach() - want[n]).abs().flatten() for n, p in named(model).items()])
            assert (off <= 1e-4).double().mean() >= 0.998
            assert off.max() <= 5e-3


def test_groups_of_many_tasks_are_pefts_examples():
    model, batches = opened(4)
    peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(FOLDER), FOLDER / "s4/adapter_init").eval()
    b = batch(batches, 0, torch.tensor([2, 0]))
    rows = len(b["input_ids"]) // 2 * 2
    b = {n: t[:rows] if n != "routes" else t for n, t in b.items()}
    nll, example, _ = model.tokens(b)
    with torch.no_grad():
        logits = peft(
            input_ids=b["input_ids"], attention_mask=b["attention_mask"], task_ids=b["routes"].repeat_interleave(rows // 2)
        ).logits
    keep = b["labels"][:, 1:] != -100
    want = torch.nn.functional.cross_entropy(logits[:, :-1][keep], b["labels"][:, 1:][keep], reduction="none")
    torch.testing.assert_close(nll.detach(), want, atol=2e-5, rtol=1e-4)


def test_relaxed_routes_are_pefts_samples():
    peft = PolyRouter(PolyConfig(n_tasks=3, n_skills=4, n_splits=2))
    peft.reset()
    ours = Router(3, 2, 4)
    ours.load_state_dict(peft.state_dict())
    ids = torch.tensor([2, 0, 0])
    torch.manual_seed(5)
    want = peft(ids, None)
    torch.manual_seed(5)
    torch.testing.assert_close(ours(Routing(ids, relaxed=True)), want)


def test_relaxed_samples_differ_between_examples_of_a_group():
    model, batches = opened(4)
    model.routing.relaxed = True
    b = batch(batches, 0, torch.tensor([1]))
    b = {n: t[:1].repeat(2, *[1] * (t.dim() - 1)) if n != "routes" else t for n, t in b.items()}
    nll, example, _ = model.tokens(b)
    assert not torch.allclose(nll[example == 0], nll[example == 1])


def test_row_minus_one_is_uniform_and_has_no_gradient():
    router = Router(2, 2, 4)
    w = router(Routing(torch.tensor([-1, 1])))
    assert torch.equal(w[0], torch.full((2, 4), 0.25))
    (w[0, 0, 0] * 3).backward()
    assert router.module_logits.grad.abs().max() == 0


@pytest.mark.parametrize(
    "name, granularity, key",
    [
        ("encoder.block.1.layer.0.SelfAttention.q", "block", "encoder.block.1"),
        ("encoder.block.1.layer.0.SelfAttention.q", "layer", "encoder.block.1.layer.0"),
        ("decoder.block.0.layer.2.DenseReluDense.wo", "coder", "decoder"),
        ("model.layers.11.mlp.up_proj", "block", "model.layers.11"),
        ("model.layers.11.mlp.up_proj", "layer", "model.layers.11.mlp"),
        ("model.layers.11.mlp.up_proj", "coder", ""),
        ("model.layers.11.mlp.up_proj", "coarse", ""),
    ],
)
def test_router_key(name, granularity, key):
    assert router_key(name, granularity) == key
