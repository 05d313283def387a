"""The marks that tell the packets of one probe from all others, and from those of another look.

An echo and a datagram carry a number drawn for this look and the flow's index; the answers and
ICMP errors bring it back. A SYN has them in its sequence number, which the answer acknowledges.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from lab.bgp.route import Address
from lab.probe.flows import Answer, Flow, IcmpError, SeenPacket
from lab.probe.packets import (
    ECHO_REPLY,
    ECHO_REQUEST,
    PORT_UNREACHABLE,
    Decoded,
    echo_request,
    headers_length,
    syn,
)

TOKEN = 8
INDEX = 2
"""Bytes of each in a payload."""
SEQUENCE_STEP = 1 << 17
"""Between the sequence numbers of two flows: more than a SYN can acknowledge."""
SEQUENCE_SPACE = 1 << 32


@dataclass(frozen=True, slots=True)
class Recognized:
    """A packet of flow ``index``; ``answer`` and ``error`` are set for what comes back."""

    index: int
    answer: Answer | None = None
    error: IcmpError | None = None

    @property
    def returning(self) -> bool:
        return self.answer is not None or self.error is not None


class Marks:
    """The flows of one look, and how their packets are known. ``token`` is random bytes."""

    def __init__(self, flows: Sequence[Flow], token: bytes | None = None) -> None:
        self._flows = flows
        self._token = os.urandom(TOKEN) if token is None else token
        self._first_sequence = int.from_bytes(self._token[:4], "big")
        self._first_identifier = int.from_bytes(self._token[4:6], "big")
        self._by_sequence = {
            self._sequence(index): index for index, flow in enumerate(flows) if flow.protocol == "tcp"
        }
        self._by_ports: dict[tuple[Address, int | None, int | None], int] = {
            (flow.destination, flow.destination_port, flow.source_port): index
            for index, flow in enumerate(flows)
            if flow.protocol == "udp"
        }

    # --- building ---

    def payload(self, index: int) -> bytes:
        """The mark, filled up to the flow's size."""
        flow = self._flows[index]
        is_tcp = flow.protocol == "tcp"
        mark = b"" if is_tcp else self._token + index.to_bytes(INDEX, "big")
        if flow.size is None:
            return mark
        return mark.ljust(flow.size - headers_length(flow.destination, tcp=is_tcp), b"\0")

    def packet(self, index: int, source: Address) -> bytes:
        """A whole IP packet of an ICMP or TCP flow."""
        flow, payload = self._flows[index], self.payload(index)
        if flow.protocol == "tcp":
            ports = flow.source_port, flow.destination_port
            return syn(source, flow.destination, ports, self._sequence(index), payload)
        return echo_request(source, flow.destination, self._identifier(index), 1, payload)

    def _sequence(self, index: int) -> int:
        return (self._first_sequence + index * SEQUENCE_STEP) % SEQUENCE_SPACE

    def _identifier(self, index: int) -> int:
        return (self._first_identifier + index) & 0xFFFF

    # --- recognizing ---

    def recognize(self, packet: Decoded) -> Recognized | None:
        """Which flow the packet belongs to, and what it says; None for somebody else's."""
        if packet.quotes is not None:
            return self._given_back(packet, packet.quotes)
        match packet.protocol:
            case "icmp":
                return self._echo(packet)
            case "udp":
                return self._datagram(packet)
            case "tcp":
                return self._segment(packet)
            case _:
                return None

    def _given_back(self, packet: Decoded, quoted: Decoded) -> Recognized | None:
        ours = self.recognize(quoted)
        if ours is None or ours.returning:
            return None
        if packet.says == PORT_UNREACHABLE and packet.source == self._flows[ours.index].destination:
            return Recognized(ours.index, answer=Answer.PORT_UNREACHABLE)
        return Recognized(ours.index, error=IcmpError(packet.says, packet.source))

    def _echo(self, packet: Decoded) -> Recognized | None:
        index = self._index(packet.payload)
        if index is None:
            return None
        destination = self._flows[index].destination
        if packet.says == ECHO_REQUEST and packet.destination == destination:
            return Recognized(index)
        if packet.says == ECHO_REPLY and packet.source == destination:
            return Recognized(index, answer=Answer.ECHO_REPLY)
        return None

    def _datagram(self, packet: Decoded) -> Recognized | None:
        """An answer of whoever listens need not bring the mark back; its ports must fit."""
        index = self._index(packet.payload)
        if index is not None:
            flow = self._flows[index]
            if (packet.destination, packet.destination_port) == (flow.destination, flow.destination_port):
                return Recognized(index)
        answered = self._by_ports.get((packet.source, packet.source_port, packet.destination_port))
        return None if answered is None else Recognized(answered, answer=Answer.DATAGRAM)

    def _segment(self, packet: Decoded) -> Recognized | None:
        index = self._by_sequence.get(packet.number)
        if index is not None:
            return Recognized(index)
        index = self._acknowledged(packet)
        if index is None or packet.source != self._flows[index].destination:
            return None
        return Recognized(index, answer=Answer.RST if "R" in packet.flags else Answer.SYN_ACK)

    def _acknowledged(self, packet: Decoded) -> int | None:
        """A listener acknowledges the SYN alone, a refusal its data too."""
        offset = (packet.acknowledged - self._first_sequence) % SEQUENCE_SPACE
        index, beyond = divmod(offset, SEQUENCE_STEP)
        if "A" not in packet.flags or self._by_sequence.get(self._sequence(index)) != index:
            return None
        return index if beyond in (1, 1 + len(self.payload(index))) else None

    def _index(self, payload: bytes) -> int | None:
        if not payload.startswith(self._token):
            return None
        index = int.from_bytes(payload[TOKEN : TOKEN + INDEX], "big")
        return index if index < len(self._flows) else None


def seen(packet: Decoded, recognized: Recognized | None, *, outbound: bool) -> SeenPacket:
    """The packet as the watcher of an interface tells it."""
    return SeenPacket(
        flow=recognized.index if recognized else None,
        protocol=packet.protocol,
        source=packet.source,
        destination=packet.destination,
        outbound=outbound,
        returning=recognized is not None and recognized.returning,
        source_port=packet.source_port,
        destination_port=packet.destination_port,
        tags=packet.tags,
    )
