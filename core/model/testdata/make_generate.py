"""What transformers answers with the golden models, in generate.json, and the
buckets of T5's relative positions, in buckets.json.

Greedy, and beam search of several widths and length penalties, with every
prompt of the first batch. Run with torch and transformers:

    python core/model/testdata/make_generate.py
"""

import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file
from transformers.models.t5.modeling_t5 import T5Attention

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE / "../../../testdata/golden/mhr"
TOKENS = 9
SEARCHES = [{"beams": 1, "penalty": 1.0}] + [{"beams": b, "penalty": p} for b, p in [(2, 1.0), (3, 0.0), (4, 1.0), (4, 2.0), (5, -0.5), (8, 0.6)]]

torch.set_num_threads(1)


def answers(name):
    at = GOLDEN / name
    kind = transformers.AutoModelForCausalLM if name.startswith("llama") else transformers.AutoModelForSeq2SeqLM
    model = kind.from_pretrained(at, dtype=torch.float32).eval()
    b = load_file(at / "batches.safetensors")
    rows = []
    for ids, mask in zip(b["input_ids"][0], b["attention_mask"][0]):
        prompt = ids[mask.bool()]
        # Ends that come up, so that some answers are shorter than others.
        free, wide = generate(model, prompt, 1, 1.0, None), generate(model, prompt, 6, -2.0, None)
        for end in sorted({1, free[4], wide[2], wide[5], wide[7]}):
            for s in SEARCHES:
                rows.append({"prompt": prompt.tolist(), "end": end, **s, "answer": generate(model, prompt, s["beams"], s["penalty"], end)})
    return rows


def generate(model, prompt, beams, penalty, end):
    out = model.generate(prompt[None], attention_mask=torch.ones_like(prompt)[None], do_sample=False, num_beams=beams, length_penalty=penalty, early_stopping=False,
                         max_new_tokens=TOKENS, eos_token_id=-1 if end is None else end, pad_token_id=0)[0].tolist()
    out = out[1:] if model.config.is_encoder_decoder else out[len(prompt):]
    return out[: out.index(end)] if end in out else out


def buckets():
    rows = []
    for count, most in [(32, 128), (8, 16), (4, 3), (10, 20), (64, 256), (32, 100), (12, 4096)]:
        far = torch.arange(-most - 40, most + 41)
        for both in [True, False]:
            got = T5Attention._relative_position_bucket(far, bidirectional=both, num_buckets=count, max_distance=most)
            rows.append({"buckets": count, "most": most, "both": both, "first": int(far[0]), "rows": changes(got.tolist())})
    return rows


def changes(values):
    """A run-length code: [value, count] pairs."""
    out = []
    for v in values:
        if out and out[-1][0] == v:
            out[-1][1] += 1
        else:
            out.append([v, 1])
    return out


def write(name, value):
    (HERE / name).write_text(json.dumps({"command": "python core/model/testdata/make_generate.py",
                                         "versions": f"torch {torch.__version__}, transformers {transformers.__version__}", **value}) + "\n")


write("generate.json", {"tokens": TOKENS, "models": {n: answers(n) for n in ["llama_gqa", "t5_relu_tied", "t5_gated_untied"]}})
write("buckets.json", {"tables": buckets()})
