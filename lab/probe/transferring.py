"""Transfers in a running lab: the sockets are made inside its nodes and used from here."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from lab.errors import InputError
from lab.plan.queries import owner
from lab.plan.types import Plan
from lab.probe.carrying import Carrying
from lab.probe.child import in_child_with_fds
from lab.probe.joining import join
from lab.probe.sending import FAMILIES
from lab.probe.transfer import FIRST_SOURCE_PORT, PORT, Transfer, TransferResult
from lab.runtime.control import Control


def transfer(control: Control, plan: Plan, what: Transfer) -> TransferResult:
    """Carry it, and see what arrives. Raises InputError for a node, an address or a port that cannot be
    had."""
    with (
        _made_in(control, owner(plan, what.destination), lambda: [_listener(what)]) as (listener,),
        _made_in(
            control, what.source, lambda: [_near(what, number) for number in range(what.ports)]
        ) as nears,
    ):
        return Carrying(what, listener, nears).run()


@contextmanager
def _made_in(
    control: Control, namespace: str, make: Callable[[], list[socket.socket]]
) -> Iterator[list[socket.socket]]:
    """Sockets of the node, closed in the end."""

    def join_and_make() -> tuple[None, tuple[int, ...]]:
        join(control, namespace)
        return None, tuple(each.detach() for each in make())

    _, fds = in_child_with_fds(join_and_make)
    with ExitStack() as stack:
        yield [stack.enter_context(socket.socket(fileno=fd)) for fd in fds]


def _listener(what: Transfer) -> socket.socket:
    sock = _bound(what, str(what.destination), PORT if what.port is None else what.port)
    sock.listen(what.ports)
    return sock


def _near(what: Transfer, number: int) -> socket.socket:
    """From consecutive ports: always the same ones, so that a transfer takes the same ways when it is
    repeated."""
    sock = _bound(what, str(what.source_address or ""), FIRST_SOURCE_PORT + number)
    if what.mss is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, what.mss)
    return sock


def _bound(what: Transfer, address: str, port: int) -> socket.socket:
    """Raises InputError."""
    sock = socket.socket(FAMILIES[what.destination.version], socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((address, port))
    except OSError as error:
        raise InputError(
            f"TCP port {port} of {address or what.source} cannot be had: {error.strerror}"
        ) from None
    return sock
