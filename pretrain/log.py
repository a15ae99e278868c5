"""A run's log."""

import json
from pathlib import Path

from .fault import Fault


class Log:
    """log.jsonl; lines of steps after the checkpoint are dropped, as those steps are done again."""

    def __init__(self, path: Path, step: int):
        kept = []
        if step and path.exists():
            for raw in path.read_text().splitlines():
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue  # the kill cut it
                if line["step"] < step or ("held_out" in line and line["step"] <= step):
                    kept.append(raw)
        path.write_text("".join(f"{raw}\n" for raw in kept))
        self.file = open(path, "a", buffering=1)

    def write(self, line: dict):
        try:
            self.file.write(json.dumps(line) + "\n")
        except OSError as e:
            raise Fault("log", f"{self.file.name}: {e.strerror}", "make room, then go on with --resume") from e

    def flush(self):
        self.file.flush()
