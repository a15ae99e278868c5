"""One random run through both programs."""

import json

import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from . import cases, train
from .cli import close, close_logits, close_params, write_rows

STEPS = 6


def run(folder, handful, seed):
    """Adapts and scores with handful and with PEFT. PEFT trains in float64: in float32 its own rounding, blown up by
    Adam, is now and then beyond the tolerances."""
    r, c = cases.random_case(seed)
    base, inventory = folder / "base", folder / "inventory"
    cases.write_model(base, c["model"], seed, c["dtype"], c["shards"], c["old_config"])
    inv = cases.write_inventory(inventory, base, r, seed)
    o = cases.random_optim(r, STEPS) | dict(logits_only=c["method"] == "z")
    rows = cases.random_rows(r, STEPS * o["batch"], c["model"]["vocab_size"], inv[0]["n_tasks"])
    for k in range(STEPS):  # each batch has something to learn from
        batch = rows[k * o["batch"]:(k + 1) * o["batch"]]
        if not any(map(cases.learns, batch)):
            batch[0] |= dict(input_ids=[1, 2, 3], labels=[-100, 2, 3])
    examples = write_rows(folder / "rows.jsonl", rows)
    common = ["--base", base, "--examples", examples]

    routed = train.poly(cases.read_model(base), inv)
    by_task = lambda row: row["task_id"]
    got, scores = handful.logits(folder, *common, "--inventory", inventory)
    want = train.logits(routed, rows, by_task)
    off = close_logits(got, want)
    check_scores(scores, want, rows)

    out = folder / "out"
    args = ["--method", c["method"], "--out", out, "--save-steps", f"1,{STEPS}", *cases.flags(o)]
    if c["method"] == "lora":
        model, start, alpha = lora_start(folder, handful, base, inv, common, r)
        args += start
    else:
        model, alpha = start_of(c, base, inv, r, args)
        args += ["--inventory", inventory]
    task = {"mhr": by_task, "z": lambda row: 0}.get(c["method"])
    want = train.train(model.double(), rows, o, task)
    handful("adapt", *common, *args)

    steps = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    for k, (got, w) in enumerate(zip(steps, want, strict=True)):
        close(f"loss of step {k + 1}", got["loss"], w["loss"], 2e-4)
        close(f"gradient norm of step {k + 1}", got["grad_norm"], w["grad_norm"], 2e-5, 2e-3)
        if c["method"] != "z":
            close(f"rate of step {k + 1}", got["lr"], w["lr"], 1e-9, 1e-6)
    most = lambda name: 5e-3 if "module_logits" in name else 2e-3 * max(1, alpha)
    for k in (1, STEPS):
        tensors = {n: v * (alpha if "lora_B.weight" in n else 1) for n, v in want[k - 1]["tensors"].items()}
        close_params(f"step {k}", load_file(out / f"step{k}/adapter_model.safetensors"), tensors, most)
    close_logits(handful.logits(folder, *common, "--adapter", out)[0], train.logits(train.fill(model, scaled(out, alpha)), rows, task))
    print(f"# {c['method']} {c['init']}, {c['dtype']}, {inv[0]['n_splits']} splits, {len(rows)} rows: largest difference of logits {off:.0e}", flush=True)


def check_scores(scores, logits, rows):
    """NLL of each row's labels, and the mean over all labels."""
    total = count = 0
    for got, x, row in zip(scores["rows"], logits, rows, strict=True):
        labels = torch.tensor(row["labels"][1:])
        nll = cross_entropy(x[:-1], labels, reduction="sum", ignore_index=-100).item() if len(labels) else 0.0
        n = cases.learns(row)
        if got["tokens"] != n:
            raise AssertionError(f"{got['tokens']} label tokens, want {n}")
        close("nll_sum", got["nll_sum"], nll, 2e-5, 1e-4)
        close("nll_mean", got["nll_mean"], nll / max(1, n), 2e-5, 1e-4)
        total, count = total + nll, count + n
    close("loss", scores["loss"], total / count, 2e-5, 1e-4)


def start_of(c, base, inv, r, args):
    """The model that z, mu or mhr starts from; its flags go to args."""
    if c["method"] == "mu":
        return train.lora(cases.read_model(base), *train.average(inv)), 1
    if c["init"] == "keep":
        args += ["--router-init", "keep"]
        return train.poly(cases.read_model(base), inv), 1
    task = "mean" if c["init"] == "mean" else r.randrange(inv[0]["n_tasks"])
    args += ["--router-init", "mean" if task == "mean" else f"task:{task}"]
    z = train.rows_of(inv, task)
    if c["method"] == "mhr":
        z = {s: v.repeat(inv[0]["n_tasks"], 1) for s, v in z.items()}
    return train.poly(cases.read_model(base), inv, z), 1


def lora_start(folder, handful, base, inv, common, r):
    """A LoRA whose first values are handful's own: training at rate 0 gives
    them away. lora_alpha is in the model; handful's exports have 1."""
    alpha, rank, targets = r.choice([1, 2, 0.5]), r.randint(1, 5), inv[0]["target_modules"]
    flags = ["--rank", rank, "--alpha", alpha, "--seed", r.randrange(1000)]
    flags += ["--targets", targets if isinstance(targets, str) else ",".join(targets)]
    first = folder / "first"
    handful("adapt", *common, "--method", "lora", "--out", first, "--order", "file", "--batch", 9, "--steps", 1, "--lr", 0, *flags)
    model = train.lora(cases.read_model(base), dict(r=rank, lora_alpha=alpha, target_modules=targets), scaled(first, alpha))
    return model, flags, alpha


def scaled(folder, alpha):
    """An export's tensors for a lora_alpha other than 1."""
    return {n: v / alpha if n.endswith("lora_B.weight") else v for n, v in load_file(folder / "adapter_model.safetensors").items()}
