"""One JSON object a line, both ways, over a stream socket that never blocks the speaker.

Speaker to supervisor: ``{"event": {...}}`` and ``{"reply": ID, ...}``; supervisor to
speaker: ``{"request": ID, "do": "...", ...}``.
"""

from __future__ import annotations

import json
import socket
from typing import Any


class ChannelClosedError(Exception):
    """The other end is gone."""


class Channel:
    """Line framing over a non-blocking socket; what cannot be sent yet is kept."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._received = bytearray()
        self._unsent = bytearray()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: dict[str, Any]) -> bool:
        """True when nothing is left to ``flush``. Raises ChannelClosedError."""
        self._unsent += json.dumps(message, separators=(",", ":")).encode() + b"\n"
        return self.flush()

    def flush(self) -> bool:
        """Send what can be sent; True when nothing is left. Raises ChannelClosedError."""
        while self._unsent:
            try:
                sent = self._socket.send(self._unsent)
            except BlockingIOError:
                return False
            except OSError as error:
                raise ChannelClosedError from error
            del self._unsent[:sent]
        return True

    def receive(self) -> list[dict[str, Any]]:
        """The complete messages that have arrived. Raises ChannelClosedError at the end."""
        while True:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:
                raise ChannelClosedError from error
            if not data:
                raise ChannelClosedError
            self._received += data
        *lines, rest = bytes(self._received).split(b"\n")
        self._received = bytearray(rest)
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        self._socket.close()
