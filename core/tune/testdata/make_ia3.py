"""(IA)³ by PEFT and torch on the golden Llama: where training must arrive.

Writes ia3/adapter_init (a PEFT IA3 folder with vectors around one), the logits
of the first batch, and losses, gradient norms and vectors of ten steps of
AdamW (lr 1e-2, weight decay 0.01), batch k at step k:

    python core/tune/testdata/make_ia3.py
"""

import json
import pathlib

import torch
from peft import IA3Config, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parents[2] / "testdata/golden/mhr/llama_gqa"
torch.set_num_threads(1)


def vectors(model):
    return {n: p for n, p in model.named_parameters() if "ia3_l" in n}


def main():
    base = AutoModelForCausalLM.from_pretrained(GOLDEN, dtype=torch.float32).eval()
    model = get_peft_model(base, IA3Config(task_type="CAUSAL_LM")).eval()
    g = torch.Generator().manual_seed(20)
    with torch.no_grad():
        for p in vectors(model).values():
            p.add_(0.3 * torch.randn(p.shape, generator=g))
    out = HERE / "ia3"
    model.save_pretrained(out / "adapter_init")
    for extra in (out / "adapter_init").glob("README.md"):
        extra.unlink()
    config = json.loads((out / "adapter_init/adapter_config.json").read_text())
    config["base_model_name_or_path"] = None
    (out / "adapter_init/adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")

    batches = load_file(GOLDEN / "batches.safetensors")
    batch = lambda k: {n: batches[n][k] for n in ["input_ids", "attention_mask", "labels"]}
    with torch.no_grad():
        save_file({"logits": model(**batch(0)).logits.contiguous()}, out / "forward.safetensors")
    ps = vectors(model)
    optim = torch.optim.AdamW(ps.values(), lr=1e-2, weight_decay=0.01)
    losses, norms = [], []
    for k in range(10):
        optim.zero_grad()
        loss = model(**batch(k)).loss
        loss.backward()
        losses.append(loss.item())
        norms.append(torch.stack([p.grad.norm() for p in ps.values()]).norm().item())
        optim.step()
    save_file({n.replace(".default", ""): p.detach().contiguous() for n, p in ps.items()}, out / "step10.safetensors")
    (out / "meta.json").write_text(json.dumps({"torch": torch.__version__, "losses": losses, "grad_norms": norms}, indent=1) + "\n")


main()
