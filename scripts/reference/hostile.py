"""Damaged files, told by handful and by Python's libraries: what handful opens
they open too. It may be stricter; how often is told."""

import json
import random
import signal
import struct

from gguf import GGUFReader
from safetensors import safe_open

# What damage writes over eight bytes: sizes that no file has.
HUGE = [1 << 62, (1 << 64) - 1, 1 << 32, (1 << 63) + 8, 0]


def damaged(r, b):
    """A sound file as accidents and enemies change it."""
    b = bytearray(b)
    head = min(len(b), 2048)  # where a file tells of itself
    at = r.randrange(head)
    match r.randrange(5):
        case 0:
            return bytes(b[: r.randrange(len(b))])
        case 1:
            for _ in range(r.randint(1, 3)):
                b[r.randrange(head)] ^= 1 << r.randrange(8)
        case 2:
            b[at & ~7 : (at & ~7) + 8] = struct.pack("<Q", r.choice(HUGE))
        case 3:
            b[at:at] = bytes([r.randrange(256)]) * r.randint(1, 40)
        case _:
            del b[at : at + r.randint(1, 40)]
    return bytes(b)


def opens_safetensors(path):
    with safe_open(path, "np") as f:
        for name in f.keys():
            f.get_slice(name)


def opens_gguf(path):
    for t in GGUFReader(path).tensors:
        t.data.tobytes()


def opens_json(path):
    json.loads(path.read_text(encoding="utf-8"))


def endless(*_):
    """Some readers count to whatever the file says."""
    raise TimeoutError


def check(folder, handful, seed, sound, tries):
    """sound: a file; its name says who else reads it. Gives what was refused by whom."""
    r = random.Random(seed)
    signal.signal(signal.SIGALRM, endless)
    opens = {".safetensors": opens_safetensors, ".gguf": opens_gguf, ".json": opens_json}[sound.suffix]
    whole, both, stricter = sound.read_bytes(), 0, 0
    for i in range(tries):
        path = folder / f"{i}{sound.suffix}"
        path.write_bytes(damaged(r, whole))
        try:
            ours = json.loads(handful("inspect", path, "--json")).get("note")  # sound, and not to be used
        except RuntimeError as e:
            ours = str(e)
            if "status 1" not in ours or "bug" in ours:
                raise
        try:
            signal.setitimer(signal.ITIMER_REAL, 2)
            opens(path)
            theirs = None
        except Exception as e:  # each library has its own kinds
            theirs = f"{type(e).__name__}: {e}"
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if ours is None and theirs is not None:
            raise AssertionError(f"{sound.name}, seed {seed}, damage {i}: handful opens it, Python does not: {theirs}")
        both += ours is not None and theirs is not None
        stricter += ours is not None and theirs is None
        path.unlink()
    return f"{both} of {tries} refused by both, {stricter} by handful alone"
