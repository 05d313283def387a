"""The event log: one JSON object a line, at once."""

from __future__ import annotations

import contextlib
import errno
import json
import time
from pathlib import Path
from typing import Any

import pytest

from lab.runtime.events import EventLog


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def log(path: Path) -> Any:
    made = EventLog(path, started_at=100.0)
    yield made
    made._file.close()


def test_an_event_is_one_line_with_when_what_where(log: EventLog, path: Path) -> None:
    log.write("session-up", "ce1/core", at=101.5, neighbor="msee1")
    assert lines(path) == [
        {"time": 101.5, "at": 1.5, "kind": "session-up", "node": "ce1/core", "neighbor": "msee1"}
    ]
    assert list(lines(path)[0]) == ["time", "at", "kind", "node", "neighbor"]


def test_events_of_the_lab_have_no_node(log: EventLog, path: Path) -> None:
    log.write("converged", at=102.0)
    assert lines(path) == [{"time": 102.0, "at": 2.0, "kind": "converged"}]


def test_an_event_is_readable_before_the_next_is_written(log: EventLog, path: Path) -> None:
    for number in range(3):
        log.write("tick", number=number)
        assert [event["number"] for event in lines(path)] == list(range(number + 1))


def test_an_event_without_a_time_is_now(log: EventLog, path: Path) -> None:
    before = time.monotonic()
    log.write("tick")
    (event,) = lines(path)
    assert before - 1e-6 <= event["time"] <= time.monotonic() + 1e-6
    assert event["at"] == pytest.approx(event["time"] - 100, abs=2e-6)


def test_times_are_to_the_microsecond(log: EventLog, path: Path) -> None:
    log.write("tick", at=100.12345678)
    assert (lines(path)[0]["time"], lines(path)[0]["at"]) == (100.123457, 0.123457)


def test_any_text_stays_on_its_line(log: EventLog, path: Path) -> None:
    reason = 'line one\nline two "quoted" – ünïcode \u2028'
    log.write("session-down", "ce1", reason=reason)
    log.write("tick")
    assert path.read_bytes().count(b"\n") == 2
    assert lines(path)[0]["reason"] == reason


def test_facts_may_be_structured(log: EventLog, path: Path) -> None:
    log.write("fib", "ce1", installed=["10.0.0.0/8"], refused={"10.1.0.0/16": "No route to host"})
    assert lines(path)[0]["refused"] == {"10.1.0.0/16": "No route to host"}


def test_a_full_disk_is_remembered_and_nothing_worse(log: EventLog) -> None:
    log.write("tick")
    assert log.problem is None
    full = EventLog(Path("/dev/full"), started_at=100.0)
    full.write("tick")
    assert full.problem
    assert full.problem.errno == errno.ENOSPC
    with contextlib.suppress(OSError):
        full._file.close()


def test_a_log_is_continued_not_overwritten(log: EventLog, path: Path) -> None:
    log.write("first")
    again = EventLog(path, started_at=100.0)
    again.write("second")
    again._file.close()
    assert [event["kind"] for event in lines(path)] == ["first", "second"]


def test_another_process_writes_on_the_same_clock(log: EventLog, path: Path) -> None:
    log.write("progress", at=101.5)
    other = EventLog.of_running_lab(path)
    other.write("flow-started", "app1", at=103.0)
    log.write("lab-running", at=104.0)
    other._file.close()
    assert [(event["kind"], event["at"]) for event in lines(path)] == [
        ("progress", 1.5),
        ("flow-started", 3.0),
        ("lab-running", 4.0),
    ]


def test_a_lab_that_is_gone_has_no_log(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        EventLog.of_running_lab(path)
    assert not path.exists()
