"""What came of a flow, as claims and reports say it."""

from __future__ import annotations

from collections.abc import Iterator

from lab.probe.stream import Passage
from lab.scenario.words import counted, moment, seconds


def passage_words(passage: Passage, at: float, origin: float, what: str) -> str:
    """``interrupted for 1.32 s on 4 of 8 ports, from 0.02 s after the last action, 66 of 1760 packets
    lost``; moments are told from ``origin`` on, which is ``what``, and what is not over lasts to ``at``."""
    return ", ".join(_parts(passage, at, origin, what))


def _parts(passage: Passage, at: float, origin: float, what: str) -> Iterator[str]:
    tally, silent_since = passage.tally, passage.silent_since
    on = "" if passage.interrupted == passage.ports else f" on {passage.interrupted} of {passage.ports} ports"
    if tally.longest is not None:
        begun = moment(tally.longest.start - origin, what)
        yield f"interrupted for {seconds(tally.longest.seconds)}{on}, from {begun}"
    if silent_since is not None:
        yield f"silent for {seconds(at - silent_since)}{on}, since {moment(silent_since - origin, what)}"
    if not tally.arrived:
        yield "nothing arrived"
    elif tally.longest is None and silent_since is None:
        yield "not interrupted"
    yield f"{tally.lost} of {counted(tally.sent, 'packet')} lost"
    if tally.reordered:
        yield f"{tally.reordered} out of order"
    if tally.duplicated:
        yield f"{tally.duplicated} twice"
