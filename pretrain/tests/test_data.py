"""Bad task files are named by file, line and reason; rows kept aside stay aside."""

import json

import pytest

from pretrain.data import Row, load_tasks
from pretrain.fault import Fault
from pretrain.prompt import render

from .conftest import write_rows


@pytest.mark.parametrize(
    "raw, reason",
    [
        (b'{"input": "a"}', "output is missing"),
        (b'{"input": "a", "output": " "}', "output is no text or empty"),
        (b'{"input": 3, "output": "b"}', "input is no text or empty"),
        (b'{"input": "caf\xe9", "output": "b"}', "not UTF-8 at byte 15"),
        (b'{"input": "a", "output": "b"', "not JSON: "),
        (b'["a", "b"]', "a list, want an object"),
        (b'{"input": "a", "output": "b", "options": "a"}', "options is no list"),
        (b'{"input_ids": [1, 2]}', "labels is no list of numbers"),
        (b'{"input": "' + b"a" * (1 << 20) + b'", "output": "b"}', "longer than 1 MiB"),
    ],
)
def test_malformed_row(tasks, raw, reason):
    file = tasks / "train/upper.jsonl"
    good = file.read_bytes().splitlines()
    file.write_bytes(b"\n".join([*good[:2], raw, *good[2:]]))
    with pytest.raises(Fault) as e:
        load_tasks(tasks)
    assert f"{file}:3: {reason}" in str(e.value)


def test_rows_of_held_out_tasks_and_rows_given_twice_are_left_out(tasks, capsys):
    file = tasks / "train/upper.jsonl"
    rows = [json.loads(raw) for raw in file.read_text().splitlines()]
    held = json.loads((tasks / "heldout/double.jsonl").read_text().splitlines()[0])
    write_rows(file, [*rows, held, rows[3]])
    upper = load_tasks(tasks)[0]
    assert len(upper.rows) == len({r.key for r in upper.rows}) and (held["input"], held["output"]) not in {r.key for r in upper.rows}
    note = capsys.readouterr().err
    assert f"{file}:{len(rows) + 1}: also a row of the held-out task double" in note and "1 more" in note


def test_task_with_one_answer_is_left_out(tasks, capsys):
    file = tasks / "train/p3_len_a.jsonl"
    write_rows(file, [{"input": str(i), "output": "long"} for i in range(9)])
    assert "p3_len_a" not in [t.name for t in load_tasks(tasks)]
    assert f"{file}:1: all 9 answers are 'long'" in capsys.readouterr().err


def test_only_what_may_be_shipped(tasks):
    assert "p3_len_b" in [t.name for t in load_tasks(tasks)]
    assert "p3_len_b" not in [t.name for t in load_tasks(tasks, ship_only=True)]


@pytest.mark.parametrize(
    "text, reason",
    [
        ("{", "manifest.json: "),
        ("{}", "want a list"),
        ('[{"name": "../x", "split": "train"}]', "want a name"),
        ('[{"name": "x", "split": "test"}]', "want train or heldout"),
    ],
)
def test_bad_manifest(tasks, text, reason):
    (tasks / "manifest.json").write_text(text)
    with pytest.raises(Fault, match=reason):
        load_tasks(tasks)


def test_missing_file(tasks):
    (tasks / "train/upper.jsonl").unlink()
    with pytest.raises(Fault, match="upper.jsonl: No such file"):
        load_tasks(tasks)


def test_aside_is_a_share_by_hash():
    rows = [Row(i, f"in {i}", f"out {i}") for i in range(4000)]
    aside = {r.input for r in rows if r.is_aside(0.05)}
    assert 140 < len(aside) < 260
    assert {r.input for r in rows if r.is_aside(0.1)} > aside
    assert not any(r.is_aside(0) for r in rows)


def test_prompt():
    assert render(Row(1, "x"), "") == "Input: x\nOutput:"
    assert render(Row(1, "x", options=["a", "b"]), " Do it. ") == "Do it.\nInput: x\nOptions: a; b\nOutput:"
    assert render(Row(1, "x"), "i" * 300) == "i" * 200 + "\nInput: x\nOutput:"
