"""The connection to the container engine: where it is, whether it will do, and its errors as ours."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from typing import Any

import docker
import requests
import urllib3
from docker.context import ContextAPI
from docker.context.config import get_current_context_name

from lab.errors import BackendError
from lab.runtime.docker import problems
from lab.runtime.docker.problems import DEFAULT_ADDRESS, Facts
from lab.runtime.process import node_environment
from lab.timing import ENGINE_ANSWER

POOL = 32
"""Connections kept open: containers are started side by side."""


FAILURES = (
    docker.errors.DockerException,
    docker.errors.StreamParseError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
)
"""What the SDK raises: its own, and what it lets through when a connection breaks in the middle."""


class Engine:
    """One engine, connected. ``client`` is the SDK's; its calls belong into ``told``."""

    def __init__(self, client: Any, address: str, facts: Facts) -> None:
        self.client = client
        self.address = address
        self.facts = facts

    def require(self) -> None:
        """Raises BackendError, which says what to do, when no lab can run on this engine, or not by us."""
        self.require_docker()
        if os.geteuid() != 0:
            raise problems.not_root()

    def require_docker(self) -> None:
        """Raises BackendError when the engine itself is the reason."""
        obstacle = problems.obstacle(self.facts, self.address, kernel=os.uname().release)
        if obstacle is not None:
            raise obstacle

    @contextlib.contextmanager
    def told(self, action: str) -> Iterator[None]:
        """Errors of the engine inside become BackendErrors that begin with ``action``."""
        try:
            yield
        except FAILURES as error:
            raise problems.refused(action, self.facts.root_dir, error) from error

    def close(self) -> None:
        self.client.close()


@contextlib.contextmanager
def connected() -> Iterator[Engine]:
    """The engine that DOCKER_HOST, the Docker context or the default says. Raises BackendError."""
    engine = connect()
    try:
        yield engine
    finally:
        engine.close()


def connect(where: str | None = None) -> Engine:
    """As ``connected``, or the engine at an address; the caller closes it."""
    where = where or address()
    if not where.startswith("unix://"):
        raise problems.foreign(where)
    try:
        _knock(where.removeprefix("unix://"))
        client = docker.DockerClient(
            base_url=where, version="auto", timeout=ENGINE_ANSWER.seconds, max_pool_size=POOL
        )
        facts = problems.facts(client.version(), client.info())
    except (OSError, *FAILURES) as error:
        raise problems.unreachable(where, error, installed=_installed()) from error
    return Engine(client, where, facts)


def address() -> str:
    """As the docker command finds it. Raises BackendError for a context that is of no use."""
    named = os.environ.get("DOCKER_HOST")
    if named:
        return named
    chosen = os.environ.get("DOCKER_CONTEXT") or get_current_context_name()
    if chosen == "default":
        return DEFAULT_ADDRESS
    try:
        context = ContextAPI.get_context(chosen)
    except Exception as error:
        raise BackendError(
            f"the Docker context {chosen} cannot be read: {error}", hint="`docker context ls` lists them"
        ) from error
    if context is None or not context.Host:
        raise BackendError(f"there is no Docker context {chosen}", hint="`docker context ls` lists them")
    return str(context.Host).replace("http+unix://", "unix://")


def _knock(path: str) -> None:
    """Raises OSError when nobody listens. The SDK would, too, and forget a socket over it."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)


def _installed() -> bool:
    """Whether there is an engine that could be started."""
    return shutil.which("dockerd", path=node_environment()["PATH"]) is not None
