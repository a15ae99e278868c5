"""The engine in the page that shows the notebook, over the widget's comm.

Messages are small but for pieces of files, which go as binary buffers to
whoever asked for them. Nothing of a model is ever a synced trait, so nothing
of it is saved with the notebook. Several pages may show one notebook: one of
them runs the engine, the others are not spoken to.
"""

import asyncio
import json
import pathlib
import threading
import time
import uuid
import weakref

import anywidget
import traitlets

from . import files
from .faults import HandfulError

here = pathlib.Path(__file__).parent
scripts = ("build.js", "program.mjs", "store.mjs", "models.mjs", "crew.mjs", "gpu-shim.js", "wasm_exec.js", "engine-worker.js")  # each after what it imports
piece = 2 << 20  # bytes in one message
hello = 60.0  # seconds until a page that does not answer is missed
pong = 5.0  # seconds that a page has to show that it is there


def source():
    """The widget's module: one text, as anywidget wants it."""
    panel = (here / "panel.js").read_text(encoding="utf-8").replace("export function", "function")
    return (here / "widget.js").read_text(encoding="utf-8").replace("import { draw } from './panel.js';\n", panel)


class Panel(anywidget.AnyWidget):
    """What a cell shows. Its traits say where the engine's parts are, no more."""

    _esm = source()
    _css = (here / "widget.css").read_text(encoding="utf-8")
    key = traitlets.Unicode().tag(sync=True)
    assets = traitlets.Dict().tag(sync=True)


class Assets:
    """The engine's parts as the page asks for them."""

    def __init__(self):
        texts = [[name, files.part(name).read_text(encoding="utf-8")] for name in scripts]
        self.held = {"asset:scripts": json.dumps(texts).encode(), "asset:engine": files.part("engine.wasm.gz")}
        self.sizes = {"scripts": len(self.held["asset:scripts"]), "engine": size(self.held["asset:engine"])}


def size(held):
    return len(held) if isinstance(held, (bytes, bytearray, memoryview)) else held.stat().st_size


def cut(held, at, n):
    """A piece of bytes or of a file."""
    if isinstance(held, (bytes, bytearray, memoryview)):
        return bytes(held[at : at + n])
    with held.open("rb") as f:
        f.seek(at)
        return f.read(n)


