"""Counting a stream's packets: what is lost, late and twice, and for how long nothing got through."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.probe.meter import LOST_AFTER_S, NOTICED_AFTER_S, Meter, Silence, Watch, passage
from lab.probe.stream import Gap, Tally

PACE = 0.02
TRANSIT = 0.001


def sent_at(number: int) -> float:
    return number * PACE


def flowing(meter: Meter, first: int, last: int, *, lost: frozenset[int] = frozenset()) -> None:
    """These packets are sent, each at its time, and arrive at once but for those that are lost."""
    for number in range(first, last):
        assert meter.sent(sent_at(number)) == number
        if number not in lost:
            meter.arrived(number, sent_at(number) + TRANSIT)


@pytest.fixture
def meter() -> Meter:
    return Meter()


def test_a_flow_that_gets_through_is_not_interrupted(meter: Meter) -> None:
    flowing(meter, 0, 100)
    assert meter.total(sent_at(100)) == Tally(sent=100, arrived=100)
    assert meter.silent_since(sent_at(100)) is None


def test_an_interruption_lasts_from_the_first_packet_lost_to_the_next_that_arrives(meter: Meter) -> None:
    flowing(meter, 0, 100, lost=frozenset(range(40, 50)))
    longest = meter.total(sent_at(100)).longest
    assert longest == Gap(sent_at(40), pytest.approx(10 * PACE + TRANSIT), 10)
    assert meter.total(sent_at(100)) == Tally(100, 90, 10, 0, 0, longest)


def test_the_longest_interruption_counts(meter: Meter) -> None:
    flowing(meter, 0, 100, lost=frozenset({5, 20, 21, 22, 60, 61}))
    tally = meter.total(sent_at(100))
    assert tally.lost == 6
    assert tally.longest == Gap(sent_at(20), pytest.approx(3 * PACE + TRANSIT), 3)


def test_a_sender_that_pauses_has_not_been_interrupted(meter: Meter) -> None:
    meter.sent(0.0)
    meter.arrived(0, 0.001)
    meter.sent(5.0)
    meter.arrived(1, 5.001)
    assert meter.total(5.1).longest is None


@pytest.mark.parametrize(("delay", "interrupted"), [(0.5, 0), (1.5, 1)])
def test_a_delay_that_loses_nothing_is_an_interruption_only_when_it_is_long(
    meter: Meter, delay: float, interrupted: int
) -> None:
    meter.sent(0.0)
    meter.arrived(0, delay * NOTICED_AFTER_S)
    assert passage([meter], [meter.total(1.0)], 1.0).interrupted == interrupted


def test_what_comes_late_is_not_lost(meter: Meter) -> None:
    flowing(meter, 0, 10, lost=frozenset({3, 4}))
    assert meter.total(sent_at(10)).lost == 2
    meter.arrived(3, sent_at(10))
    tally = meter.total(sent_at(10))
    assert (tally.arrived, tally.lost, tally.reordered, tally.duplicated) == (9, 1, 1, 0)
    meter.arrived(3, sent_at(11))
    assert meter.total(sent_at(11)).duplicated == 1


def test_what_comes_twice_is_told(meter: Meter) -> None:
    flowing(meter, 0, 10)
    meter.arrived(9, sent_at(10))
    meter.arrived(2, sent_at(10))
    tally = meter.total(sent_at(10))
    assert (tally.arrived, tally.duplicated, tally.reordered) == (10, 2, 0)


def test_a_number_that_nobody_sent_is_nobodys(meter: Meter) -> None:
    flowing(meter, 0, 3)
    meter.arrived(3, sent_at(3))
    assert meter.total(sent_at(3)) == Tally(sent=3, arrived=3)


# While nothing arrives.


def test_silence_is_told_since_its_first_packet(meter: Meter) -> None:
    flowing(meter, 0, 60, lost=frozenset(range(50, 60)))
    begun = sent_at(50)
    assert meter.silent_since(begun + 0.9 * NOTICED_AFTER_S) is None
    assert meter.silent_since(begun + NOTICED_AFTER_S) == begun


def test_what_has_not_arrived_in_time_is_lost_although_nothing_came_after_it(meter: Meter) -> None:
    flowing(meter, 0, 60, lost=frozenset(range(50, 60)))
    assert meter.total(sent_at(50) + LOST_AFTER_S - 0.001).lost == 0
    assert meter.total(sent_at(54) + LOST_AFTER_S + 0.001).lost == 5
    assert meter.total(sent_at(60) + LOST_AFTER_S).lost == 10


def test_only_what_was_sent_since_tells_that_it_flows(meter: Meter) -> None:
    flowing(meter, 0, 10)
    assert meter.flows_since(sent_at(9))
    assert not meter.flows_since(sent_at(9) + 0.001)
    assert not Meter().flows_since(0.0)


# Since a moment.


def test_after_a_cut_counting_begins_anew_and_the_total_goes_on(meter: Meter) -> None:
    flowing(meter, 0, 50, lost=frozenset({10, 11}))
    meter.cut()
    flowing(meter, 50, 100, lost=frozenset({70}))
    recent, total = meter.recent(sent_at(100)), meter.total(sent_at(100))
    assert (recent.sent, recent.arrived, recent.lost) == (50, 49, 1)
    assert recent.longest == Gap(sent_at(70), pytest.approx(PACE + TRANSIT), 1)
    assert (total.sent, total.arrived, total.lost) == (100, 97, 3)
    assert total.longest == Gap(sent_at(10), pytest.approx(2 * PACE + TRANSIT), 2)


def test_an_interruption_that_goes_on_belongs_to_afterwards(meter: Meter) -> None:
    flowing(meter, 0, 50, lost=frozenset(range(40, 50)))
    meter.cut()
    flowing(meter, 50, 60, lost=frozenset(range(50, 55)))
    recent = meter.recent(sent_at(60))
    assert recent.longest == Gap(sent_at(40), pytest.approx(15 * PACE + TRANSIT), 15)
    assert recent.lost == 15


def test_what_was_lost_before_a_cut_and_comes_after_it_was_not_lost_before(meter: Meter) -> None:
    flowing(meter, 0, 10, lost=frozenset({5}))
    meter.cut()
    meter.arrived(5, sent_at(10))
    assert (meter.recent(sent_at(10)).lost, meter.total(sent_at(10)).lost) == (0, 0)


# Whatever happens.

NUMBERS = st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=120)


@given(NUMBERS)
def test_every_packet_is_arrived_lost_or_on_its_way(events: list[tuple[int, bool]]) -> None:
    """In any order: packets are sent, arrive, are lost, overtaken or doubled, and counting is cut."""
    meter, sent, seen = Meter(), 0, list[int]()
    for step, (number, cuts) in enumerate(events):
        now = step * PACE
        if cuts:
            meter.cut()
        assert meter.sent(now) == sent
        sent += 1
        meter.arrived(number, now + TRANSIT)
        if number < sent:
            seen.append(number)
    end = len(events) * PACE
    total = meter.total(end + LOST_AFTER_S)
    assert total.sent == sent
    assert total.arrived == len(set(seen))
    assert total.duplicated == len(seen) - len(set(seen))
    assert total.lost == sent - total.arrived, "long after, nothing is on its way any more"
    late = [n for i, n in enumerate(seen) if n not in seen[:i] and any(m > n for m in seen[:i])]
    assert total.reordered == len(late)


@given(st.sets(st.integers(1, 98)))
def test_the_longest_interruption_is_the_longest_run_of_lost_packets(lost: set[int]) -> None:
    meter = Meter()
    flowing(meter, 0, 100, lost=frozenset(lost))
    there = sorted(set(range(100)) - lost)
    runs = [after - before - 1 for before, after in pairwise(there)]
    longest = meter.total(sent_at(100)).longest
    assert (longest.lost if longest else 0) == max(runs)


TALLIES = st.builds(
    Tally,
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(0, 9),
    longest=st.none() | st.builds(Gap, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)),
)


@given(TALLIES, TALLIES, TALLIES)
def test_tallies_may_be_added_in_any_order(one: Tally, other: Tally, third: Tally) -> None:
    assert one + other == other + one
    assert (one + other) + third == one + (other + third)
    assert one + Tally() == one


# A direction: all ports together.


def ports(*last: int) -> list[Meter]:
    """Ports of which packets up to the last one arrived, of 100 that were sent."""
    meters = []
    for arrived in last:
        meters.append(Meter())
        flowing(meters[-1], 0, 100, lost=frozenset(range(arrived, 100)))
    return meters


def test_a_direction_is_silent_since_its_first_port_was_and_says_how_many_were() -> None:
    meters, now = ports(100, 90, 80), sent_at(100)
    seen = passage(meters, [meter.total(now) for meter in meters], now)
    assert (seen.silent_since, seen.ports, seen.interrupted) == (sent_at(80), 3, 2)
    assert (seen.tally.sent, seen.tally.arrived) == (300, 270)


def test_a_watch_tells_of_silence_once_and_of_its_end_once() -> None:
    meters, watch = ports(100, 90), Watch()
    assert watch.look(meters, sent_at(90) + 0.5 * NOTICED_AFTER_S) is None
    assert watch.look(meters, sent_at(100)) == Silence(sent_at(90))
    assert watch.look(meters, sent_at(101)) is None
    meters[1].arrived(99, sent_at(102))
    assert watch.look(meters, sent_at(102)) == Silence(sent_at(90), sent_at(102))
    assert watch.look(meters, sent_at(103)) is None
