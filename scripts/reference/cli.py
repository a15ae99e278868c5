"""Running the program, and holding numbers against each other."""

import json
import subprocess

import torch
from safetensors.torch import load_file


class Handful:
    """The program, with the flags that every call gets."""

    def __init__(self, path, *flags):
        self.path, self.flags = path, flags

    def __call__(self, command, *args):
        p = subprocess.run([self.path, command, *map(str, args), *self.flags], capture_output=True, text=True)
        if p.returncode != 0:
            raise RuntimeError(f"handful {command} {' '.join(map(str, args))}: status {p.returncode}: {p.stderr.strip()}")
        return p.stdout

    def refuses(self, words, command, *args):
        """The call ends with status 1 and one line that has all the words."""
        p = subprocess.run([self.path, command, *map(str, args), *self.flags], capture_output=True, text=True)
        said = p.stderr.strip()
        if p.returncode != 1 or "\n" in said or not all(w in said for w in words):
            raise AssertionError(f"status {p.returncode}, {said!r}; want status 1 and {words} in one line")

    def logits(self, folder, *args):
        """Each row's logits [tokens, vocab], and the scores."""
        file = folder / "logits.safetensors"
        scores = json.loads(self("score", *args, "--json", "--logits", file))
        got = load_file(file)
        rows = [got[f"row{i}"].clone() for i in range(len(got))]  # the file stays mapped, and the next call writes it
        return rows, scores


def write_rows(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


def close(what, got, want, atol, rtol=0.0):
    """Every number is within atol + rtol·|want|; gives the largest difference."""
    got, want = torch.as_tensor(got, dtype=torch.float64), torch.as_tensor(want, dtype=torch.float64)
    if got.shape != want.shape:
        raise AssertionError(f"{what}: shape {tuple(got.shape)}, want {tuple(want.shape)}")
    off = (got - want).abs()
    if not bool((off <= atol + rtol * want.abs()).all()):  # also false for NaN
        i = int((off - rtol * want.abs()).argmax())
        raise AssertionError(f"{what}: {got.flatten()[i]:.7g}, want {want.flatten()[i]:.7g} (largest of {off.numel()} differences)")
    return off.max().item() if off.numel() else 0.0


def close_logits(got, want, atol=2e-5, rtol=1e-4):
    """Rows of logits agree, and so does the likeliest token of each position
    but where two are equally likely."""
    worst = 0.0
    for i, (g, w) in enumerate(zip(got, want, strict=True)):
        worst = max(worst, close(f"logits of row {i}", g, w, atol, rtol))
        top = w.topk(2, dim=-1).values
        flips = (g.argmax(-1) != w.argmax(-1)) & (top[:, 0] - top[:, 1] > 2 * (atol + rtol * top[:, 0].abs()))
        if flips.any():
            raise AssertionError(f"row {i}: another argmax at {int(flips.sum())} of {len(flips)} positions")
    return worst


def close_params(what, got, want, most, share=0.998, each=1e-4):
    """Trained tensors agree as testdata/golden/mhr/README.md has it: Adam turns
    gradients near zero into steps of the learning rate, so that a few elements
    may be far off, by at most `most(name)`."""
    if got.keys() != want.keys():
        raise AssertionError(f"{what}: tensors {sorted(got.keys() ^ want.keys())[:4]} are in one only")
    far = n = 0
    worst = {}
    for name, w in want.items():
        worst[name] = close(f"{what} {name}", got[name], w, most(name))
        far += int(((got[name] - w).abs() > each).sum())
        n += w.numel()
    if far > (1 - share) * n:
        raise AssertionError(f"{what}: {far} of {n} values are off by more than {each:.0e}")
    return max(worst.values())
