"""Measures the pocket model on tasks that it never saw: `python -m pretrain.pocket.measure`.

The program (`handful eval`) adapts and judges; only the base with its examples in the prompt is judged here. Accuracy is
rank classification where a task has labels (mean NLL of a label), else the exact greedy answer.
"""

import argparse
import json
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM

from . import tables, tasks
from .base import END_ID, NO_LABEL, pad, prompt
from .tokenizer import encode

METHODS = ("base", "in prompt", "mean", "z", "mu", "lora")


def in_prompt(model, shots, rows, labels) -> float:
    """Accuracy of the base with the examples before each row, joined as in its training."""
    head = encode("".join(f"{prompt(x)} {y}\n\n" for x, y in shots))
    right = 0
    for x, y in rows:
        p = head + encode(prompt(x))
        answers = [encode(" " + c) + [END_ID] for c in (labels or [y])]
        ids, want = pad([(p + a, [NO_LABEL] * len(p) + a) for a in answers])
        with torch.no_grad():
            logits = model(input_ids=ids).logits[:, :-1]
        want = want[:, 1:]
        keep = want != NO_LABEL
        if labels:
            nll = torch.nn.functional.cross_entropy(logits.transpose(1, 2), want, ignore_index=NO_LABEL, reduction="none")
            right += labels[int((nll.sum(1) / keep.sum(1)).argmin())] == y
        else:
            right += bool(((logits.argmax(-1) == want) | ~keep).all())
    return right / len(rows)


def measure(a) -> dict[str, dict[str, list[float]]]:
    """Accuracies [seed] by task and method."""
    made = tasks.build(tables.build(a.work))
    out = {n: defaultdict(list) for n in (tasks.DEV if a.dev else tasks.HELD_OUT)}
    with tempfile.TemporaryDirectory() as tmp:
        for n in out:
            lines = [json.dumps({"input": x, "output": y}, ensure_ascii=False) for x, y in made[n].rows]
            (Path(tmp) / f"{n}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = [a.program, "eval", "--device", "cpu", "--base", a.model / "base", "--inventory", a.model / "inventory", "--tasks", tmp, "--shots", "16",
                   "--seeds", str(a.seeds), "--method", "z,mu,lora", "--limit", str(a.rows), "--json", *a.more]
        for r in json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)["rows"]:
            out[r["task"]][r["name"]].append(r["accuracy"])
    if not a.no_prompt:
        model = AutoModelForCausalLM.from_pretrained(a.model / "base", dtype=torch.float32).eval()
        for n, by in out.items():
            for seed in range(a.seeds):
                rows = made[n].rows[seed * 16 :] + made[n].rows[: seed * 16]
                by["in prompt"].append(in_prompt(model, rows[:16], rows[16 : 16 + a.rows], made[n].labels))
    return out


def table(results) -> str:
    mean = lambda v: sum(v) / len(v)
    lines = ["| task | " + " | ".join(METHODS) + " |", "|---|" + "---:|" * len(METHODS)]
    for n, by in results.items():
        lines.append(f"| {n} | " + " | ".join(f"{100 * mean(by[m]):.0f}" if by[m] else "" for m in METHODS) + " |")
    won = {m: sum(mean(by[m]) - mean(by["mean"]) >= 0.2 for by in results.values()) for m in ("z", "mu")}
    return "\n".join(lines) + f"\n\n20 points or more over the mean: z on {won['z']}, mu on {won['mu']} of {len(results)} tasks."


def main():
    parser = argparse.ArgumentParser(prog="python -m pretrain.pocket.measure", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("assets/pocket"))
    parser.add_argument("--work", type=Path, default=Path(".cache/pocket"))
    parser.add_argument("--program", default="dist/handful")
    parser.add_argument("--dev", action="store_true", help="the dev tasks, on which settings are chosen")
    parser.add_argument("--no-prompt", action="store_true", help="leave the base with examples in its prompt out")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=100, help="test rows")
    parser.add_argument("more", nargs="*", help="after --: flags of handful eval, as --steps 60")
    print(table(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
