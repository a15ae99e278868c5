"""Whole runs: the loss falls, a killed run resumes to the same bits, two processes are one."""

import json
import signal
import subprocess
import sys
import time

import pytest
import torch

from pretrain import checkpoint
from pretrain.config import Config
from pretrain.fault import Fault
from pretrain.train import train

from .conftest import ROOT, command, lines, pretrain, small

# `--cpu --num_processes 2` alone starts one process: accelerate wants MPI for that. With --multi_gpu it starts them
# as torchrun does, and --device cpu of ours keeps both on the CPU, over gloo.
LAUNCH = (
    "--multi_gpu",
    "--num_processes",
    "2",
    "--num_machines",
    "1",
    "--mixed_precision",
    "no",
    "--dynamo_backend",
    "no",
    "--main_process_port",
    "0",
)


def run(base, tasks, out, **flags):
    args = small(base, tasks, out, **flags)
    values = {k.lstrip("-").replace("-", "_"): v for k, v in zip(args[::2], args[1::2])}
    train(Config(**{k: str(v) if k in ("base", "tasks", "out") else v for k, v in values.items()}))
    return out


def adapters(out):
    return checkpoint.load(out / "checkpoint.pt")["adapters"]


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("base", ["llama", "t5"])
@pytest.mark.parametrize("method", ["mhr", "poly", "lora"])
def test_loss_falls(base, method, request, tasks, tmp_path):
    log = lines(run(request.getfixturevalue(base), tasks, tmp_path / "run", method=method, steps=60, warmup=5, lr=0.02))
    losses = [line["loss"] for line in log if "loss" in line]
    assert len(losses) == 60
    assert sum(losses[-10:]) < 0.85 * sum(losses[:10])
    assert log[-1]["tasks"].keys() == {"upper", "title", "first", "last", "p3_len_a"}  # the one that may not be shipped is not there


@pytest.mark.parametrize("more", [{}, {"relaxed": "true", "accumulate": 2}, {"init_skills": "stack:6:3"}])
def test_killed_run_resumes_to_the_same_bits(llama, tasks, tmp_path, more):
    flags = {"steps": 40, "save_every": 4} | more
    pretrain("train", *small(llama, tasks, tmp_path / "whole", **flags))
    args = small(llama, tasks, tmp_path / "killed", **flags)
    p = subprocess.Popen(command("train", *args), cwd=ROOT, stderr=subprocess.DEVNULL)
    log = tmp_path / "killed/log.jsonl"
    while p.poll() is None and not (log.exists() and log.read_text().count("\n") >= 7):
        time.sleep(0.01)
    p.send_signal(signal.SIGKILL)
    assert p.wait() == -signal.SIGKILL
    assert checkpoint.load(tmp_path / "killed/checkpoint.pt")["step"] < 40
    pretrain("train", *args, "--resume")
    assert same(adapters(tmp_path / "whole"), adapters(tmp_path / "killed"))
    losses = [[line.get("loss") for line in lines(tmp_path / d)] for d in ("whole", "killed")]
    assert losses[0] == losses[1]


def test_two_processes_are_one_with_twice_the_batch(llama, tasks, tmp_path):
    one = lines(run(llama, tasks, tmp_path / "one", groups=4, steps=8))
    pretrain("train", *small(llama, tasks, tmp_path / "two", groups=2, steps=8), launch=LAUNCH)
    two = lines(tmp_path / "two")
    assert checkpoint.load(tmp_path / "two/checkpoint.pt")["processes"] == 2
    accumulated = lines(run(llama, tasks, tmp_path / "accumulated", groups=2, accumulate=2, steps=8))
    for other in (two, accumulated):
        for a, b in zip(one, other, strict=True):
            if "loss" in a:
                assert abs(a["loss"] - b["loss"]) < 1e-4
                assert abs(a["grad_norm"] - b["grad_norm"]) < 1e-4
    a, b = adapters(tmp_path / "one"), adapters(tmp_path / "two")
    assert max((a[k] - b[k]).abs().max() for k in a) < 5e-3  # Adam turns a gradient's last bits into steps


def test_signal_saves_and_stops(llama, tasks, tmp_path):
    p = subprocess.Popen(
        command("train", *small(llama, tasks, tmp_path / "run", steps=100000)), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    while not ((tmp_path / "run/log.jsonl").exists() and lines(tmp_path / "run")):
        time.sleep(0.05)
    p.send_signal(signal.SIGTERM)
    assert p.wait() == 1
    assert "--resume" in p.stderr.read().splitlines()[-1]
    assert checkpoint.load(tmp_path / "run/checkpoint.pt")["step"] == len(lines(tmp_path / "run"))


def test_a_run_is_not_overwritten_or_resumed_as_another(llama, tasks, tmp_path):
    run(llama, tasks, tmp_path / "run", steps=2)
    with pytest.raises(Fault, match="--resume"):
        run(llama, tasks, tmp_path / "run", steps=2)
    with pytest.raises(Fault, match="--lr is 0.5, the run has 0.001"):
        run(llama, tasks, tmp_path / "run", steps=2, lr=0.5, resume=True)


def test_full_disk_leaves_the_last_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"step": 1})
    code = (
        "import resource, sys, torch; from pretrain import checkpoint\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "checkpoint.save(sys.argv[1], {'step': 2, 'x': torch.zeros(10000)})"
    )
    p = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert "the last checkpoint is whole" in p.stderr
    assert checkpoint.load(path)["step"] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_batches_as_token_ids(llama, tasks, tmp_path):
    run(llama, tasks, tmp_path / "run", steps=3, dump_batches=str(tmp_path / "b.jsonl"), export_steps="0,3")
    steps = [json.loads(raw) for raw in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert [s["step"] for s in steps] == [0, 1, 2]
    log = lines(tmp_path / "run")
    for s, line in zip(steps, log):
        assert sum(len(r["input_ids"]) for r in s["rows"]) == line["tokens"]
        assert sum(y != -100 for r in s["rows"] for y in r["labels"]) == line["labels"]
        assert all(len(r["labels"]) == len(r["input_ids"]) and 0 <= r["task_id"] < 5 for r in s["rows"])
    config = json.loads((tmp_path / "run/step0/adapter_config.json").read_text())
    assert config["n_tasks"] == 5


def test_bf16_is_near_f32(llama, tasks, tmp_path):
    runs = {}
    for precision in ("f32", "bf16"):
        pretrain("train", *small(llama, tasks, tmp_path / precision, precision=precision, steps=20, lr=0.02))
        runs[precision] = [line["loss"] for line in lines(tmp_path / precision) if "loss" in line]
    assert runs["f32"] != runs["bf16"]
    assert all(abs(a - b) < 0.05 for a, b in zip(runs["f32"], runs["bf16"], strict=True))
    assert {p.dtype for p in adapters(tmp_path / "bf16").values()} == {torch.float32}


def test_a_fault_is_one_line(tasks, tmp_path):
    p = pretrain("train", *small(tmp_path / "none", tasks, tmp_path / "run"), status=1)
    assert p.stderr.splitlines()[-1].startswith(f"base: {tmp_path / 'none'} is no .gguf and no Hugging Face folder; ")
    assert "Traceback" not in p.stderr and p.stdout == ""
