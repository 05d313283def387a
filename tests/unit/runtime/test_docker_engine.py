"""Finding the engine: the address, and what stands there."""

from __future__ import annotations

import gc
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from http.client import IncompleteRead
from pathlib import Path

import docker
import pytest
import requests
import urllib3

from lab.errors import BackendError
from lab.runtime.docker import engine, problems

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
"""The SDK forgets to close a socket it could not connect."""


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The docker command's, empty."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "config.json").write_text("{}")
    yield tmp_path / "docker"
    gc.collect()  # forgotten sockets are this test's, not the next one's


def add_context(configuration: Path, name: str, host: str) -> None:
    from docker.context.config import get_context_id

    meta = configuration / "contexts" / "meta" / get_context_id(name)
    meta.mkdir(parents=True)
    told = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (meta / "meta.json").write_text(json.dumps(told))


def test_dockers_own_socket_is_the_default() -> None:
    assert engine.address() == "unix:///var/run/docker.sock"


def test_docker_host_decides_over_a_context(configuration: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_context(configuration, "mine", "unix:///run/mine.sock")
    monkeypatch.setenv("DOCKER_CONTEXT", "mine")
    assert engine.address() == "unix:///run/mine.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/other.sock")
    assert engine.address() == "unix:///run/other.sock"


def test_the_context_in_use_is_followed(configuration: Path) -> None:
    add_context(configuration, "mine", "unix:///run/mine.sock")
    (configuration / "config.json").write_text('{"currentContext": "mine"}')
    assert engine.address() == "unix:///run/mine.sock"


def test_a_context_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "nobody")
    with pytest.raises(BackendError, match="nobody"):
        engine.address()


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:2375", "ssh://root@elsewhere", "nonsense"])
def test_an_engine_elsewhere_is_refused_before_anybody_is_called(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(BackendError, match="not a socket of this host"):
        engine.connect()


def test_nobody_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(BackendError, match="no Docker engine") as raised:
        engine.connect()
    assert "docker" in (raised.value.hint or "")


def test_a_socket_whose_owner_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{tmp_path}/dead.sock")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/dead.sock")
    with pytest.raises(BackendError, match="no Docker engine"):
        engine.connect()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may connect to any socket")
def test_a_socket_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(tmp_path / "closed.sock", b"") as path:
        path.chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(BackendError, match="may not talk"):
            engine.connect()


@contextmanager
def listening(path: Path, answer: bytes) -> Iterator[Path]:
    """Somebody who gives the same answer to whoever asks."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            while True:
                try:
                    asking, _ = server.accept()
                except OSError:
                    return
                with asking, suppress(OSError):  # some only look whether somebody is there
                    asking.recv(4096)
                    asking.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield path
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    ],
    ids=["hangs up", "no version", "404", "no JSON"],
)
def test_what_is_no_engine_is_not_taken_for_one(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(tmp_path / "odd.sock", answer) as path:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        with pytest.raises(BackendError, match="is no Docker engine"):
            engine.connect()


@pytest.fixture
def answering() -> engine.Engine:
    """As if Docker's engine on this host had answered."""
    version = {"Components": [{"Name": "Engine"}], "Version": "20.10.24", "ApiVersion": "1.41"}
    limits = {"MemoryLimit": True, "PidsLimit": True}
    facts = problems.facts(version, {"KernelVersion": os.uname().release, **limits})
    return engine.Engine(None, "unix:///run/docker.sock", facts)


def test_only_root_wires_containers_also_when_the_engine_lets_others_in(
    answering: engine.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    answering.require()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    answering.require_docker()
    with pytest.raises(BackendError, match="root") as raised:
        answering.require()
    assert "group docker" in (raised.value.hint or "")


def test_an_engine_is_refused_for_what_it_is_before_the_user_for_who_he_is(
    answering: engine.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    answering.facts = replace(answering.facts, rootless=True)
    with pytest.raises(BackendError, match="rootless"):
        answering.require()


@pytest.mark.parametrize(
    "broken",
    [
        docker.errors.APIError("500 Server Error", explanation="it is broken"),
        requests.ReadTimeout("Read timed out."),
        urllib3.exceptions.ProtocolError("Connection broken", IncompleteRead(b"")),
        docker.errors.StreamParseError("it is not JSON"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_the_sdk_raises_is_an_error_of_ours(answering: engine.Engine, broken: Exception) -> None:
    with pytest.raises(BackendError, match=r"^building it: ") as raised, answering.told("building it"):
        raise broken
    assert raised.value.hint
