"""Bytes over TCP: they arrive as they were sent, or the connections stall.

What probes cannot show: a way on which packets of every size pass, and a stream does not get on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from lab.model.fields import Address
from lab.probe.stream import MOST_PORTS, PORTS
from lab.probe.transfer import LEAST_MSS, LENGTH, LONGEST, MADE, Connection, Fate, Transfer, TransferResult
from lab.scenario.kinds.base import Absence, Expectation, NamespaceName, Sight
from lab.scenario.kinds.traffic import Port
from lab.scenario.running import RunningLab
from lab.scenario.words import counted, seconds
from lab.timing import TRANSFER, TRANSFER_SILENCE

Length = Annotated[int, Field(ge=1, le=LONGEST)]
Connections = Annotated[int, Field(ge=1, le=MOST_PORTS)]
Mss = Annotated[int, Field(ge=LEAST_MSS, le=65535)]

GETTING_THROUGH = frozenset({Fate.INTACT, Fate.ALTERED, Fate.UNFINISHED})


class TransferDone(Expectation):
    """TCP connections carry bytes, and all of them arrive as they were sent."""

    source: NamespaceName
    destination: Address
    """An address that one node of the lab has; nothing of its own need listen there."""
    source_address: Address | None = None
    """Another one of the source's than its kernel would choose."""
    port: Port | None = None
    """The destination's; without it one that nothing else uses."""
    ports: Connections = PORTS
    """As many source ports, each a connection of its own that carries all, so that all branches of a way
    carry some."""
    bytes: Length = LENGTH
    """What each connection carries."""
    mss: Mss | None = None
    """The longest segment that the source offers and sends, as after a clamp; without it what fits its
    interface."""

    def claim(self) -> str:
        return f"{self.source} transfers {self.bytes} bytes to {self.destination}{_details(self)}"

    def look(self, lab: RunningLab) -> Sight:
        return self.judge(lab.transfer(_transfer(self)))

    def judge(self, result: TransferResult) -> Sight:
        """All of the connections carried all. Nothing else explains what arrives altered."""
        fates = {one.fate for one in result.connections}
        return Sight(fates == {Fate.INTACT}, _seen(result, self.bytes), final=Fate.ALTERED in fates)

    def broken_link(self, lab: RunningLab) -> str | None:
        return _broken_link(self, lab)


class NoTransfer(Absence):
    """TCP connections cannot be made, or are made and stall."""

    source: NamespaceName
    destination: Address
    source_address: Address | None = None
    port: Port | None = None
    ports: Connections = PORTS
    bytes: Length = LENGTH
    mss: Mss | None = None
    connects: bool | None = None
    """`true`: connections are made, and nothing more arrives from some byte on. `false`: none is made."""

    def claim(self) -> str:
        how = {None: "", True: ": connections are made, and stall", False: ": no connection is made"}
        claim = f"{self.source} does not transfer {self.bytes} bytes to {self.destination}{_details(self)}"
        return claim + how[self.connects]

    def look(self, lab: RunningLab) -> Sight:
        return self.judge(lab.transfer(_transfer(self)))

    def judge(self, result: TransferResult) -> Sight:
        """None of the connections got all through or was about to, and all ended where they are said to."""
        fates = {one.fate for one in result.connections}
        made = {fate in MADE for fate in fates}
        as_claimed = self.connects is None or made == {self.connects}
        return Sight(fates.isdisjoint(GETTING_THROUGH) and as_claimed, _seen(result, self.bytes))

    def broken_link(self, lab: RunningLab) -> str | None:
        """Nothing is broken when bytes pass; when connections end in the wrong place, that place."""
        return _broken_link(self, lab)


def _transfer(step: TransferDone | NoTransfer) -> Transfer:
    return Transfer(
        step.source,
        step.destination,
        source_address=step.source_address,
        port=step.port,
        ports=step.ports,
        length=step.bytes,
        mss=step.mss,
    )


def _broken_link(step: TransferDone | NoTransfer, lab: RunningLab) -> str | None:
    """On the way of full segments, where there are connections that send some."""
    what = _transfer(step)
    segments = [one.segment for one in lab.transfer(what).connections if one.segment is not None]
    return lab.trace(what.flow(max(segments, default=None)))


# Words.


def _details(step: TransferDone | NoTransfer) -> str:
    words = "" if step.port is None else f" port {step.port}"
    words += "" if step.source_address is None else f" from {step.source_address}"
    words += f" by {counted(step.ports, 'connection')}"
    return words if step.mss is None else f"{words} with an MSS of {step.mss}"


def _seen(result: TransferResult, length: int) -> str:
    """What became of the connections, what is alike told once."""
    alike: dict[tuple[Fate, str | None], list[Connection]] = {}
    for one in result.connections:
        alike.setdefault((one.fate, one.reason), []).append(one)
    return "\n".join(_fate(fate, reason, of, length, result) for (fate, reason), of in alike.items())


def _fate(fate: Fate, reason: str | None, of: list[Connection], length: int, result: TransferResult) -> str:
    words = f"{counted(len(of), 'connection')} {_ending(fate, result)}"
    words += f" ({reason})" if reason is not None else ""
    return f"{words}: {', '.join(_counts(fate, of, length))}" if fate in MADE else words


def _ending(fate: Fate, result: TransferResult) -> str:
    return {
        Fate.INTACT: f"carried all in {seconds(result.seconds)}",
        Fate.ALTERED: "carried something else than was sent",
        Fate.UNANSWERED: f"got no answer for {seconds(TRANSFER_SILENCE.seconds)}",
        Fate.REFUSED: "could not be made",
        Fate.STALLED: f"stalled, nothing arriving for {seconds(TRANSFER_SILENCE.seconds)}",
        Fate.BROKEN: "broke off",
        Fate.UNFINISHED: f"went on after {seconds(TRANSFER.seconds)}",
    }[fate]


def _counts(fate: Fate, of: list[Connection], length: int) -> Iterator[str]:
    arrived, sent = (sum(getattr(one, each) for one in of) for each in ("arrived", "sent"))
    total = length * len(of)
    if fate is Fate.INTACT:
        yield f"{total} bytes arrived as sent"
    else:
        yield f"{arrived} of {total} bytes arrived"
        yield f"{sent} were sent"
    segments = sorted({one.segment for one in of if one.segment is not None})
    yield f"in segments of {' or '.join(map(str, segments))} bytes"
    if resent := sum(one.resent for one in of):
        yield f"{counted(resent, 'segment')} sent again"
