"""The process of one BGP speaker: ExaBGP for the sessions, our engine for the decisions.

The agent lives *inside* ExaBGP's process and takes the place of its text API (see
``bridge.py``), because that API's parsing costs more than everything else together and a
second process per router costs memory. ``fib.py`` writes the kernel; ``channel.py`` talks to
the supervisor. ExaBGP is imported in this package only.
"""
