"""One step of a scenario: a sentence for people, and one thing to do or to expect."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from lab.model.addresses import wrong
from lab.model.fields import Described
from lab.scenario.kinds.announce import Originate, Withdraw
from lab.scenario.kinds.arp import ArpEntry, NoArpEntry
from lab.scenario.kinds.base import Action, Expectation
from lab.scenario.kinds.fault import ApplyFault, ClearFault
from lab.scenario.kinds.flow import Interruption, StartFlow
from lab.scenario.kinds.prefixes import PrefixCount
from lab.scenario.kinds.route import FibEntry, NoFibEntry, NoRoute, RoutePresent
from lab.scenario.kinds.session import NoSession, SessionUp
from lab.scenario.kinds.traffic import NoReach, NotOnWire, OnWire, Reach, Spread
from lab.scenario.kinds.transfer import NoTransfer, TransferDone
from lab.scenario.kinds.tunnel import NoTunnel, TunnelUp

Patch = dict[str, Any]
"""What to change in a topology, see ``lab.scenario.patch``."""


class Step(Described):
    """A sentence, and exactly one of the kinds."""

    say: Annotated[str, Field(min_length=1)]
    """What is done or claimed, in one sentence for people."""

    session: SessionUp | None = None
    no_session: NoSession | None = None
    tunnel: TunnelUp | None = None
    no_tunnel: NoTunnel | None = None
    route: RoutePresent | None = None
    no_route: NoRoute | None = None
    fib: FibEntry | None = None
    no_fib: NoFibEntry | None = None
    prefixes: PrefixCount | None = None
    arp: ArpEntry | None = None
    no_arp: NoArpEntry | None = None
    reach: Reach | None = None
    no_reach: NoReach | None = None
    spread: Spread | None = None
    wire: OnWire | None = None
    no_wire: NotOnWire | None = None
    transfer: TransferDone | None = None
    no_transfer: NoTransfer | None = None
    interruption: Interruption | None = None

    fault: ApplyFault | None = None
    clear: ClearFault | None = None

    flow: StartFlow | None = None
    originate: Originate | None = None
    withdraw: Withdraw | None = None
    change: Annotated[Patch | None, Field(repr=False)] = None
    """Patch of the topology that the running lab is brought to."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = self._given()
        if not given:
            raise wrong("says nothing to do or to expect", f"add one of {', '.join(KINDS)}")
        if len(given) > 1:
            raise wrong(f"has {len(given)} kinds: {', '.join(given)}", "one kind a step: make another step")
        return self

    @property
    def kind(self) -> str:
        """The name of its kind."""
        return self._given()[0]

    @property
    def what(self) -> Expectation | Action | Patch:
        """What its kind holds; a patch for ``change``."""
        value: Expectation | Action | Patch = getattr(self, self.kind)
        return value

    def _given(self) -> list[str]:
        return [name for name in KINDS if getattr(self, name) is not None]


KINDS = tuple(name for name in Step.model_fields if name != "say")
"""All kinds, by the property they are written as."""
