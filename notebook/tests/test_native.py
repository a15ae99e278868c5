"""The program handful and the pocket model, for real."""

import asyncio
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest

from handful import Handful, HandfulError, Stopped
from handful.files import pocket

root = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not pathlib.Path(os.environ["HANDFUL_BIN"]).exists(), reason="no dist/handful: run `make build`")
verbs = [tuple(line.split(" => ")) for line in (root / "assets/samples/verb_s.train.txt").read_text().splitlines()]


@pytest.fixture(scope="module")
def model():
    with Handful(device="native:cpu") as w:
        yield w


def test_adapt_predict_score(model):
    pd = pytest.importorskip("pandas")
    kinds = []
    frame = pd.DataFrame(verbs, columns=["input", "output"])
    before = model.score(frame).result()["loss"]
    fit = model.adapt(frame, method="mu", held=root / "assets/samples/verb_s.held.txt", on=lambda kind, data: kinds.append(kind)).result()
    assert len(fit.losses) == 40 == len(model.losses) and fit.losses[-1] < 0.1
    assert {"plan", "step", "score"} <= set(kinds)
    assert [s["name"] for s in fit.scores] == ["base", "mean", "adapted"] and fit.scores[2]["accuracy"] > 0.6
    assert model.score(frame).result()["loss"] < 0.1 * before
    assert model.predict(["jump", "walk"]).result() == ["jumps", "walks"] and model.predict("jump").result() == "jumps"
    assert model.score(frame, adapter="base").result()["loss"] == pytest.approx(before)
    assert model.info["inventory"]["nSkills"] == 8


def test_labels_are_chosen(model):
    rows = [(w, "long" if len(w) > 5 else "short") for w in "go sit acknowledge run accomplish eat experience sleep understand walk".split()]
    model.adapt(rows, method="mu", steps=30).result()
    assert set(model.predict(["be", "comprehend", "see"]).result()) <= {"long", "short"}
    assert model.predict(["x"], options=["yes"], adapter="base").result() == ["yes"]


def test_generate_streams(model):
    model.adapt(verbs, method="mu").result()
    pieces = []
    assert model.generate("jump", on=pieces.append, max_tokens=12).result().strip() == "jumps" == "".join(pieces).strip()


def test_alignment(model):
    got = model.alignment({"a": verbs[:4], "b": verbs[4:8]}).result()
    assert got["tasks"] == ["a", "b"] and got["cosine"][0][0] == pytest.approx(1)


def test_similar(model):
    fit = model.adapt(verbs, method="z", steps=20).result()
    by = {by: fit.similar(top=3, by=by).result() for by in ("routing", "gradients")}
    assert [len(tasks) for tasks in by.values()] == [3, 3]
    assert by["gradients"][0]["task"] == "noun_plural" and by["gradients"][0]["cosine"] > 0.5
    with pytest.raises(HandfulError, match="routing or gradients"):
        model.similar(by="colour").result()


@pytest.mark.parametrize("method, where", [("z", "lora"), ("mu", "")])
def test_peft_opens_the_export_and_agrees(model, tmp_path, method, where):
    python = root / ".cache/venv/bin/python"
    if not python.exists():
        pytest.skip("no PEFT: scripts/setup.sh all installs it")
    model.adapt(verbs, method=method, steps=10).result()
    out = model.export(tmp_path / "out").result()
    assert json.loads((out / "adapter_config.json").read_text())["peft_type"] == ("POLY" if method == "z" else "LORA")
    ours = [r["nll_sum"] for r in model.score(verbs[:4]).result()["rows"]]
    rows = json.dumps([[f"Input: {a}\nOutput:", " " + b] for a, b in verbs[:4]])
    said = subprocess.run([python, root / "notebook/tests/peft_score.py", pocket()[0], out / where, rows], capture_output=True, text=True, check=True)
    assert ours == pytest.approx(json.loads(said.stdout.splitlines()[-1]), rel=1e-4, abs=1e-4)
    # The folder, and the same files as bytes, come back as an adapter.
    for adapter in (out, {k: v for k, v in model.files().result().items() if "/" not in k and k.startswith("adapter_")}):
        with Handful(adapter=adapter, device="native:cpu") as again:
            assert [r["nll_sum"] for r in again.score(verbs[:4]).result()["rows"]] == pytest.approx(ours, rel=1e-5)


