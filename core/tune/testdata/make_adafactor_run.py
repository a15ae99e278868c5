"""Golden training with Adafactor, written to adafactor_run.safetensors.

Ten steps of mhr, z and mu on the golden Llama and batches, as a T0 few-shot run
has them (METHOD A3): transformers' Adafactor with scale_parameter, rates 3e-3
and 0.1 for logits, clipping by norm 0.2, warm-up and linear decay. Run with torch,
transformers, peft and safetensors:

    python core/tune/testdata/make_adafactor_run.py
"""

import os

import peft
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.optimization import Adafactor, get_linear_schedule_with_warmup

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../../../testdata/golden/mhr/llama_gqa")
STEPS, WARMUP = 10, 2
KEPT = ("layers.0.self_attn.k_proj", "layers.1.mlp.down_proj")

torch.set_num_threads(1)
batches = load_file(os.path.join(GOLDEN, "batches.safetensors"))
out = {}

for run in ("mhr", "z", "mu"):
    folder = "s4/mhr_mu/adapter_init" if run == "mu" else "s4/adapter_init"
    base = transformers.AutoModelForCausalLM.from_pretrained(GOLDEN, dtype=torch.float32)
    model = peft.PeftModel.from_pretrained(base, os.path.join(GOLDEN, folder), is_trainable=True)
    model.eval()  # plain sigmoid routing, no dropout
    if run == "z":
        fresh = load_file(os.path.join(GOLDEN, "s4/mhr_z/init_logits.safetensors"))
        for name, p in model.named_parameters():
            if "module_logits" in name:
                p.data = fresh[name.replace(".default", "")].clone()
            else:
                p.requires_grad_(False)
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    logits = [p for n, p in trained.items() if "module_logits" in n]
    rest = [p for n, p in trained.items() if "module_logits" not in n]
    groups = [{"params": ps, "lr": lr} for ps, lr in ((rest, 3e-3), (logits, 0.1)) if ps]
    optimizer = Adafactor(groups, lr=3e-3, scale_parameter=True, relative_step=False, warmup_init=False)
    schedule = get_linear_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses, norms = [], []
    for step in range(STEPS):
        x = {k: batches[k][step] for k in ("input_ids", "attention_mask", "labels")}
        if run != "mu":
            tasks = batches["task_ids"][step]
            x["task_ids"] = torch.zeros_like(tasks) if run == "z" else tasks
        loss = model(**x).loss
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(list(trained.values()), 0.2).item())
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    out[f"{run}.losses"], out[f"{run}.grad_norms"] = torch.tensor(losses), torch.tensor(norms)
    for name, p in trained.items():
        if any(k in name for k in KEPT):
            out[f"{run}.step10.{name.replace('.default', '')}"] = p.detach().clone()

save_file(
    {k: v.contiguous() for k, v in out.items()},
    os.path.join(HERE, "adafactor_run.safetensors"),
    metadata={
        "command": "python core/tune/testdata/make_adafactor_run.py",
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}",
    },
)
