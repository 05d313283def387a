"""Jobs in processes of their own: in order, so many at once, and none left behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.errors import BackendError
from lab.scenario.side_by_side import side_by_side
from lab.timing import Budget, wait_until

SOON = Budget("test-soon", 10.0)
A_WHILE = Budget("test-a-while", 0.3)


def _until_exists(file: Path) -> None:
    wait_until(f"{file.name} exists", file.exists, bool, SOON)


def test_answers_come_in_order_whoever_is_first(tmp_path: Path) -> None:
    def work(number: int) -> tuple[int, int]:
        if number == 0:
            _until_exists(tmp_path / "1")
        (tmp_path / str(number)).touch()
        return number, os.getpid()

    answers = list(side_by_side([0, 1, 2], work, at_once=2))
    assert [number for number, _ in answers] == [0, 1, 2]
    assert len({pid for _, pid in answers} | {os.getpid()}) == 4


def test_as_many_as_asked_for_at_once_and_no_more(tmp_path: Path) -> None:
    seats, crowded = [tmp_path / "a", tmp_path / "b"], tmp_path / "crowded"

    def take_a_seat() -> Path | None:
        for seat in seats:
            with suppress(FileExistsError):
                seat.mkdir()
                return seat
        return None

    def work(number: int) -> bool:
        seat = take_a_seat()
        if seat is None:
            crowded.touch()
            return False
        if number < 2:
            wait_until("the other seat is taken", lambda: all(map(Path.exists, seats)), bool, SOON)
            with suppress(BackendError):  # that nobody else comes can only be waited for
                wait_until("somebody is left standing", crowded.exists, bool, A_WHILE)
        seat.rmdir()
        return True

    assert all(side_by_side(list(range(6)), work, at_once=2))


def test_a_big_answer_arrives_whole() -> None:
    assert list(side_by_side([1], lambda _: "x" * 10**6, at_once=1)) == ["x" * 10**6]


def test_a_child_that_dies_is_an_error() -> None:
    with pytest.raises(BackendError, match="without a word"):
        list(side_by_side([1], lambda _: os.kill(os.getpid(), signal.SIGKILL), at_once=1))


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["", "in-the-background"])
def sigint(request: pytest.FixtureRequest) -> Iterator[None]:
    """As whoever starts us has it; a shell script lets what is in its background ignore it."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint")
def test_leaving_early_interrupts_all_and_waits_for_them(tmp_path: Path) -> None:
    def work(number: int) -> int:
        if number == 0:
            _until_exists(tmp_path / "begun")
            return 0
        try:
            (tmp_path / "begun").touch()
            signal.sigtimedwait((), SOON.seconds)
        except KeyboardInterrupt:
            (tmp_path / "cleaned").touch()
        return number

    results = side_by_side([0, 1], work, at_once=2)
    assert next(results) == 0
    results.close()
    assert (tmp_path / "cleaned").exists()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
