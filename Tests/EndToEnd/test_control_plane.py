"""Many topics and partitions at once: who asks for little does not wait for who asks for much, one request makes only so
many topics, and what was promised is there after a crash."""

import select
import struct

import pytest

import broker as harness
import wire

CREATE_TOPICS, DELETE_TOPICS, CREATE_PARTITIONS = 19, 20, 37
NONE, UNKNOWN_TOPIC, TOPIC_EXISTS, INVALID_PARTITIONS, POLICY_VIOLATION, REASSIGNMENT = 0, 3, 36, 37, 44, 60
# The first is mostly enough for a creation that is still going on when other requests have their answers.
SIZES = (600, 2_400, 9_600)


@pytest.fixture
def broker(brokers):
    return brokers(harness.yaml(topics={"num.partitions": 2}))


def connect(broker):
    return wire.Wire(broker.bootstrap, timeout=240)


def create(correlation, *topics):
    """CreateTopics v2 of (name, partitions)."""
    body = struct.pack(">i", len(topics))
    for name, count in topics:
        body += wire.string(name) + struct.pack(">ihii", count, 1, 0, 0)
    return wire.frame(wire.header(CREATE_TOPICS, 2, correlation) + body + struct.pack(">i?", 60000, False))


def grow(correlation, name, count):
    """CreatePartitions v0."""
    body = struct.pack(">i", 1) + wire.string(name) + struct.pack(">ii", count, -1)
    return wire.frame(wire.header(CREATE_PARTITIONS, 0, correlation) + body + struct.pack(">i?", 60000, False))


def delete(correlation, *names):
    """DeleteTopics v1."""
    body = struct.pack(">i", len(names)) + b"".join(map(wire.string, names))
    return wire.frame(wire.header(DELETE_TOPICS, 1, correlation) + body + struct.pack(">i", 60000))


def metadata(connection, names):
    """Metadata v4 with auto-creation: {name: (error, partitions)}."""
    body = struct.pack(">i", len(names)) + b"".join(map(wire.string, names)) + b"\1"
    _, answer = connection.call(wire.frame(wire.header(wire.METADATA, 4, connection.correlation()) + body))
    at = 4

    def take(form):
        nonlocal at
        values = struct.unpack_from(form, answer, at)
        at += struct.calcsize(form)
        return values[0] if len(values) == 1 else values

    def text():
        nonlocal at
        length = take(">h")
        at += max(0, length)
        return answer[at - max(0, length):at].decode()
    for _ in range(take(">i")):
        take(">i"), text(), take(">i"), text()
    text(), take(">i")
    found = {}
    for _ in range(take(">i")):
        error, name, _ = take(">h"), text(), take(">b")
        count = take(">i")
        for _ in range(count):
            take(">hii")
            for _ in range(2):
                length = take(">i")
                at += 4 * length
        found[name] = (error, count)
    return found


def errors(answer, has_message=True):
    """{name: error} of the three responses above; DeleteTopics has no messages."""
    at, found = 4, {}
    count, = struct.unpack_from(">i", answer, at)
    at += 4
    for _ in range(count):
        length, = struct.unpack_from(">h", answer, at)
        name = answer[at + 2:at + 2 + length].decode()
        at += 2 + length
        found[name], = struct.unpack_from(">h", answer, at)
        at += 2
        if has_message:
            at += 2 + max(0, struct.unpack_from(">h", answer, at)[0])
    return found


def is_waiting(connection):
    """No byte of an answer has come."""
    return not select.select([connection.socket], [], [], 0)[0]


def while_it_goes_on(attempt):
    """`attempt(partitions)` is False when the large request was through before the small ones beside it: this process may
    have had to wait for its turn. A broker that answers one request after the other is caught at every size."""
    assert any(attempt(count) for count in SIZES), f"requests beside one for {SIZES[-1]} partitions waited for it"


