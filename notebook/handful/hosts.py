"""Where this runs: what is needed to hear a page while a cell is awaited."""

import asyncio
import inspect
import sys

from .faults import HandfulError


async def until(future, link):
    """Waits for a concurrent future while the page's messages are taken."""
    if future.done():
        return
    pump = None if link.threaded else mirror(link)
    if not link.threaded and not pump:
        listens()
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    future.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
    while not future.done():
        if pump:
            pump()
        try:
            await asyncio.wait_for(done.wait(), 0.02 if pump else None)
        except asyncio.TimeoutError:
            pass


def kernel():
    """The running kernel of Jupyter, or None."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    return getattr(shell, "kernel", None)


def listens():
    """Raises where the kernel takes no messages of a page while it awaits."""
    k = kernel()
    if k is None or not hasattr(k, "dispatch_shell"):
        return
    if "concurrent" in inspect.signature(k.dispatch_shell).parameters or getattr(k, "_supports_kernel_subshells", False):
        return
    version = getattr(sys.modules.get("ipykernel"), "__version__", "of this kernel")
    raise HandfulError("unsupported", "await", f"ipykernel {version} hears the page only between cells",
                       "pip install -U ipykernel (7.4 or newer) and restart the kernel, or leave await out and read the answer in the next cell")


def mirror(link):
    """Under marimo: what takes the page's messages while a cell runs, else None.

    marimo hands messages of widgets to the kernel one after the other, behind
    the cell that runs; but each also lies in a second queue, which may be
    emptied at any time. The link knows messages that it has had.
    """
    if "marimo" not in sys.modules:
        return None
    from marimo._runtime.context import ContextNotInitializedError, get_context

    try:
        kernel = get_context()._kernel
    except (ContextNotInitializedError, AttributeError):
        return None  # marimo is only imported
    try:
        from marimo._runtime.commands import ModelCommand, ModelCustomMessage

        queue = inspect.getclosurevars(kernel.enqueue_control_request).nonlocals["set_ui_element_queue"]
    except (ImportError, AttributeError, KeyError, TypeError) as e:
        raise HandfulError("unsupported", "await", f"marimo {sys.modules['marimo'].__version__} hears the page only between cells",
                           "take marimo 0.25, or leave await out and read the answer in a later cell") from e

    def pump():
        while not queue.empty():
            command = queue.get_nowait()
            if isinstance(command, ModelCommand) and isinstance(command.message, ModelCustomMessage):
                link.take(command.model_id, command.message.content, command.buffers)

    return pump
