"""How often a speaker sends KEEPALIVE: as often as it is told, a third of the hold time at most."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from exabgp.bgp.message.open.holdtime import HoldTime

from lab.agent.bridge import KeepaliveTimer


@pytest.mark.parametrize(
    ("told", "hold", "sent_every"), [(60, 180, 60), (3, 10, 3), (1, 10, 1), (60, 9, 3), (60, 0, 0)]
)
def test_the_time_between_keepalives(told: int, hold: int, sent_every: int) -> None:
    reactor = SimpleNamespace(keepalive_of=lambda _: told)
    proto = SimpleNamespace(
        peer=SimpleNamespace(reactor=reactor),
        neighbor=None,
        negotiated=SimpleNamespace(holdtime=HoldTime(hold)),
    )
    assert KeepaliveTimer(lambda: "session", proto).send_timer.keepalive == sent_every
