"""Makes checkpoints as mttl writes them, and the logits that PyTorch computes
with them.

    pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0 && python make.py

The modules below have the names, shapes and forward of mttl's own (branches
mhr_camera_ready and main; their files are named beside them), on the small
models of testdata/golden. want.safetensors has CASE.rowI, the logits of row I of
rows.jsonl, whose task_id picks the router row.
"""
import json
import pathlib
import re

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import LlamaForCausalLM, T5ForConditionalGeneration

HERE = pathlib.Path(__file__).parent
BASE = HERE / "../../../../testdata/golden/mhr/llama_gqa"
ROWS = [dict(input_ids=[5, 17, 3, 80, 9], task_id=0), dict(input_ids=[1, 2, 60, 61], task_id=1), dict(input_ids=[33, 4, 90, 7, 7, 12], task_id=2)]
SITES = ["self_attn.q_proj", "self_attn.v_proj", "mlp.down_proj"]
want = {}
task = [0]  # of the row that is computed, mttl's routing_infos


def normal(*shape):
    return nn.Parameter(torch.randn(shape) * 0.3)


class Poly(nn.Module):
    """modifiers/poly.py, PolytroponSelector."""

    def __init__(self, tasks, q, s, how=""):
        super().__init__()
        self.q, self.s, self.how = q, s, how
        self.module_logits = nn.Parameter(torch.randn(tasks, q * s))

    def forward(self):
        z = self.module_logits[task[0]].view(self.q, self.s)
        if self.how == "module_logits_l2_norm":
            return F.normalize(z, p=2, dim=-1)
        z = torch.sigmoid(z)
        if self.how == "module_logits_straight_through":
            z = torch.round(z)
        if self.how == "poly_use_shared_skill":
            z = torch.cat((z[:, :-1], z[:, -1:] * 0 + 1), -1)
        if self.how == "poly_average_correction":
            return z * self.q**0.5 / self.s**0.5
        return z / (z.sum(-1, keepdim=True) + 1e-12)


class Average(nn.Module):
    """modifiers/routing.py, AverageSelector; its buffer is not saved."""

    def __init__(self, q, s):
        super().__init__()
        self.w = (q, s)

    def forward(self):
        return torch.full(self.w, 1 / self.w[1])


class Private(nn.Module):
    """modifiers/routing.py, PrivateSelector: a task's own skill."""

    def __init__(self, s):
        super().__init__()
        self.s = s

    def forward(self):
        return F.one_hot(torch.tensor([task[0]]), self.s).float()


