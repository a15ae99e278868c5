"""Greedy text against transformers'."""

import torch
from peft import PeftModel

PROMPTS = ["The capital of France is", "Once upon a time,", "def add(a, b):\n", "<|im_start|>user\nName three colours.<|im_end|>\n<|im_start|>assistant\n",
           "Input: Win a free phone now\nOutput:", "L'été dernier, nous"]
TOKENS = 24
NEAR = 2e-3  # logits this near are a tie: either token is right


def check(folder, handful, model, tokenizer, base, inventory):
    """With the base alone, and with a LoRA that handful trained."""
    texts(handful, model, tokenizer, ["--base", base])
    rows = folder / "rows.txt"
    rows.write_text("You won a free cruise, call now => spam\nSee you at seven? => ham\nClaim your prize => spam\nI left the keys => ham\n")
    out = folder / "out"
    handful("adapt", "--base", base, "--inventory", inventory, "--examples", rows, "--method", "mu", "--steps", 3, "--lr", 1e-3, "--out", out)
    texts(handful, PeftModel.from_pretrained(model, out).eval(), tokenizer, ["--base", base, "--adapter", out])


def texts(handful, model, tokenizer, args):
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            out = model.generate(input_ids=ids, max_new_tokens=TOKENS, do_sample=False)[0]
        want = tokenizer.decode(out[ids.shape[1]:], skip_special_tokens=True)
        got = handful("generate", *args, "--prompt", prompt, "--max-tokens", TOKENS).removesuffix("\n")
        if got != want:
            gap = smallest_gap(model, out, ids.shape[1])
            print(f"# {prompt!r}: smallest gap between the two likeliest tokens {gap:.1e}", flush=True)
            if gap > NEAR:
                raise AssertionError(f"{prompt!r}: got {got!r}, want {want!r}")


def smallest_gap(model, ids, start):
    """The smallest lead of a chosen token's logit."""
    with torch.no_grad():
        top = model(input_ids=ids[None]).logits[0, start - 1:-1].topk(2).values
    return (top[:, 0] - top[:, 1]).min().item()
