"""The page's side is a fake; all of the kernel's is real."""

import asyncio
import json

import pytest

from handful import Handful, HandfulError, Stopped
from page import Fault, Page, engine

rows = [("x", "a"), ("y", "b"), ("z", "a"), ("q", "b")]


@pytest.fixture
def model():
    w = Handful()
    yield w
    w.close()


def run(awaitable):
    async def it():
        return await awaitable

    return asyncio.run(it())


def test_files_go_in_pieces_and_results_come_back(model, tmp_path):
    page = Page(model._link, engine())
    fit = run(model.adapt(rows, steps=2, router_lr=0.5))
    methods = [m for m, _, _ in page.calls]
    assert methods == ["open", "preview", "adapt", "pack"]
    _, params, blobs = page.calls[0]
    names = [f["name"] for f in params["base"] + params["inventory"]]
    assert "config.json" in names and "adapter_model.safetensors" in names and len(blobs) == len(names)
    for f, blob in zip(params["base"] + params["inventory"], blobs):
        kept = next(p for p in [*model._link.opening["base"].iterdir(), *model._link.opening["inventory"].iterdir()] if p.name == f["name"] and p.stat().st_size == len(blob))
        assert kept.read_bytes() == blob, f
    asked = page.calls[2][1]
    assert asked["routerLr"] == 0.5 and asked["steps"] == 2 and asked["method"] == "z"
    assert [json.loads(line) for line in asked["examples"].splitlines()] == [{"input": a, "output": b} for a, b in rows]
    assert fit.losses == [2.0, 1.0] and model.info["model"] == "tiny" and repr(fit).startswith("<Fit z: 2 steps")

    out = run(model.export(tmp_path / "out"))
    assert (out / "adapter_config.json").read_bytes() == b"{}"
    assert (out / "lora/x.safetensors").read_bytes() == bytes(range(256)) * 20_000
    assert max(page.gave) <= 2 << 20 and len(page.gave) >= 4 and not page.held
    assert run(model.files())["adapter_config.json"] == b"{}"
    assert not any(key[0].isdigit() for key in model._link._held), "what was sent is let go"


def test_no_trait_holds_a_model(model):
    Page(model._link, engine())
    run(model.adapt(rows))
    state = {k: v for k, v in model.panel.get_state().items() if not k.startswith("_")}
    assert set(state) <= {"key", "assets", "layout", "tabbable", "tooltip"}
    assert len(str(model.panel.get_state())) < 40_000
    assert "b'" not in str(state)


def test_predict_chooses_labels_or_writes(model):
    page = Page(model._link, engine())
    run(model.adapt(rows))
    assert run(model.predict(["one", "two"])) == ["a", "a"] and run(model.predict("one")) == "a"
    assert page.calls[-1][1]["options"] == ["a", "b"] and page.calls[-1][1]["adapter"] == 1
    page.answers["preview"] = lambda p, b: {"rows": 4, "labels": {"a": 1, "b": 1, "c": 1}}
    run(model.adapt(rows))
    run(model.predict(["one"], max_tokens=5))
    assert page.calls[-1][1]["generate"] is True and page.calls[-1][1]["maxTokens"] == 5
    run(model.predict(["one"], options=["yes", "no"], adapter="base"))
    assert page.calls[-1][1]["options"] == ["yes", "no"] and page.calls[-1][1]["adapter"] == "base"
    page.answers["preview"] = lambda p, b: {"rows": 4, "options": ["a", "b"], "labels": {"a": 2, "b": 2}}
    run(model.adapt(rows))
    run(model.predict(["one"]))
    assert json.loads(page.calls[-1][1]["examples"])["options"] == ["a", "b"] and "options" not in page.calls[-1][1]


def test_faults_are_exceptions_with_the_same_words(model):
    err = {"kind": "unsupported", "op": "adapt", "msg": "got q, want z", "hint": "take z"}

    def refuse(p, b):
        raise Fault(err)

    Page(model._link, engine(adapt=refuse))
    with pytest.raises(HandfulError) as e:
        run(model.adapt(rows))
    assert str(e.value) == "adapt: got q, want z; take z" and (e.value.kind, e.value.op, e.value.hint) == ("unsupported", "adapt", "take z")
    # One that nobody has awaited is raised by the next call, once.
    model.adapt(rows)
    with pytest.raises(HandfulError, match="take z"):
        model.score(rows)
    assert run(model.score(rows))["loss"] == 1.5


def test_a_base_that_cannot_be_opened_is_tried_anew(model):
    def refuse(p, b):
        raise Fault({"kind": "corrupt", "op": "base", "msg": "bad", "hint": ""})

    page = Page(model._link, engine(open=refuse))
    with pytest.raises(HandfulError) as e:
        run(model.score(rows))
    assert e.value.kind == "corrupt"
    page.answers.update(engine())
    assert run(model.score(rows))["loss"] == 1.5


