"""ESP that an end refused: who counts it, and for which reason.

The kernel counts by itself (Documentation/networking/xfrm_proc.rst). libipsec does not, but charon says
of every packet why; but for a packet of no known association, which it drops without a word.
"""

from __future__ import annotations

from collections.abc import Mapping

REPLAY, INTEGRITY = "packets_dropped_replay", "packets_dropped_integrity"
REASONS = (REPLAY, INTEGRITY)
"""The sequence number was there before or is older than the window (RFC 4303 section 3.4.3); the packet
is not as it was sent, or the keys are not those it was sent with."""

_SAID = {
    "ESP sequence number verification failed": REPLAY,
    "ESP decryption or ICV verification failed": INTEGRITY,
}
_COUNTED = {"XfrmInStateSeqError": REPLAY, "XfrmInStateProtoError": INTEGRITY}


def reason_in(line: str) -> str | None:
    """What a line of charon's log says a packet was dropped for, if it says so."""
    return next((reason for words, reason in _SAID.items() if line.startswith(words)), None)


def counters(said: Mapping[str, int], kernel: Mapping[str, int]) -> dict[str, int]:
    """Packets by reason, since the lab began: of those that charon told, and of the kernel's errors."""
    counted = {_COUNTED[name]: count for name, count in kernel.items() if name in _COUNTED}
    return {reason: said.get(reason, 0) + counted.get(reason, 0) for reason in REASONS}
