"""What examples may come in."""

import json
import pathlib
import types

import pytest

from handful import Handful, HandfulError
from handful.files import check, listed, write
from handful.rows import inputs, jsonl

pd = pytest.importorskip("pandas")
want = [{"text": "x", "label": "a"}, {"text": "y", "label": "b"}]


def lines(data):
    return [json.loads(line) for line in jsonl(data).splitlines()]


def test_forms():
    assert lines(pd.DataFrame(want)) == want
    assert lines(want) == want
    assert lines((r for r in want)) == want
    assert lines([("x", "a")]) == [{"input": "x", "output": "a"}]
    assert jsonl("x => a") == "x => a"
    assert lines(pd.DataFrame({"input_ids": [[1, 2]], "labels": [[-100, 2]], "task_id": [0]})) == [{"input_ids": [1, 2], "labels": [-100, 2], "task_id": 0}]
    polars = types.SimpleNamespace(to_dicts=lambda: want)
    assert lines(polars) == want


def test_a_dataset_of_hugging_face_names_its_classes():
    class Dataset(list):
        column_names = ["text", "label"]
        features = {"text": object(), "label": types.SimpleNamespace(names=["a", "b"])}

    assert lines(Dataset([{"text": "x", "label": 0}, {"text": "y", "label": 1}])) == want
    with pytest.raises(HandfulError, match=r"a DatasetDict with train, test, want one of its splits; such as data\[\"train\"\]"):
        jsonl(types.SimpleNamespace(column_names={"train": [], "test": []}))


def test_datasets_itself():
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["a", "b"])})
    assert lines(datasets.Dataset.from_list([{"text": "x", "label": 0}, {"text": "y", "label": 1}], features=features)) == want


def test_a_file(tmp_path):
    (tmp_path / "rows.csv").write_text("input,output\nx,a\n")
    assert jsonl(tmp_path / "rows.csv") == "input,output\nx,a\n"
    with pytest.raises(HandfulError, match="give a text file"):
        jsonl(tmp_path / "none.csv")


@pytest.mark.parametrize("bad, words", [
    (3, "got int, want a DataFrame"), ({"input": "x"}, "got dict"), ([1], "row 1: got 1"), ([("a", "b", "c")], "row 1"),
    (pd.DataFrame({"input": ["x", None], "output": ["a", "b"]}), "row 2: nothing in the column input"),
    (pd.DataFrame({"input": ["x"], "output": [float("nan")]}), "row 1: nothing in the column output"),
    ([{"input": "x", "output": {1, 2}}], "row 1: got a set"),
])
def test_bad_rows_are_named(bad, words):
    with pytest.raises(HandfulError) as e:
        jsonl(bad)
    assert words in str(e.value) and e.value.kind == "input" and e.value.op == "examples"


def test_inputs():
    assert inputs("x") == ([{"input": "x"}], True)
    assert inputs(["x", "y"]) == ([{"input": "x"}, {"input": "y"}], False)
    assert inputs(pd.Series(["x"])) == ([{"input": "x"}], False)
    assert inputs(pd.DataFrame(want))[0] == [{"text": "x"}, {"text": "y"}]
    for bad in ([3], [{}], 3):
        with pytest.raises(HandfulError):
            inputs(bad)


def test_what_is_opened(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "notes.py").write_text("")
    assert [n for n, _ in listed("base", tmp_path)] == ["config.json"]
    assert listed("base", tmp_path / "config.json")[0][0] == "config.json"
    assert listed("adapter", {"a.safetensors": bytearray(b"x")}) == [("a.safetensors", b"x")]
    for bad in (tmp_path / "none", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(HandfulError) as e:
            Handful(base=bad)
        assert e.value.kind == "input" and e.value.op == "base"
    with pytest.raises(HandfulError, match="want auto, cpu, gpu, native"):
        Handful(device="tpu")


def test_a_folder_is_written_whole_and_replaces_only_results(tmp_path):
    out = tmp_path / "new/out"
    assert write(out, {"adapter_config.json": b"1", "lora/x": b"2"}) == out
    assert (out / "lora/x").read_bytes() == b"2"
    write(out, {"adapter_config.json": b"3"})
    assert [p.name for p in out.iterdir()] == ["adapter_config.json"] and [p.name for p in out.parent.iterdir()] == ["out"]
    (out / "mine.txt").write_text("kept")
    for bad in (out, out / "mine.txt"):
        with pytest.raises(HandfulError, match="name a new folder"):
            check(bad)
    for name in ("../x", "/x", "a/../../x"):
        with pytest.raises(HandfulError, match="inside the folder"):
            write(tmp_path / "bad", {name: b""})
    assert not (tmp_path / "bad").exists() and not (tmp_path / "x").exists() and not pathlib.Path("/x").exists()