class Skilled(nn.Module):
    """adapters.py, SkilledLoRA: [q, s, in/q, r] and [q, s, r, out/q]."""

    def __init__(self, layer, selector, q, s, r, alpha):
        super().__init__()
        self.scaling = alpha / r
        self.lora_a, self.lora_b = normal(q, s, layer.in_features // q, r), normal(q, s, r, layer.out_features // q)
        self.layer, self.selector, self.weight = layer, selector, layer.weight

    def forward(self, x):
        w = self.selector()
        a = torch.einsum("qs,qsdr->qdr", w, self.lora_a).reshape(self.layer.in_features, -1)
        b = torch.einsum("qs,qsrd->qrd", w, self.lora_b).transpose(0, 1).reshape(-1, self.layer.out_features)
        return self.layer(x) + x @ a @ b * self.scaling


class Lora(nn.Module):
    """adapters.py, LoRA."""

    def __init__(self, layer, r, alpha):
        super().__init__()
        self.scaling = alpha / r
        self.lora_a, self.lora_b, self.layer = normal(layer.in_features, r), normal(r, layer.out_features), layer

    def forward(self, x):
        return self.layer(x) + x @ self.lora_a @ self.lora_b * self.scaling


class IA3(nn.Module):
    """adapters.py, IA3."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.multi_lora_b = layer, nn.Parameter(1 + torch.randn(layer.out_features) * 0.2)

    def forward(self, x):
        return self.layer(x) * self.multi_lora_b


class Experts(nn.Module):
    """main: containers/lora_containers.py, SkilledLoRAExpertContainer, whose
    experts are one SkilledLoRA [s, q, in/q, r] and [s, r, q, out/q]."""

    def __init__(self, layer, selector, q, s, r, alpha):
        super().__init__()
        self.scaling, self.layer = alpha / r, layer
        self.experts = nn.Module()
        self.experts.lora_a, self.experts.lora_b = normal(s, q, layer.in_features // q, r), normal(s, r, q, layer.out_features // q)
        if isinstance(selector, nn.Module):
            self.selector = selector
        self.route = lambda: selector()

    def forward(self, x):
        w = self.route()
        a = torch.einsum("qs,sqdr->qdr", w, self.experts.lora_a).flatten(0, 1)
        b = torch.einsum("qs,srqd->rqd", w, self.experts.lora_b).flatten(1, 2)
        return self.layer(x) + x @ a @ b * self.scaling


class Named(nn.Module):
    """main: LoRAExpertContainer, experts by name."""

    def __init__(self, layer, selector, names, r, alpha):
        super().__init__()
        self.scaling, self.layer, self.selector = alpha / r, layer, selector
        self.lora_a = nn.ParameterDict({n: normal(layer.in_features, r) for n in names})
        self.lora_b = nn.ParameterDict({n: normal(r, layer.out_features) for n in names})

    def forward(self, x):
        w = self.selector()[0]
        a = sum(p * v for p, v in zip(w, self.lora_a.values()))
        b = sum(p * v for p, v in zip(w, self.lora_b.values()))
        return self.layer(x) + x @ a @ b * self.scaling


class Whole(nn.Module):
    """What holds the model as .model: EncoderDecoder, BaseExpertModel."""

    def __init__(self, seed, wrap):
        super().__init__()
        torch.manual_seed(seed)
        self.model = LlamaForCausalLM.from_pretrained(BASE).eval().requires_grad_(False)
        for i, block in enumerate(self.model.model.layers):
            for name in SITES:
                parent, child = name.split(".")
                module = getattr(block, parent)
                setattr(module, child, wrap(f"model.layers.{i}.{name}", getattr(module, child)))

    def trained(self, prefix="model."):
        """models/utils.py, on_save_checkpoint: what is trained, shared ones once."""
        names = {n for n, p in self.named_parameters() if p.requires_grad}
        return {k.removeprefix("" if prefix else "model."): v for k, v in self.state_dict().items() if k in names}

    def logits(self, case):
        with torch.no_grad():
            for i, r in enumerate(ROWS):
                task[0] = r["task_id"]
                want[f"{case}.row{i}"] = self.model(torch.tensor([r["input_ids"]])).logits[0].contiguous()


def lightning(whole, **hparams):
    """What Trainer.save_checkpoint writes around a state_dict."""
    opt = torch.optim.AdamW([p for p in whole.parameters() if p.requires_grad])
    for p in opt.param_groups[0]["params"]:
        p.grad = torch.zeros_like(p)
    opt.step()
    return {"epoch": 0, "global_step": 3, "pytorch-lightning_version": "2.0.2", "state_dict": whole.trained(),
            "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 1}}}},
            "callbacks": {"ModelCheckpoint{'monitor': 'val/loss'}": {"best_model_score": torch.tensor(1.5), "best_k_models": {}}},
            "optimizer_states": [opt.state_dict()], "lr_schedulers": [{"base_lrs": [0.001], "last_epoch": 3}],
            "hparams_name": "kwargs", "hyper_parameters": dict(model="small-llama", lora_rank=2, lora_alpha=1.0, lora_warmup=False, router_granularity="finegrained",
                modify_modules=".*self_attn|.*mlp", modify_layers="q_proj|v_proj|down_proj", finetune_type=None, checkpoint=None, **hparams) | hparams}


# The camera-ready's names.
fine = Whole(1, lambda site, l: Skilled(l, Poly(3, 2, 3), 2, 3, 2, 1))
fine.logits("fine")
torch.save(lightning(fine, n_splits=2, n_skills=3, n_tasks=3), "fine.ckpt")
torch.save(fine.trained(), "bare.pt")  # weights alone: alpha is 1

one = Poly(3, 1, 2)
coarse = Whole(2, lambda site, l: Skilled(l, one, 1, 2, 3, 1))
coarse.logits("coarse")
torch.save({"state_dict": coarse.trained(), "hyper_parameters": {"router_granularity": "coarsegrained", "lora_alpha": 1.0}}, "coarse.pt", _use_new_zipfile_serialization=False)

for how in ["module_logits_l2_norm", "module_logits_straight_through", "poly_average_correction", "poly_use_shared_skill"]:
    m = Whole(3, lambda site, l: Skilled(l, Poly(3, 2, 2, how), 2, 2, 1, 2))
    m.logits(how)
    torch.save({"state_dict": m.trained(), "hyper_parameters": {how: True, "lora_alpha": 2.0}}, how + ".ckpt")

average = Whole(4, lambda site, l: Skilled(l, Average(2, 3), 2, 3, 2, 1))
average.logits("average")
torch.save({"state_dict": average.trained(), "hyper_parameters": {"lora_alpha": 1.0, "finetune_type": "MuZ"}}, "average.ckpt")

private = Whole(5, lambda site, l: Skilled(l, Private(3), 1, 3, 2, 1))
private.logits("private")
torch.save({"state_dict": private.trained(), "hyper_parameters": {"lora_alpha": 1.0, "model_modifier": "skilled"}}, "private.ckpt")

lora = Whole(6, lambda site, l: Lora(l, 2, 3))
lora.logits("lora")
torch.save({"state_dict": lora.trained(), "hyper_parameters": {"lora_alpha": 3.0, "model_modifier": "lora"}}, "lora.ckpt")

ia3 = Whole(7, lambda site, l: IA3(l))
ia3.logits("ia3")
torch.save({"state_dict": ia3.trained(), "hyper_parameters": {"model_modifier": "ia3"}}, "ia3.ckpt")

# main's.
routers = {}


def per_layer(site):
    """A selector for each block: the first container owns it, the others have
    views, which are no modules (containers/__init__.py)."""
    key = site.split(".")[2]
    if key not in routers:
        routers[key] = Poly(4, 2, 2)
        with torch.no_grad():
            routers[key].module_logits[-1] = 0  # of unknown tasks
        return routers[key]
    return lambda: routers[key]()


(HERE / "experts").mkdir(exist_ok=True)
experts = Whole(8, lambda site, l: Experts(l, per_layer(site), 2, 2, 2, 16))
experts.logits("experts")
torch.save(experts.trained(), "experts/mttl_weights.bin")
torch.save({"lora_alpha": 16.0, "dataset": "some"}, "experts/mttl_args.bin")
(HERE / "experts/mttl_config.json").write_text(json.dumps({"base_model": "small-llama", "modifier_config": {"__class__": "SkilledLoRAConfig", "lora_alpha": 16.0, "n_splits": 2},
                                                           "selector_config": {"n_splits": 2, "task_names": ["first", "second", "third"], "allow_unknown_tasks": True}}) + "\n")

named = Whole(9, lambda site, l: Named(l, Poly(3, 1, 2), ["e0", "e1"], 2, 8))
named.logits("named")
torch.save({"state_dict": named.trained(), "hyper_parameters": {"lora_alpha": 8.0}}, "named.ckpt")

library = Whole(10, lambda site, l: Lora(l, 2, 16))
library.logits("library")
(HERE / "library").mkdir(exist_ok=True)
torch.save(library.trained(""), "library/poems.ckpt")
torch.save({"expert_name": "poems", "expert_task_name": "poems", "expert_config": {"lora_rank": 2, "lora_alpha": 16.0, "modify_layers": "q_proj"}, "training_config": None,
            "expert_model": "small-llama"}, "library/poems.meta")

# A T5, whose layers share routers as modifiers/routing.py, _extract_identifier, has it.
T5 = HERE / "../../../../testdata/golden/mhr/t5_gated_untied"
T5_ROWS = [dict(input_ids=[5, 17, 3, 80, 1], labels=[9, 30, 1], task_id=0), dict(input_ids=[60, 61, 1], labels=[44, 1], task_id=1)]


def identifier(name, match_on):
    left = name.find(f"{match_on}.") + len(match_on) + 1
    return name[: left + name[left:].find(".")]


class WholeT5(Whole):
    def __init__(self, seed, granularity):
        nn.Module.__init__(self)
        torch.manual_seed(seed)
        self.model = T5ForConditionalGeneration.from_pretrained(T5).eval().requires_grad_(False)
        selectors = {}
        for name, module in list(self.model.named_modules()):
            if re.fullmatch(".*SelfAttention|.*EncDecAttention|.*DenseReluDense", name):
                for child, layer in list(module.named_children()):
                    if re.fullmatch("q|v|wo", child):
                        key = identifier(f"{name}.{child}", granularity)
                        setattr(module, child, Skilled(layer, selectors.setdefault(key, Poly(2, 2, 2)), 2, 2, 1, 1))

    def logits(self, case):
        with torch.no_grad():
            for i, r in enumerate(T5_ROWS):
                task[0] = r["task_id"]
                out = self.model(input_ids=torch.tensor([r["input_ids"]]), labels=torch.tensor([r["labels"]]))
                want[f"{case}.row{i}"] = out.logits[0].contiguous()


for granularity, part in {"layerwise": "layer", "blockwise": "block", "coderwise": "coder"}.items():
    m = WholeT5(11, part)
    m.logits(f"t5_{granularity}")
    torch.save({"state_dict": m.trained(), "hyper_parameters": {"lora_alpha": 1.0, "router_granularity": granularity,
                "modify_modules": ".*SelfAttention|.*EncDecAttention|.*DenseReluDense", "modify_layers": "q|v|wo"}}, f"t5_{granularity}.ckpt")

for name, rows in {"rows": [r | {"labels": [-100] + r["input_ids"][1:]} for r in ROWS], "t5_rows": T5_ROWS}.items():
    pathlib.Path(f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
save_file(want, "want.safetensors")
