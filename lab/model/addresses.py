"""Addresses and networks as a topology file writes them.

``ipaddress`` takes more than the file format should: a number is an address to it, a missing
prefix length is /32, a netmask is a length. Here a network is ``address/length`` and an address
is an address; what is wrong with a text is said in a way that helps to correct it (RFC 4632
section 3.1, RFC 4291 section 2.3 for the notation).
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
    ip_address,
    ip_interface,
    ip_network,
)
from typing import Any

from pydantic_core import PydanticCustomError

from lab.model.problem import quoted

ADDRESS_PATTERN = r"^[0-9A-Fa-f:.]+$"
NETWORK_PATTERN = r"^[0-9A-Fa-f:.]+/[0-9]{1,3}$"

_ADDRESSES = {(4,): "an IPv4 address", (6,): "an IPv6 address", (4, 6): "an address"}
_NETWORKS = {(4,): "an IPv4 network", (6,): "an IPv6 network", (4, 6): "a network"}
_ADDRESS_EXAMPLES = {4: "10.0.0.1", 6: "2001:db8::1"}
_NETWORK_EXAMPLES = {4: "10.0.0.0/24", 6: "2001:db8::/64"}


def wrong(what: str, hint: str) -> PydanticCustomError:
    """The error that ``lab.model.shape`` renders as it is; never hold a secret in it."""
    return PydanticCustomError("lab_value", "{what}", {"what": what, "hint": hint})


def _text(value: Any, noun: str, example: str) -> str:
    if not isinstance(value, str):
        raise wrong(f"must be {noun}", f"such as {example}")
    return value.strip()


def _in_family(value: Any, text: str, noun: str, versions: tuple[int, ...], example: str) -> None:
    if value is None or value.version not in versions:
        raise wrong(f"{quoted(text)} is not {noun}", f"such as {example}")


def network_parser(*versions: int) -> Callable[[Any], Any]:
    """A validator for networks of these IP versions: text, or a network already made."""
    noun, example = _NETWORKS[versions], _NETWORK_EXAMPLES[versions[0]]

    def parse(value: Any) -> IPv4Network | IPv6Network:
        if isinstance(value, IPv4Network | IPv6Network):
            _in_family(value, str(value), noun, versions, example)
            return value
        text = _text(value, noun, example)
        interface = _interface_or_none(text)
        if interface is None and (address := _address_or_none(text)) is not None:
            hint = f"a single address is {address}/{address.max_prefixlen}"
            raise wrong(f"{quoted(text)} has no prefix length", hint)
        _in_family(interface, text, noun, versions, example)
        assert interface is not None
        if interface.ip != interface.network.network_address:
            hint = f"the network that holds it is {interface.network}"
            raise wrong(f"{quoted(text)} has bits set to the right of its prefix length", hint)
        return ip_network(text)

    return parse


def address_parser(*versions: int) -> Callable[[Any], Any]:
    """A validator for single addresses of these IP versions."""
    noun, example = _ADDRESSES[versions], _ADDRESS_EXAMPLES[versions[0]]

    def parse(value: Any) -> IPv4Address | IPv6Address:
        if isinstance(value, IPv4Address | IPv6Address):
            _in_family(value, str(value), noun, versions, example)
            return value
        text = _text(value, noun, example)
        address = _address_or_none(text)
        if address is None and (interface := _interface_or_none(text)) is not None:
            raise wrong(f"{quoted(text)} must be without a prefix length", f"write {interface.ip}")
        _in_family(address, text, noun, versions, example)
        assert address is not None
        return address

    return parse


def interface_parser() -> Callable[[Any], Any]:
    """A validator for an interface's address with its prefix length."""

    def parse(value: Any) -> IPv4Interface | IPv6Interface:
        if isinstance(value, IPv4Interface | IPv6Interface):
            return value
        text = _text(value, "an address with its prefix length", "192.0.2.1/30")
        interface = _interface_or_none(text)
        if interface is None:
            raise wrong(f"{quoted(text)} is not an address with its prefix length", "such as 192.0.2.1/30")
        return interface

    return parse


def _address_or_none(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _interface_or_none(text: str) -> IPv4Interface | IPv6Interface | None:
    address, slash, length = text.partition("/")
    if not slash or "%" in address or not (length.isascii() and length.isdigit()):
        return None
    try:
        return ip_interface(text)
    except ValueError:
        return None
