"""mseelab capture: the packets of an interface, as pcapng."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import click

from lab.cli.options import connect, lab_for_completion, name_option
from lab.errors import BackendError, InputError
from lab.probe.capture import Capture, Limits, interface_names, open_interface
from lab.probe.child import in_child_with_fds
from lab.probe.joining import join
from lab.probe.keys import KeyFeed, make_folder
from lab.runtime.control import Control


def _complete_interfaces(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    lab = lab_for_completion(context) or {"links": []}
    ends = sorted({link[end] for link in lab["links"] for end in ("a", "b")})
    return [end for end in ends if end.startswith(incomplete)]


@click.command("capture")
@name_option
@click.option("-w", "--write", "path", metavar="FILE", default="-", help="Instead of standard output.")
@click.option("-c", "--count", type=click.IntRange(min=1), metavar="N", help="Stop after N packets.")
@click.option(
    "--duration",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop after SECONDS.",
)
@click.option("--keys", "with_keys", is_flag=True, help="With the keys of the lab's tunnels.")
@click.argument("interface", metavar="NODE[/VRF]:INTERFACE", shell_complete=_complete_interfaces)
def command(
    name: str | None, path: str, count: int | None, duration: float | None, with_keys: bool, interface: str
) -> None:
    """Packets of an interface, as pcapng; Ctrl-C ends it.

    Every packet is written at once, so that a live picture is

        mseelab capture msee1/private:er100 | wireshark -k -i -

    With --keys all tunnels of the lab first make new keys, without a pause for their packets. Those of
    ESP go into the capture, where newer versions of Wireshark look for them; with -w FILE those of
    IKE and ESP also go into the folder FILE.keys, which is a Wireshark configuration and decrypts both:

        WIRESHARK_CONFIG_DIR=FILE.keys wireshark FILE
    """
    if path == "-" and sys.stdout.isatty():
        raise InputError(
            "packets are not for a terminal", hint="pipe it into `wireshark -k -i -`, or write to -w FILE"
        )
    with ExitStack() as stack:
        with closing(connect(name)) as control:
            where, capture = _open(control, interface)
            pidfd = os.pidfd_open(control.supervisor_pid())
            keys = None
            if with_keys:
                keys = stack.enter_context(_told_keys(control, path))
                capture.discard()  # it came before these keys, encrypted with others
        file, stop = stack.enter_context(_opened(path)), stack.enter_context(_stop_signals())
        click.echo(f"capturing on {where}; Ctrl-C ends it", err=True)
        try:
            capture.write_to(file, where, (pidfd, stop), Limits(count, duration), keys)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise BackendError(f"cannot write {path}: {error.strerror}") from error
    lost = capture.lost()
    click.echo(f"{capture.count} packets captured" + (f", {lost} more were lost" if lost else ""), err=True)


@contextmanager
def _told_keys(control: Control, path: str) -> Iterator[KeyFeed]:
    """The keys of all tunnels, as long as the block lasts. Raises LabError."""
    answer, (descriptor,) = control.ask_with_fds("keys")
    for sentence in answer["missing"]:
        click.echo(sentence, err=True)
    file = Path(path)
    kept = path != "-" and (file.is_file() or not file.exists())
    with closing(KeyFeed(descriptor, make_folder(file) if kept else None)) as feed:
        yield feed
    if kept:
        words = f"WIRESHARK_CONFIG_DIR={shlex.quote(f'{path}.keys')} wireshark {shlex.quote(path)}"
        click.echo(f"decrypted by: {words}", err=True)


def _open(control: Control, interface: str) -> tuple[str, Capture]:
    """The interface's full name, and a capture on it. Raises LabError."""
    namespace, _, ifname = interface.partition(":")

    def work() -> tuple[Any, tuple[int, ...]]:
        resolved = join(control, namespace)
        if ifname not in interface_names():
            what = f"has no interface {ifname}" if ifname else "is a node; which of its interfaces?"
            raise InputError(f"{resolved} {what}", hint="it has: " + ", ".join(interface_names()))
        try:
            hardware_type, fds = open_interface(ifname)
        except OSError as error:
            raise BackendError(f"cannot capture on {interface}: {error.strerror}") from error
        return {"namespace": resolved, "hardware_type": hardware_type}, fds

    answer, fds = in_child_with_fds(work)
    return f"{answer['namespace']}:{ifname}", Capture(socket.socket(fileno=fds[0]), answer["hardware_type"])


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """For the owner alone: packets may hold what is nobody else's business."""
    if path == "-":
        yield sys.stdout.fileno()
        return
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        if stat.S_ISREG(os.fstat(file).st_mode):
            os.fchmod(file, 0o600)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    try:
        yield file
    finally:
        os.close(file)


@contextmanager
def _stop_signals() -> Iterator[int]:
    """A descriptor that becomes readable at SIGINT or SIGTERM, which then end nothing by force."""
    reading, writing = socket.socketpair()
    reading.setblocking(False)
    writing.setblocking(False)
    previous = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    wakeup = signal.set_wakeup_fd(writing.fileno())
    try:
        yield reading.fileno()
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in previous.items():
            signal.signal(number, handler)
        reading.close()
        writing.close()
