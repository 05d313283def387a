"""Keys for a capture, as the lab tells them while it goes on: for Wireshark, in two ways.

In the capture itself go the keys of ESP, as secrets that newer versions of Wireshark read. In a folder
beside it go those and the keys of IKE, as tables of a Wireshark configuration, which every version
reads (Wireshark User's Guide, appendix B).
"""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
from pathlib import Path

from lab.errors import InputError
from lab.probe.pcapng import SECRETS_ESP, secrets_block

PIECE = 1 << 16

ESP_TABLE = "esp_sa"
TABLES = (ESP_TABLE, "ikev1_decryption_table", "ikev2_decryption_table")
SEQUENCE_NUMBERS = ',"32-bit","0x00000000"'
"""Two columns that the table has in a capture file only."""

PREFERENCES = """\
esp.enable_encryption_decode: TRUE
esp.enable_authentication_check: TRUE
"""


class KeyFeed:
    """What the lab tells, from a descriptor that it gave; ``folder`` gets the tables."""

    def __init__(self, descriptor: int, folder: Path | None) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._folder = folder
        self._rest = b""
        self.ended = False

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes:
        """What came since: blocks for the capture file. Raises OSError when a table cannot be written."""
        *lines, self._rest = (self._rest + self._received()).split(b"\n")
        rows = [(told["table"], told["row"]) for told in map(json.loads, lines)]
        for table, row in rows:
            if self._folder is not None:
                with os.fdopen(_private(self._folder / table, os.O_APPEND), "w") as file:
                    file.write(f"{row}\n")
        esp = "".join(f"{row}{SEQUENCE_NUMBERS}\n" for table, row in rows if table == ESP_TABLE)
        return secrets_block(SECRETS_ESP, esp.encode()) if esp else b""

    def close(self) -> None:
        """From now on the lab tells nobody."""
        self._socket.close()

    def _received(self) -> bytes:
        data = bytearray()
        while not self.ended:
            try:
                piece = self._socket.recv(PIECE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except ConnectionError:
                piece = b""
            data += piece
            self.ended = not piece
        return bytes(data)


def make_folder(capture: Path) -> Path:
    """The folder beside a capture, for its owner alone and without the tables of an earlier one. Raises
    InputError."""
    folder = capture.with_name(capture.name + ".keys")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it is not a folder of yours")
        folder.chmod(0o700)
        for name in TABLES:
            (folder / name).unlink(missing_ok=True)
        with os.fdopen(_private(folder / "preferences", os.O_TRUNC), "w") as file:
            file.write(PREFERENCES)
    except OSError as error:
        raise InputError(f"cannot make {folder}: {error.strerror}") from error
    return folder


def _private(path: Path, flags: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)
