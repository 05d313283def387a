"""What the packets of one flow in one direction say about its way. Is told moments; asks no clock.

Packets are numbered from 0. An interruption begins when the first packet is sent that does not get
through and ends when another one arrives. So it is not the pace of the sender that is measured: one
that was kept from sending for a while has lost nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lab.probe.stream import Gap, Passage, Tally
from lab.timing import PROBE

LOST_AFTER_S = PROBE.seconds
"""What has not arrived by then, and nothing after it has, is lost as well."""
NOTICED_AFTER_S = 0.1
"""A direction is called silent when a port has been for so long, and a packet that comes so late was
interrupted: a busy host's delays are shorter."""


class Meter:
    """Counts one flow in one direction."""

    def __init__(self) -> None:
        self._sent = 0
        self._waiting: deque[float] = deque()
        """When the packets were sent that nothing has overtaken yet, the last ones."""
        self._missing: set[int] = set()
        """Those that were overtaken."""
        self._newest = float("-inf")
        self._past = Tally()
        self._now = Tally()
        self._cut_at = 0

    def sent(self, moment: float) -> int:
        """A packet leaves; returns its number."""
        self._waiting.append(moment)
        self._sent += 1
        self._now = replace(self._now, sent=self._now.sent + 1)
        return self._sent - 1

    def arrived(self, number: int, moment: float) -> None:
        """A packet is there. A number that was not sent is nobody's."""
        expected = self._sent - len(self._waiting)
        if number >= self._sent:
            return
        if number in self._missing:
            self._late(number)
        elif number < expected:
            self._now = replace(self._now, duplicated=self._now.duplicated + 1)
        else:
            self._in_order(number - expected, moment)
            self._missing.update(range(expected, number))

    def _late(self, number: int) -> None:
        """It was counted as lost, and is not."""
        self._missing.remove(number)
        if number < self._cut_at:
            self._past = replace(self._past, lost=self._past.lost - 1)
        else:
            self._now = replace(self._now, lost=self._now.lost - 1)
        self._now = replace(self._now, arrived=self._now.arrived + 1, reordered=self._now.reordered + 1)

    def _in_order(self, skipped: int, moment: float) -> None:
        start = self._waiting[0]
        for _ in range(skipped + 1):
            self._newest = self._waiting.popleft()
        gap = Gap(start, moment - start, skipped)
        counts = skipped > 0 or gap.seconds >= NOTICED_AFTER_S
        self._now += Tally(arrived=1, lost=skipped, longest=gap if counts else None)

    def cut(self) -> None:
        """What is counted from now on is counted separately, too. An interruption that goes on is one
        of afterwards, with all it loses."""
        self._past += self._now
        self._now = Tally()
        self._cut_at = self._sent - len(self._waiting)

    def total(self, now: float) -> Tally:
        """Since the beginning."""
        return self._past + self.recent(now)

    def recent(self, now: float) -> Tally:
        """Since the cut."""
        overdue = sum(now - sent >= LOST_AFTER_S for sent in self._waiting)
        return replace(self._now, lost=self._now.lost + overdue)

    def flows_since(self, moment: float) -> bool:
        """Whether a packet arrived that was sent since."""
        return self._newest >= moment

    def silent_since(self, now: float) -> float | None:
        """When the first packet was sent that has not arrived, nor any after it; None while that is
        too short ago to mean anything."""
        silent = bool(self._waiting) and now - self._waiting[0] >= NOTICED_AFTER_S
        return self._waiting[0] if silent else None


def passage(meters: Sequence[Meter], tallies: Sequence[Tally], now: float) -> Passage:
    """One direction: its meters and, since whenever it is about, their tallies."""
    silences = [meter.silent_since(now) for meter in meters]
    interrupted = [
        tally.longest is not None or silence is not None
        for tally, silence in zip(tallies, silences, strict=True)
    ]
    return Passage(sum(tallies, Tally()), len(meters), sum(interrupted), _earliest(silences))


def _earliest(moments: Iterable[float | None]) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)


@dataclass(frozen=True, slots=True)
class Silence:
    """A direction fell silent, ``ended`` None, or is heard again on every port."""

    start: float
    ended: float | None = None


class Watch:
    """Tells when a direction falls silent and when it is heard again, each once."""

    def __init__(self) -> None:
        self._start: float | None = None

    def look(self, meters: Sequence[Meter], now: float) -> Silence | None:
        """What is new at this moment."""
        since = _earliest(meter.silent_since(now) for meter in meters)
        if self._start is None and since is not None:
            self._start = since
            return Silence(since)
        if self._start is not None and since is None:
            start, self._start = self._start, None
            return Silence(start, now)
        return None
