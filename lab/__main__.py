"""``python -m lab`` is ``mseelab``."""

from lab.cli import main

main()