def test_faults(model):
    for call, words, kind in [
        (lambda: model.adapt(verbs, stepz=3), 'adapt: got the unknown option "stepz"', "input"),
        (lambda: model.adapt([("a", "")]), "examples: line 1: the output is empty; correct the line, or take it out", "input"),
        (lambda: model.adapt(verbs, steps="many"), "steps: got a string", "input"),
        (lambda: model.score(verbs, adapter="task:none"), "none", "input"),
        (lambda: model.export("out", to="nothing"), "nothing", "input"),
    ]:
        with pytest.raises(HandfulError) as e:
            call().result()
        assert words in str(e.value) and e.value.kind == kind, e.value
    with pytest.raises(HandfulError, match="nothing was learned yet"):
        Handful(device="native").export("out")


def test_a_base_that_is_none(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(HandfulError) as e:
        Handful(base=tmp_path, device="native").open().result()
    assert e.value.kind in ("input", "unsupported") and e.value.hint


def test_stop_and_cancel(model):
    call = model.adapt(verbs, method="mu", steps=100_000)
    while not model.losses:
        time.sleep(0.01)
    model.stop()
    fit = call.result(60)
    assert fit.stopped and len(fit.losses) < 100_000

    call = model.adapt(verbs, method="mu", steps=100_000)
    waits = model.score(verbs[:2])
    while not model.losses:
        time.sleep(0.01)
    call.cancel()
    with pytest.raises(Stopped):
        call.result(60)
    assert waits.result(60)["loss"] > 0 and model.fit is fit


def test_ctrl_c_in_a_script():
    script = f"""
import signal, sys; sys.path.insert(0, {str(root / "notebook")!r})
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may have it ignored
from handful import Handful
w = Handful(device="native:cpu")
call = w.adapt([("a", "b"), ("c", "d")], method="mu", steps=100000, on=lambda kind, data: kind == "step" and print("step", flush=True))
try:
    call.result()
except KeyboardInterrupt:
    print("interrupted", w.predict("a", max_tokens=3).result() is not None, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        while "step" not in child.stdout.readline():
            pass
        child.send_signal(2)
        assert "interrupted True" in child.communicate(timeout=60)[0]
    finally:
        child.kill()


def test_await_works_too():
    async def it():
        with Handful(device="native:cpu") as w:
            first, second = w.adapt(verbs, method="z", steps=2), w.predict(["jump"])
            return await second, await first

    got, fit = asyncio.run(it())
    assert len(got) == 1 and fit.routing["sites"]


def test_a_program_that_dies_is_named(tmp_path, monkeypatch):
    with Handful(device="native:cpu") as w:
        w.open().result()
        call = w.adapt(verbs, method="mu", steps=100_000)
        while not w.losses:
            time.sleep(0.01)
        w._link._child.kill()
        with pytest.raises(HandfulError, match="the program ended with status"):
            call.result(60)
        assert w.score(verbs[:2]).result()["loss"] > 0  # it is started anew
    monkeypatch.setenv("HANDFUL_BIN", str(tmp_path / "none"))
    with pytest.raises(HandfulError, match="HANDFUL_BIN is .* which is no program"):
        Handful(device="native").open().result()


def test_no_process_is_left():
    w = Handful(device="native:cpu")
    w.open().result()
    child = w._link._child
    del w
    assert child.wait(20) == 0


def test_the_quick_start_for_scripts(tmp_path):
    _, script = re.findall(r"```python\n(.*?)```", (root / "docs/notebooks.md").read_text(), re.S)
    env = {**os.environ, "PYTHONPATH": str(root / "notebook")}
    said = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("<Fit mu: 40 steps") and (tmp_path / "verbs/adapter_config.json").exists()


@pytest.mark.skipif(not os.environ.get("HANDFUL_SLOW"), reason="takes minutes: set HANDFUL_SLOW=1")
def test_smollm2():
    base = pathlib.Path(os.environ.get("HANDFUL_BASE") or root / ".cache/base/SmolLM2-135M-Instruct.Q4_1.gguf")
    if not base.exists():
        pytest.skip("no base model: make base")
    spam = [json.loads(line) for line in (root / "assets/samples/sms_spam.train.jsonl").read_text().splitlines()]
    with Handful(base, root / "assets/inventory/smollm2-135m-mhr", device="native:cpu") as w:
        w.adapt(spam, method="mu", steps=12).result()
        assert w.predict(["Claim your free prize now, text WIN to 80888", "See you at seven then"]).result() == ["spam", "ham"]
