"""Handful: a base model and skills, open in the notebook's page or natively."""

import weakref

from . import files, rows
from .client import Ask, Call, Client
from .faults import HandfulError, Stopped, wrong
from .fit import Fit

MOST_LABELS = 32  # the engine chooses among so many


class Handful:
    """A small language model, ready to be adapted with a handful of examples.

    base: a Hugging Face folder or a .gguf on the kernel's disk; the pocket
    model of this package when not given. inventory: the skills to route over,
    a PEFT POLY folder, an mttl checkpoint or LoRAs. adapter: something trained
    before, to use or to begin with. Each may also be {name: bytes}.

    device: "auto", "cpu" or "gpu" run in the page that shows the notebook, on
    its machine; "native" (or "native:cpu", "native:gpu") runs the program
    handful beside the kernel, without a page.

    Calls start at once and one follows the other. Await each for what it
    gives; in a script, where nothing is awaited, ask for its result().
    """

    def __init__(self, base=None, inventory=None, adapter=None, device="auto", kernel=None, memory=None):
        if base is None:
            base, own = files.pocket()
            inventory = own if inventory is None else inventory
        opening = {"base": base, "inventory": inventory, "adapter": adapter, "kernel": kernel, "memory": memory}
        where, _, kind = str(device).partition(":")
        if (kind or where) not in ("auto", "cpu", "gpu", "native") or kind and where != "native" or kind == "native":
            raise wrong("device", f"got {device!r}, want auto, cpu, gpu, native, native:cpu or native:gpu")
        for op in ("base", "inventory", "adapter"):
            if opening[op] is not None:
                files.listed(op, opening[op])
        if where == "native":
            from .process import Process

            self._link = Process(opening, kind or "auto")
        else:
            from .tab import Tab

            self._link = Tab(opening, where)
        self._client = self._link.client = Client(self._link)
        self._file = "file" if adapter is not None else "base"
        self.info = None
        """What is open: model, device, inventory …; None before the first call."""
        self.fit = None
        """The newest fine-tune, which calls use unless told otherwise."""
        self.losses = []
        """Of the newest adapt, as they come."""
        self._close = weakref.finalize(self, self._client.close)

    # Calls.

    def adapt(self, examples, method="z", held=None, on=None, **options):
        """Fine-tunes on examples; gives a Fit.

        examples, held (rows to score on): a DataFrame, a Dataset, rows as
        dicts or pairs, text, or a path of a file. method: z, mu, mhr, lora or
        ia3. Other options have the command line's names: steps, batch, lr,
        router_lr, holdout, instruction, seed, … on(kind, data) hears of
        what happens.
        """
        options = asked(options, method=method, examples=rows.jsonl(examples))
        if held is not None:
            options["held"] = rows.jsonl(held, "held")
        if self.panel is not None and method in ("z", "mhr"):
            options.setdefault("routingEvery", 4)  # the panel shows it as it goes
        self._display()
        return self._call("adapt", self._adapt(options, on), keeps=True)

    def predict(self, inputs, adapter=None, options=None, max_tokens=32, instruction=None):
        """Answers inputs: a list of labels or texts, one string for one.

        inputs: strings, a column, rows as dicts or a DataFrame. Where the
        examples had labels to choose from, or options names some, it is the
        likeliest of them, else what the model writes.
        """
        given, one = rows.inputs(inputs)
        if not given:
            raise wrong("predict", "got no inputs, want at least one")
        return self._call("predict", self._predict(given, one, adapter, options, max_tokens, instruction))

    def score(self, examples, adapter=None, **options):
        """Gives {"loss", "rows": [{"nll_sum", "nll_mean", "tokens"}]} in nats."""
        return self._call("score", self._using("score", adapter, asked(options, examples=rows.jsonl(examples))))

    def evaluate(self, examples, adapter=None, **options):
        """Judges on rows with answers: {"accuracy", "balanced", "loss", "rows", …}."""
        return self._call("evaluate", self._using("evaluate", adapter, asked(options, examples=rows.jsonl(examples))))

    def generate(self, prompt, adapter=None, on=None, **options):
        """Continues a prompt; on(piece) hears the text as it comes."""
        events = on and (lambda kind, data: kind == "text" and [on(piece) for piece in data])
        return self._call("generate", self._using("generate", adapter, asked(options, prompt=prompt), events))

    def alignment(self, tasks, adapter="skills", **options):
        """Compares the gradients of tasks: {name: examples}. A name of the inventory's training tasks picks its router row."""
        named = [{"name": name, "examples": rows.jsonl(t)} for name, t in dict(tasks).items()]
        return self._call("alignment", self._using("alignment", adapter, asked(options, tasks=named)))

    def similar(self, fit=None, top=5, by="routing"):
        """Gives the training tasks that are most like the newest fine-tune: [{"task", "cosine"}].

        by: routing, or gradients: those of its first 32 examples.
        """
        return self._call("similar", self._similar(fit, {"top": top, "by": by}))

    def export(self, folder, fit=None, to=None, **options):
        """Writes the newest fine-tune as a PEFT folder on the kernel's disk; gives its path.

        to: peft-lora, peft-poly, peft-ia3, gguf-lora or merged instead of
        what adapt of the command line writes.
        """
        fit = fit or self.fit
        if not self._pending() and fit is None:
            raise wrong("export", "nothing was learned yet", "call adapt first")
        files.check(folder)
        return self._call("export", self._export(folder, fit, asked(options, to=to)))

    def files(self, fit=None, to=None, **options):
        """Gives the same files as {name: bytes}."""
        return self._call("files", self._files(fit, asked(options, to=to)))

    def open(self):
        """Opens the model now and not at the first call; gives info."""
        return self._call("open", self._ready())

    def stop(self):
        """Ends what runs: adapt after its step, with what it has learned."""
        self._client.stop()

    def close(self):
        """Ends the engine and gives all its memory back."""
        self._close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Jobs: see client.

    def _call(self, name, job, keeps=False):
        return self._client.submit(Call(self._client, name, job, keeps))

    def _pending(self):
        return bool(self._client._queue)

    def _ready(self):
        if not self._link.open:
            try:
                self.info, _ = yield Ask("open")
            except BaseException:
                self._link.failed()
                raise
        return self.info

    def _adapt(self, options, on):
        yield from self._ready()
        self.losses = []
        look, _ = yield Ask("preview", {"examples": options["examples"], "instruction": options.get("instruction", "")})

        def hear(kind, data):
            if kind == "step":
                self.losses += [s["loss"] for s in data]
            if on:
                on(kind, data)

        try:
            data, _ = yield Ask("adapt", options, on=hear)
        except Stopped as e:
            if getattr(e, "answer", None):
                yield Ask("free", {"id": e.answer["id"]})
            raise
        fit = Fit(self, data, options, look, self._link.epoch)
        if self._link.packs:
            yield from self._pack(fit)
            self._link.state.update(losses=fit.losses, routing=fit.routing, scores=fit.scores, steps=len(fit.losses))
        self.fit = fit
        return fit

    def _pack(self, fit):
        try:
            _, (fit._packed,) = yield Ask("pack", {"id": fit._id})
        except HandfulError as e:
            if e.kind != "unsupported":  # mhr is too large to be kept
                raise

    def _id(self, fit):
        """The engine's id of a fine-tune; one that a page took with it is made again."""
        yield from self._ready()
        if fit._epoch != self._link.epoch:
            if fit._packed is None:
                raise HandfulError("device-lost", "adapter", "the page that held it was reloaded or closed", "adapt again")
            data, _ = yield Ask("restore", blobs=[fit._packed])
            fit._id, fit._epoch = data["id"], self._link.epoch
        return fit._id

    def _adapter(self, adapter):
        """Which adapter: the one named, else the newest fine-tune."""
        yield from self._ready()
        adapter = adapter if adapter is not None else self.fit or self._file
        if isinstance(adapter, Fit):
            return (yield from self._id(adapter))
        return adapter

    def _using(self, method, adapter, params, on=None):
        params["adapter"] = yield from self._adapter(adapter)
        fit = self._fit_of(adapter)
        if fit and fit.instruction and method != "alignment":
            params.setdefault("instruction", fit.instruction)
        if fit and method == "generate" and fit.row_options and not params.get("raw"):
            params.setdefault("options", fit.row_options)
        data, _ = yield Ask(method, params, on=on)
        return data

    def _fit_of(self, adapter):
        return adapter if isinstance(adapter, Fit) else self.fit if adapter is None else None

    def _predict(self, given, one, adapter, labels, most, instruction):
        which = yield from self._adapter(adapter)
        fit = self._fit_of(adapter)
        params = asked({}, adapter=which, instruction=instruction if instruction is not None else fit and fit.instruction, truncate=True)
        shown = fit.row_options if fit else None
        if shown:
            given = [{"options": shown, **row} for row in given]
        choices = labels or (None if all(row.get("options") for row in given) else fit and fit.labels)
        if choices and len(choices) > MOST_LABELS:
            raise wrong("predict", f"got {len(choices)} options, want at most {MOST_LABELS}")
        if choices:
            params["options"] = list(choices)
        elif not all(row.get("options") for row in given):
            params.update(generate=True, maxTokens=most)
        answer = lambda row: {**row, "output": (choices or row.get("options") or ["a"])[0]}  # noqa: E731  the engine judges answers: any will do
        params["examples"] = "\n".join(rows.line(answer(row), i, "predict") for i, row in enumerate(given))
        data, _ = yield Ask("evaluate", params)
        got = [row["got"] for row in data["rows"]]
        return got[0] if one else got

    def _learned(self, op, fit):
        fit = fit or self.fit
        if fit is None:
            raise wrong(op, "nothing was learned yet", "call adapt first")
        return (yield from self._id(fit))

    def _similar(self, fit, params):
        params["id"] = yield from self._learned("similar", fit)
        data, _ = yield Ask("similar", params)
        return data

    def _files(self, fit, params):
        params["id"] = yield from self._learned("export", fit)
        data, blobs = yield Ask("export", params)
        return dict(zip(data["names"], blobs))

    def _export(self, folder, fit, params):
        content = yield from self._files(fit, params)
        return files.write(folder, content)

    # What cells show.

    @property
    def routing(self):
        """Of the newest fine-tune: {"sites", "w": [site][head][skill]}."""
        return self.fit and self.fit.routing

    @property
    def panel(self):
        """The widget; None natively."""
        return getattr(self._link, "panel", None)

    def _display(self):
        """Shows the panel in the cell that adapts, under Jupyter."""
        from .hosts import kernel

        if self.panel is not None and kernel() is not None:
            from IPython.display import display

            display(self.panel)

    def _display_(self):  # marimo's
        return self.panel if self.panel is not None else repr(self)

    def _repr_mimebundle_(self, **kwargs):
        if self.panel is None:
            return {"text/plain": repr(self)}
        return self.panel._repr_mimebundle_(**kwargs)

    def __repr__(self):
        model = self.info["model"] if self.info else "nothing open yet"
        return f"<Handful: {model}{f', {len(self.losses)} steps learned' if self.fit else ''}>"


def asked(options, **more):
    """Options as the engine names them; None is not asked for."""
    options = {**options, **more}
    return {camel(k): rows.plain(v) if hasattr(v, "tolist") else v for k, v in options.items() if v is not None}


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
