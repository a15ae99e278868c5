"""Golden T-Few loss of a decoder, written to tfew.safetensors.

The loss of mttl (t0_encoder_decoder.py:training_step), in its rectangle of
answers, for the golden Llama with the golden inventory of 4 splits: every
answer stands behind a copy of its row's prompt. Run with torch, transformers,
peft and safetensors:

    python core/tune/testdata/make_tfew.py
"""

import os

import peft
import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "../../../testdata/golden/mhr/llama_gqa")
IGNORE = -100

# Prompts, their answers (the last token is the end's) and which one is right.
ROWS = [
    {"task": 0, "prompt": [5, 17, 33, 8, 61], "answers": [[40, 2], [41, 9, 2], [12, 2]], "gold": 1},
    {"task": 2, "prompt": [7, 7], "answers": [[11, 12, 13, 2], [11, 12, 2], [90, 2]], "gold": 0},
    {"task": 1, "prompt": [88, 3, 21, 54, 54, 9, 30], "answers": [[2], [6, 2], [19, 2]], "gold": 2},
    {"task": 0, "prompt": [64, 10, 71], "answers": [[50, 51, 2], [23, 2], [24, 25, 26, 27, 2]], "gold": 1},
]

torch.set_num_threads(1)
base = transformers.AutoModelForCausalLM.from_pretrained(GOLDEN, dtype=torch.float32)
model = peft.PeftModel.from_pretrained(base, os.path.join(GOLDEN, "s4/adapter_init"), is_trainable=True)
model.eval()  # plain sigmoid routing

count = len(ROWS[0]["answers"])
longest = max(len(a) for r in ROWS for a in r["answers"])
target = torch.full((len(ROWS), count, longest), IGNORE)
cells = []
for i, row in enumerate(ROWS):
    for c, answer in enumerate(row["answers"]):
        ids = torch.tensor([row["prompt"] + answer])
        logits = model(input_ids=ids, task_ids=torch.tensor([row["task"]])).logits[0]
        at = len(row["prompt"]) - 1
        want = torch.tensor(answer)
        cell = F.cross_entropy(logits[at : at + len(answer)], want, reduction="none")
        cells.append(F.pad(cell, (0, longest - len(answer))))
        target[i, c, : len(answer)] = want
nll = torch.stack(cells).view(len(ROWS), count, longest)
gold = torch.tensor([r["gold"] for r in ROWS])
every = range(len(ROWS))

scores = nll.sum(-1) / (target != IGNORE).sum(-1)
lm = nll[every, gold].sum() / (target[every, gold] != IGNORE).sum()
mc = F.cross_entropy(-scores, gold)
likely = -nll + (target < 0) * -100
likely[every, gold] = -100
ul = -torch.log(1 - torch.exp(likely) + 1e-2).sum() / (likely != -100).sum()
loss = lm + mc + ul
loss.backward()

out = {"nll": nll, "scores": scores, "lm_loss": lm, "mc_loss": mc, "unlikely_loss": ul, "loss": loss}
norm = 0.0
for name, p in model.named_parameters():
    if p.grad is None:
        continue
    norm += p.grad.double().pow(2).sum()
    short = name.removeprefix("base_model.model.").replace(".default", "")
    if "module_logits" in name or "layers.0.self_attn.k_proj" in name or "layers.1.mlp.down_proj" in name:
        out[f"grad.{short}"] = p.grad
out["grad_norm"] = norm.sqrt().float()
width = max(len(r["prompt"]) for r in ROWS)
out["prompt"] = torch.tensor([r["prompt"] + [-1] * (width - len(r["prompt"])) for r in ROWS])
out["answers"] = target
out["gold"] = gold
out["task"] = torch.tensor([r["task"] for r in ROWS])

save_file(
    {k: v.detach().contiguous().reshape(v.shape or (1,)) for k, v in out.items()},
    os.path.join(HERE, "tfew.safetensors"),
    metadata={
        "command": "python core/tune/testdata/make_tfew.py",
        "versions": f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}",
    },
)
