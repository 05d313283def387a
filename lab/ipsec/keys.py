"""The keys of associations, from charon's own log at the level at which it tells them.

Debian's charon has no other way to tell. Its log has no line that says it all: keys, who the two
ends are and what they agreed on come one after the other, in the thread that handles the message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

LOGGER = """\
    keys {
      path = keys
      default = -1
      ike = 4
      chd = 4
      mgr = 2
      enc = 1
      cfg = 1
      flush_line = yes
    }
"""
"""The file log of strongswan.conf that tells them, into the pipe ``PIPE`` in charon's folder: level 4
is secrets, 2 of mgr the SPIs of IKE associations."""
PIPE = "keys"


def with_logger(settings: str) -> str:
    """A strongswan.conf that tells keys as well."""
    return settings.replace("  filelog {\n", "  filelog {\n" + LOGGER, 1)


Name = tuple[str | int, ...]
"""What an association's packets say of it: addresses and SPI, or the two SPIs of IKE."""


@dataclass(frozen=True, slots=True)
class EspKeys:
    """One direction of an ESP association. Algorithms by charon's names, without key lengths;
    a cipher that authenticates has no ``integrity``, and its salt at the end of its key."""

    source: str
    destination: str
    spi: int
    cipher: str
    cipher_key: bytes = field(repr=False)
    integrity: str | None = None
    integrity_key: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> Name:
        return self.source, self.destination, self.spi


@dataclass(frozen=True, slots=True)
class IkeKeys:
    """An IKE association: SK_ei, SK_er, SK_ai, SK_ar (RFC 7296 section 2.14). The cipher's name has
    the length of its key."""

    initiator_spi: int
    responder_spi: int
    cipher: str
    integrity: str | None
    ei: bytes = field(repr=False)
    er: bytes = field(repr=False)
    ai: bytes = field(default=b"", repr=False)
    ar: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> Name:
        return self.initiator_spi, self.responder_spi


@dataclass(frozen=True, slots=True)
class Ikev1Keys:
    """An association of IKEv1: all it encrypts has one key (RFC 2409 appendix B)."""

    initiator_spi: int
    responder_spi: int
    key: bytes = field(repr=False)

    @property
    def name(self) -> Name:
        return self.initiator_spi, self.responder_spi


Keys = EspKeys | IkeKeys | Ikev1Keys

_LINE = re.compile(r"(\d+)\[([A-Z]{3})\] (.*)")
_PARSED = re.compile(r"parsed \w+ (request|response) ")
_PROPOSAL = re.compile(r"selected proposal: IKE:(\S+)")
_ESP_ALGORITHM = re.compile(r"  using (\S+) for (encryption|integrity)")
_SECRET = re.compile(
    r"(Sk_[ae][ir] secret|encryption key Ka|(?:encryption|integrity) (?:initiator|responder) key) => "
)
_OCTETS = re.compile(r" *\d+: ((?:[0-9A-F]{2} )+)")
_DIRECTION = re.compile(r"(?:adding|registering) (inbound|outbound) ESP SA")
_ESP_SPI = re.compile(r" +SPI 0x([0-9a-f]{8}), src (\S+) dst (\S+)")
_IKE_SPIS = re.compile(r"checkin IKEv[12] SA .* with SPIs ([0-9a-f]{16})_i ([0-9a-f]{16})_r")


@dataclass
class _Thread:
    """What one of charon's threads has said since it took up a message. Who sent the message's request
    began the exchange."""

    begun_by_us: bool = False
    proposal: str | None = None
    esp: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, bytearray] = field(default_factory=dict)
    filling: bytearray | None = None
    inbound: bool | None = None


class KeyLog:
    """A charon's log, line by line."""

    def __init__(self) -> None:
        self._threads: dict[str, _Thread] = {}
        self.known: set[Name] = set()

    def read(self, line: str) -> Keys | None:
        """The keys that are complete with this line, each once."""
        match = _LINE.fullmatch(line)
        if match is None:
            return None
        if parsed := _PARSED.match(match[3]):
            self._threads[match[1]] = _Thread(begun_by_us=parsed[1] == "response")
            return None
        thread = self._threads.setdefault(match[1], _Thread())
        found = _found(thread, match[3])
        if found is None or found.name in self.known:
            return None
        self.known.add(found.name)
        return found


