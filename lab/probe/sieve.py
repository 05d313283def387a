"""A sieve in the kernel that keeps the packets of streams out of a look's sockets (socket(7),
``SO_ATTACH_FILTER``; the kernel's Documentation/networking/filter.rst).

A stream sends hundreds of packets a second, and every node on its way shows each of them twice. A look has
no use for them; on a busy host it takes longer to read them than they take to come, and an ordinary
user's socket holds a few hundred. So they are not queued at all. A stream's datagram has one of the ports
that streams have and none of the look's own; whatever else passes is let through.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lab.probe.flows import Flow
from lab.probe.stream import FIRST_PORT
from lab.runtime.tags import UNDERLAY

SO_ATTACH_FILTER = 26
NETWORK_HEADER = 0x100000000 - 0x100000
"""SKF_NET_OFF of linux/filter.h: offsets from here count from the IP header, whatever is before it."""
ETHERTYPE = 0x100000000 - 0x1000
"""SKF_AD_OFF + SKF_AD_PROTOCOL."""
IPV4, IPV6 = 0x0800, 0x86DD
UDP = 17

LOAD_BYTE, LOAD_HALF = 0x30, 0x28
LOAD_HALF_BEHIND = 0x48
"""At X and a constant."""
X_IS, X_IS_HEADER_LENGTH = 0x01, 0xB1
GO, IF_EQUAL, IF_AT_LEAST = 0x05, 0x15, 0x35
RETURN = 0x06
"""BPF_* of linux/bpf_common.h."""
ALL, NOTHING = 0xFFFFFFFF, 0
"""How many bytes of the packet are kept."""

INSTRUCTION = struct.Struct("=HBBI")
NEXT = ""


class Line(NamedTuple):
    """An instruction; ``label`` is where others jump to, ``then`` and ``otherwise`` whither it does."""

    code: int
    operand: int = 0
    then: str = NEXT
    otherwise: str = NEXT
    label: str = ""


def _program(ours: range) -> tuple[Line, ...]:
    """``ours`` are the ports of the look's own probes, wherever they lie."""
    return (
        Line(LOAD_HALF, ETHERTYPE),
        Line(IF_EQUAL, IPV6, then="ipv6"),
        Line(IF_EQUAL, IPV4, otherwise="keep"),
        Line(LOAD_BYTE, NETWORK_HEADER + 9),
        Line(IF_EQUAL, UDP, otherwise="keep"),
        Line(LOAD_HALF, NETWORK_HEADER + 12),
        # VXLAN that stands for tags has any port, and a look's packets inside.
        Line(IF_EQUAL, int(UNDERLAY) >> 16, then="keep"),
        Line(X_IS_HEADER_LENGTH, NETWORK_HEADER),
        Line(GO, then="ports"),
        Line(LOAD_BYTE, NETWORK_HEADER + 6, label="ipv6"),
        Line(IF_EQUAL, UDP, otherwise="keep"),
        Line(X_IS, 40),
        Line(LOAD_HALF_BEHIND, NETWORK_HEADER + 2, label="ports"),
        Line(IF_AT_LEAST, ours.start, otherwise="source"),
        Line(IF_AT_LEAST, ours.stop, otherwise="keep"),
        Line(LOAD_HALF_BEHIND, NETWORK_HEADER, label="source"),
        Line(IF_AT_LEAST, ours.start, otherwise="streams"),
        Line(IF_AT_LEAST, ours.stop, otherwise="keep"),
        Line(IF_AT_LEAST, FIRST_PORT, then="drop", label="streams"),
        Line(LOAD_HALF_BEHIND, NETWORK_HEADER + 2),
        Line(IF_AT_LEAST, FIRST_PORT, otherwise="keep"),
        Line(RETURN, NOTHING, label="drop"),
        Line(RETURN, ALL, label="keep"),
    )


def keep_streams_out(sock: socket.socket, ours: range) -> None:
    """From now on the packet socket queues no packet of a stream; probes have one of the ports ``ours``.
    Raises OSError."""
    program = _assembled(_program(ours))
    code = ctypes.create_string_buffer(program, len(program))
    count = len(program) // INSTRUCTION.size
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", count, ctypes.addressof(code)))


def ports_of(flows: Iterable[Flow]) -> range:
    """From the lowest to the highest that the probes of these flows leave by."""
    ports = [flow.source_port for flow in flows if flow.protocol == "udp"]
    return range(min(ports, default=0), max(ports, default=-1) + 1)


def _assembled(lines: Sequence[Line]) -> bytes:
    """As the kernel has it: a jump counts the instructions it leaves out."""
    places = {line.label: number for number, line in enumerate(lines) if line.label}
    code = b""
    for number, line in enumerate(lines):
        then, otherwise = (
            0 if label == NEXT else places[label] - number - 1 for label in (line.then, line.otherwise)
        )
        if line.code == GO:  # its distance is its operand
            code += INSTRUCTION.pack(GO, 0, 0, then)
        else:
            code += INSTRUCTION.pack(line.code, then, otherwise, line.operand)
    return code
