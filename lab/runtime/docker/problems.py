"""What went wrong with the container engine, in the words of whoever has to mend it. Pure.

The SDK wraps the system's errors in those of three libraries, and the engine answers in sentences of
its own; both become one BackendError with what to do next.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.errors import BackendError

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"

LEAST_API = (1, 41)
"""Docker 20.10, which is Debian 12's."""

LOG = "`journalctl -u docker`"
START = "start it: `systemctl start docker`"
INSTALL = "install one: `apt install docker.io`"
MAKE_ROOM = "make room there: `docker system df` tells what takes it, `docker image prune` what is of no use"
AS_ROOT = "run as root: containers are wired from outside, which the group docker does not allow"
ROOTFUL = (
    "use Docker's engine as root (DOCKER_HOST selects one); without root `--backend netns` needs no engine"
)


@dataclass(frozen=True)
class Facts:
    """What an engine says of itself and of its host."""

    product: str
    """As the engine names itself: "Engine" is Docker's."""
    version: str
    api: tuple[int, ...]
    kernel: str
    system: str
    root_dir: str
    rootless: bool
    remapped: bool
    """Root in a container is another user outside (``userns-remap``)."""
    limits: frozenset[str]
    """Of "memory" and "pids", those its cgroups can limit."""


def facts(version: dict[str, Any], info: dict[str, Any]) -> Facts:
    """From the answers to ``/version`` and ``/info``."""
    components = version.get("Components") or [{"Name": "Engine"}]
    options = info.get("SecurityOptions") or []
    limits = {"memory": info.get("MemoryLimit"), "pids": info.get("PidsLimit")}
    return Facts(
        product=components[0]["Name"],
        version=version.get("Version", "?"),
        api=tuple(int(part) for part in version.get("ApiVersion", "0").split(".")),
        kernel=info.get("KernelVersion", ""),
        system=info.get("OperatingSystem", ""),
        root_dir=info.get("DockerRootDir", "?"),
        rootless=any(option.startswith("name=rootless") for option in options),
        remapped=any(option.startswith("name=userns") for option in options),
        limits=frozenset(name for name, possible in limits.items() if possible),
    )


def obstacle(engine: Facts, address: str, *, kernel: str) -> BackendError | None:
    """Why a lab cannot run on this engine; None where it can. ``kernel``: this host's release."""
    if "podman" in engine.product.lower():
        return BackendError(
            f"{address} is Podman's; labs run in containers of Docker's engine only", hint=ROOTFUL
        )
    if engine.rootless:
        return BackendError(
            f"the engine at {address} is rootless; its containers cannot be wired from outside", hint=ROOTFUL
        )
    if engine.remapped:
        return BackendError(
            f"the engine at {address} remaps users (userns-remap); a container's root is not the lab's",
            hint="start an engine without `userns-remap` and name it by DOCKER_HOST",
        )
    if engine.api < LEAST_API:
        return BackendError(
            f"Docker {engine.version} at {address} is too old: its API is {_dotted(engine.api)}, "
            f"a lab needs {_dotted(LEAST_API)}",
            hint="Docker 20.10 or newer: Debian 12's docker.io",
        )
    if engine.kernel != kernel:
        return BackendError(
            f"the engine at {address} runs on another machine ({engine.system}, Linux {engine.kernel})",
            hint="a lab's containers are wired through this host's /proc: use an engine on this host",
        )
    missing = sorted({"memory", "pids"} - engine.limits)
    if missing:
        return BackendError(
            f"the engine at {address} cannot limit {' and '.join(missing)}: no such control group",
            hint="boot with `cgroup_enable=memory`, or mount the controllers below /sys/fs/cgroup",
        )
    return None


def not_root() -> BackendError:
    """Also of whoever the engine lets in."""
    return BackendError("a lab in containers needs root", hint=AS_ROOT)


def foreign(address: str) -> BackendError:
    """An address that is not this host's."""
    return BackendError(
        f"DOCKER_HOST or the Docker context names {address}, which is not a socket of this host",
        hint=f"a lab's containers are wired through this host's /proc: DOCKER_HOST={DEFAULT_ADDRESS}",
    )


