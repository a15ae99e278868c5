"""The engine as a process: the program handful, which stays and answers calls."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

from . import files
from .faults import HandfulError, fault, wrong


def program():
    """Finds handful: HANDFUL_BIN, beside this package, on the PATH."""
    name = "handful.exe" if sys.platform == "win32" else "handful"
    named = os.environ.get("HANDFUL_BIN")
    if named and not os.access(named, os.X_OK):
        raise wrong("native", f"HANDFUL_BIN is {named}, which is no program", "correct or unset it")
    own = pathlib.Path(__file__).parent / "bin" / name
    found = named or (str(own) if own.exists() else None) or shutil.which(name)
    if not found:
        raise wrong("native", "there is no program handful on the PATH", "build it (make build) and set HANDFUL_BIN to its path")
    return found


class Process:
    """A link to the program."""

    threaded = True  # events come without the kernel's help
    packs = False  # it lives as long as the kernel

    def __init__(self, opening, device):
        self.client, self.opening, self.device = None, opening, device
        self.epoch, self._child, self._temp = 0, None, None
        self._lock = threading.Lock()

    def post(self, request, blobs):
        if request["method"] == "open":
            self._start(request["id"])
            return
        if not self._child:
            return  # what a cancel was for has ended
        self._write(request, [b if isinstance(b, (bytes, bytearray)) else pathlib.Path(b).read_bytes() for b in blobs])

    def _write(self, request, blobs):
        msg = json.dumps(request, ensure_ascii=False).encode()
        head = " ".join(str(len(b)) for b in [msg, *blobs]) + "\n"
        with self._lock:
            try:
                self._child.stdin.write(b"".join([head.encode(), msg, *blobs]))
                self._child.stdin.flush()
            except OSError:
                pass  # it has ended, as its last event says

    def _start(self, asked):
        """Starts the program; its first event answers the call that asked."""
        self._temp = self._temp or tempfile.TemporaryDirectory(prefix="handful-")
        args = [program(), "rpc", "--device", self.device]
        for name in ("base", "inventory", "adapter"):
            if self.opening.get(name) is not None:
                args += ["--" + name, self._path(name)]
        for name in ("kernel", "memory"):
            if self.opening.get(name):
                args += ["--" + name, str(self.opening[name])]
        said = tempfile.TemporaryFile()  # noqa: SIM115  its last words, when it dies
        quiet = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}
        try:  # Ctrl-C is for the caller: it stops the call, not the program
            self._child = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, **quiet)
        except OSError as e:
            raise wrong("native", f"{args[0]}: {e}", "set HANDFUL_BIN to a program of this machine") from e
        self.epoch += 1
        threading.Thread(target=self._read, args=(self._child, said, asked), daemon=True, name="handful").start()

    def _path(self, name):
        """A path of what is to be opened; bytes become files."""
        given = self.opening[name]
        if not isinstance(given, dict):
            return str(given)
        folder = pathlib.Path(self._temp.name) / name
        files.lay(folder, given)
        return str(next(folder.iterdir())) if len(given) == 1 else str(folder)

    def _read(self, child, said, asked):
        crash = None
        while True:
            message = read(child.stdout)
            if message is None:
                break
            event, blobs = message
            if event["kind"] == "crash":
                crash = fault(event["err"])
                break
            if event["kind"] == "ready":
                event = {"id": asked, "kind": "done", "data": event["data"]}
            self.client.heard(event, blobs)
        child.wait()
        if self._child is child:
            self._child = None
            said.seek(0)
            last = said.read()[-2000:].decode(errors="replace").strip().splitlines()
            self.client.lost(crash or HandfulError("bug", "engine", f"the program ended with status {child.returncode}: {last[0] if last else 'it said nothing'}", "please report this"))
        said.close()

    @property
    def open(self):
        return self._child is not None

    def failed(self):
        """What was to be opened was not: the program has ended by itself."""

    def close(self):
        child, self._child = self._child, None
        if child:
            child.stdin.close()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
        if self._temp:
            self._temp.cleanup()
            self._temp = None


def read(stream):
    """One message: (event, blobs); None at the end."""
    head = stream.readline()
    if not head.endswith(b"\n"):
        return None
    parts = [stream.read(int(n)) for n in head.split()]
    try:
        return json.loads(parts[0]), parts[1:]
    except ValueError:
        return None
