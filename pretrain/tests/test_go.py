"""The Go library trains on the same batches to the same numbers."""

import json
import random
import subprocess

import pytest
from safetensors.torch import load_file

from .conftest import GOLDEN, ROOT, lines, write_rows
from .test_train import run

HANDFUL = ROOT / "dist/handful"


@pytest.mark.skipif(not HANDFUL.exists(), reason="needs dist/handful: make build")
def test_twenty_steps_are_handfuls(tmp_path):
    rng, tasks, base = random.Random(3), tmp_path / "tasks", GOLDEN / "llama_gqa"
    (tasks / "train").mkdir(parents=True)
    for t in range(5):
        rows = []
        for _ in range(40):
            ids = [rng.randrange(1, 96) for _ in range(rng.randint(3, 14))]
            cut = rng.randint(1, len(ids) - 1)
            rows.append({"input_ids": ids, "labels": [-100] * cut + ids[cut:]})
        write_rows(tasks / f"train/t{t}.jsonl", rows)
    (tasks / "manifest.json").write_text(
        json.dumps([{"name": f"t{t}", "split": "train", "category": f"c{t % 3}", "ship": True} for t in range(5)])
    )
    flags = {"steps": 20, "groups": 3, "group_rows": 4, "rank": 4, "warmup": 4, "router_weight_decay": 0.01, "init_rows": "sparse:1:2"}
    out = run(base, tasks, tmp_path / "run", **flags, dump_batches=str(tmp_path / "b.jsonl"), export_steps="0,20")
    steps = [json.loads(raw) for raw in (tmp_path / "b.jsonl").read_text().splitlines()]
    write_rows(tmp_path / "rows.jsonl", [{k: r[k] for k in ("input_ids", "labels", "task_id")} for s in steps for r in s["rows"]])
    args = "--device cpu --method mhr --router-init keep --order file --batch 12 --steps 20 --lr 1e-3 --router-lr 0.1 --weight-decay 0.01 --clip 1 --warmup 4 --schedule linear --holdout 0"
    paths = ["--base", base, "--inventory", out / "step0", "--examples", tmp_path / "rows.jsonl", "--out", tmp_path / "go"]
    subprocess.run([HANDFUL, "adapt", *args.split(), *paths], check=True, capture_output=True)
    theirs = [json.loads(raw) for raw in (tmp_path / "go/train.jsonl").read_text().splitlines()]
    for a, b in zip([line for line in lines(out) if "loss" in line], theirs, strict=True):
        assert abs(a["loss"] - b["loss"]) < 1e-5
        assert abs(a["grad_norm"] - b["grad_norm"]) < 1e-5
    a, b = (load_file(p / "adapter_model.safetensors") for p in (out / "step20", tmp_path / "go"))
    assert max((a[k] - b[k]).abs().max() for k in a) < 1e-4
