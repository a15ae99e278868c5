"""What `handful draw` wrote, and the names of files."""

import hashlib
import json
import re
from pathlib import Path

from ..fault import Fault


def load_draws(folder: str, only: str) -> list[dict]:
    """The cells of `handful draw`, in order of their files."""
    files = [f for f in sorted(Path(folder).glob("*.json")) if re.search(only, f.name)]
    if not files:
        raise Fault("fewshot", f"{folder} holds no draws", "handful draw --tasks TASKS --shots 16 --seeds 3 --out DRAWS")
    try:
        return [json.loads(f.read_text(encoding="utf-8")) for f in files]
    except ValueError as e:
        raise Fault("fewshot", f"{folder}: {e}", "draw anew") from None


def identity(path: str) -> str:
    """Name and hash, as handful eval gives them: of a file, or of the lines of `sha256sum` over a folder's weights and JSON files."""
    p = Path(path)

    def digest(f: Path) -> str:
        with open(f, "rb") as h:
            return hashlib.file_digest(h, "sha256").hexdigest()

    if p.is_file():
        return f"{p.name} sha256:{digest(p)}"
    files = sorted(f for f in p.iterdir() if f.suffix in (".json", ".safetensors", ".gguf"))
    lines = "".join(f"{digest(f)}  {f.name}\n" for f in files)
    return f"{p.resolve().name} sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
