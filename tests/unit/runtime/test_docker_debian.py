"""Debian without a registry: what its maker and the engine do wrong, and that nothing of it runs on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from lab.errors import BackendError
from lab.runtime.docker import debian
from lab.runtime.docker.engine import Engine
from lab.timing import Budget, wait_until

ENDED = Budget("test-ended", 10)


class Importing:
    """The engine, as far as it imports an image: reads so much and answers."""

    facts = SimpleNamespace(root_dir="/data")

    def __init__(self, answer: str = '{"status": "sha256:1"}', read: int = -1) -> None:
        self._answer, self._read = answer, read
        self.tagged: list[tuple[str, ...]] = []
        api = SimpleNamespace(
            import_image_from_stream=self._import, tag=lambda *what: self.tagged.append(what)
        )
        self.client = SimpleNamespace(images=SimpleNamespace(pull=self._pull), api=api)

    @contextlib.contextmanager
    def told(self, _action: str) -> Iterator[None]:
        yield

    def _pull(self, *_name: str) -> None:
        raise debian.FAILURES[0]("no such host")

    def _import(self, stream: IO[bytes], changes: list[str]) -> str:
        assert changes == ["LABEL mseelab.image=debian"]
        stream.read(self._read)
        return self._answer


def provide(engine: Importing) -> tuple[str, list[str]]:
    said: list[str] = []
    fake: Any = engine
    wanted: Engine = fake
    return debian.provide(wanted, said.append, fresh=True), said


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``making(script)``: what runs in the place of mmdebstrap."""
    return lambda script: monkeypatch.setattr(debian, "command", lambda: ["sh", "-c", script])


def test_where_no_registry_answers_debian_is_made_and_named(making: Any) -> None:
    making("echo archive")
    engine = Importing()
    name, said = provide(engine)
    assert name == "mseelab/debian:bookworm"
    assert engine.tagged == [("sha256:1", "mseelab/debian", "bookworm")]
    assert "no such host" in said[0]


def test_what_mmdebstrap_complains_of_is_the_error_and_its_archive_is_not_used(making: Any) -> None:
    making("echo half; echo 'E: Failed to fetch http://deb.debian.org/' >&2; exit 25")
    engine = Importing()
    with pytest.raises(BackendError, match="mmdebstrap: E: Failed to fetch") as raised:
        provide(engine)
    assert "deb.debian.org" in (raised.value.hint or "")
    assert engine.tagged == []


def test_what_the_engine_complains_of_is_the_error_while_mmdebstrap_is_at_work(making: Any) -> None:
    making("while :; do echo more; done")
    engine = Importing('{"status": "Importing"}\n{"error": "write /x: no space left on device"}', read=100)
    with pytest.raises(BackendError, match="importing Debian: write /x: no space left") as raised:
        provide(engine)
    assert "disk of /data is full" in (raised.value.hint or "")
    assert engine.tagged == []


def test_without_mmdebstrap_both_ways_out_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "command", lambda: ["/nonexistent/mmdebstrap"])
    with pytest.raises(BackendError, match="mmdebstrap") as raised:
        provide(Importing())
    assert "apt install mmdebstrap" in (raised.value.hint or "")


def test_who_gives_up_leaves_time_to_clean_up_and_nothing_running(making: Any, tmp_path: Path) -> None:
    making(
        f"trap 'wait; touch {tmp_path}/cleaned; exit 1' TERM;"
        f"sh -c 'echo $$ > {tmp_path}/child; echo begun; exec sleep 300' & wait"
    )
    engine = Importing(read=1)
    engine.told = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        provide(engine)
    assert (tmp_path / "cleaned").exists()
    child = Path("/proc", (tmp_path / "child").read_text().strip())
    wait_until("its child has ended", child.exists, lambda there: not there, ENDED)


@contextlib.contextmanager
def interrupted(_action: str) -> Iterator[None]:
    """Ctrl-C once the work has begun."""
    yield
    raise KeyboardInterrupt
