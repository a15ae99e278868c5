"""The package as it stands in the checkout, with what `make build` has built."""

import os
import pathlib
import sys

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "notebook"))
os.environ.setdefault("HANDFUL_BIN", str(root / "dist/handful"))
