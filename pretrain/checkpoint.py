"""A run's state on disk: whole, or not there."""

import io
import os
from pathlib import Path

import torch

from .fault import Fault


def write_whole(path: Path, data: bytes):
    """Writes beside the file, flushes it to the disk and renames it, so that a kill or a full disk leaves the last one."""
    path, new = Path(path), Path(f"{path}.new")
    try:
        with open(new, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        os.replace(new, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as e:
        new.unlink(missing_ok=True)
        kept = "the last checkpoint is whole" if path.exists() else "there is no earlier one"
        raise Fault("checkpoint", f"{path}: {e.strerror}; {kept}", "make room, then go on with --resume") from e


def save(path: Path, state: dict):
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_whole(path, buffer.getbuffer())


def load(path: Path) -> dict:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise Fault("checkpoint", f"{path} is missing", "the run has not saved one yet") from None
    except Exception as e:  # torch raises many kinds for a broken file
        raise Fault("checkpoint", f"{path}: {str(e).splitlines()[0]}") from e
