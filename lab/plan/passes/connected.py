"""What is left to say of speakers once all sessions are known."""

from __future__ import annotations

from dataclasses import replace

from lab.model.topology import Topology
from lab.plan.addresses import host
from lab.plan.queries import connected_networks
from lab.plan.types import Plan, Speaker


def drop_silent_speakers(topology: Topology, plan: Plan) -> Plan:
    """A speaker without a session has nobody to tell and nothing to learn: the MSEE of a disabled
    circuit, say. ExaBGP ends at once when its configuration names no neighbour."""
    return replace(plan, speakers=tuple(speaker for speaker in plan.speakers if speaker.config.neighbors))


def connect_speakers(topology: Topology, plan: Plan) -> Plan:
    """The networks on the speaker's interfaces and at the far ends of its tunnels: the next hops it
    may use."""
    return replace(plan, speakers=tuple(_connected(plan, speaker) for speaker in plan.speakers))


def _connected(plan: Plan, speaker: Speaker) -> Speaker:
    tunneled = (
        host(end.inner_peer_address).network
        for end in plan.tunnels
        if end.namespace == speaker.namespace and end.inner_peer_address is not None
    )
    networks = (*connected_networks(plan, speaker.namespace), *tunneled)
    return replace(speaker, config=replace(speaker.config, connected=networks))
