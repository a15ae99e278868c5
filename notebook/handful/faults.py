"""What goes wrong, with the engine's own words."""


class HandfulError(Exception):
    """A fault: what was being done, what was got and wanted, what to do next.

    kind is the engine's: "bug", "input" (the input is wrong), "unsupported",
    "no-gpu", "device-lost", "memory", "quota", "network", "corrupt" or
    "cancelled".
    """

    def __init__(self, kind, op, msg, hint=""):
        super().__init__(f"{op}: {msg}" + (f"; {hint}" if hint else ""))
        self.kind, self.op, self.msg, self.hint = kind, op, msg, hint


class Stopped(HandfulError):
    """A call that was stopped: by KeyboardInterrupt, Call.cancel or Handful.close."""

    def __init__(self, op, msg="stopped", hint=""):
        super().__init__("cancelled", op, msg, hint)


def fault(err):
    """Makes an exception of a fault as the engine writes it."""
    if err.get("kind") == "cancelled":
        return Stopped(err.get("op", "engine"), err.get("msg", "stopped"), err.get("hint", ""))
    return HandfulError(err.get("kind", "bug"), err.get("op", "engine"), err.get("msg", ""), err.get("hint", ""))


def wrong(op, msg, hint=""):
    """The input is wrong."""
    return HandfulError("input", op, msg, hint)
