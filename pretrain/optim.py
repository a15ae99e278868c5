"""AdamW at two speeds, and its schedule."""

import math

import torch

from .config import Config


def optimizer(model, cfg: Config) -> torch.optim.AdamW:
    """Group 0: A and B; group 1: router logits, whose rate is far higher (mttl utils.py get_optimizer)."""
    return torch.optim.AdamW(
        [
            {"params": model.modules_ab(), "lr": cfg.lr, "base_lr": cfg.lr, "weight_decay": cfg.weight_decay},
            {"params": model.logits(), "lr": cfg.router_lr, "base_lr": cfg.router_lr, "weight_decay": cfg.router_weight_decay},
        ],
        betas=(0.9, cfg.beta2),
    )


def factor(k: int, cfg: Config) -> float:
    """Of the learning rates at step k, from 0: k/W while warming up, then down from 1 to 0 over the steps that are left, or 1."""
    w, t = cfg.warmup, cfg.steps
    if k < w:
        return k / w
    if cfg.schedule == "linear":
        return (t - k) / (t - w)
    if cfg.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (k - w) / (t - w)))
    return 1.0


def set_rates(opt, scale: float):
    for group in opt.param_groups:
        group["lr"] = group["base_lr"] * scale


def temperature(cfg: Config, k: int) -> float:
    """Of the routers' sigmoid at step k: from 1 to cfg.router_anneal, by equal factors."""
    return cfg.router_anneal ** (k / max(cfg.steps, 1))
