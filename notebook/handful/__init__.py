"""Adapt a small language model to your own task from a handful of examples.

    from handful import Handful
    w = Handful()                      # the pocket model of this package
    fit = await w.adapt([("walk", "walks"), ("try", "tries")], method="z")
    await w.predict(["jump"])
    await w.export("my-adapter")       # a PEFT folder
"""

from importlib import metadata

from .client import Call
from .faults import HandfulError, Stopped
from .fit import Fit
from .session import Handful

try:
    __version__ = metadata.version("handful")
except metadata.PackageNotFoundError:  # a checkout
    __version__ = "0+checkout"

__all__ = ["Call", "Fit", "Handful", "HandfulError", "Stopped"]
