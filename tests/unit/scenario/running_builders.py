"""A lab in memory, a clock that is moved by sleeping, and claims that come true at a time."""

from __future__ import annotations

from functools import cache
from typing import Any

from lab.bench.line import line_plan
from lab.bgp.speaker import Timers
from lab.model.load import load_document
from lab.model.shipped import find_topology
from lab.plan.tunnels import TunnelEnd
from lab.plan.types import Plan
from lab.scenario.kinds.base import Absence, Expectation, Sight
from lab.scenario.memory import MemoryLab
from lab.scenario.running import Json, RunningLab
from lab.scenario.stage import stage_of
from lab.scenario.waits import waits_of
from lab.timing import Clock

LAB_TIMERS = Timers(keepalive=3, hold=10, restart=5)
PLAN: Plan = line_plan(3, timers=LAB_TIMERS)
"""r0 - r1 - r2."""
WAITS = waits_of(PLAN)


def session(neighbor: str, state: str = "established", **facts: Any) -> Json:
    up = state == "established"
    return {
        "neighbor": neighbor,
        "state": state,
        "end_of_rib": up,
        "held_down": False,
        "established_transitions": int(up),
        "last_error": None,
        "prefixes_received": 0,
        "prefixes_accepted": 0,
        "prefixes_advertised": 0,
    } | facts


def route(prefix: str, peer: str, **facts: Any) -> Json:
    return {
        "prefix": prefix,
        "best": True,
        "multipath": True,
        "peer": peer,
        "weight": 0,
        "next_hop": "10.255.0.1",
        "as_path": [64513],
        "local_pref": 100,
        "med": None,
        "communities": [],
        "reason": "only-route",
    } | facts


def tunnel_end(end: TunnelEnd, state: str = "established", **facts: Any) -> Json:
    up = state == "established"
    return {
        "name": end.name,
        "node": end.namespace,
        "peer": end.peer,
        "interface": end.ifname,
        "local_address": str(end.local_address),
        "remote_address": str(end.remote_address),
        "state": state,
        "bytes_in": 0,
        "bytes_out": 0,
        "packets_in": 0,
        "packets_out": 0,
        "ike_proposal": "AES_CBC/256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024" if up else None,
        "esp_proposal": "AES_GCM_16/256" if up else None,
        "established_s": 1 if up else None,
        "local_selectors": ["0.0.0.0/0"] if up else [],
        "remote_selectors": ["0.0.0.0/0"] if up else [],
        "problem": None,
    } | facts


@cache
def secured_plan() -> Plan:
    """The reference lab: vpn1 with two tunnels."""
    document, problems = load_document(find_topology("expressroute-vpn"))
    return stage_of(document, problems).plan


def secured_lab(**facts: Any) -> MemoryLab:
    """Its tunnels are up, but for what is told of vpn1's end of the first."""
    tunnels: dict[str, list[Json]] = {}
    for end in secured_plan().tunnels:
        told = facts if (end.namespace, end.peer) == ("vpn1", "vpngw-secure-0") else {}
        tunnels.setdefault(end.namespace, []).append(tunnel_end(end, **told))
    return MemoryLab(secured_plan(), tunnels_of=tunnels)


def fib_entry(prefix: str, *gateways: str | None) -> Json:
    return {
        "prefix": prefix,
        "protocol": "bgp (mseelab)",
        "type": "unicast",
        "next_hops": [{"gateway": each, "interface": "right", "weight": 1} for each in gateways],
    }


def memory_lab(**tables: Any) -> MemoryLab:
    """The line, all its sessions up; nothing in the tables but what is given."""
    peers = {"r0": ["r1"], "r1": ["r0", "r2"], "r2": ["r1"]}
    lab = MemoryLab(
        PLAN,
        sessions_of={name: [session(peer) for peer in of] for name, of in peers.items()},
        routes_of={name: [] for name in peers},
        fibs={name: [] for name in peers},
        answering={name: set() for name in peers},
    )
    for table, value in tables.items():
        current = getattr(lab, table)
        setattr(lab, table, current | value if isinstance(current, dict) else value)
    return lab


class FakeTime:
    """``now`` moves only by sleeping, and a little by each look, as it does in real life."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.began = self.now
        self.slept: list[float] = []

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self._sleep)

    @property
    def elapsed(self) -> float:
        return self.now - self.began

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


class During(Expectation):
    """Holds while the time since the beginning is in one of the spans."""

    model_config = {"arbitrary_types_allowed": True}
    time: FakeTime
    spans: tuple[tuple[float, float], ...]
    link: str | None = None

    def claim(self) -> str:
        return "the sun shines"

    def look(self, lab: RunningLab) -> Sight:
        holds = any(begin <= self.time.elapsed < end for begin, end in self.spans)
        return Sight(holds, f"{'sun' if holds else 'rain'} after {self.time.elapsed:.1f} s")

    def broken_link(self, lab: RunningLab) -> str | None:
        return self.link


class AwayDuring(During, Absence):
    """The same, and it must go on."""

    def claim(self) -> str:
        return "no cloud is seen"
