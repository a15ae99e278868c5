"""A page for tests: what widget.js does, in Python, with an engine that answers from a table."""

import itertools
import json


class Page:
    """Stands behind a Panel's comm. answers: method → function of (params, blobs), which gives data, or
    (data, blobs), or raises a dict (a fault); None leaves the call open."""

    names = itertools.count(1)

    def __init__(self, link, answers, asks=True):
        self.link, self.answers, self.tab, self.n = link, answers, f"page{next(self.names)}", 0
        self.calls, self.shown, self.got, self.closed = [], [], {}, False
        self.open, self.held, self.gave = {}, {}, []
        if asks:
            link.panel.send = self.heard
        self.say(hello=True)

    def say(self, buffers=(), **content):
        self.n += 1
        self.link._heard({"tab": self.tab, "n": self.n, **content}, list(buffers))

    def heard(self, content, buffers=None):
        """What the kernel says. It goes through JSON, as on a comm."""
        content = json.loads(json.dumps(content))
        if self.closed or content.get("to", self.tab) != self.tab:
            return
        if "ping" in content:
            self.say(pong=content["ping"])
        if "show" in content:
            self.shown.append(content["show"])
        if "request" in content:
            self.request(content["request"], content["blobs"])
        if "piece" in content:
            self.piece(content["piece"], content["at"], buffers[0])
        if "pull" in content:
            data = self.held[content["pull"]][content["blob"]]
            self.gave.append(content["size"])
            self.say([memoryview(data[content["at"] : content["at"] + content["size"]])], gave=content["pull"], blob=content["blob"], at=content["at"])
        if "drop" in content:
            del self.held[content["drop"]]

    def request(self, request, refs):
        if request["method"] == "cancel":
            self.answer(request["params"]["id"])
            return
        self.open[request["id"]] = (request, [bytearray(r["size"]) for r in refs], refs)
        for r in refs:
            self.got[r["key"]] = 0
        wants = [(r["key"], at, min(1000, r["size"] - at)) for r in refs for at in range(0, r["size"], 1000)]
        for key, at, size in reversed(wants):  # in any order
            self.say(want=key, at=at, size=size)
        if not wants:
            self.ready(request["id"])

    def piece(self, key, at, data):
        call, i = (int(x) for x in key.split(":"))
        _, blobs, refs = self.open[call]
        blobs[i][at : at + len(data)] = data
        self.got[key] += len(data)
        if all(self.got[r["key"]] == r["size"] for r in refs):
            self.ready(call)

    def ready(self, call):
        request, blobs, _ = self.open[call]
        self.calls.append((request["method"], request.get("params"), [bytes(b) for b in blobs]))
        try:
            answer = self.answers[request["method"]](request.get("params"), blobs)
        except Fault as f:
            self.event(id=call, kind="fault", err=f.args[0])
            return
        if answer is not None:
            self.done(call, answer)

    def answer(self, call):
        """Ends a call that was left open."""
        self.done(call, {"id": 9, **FIT, "stopped": True})

    def done(self, call, answer):
        data, blobs = answer if isinstance(answer, tuple) else (answer, [])
        self.event(blobs, id=call, kind="done", data=data)

    def event(self, blobs=(), **event):
        if blobs:
            self.held[event["id"]] = list(blobs)
        self.say(event=json.dumps({"seq": 1, **event}), blobs=[len(b) for b in blobs])


class Fault(Exception):
    pass


FIT = {"method": "z", "losses": [2.0, 1.0], "steps": [], "trainable": 4, "device": {}, "dispatches": 7, "stopped": False}
INFO = {"model": "tiny", "device": {"kind": "cpu"}}


def engine(**more):
    """Answers of an engine that does what it is asked."""
    return {
        "open": lambda p, b: INFO,
        "preview": lambda p, b: {"rows": 4, "labels": {"a": 2, "b": 2}},
        "adapt": lambda p, b: {"id": 1, **FIT},
        "pack": lambda p, b: ({}, [b"packed" * 1000]),
        "restore": lambda p, b: {"id": 5, **FIT},
        "free": lambda p, b: {},
        "score": lambda p, b: {"loss": 1.5, "rows": []},
        "evaluate": lambda p, b: {"rows": [{"got": "a"} for _ in p["examples"].splitlines()]},
        "export": lambda p, b: ({"names": ["adapter_config.json", "lora/x.safetensors"]}, [b"{}", bytes(range(256)) * 20_000]),
        **more,
    }
