"""The real RunningLab: asks the supervisor over its control socket, and the kernels themselves."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from lab.fault.effects import Fault
from lab.plan.types import Plan
from lab.probe.child import in_child
from lab.probe.joining import join
from lab.probe.path import trace
from lab.probe.probing import probe
from lab.probe.streaming import Streams
from lab.probe.transferring import transfer
from lab.runtime.control import Control, pack
from lab.runtime.rundir import RunFolder
from lab.scenario.running import Json
from lab.scenario.stage import Stage

if TYPE_CHECKING:
    from lab.probe.flows import Flow, FlowResult
    from lab.probe.stream import Stream, StreamReport
    from lab.probe.transfer import Transfer, TransferResult

DISCARD_PORT = 9
"""RFC 863; nothing listens, and a refusal is as good."""


class LiveLab:
    """A lab that runs; ``stage`` is what it was brought up with."""

    def __init__(self, folder: RunFolder, stage: Stage) -> None:
        self._control = Control(folder)
        self._streams = Streams(self._control)
        self._stage = stage

    @property
    def plan(self) -> Plan:
        return self._stage.plan

    def close(self) -> None:
        self._streams.close()
        self._control.close()

    def sessions(self, node: str) -> list[Json]:
        return list(self._control.ask("sessions", namespace=node))

    def tunnels(self, node: str) -> list[Json]:
        return list(self._control.ask("tunnels", namespace=node))

    def routes(self, node: str) -> list[Json]:
        return list(self._control.ask("routes", namespace=node))

    def why(self, node: str, destination: str) -> Json:
        return dict(self._control.ask("why", namespace=node, destination=destination))

    def fib(self, node: str) -> list[Json]:
        from lab.probe.kernel import main_table  # here: pyroute2 is slow to import, and not for everyone

        return self._inside(node, main_table)

    def neighbors(self, node: str, asking_for: str | None = None) -> list[Json]:
        from lab.probe.kernel import neighbors

        def ask_and_read() -> list[Json]:
            if asking_for is not None:
                _send_datagram(asking_for)
            return neighbors()

        return self._inside(node, ask_and_read)

    def diagnose(self, node: str, neighbor: str) -> list[str]:
        return list(self._control.ask("diagnose", namespace=node, neighbor=neighbor))

    def settled(self) -> bool:
        return bool(self._control.ask("settled")["settled"])

    def trace(self, flow: Flow) -> str | None:
        return trace(self._control, self.plan, flow)

    def probe(self, flows: Sequence[Flow], watching: Sequence[str] = ()) -> FlowResult:
        return probe(self._control, self.plan, flows, watching)

    def transfer(self, what: Transfer) -> TransferResult:
        return transfer(self._control, self.plan, what)

    def start_flow(self, stream: Stream) -> None:
        self._streams.start(self.plan, stream)

    def mark_flows(self) -> None:
        self._streams.mark()

    def flow(self, name: str) -> StreamReport:
        return self._streams.report(name)

    def flows(self) -> list[StreamReport]:
        return self._streams.reports()

    def originate(
        self, node: str, prefixes: Sequence[str], as_path: Sequence[int], communities: Sequence[str]
    ) -> None:
        self._control.ask(
            "originate",
            namespace=node,
            prefixes=list(prefixes),
            as_path=list(as_path),
            communities=list(communities),
        )

    def withdraw(self, node: str, prefixes: Sequence[str]) -> None:
        self._control.ask("withdraw", namespace=node, prefixes=list(prefixes))

    def apply_fault(self, fault: Fault) -> str | None:
        name: str | None = self._control.ask("fault-apply", fault=pack(fault))
        return name

    def clear_fault(self, name: str) -> None:
        self._control.ask("fault-clear", names=[name])

    def change(self, patch: Mapping[str, Any]) -> list[str]:
        after = self._stage.changed(patch)
        done = self._control.ask("apply", plan=pack(after.plan))
        self._stage = after
        return list(done)

    def _inside(self, node: str, read: Callable[[], list[Json]]) -> list[Json]:
        """Read the kernel's tables of a node: in a child, because there is no way back."""

        def join_and_read() -> list[Json]:
            join(self._control, node)
            return read()

        return list(in_child(join_and_read))


def _send_datagram(address: str) -> None:
    """What cannot be sent, for want of a route or an answer to ARP, shows in the tables."""
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as sender, suppress(OSError):
        sender.sendto(b"", (address, DISCARD_PORT))
