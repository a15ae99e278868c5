"""Writes the page's sample sets for the pocket model: `python -m pretrain.pocket.samples`. Held-out tasks, 16 rows to adapt on and 40 to judge by."""

from pathlib import Path

from . import tables, tasks
from .build import FULL

NAMES = ("verb_s", "adj_most", "list_second", "word_first_upper")
TRAIN, HELD = 16, 40


def main(out: Path = Path("assets/samples")):
    made = tasks.build(tables.build(tables.PACKAGES), FULL["rows"])
    for name in NAMES:
        rows = made[name].rows  # shuffled by the task's name
        if name == "list_second":  # of two words the second is also the last: the examples would not tell
            rows = [r for r in rows if r[0].count(",") > 1]
        for part, some in (("train", rows[:TRAIN]), ("held", rows[TRAIN : TRAIN + HELD])):
            (out / f"{name}.{part}.txt").write_text("".join(f"{x} => {y}\n" for x, y in some), encoding="utf-8")


if __name__ == "__main__":
    main()
