"""Gradients of the router's selectors, by PyTorch's autograd.

Reads the logits and the cotangent c of testdata/golden/mhr and writes, for
each selector, w.<name> and d(sum(c·w))/d logits as grad.<name>:

    python core/tune/testdata/make_selectors.py
"""

import pathlib

import torch
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parents[2] / "testdata/golden/mhr/relaxed_bernoulli.safetensors"
EPS = 1e-12


def normalise(z):
    return z / (z.sum(-1, keepdim=True) + EPS)


def shared(z):
    s = torch.sigmoid(z)
    return normalise(torch.cat([s[..., :-1], torch.ones_like(s[..., -1:])], -1))


def straight_through(z):
    s = torch.sigmoid(z)
    return normalise(s + (s.round() - s).detach())


SELECTORS = {
    "sigmoid": lambda z: normalise(torch.sigmoid(z)),
    "shared": shared,
    "straight-through": straight_through,
    "correction": lambda z: torch.sigmoid(z) * (z.shape[-2] / z.shape[-1]) ** 0.5,
    "l2": lambda z: z / z.norm(dim=-1, keepdim=True),
}


def main():
    g = load_file(GOLDEN)
    out = {"logits": g["logits"], "c": g["c"]}
    for name, select in SELECTORS.items():
        z = g["logits"].clone().requires_grad_()
        w = select(z)
        (w * g["c"]).sum().backward()
        out["w." + name], out["grad." + name] = w.detach().contiguous(), z.grad
    save_file(out, HERE / "selectors.safetensors", metadata={"made by": "make_selectors.py", "torch": torch.__version__})


main()
