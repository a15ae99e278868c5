"""What is exported opens in PEFT and computes the same."""

import json

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from pretrain.__main__ import Export, export
from pretrain.base import load_base
from pretrain.batches import Group, collate
from pretrain.data import Row
from pretrain.fault import Fault
from pretrain.inventory import open_inventory
from pretrain.prompt import Encoder

from .conftest import pretrain
from .test_train import run


def rows(base):
    return Encoder(base.tokenizer, base.seq2seq)([Row(1, "abc", "ABC"), Row(2, "a longer one", "A")], "Do it")


def ours(folder, base_folder, route):
    base = load_base(base_folder)
    model, names = open_inventory(base, folder)
    batch = collate([Group(0, -1, [r]) for r in rows(base)])
    batch["routes"] = None if route is None else batch["routes"]
    with torch.no_grad():
        return model.tokens(batch)[0], names, batch


def pefts(folder, base_folder, batch, seq2seq, poly):
    kind = AutoModelForSeq2SeqLM if seq2seq else AutoModelForCausalLM
    model = PeftModel.from_pretrained(kind.from_pretrained(base_folder), folder).eval()
    more = {"task_ids": torch.zeros(2, dtype=torch.long)} if poly else {}
    with torch.no_grad():
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"], **more).logits
    labels = batch["labels"] if seq2seq else batch["labels"][:, 1:]
    logits = logits if seq2seq else logits[:, :-1]
    keep = labels != -100
    return torch.nn.functional.cross_entropy(logits[keep], labels[keep], reduction="none")


@pytest.mark.parametrize("base", ["llama", "t5"])
@pytest.mark.parametrize("method", ["mhr", "lora"])
@pytest.mark.parametrize("dtype", ["f16", "f32"])
def test_peft_opens_it(base, method, dtype, request, tasks, tmp_path):
    folder = request.getfixturevalue(base)
    run(folder, tasks, tmp_path / "run", method=method, steps=12, lr=0.05, warmup=1, granularity="block", router_anneal=0.5)
    export(Export(run=str(tmp_path / "run"), out=str(tmp_path / "made"), dtype=dtype))
    nll, _, batch = ours(tmp_path / "made", folder, -1)
    torch.testing.assert_close(nll, pefts(tmp_path / "made", folder, batch, base == "t5", method == "mhr"), atol=2e-5, rtol=1e-4)
    assert not torch.allclose(nll, ours(tmp_path / "made", folder, None)[0])


@pytest.mark.parametrize("by, count", [("task", 5), ("dataset", 5), ("category", 3)])
def test_task_rows(by, count, llama, tasks, tmp_path):
    run(llama, tasks, tmp_path / "run", rows=by, steps=4, lr=0.05, router_anneal=0.5)
    export(Export(run=str(tmp_path / "run"), out=str(tmp_path / "made"), dtype="f32"))
    manifest = json.loads((tmp_path / "made/manifest.json").read_text())
    table = load_file(tmp_path / "made/task_rows.safetensors")
    assert {len(t) for t in table.values()} == {count}
    assert manifest["tasks"] == ["upper", "title", "first", "last", "p3_len_a"]
    assert manifest.get("rows") == (None if count == 5 else [0, 0, 1, 1, 2])
    assert manifest["examples_per_step"] == 6 and manifest["steps"] == 4 and manifest["n_skills"] == 4
    assert manifest["sources"][0] | {"sha256": "", "rows": 0} == {
        "name": "upper",
        "category": "case",
        "source": "made here",
        "licence": "MIT",
        "rows": 0,
        "row": 0,
        "sha256": "",
    }
    assert "MIT" in (tmp_path / "made/README.md").read_text()
    assert not any(str(tmp_path) in f.read_text() for f in (tmp_path / "made").glob("*[mn]") if f.suffix in (".json", ".md"))
    # rows are exported for the plain sigmoid: the annealed run's own loss must come out
    model, names = open_inventory(load_base(llama), tmp_path / "made")
    assert names["last"] == (manifest.get("rows") or range(5))[3]
    out = json.loads(
        pretrain("loss", "--base", llama, "--tasks", tasks, "--inventory", tmp_path / "made", "--precision", "f32", "--max-rows", 16).stdout
    )
    log = [json.loads(raw) for raw in (tmp_path / "run/log.jsonl").read_text().splitlines()][-1]
    assert log["tasks"].keys() == out["tasks"].keys()
    for name, loss in log["tasks"].items():
        assert abs(out["tasks"][name]["loss"] - loss) < 1e-4


def test_recommended_settings(llama, tasks, tmp_path):
    few_shot = {"z": {"router_lr": 0.5}, "mu": {"lr": 0.003, "steps": 20}}
    run(llama, tasks, tmp_path / "run", steps=2)
    pretrain("export", "--run", tmp_path / "run", "--out", tmp_path / "made", "--few-shot", json.dumps(few_shot))
    assert json.loads((tmp_path / "made/manifest.json").read_text())["few_shot"] == few_shot
    assert "z: router_lr 0.5; mu: lr 0.003, steps 20." in (tmp_path / "made/README.md").read_text()
    for text in ("{", "[]", '{"z": 1}', '{"lora": {"lr": 1}}'):
        with pytest.raises(Fault, match="few_shot"):
            export(Export(run=str(tmp_path / "run"), out=str(tmp_path / "not"), few_shot=text))
    assert not (tmp_path / "not").exists()
