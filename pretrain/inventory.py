"""Reads PEFT folders, POLY or LORA, onto a base: those of `export`, and others of the same formats."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .base import Base
from .export import PREFIX
from .fault import Fault
from .model import MultiTask, Shape


@dataclass
class Stored:
    """A PEFT folder: its config, tensors by name, and the router row of each training task that the manifest names ({} without)."""

    folder: Path
    config: dict
    tensors: dict[str, torch.Tensor]
    rows: dict[str, int]

    @property
    def lora(self) -> bool:
        return self.config["peft_type"] == "LORA"


def read(folder) -> Stored:
    folder = Path(folder)
    try:
        config = json.loads((folder / "adapter_config.json").read_text())
        tensors = load_file(folder / "adapter_model.safetensors")
        rows = folder / "task_rows.safetensors"
        names = {}
        if config["peft_type"] != "LORA" and rows.exists():
            tensors |= load_file(rows)
            manifest = json.loads((folder / "manifest.json").read_text())
            names = dict(zip(manifest["tasks"], manifest.get("rows", range(len(manifest["tasks"])))))
    except (OSError, ValueError, KeyError, SafetensorError) as e:
        raise Fault("inventory", f"{folder}: {e}", "name a PEFT POLY or LORA folder") from e
    return Stored(folder, config, tensors, names)


def open_inventory(base: Base, folder) -> tuple[MultiTask, dict[str, int]]:
    """The adapted base, and the router row of each training task."""
    inv = read(folder)
    config, tensors = inv.config, inv.tensors
    try:
        shape = Shape(1, 1, 1, config["r"], config["target_modules"])
        if not inv.lora:
            shape.skills, shape.splits = config["n_skills"], config["n_splits"]
            shape.rows = next(len(t) for n, t in tensors.items() if n.endswith(".module_logits"))
    except (KeyError, StopIteration) as e:
        raise Fault("inventory", f"{folder}: {e}", "name a PEFT POLY or LORA folder") from e
    model = MultiTask(base, shape)
    with torch.no_grad():
        for name, layer in model.layers.items():
            try:
                if inv.lora:
                    layer.lora_a[0, 0].copy_(tensors[f"{PREFIX}{name}.lora_A.weight"].T)
                    layer.lora_b[0, 0].copy_(tensors[f"{PREFIX}{name}.lora_B.weight"].T * config["lora_alpha"])
                else:
                    layer.lora_a.copy_(tensors[f"{PREFIX}{name}.poly_lora_A"])
                    layer.lora_b.copy_(tensors[f"{PREFIX}{name}.poly_lora_B"])
                    layer.router.module_logits.copy_(tensors[f"{PREFIX}{name}.poly_router.module_logits"])
            except (KeyError, RuntimeError) as e:
                raise Fault("inventory", f"{folder}: {name}: {e}", "use the base that it was made for") from e
    return model, inv.rows


@torch.no_grad()
def start_from(model: MultiTask, folder, rows: dict[str, int]):
    """A and B of an inventory of the same shapes, or for one skill the mean of its skills; and its router rows for the tasks that
    `rows` names too."""
    inv = read(folder)
    for name, layer in model.layers.items():
        try:
            a, b = (inv.tensors[f"{PREFIX}{name}.poly_lora_{x}"].float() for x in "AB")
            z = inv.tensors.get(f"{PREFIX}{name}.poly_router.module_logits")
        except KeyError as e:
            raise Fault("start", f"{folder} lacks {e}", "use the base and targets that it was made for") from None
        if model.shape.skills == 1:
            a, b = a.mean(1).flatten(0, 1)[None, None], b.mean(1).transpose(0, 1).flatten(1)[None, None]
        for what, have, want in ("A", a, layer.lora_a), ("B", b, layer.lora_b):
            if have.shape != want.shape:
                raise Fault("start", f"{folder}: {name}: {what} is {list(have.shape)}, want the run's {list(want.shape)}", "give the run its shapes")
            want.copy_(have)
        if model.shape.skills > 1:
            for task, row in rows.items():
                if task in inv.rows:
                    layer.router.module_logits[row] = z[inv.rows[task]].to(layer.router.module_logits)