def unreachable(address: str, error: BaseException, *, installed: bool) -> BackendError:
    """Nobody answers at the address. ``installed``: there is an engine to start."""
    code = error_number(error)
    if code == errno.EACCES:
        return BackendError(f"you may not talk to the Docker engine at {address}", hint=AS_ROOT)
    if code in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR):
        if not installed:
            return BackendError(f"there is no Docker engine at {address}", hint=INSTALL)
        return BackendError(f"no Docker engine runs at {address}", hint=f"{START}; DOCKER_HOST names another")
    if _timed_out(error):
        return BackendError(f"the Docker engine at {address} does not answer", hint=f"see its log: {LOG}")
    reason = os.strerror(code) if code else _first_line(str(error))
    return BackendError(f"what listens at {address} is no Docker engine ({reason})", hint=START)


def refused(action: str, root_dir: str, error: BaseException) -> BackendError:
    """The engine answered ``action`` with an error, or went away over it."""
    if _timed_out(error):
        return BackendError(f"{action}: the Docker engine does not answer", hint=f"see its log: {LOG}")
    if error_number(error) is not None or _went_away(error):
        return BackendError(f"{action}: the Docker engine went away", hint=f"see its log: {LOG}; {START}")
    text = _first_line(str(getattr(error, "explanation", None) or error))
    return BackendError(f"{action}: {text}", hint=_advice(text, root_dir))


def failed(action: str, said: Sequence[str], root_dir: str) -> BackendError:
    """A program, or a step of a build, ended badly after it ``said`` this: the line that tells most.

    A full disk or a mirror out of reach is told early; apt's own complaint stands out; a command's last
    words come before the engine's, which only repeat the command.
    """
    plain = (re.sub(COLOUR, "", line).strip() for line in said)
    lines = [line for line in plain if line and not re.match(BUILDER, line)]
    signs = (f"{NO_SPACE}|{NO_NETWORK}", "^E: ")
    found = (line for sign in signs for line in lines if re.search(sign, line, re.IGNORECASE))
    words = [line for line in lines if not re.search(ENDED, line)]
    text = next(found, None) or (words or lines or ["it gave no reason"])[-1]
    return BackendError(f"{action}: {text}", hint=_advice(text, root_dir))


BUILDER = r"Step \d+/\d+ :|--->|Removing intermediate container"
"""What the engine says of the steps of a build."""
COLOUR = "\x1b\\[[0-9;]*m"
ENDED = r"^The command .* returned a non-zero code: \d+$"


def _advice(text: str, root_dir: str) -> str:
    for pattern, advice in ADVICE:
        if re.search(pattern, text, re.IGNORECASE):
            return advice.format(root_dir=root_dir)
    return f"see the engine's log: {LOG}"


NO_SPACE = r"no space left on device|disk quota exceeded|don't have enough free space"
NO_NETWORK = (
    r"temporary failure resolving|could not resolve|failed to fetch|no such host|network is unreachable"
    r"|connection timed out|unable to connect"
)

ADVICE = (
    (NO_SPACE, f"the disk of {{root_dir}} is full; {MAKE_ROOM}"),
    (r"no such image|manifest unknown|pull access denied", "`make images` builds the lab's images"),
    (r"/dev/net/tun", "IPsec tunnels need it: `modprobe tun`"),
    (r"cgroup|pids?\.max|memory\.(limit|max)", "the engine cannot make control groups: see /sys/fs/cgroup"),
    (r"cannot allocate memory|resource temporarily unavailable", "the host is out of memory or processes"),
    (
        r"iptables|docker0|bridge",
        "labs need no network of Docker's: `dockerd --iptables=false --bridge=none`",
    ),
    (NO_NETWORK, "packages come from Debian's mirrors: the host has to reach deb.debian.org"),
)
"""What the engine's sentence has in it, and what to do then."""


def error_number(error: BaseException) -> int | None:
    """The system's number below the libraries' wrapping, if a system call failed."""
    for inner in _chain(error):
        if isinstance(inner, OSError) and inner.errno is not None:
            return inner.errno
    return None


def _went_away(error: BaseException) -> bool:
    names = {type(inner).__name__ for inner in _chain(error)}
    return bool(names & {"RemoteDisconnected", "ProtocolError", "IncompleteRead"})


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and errors that are arguments of errors, as urllib3's are."""
    waiting, seen = [error], set[int]()
    while waiting:
        inner = waiting.pop(0)
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        yield inner
        waiting += [each for each in (inner.__cause__, inner.__context__) if each is not None]
        waiting += [each for each in inner.args if isinstance(each, BaseException)]


def _timed_out(error: BaseException) -> bool:
    return any("timed out" in str(inner).lower() for inner in _chain(error))


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else "no reason given"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
