"""Calls, one after the other, over a link to an engine.

A link has open(options) and post(request, blobs), and tells its client of
events (heard) and that the engine is gone (lost). It may be a process or a
page; epoch counts the engines that it has had.

What a call does is a generator, its job: it yields Ask, one question to the
engine, gets the answer as (data, blobs) or the fault, and returns what the
call gives. So nothing here waits, and no thread is needed.
"""

import collections
import concurrent.futures
import dataclasses
import threading

from . import hosts
from .faults import HandfulError, Stopped, fault


@dataclasses.dataclass
class Ask:
    """One question to the engine. blobs are bytes or paths; on hears events."""

    method: str
    params: dict = dataclasses.field(default_factory=dict)
    blobs: list = dataclasses.field(default_factory=list)
    on: object = None


class Call:
    """Something that was asked for and is on its way: await it.

    Where nothing can be awaited, result() waits for it (native alone; a
    notebook's page is heard only while the kernel is awaiting or idle).
    """

    def __init__(self, client, name, job, keeps=False):
        self._client, self.name, self._job = client, name, job
        self.keeps = keeps  # stopping gives what there is so far
        self._aborted = self._seen = False
        self._future = concurrent.futures.Future()

    def done(self):
        """Whether it has ended, well or not."""
        return self._future.done()

    def cancel(self):
        """Stops it: whoever awaits it gets Stopped."""
        self._client.abort(self)

    def __await__(self):
        return self._wait().__await__()

    async def _wait(self):
        self._seen = True
        try:
            await hosts.until(self._future, self._client.link)
        except BaseException as e:  # KeyboardInterrupt, a task that was cancelled, no way to hear the page
            if not self.done():
                self.cancel()
            raise e
        return self._future.result()

    def result(self, timeout=None):
        """Waits and gives what it gives. Ctrl-C stops it."""
        self._seen = True
        if not self.done() and not self._client.link.threaded:
            raise HandfulError("unsupported", self.name, "a page cannot be waited for without await", f"write `await` before {self.name}(…)")
        try:
            return self._future.result(timeout)
        except KeyboardInterrupt:
            self.cancel()
            raise

    def __repr__(self):
        if not self.done():
            return f"<{self.name}: running; await it for what it gives>"
        return f"<{self.name}: {self._future.exception() or 'done'}>"


class Client:
    """Calls in their order, and the events of the one that runs."""

    def __init__(self, link):
        self.link, self.closed = link, None
        self._lock = threading.RLock()
        self._queue = collections.deque()  # the first one runs
        self._last = 0  # the newest id
        self._ask = self._id = None  # the question that is open
        self._failed = None  # the newest call that went wrong
        self._steps, self._stepping = collections.deque(), False

    def submit(self, call):
        """Puts a call behind the others. Raises what an earlier one ended with, where nobody has seen that."""
        with self._lock:
            unseen, self._failed = self._failed, None
            if unseen and not unseen._seen:
                unseen._seen = True
                raise unseen._future.exception()
            if self.closed:
                raise self.closed
            self._queue.append(call)
            if len(self._queue) == 1:
                self._advance(call, start)
        return call

    def stop(self):
        """Ends the call that runs; adapt gives what it has learned."""
        with self._lock:
            if self._queue and self._id is not None:
                if not self._queue[0].keeps:
                    self._queue[0]._aborted = True
                self.link.post({"method": "cancel", "params": {"id": self._id}}, [])

    def abort(self, call):
        """Stops a call, wherever it is."""
        with self._lock:
            if call.done() or call not in self._queue:
                return
            if call is not self._queue[0]:
                self._queue.remove(call)
                call._future.set_exception(Stopped(call.name))
                return
            call._aborted = True
            if self._id is not None:
                self.link.post({"method": "cancel", "params": {"id": self._id}}, [])

    def heard(self, event, blobs):
        """Takes an event of the engine."""
        with self._lock:
            kind = event.get("kind")
            if kind == "crash":
                return self.lost(fault(event["err"]))
            if event.get("id") != self._id or self._id is None:
                return None  # late
            if kind not in ("done", "fault"):
                if self._ask.on:
                    self._ask.on(kind, event.get("data"))
                return None
            call, self._ask, self._id = self._queue[0], None, None
            if kind == "fault":
                return self._advance(call, throw(fault(event["err"])))
            if call._aborted:
                stopped = Stopped(call.name)
                stopped.answer = event.get("data")  # what there was so far, for the job to tidy up
                return self._advance(call, throw(stopped))
            return self._advance(call, give((event.get("data"), blobs)))

    def lost(self, error):
        """The engine is gone: the call that runs ends with that."""
        with self._lock:
            if self._ask is None:
                return
            call, self._ask, self._id = self._queue[0], None, None
            self._advance(call, throw(Stopped(call.name) if call._aborted else error))

    def close(self):
        """Ends all calls, and those to come."""
        with self._lock:
            if self.closed:
                return
            self.closed = Stopped("engine", "closed", "make a new Handful")
            while self._queue:
                call = self._queue.popleft()
                if not call.done():
                    call._future.set_exception(self.closed)
            self._ask = self._id = None
        self.link.close()

    def _advance(self, call, step):
        """Lets a call's job go on until it asks, and the next ones as they come. A link may answer at once."""
        self._steps.append((call, step))
        if self._stepping:
            return
        self._stepping = True
        try:
            while self._steps:
                self._step(*self._steps.popleft())
        finally:
            self._stepping = False

    def _step(self, call, step):
        try:
            ask = step(call._job)
        except StopIteration as end:
            self._end(call, lambda: call._future.set_result(end.value))
            return
        except Exception as error:  # noqa: BLE001  whatever it is, it is the call's answer
            self._failed = None if call._aborted else call
            self._end(call, lambda: call._future.set_exception(error))
            return
        self._last += 1
        self._ask, self._id = ask, self._last
        try:
            self.link.post({"id": self._id, "method": ask.method, "params": ask.params}, ask.blobs)
        except Exception as error:  # noqa: BLE001
            self._ask = self._id = None
            self._advance(call, throw(error))

    def _end(self, call, settle):
        if not self._queue or self._queue[0] is not call:
            return  # closed meanwhile
        self._queue.popleft()
        if self._queue:
            self._advance(self._queue[0], start)
        settle()


def start(job):
    return job.send(None)


def give(answer):
    return lambda job: job.send(answer)


def throw(error):
    return lambda job: job.throw(error)
