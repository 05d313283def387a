"""What is said about an engine that cannot be used, and about what it refuses."""

from __future__ import annotations

import errno
import os
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest

from lab.errors import BackendError
from lab.runtime.docker import problems
from lab.runtime.docker.problems import Facts, failed, obstacle, refused, unreachable

ADDRESS = "unix:///run/docker.sock"
KERNEL = "6.1.0-40-amd64"

VERSION: dict[str, Any] = {
    "Components": [{"Name": "Engine"}, {"Name": "containerd"}],
    "Version": "20.10.24+dfsg1",
    "ApiVersion": "1.41",
}
INFO: dict[str, Any] = {
    "KernelVersion": KERNEL,
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "DockerRootDir": "/var/lib/docker",
    "SecurityOptions": ["name=seccomp,profile=default"],
    "MemoryLimit": True,
    "PidsLimit": True,
}
GOOD = problems.facts(VERSION, INFO)


def judged(facts: Facts) -> BackendError | None:
    return obstacle(facts, ADDRESS, kernel=KERNEL)


def test_docker_of_debian_12_will_do() -> None:
    assert judged(GOOD) is None


@pytest.mark.parametrize(
    ("version", "info", "said", "hint"),
    [
        ({"Components": [{"Name": "Podman Engine"}]}, {}, "Podman", "--backend netns"),
        ({}, {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}, "rootless", "as root"),
        ({}, {"SecurityOptions": ["name=userns"]}, "remaps users", "DOCKER_HOST"),
        ({"ApiVersion": "1.40", "Version": "19.03.15"}, {}, "too old", "20.10"),
        ({}, {"KernelVersion": "6.10.14-linuxkit"}, "another machine", "this host"),
        ({}, {"MemoryLimit": False}, "cannot limit memory", "cgroup_enable=memory"),
        ({}, {"MemoryLimit": False, "PidsLimit": False}, "memory and pids", "/sys/fs/cgroup"),
    ],
    ids=["podman", "rootless", "userns-remap", "old", "elsewhere", "no memory limit", "no limits"],
)
def test_an_engine_that_will_not_do_is_refused_with_advice(
    version: dict[str, Any], info: dict[str, Any], said: str, hint: str
) -> None:
    error = judged(problems.facts(VERSION | version, INFO | info))
    assert error is not None
    assert said in error.message
    assert hint in (error.hint or "")


def wrapped(inner: BaseException) -> Exception:
    """As the SDK wraps what the system says: an argument of an error that caused an error."""
    outer = Exception(f"Error while fetching server API version: {inner}")
    outer.__cause__ = ConnectionError(Exception("Connection aborted.", inner))
    return outer


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "installed", "said", "hint"),
    [
        (errno.ENOENT, False, "there is no Docker engine at", "apt install docker.io"),
        (errno.ENOENT, True, "no Docker engine runs at", "systemctl start docker"),
        (errno.ECONNREFUSED, True, "no Docker engine runs at", "systemctl start docker"),
        (errno.EACCES, True, "may not talk to", "run as root"),
        (errno.EPROTOTYPE, True, "is no Docker engine", "systemctl"),
    ],
)
def test_an_engine_that_does_not_answer_is_explained_by_what_the_system_said(
    number: int, installed: bool, said: str, hint: str
) -> None:
    error = unreachable(ADDRESS, wrapped(system(number)), installed=installed)
    assert said in error.message
    assert ADDRESS in error.message
    assert hint in (error.hint or "")


def test_silence_is_not_absence() -> None:
    error = unreachable(ADDRESS, wrapped(Exception("Read timed out. (read timeout=60)")), installed=True)
    assert "does not answer" in error.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("write /var/lib/docker/tmp/x: no space left on device", "disk of /data is full"),
        ("No such image: mseelab/base:0.1.0", "make images"),
        ('gathering device information for "/dev/net/tun": no such file or directory', "modprobe tun"),
        ("OCI runtime create failed: cgroups: cgroup mountpoint does not exist", "/sys/fs/cgroup"),
        ("something nobody thought of", "the engine's log"),
    ],
)
def test_a_refusal_has_the_engines_own_words_and_advice(text: str, hint: str) -> None:
    error = refused("starting msee1", "/data", Exception(text))
    assert error.message == f"starting msee1: {text}"
    assert hint in (error.hint or "")


@pytest.mark.parametrize(
    "inner", [system(errno.ECONNRESET), system(errno.ENOENT), RemoteDisconnected("without response")]
)
def test_an_engine_that_dies_meanwhile_is_called_dead(inner: Exception) -> None:
    error = refused("starting msee1", "/data", wrapped(inner))
    assert error.message == "starting msee1: the Docker engine went away"
    assert "systemctl start docker" in (error.hint or "")


SAID = [
    "Get:1 http://deb.debian.org/debian bookworm InRelease [151 kB]",
    "dpkg: error processing archive (--unpack): cannot copy: No space left on device",
    "E: Sub-process /usr/bin/dpkg returned an error code (1)",
    "The command '/bin/sh -c apt-get update' returned a non-zero code: 100",
]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (SAID, "No space left on device"),
        ([SAID[0], *SAID[2:]], "E: Sub-process"),
        (
            [
                "Step 2/3 : RUN touch /x",
                "---> Running in 1",
                "\x1b[91mtouch: cannot",
                "\x1b[0m",
                "Removing intermediate container 1",
                SAID[3],
            ],
            "touch",
        ),
        (["Step 2/3 : RUN false", "---> Running in 1", SAID[3]], "non-zero code: 100"),
        (["", "  "], "no reason"),
    ],
)
def test_of_all_that_a_failed_build_says_the_line_that_tells_most_is_shown(
    said: list[str], told: str
) -> None:
    error = failed("building mseelab/base:1", said, "/data")
    assert told in error.message
    assert "\n" not in error.message


def test_an_error_that_causes_itself_does_not_hold_us_up() -> None:
    one, other = Exception("one"), Exception("other")
    one.__cause__, other.__cause__ = other, one
    assert problems.error_number(one) is None


def test_every_advice_can_be_given() -> None:
    for _, advice in problems.ADVICE:
        assert "{" not in advice.format(root_dir=Path("/data"))
