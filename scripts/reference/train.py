"""Training as handful's ★ semantics have it, in PyTorch and PEFT.

Models are in eval mode: routing is the plain sigmoid, as in the paper's T0
setting. The loss is the mean over all label tokens of the batch.
"""

import torch
from peft import LoraConfig, PolyConfig, get_peft_model, get_peft_model_state_dict
from transformers import get_constant_schedule_with_warmup, get_linear_schedule_with_warmup

PREFIX = "base_model.model."


def poly(base, inventory, logits=None):
    """The inventory on a base. logits, by site: [tasks, q·s], take the place of
    its own."""
    config, tensors = inventory
    values = dict(tensors)
    for site, z in (logits or {}).items():
        values[f"{PREFIX}{site}.poly_router.module_logits"] = z
    tasks = next(v.shape[0] for k, v in values.items() if k.endswith("module_logits"))
    return fill(get_peft_model(base, PolyConfig(**config | dict(n_tasks=tasks))), values)


def lora(base, config, tensors):
    return fill(get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **config)), tensors)


def fill(model, values):
    """Gives the adapter these values; each must find its place."""
    params = {n.replace(".default", ""): p for n, p in model.named_parameters() if "lora_" in n or "module_logits" in n}
    if params.keys() != values.keys():
        raise AssertionError(f"PEFT has other tensors: {sorted(params.keys() ^ values.keys())[:4]}")
    with torch.no_grad():
        for n, p in params.items():
            p.copy_(values[n])
    return model.eval()


def sites(tensors):
    return sorted(n[len(PREFIX):-len(".poly_lora_A")] for n in tensors if n.endswith(".poly_lora_A"))


def rows_of(inventory, task):
    """The router row of one task per site; "mean": zeros."""
    tensors = inventory[1]
    z = {s: tensors[f"{PREFIX}{s}.poly_router.module_logits"] for s in sites(tensors)}
    return {s: torch.zeros_like(v[:1]) if task == "mean" else v[task:task + 1].clone() for s, v in z.items()}


def average(inventory):
    """The mean of the skills as LoRA: A and B apart, heads side by side."""
    config, t = inventory
    out = {}
    for s in sites(t):
        a, b = t[f"{PREFIX}{s}.poly_lora_A"].mean(1), t[f"{PREFIX}{s}.poly_lora_B"].mean(1)  # [q, in/q, r], [q, r, out/q]
        out[f"{PREFIX}{s}.lora_A.weight"] = a.reshape(-1, config["r"]).T.contiguous()
        out[f"{PREFIX}{s}.lora_B.weight"] = b.transpose(0, 1).reshape(config["r"], -1).T.contiguous()
    return dict(r=config["r"], lora_alpha=1, target_modules=config["target_modules"]), out


def pad(rows):
    n = max(len(r["input_ids"]) for r in rows)
    fit = lambda key, fill: torch.tensor([r[key] + [fill] * (n - len(r[key])) for r in rows])
    mask = torch.tensor([[1] * len(r["input_ids"]) + [0] * (n - len(r["input_ids"])) for r in rows])
    return dict(input_ids=fit("input_ids", 0), labels=fit("labels", -100), attention_mask=mask)


def train(model, rows, o, task=None):
    """Trains on rows in file order and gives, per step, loss, gradient norm,
    rate and the adapter's tensors behind it. task(row) is the row's router
    row; None for LoRA. o: lr, router_lr, decay, clip, warmup, linear, steps,
    batch, and logits_only for z."""
    groups = {False: [], True: []}
    for n, p in model.named_parameters():
        p.requires_grad_("module_logits" in n or ("lora_" in n and not o["logits_only"]))
        if p.requires_grad:
            groups["module_logits" in n].append(p)
    opt = torch.optim.AdamW([dict(params=ps, lr=o["router_lr"] if logits else o["lr"], weight_decay=o["router_decay"] if logits else o["decay"])
                             for logits, ps in groups.items() if ps])
    schedule = get_linear_schedule_with_warmup(opt, o["warmup"], o["steps"]) if o["linear"] else get_constant_schedule_with_warmup(opt, o["warmup"])
    log = []
    for k in range(o["steps"]):
        batch = [rows[(k * o["batch"] + i) % len(rows)] for i in range(o["batch"])]
        extra = {"task_ids": torch.tensor([task(r) for r in batch])} if task else {}
        loss = model(**pad(batch), **extra).loss
        opt.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_([p for ps in groups.values() for p in ps], o["clip"] or float("inf"))
        lr = opt.param_groups[0]["lr"]
        opt.step()
        schedule.step()
        log.append(dict(loss=loss.item(), grad_norm=norm.item(), lr=lr, tensors={n: v.detach().clone() for n, v in get_peft_model_state_dict(model).items()}))
    return log


def logits(model, rows, task=None):
    """Each row's logits alone, so that padding plays no part."""
    with torch.no_grad():
        return [model(input_ids=torch.tensor([r["input_ids"]]), **({"task_ids": torch.tensor([task(r)])} if task else {})).logits[0].float() for r in rows]
