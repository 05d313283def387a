"""Sending flows in a running lab, and watching for them in several nodes at once.

Every node that matters gets a *tap*, a packet socket made inside it and read from here, before
the first packet leaves. So nothing has to be waited for but the packets themselves: a look ends
when every flow was answered or given back, or with its budget.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice

from lab.errors import BackendError
from lab.plan.types import Plan
from lab.probe.capture import LONGEST_PACKET, captured, open_socket
from lab.probe.child import in_child, in_child_with_fds
from lab.probe.flows import Flow, FlowResult
from lab.probe.joining import join
from lab.probe.marks import Marks
from lab.probe.record import Record
from lab.probe.sending import send
from lab.probe.sieve import keep_streams_out, ports_of
from lab.runtime.control import Control
from lab.timing import PROBE

RETRY_S = 0.25
"""After it, what is unanswered is sent once more: a first packet may have had to wait for ARP
and been dropped."""
BATCH = 64
"""Packets sent before the taps are read: an ordinary user's socket holds a few hundred."""
BATCH_S = 0.05
"""How long a batch that is not the last may stay unanswered before the next one leaves."""


def probe(control: Control, plan: Plan, flows: Sequence[Flow], watching: Sequence[str] = ()) -> FlowResult:
    """Send flows and see what arrives where; what is unanswered for ``PROBE`` is lost.

    ``watching`` are interfaces as NODE[/VRF]:INTERFACE. Raises InputError for a node or interface
    that the lab does not have, BackendError when it cannot be entered.
    """
    marks = Marks(flows)
    record = Record(plan, flows, watching, marks)
    with ExitStack() as stack:
        taps = Taps(record)
        for namespace in record.namespaces():
            taps.add(namespace, stack.enter_context(_tapped(control, namespace, ports_of(flows))))
        deadline = None
        while (left := sorted(record.unanswered())) and (deadline is None or time.monotonic() < deadline):
            _send(control, flows, marks, record, taps, left)
            sent = time.monotonic()
            deadline = deadline or sent + PROBE.seconds
            taps.read_until(left, min(deadline, sent + RETRY_S))
        taps.read()
    return record.result()


def _send(
    control: Control, flows: Sequence[Flow], marks: Marks, record: Record, taps: Taps, indices: list[int]
) -> None:
    """One packet of each flow, batch by batch, each in a child that has joined the sender's node."""
    batches = list(_batches(flows, indices))
    for number, (namespace, batch) in enumerate(batches):

        def join_and_send(namespace: str = namespace, batch: list[int] = batch) -> dict[str, str]:
            join(control, namespace)
            return send(flows, marks, batch)

        refused = in_child(join_and_send)
        record.not_sent({int(index): reason for index, reason in refused.items()})
        is_last = number == len(batches) - 1
        taps.read_until(batch, time.monotonic() + (0 if is_last else BATCH_S))


def _batches(flows: Sequence[Flow], indices: list[int]) -> Iterator[tuple[str, list[int]]]:
    """Packets of one sender each."""
    for source in dict.fromkeys(flows[index].source for index in indices):
        waiting = iter([index for index in indices if flows[index].source == source])
        while batch := list(islice(waiting, BATCH)):
            yield source, batch


@contextmanager
def _tapped(control: Control, namespace: str, ours: range) -> Iterator[socket.socket]:
    """A socket for all packets of the node but those of streams; ``ours``: the probes' source ports."""

    def work() -> tuple[None, tuple[int, ...]]:
        join(control, namespace)
        try:
            tap = open_socket()
            keep_streams_out(tap, ours)
            return None, (tap.detach(),)
        except OSError as error:
            raise BackendError(f"cannot capture in {namespace}: {error.strerror}") from error

    _, fds = in_child_with_fds(work)
    with socket.socket(fileno=fds[0]) as tap:
        yield tap


class Taps:
    """Open taps, and the record that is told what they show."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._taps: list[tuple[str, socket.socket]] = []
        self._poll = select.poll()
        self._buffer = memoryview(bytearray(LONGEST_PACKET))

    def add(self, namespace: str, tap: socket.socket) -> None:
        self._taps.append((namespace, tap))
        self._poll.register(tap, select.POLLIN)

    def read(self) -> None:
        """All that is there by now. What comes meanwhile is left for the next time: where others' packets
        never end, reading would not either."""
        now_ns = time.clock_gettime_ns(time.CLOCK_REALTIME)
        for namespace, tap in self._taps:
            for one in captured(tap, self._buffer):
                self._record.see(namespace, one)
                if one.packet.time_ns > now_ns:
                    break

    def read_until(self, indices: Sequence[int], moment: float) -> None:
        """Until these flows were answered, or the moment on the monotonic clock."""
        self.read()
        while not self._record.unanswered().isdisjoint(indices):
            left = moment - time.monotonic()
            if left <= 0 or not self._poll.poll(left * 1000):
                return
            self.read()
