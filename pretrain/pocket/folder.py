"""Writes tasks as the folder that the recipe reads: manifest.json, train/*.jsonl, heldout/*.jsonl."""

import json
from pathlib import Path

from .tasks import DEV, HELD_OUT, Task

SOURCES = {  # of a task, by the first word of its name: what its rows come from
    "word": ("words of WordNet 3.1, rules", "WordNet 3.0"), "list": ("words of WordNet 3.1, rules", "WordNet 3.0"),
    "number": ("rules", "none needed"), "words": ("rules", "none needed"), "letter": ("rules", "none needed"),
    "noun": ("WordNet 3.1, lemminflect", "WordNet 3.0, MIT"), "verb": ("lemminflect", "MIT"), "adj": ("lemminflect, WordNet 3.1", "MIT, WordNet 3.0"),
    "calendar": ("babel (CLDR)", "Unicode-3.0"),
}
COUNTRIES = ("countryinfo, babel (CLDR)", "MIT, Unicode-3.0")


def never(tasks: dict[str, Task]) -> set[tuple[str, str]]:
    """Rows of tasks that nothing is trained on."""
    return {row for name in (*HELD_OUT, *DEV) for row in tasks[name].rows}


def training(tasks: dict[str, Task]) -> list[Task]:
    """Training tasks, less the rows that a task left out has too ("walk" gives "walks" as a noun's plural)."""
    out = never(tasks)
    return [Task(t.name, t.instruction, [r for r in t.rows if r not in out]) for n, t in tasks.items() if n not in HELD_OUT + DEV]


def write(tasks: dict[str, Task], dest: Path):
    """Tasks that are not trained on have no instruction: their examples alone say what to do."""
    entries = []
    groups = (("train", "train", training(tasks)), ("heldout", "held-out", [tasks[n] for n in HELD_OUT]), ("heldout", "dev", [tasks[n] for n in DEV]))
    for split, category, some in groups:
        (dest / split).mkdir(parents=True, exist_ok=True)
        for t in some:
            kind = t.name.split("_")[0]
            source, licence = SOURCES.get(kind, COUNTRIES)
            # each training task is a category of its own: its routers start on skills of its own
            entries.append({"name": t.name, "split": split, "category": t.name if split == "train" else category, "dataset": t.name, "instruction": t.instruction if split == "train" else "",
                            "labels": t.labels, "weight": t.weight, "rows": len(t.rows), "source": source, "licence": licence, "ship": True})
            lines = [json.dumps({"input": x, "output": y}, ensure_ascii=False) for x, y in t.rows]
            (dest / split / f"{t.name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (dest / "manifest.json").write_text(json.dumps(entries, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
