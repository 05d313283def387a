"""What will be built, in network words only; pure. ``compile.py`` makes it of a topology."""
