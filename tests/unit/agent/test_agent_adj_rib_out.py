"""The queue in ExaBGP's outgoing RIB's place: its messages, as ExaBGP reads them."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from agent_links import (
    HEADER,
    LONGEST_MESSAGE,
    attributes,
    heard,
    link,
    many_communities,
    numbers_of_32_bits,
    path_attributes,
    unhurried,
)
from exabgp.bgp.message.refresh import RouteRefresh
from exabgp.bgp.message.update import Update
from exabgp.protocol.family import AFI, SAFI
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from lab.agent.adj_rib_out import AdjRibOutQueue
from lab.bgp.route import Asn

IPV4, IPV6 = (AFI.ipv4, SAFI.unicast), (AFI.ipv6, SAFI.unicast)
A, B, C = ((ip_network(text), 0) for text in ("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"))

sessions = pytest.mark.parametrize(
    ("version", "add_path"),
    [(4, False), (4, True), (6, False), (6, True)],
    ids=["ipv4", "ipv4 add-path", "ipv6", "ipv6 add-path"],
)


def queue_of(version=4):
    return AdjRibOutQueue([IPV4 if version == 4 else IPV6])


def sent(queue, session, *, include_withdraw=True):
    """The messages ExaBGP would send now; each is one whole message of a legal length."""
    messages = [
        message
        for update in queue.updates(True)
        for message in update.messages(session.near.negotiated, include_withdraw)
    ]
    for message in messages:
        assert message[:16] == b"\xff" * 16
        assert int.from_bytes(message[16:18], "big") == len(message) <= LONGEST_MESSAGE
    return messages


def prefixes(version):
    if version == 4:
        return st.builds(
            lambda number, length: IPv4Network((number, length), strict=False),
            st.integers(0, 2**32 - 1),
            st.integers(0, 32),
        )
    return st.builds(
        lambda number, length: IPv6Network((number, length), strict=False),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    )


def keys(version, *, add_path):
    return st.tuples(prefixes(version), numbers_of_32_bits if add_path else st.just(0))


def some(version, count, *, path_id=0):
    """The first ``count`` /24 or /64."""
    first, length = (0x0A000000, 24) if version == 4 else (0xFD00 << 112, 64)
    network, bits = (IPv4Network, 32) if version == 4 else (IPv6Network, 128)
    return [(network((first + (i << (bits - length)), length)), path_id) for i in range(count)]


# --- what is sent is what was queued ---


@sessions
def test_prefixes_of_every_length_arrive(version, add_path):
    session, queue = link(version, add_path=add_path), queue_of(version)
    network, bits = (IPv4Network, 32) if version == 4 else (IPv6Network, 128)
    nlri = [
        (network((2**bits - 1, length), strict=False), length if add_path else 0)
        for length in range(bits + 1)
    ]
    queue.announce(attributes(version), nlri)
    assert heard(session, *sent(queue, session)).announced == dict.fromkeys(nlri, attributes(version))
    queue.withdraw(nlri)
    assert heard(session, *sent(queue, session)).withdrawn == nlri


@sessions
@settings(unhurried, phases=(Phase.explicit, Phase.generate))  # shrinking takes minutes
@given(data=st.data())
def test_the_peer_hears_the_newest_state_of_every_prefix(version, add_path, data):
    session = link(version, add_path=add_path)
    pool = st.sampled_from(data.draw(st.lists(keys(version, add_path=add_path), min_size=1, max_size=12)))
    looks = st.sampled_from(data.draw(st.lists(path_attributes(version), min_size=1, max_size=4)))
    changes = st.tuples(st.none() | looks, st.lists(pool, min_size=1, max_size=6))
    queue, newest = queue_of(version), {}
    for state, nlri in data.draw(st.lists(changes, max_size=10)):
        if state is None:
            queue.withdraw(nlri)
        else:
            queue.announce(state, nlri)
        newest |= dict.fromkeys(nlri, state)
    listener = heard(session, *sent(queue, session))
    assert listener.announced == {key: state for key, state in newest.items() if state is not None}
    withdrawn = [key for key, state in newest.items() if state is None]
    assert sorted(listener.withdrawn, key=str) == sorted(withdrawn, key=str)


@sessions
def test_thousands_of_prefixes_take_as_few_messages_as_fit(version, add_path):
    session, queue = link(version, add_path=add_path), queue_of(version)
    nlri = some(version, 5000, path_id=9 if add_path else 0)
    queue.announce(attributes(version), nlri)
    messages = sent(queue, session)
    assert heard(session, *messages).announced == dict.fromkeys(nlri, attributes(version))
    assert all(len(message) > LONGEST_MESSAGE - 25 for message in messages[:-1])


@sessions
def test_thousands_of_withdrawals_take_as_few_messages_as_fit(version, add_path):
    session, queue = link(version, add_path=add_path), queue_of(version)
    nlri = some(version, 5000, path_id=9 if add_path else 0)
    queue.withdraw(nlri)
    messages = sent(queue, session)
    assert heard(session, *messages).withdrawn == nlri
    assert all(len(message) > LONGEST_MESSAGE - 25 for message in messages[:-1])


@sessions
@pytest.mark.parametrize("communities", [*range(974, 980), *range(998, 1008)])
def test_attributes_of_any_length_never_make_a_message_too_long(version, add_path, communities):
    """From those that leave a little room to those that leave none."""
    session, queue = link(version, add_path=add_path), queue_of(version)
    nlri, long = some(version, 10), attributes(version, communities=many_communities(communities))
    queue.announce(long, nlri)
    listener = heard(session, *sent(queue, session))
    assert listener.announced in (dict.fromkeys(nlri, long), {})
    assert listener.withdrawn == ([] if listener.announced else nlri)


@sessions
def test_attributes_too_long_for_a_message_withdraw_what_the_peer_knew(version, add_path):
    session, queue = link(version, add_path=add_path), queue_of(version)
    queue.announce(attributes(version, communities=many_communities(1100)), some(version, 1))
    messages = sent(queue, session)
    assert (heard(session, *messages).announced, heard(session, *messages).withdrawn) == (
        {},
        some(version, 1),
    )


def test_a_path_of_300_asns_is_sent_with_its_prefixes():
    session, queue = link(), queue_of()
    long = attributes(as_path=tuple(Asn(4200000000 + number) for number in range(300)))
    queue.announce(long, some(4, 1000))
    assert heard(session, *sent(queue, session)).announced == dict.fromkeys(some(4, 1000), long)


def test_equal_attributes_share_a_message():
    session, queue = link(), queue_of()
    queue.announce(attributes(), [A])
    queue.announce(attributes(med=1), [B])
    queue.announce(attributes(), [C])
    assert len(sent(queue, session)) == 2


# --- what ExaBGP sees of the queue ---


def test_before_the_first_update_there_is_nothing_to_withdraw():
    session, queue = link(), queue_of()
    queue.announce(attributes(), [A])
    queue.withdraw([B])
    listener = heard(session, *sent(queue, session, include_withdraw=False))
    assert (set(listener.announced), listener.withdrawn) == ({A}, [])


def test_withdrawals_go_first():
    session, queue = link(), queue_of()
    queue.announce(attributes(), [A])
    queue.withdraw([B])
    first, second = sent(queue, session)
    assert heard(session, first).withdrawn == [B]
    assert set(heard(session, second).announced) == {A}


def test_a_new_queue_is_idle_and_has_nothing_pending():
    queue = queue_of()
    assert queue.idle
    assert not queue.pending()


def test_a_queue_is_not_idle_before_the_last_message_is_out():
    session, queue = link(), queue_of()
    queue.announce(attributes(), some(4, 2000))
    assert not queue.idle
    updates = queue.updates(True)
    messages = next(updates).messages(session.near.negotiated)
    assert not queue.pending()
    for _ in messages:
        assert not queue.idle
    assert next(updates, None) is None
    assert queue.idle


def test_what_is_queued_while_sending_waits_for_the_next_time():
    session, queue = link(), queue_of()
    queue.announce(attributes(), [A])
    updates = queue.updates(True)
    first = next(updates)
    queue.announce(attributes(med=1), [A])
    (message,) = first.messages(session.near.negotiated)
    assert heard(session, message).announced == {A: attributes()}
    assert next(updates, None) is None
    assert not queue.idle
    assert heard(session, *sent(queue, session)).announced == {A: attributes(med=1)}


def test_a_lost_session_empties_the_queue_even_half_sent():
    queue = queue_of()
    queue.announce(attributes(), [A])
    next(queue.updates(True))
    queue.announce(attributes(), [B])
    queue.reset()
    assert queue.idle
    assert not list(queue.updates(True))


# --- route refresh ---


def test_an_enhanced_route_refresh_says_where_it_begins_and_ends():
    session, queue = link(), queue_of()
    queue.announce(attributes(), [A])
    queue.withdraw([B])
    queue.resend(True, IPV4)
    assert queue.pending()
    begin, *updates, end = sent(queue, session)
    assert session.receive(begin) == RouteRefresh(*IPV4, RouteRefresh.start)
    assert session.receive(end) == RouteRefresh(*IPV4, RouteRefresh.end)
    assert [message[HEADER - 1] for message in updates] == [Update.ID, Update.ID]
    assert queue.idle


def test_the_markers_of_an_empty_adj_rib_out_are_sent_too():
    session, queue = link(), queue_of()
    queue.resend(True, IPV4)
    assert not queue.idle
    assert [message[HEADER - 1] for message in sent(queue, session)] == [RouteRefresh.ID] * 2


@pytest.mark.parametrize(
    ("enhanced", "family"), [(False, IPV4), (True, IPV6)], ids=["plain", "of another family"]
)
def test_other_route_refreshes_have_no_markers(enhanced, family):
    queue = queue_of()
    queue.resend(enhanced, family)
    assert queue.idle
    assert not list(queue.updates(True))


def test_a_lost_session_forgets_a_route_refresh():
    queue = queue_of()
    queue.resend(True, IPV4)
    queue.reset()
    assert queue.idle
