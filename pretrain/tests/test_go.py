"""The Go library trains on the same batches to the same numbers."""

import json
import random
import subprocess

import pytest
from safetensors.torch import load_file

from .conftest import GOLDEN, ROOT, lines, pretrain, write_rows
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


@pytest.mark.skipif(not HANDFUL.exists(), reason="needs dist/handful: make build")
def test_few_shot_cells_are_handfuls(tmp_path):
    """The pocket model on labels and on written answers: the same batches, losses and answers."""
    rng, tasks, pocket = random.Random(5), tmp_path / "tasks", ROOT / "assets/pocket"
    tasks.mkdir()
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 7))) for _ in range(60)]
    write_rows(tasks / "ends.jsonl", [{"input": w, "output": "early" if w[-1] < "h" else "late", "options": ["early", "late"]} for w in words])
    write_rows(tasks / "first.jsonl", [{"input": w, "output": w[0]} for w in words])
    paths = ["--base", pocket / "base", "--inventory", pocket / "inventory"]
    drawn = ["--tasks", tasks, "--shots", "12"]
    subprocess.run([HANDFUL, "draw", *drawn, "--epochs", "9", "--out", tmp_path / "draws"], check=True, capture_output=True)
    eval_flags = ["--device", "cpu", "--steps", "6", "--method", "icl,best-task,z:router-init=best:3,router-lr=0.5,loss=auto,mu:loss=auto,mhr:router-init=best:3,loss=auto"]
    go = subprocess.run([HANDFUL, "eval", *paths, *drawn, *eval_flags, "--out", tmp_path / "go.jsonl"], capture_output=True, text=True)
    assert go.returncode == 0, go.stderr
    methods = ["--steps", 6, "--methods", "base,icl,mean,best-task,z:router-init=best:3,router-lr=0.5,loss=auto,mu:loss=auto,mhr:router-init=best:3,loss=auto", "--precision", "f32"]
    pretrain("fewshot", *paths, "--draws", tmp_path / "draws", *methods, "--out", tmp_path / "python.jsonl")
    read = lambda name: {(r["task"], r["name"]): r for r in map(json.loads, (tmp_path / name).read_text().splitlines())}
    ours, theirs = read("python.jsonl"), read("go.jsonl")
    assert ours.keys() == theirs.keys() and len(ours) == 14
    for cell, a in ours.items():
        b = theirs[cell]
        assert abs(a["loss"] - b["loss"]) < 1e-3 * b["loss"], cell
        assert sum(x != y for x, y in zip(a["hits"], b["hits"], strict=True)) <= 1, cell


def test_an_order_that_ends_before_the_steps_do(tmp_path):
    from pretrain.fault import Fault
    from pretrain.fewshot.fit import epochs

    drawn = epochs({"task": "t", "order": [[1, 0]], "train": [{}, {}], "seed": 0})
    assert next(drawn) == [1, 0]
    with pytest.raises(Fault, match="1 epochs is drawn, want more"):
        next(drawn)
