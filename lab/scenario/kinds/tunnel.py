"""An IPsec tunnel is established, as seen by one of its ends, or stays down and says why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from lab.errors import BackendError, InputError
from lab.model.fields import Ipv4Prefix
from lab.plan.tunnels import TunnelEnd
from lab.plan.types import Plan
from lab.probe.flows import Flow
from lab.scenario.kinds.base import Absence, Expectation, NamespaceName, Sight
from lab.scenario.running import Json, RunningLab
from lab.scenario.words import listed

ESTABLISHED = "established"
IKE_PORT = 500

AGREED = {
    "ike": ("IKE", "ike_proposal"),
    "esp": ("ESP", "esp_proposal"),
    "local": ("local selectors", "local_selectors"),
    "remote": ("remote selectors", "remote_selectors"),
}
"""Our properties, how they read, and a tunnel end's facts."""
COUNTERS = ("packets_in", "packets_out", "bytes_in", "bytes_out")
"""Properties of ours and of a tunnel end alike."""

Networks = Annotated[tuple[Ipv4Prefix, ...], Field(min_length=1)]
AtLeast = Annotated[int, Field(ge=1)]


class TunnelUp(Expectation):
    """The end has security associations with its peer, and they are as claimed."""

    of_tunnels: ClassVar[bool] = True

    node: NamespaceName
    peer: str
    """The node at the far end, as `mseelab show tunnels` names it, or the name of the tunnel."""
    ike: str | None = None
    """The IKE algorithms agreed on, as `mseelab inspect` names them."""
    esp: str | None = None
    """The ESP algorithms agreed on, as `mseelab show tunnels` names them."""
    local: Networks | None = None
    """Traffic selectors of this end: what is carried comes from there; all of them, in any order."""
    remote: Networks | None = None
    """Traffic selectors of the far end: what is carried goes there."""
    packets_in: AtLeast | None = None
    """At least so many came out of the security associations that there are now."""
    packets_out: AtLeast | None = None
    """At least so many went into them."""
    bytes_in: AtLeast | None = None
    """At least so many came out of them."""
    bytes_out: AtLeast | None = None
    """At least so many went into them."""

    def claim(self) -> str:
        details = [f"{AGREED[name][0]} {_worded(value)}" for name, value in self._agreed().items()]
        details += [f"at least {least} {_counter(name)}" for name, least in self._least().items()]
        how = f", with {listed(details)}" if details else ""
        return f"the tunnel of {self.node} with {self.peer} is established{how}"

    def look(self, lab: RunningLab) -> Sight:
        end = end_of(lab, self.node, self.peer)
        if end["state"] != ESTABLISHED:
            return Sight(False, state_of(end))
        agreed, least = self._agreed(), self._least()
        found = {name: _plain(end[AGREED[name][1]]) for name in agreed}
        seen = [f"{AGREED[name][0]} {_worded(value)}" for name, value in found.items()]
        seen += [f"{end[name]} {_counter(name)}" for name in least]
        enough = all(end[name] >= number for name, number in least.items())
        return Sight(found == agreed and enough, ", ".join([ESTABLISHED, *seen]))

    def broken_link(self, lab: RunningLab) -> str | None:
        return broken_tunnel(lab, self.node, self.peer) or _agreement(lab, self.node, self.peer)

    def _agreed(self) -> dict[str, Any]:
        """What both ends agreed on, as far as it is claimed."""
        claimed = {name: getattr(self, name) for name in AGREED}
        return {name: _plain(value) for name, value in claimed.items() if value is not None}

    def _least(self) -> dict[str, int]:
        claimed = {name: getattr(self, name) for name in COUNTERS}
        return {name: value for name, value in claimed.items() if value is not None}


