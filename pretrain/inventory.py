"""Reads PEFT folders, POLY or LORA, onto a base: those of `export`, and others of the same formats."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .base import Base
from .export import PREFIX
from .fault import Fault
from .model import MultiTask, Shape


def open_inventory(base: Base, folder) -> tuple[MultiTask, dict[str, int]]:
    """The adapted base, and the router row of each training task that the manifest names ({} without one)."""
    folder = Path(folder)
    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        tensors = load_file(folder / "adapter_model.safetensors")
        lora = config["peft_type"] == "LORA"
        rows = folder / "task_rows.safetensors"
        names = {}
        if not lora and rows.exists():
            tensors |= load_file(rows)
            manifest = json.loads((folder / "manifest.json").read_text())
            names = dict(zip(manifest["tasks"], manifest.get("rows", range(len(manifest["tasks"])))))
        shape = Shape(1, 1, 1, config["r"], config["target_modules"])
        if not lora:
            shape.skills, shape.splits = config["n_skills"], config["n_splits"]
            shape.rows = next(len(t) for n, t in tensors.items() if n.endswith(".module_logits"))
    except (OSError, ValueError, KeyError, StopIteration, SafetensorError) as e:
        raise Fault("inventory", f"{folder}: {e}", "name a PEFT POLY or LORA folder") from e
    model = MultiTask(base, shape)
    with torch.no_grad():
        for name, layer in model.layers.items():
            try:
                if lora:
                    layer.lora_a[0, 0].copy_(tensors[f"{PREFIX}{name}.lora_A.weight"].T)
                    layer.lora_b[0, 0].copy_(tensors[f"{PREFIX}{name}.lora_B.weight"].T * config["lora_alpha"])
                else:
                    layer.lora_a.copy_(tensors[f"{PREFIX}{name}.poly_lora_A"])
                    layer.lora_b.copy_(tensors[f"{PREFIX}{name}.poly_lora_B"])
                    layer.router.module_logits.copy_(tensors[f"{PREFIX}{name}.poly_router.module_logits"])
            except (KeyError, RuntimeError) as e:
                raise Fault("inventory", f"{folder}: {name}: {e}", "use the base that it was made for") from e
    return model, names
