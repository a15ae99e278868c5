"""The one kind of error that a user meets."""


class Fault(Exception):
    """One line: `op: what, got, want; next step`."""

    def __init__(self, op: str, what: str, next: str = ""):
        super().__init__(f"{op}: {what}" + (f"; {next}" if next else ""))