class NoTunnel(Absence):
    """The end has no security associations with its peer that carry packets."""

    of_tunnels: ClassVar[bool] = True

    node: NamespaceName
    peer: str
    """The node at the far end, as `mseelab show tunnels` names it, or the name of the tunnel."""
    problem: str | None = None
    """A text that the end's problem holds, such as ``AUTHENTICATION_FAILED`` or ``13868``; without it
    there need be none."""

    def claim(self) -> str:
        why = f", its problem holding {self.problem!r}" if self.problem else ""
        return f"the tunnel of {self.node} with {self.peer} is not established{why}"

    def look(self, lab: RunningLab) -> Sight:
        end = end_of(lab, self.node, self.peer)
        as_claimed = self.problem is None or self.problem in (end["problem"] or "")
        return Sight(end["state"] != ESTABLISHED and as_claimed, state_of(end))

    def broken_link(self, lab: RunningLab) -> str | None:
        """Of a tunnel that is up: what its ends agreed on. Of one that is down for another reason: that."""
        return _agreement(lab, self.node, self.peer) or broken_tunnel(lab, self.node, self.peer)


def end_of(lab: RunningLab, node: str, peer: str) -> Json:
    """One tunnel end as the lab tells it.

    Raises InputError when there is none of that name, and BackendError when there should be one and
    the lab runs without.
    """
    ends = lab.tunnels(node)
    for end in ends:
        if peer in (end["peer"], end["name"]):
            return end
    planned = [end for end in lab.plan.tunnels if end.namespace == node]
    if planned and not ends:
        raise BackendError(
            "this lab runs without its IPsec tunnels", hint="`mseelab doctor` says what this host lacks"
        )
    raise InputError(
        f"{node} has no tunnel with {peer}", hint=f"its tunnels: {listed(names_of(planned), 'none')}"
    )


def names_of(ends: Sequence[TunnelEnd]) -> list[str]:
    """What a step may call the tunnels of one node: their peers, then their names."""
    return [*dict.fromkeys(end.peer for end in ends), *(end.name for end in ends)]


def state_of(end: Json) -> str:
    """Its state, and what explains it."""
    return f"{end['state']}: {end['problem']}" if end["problem"] else str(end["state"])


def broken_tunnel(lab: RunningLab, node: str, peer: str) -> str | None:
    """What keeps a tunnel down: the way between the outer addresses first, for nothing is said over a
    way that is broken, then what either end says; None for a tunnel that is up."""
    end = end_of(lab, node, peer)
    if end["state"] == ESTABLISHED:
        return None
    planned = planned_end(lab.plan, end)
    outer = Flow(
        node,
        planned.remote_address,
        source_address=planned.local_address,
        protocol="udp",
        destination_port=IKE_PORT,
    )
    return lab.trace(outer) or "\n".join(_said(lab, planned)) or None


def planned_end(plan: Plan, end: Json) -> TunnelEnd:
    """The plan's view of an end that the lab told of."""
    return next(each for each in plan.tunnels if (each.name, each.namespace) == (end["name"], end["node"]))


def _said(lab: RunningLab, planned: TunnelEnd) -> Iterator[str]:
    """What the ends say is wrong, the one that was asked about first."""
    for node, peer in ((planned.namespace, planned.peer), (planned.peer, planned.namespace)):
        problem = end_of(lab, node, peer)["problem"]
        if problem:
            yield f"{node} says of {peer}: {problem}"


def _agreement(lab: RunningLab, node: str, peer: str) -> str | None:
    """Of a tunnel that is up: what its ends agreed on; None for one that is not."""
    end = end_of(lab, node, peer)
    if end["state"] != ESTABLISHED:
        return None
    return (
        f"{node} and {end['peer']} agreed on IKE {end['ike_proposal']} and ESP {end['esp_proposal']}, "
        f"for {listed(end['local_selectors'])} to {listed(end['remote_selectors'])}"
    )


def _plain(value: Any) -> Any:
    """Algorithms as they are; networks in one order."""
    return value if isinstance(value, str) else sorted(map(str, value))


def _worded(value: Any) -> str:
    return value if isinstance(value, str) else listed(value)


def _counter(name: str) -> str:
    return name.replace("_", " ")
