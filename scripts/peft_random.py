"""Holds handful against PEFT on random configurations.

    python scripts/peft_random.py FIRST LAST [dist/handful] [--device gpu ...]
"""

import pathlib
import sys
import tempfile
import traceback

import torch

from reference.cli import Handful
from reference.run import run

torch.set_num_threads(1)
first, last = int(sys.argv[1]), int(sys.argv[2])
handful = Handful(sys.argv[3], *(sys.argv[4:] or ["--device", "cpu"]))
bad = []
for seed in range(first, last + 1):
    with tempfile.TemporaryDirectory() as d:
        try:
            print(f"ok {seed} {run(pathlib.Path(d), handful, seed)}", flush=True)
        except Exception:
            bad.append(seed)
            print(f"not ok {seed}\n{traceback.format_exc(limit=4)}", flush=True)
print("failed:", bad)
