"""nftables rules, loaded in the namespace of a node."""

from __future__ import annotations

from lab.errors import BackendError
from lab.runtime.netns import NetworkNamespace
from lab.runtime.process import Result, Running, run_in

LOAD = ["nft", "-f", "-"]


def start(namespace: NetworkNamespace, rules: str) -> Running:
    """Loading them, beside whatever else is done; ``check`` its result."""
    return Running(namespace, LOAD, rules)


def load(namespace: NetworkNamespace, rules: str, what: str) -> None:
    """Raises BackendError, with ``what`` they are, when nft refuses them."""
    check(namespace.name, what, run_in(namespace, LOAD, stdin=rules))


def check(namespace: str, what: str, result: Result) -> None:
    """Raises BackendError when nft refused the rules."""
    if result.returncode != 0:
        raise BackendError(
            f"{namespace}: nft refused the {what}: {result.output.strip()}",
            hint="`mseelab doctor` shows whether this kernel has nftables",
        )
