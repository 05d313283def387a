"""Who hears the keys of a lab, and for how long: real pipes, and a charon played by the test."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from lab.errors import BackendError, InputError
from lab.ipsec import charon, keys
from lab.runtime.keys import KeyFeed
from lab.runtime.tunnels import Tunnels

HERE, THERE = "203.0.113.110", "52.175.253.112"
PLAIN = "charon-systemd {\n  filelog {\n    log {\n      path = x\n    }\n  }\n}\n"
NEW_KEYS = f"""\
01[ENC] parsed CREATE_CHILD_SA response 0 [ SA No TSi TSr ]
01[CHD]   using AES_GCM_16 for encryption
01[CHD] encryption initiator key => 4 bytes @ 0x1
01[CHD]    0: 01 02 03 04                                      ....
01[CHD] encryption responder key => 4 bytes @ 0x1
01[CHD]    0: 05 06 07 08                                      ....
01[CHD] adding inbound ESP SA
01[CHD]   SPI 0x%08x, src {THERE} dst {HERE}
01[CHD] adding outbound ESP SA
01[CHD]   SPI 0x%08x, src {HERE} dst {THERE}
"""


@dataclass
class Charon:
    """One with an ESP association, whose keys it tells when it makes new ones and is told to."""

    folder: Path
    works: bool = True
    began: str = "no"
    spi: int = 10
    asked: list[str] = field(default_factory=list)

    async def streamed(self, _name: str, _event: str) -> list[dict[str, Any]]:
        child = {"uniqueid": "1", "state": "INSTALLED", "spi-in": f"{self.spi:x}", "spi-out": f"{self.spi:x}"}
        ike = {"uniqueid": "1", "state": "CONNECTING"}
        ike["initiator"] = self.began
        live = {"state": "ESTABLISHED", "local-host": HERE, "remote-host": THERE, "child-sas": {"any": child}}
        return [{"other": ike}, {"starting": {**ike, **live, "initiator-spi": "1", "responder-spi": "2"}}]

    async def command(self, name: str, message: Any = None) -> None:
        self.asked.append(name)
        if name == "rekey" and not self.works:
            raise BackendError("charon refused rekey")
        if name == "rekey" and "child-id" in message:
            self.spi += 1
            self.tell(NEW_KEYS % (self.spi, self.spi))
        if name == "rekey" and "ike-id" in message:
            self.tell("01[CFG] selected proposal: IKE:AES_CBC_256/HMAC_SHA1_96/PRF_HMAC_SHA1/MODP_1024\n")
            self.tell("01[IKE] Sk_ei secret => 1 bytes @ 0x1\n01[IKE]    0: 09    .\n")
            self.tell("01[MGR] checkin IKEv2 SA a[1] with SPIs 0000000000000001_i 0000000000000002_r\n")

    def tell(self, text: str) -> None:
        with (self.folder / keys.PIPE).open("w") as pipe:
            pipe.write(text)

    @property
    def settings(self) -> str:
        return (self.folder / charon.SETTINGS).read_text()


@dataclass(frozen=True)
class End:
    name: str


@dataclass
class Running:
    """What the feed knows of a tunnel's end."""

    end: End
    folder: Path
    session: Charon | None
    halt: None = None


@dataclass
class Lab:
    ends: tuple[Running, ...]


def feed_of(*charons: Charon, tunnel: str = "t{}") -> KeyFeed:
    ends = tuple(Running(End(tunnel.format(i)), one.folder, one) for i, one in enumerate(charons))
    return KeyFeed(cast(Tunnels, Lab(ends)))


@pytest.fixture
def make_charon(tmp_path: Path) -> Callable[..., Charon]:
    def make(name: str = "a", *, works: bool = True) -> Charon:
        folder = tmp_path / name
        folder.mkdir()
        (folder / charon.SETTINGS).write_text(PLAIN)
        return Charon(folder, works=works)

    return make


def heard(descriptor: int) -> list[str]:
    """The tables of what a listener has heard, who then goes away."""
    with socket.socket(fileno=descriptor) as listener:
        lines = listener.recv(1 << 16, socket.MSG_DONTWAIT).splitlines()
    return [json.loads(line)["table"] for line in lines]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def test_a_listener_hears_the_keys_of_what_there_is(make_charon: Callable[..., Charon]) -> None:
    async def work() -> None:
        one = make_charon()
        missing, descriptor = await feed_of(one).listen()
        assert missing == []
        assert one.asked == ["reload-settings", "rekey", "rekey"]
        assert sorted(heard(descriptor)) == ["esp_sa", "esp_sa", "ikev2_decryption_table"]

    run(work())


def test_when_the_last_listener_goes_all_is_as_before(make_charon: Callable[..., Charon]) -> None:
    async def work() -> None:
        one = make_charon()
        feed = feed_of(one)
        (_, first), (_, second) = await feed.listen(), await feed.listen()
        assert one.settings != PLAIN
        os.close(first)
        await asyncio.sleep(0)
        assert (one.folder / keys.PIPE).is_fifo()
        os.close(second)
        await until(lambda: not (one.folder / keys.PIPE).exists())
        assert one.settings == PLAIN
        assert one.asked.count("reload-settings") == 2

    run(work())


def test_a_second_listener_hears_the_same_and_costs_no_new_keys(make_charon: Callable[..., Charon]) -> None:
    async def work() -> None:
        one = make_charon()
        feed = feed_of(one)
        (_, first), (_, second) = await feed.listen(), await feed.listen()
        assert one.asked.count("rekey") == 2
        assert heard(first) == heard(second)

    run(work())


def test_keys_that_are_made_later_are_heard_too(make_charon: Callable[..., Charon]) -> None:
    async def work() -> None:
        one = make_charon()
        _, descriptor = await feed_of(one).listen()
        before = os.read(descriptor, 1 << 16).count(b"\n")
        assert before == 3
        one.tell(NEW_KEYS % (77, 78))
        os.set_blocking(descriptor, False)
        told = b""

        def arrived() -> bool:
            nonlocal told
            try:
                told += os.read(descriptor, 1 << 16)
            except BlockingIOError:
                return False
            return told.count(b"\n") == 2

        await until(arrived)
        assert b"0x0000004d" in told
        os.close(descriptor)

    run(work())


def test_one_end_of_a_tunnel_will_do_which_is_who_began_it(make_charon: Callable[..., Charon]) -> None:
    """With proposals that differ the other might ask in vain."""

    async def work() -> None:
        one, other, another = make_charon("a"), make_charon("b"), make_charon("c")
        other.began = "yes"
        _, descriptor = await feed_of(one, other, another, tunnel="same").listen()
        assert one.asked == another.asked == []
        assert "rekey" in other.asked
        os.close(descriptor)

    run(work())


def test_a_tunnel_that_makes_no_new_keys_is_named(
    make_charon: Callable[..., Charon], monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab.timing import Budget

    monkeypatch.setattr("lab.runtime.keys.KEYS_KNOWN", Budget("keys-known", 0.02))

    async def work() -> None:
        missing, descriptor = await feed_of(make_charon(works=False)).listen()
        assert missing == ["tunnel t0: no new keys within 0.02 s (keys-known)"]
        os.close(descriptor)

    run(work())


def test_a_lab_without_tunnels_has_no_keys() -> None:
    with pytest.raises(InputError, match="no tunnels"):
        run(cast(Any, feed_of().listen()))
