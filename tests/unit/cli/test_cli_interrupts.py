"""Ctrl-C ends in 130 whatever a library makes of it."""

from __future__ import annotations

import signal

import pytest

from lab import cli
from lab.cli.interrupts import noting_interrupts


@pytest.mark.parametrize("becomes", [KeyboardInterrupt, ValueError])
def test_an_interrupt_ends_in_130_also_as_another_error(
    becomes: type[BaseException], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_arguments: list[str]) -> int:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise becomes from None
        return 0

    monkeypatch.setattr(cli, "_run", interrupted)
    assert cli.run(["list"]) == cli.INTERRUPTED
    assert capsys.readouterr().err == "mseelab: interrupted\n"


def test_an_error_without_an_interrupt_is_a_bug_and_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_arguments: list[str]) -> int:
        raise ValueError

    monkeypatch.setattr(cli, "_run", broken)
    with pytest.raises(ValueError, match="^$"):
        cli.run(["list"])


def test_the_handler_before_is_there_again_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with noting_interrupts() as interrupted:
        assert signal.getsignal(signal.SIGINT) is not before
        assert not interrupted()
    assert signal.getsignal(signal.SIGINT) is before
