"""What tests of verbs share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run folders of a test are its own, and no variable of the user's names a lab or a format."""
    folder = tmp_path / "labs"
    monkeypatch.setattr("lab.runtime.rundir._base_candidate", lambda: folder)
    for variable in ("MSEELAB_NAME", "MSEELAB_FORMAT"):
        monkeypatch.delenv(variable, raising=False)
    return folder
