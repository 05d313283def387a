"""Capturing: the file format as others read it, and packets as the kernel hands them over."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.utils import PcapNgReader

from lab.cli import run
from lab.errors import BackendError, InputError
from lab.probe.capture import ARPHRD_ETHER, ARPHRD_LOOPBACK, Capture, Limits, packet_of
from lab.probe.child import in_child, in_child_with_fds
from lab.probe.pcapng import LINKTYPE_ETHERNET, LINKTYPE_RAW, Packet, file_header, packet_block

FRAME = bytes(range(6)) + bytes(range(6, 12)) + b"\x08\x00" + b"payload"
MOMENT_NS = 1_700_000_000_123_456_789


def auxiliary(status: int, tag: int, protocol: int) -> list[tuple[int, int, bytes]]:
    """PACKET_AUXDATA and SCM_TIMESTAMPNS as the kernel sends them (packet(7), socket(7))."""
    aux = struct.pack("=IIIHHHH", status, len(FRAME), len(FRAME), 0, 0, tag, protocol)
    moment = struct.pack("=qq", *divmod(MOMENT_NS, 1_000_000_000))
    return [(263, 8, aux), (socket.SOL_SOCKET, 35, moment)]


# The format.


def test_scapy_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "c.pcapng"
    packets = [Packet(MOMENT_NS, FRAME, outbound=False), Packet(MOMENT_NS + 1, FRAME + b"x", outbound=True)]
    header = file_header(LINKTYPE_ETHERNET, "er100", "msee1/private:er100")
    path.write_bytes(header + b"".join(map(packet_block, packets)))
    with PcapNgReader(str(path)) as reader:
        read = list(reader)
    assert [bytes(packet) for packet in read] == [FRAME, FRAME + b"x"]
    assert [packet.direction for packet in read] == [1, 2]
    assert {packet.sniffed_on for packet in read} == {"er100"}
    assert [int(packet.time * 1_000_000_000) for packet in read] == [MOMENT_NS, MOMENT_NS + 1]


def test_blocks_are_whole_words_and_say_their_length_twice() -> None:
    for size in range(5):
        block = packet_block(Packet(0, bytes(size), outbound=True))
        assert struct.unpack_from("<I", block, 4) == struct.unpack("<I", block[-4:]) == (len(block),)
        assert len(block) % 4 == 0


# From the kernel.


def test_a_packet_has_the_kernels_time() -> None:
    assert packet_of(FRAME, auxiliary(0, 0, 0), outbound=True) == Packet(MOMENT_NS, FRAME, outbound=True)


@pytest.mark.parametrize(
    ("status", "protocol", "tag_bytes"),
    [(0x10 | 0x40, 0x88A8, b"\x88\xa8\x00\x64"), (0x10, 0, b"\x81\x00\x00\x64")],
)
def test_a_tag_the_kernel_took_off_is_put_back(status: int, protocol: int, tag_bytes: bytes) -> None:
    packet = packet_of(FRAME, auxiliary(status, 100, protocol), outbound=False)
    assert packet.data == FRAME[:12] + tag_bytes + FRAME[12:]


@pytest.mark.parametrize(
    ("hardware_type", "link_type"),
    [(ARPHRD_ETHER, LINKTYPE_ETHERNET), (ARPHRD_LOOPBACK, LINKTYPE_ETHERNET), (65534, LINKTYPE_RAW)],
)
def test_a_tunnel_has_no_ethernet_header(hardware_type: int, link_type: int) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        assert Capture(sock, hardware_type).link_type == link_type


@pytest.fixture
def silent() -> Iterator[Capture]:
    """A capture on an interface without traffic."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield Capture(sock, ARPHRD_ETHER)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end, each in a file object of its own to be closed."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with os.fdopen(reading, "rb", buffering=0) as out, os.fdopen(writing, "wb", buffering=0):
        yield out.fileno(), writing


def test_a_capture_ends_at_its_time_and_its_file_is_whole(silent: Capture, pipe: tuple[int, int]) -> None:
    silent.write_to(pipe[1], "ce1:eth0", (), Limits(seconds=0.01))
    assert os.read(pipe[0], 10_000) == file_header(LINKTYPE_ETHERNET, "eth0", "ce1:eth0")
    assert silent.count == 0


def test_a_capture_ends_when_told(silent: Capture, pipe: tuple[int, int]) -> None:
    os.write(pipe[1], b"stop")
    with open(os.devnull, "wb") as null:  # noqa: PTH123  a descriptor is wanted
        silent.write_to(null.fileno(), "ce1:eth0", (pipe[0],), Limits())


def test_a_capture_ends_when_its_reader_is_gone_although_nothing_comes(silent: Capture) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb"), pytest.raises(BrokenPipeError):
        list(silent._packets(writing, (), Limits()))


# The command.


class Terminal:
    def isatty(self) -> bool:
        return True


def test_packets_are_not_written_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    assert run(["capture", "ce1:eth0"]) == 2
    assert "wireshark -k -i -" in capsys.readouterr().err


# The child.


def test_a_child_answers_however_much_it_has_to_say() -> None:
    assert in_child(lambda: ["x" * 100] * 20_000) == ["x" * 100] * 20_000


def test_a_child_does_not_change_its_parent(tmp_path: Path) -> None:
    here = Path.cwd()

    def work() -> str:
        os.chdir(tmp_path)
        return str(Path.cwd())

    assert in_child(work) == str(tmp_path)
    assert Path.cwd() == here


def test_descriptors_of_a_child_are_ours() -> None:
    def work() -> tuple[str, tuple[int, ...]]:
        reading, writing = os.pipe()
        os.write(writing, b"from inside")
        return "answer", (reading,)

    answer, (fd,) = in_child_with_fds(work)
    assert (answer, os.read(fd, 100)) == ("answer", b"from inside")
    os.close(fd)


@pytest.mark.parametrize("error", [InputError("wrong", hint="fix it"), BackendError("no")])
def test_an_error_of_a_child_is_raised_here(error: InputError | BackendError) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        in_child(work)
    assert (caught.value.message, caught.value.hint) == (error.message, error.hint)


def test_a_bug_in_a_child_shows_its_traceback_and_ends_in_an_error(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise AssertionError("a bug")

    with pytest.raises(BackendError):
        in_child(work)
    assert "AssertionError: a bug" in capfd.readouterr().err
