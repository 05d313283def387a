"""The lab as a scenario sees it: the only way from a step to the running system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lab.fault.effects import Fault
from lab.plan.types import Plan

if TYPE_CHECKING:
    from lab.probe.flows import Flow, FlowResult
    from lab.probe.stream import Stream, StreamReport
    from lab.probe.transfer import Transfer, TransferResult

Json = dict[str, Any]


class RunningLab(Protocol):
    """Questions to a running lab, and changes of it.

    Every method raises LabError: InputError for what the lab does not have, BackendError when
    it does not answer.
    """

    @property
    def plan(self) -> Plan:
        """What runs now; ``change`` changes it."""
        ...

    def sessions(self, node: str) -> list[Json]:
        """The BGP sessions of a speaker, as `show bgp -f json` has them."""
        ...

    def tunnels(self, node: str) -> list[Json]:
        """The IPsec tunnels that end at a node, as `show tunnels -f json` has them."""
        ...

    def routes(self, node: str) -> list[Json]:
        """The Loc-RIB with every candidate, as `show routes -f json` has it."""
        ...

    def why(self, node: str, destination: str) -> Json:
        """The whole chain of decisions for a prefix or address, as `why -f json` has it."""
        ...

    def fib(self, node: str) -> list[Json]:
        """The kernel's main table, as `show fib -f json` has it."""
        ...

    def neighbors(self, node: str, asking_for: str | None = None) -> list[Json]:
        """ARP and neighbour discovery, as `show arp -f json` has them.

        The kernel asks for an address only when it has a packet for it: one is sent to
        ``asking_for`` first, whose answer may show at the next look only.
        """
        ...

    def diagnose(self, node: str, neighbor: str) -> list[str]:
        """Why a session is not up: its first broken link; nothing when none is found."""
        ...

    def settled(self) -> bool:
        """Whether nothing is under way: all that was sent has arrived and is in the kernel."""
        ...

    def trace(self, flow: Flow) -> str | None:
        """The first broken link of a flow's way, hop by hop, there and back; None when it is whole."""
        ...

    def probe(self, flows: Sequence[Flow], watching: Sequence[str] = ()) -> FlowResult:
        """Send flows and see what arrives where; ``watching``: interfaces to capture on, as
        NODE[/VRF]:INTERFACE (``lab.probe.probing.probe``)."""
        ...

    def transfer(self, what: Transfer) -> TransferResult:
        """Bytes over TCP, and what arrives of them (``lab.probe.transferring``)."""
        ...

    def start_flow(self, stream: Stream) -> None:
        """Let packets flow, both ways, until the lab is let go (``lab.probe.streaming``)."""
        ...

    def mark_flows(self) -> None:
        """Something is about to be done: what flows show from now on is reported separately, too."""
        ...

    def flow(self, name: str) -> StreamReport:
        """What came of a flow so far, and whether it flows at this moment."""
        ...

    def flows(self) -> list[StreamReport]:
        """The same of every flow, in the order they began."""
        ...

    def originate(
        self, node: str, prefixes: Sequence[str], as_path: Sequence[int], communities: Sequence[str]
    ) -> None:
        """Announce prefixes as if the speaker had them, or had learned them by ``as_path``."""
        ...

    def withdraw(self, node: str, prefixes: Sequence[str]) -> None:
        """Take announcements back, also those of the topology."""
        ...

    def apply_fault(self, fault: Fault) -> str | None:
        """Break something; the name it is cleared by, None for what does not last."""
        ...

    def clear_fault(self, name: str) -> None:
        """Mend it exactly."""
        ...

    def change(self, patch: Mapping[str, Any]) -> list[str]:
        """Patch the topology and bring the running lab to it; returns what changed, in words."""
        ...
