"""The verb that builds container images, where there is no engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cli import run


def test_without_an_engine_the_fix_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert run(["images"]) == 3
    said = capsys.readouterr().err
    assert f"mseelab: no Docker engine runs at unix://{tmp_path}/none.sock" in said or "there is no" in said
    assert "hint:" in said
    assert "Traceback" not in said