def test_small_requests_overtake_a_large_one(broker):
    def attempt(count):
        name, other, first_use = f"large-{count}", f"small-{count}", f"first-use-{count}"
        with connect(broker) as large, connect(broker) as small:
            large.send(create(1, (name, count)))
            assert errors(small.call(create(1, (other, 1)))[1]) == {other: NONE}
            assert errors(small.call(grow(2, other, 3))[1]) == {other: NONE}
            assert metadata(small, [first_use]) == {first_use: (NONE, 2)}
            assert errors(small.call(delete(4, other))[1], has_message=False) == {other: NONE}
            overtaken = is_waiting(large)
            # Until it is whole nobody sees it, and its name is taken.
            assert errors(small.call(create(5, (name, 1)))[1]) == {name: TOPIC_EXISTS}
            overtaken = overtaken and is_waiting(large)
            assert errors(large.receive()[1]) == {name: NONE}
            assert metadata(small, [name]) == {name: (NONE, count)}
        return overtaken
    while_it_goes_on(attempt)


def test_one_who_asks_for_a_topic_on_its_way_gets_it(broker):
    def attempt(count):
        name, small = f"large-{count}", f"small-{count}"
        with connect(broker) as large, connect(broker) as other:
            large.send(create(1, (name, count)))
            # Behind the creation of another topic, the large one is known to be under way.
            assert errors(other.call(create(1, (small, 1)))[1]) == {small: NONE}
            under_way = is_waiting(large)
            assert metadata(other, [name]) == {name: (NONE, count)}
        return under_way
    while_it_goes_on(attempt)


def test_growing_and_deleting_meet(broker):
    def attempt(count):
        name, small = f"t-{count}", f"small-{count}"
        with connect(broker) as first, connect(broker) as second:
            assert errors(first.call(create(1, (name, 2)))[1]) == {name: NONE}
            first.send(grow(2, name, count))
            assert errors(second.call(create(1, (small, 1)))[1]) == {small: NONE}
            answer = errors(second.call(grow(2, name, count + 5))[1])
            if answer == {name: NONE}:
                return False
            assert answer == {name: REASSIGNMENT}
            assert errors(second.call(delete(3, name))[1], has_message=False) == {name: NONE}
            assert list(errors(first.receive()[1])) == [name]
            # The same name begins anew, with nothing of the old one.
            assert errors(second.call(create(4, (name, 3)))[1]) == {name: NONE}
            assert metadata(second, [name]) == {name: (NONE, 3)}
            for partition in range(3):
                assert second.produce(name, partition, wire.batch([b"v"])) == (NONE, 0)
        return True
    while_it_goes_on(attempt)


def test_a_request_creates_a_hundred_topics_on_first_use(broker):
    names = [f"auto-{number}" for number in range(230)]
    with connect(broker) as connection:
        known = []
        for _ in range(3):
            found = metadata(connection, names)
            assert set(found) == set(names)
            assert {error for error, _ in found.values()} <= {NONE, UNKNOWN_TOPIC}
            known.append(sum(error == NONE for error, _ in found.values()))
        assert known == [100, 200, 230]
        assert set(found.values()) == {(NONE, 2)}


def test_one_broker_takes_only_so_many_partitions(broker):
    with connect(broker) as connection:
        answer = errors(connection.call(create(1, ("a", 100_001)))[1])
        assert answer == {"a": INVALID_PARTITIONS}
        assert errors(connection.call(create(2, ("a", 5)))[1]) == {"a": NONE}
        # Each would be allowed alone; together with what is there they are too many.
        assert errors(connection.call(create(3, ("b", 100_000)))[1]) == {"b": POLICY_VIOLATION}


@pytest.mark.parametrize("hard", [True, False], ids=["killed", "stopped"])
def test_a_promised_topic_is_whole_after_a_restart(broker, hard):
    def attempt(count):
        name, other = f"large-{count}", f"small-{count}"
        with connect(broker) as large, connect(broker) as small:
            large.send(create(1, (name, count)))
            assert errors(small.call(create(1, (other, 1)))[1]) == {other: NONE}
            under_way = is_waiting(large)
            broker.restart(hard=hard)
        with connect(broker) as connection:
            assert metadata(connection, [name, other]) == {name: (NONE, count), other: (NONE, 1)}
            assert connection.produce(name, count - 1, wire.batch([b"v"])) == (NONE, 0)
        return under_way
    while_it_goes_on(attempt)
