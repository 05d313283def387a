"""Dropped ESP, by who counts it."""

from __future__ import annotations

from lab.ipsec.drops import INTEGRITY, REPLAY, counters, reason_in


def test_charon_says_why() -> None:
    sequence = "ESP sequence number verification failed:\n  src 1.2.3.4, dst 5.6.7.8, SPI 00000001 [seq 3]"
    assert reason_in(sequence) == REPLAY
    assert reason_in("ESP decryption or ICV verification failed") == INTEGRITY
    assert reason_in("parsed IKE_AUTH response 1 [ IDr AUTH SA TSi TSr ]") is None


def test_both_planes_have_the_same_counters() -> None:
    assert counters({REPLAY: 3}, {}) == {REPLAY: 3, INTEGRITY: 0}
    kernel = {"XfrmInStateSeqError": 3, "XfrmInStateProtoError": 2, "XfrmInNoStates": 9}
    assert counters({}, kernel) == {REPLAY: 3, INTEGRITY: 2}
