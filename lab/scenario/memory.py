"""A RunningLab in memory: for trying steps and the runner without a lab.

It keeps the answers it is given, and to those it does what the real one does when it is told to
announce, to withdraw, or to ask for an address. Both are held to one contract
(tests/contract/test_running_lab_contract.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lab.bgp.decision import Step
from lab.bgp.route import DEFAULT_LOCAL_PREF, LOCAL
from lab.errors import InputError
from lab.fault.effects import Fault
from lab.plan.queries import owner
from lab.plan.types import Plan
from lab.probe.flows import Flow, FlowResult
from lab.probe.stream import DIRECTIONS, Passage, Stream, StreamReport, Tally
from lab.probe.transfer import OPTIONS, Connection, Fate, Transfer, TransferResult
from lab.scenario.running import Json

Table = TypeVar("Table")

ETHERNET_MSS = 1460
"""1500 bytes less headers."""


@dataclass
class MemoryLab:
    """Answers by namespace. ``whys`` by namespace and destination, ``findings`` (of ``diagnose``)
    by namespace and neighbour, ``answering``: the addresses that answer ARP requests."""

    plan: Plan
    sessions_of: dict[str, list[Json]] = field(default_factory=dict)
    tunnels_of: dict[str, list[Json]] = field(default_factory=dict)
    routes_of: dict[str, list[Json]] = field(default_factory=dict)
    whys: dict[tuple[str, str], Json] = field(default_factory=dict)
    fibs: dict[str, list[Json]] = field(default_factory=dict)
    answering: dict[str, set[str]] = field(default_factory=dict)
    findings: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    broken: str | None = None
    """What ``trace`` finds."""
    probed: FlowResult = field(default_factory=lambda: FlowResult(()))
    streams: dict[str, StreamReport] = field(default_factory=dict)
    """What came of flows, by name; one that is started here loses nothing."""
    transferred: TransferResult | None = None
    """What comes of every transfer; all arrives without it."""
    marks: int = 0
    """How often something was about to be done."""
    unsettled: int = 0
    """How many looks it takes until the lab is at rest."""
    changes: list[str] = field(default_factory=list)
    """What the next ``change`` changes."""

    faults: dict[str, Fault] = field(default_factory=dict)
    """Those that are applied, by name."""

    _entries: dict[str, dict[str, Json]] = field(default_factory=dict)

    def sessions(self, node: str) -> list[Json]:
        return _known(self.sessions_of, node)

    def tunnels(self, node: str) -> list[Json]:
        return _known(self.tunnels_of, node)

    def routes(self, node: str) -> list[Json]:
        return _known(self.routes_of, node)

    def why(self, node: str, destination: str) -> Json:
        _known(self.routes_of, node)
        nothing = {"explanation": "not installed: there is no route", "next_hops": [], "installed": False}
        unknown: Json = {"prefix": None, "received": [], "decision": None, "fib": nothing, "exports": []}
        return self.whys.get((node, destination), unknown)

    def fib(self, node: str) -> list[Json]:
        return _known(self.fibs, node)

    def neighbors(self, node: str, asking_for: str | None = None) -> list[Json]:
        answering = _known(self.answering, node)
        entries = self._entries.setdefault(node, {})
        if asking_for is not None:
            answered = asking_for in answering
            entries[asking_for] = {
                "address": asking_for,
                "mac": "02:00:00:00:00:01" if answered else None,
                "interface": "eth0",
                "state": "reachable" if answered else "incomplete",
                "family": "ipv6" if ":" in asking_for else "ipv4",
            }
        return list(entries.values())

    def diagnose(self, node: str, neighbor: str) -> list[str]:
        if neighbor not in {session["neighbor"] for session in self.sessions(node)}:
            raise InputError(f"{node} has no neighbor {neighbor}")
        return self.findings.get((node, neighbor), [])

    def settled(self) -> bool:
        self.unsettled = max(0, self.unsettled - 1)
        return self.unsettled == 0

    def trace(self, flow: Flow) -> str | None:
        return self.broken

    def probe(self, flows: Sequence[Flow], watching: Sequence[str] = ()) -> FlowResult:
        return self.probed

    def transfer(self, what: Transfer) -> TransferResult:
        owner(self.plan, what.destination)
        self._know(what.source)
        if self.transferred is not None:
            return self.transferred
        segment = (what.mss or ETHERNET_MSS) - OPTIONS
        whole = Connection(Fate.INTACT, sent=what.length, arrived=what.length, segment=segment)
        return TransferResult((whole,) * what.ports, 0.0)

    def start_flow(self, stream: Stream) -> None:
        if stream.name in self.streams:
            raise InputError(f"there is a flow {stream.name} already")
        self._know(stream.source)
        owner(self.plan, stream.destination)
        unharmed = Passage(Tally(sent=stream.ports, arrived=stream.ports), stream.ports, 0, None)
        both = dict.fromkeys(DIRECTIONS, unharmed)
        self.streams[stream.name] = StreamReport(stream, 0.0, 0.0, stream.pace, total=both, recent=both)

    def mark_flows(self) -> None:
        self.marks += 1

    def flow(self, name: str) -> StreamReport:
        if name not in self.streams:
            raise InputError(f"there is no flow {name}", hint=f"there are: {', '.join(self.streams)}")
        return self.streams[name]

    def flows(self) -> list[StreamReport]:
        return list(self.streams.values())

    def originate(
        self, node: str, prefixes: Sequence[str], as_path: Sequence[int], communities: Sequence[str]
    ) -> None:
        routes = self.routes(node)
        routes[:] = [route for route in routes if not _is_ours(route, prefixes)]
        routes += [
            {
                "prefix": prefix,
                "best": True,
                "multipath": True,
                "peer": LOCAL,
                "weight": 0,
                "next_hop": "0.0.0.0",
                "as_path": list(as_path),
                "local_pref": DEFAULT_LOCAL_PREF,
                "med": None,
                "communities": list(communities),
                "reason": Step.ONLY_ROUTE.value,
            }
            for prefix in prefixes
        ]

    def withdraw(self, node: str, prefixes: Sequence[str]) -> None:
        routes = self.routes(node)
        ours = {route["prefix"] for route in routes if route["peer"] == LOCAL}
        if not ours.issuperset(prefixes):
            raise InputError(f"{node} does not originate {', '.join(set(prefixes) - ours)}")
        routes[:] = [route for route in routes if not _is_ours(route, prefixes)]

    def apply_fault(self, fault: Fault) -> str | None:
        if not fault.lasting:
            return None
        name = fault.name or fault.kind
        if name in self.faults:
            raise InputError(f"a fault {name} is applied already: {self.faults[name].sentence}")
        if any(fault.same(each) for each in self.faults.values()):
            raise InputError(f"{fault.sentence}: that is so already")
        self.faults[name] = fault
        return name

    def clear_fault(self, name: str) -> None:
        if name not in self.faults:
            raise InputError(f"no fault {name} is applied", hint=f"applied: {', '.join(self.faults)}")
        del self.faults[name]

    def change(self, patch: Mapping[str, Any]) -> list[str]:
        return self.changes if patch else []

    def _know(self, node: str) -> None:
        _known({namespace.name: namespace for namespace in self.plan.namespaces}, node)


def _known(table: Mapping[str, Table], node: str) -> Table:
    if node not in table:
        raise InputError(f"{node} is not a node of this lab", hint=f"there are: {', '.join(table)}")
    return table[node]


def _is_ours(route: Json, prefixes: Sequence[str]) -> bool:
    return route["peer"] == LOCAL and route["prefix"] in prefixes