class Tab:
    """A link to a page."""

    threaded = False
    packs = True  # what was learned outlives the page here

    def __init__(self, opening, device):
        self.client, self.opening, self.device = None, opening, device
        self.epoch, self.open = 0, False
        assets = Assets()
        self._held = dict(assets.held)
        self._tabs = {}  # what is heard of each page: the number of its next message, and those that came early
        self._tab = None  # the page that runs the engine
        self._ponged = 0.0
        self._waiting = []  # what is to be said when there is a page
        self._answers = {}  # id of a call → its blobs, as they come
        self._lock = threading.RLock()
        self.state = {}
        self.panel = Panel(key=uuid.uuid4().hex, assets=assets.sizes)
        link = weakref.ref(self)
        self.panel.on_msg(lambda widget, content, buffers: link() and link()._heard(content, buffers))

    # What the client asks.

    def post(self, request, blobs):
        refs = []
        if request["method"] == "open":
            request, blobs = self._opening(request)
        for i, b in enumerate(blobs):
            key = f"{request['id']}:{i}"
            self._held[key] = b
            refs.append({"key": key, "size": size(b)})
        self._say({"request": request, "blobs": refs})

    def _opening(self, request):
        params, blobs = {"device": {"kind": self.device}, "keep": False}, []
        if self.opening.get("kernel"):
            params["device"]["family"] = self.opening["kernel"]
        if self.opening.get("memory"):
            params["device"]["memory"] = int(self.opening["memory"]) << 20
        for op in ("base", "inventory", "adapter"):
            if self.opening.get(op) is not None:
                listed = files.listed(op, self.opening[op])
                params[op] = [{"name": name, "blob": len(blobs) + i} for i, (name, _) in enumerate(listed)]
                blobs += [held for _, held in listed]
        self.epoch += 1
        self.open = True
        return {**request, "params": params}, blobs

    def failed(self):
        """What was to be opened was not."""
        self.open = False

    def close(self):
        self.open = False
        self.panel.close()

    def note(self, text):
        """Shows a line in the panel."""
        self.state["status"] = text
        self._send({"show": {"status": text}})

    # What pages say.

    def take(self, model, content, buffers):
        """A message of a page that did not come by the usual way; it may come again."""
        if model == getattr(self.panel, "_model_id", None):
            self._heard(content, buffers)

    def _heard(self, content, buffers):
        """Takes messages of each page in their order, each once: threads and queues may change it."""
        try:
            tab, n = content["tab"], content["n"]
        except (TypeError, KeyError):
            return
        with self._lock:
            known = self._tabs.setdefault(tab, {"next": 1, "early": {}})
            if n >= known["next"]:
                known["early"][n] = (content, buffers)
            while known["next"] in known["early"]:
                content, buffers = known["early"].pop(known["next"])
                known["next"] += 1
                self._one(tab, content, buffers)

    def _one(self, tab, content, buffers):
        if content.get("hello"):
            self._came(tab)
        elif content.get("bye"):
            self._tabs.pop(tab, None)
            if tab == self._tab:
                self._left()
        elif tab != self._tab:
            pass  # it does not run the engine
        elif content.get("pong"):
            self._ponged = time.monotonic()
        elif "want" in content:
            self._give(content)
        elif "event" in content:
            self._event(json.loads(content["event"]), content.get("blobs") or [])
        elif "gave" in content:
            self._gave(content, bytes(buffers[0]))

    def _came(self, tab):
        """A page is there. It gets the engine where no other page has it."""
        if self._tab is None:
            self._tab = tab
            self._send({"to": tab, "show": self.state})
            waiting, self._waiting = self._waiting, []
            for content in waiting:
                self._send({"to": tab, **content})
            return
        asked, old = time.monotonic(), self._tab
        self._send({"to": old, "ping": uuid.uuid4().hex})
        self._send({"to": tab, "show": {**self.state, "status": "Another page shows this notebook; the model runs there."}})
        later(pong, self, lambda self: self._ponged < asked and self._tab == old and self._left(tab))

    def _left(self, heir=None):
        """The page with the engine is gone."""
        with self._lock:
            self._tabs.pop(self._tab, None)
            self._tab, self.open = None, False
            self._answers.clear()
            self._waiting.clear()
            self.state["status"] = "The page was reloaded or closed. What was learned is kept: the next call opens the model again."
            self.state["running"] = False
            self.client.lost(HandfulError("device-lost", "engine", "the page that ran it was reloaded or closed", "run the cell again; what was learned before is kept"))
            if heir:
                self._came(heir)

    def _give(self, content):
        held = self._held.get(content["want"])
        if held is not None:
            self._send({"to": self._tab, "piece": content["want"], "at": content["at"]}, [cut(held, content["at"], content["size"])])

    def _event(self, event, sizes):
        if event["kind"] in ("done", "fault", "crash"):
            for key in [k for k in self._held if k.startswith(f"{event['id']}:")]:
                del self._held[key]  # the page has them
        if event["kind"] == "crash":
            self.open = False
        if not sizes or not sum(sizes):
            self.client.heard(event, [b""] * len(sizes))
            return
        wanted = [(i, at, min(piece, n - at)) for i, n in enumerate(sizes) for at in range(0, n, piece)]
        self._answers[event["id"]] = {"event": event, "blobs": [bytearray(n) for n in sizes], "left": len(wanted), "wanted": iter(wanted)}
        for _ in range(3):
            self._pull(event["id"])

    def _pull(self, call):
        blob, at, n = next(self._answers[call]["wanted"], (None, 0, 0))
        if blob is not None:
            self._send({"to": self._tab, "pull": call, "blob": blob, "at": at, "size": n})

    def _gave(self, content, data):
        answer = self._answers.get(content["gave"])
        if answer is None:
            return
        answer["blobs"][content["blob"]][content["at"] : content["at"] + len(data)] = data
        answer["left"] -= 1
        if answer["left"]:
            self._pull(content["gave"])
            return
        del self._answers[content["gave"]]
        self._send({"to": self._tab, "drop": content["gave"]})
        self.client.heard(answer["event"], [bytes(b) for b in answer["blobs"]])

    # To the page.

    def _say(self, content):
        """Says something to the page with the engine, when there is one."""
        with self._lock:
            if self._tab is not None:
                self._send({"to": self._tab, **content})
                return
            self._waiting.append(content)
            later(hello, self, lambda self: content in self._waiting and self._missed())

    def _missed(self):
        self._waiting.clear()
        self.open = False
        self.client.lost(HandfulError("input", "engine", f"no page has shown the widget for {hello:.0f} s", "show it: end a cell with the Handful itself, and keep the notebook open"))

    def _send(self, content, buffers=None):
        self.panel.send(content, buffers)


def later(seconds, link, do):
    """Does something with a link after a while, if that is still there."""
    ref = weakref.ref(link)

    def now():
        it = ref()
        if it is not None:
            with it._lock:
                do(it)

    try:
        asyncio.get_running_loop().call_later(seconds, now)
    except RuntimeError:
        timer = threading.Timer(seconds, now)
        timer.daemon = True
        timer.start()
