"""Keys for a capture: what the lab tells goes into the capture and the folder beside it."""

from __future__ import annotations

import json
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lab.errors import InputError
from lab.probe.keys import KeyFeed, make_folder

ESP = '"IPv4","1.1.1.1","2.2.2.2","0x00000001","NULL","","NULL",""'
IKE = "01,02,03,04,x,05,06,y"


@pytest.fixture
def lab() -> Iterator[tuple[socket.socket, int]]:
    """The lab's end, and the descriptor it gave."""
    ours, theirs = socket.socketpair()
    with ours:
        yield ours, theirs.detach()


def told(table: str, row: str) -> bytes:
    return json.dumps({"table": table, "row": row}).encode() + b"\n"


def secrets(block: bytes) -> str:
    """Of a decryption secrets block (draft-ietf-opsawg-pcapng, section 4.7)."""
    kind, length, secrets_type, size = struct.unpack_from("<IIII", block)
    assert (kind, secrets_type, length) == (10, 0x45535053, len(block))
    assert struct.unpack("<I", block[-4:]) == (length,)
    return block[16 : 16 + size].decode()


def test_the_capture_gets_esp_and_the_folder_both(lab: tuple[socket.socket, int], tmp_path: Path) -> None:
    there, descriptor = lab
    folder = make_folder(tmp_path / "c.pcapng")
    with closing(KeyFeed(descriptor, folder)) as feed:
        there.sendall(told("esp_sa", ESP) + told("ikev2_decryption_table", IKE))
        assert secrets(feed.read()) == f'{ESP},"32-bit","0x00000000"\n'
    assert (folder / "esp_sa").read_text() == f"{ESP}\n"
    assert (folder / "ikev2_decryption_table").read_text() == f"{IKE}\n"


def test_for_the_owner_alone(lab: tuple[socket.socket, int], tmp_path: Path) -> None:
    there, descriptor = lab
    folder = make_folder(tmp_path / "c.pcapng")
    with closing(KeyFeed(descriptor, folder)) as feed:
        there.sendall(told("esp_sa", ESP))
        feed.read()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_line_may_come_in_pieces(lab: tuple[socket.socket, int]) -> None:
    there, descriptor = lab
    with closing(KeyFeed(descriptor, None)) as feed:
        line = told("esp_sa", ESP)
        there.sendall(line[:10])
        assert feed.read() == b""
        there.sendall(line[10:])
        assert ESP in secrets(feed.read())
        assert feed.read() == b""


def test_a_lab_that_ends_ends_the_feed(lab: tuple[socket.socket, int]) -> None:
    there, descriptor = lab
    with closing(KeyFeed(descriptor, None)) as feed:
        there.close()
        assert feed.read() == b""
        assert feed.ended


def test_keys_of_an_earlier_capture_are_gone_and_nothing_else(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "c.pcapng")
    folder.chmod(0o755)
    for name in ("esp_sa", "ikev2_decryption_table", "recent"):
        (folder / name).write_text("old")
    assert make_folder(tmp_path / "c.pcapng") == folder
    assert {file.name for file in folder.iterdir()} == {"preferences", "recent"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_what_is_no_folder_of_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "c.pcapng.keys").write_text("mine")
    with pytest.raises(InputError, match=r"c\.pcapng\.keys"):
        make_folder(tmp_path / "c.pcapng")
    assert (tmp_path / "c.pcapng.keys").read_text() == "mine"