def test_stop_keeps_what_was_learned_and_cancel_does_not(model):
    page = Page(model._link, engine(adapt=lambda p, b: None))

    async def stopped():
        call = model.adapt(rows)
        model.stop()
        return await call

    assert run(stopped()).stopped

    async def cancelled():
        call, later = model.adapt(rows), model.score(rows)
        later.cancel()
        call.cancel()
        with pytest.raises(Stopped):
            await later
        await call

    with pytest.raises(Stopped) as e:
        run(cancelled())
    assert e.value.kind == "cancelled" and page.calls[-1][:2] == ("free", {"id": 9})

    async def interrupted():
        task = asyncio.ensure_future(model.adapt(rows)._wait())
        await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        run(interrupted())
    assert run(model.score(rows))["loss"] == 1.5


def test_messages_that_come_twice_or_out_of_order_do_not_matter(model):
    page, waiting = Page(model._link, engine()), []

    def later(buffers=(), **content):
        page.n += 1
        waiting.append(({"tab": page.tab, "n": page.n, **content}, list(buffers)))

    page.say = later
    call = model.score(rows)
    while waiting:
        batch = waiting[:4]
        del waiting[:4]
        for message in [*reversed(batch), *batch]:
            model._link._heard(*message)
    assert call._future.result(0)["loss"] == 1.5
    assert [m for m, _, _ in page.calls] == ["open", "score"]


def test_a_page_that_goes_loses_only_what_runs(model):
    page = Page(model._link, engine())
    fit = run(model.adapt(rows))
    page.answers["adapt"] = lambda p, b: None

    async def gone():
        call = model.adapt(rows)
        page.say(bye=True)
        page.closed = True
        await call

    with pytest.raises(HandfulError) as e:
        run(gone())
    assert e.value.kind == "device-lost" and "run the cell again" in e.value.hint
    after = Page(model._link, engine())
    assert "What was learned is kept" in after.shown[0]["status"] and after.shown[0]["losses"] == [2.0, 1.0]
    assert run(model.score(rows))["loss"] == 1.5
    assert [m for m, _, _ in after.calls] == ["open", "restore", "score"]
    assert after.calls[1][2] == [b"packed" * 1000] and after.calls[2][1]["adapter"] == 5
    assert model.fit is fit


def test_a_page_that_went_without_a_word_is_missed(model, monkeypatch):
    from handful import tab

    monkeypatch.setattr(tab, "pong", 0.05)
    page = Page(model._link, engine(score=lambda p, b: None))

    async def it():
        call = model.score(rows)
        page.closed = True
        after = Page(model._link, engine(), asks=False)
        model.panel.send = lambda content, buffers=None: [p.heard(content, buffers) for p in (page, after)]
        with pytest.raises(HandfulError) as e:
            await call
        assert e.value.kind == "device-lost"
        assert (await model.score(rows))["loss"] == 1.5

    run(it())


def test_a_second_page_does_not_take_the_engine(model):
    page = Page(model._link, engine())
    second = Page(model._link, engine(), asks=False)
    model.panel.send = lambda content, buffers=None: [p.heard(content, buffers) for p in (page, second)]
    run(model.score(rows))
    assert [m for m, _, _ in page.calls] == ["open", "score"] and not second.calls


def test_no_page_at_all(model, monkeypatch):
    from handful import tab

    monkeypatch.setattr(tab, "hello", 0.05)
    with pytest.raises(HandfulError, match="no page has shown the widget"):
        run(model.score(rows))


def test_result_does_not_wait_for_a_page(model):
    call = model.score(rows)
    with pytest.raises(HandfulError, match="write `await`"):
        call.result()


def test_close_ends_what_waits():
    w = Handful()
    call = w.score(rows)
    w.close()
    with pytest.raises(Stopped, match="closed"):
        run(call)
    with pytest.raises(Stopped, match="make a new Handful"):
        w.score(rows)
    w.close()


def test_the_module_is_one_text():
    from handful.tab import source

    text = source()
    assert "import " not in text.replace("import.meta", "").replace("await import", "") or "from './" not in text
    assert "function draw(" in text and "export default" in text and len(text) < 25_000


def test_the_scripts_have_what_they_import():
    import re

    from handful.files import part
    from handful.tab import scripts

    had = set()
    for name in scripts:
        wants = set(re.findall(r"^import\b[^;]*'\./([^']+)'", part(name).read_text(encoding="utf-8"), re.M))
        assert wants <= had, f"{name} imports {sorted(wants - had)}, which is no script before it"
        had.add(name)
    assert "program.mjs" in had and scripts[-1] == "engine-worker.js"
