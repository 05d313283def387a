"""What each speaker is directly connected to: the next hops it may use."""

from __future__ import annotations

from dataclasses import replace

from lab.model.topology import Topology
from lab.plan.queries import connected_networks
from lab.plan.types import Plan, Speaker


def connect_speakers(topology: Topology, plan: Plan) -> Plan:
    return replace(plan, speakers=tuple(_connected(plan, speaker) for speaker in plan.speakers))


def _connected(plan: Plan, speaker: Speaker) -> Speaker:
    networks = connected_networks(plan, speaker.namespace)
    return replace(speaker, config=replace(speaker.config, connected=networks))
