"""Several scenarios at a time, each in a process of its own: a lab is mostly waiting."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NoReturn, TypeVar

from lab.errors import BackendError
from lab.scenario.endings import ending_interrupts, uninterrupted

Job = TypeVar("Job")
Result = TypeVar("Result")

PIECE = 1 << 16


@dataclass
class _Child(Generic[Result]):
    number: int
    pid: int
    pipe: int
    data: bytearray = field(default_factory=bytearray)


def side_by_side(
    jobs: Sequence[Job], work: Callable[[Job], Result], at_once: int
) -> Generator[Result, None, None]:
    """What ``work`` makes of each job, in order; ``at_once`` of them in hand at any time.

    When it is left early, by Ctrl-C for instance, all are interrupted and waited for. Raises
    BackendError for a child that ends without an answer.
    """
    waiting = list(enumerate(jobs))[::-1]
    children: dict[int, _Child[Result]] = {}
    done: dict[int, Result] = {}
    told = 0
    with ending_interrupts():
        try:
            while told < len(jobs):
                while waiting and len(children) < at_once:
                    number, job = waiting.pop()
                    child = _start(number, job, work)
                    children[child.pipe] = child
                for child in _ended(children):
                    del children[child.pipe]
                    done[child.number] = _answer(child)
                while told in done:
                    yield done.pop(told)
                    told += 1
        finally:
            with uninterrupted():
                _interrupt(children)


def _start(number: int, job: Job, work: Callable[[Job], Result]) -> _Child[Result]:
    sys.stdout.flush()
    ours, theirs = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        _work_and_end(lambda: work(job), theirs)
    os.close(theirs)
    return _Child(number, pid, ours)


def _work_and_end(work: Callable[[], object], pipe: int) -> NoReturn:
    """A bug's traceback goes to standard error, and the parent is left without an answer."""
    status = 1
    try:
        with os.fdopen(pipe, "wb") as stream:
            pickle.dump(work(), stream)
        status = 0
    except KeyboardInterrupt:
        pass
    except BaseException:  # noqa: BLE001  the process ends here whatever happens
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _ended(children: dict[int, _Child[Result]]) -> list[_Child[Result]]:
    """Read until at least one has said all."""
    with selectors.DefaultSelector() as selector:
        for pipe in children:
            selector.register(pipe, selectors.EVENT_READ)
        ended: list[_Child[Result]] = []
        while not ended:
            for key, _ in selector.select():
                piece = os.read(key.fd, PIECE)
                children[key.fd].data += piece
                if not piece:
                    ended.append(children[key.fd])
        return ended


def _answer(child: _Child[Result]) -> Result:
    os.close(child.pipe)
    os.waitpid(child.pid, 0)
    if not child.data:
        raise BackendError("a process that ran a scenario ended without a word", hint="was it killed?")
    answer: Result = pickle.loads(bytes(child.data))
    return answer


def _interrupt(children: dict[int, _Child[Result]]) -> None:
    """A terminal's Ctrl-C has reached them already; once more does no harm. It would do nothing in the
    background of a shell script, which has SIGINT ignored (POSIX sh, 2.11)."""
    for child in children.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)
    for child in children.values():
        os.close(child.pipe)
        os.waitpid(child.pid, 0)
