"""Golden steps of transformers' Adafactor, written to adafactor.safetensors.

Ten steps on seeded gradients for tensors as routers, skills, vectors and LoRA
have them; one starts at zero, as B does, and some gradients are zero, as those
of a task outside the batch are. Run with torch, transformers and safetensors:

    python core/tune/testdata/make_adafactor.py
"""

import os
import sys

import safetensors
import torch
import transformers
from safetensors.torch import save_file
from transformers.optimization import Adafactor

SHAPES = {"router": (1, 32), "skills": (4, 4, 8, 4), "vector": (33,), "lora": (64, 8), "zero": (2, 3, 5)}
STEPS, LR = 10, 3e-3
CASES = {"plain": {}, "scaled": {"scale_parameter": True}, "decayed": {"scale_parameter": True, "weight_decay": 0.1}}

torch.manual_seed(0)
torch.set_num_threads(1)
out = {}
start, grads = {}, {}
for name, shape in SHAPES.items():
    size = {"router": 1e-3, "zero": 0.0}.get(name, 0.3)
    start[name] = size * torch.randn(shape)
    spread = torch.exp(1.5 * torch.randn(shape))  # gradients differ in size, as real ones do
    grads[name] = 0.05 * spread * torch.randn((STEPS, *shape))
    grads[name][3].zero_()
    grads[name][5].flatten()[: start[name].numel() // 2] = 0
    out[f"{name}.start"], out[f"{name}.grads"] = start[name], grads[name]

for case, options in CASES.items():
    options = {"scale_parameter": False, **options}
    params = {name: torch.nn.Parameter(p.clone()) for name, p in start.items()}
    optimizer = Adafactor(params.values(), lr=LR, relative_step=False, warmup_init=False, **options)
    for step in range(STEPS):
        for name, p in params.items():
            p.grad = grads[name][step].clone()
        optimizer.step()
        if step + 1 in (1, STEPS):
            for name, p in params.items():
                out[f"{case}.{name}.step{step + 1}"] = p.detach().clone()
    for name, p in params.items():
        for kind, value in optimizer.state[p].items():
            if kind.startswith("exp_avg_sq"):
                out[f"{case}.{name}.{kind}"] = value.clone()

save_file(
    {k: v.contiguous() for k, v in out.items()},
    os.path.join(os.path.dirname(__file__), "adafactor.safetensors"),
    metadata={
        "command": "python core/tune/testdata/make_adafactor.py",
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}, safetensors {safetensors.__version__}, python {sys.version.split()[0]}",
        "lr": str(LR),
    },
)
