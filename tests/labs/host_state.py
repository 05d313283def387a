"""What must be the same on the host before and after a lab, byte for byte."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

COMMANDS = (
    ("ip", "-d", "address"),
    ("ip", "route", "show", "table", "all"),
    ("ip", "-6", "route", "show", "table", "all"),
    ("ip", "rule"),
    ("ip", "-6", "rule"),
)
VOLATILE = ("expires", "valid_lft", "preferred_lft")
"""Lifetimes that run down by themselves."""

OF_CONTAINERS = (" - overlay ", " - nsfs ", "/mounts/shm ")
"""Their file systems, namespaces and shared memory, as proc(5) has them in mountinfo."""

SYSCTL_FOLDERS = ("net", "kernel", "user")
UNSTABLE_SYSCTLS = {"ns_last_pid", "pty/nr", "random/uuid", "random/entropy_avail", "random/boot_id"}


def snapshot() -> dict[str, str]:
    """Addresses, routes, rules, nftables, sysctls, mounts and named namespaces, as text."""
    state = {" ".join(command): _output(*command) for command in COMMANDS}
    if os.geteuid() == 0:
        state["nft"] = _output("nft", "list", "ruleset")
    state["sysctls"] = "\n".join(f"{key} = {value}" for key, value in sorted(_sysctls().items()))
    state["mounts"] = _mounts()
    named = Path("/run/netns")
    state["named namespaces"] = (
        " ".join(sorted(entry.name for entry in named.iterdir())) if named.exists() else ""
    )
    return state


def _output(*command: str) -> str:
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=30, env=dict(os.environ) | {"PATH": path}
    )
    return "\n".join(line for line in done.stdout.splitlines() if not any(word in line for word in VOLATILE))


def _mounts() -> str:
    """Without those of containers, which may come and go meanwhile."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return "\n".join(line for line in lines if not any(words in line for words in OF_CONTAINERS))


def _sysctls() -> dict[str, str]:
    values = {}
    for folder in SYSCTL_FOLDERS:
        for file in sorted((Path("/proc/sys") / folder).rglob("*")):
            name = str(file.relative_to("/proc/sys"))
            if file.is_file() and not any(name.endswith(unstable) for unstable in UNSTABLE_SYSCTLS):
                try:
                    values[name] = file.read_text()
                except OSError:
                    continue
    return values
