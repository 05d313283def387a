"""Runs one speaker until it is told to stop: the body of a forked process."""

from __future__ import annotations

import gc
import socket

from lab.agent.agent import Agent
from lab.agent.bridge import make_reactor
from lab.agent.channel import Channel
from lab.agent.fib import KernelFib
from lab.agent.links import LinkWatch
from lab.bgp.speaker import SpeakerConfig


def run_speaker(config: SpeakerConfig, exabgp_configuration: str, channel_socket: socket.socket) -> int:
    """Speak BGP in the network namespace of this process; returns ExaBGP's exit code.

    Needs ``bridge.prepare_exabgp()`` to have been called in this process or a parent.
    """
    gc.set_threshold(50_000, 20, 20)
    agent = Agent(config, KernelFib(), LinkWatch(), Channel(channel_socket))
    return int(make_reactor(exabgp_configuration, agent).run())
