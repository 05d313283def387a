"""Plain (unquoted) text to a value: YAML 1.2, section 10.3.2, the core schema.

Left as text on purpose: octal and hexadecimal numbers and numbers with leading zeros, which
YAML 1.1 and 1.2 read differently, infinities, and numbers of more than 20 digits.
"""

from __future__ import annotations

import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,19})\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,2})?\Z")


def resolve(text: str) -> str | int | float | bool | None:
    """The value of unquoted text."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.match(text):
        return int(text)
    if _FLOAT.match(text) and not text.lstrip("+-").isdigit():
        return float(text)
    return text
