"""Golden steps of training a base's own weights, for core/tune/base_test.go.

    python core/tune/testdata/make_base.py

Each file holds losses before each of 10 steps, gradient norms before clipping, and every trained tensor after steps 2 (the first that moves it) and 10.
tied: the golden Llama alone. untied: the same sizes with a head of its own, from values of its own (init.*).
joint: the golden Llama with the PEFT Poly adapter s4 of testdata/golden, base, skills and routers at three learning rates.
Made with torch 2.15.0, transformers 5.23.0, PEFT 0.21.2, on one thread.
"""

from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

HERE = Path(__file__).parent
GOLDEN = HERE / "../../../testdata/golden/mhr/llama_gqa"
BASE, SKILLS, ROUTERS = 3e-3, 1e-3, 0.1
DECAY, CLIP, WARMUP, STEPS = 0.01, 0.5, 2, 10


def base():
    return AutoModelForCausalLM.from_pretrained(GOLDEN, dtype=torch.float32)


def name_of(parameter: str) -> str:
    """The name in a file: that of the plain base, or that of the adapter's part."""
    for old, new in (("base_model.model.", ""), (".base_layer", ""), (".default", "")):
        parameter = parameter.replace(old, new)
    return parameter


def rate_of(parameter: str) -> float:
    return ROUTERS if "module_logits" in parameter else SKILLS if "poly_lora" in parameter else BASE


def run(model, out: str, routed: bool, keep_init: bool):
    model.eval()  # plain sigmoid routing, no dropout
    names = {}
    for n, p in model.named_parameters():
        p.requires_grad_(True)
        names[name_of(n)] = p
    tensors = {f"init.{n}": p.detach().clone() for n, p in names.items()} if keep_init else {}
    groups = [{"params": [p], "lr": rate_of(n)} for n, p in names.items()]
    optimizer = torch.optim.AdamW(groups, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: k / WARMUP if k < WARMUP else (STEPS - k) / (STEPS - WARMUP))
    batches = load_file(GOLDEN / "batches.safetensors")
    losses, norms = [], []
    for k in range(STEPS):
        more = {"task_ids": batches["task_ids"][k]} if routed else {}
        loss = model(input_ids=batches["input_ids"][k], attention_mask=batches["attention_mask"][k], labels=batches["labels"][k], **more).loss
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP).item())
        losses.append(loss.item())
        optimizer.step()
        schedule.step()
        if k + 1 in (2, STEPS):  # step 1 has the learning rate 0
            tensors |= {f"step{k + 1}.{n}": p.detach().clone() for n, p in names.items()}
    tensors |= {"losses": torch.tensor(losses), "norms": torch.tensor(norms)}
    save_file(tensors, HERE / out)
    print(out, losses, norms)


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.manual_seed(7)
    run(base(), "base_tied.safetensors", routed=False, keep_init=False)
    config = AutoConfig.from_pretrained(GOLDEN)
    config.tie_word_embeddings = False
    config.initializer_range = 0.2
    run(AutoModelForCausalLM.from_config(config), "base_untied.safetensors", routed=False, keep_init=True)
    run(PeftModel.from_pretrained(base(), GOLDEN / "s4/adapter_init", is_trainable=True), "base_joint.safetensors", routed=True, keep_init=False)
