"""Files of models and adapters: what to open, and how results are written."""

import os
import pathlib
import shutil
import tempfile

from .faults import wrong

here = pathlib.Path(__file__).parent
ours = ("adapter_config.json", "adapter_model.safetensors", "README.md", "train.jsonl", "routing.json", "manifest.json", "task_rows.safetensors", "task_gradients.safetensors", "lora",
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "special_tokens_map.json", "tokenizer.model", "spiece.model")
weights = (".json", ".safetensors", ".bin", ".gguf", ".model", ".txt", ".ckpt", ".pt", ".pth", ".zip", ".handful")


def part(name):
    """A part of this package: in the wheel, or in a checkout as it was built."""
    packed = here / "static" / name
    if packed.exists():
        return packed
    root = here.parents[1]
    for built in (root / "dist/site" / name, root / "assets" / name):
        if built.exists():
            return built
    raise wrong("handful", f"this package has no {name}", "make build, or install the wheel that make wheel builds")


def pocket():
    """The pocket model and its skills, which travel with this package."""
    return part("pocket/base"), part("pocket/inventory")


def listed(op, given):
    """What is to be opened as [(name, bytes or a path)]: a file, a folder, or {name: bytes}."""
    if isinstance(given, dict):
        return [(str(name), bytes(b)) for name, b in given.items()]
    path = pathlib.Path(given)
    if path.is_file():
        return [(path.name, path)]
    if not path.is_dir():
        raise wrong(op, f"there is no {path}", "name a file or a folder of the kernel's disk")
    found = [(p.name, p) for p in sorted(path.iterdir()) if p.is_file() and p.suffix in weights]
    if not found:
        raise wrong(op, f"{path} holds no model", "name the folder of config.json and its .safetensors, or a .gguf")
    return found


def lay(folder, content):
    """Writes {name: bytes} into a folder."""
    for name, data in content.items():
        parts = pathlib.PurePosixPath(name).parts
        if not parts or ".." in parts or pathlib.PurePosixPath(name).is_absolute():
            raise wrong("export", f"got the name {name!r}, want one inside the folder")
        path = pathlib.Path(folder).joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write(folder, content):
    """Writes a result: the folder appears when it is whole, and replaces only an empty one or an earlier result."""
    folder = pathlib.Path(os.path.abspath(folder))
    check(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temp = pathlib.Path(tempfile.mkdtemp(prefix=".handful-", dir=folder.parent))
        try:
            temp.chmod(0o755)
            lay(temp, content)
            if folder.exists():
                shutil.rmtree(folder)
            temp.rename(folder)
        except BaseException:
            shutil.rmtree(temp, ignore_errors=True)
            raise
    except OSError as e:
        raise wrong("export", f"{folder}: {e.strerror or e}", "name a folder that can be written") from e
    return folder


def check(folder):
    """Raises where a folder holds what is no result of ours."""
    folder = pathlib.Path(folder)
    if folder.exists() and not folder.is_dir():
        raise wrong("export", f"{folder} is a file", "name a new folder")
    other = next((p.name for p in folder.iterdir() if p.name not in ours and not p.name.startswith("step")), None) if folder.exists() else None
    if other:
        raise wrong("export", f"{folder} holds {other}, which is no part of a result", "name a new folder")