def _found(thread: _Thread, text: str) -> Keys | None:
    if thread.filling is not None and (octets := _OCTETS.match(text)):
        thread.filling += bytes.fromhex(octets[1])
        return None
    thread.filling = None
    if secret := _SECRET.match(text):
        thread.filling = thread.secrets[secret[1]] = bytearray()
    elif proposal := _PROPOSAL.match(text):
        thread.proposal = proposal[1]
    elif algorithm := _ESP_ALGORITHM.match(text):
        thread.esp[algorithm[2]] = algorithm[1]
    elif direction := _DIRECTION.match(text):
        thread.inbound = direction[1] == "inbound"
    elif esp := _ESP_SPI.match(text):
        return _esp(thread, int(esp[1], 16), esp[2], esp[3])
    elif ike := _IKE_SPIS.match(text):
        return _ike(thread, int(ike[1], 16), int(ike[2], 16))
    return None


def _esp(thread: _Thread, spi: int, source: str, destination: str) -> EspKeys | None:
    """The initiator of an exchange is who sent its request; its keys are for what it sends."""
    sender = "initiator" if thread.begun_by_us is not thread.inbound else "responder"
    key, cipher = thread.secrets.get(f"encryption {sender} key"), thread.esp.get("encryption")
    if key is None or cipher is None:
        return None
    integrity_key = bytes(thread.secrets.get(f"integrity {sender} key", b""))
    return EspKeys(source, destination, spi, cipher, bytes(key), thread.esp.get("integrity"), integrity_key)


def _ike(thread: _Thread, initiator_spi: int, responder_spi: int) -> IkeKeys | Ikev1Keys | None:
    """Of the first association that is put back complete after the keys were made."""
    if responder_spi == 0:
        return None
    if key := thread.secrets.pop("encryption key Ka", None):
        return Ikev1Keys(initiator_spi, responder_spi, bytes(key))
    names = [f"Sk_{which} secret" for which in ("ei", "er", "ai", "ar")]
    if thread.proposal is None or names[0] not in thread.secrets:
        return None
    ei, er, ai, ar = (bytes(thread.secrets.pop(name, b"")) for name in names)
    return IkeKeys(initiator_spi, responder_spi, *_algorithms(thread.proposal), ei, er, ai, ar)


def _algorithms(proposal: str) -> tuple[str, str | None]:
    """Cipher and integrity of ``AES_CBC_256/HMAC_SHA1_96/...``."""
    cipher, *others = proposal.split("/")
    return cipher, next((name for name in others if name.startswith("HMAC_")), None)


Listed = Iterable[dict[str, Any]]
"""The ``list-sa`` events of ``list-sas``: each holds IKE associations by their connection's name."""

_IKE_IN_USE, _ESP_IN_USE = ("ESTABLISHED", "REKEYING"), ("INSTALLED", "REKEYING")


def renewals(listed: Listed, known: set[Name]) -> list[dict[str, str]]:
    """What to ask ``rekey`` for next: associations that carry something and are not known. Those of ESP
    come first, and alone: with IKEv1 the new IKE association would leave theirs unfinished."""
    listed = list(listed)
    return [
        {"child-id": child["uniqueid"]} for ike, child in _children(listed) if not _names(ike, child) <= known
    ] or [{"ike-id": ike["uniqueid"]} for ike in _ikes(listed) if _spis(ike) not in known]


def begun_here(listed: Listed) -> bool:
    """Whether this end has sent the first message of an association that stands."""
    return any(ike.get("initiator") == "yes" for ike in _ikes(listed))


def _ikes(listed: Listed) -> Iterator[dict[str, Any]]:
    return (ike for event in listed for ike in event.values() if ike.get("state") in _IKE_IN_USE)


def _children(listed: Listed) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for ike in _ikes(listed):
        for child in ike.get("child-sas", {}).values():
            if child.get("state") in _ESP_IN_USE:
                yield ike, child


def _spis(ike: dict[str, Any]) -> Name:
    return int(ike["initiator-spi"], 16), int(ike["responder-spi"], 16)


def _names(ike: dict[str, Any], child: dict[str, Any]) -> set[Name]:
    here, there = ike["local-host"], ike["remote-host"]
    return {(there, here, int(child["spi-in"], 16)), (here, there, int(child["spi-out"], 16))}
