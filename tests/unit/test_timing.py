"""Patience: everything that is waited for may take longer on a slow host."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def mseelab(*words: str, patience: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: patience is looked up once."""
    return subprocess.run(
        [sys.executable, "-m", "lab", *words],
        env=os.environ | {"MSEELAB_PATIENCE": patience, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_patience_multiplies_the_limits_that_are_not_given() -> None:
    told = mseelab("test", "--help", patience="2.5")
    assert told.returncode == 0, told.stderr
    assert "default: 150.0" in " ".join(told.stdout.split()), "--timeout"
    assert "default: 2.5" in " ".join(told.stdout.split()), "--patience"


@pytest.mark.parametrize("text", ["soon", "0", "-1", "inf", "nan", ""])
def test_patience_that_is_no_number_above_0_is_an_error_of_the_user(text: str) -> None:
    told = mseelab("up", "nothing", patience=text)
    assert told.returncode == 2
    assert told.stderr.startswith(f"mseelab: MSEELAB_PATIENCE is {text!r}, not a number above 0")
