"""A training step of Hugging Face PEFT, measured like `handful bench step`.

    python bench/peft_step.py --method z|mu --rows 4 --tokens 32 --steps 4 [--ask]

z trains the logits of the shipped inventory behind PEFT's Poly, mu a LoRA of
the same rank on the same modules; the base is the GGUF, widened to float32.
Prints one JSON object with the fields of bench's rows; with --ask, one for each
line on stdin, so that others may be measured in between.
"""

import argparse
import json
import os
import pathlib
import resource
import sys
import time

os.environ["TQDM_DISABLE"] = "1"

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASE = ROOT / ".cache/base/SmolLM2-135M-Instruct.Q4_1.gguf"
SHIPPED = ROOT / "assets/inventory/smollm2-135m-mhr"
WARM = 2

a = argparse.ArgumentParser()
a.add_argument("--method", choices=["z", "mu"], default="mu")
for name, default in [("rows", 8), ("tokens", 64), ("steps", 4), ("threads", os.cpu_count())]:
    a.add_argument(f"--{name}", type=int, default=default)
a.add_argument("--ask", action="store_true")
a = a.parse_args()
torch.set_num_threads(a.threads)

model = AutoModelForCausalLM.from_pretrained(BASE.parent, gguf_file=BASE.name, dtype=torch.float32)
extra = {}
if a.method == "z":
    model = PeftModel.from_pretrained(model, SHIPPED, is_trainable=True)
    for name, p in model.named_parameters():
        p.requires_grad = "module_logits" in name
    extra = {"task_ids": torch.zeros(a.rows, dtype=torch.long)}
else:
    model = get_peft_model(model, LoraConfig(r=4, lora_alpha=1, target_modules="all-linear", task_type="CAUSAL_LM"))
model.eval()  # no dropout, and routing as it is used
trained = [p for p in model.parameters() if p.requires_grad]
optimiser = torch.optim.AdamW(trained, lr=1e-3)

torch.manual_seed(0)
ids = torch.randint(0, model.config.vocab_size, (a.rows, a.tokens))
labels = ids.clone()
labels[:, : a.tokens - max(1, a.tokens // 4)] = -100


def step():
    optimiser.zero_grad()
    loss = model(input_ids=ids, labels=labels, **extra).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimiser.step()
    loss.item()


def measure():
    times, cpu = [], time.process_time()
    for _ in range(a.steps):
        t = time.perf_counter()
        step()
        times.append((time.perf_counter() - t) * 1e3)
    cpu = (time.process_time() - cpu) * 1e3 / a.steps
    times.sort()
    median = (times[(len(times) - 1) // 2] + times[len(times) // 2]) / 2
    print(json.dumps({"what": "step", "name": f"{a.method}, {a.rows} × {a.tokens} tokens", "ms": median, "cpuMs": cpu,
                      "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10}), flush=True)


for _ in range(WARM):
    step()
for _ in sys.stdin if a.ask else [None]:
    measure()
