"""Scores rows with Transformers and PEFT: python peft_score.py BASE ADAPTER ROWS

BASE and ADAPTER are folders, ROWS a JSON list of [prompt, answer] as they are
encoded apart, the end token behind the answer. Prints a JSON list of the
negative log likelihood of each answer, in nats.
"""

import json
import sys


def score(base, adapter, rows):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

    tok = PreTrainedTokenizerFast(tokenizer_file=f"{base}/tokenizer.json")
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    end = model.generation_config.eos_token_id if model.config.eos_token_id is None else model.config.eos_token_id
    model = PeftModel.from_pretrained(model, adapter).eval()
    out = []
    for prompt, answer in rows:
        head = tok(prompt, add_special_tokens=False).input_ids
        tail = tok(answer, add_special_tokens=False).input_ids + [end if isinstance(end, int) else end[0]]
        ids = torch.tensor([head + tail])
        with torch.no_grad():
            logp = model(ids).logits.log_softmax(-1)[0]
        at = range(len(head) - 1, len(head) + len(tail) - 1)
        out.append(-sum(logp[i, ids[0, i + 1]].item() for i in at))
    return out


if __name__ == "__main__":
    print(json.dumps(score(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))))
