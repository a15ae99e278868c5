"""Task files: reading, checking, and keeping rows aside."""

import hashlib
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .fault import Fault

LONGEST_LINE = 1 << 20
MOST_FAULTS = 20  # shown at once


@dataclass
class Row:
    """An example; or one already in tokens, where `ids` is (input_ids, labels)."""

    line: int
    input: str = ""
    output: str = ""
    options: list[str] | None = None
    ids: tuple[list[int], list[int]] | None = None

    @property
    def key(self) -> tuple:
        return (self.input, self.output) if self.ids is None else tuple(map(tuple, self.ids))

    def is_aside(self, share: float) -> bool:
        """Whether the row is kept for the held-out loss: by its hash, so that equal rows of all tasks lie on one side."""
        digest = hashlib.sha256("\0".join(map(str, self.key)).encode()).digest()
        return int.from_bytes(digest[:8], "big") < share * 2**64


@dataclass
class Task:
    name: str
    category: str
    dataset: str
    split: str
    file: Path
    instruction: str = ""
    licence: str = ""
    source: str = ""
    weight: float = 1.0
    labels: list[str] | None = None
    sha256: str = ""
    rows: list[Row] = field(default_factory=list)


def note(text: str):
    print(f"note: {text}", file=sys.stderr)


def dataset_of(entry: dict) -> str:
    """Sibling templates of one data set share this name: the manifest's `dataset`, P3's data set, or the name less a number at its end."""
    if entry.get("dataset"):
        return entry["dataset"]
    if entry.get("category", "").startswith("p3/"):
        return entry["category"]
    return re.sub(r"_\d+$", "", entry["name"])


def load_tasks(folder, split="train", ship_only=False, only="") -> list[Task]:
    """Reads the manifest's tasks of a split, in its order.

    Malformed rows stop it, each named by file, line and reason. Left out with a
    note: rows given twice, rows of a training task that a held-out task has
    too, and classification tasks whose rows all have the same answer.
    """
    folder = Path(folder)
    entries = _manifest(folder)
    chosen = [e for e in entries if e["split"] == split and re.search(only, e["name"]) and (e.get("ship") or not ship_only)]
    faults: list[str] = []
    tasks = [_read(folder, e, faults) for e in chosen]
    held = {}
    if split == "train":
        for e in entries:
            if e["split"] == "heldout" and (folder / "heldout" / f"{e['name']}.jsonl").exists():
                held |= {r.key: e["name"] for r in _read(folder, e, faults).rows}
    if faults:
        more = f"\n  and {len(faults) - MOST_FAULTS} more" if len(faults) > MOST_FAULTS else ""
        raise Fault("tasks", f"{len(faults)} malformed rows:\n  " + "\n  ".join(faults[:MOST_FAULTS]) + more)
    tasks = [t for t in tasks if _keep(t, held)]
    if not tasks:
        raise Fault(
            "tasks", f"{folder} has no {split} task left to take", "--no-ship-only takes those that may not be given away; see --only"
        )
    return tasks


def _manifest(folder: Path) -> list[dict]:
    path = folder / "manifest.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(entries, list) and all(isinstance(e, dict) for e in entries), "want a list of objects"
        for e in entries:
            assert isinstance(e.get("name"), str) and re.fullmatch(r"[\w.-]+", e["name"]), (
                f"task {e.get('name')!r}: want a name of letters, digits, '_', '.', '-'"
            )
            assert e.get("split") in ("train", "heldout"), f"{e['name']}: split is {e.get('split')!r}, want train or heldout"
    except (OSError, ValueError, AssertionError) as e:
        raise Fault("tasks", f"{path}: {e}", 'the manifest lists {"name", "split", "category", "instruction", "licence", "ship"}') from None
    twice = [n for n, c in Counter(e["name"] for e in entries).items() if c > 1]
    if twice:
        raise Fault("tasks", f"{path}: {twice[0]} is listed twice")
    return entries


def _read(folder: Path, e: dict, faults: list[str]) -> Task:
    file = folder / e["split"] / f"{e['name']}.jsonl"
    task = Task(
        e["name"],
        e.get("category") or e["name"],
        dataset_of(e),
        e["split"],
        file,
        e.get("instruction") or "",
        e.get("licence", ""),
        e.get("source", ""),
        float(e.get("weight", 1)),
        e.get("labels"),
    )
    digest = hashlib.sha256()
    try:
        with open(file, "rb") as f:
            # readline's limit keeps a file without line ends out of memory
            line = 0
            while raw := f.readline(LONGEST_LINE + 1):
                line += 1
                digest.update(raw)
                if len(raw) > LONGEST_LINE:
                    faults.append(f"{file}:{line}: longer than {LONGEST_LINE >> 20} MiB")
                    break
                if raw.strip():
                    try:
                        task.rows.append(_row(raw, line))
                    except ValueError as err:
                        faults.append(f"{file}:{line}: {err}")
    except OSError as err:
        raise Fault("tasks", f"{file}: {err.strerror}", "the manifest names it") from None
    task.sha256 = digest.hexdigest()
    return task


def _row(raw: bytes, line: int) -> Row:
    try:
        d = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as e:
        raise ValueError(f"not UTF-8 at byte {e.start + 1}: save the file as UTF-8") from None
    except json.JSONDecodeError as e:
        raise ValueError(f"not JSON: {e.msg} at column {e.colno}") from None
    if not isinstance(d, dict):
        raise ValueError(f"a {type(d).__name__}, want an object")
    if "input_ids" in d:
        return Row(line, ids=(_ids(d, "input_ids"), _ids(d, "labels")))
    for name in ("input", "output"):
        if not isinstance(d.get(name), str) or not d[name].strip():
            raise ValueError(f"{name} is {'missing' if name not in d else 'no text or empty'}")
    options = d.get("options")
    if options is not None and not (isinstance(options, list) and all(isinstance(o, str) for o in options)):
        raise ValueError("options is no list of texts")
    return Row(line, d["input"], d["output"], options or None)


def _ids(d: dict, name: str) -> list[int]:
    ids = d.get(name)
    if not isinstance(ids, list) or not ids or not all(isinstance(i, int) for i in ids):
        raise ValueError(f"{name} is no list of numbers")
    return ids


def _keep(task: Task, held: dict) -> bool:
    """Leaves rows out; False leaves the whole task out."""
    seen, kept, lost = {}, [], []
    for r in task.rows:
        if r.key in held:
            lost.append(f"{task.file}:{r.line}: also a row of the held-out task {held[r.key]}")
        elif r.key in seen:
            lost.append(f"{task.file}:{r.line}: the same as line {seen[r.key]}")
        else:
            seen[r.key] = r.line
            kept.append(r)
    if lost:
        note(f"{lost[0]}; left out" + (f", as are {len(lost) - 1} more" if lost[1:] else ""))
    task.rows = kept
    if not kept:
        note(f"{task.file}: no row left; the task is left out")
        return False
    if len(kept) > 1 and len({r.output for r in kept}) == 1 and kept[0].ids is None:
        note(f"{task.file}:{kept[0].line}: all {len(kept)} answers are {kept[0].output!r:.60}: nothing to learn; the task is left out")
        return False
    return True
