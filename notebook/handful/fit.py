"""A finished fine-tune."""


class Fit:
    """What adapt has made. It lives in the engine; export writes it to disk."""

    def __init__(self, model, data, options, look, epoch):
        self._model, self._id, self._epoch, self._packed = model, data["id"], epoch, None
        self.method = data["method"]
        self.losses = data["losses"]
        self.steps = data["steps"]  # [{"step", "loss", "lr", "gradNorm", "ms"}]
        self.trainable = data["trainable"]
        self.device = data["device"]
        self.dispatches = data["dispatches"]
        self.stopped = data["stopped"]
        self.routing = data.get("routing")
        self.scores = data.get("scores") or []  # base, mean and adapted on the rows kept aside
        self.start = data.get("start")
        self.instruction = options.get("instruction", "")
        self.row_options = look.get("options")  # that stood in every prompt
        self.labels = options.get("options") or chosen(look.get("labels") or {}, look["rows"])

    def export(self, folder, **options):
        """Handful.export of this one."""
        return self._model.export(folder, fit=self, **options)

    def files(self, **options):
        """Handful.files of this one."""
        return self._model.files(fit=self, **options)

    def similar(self, top=5, by="routing"):
        """Handful.similar of this one."""
        return self._model.similar(fit=self, top=top, by=by)

    def __repr__(self):
        text = f"<Fit {self.method}: {len(self.losses)} steps, loss {self.losses[0]:.4f} to {self.losses[-1]:.4f}"
        for s in self.scores:
            text += f"; {s['name']} {100 * s['accuracy']:.0f} % of {s['n']}"
        return text + (", stopped>" if self.stopped else ">")


def chosen(labels, rows):
    """Labels to choose from, by the engine's rule: 2 to 32, of two rows or more on average."""
    return sorted(labels) if 2 <= len(labels) <= 32 and 2 * len(labels) <= rows else None
