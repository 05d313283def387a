"""Capturing packets: an AF_PACKET socket made inside a node, read from outside (packet(7)).

A socket belongs to the network namespace it was made in wherever it is read. So a child joins
the node and makes it, and this process, which also holds the file, never leaves home.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass

from lab.probe.keys import KeyFeed
from lab.probe.pcapng import LINKTYPE_ETHERNET, LINKTYPE_RAW, Packet, file_header, packet_block
from lab.runtime import buffers

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_STATISTICS, PACKET_AUXDATA = 263, 6, 8
SO_TIMESTAMPNS = 35
SIOCGIFHWADDR = 0x8927
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772
PACKET_HOST, PACKET_OUTGOING = 0, 4
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 0x10, 0x40
DOT1Q = 0x8100
MAC_ADDRESSES = 12
"""Octets of an Ethernet frame before its tag."""

RECEIVE_BUFFER = 8 << 20
LONGEST_PACKET = 1 << 17
"""Segmentation offload makes them up to 64 KiB and their headers."""
ANCILLARY = 256
Ancillary = list[tuple[int, int, bytes]]
LINK_ERRORS = (errno.ENETDOWN, errno.ENODEV, errno.ENXIO)
_TIMESPEC = struct.Struct("=qq")
_AUXDATA = struct.Struct("=IIIHHHH")


@dataclass(frozen=True)
class Limits:
    """When to stop by itself; None is never."""

    packets: int | None = None
    seconds: float | None = None


def interface_names() -> list[str]:
    """The interfaces in the namespace of this process."""
    return sorted(name for _, name in socket.if_nameindex())


def open_socket(ifname: str = "") -> socket.socket:
    """A socket for all packets of an interface in the namespace of this process; without a name,
    of all of them. Raises OSError."""
    protocol = 0 if ifname else socket.htons(ETH_P_ALL)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    buffers.enlarge(sock, RECEIVE_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    if ifname:
        sock.bind((ifname, ETH_P_ALL))
    return sock


def open_interface(ifname: str) -> tuple[int, tuple[int, ...]]:
    """The hardware type of an interface in the namespace of this process, and a socket for all
    of its packets. Raises OSError."""
    sock = open_socket(ifname)
    answer = fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("16s24x", ifname.encode()))
    return struct.unpack_from("16xH", answer)[0], (sock.detach(),)


@dataclass(frozen=True, slots=True)
class Captured:
    """A packet, and where. ``to_us``: its link-layer destination was the interface's own."""

    packet: Packet
    ifname: str
    link_type: int
    to_us: bool


def link_type_of(hardware_type: int) -> int:
    """What a packet begins with on an interface of that kind."""
    return LINKTYPE_ETHERNET if hardware_type in (ARPHRD_ETHER, ARPHRD_LOOPBACK) else LINKTYPE_RAW


def captured(sock: socket.socket, buffer: memoryview) -> Iterator[Captured]:
    """All that is there by now, read into ``buffer``. A link that goes down is told once, as an
    error; it may come up again."""
    while True:
        try:
            length, ancillary, _, address = sock.recvmsg_into([buffer], ANCILLARY, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno not in LINK_ERRORS:
                raise
            continue
        ifname, _, kind, hardware_type, _ = address
        outbound = kind == PACKET_OUTGOING
        if not (outbound and hardware_type == ARPHRD_LOOPBACK):  # on lo everything comes back in
            packet = packet_of(bytes(buffer[:length]), ancillary, outbound=outbound)
            yield Captured(packet, ifname, link_type_of(hardware_type), to_us=kind == PACKET_HOST)


class Capture:
    """A capture; ``count`` is how many packets were written so far."""

    def __init__(self, sock: socket.socket, hardware_type: int) -> None:
        self.count = 0
        self._socket = sock
        self._buffer = memoryview(bytearray(LONGEST_PACKET))
        self.link_type = link_type_of(hardware_type)

    def write_to(
        self,
        file: int,
        interface: str,
        stops: tuple[int, ...],
        limits: Limits,
        keys: KeyFeed | None = None,
    ) -> None:
        """Write pcapng, each packet at once, until a limit is reached, one of ``stops`` becomes
        readable or nobody reads ``file`` any more (BrokenPipeError). ``keys`` go in as they come."""
        _write_all(file, file_header(self.link_type, interface.rpartition(":")[2], interface))
        for packet in self._packets(file, stops, limits, keys):
            _write_all(file, packet_block(packet))
            self.count += 1
            if self.count == limits.packets:
                break
        if keys is not None:
            _write_all(file, keys.read())

    def discard(self) -> None:
        """Leave out what has come so far."""
        for _ in captured(self._socket, self._buffer):
            pass

    def lost(self) -> int:
        """How many packets the kernel had to drop because we were too slow, since last asked."""
        _, dropped = struct.unpack("=II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        return int(dropped)

    def _packets(
        self, file: int, stops: tuple[int, ...], limits: Limits, keys: KeyFeed | None = None
    ) -> Iterator[Packet]:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(file, 0)
        for stop in stops:
            poll.register(stop, select.POLLIN)
        if keys is not None:
            poll.register(keys, select.POLLIN)
        deadline = None if limits.seconds is None else time.monotonic() + limits.seconds
        while deadline is None or time.monotonic() < deadline:
            wait_ms = None if deadline is None else max(0, deadline - time.monotonic()) * 1000
            ready = dict(poll.poll(wait_ms))
            if file in ready:
                raise BrokenPipeError
            if keys is not None and keys.fileno() in ready:  # before the packets they are for
                _write_all(file, keys.read())
                if keys.ended:
                    poll.unregister(keys)
            if self._socket.fileno() in ready:
                yield from (each.packet for each in captured(self._socket, self._buffer))
            if any(stop in ready for stop in stops):
                return


def packet_of(data: bytes, ancillary: Ancillary, *, outbound: bool) -> Packet:
    """The packet as it was on the wire: the kernel takes an outer tag off and tells it beside."""
    time_ns = 0
    for level, kind, value in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = _TIMESPEC.unpack_from(value)
            time_ns = seconds * 1_000_000_000 + nanoseconds
        elif (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tag, protocol = _AUXDATA.unpack_from(value)
            if status & TP_STATUS_VLAN_VALID:
                protocol = protocol if status & TP_STATUS_VLAN_TPID_VALID else DOT1Q
                header = struct.pack("!HH", protocol, tag)
                data = data[:MAC_ADDRESSES] + header + data[MAC_ADDRESSES:]
    return Packet(time_ns, data, outbound)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
