"""Many topics and partitions at once: who asks for little does not wait for who asks for much, one request makes only so
many topics, and what was promised is there after a crash."""

import select
import struct

import pytest

import broker as harness
import wire

CREATE_TOPICS, DELETE_TOPICS, CREATE_PARTITIONS = 19, 20, 37
NONE, UNKNOWN_TOPIC, TOPIC_EXISTS, INVALID_PARTITIONS, POLICY_VIOLATION, REASSIGNMENT = 0, 3, 36, 37, 44, 60
# Enough for a creation that is still going on when the next request has its answer.
MANY = 600


@pytest.fixture
def broker(brokers):
    return brokers(harness.yaml(topics={"num.partitions": 2}))


def connect(broker):
    return wire.Wire(broker.bootstrap, timeout=60)


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


def test_small_requests_overtake_a_large_one(broker):
    with connect(broker) as large, connect(broker) as small:
        large.send(create(1, ("large", MANY)))
        assert errors(small.call(create(1, ("small", 1)))[1]) == {"small": NONE}
        assert errors(small.call(grow(2, "small", 3))[1]) == {"small": NONE}
        assert metadata(small, ["first-use"]) == {"first-use": (NONE, 2)}
        assert errors(small.call(delete(4, "small"))[1], has_message=False) == {"small": NONE}
        assert is_waiting(large), "the large topic was there first: make it larger"
        # Until it is whole nobody sees it, and its name is taken.
        assert errors(small.call(create(5, ("large", 1)))[1]) == {"large": TOPIC_EXISTS}
        assert is_waiting(large), "the large topic was there first: make it larger"
        assert errors(large.receive()[1]) == {"large": NONE}
        assert metadata(small, ["large"]) == {"large": (NONE, MANY)}


def test_one_who_asks_for_a_topic_on_its_way_gets_it(broker):
    with connect(broker) as large, connect(broker) as other:
        large.send(create(1, ("large", MANY)))
        # Behind the creation of another topic, the large one is known to be under way.
        assert errors(other.call(create(1, ("small", 1)))[1]) == {"small": NONE}
        assert is_waiting(large), "the large topic was there first: make it larger"
        assert metadata(other, ["large"]) == {"large": (NONE, MANY)}


def test_growing_and_deleting_meet(broker):
    with connect(broker) as first, connect(broker) as second:
        assert errors(first.call(create(1, ("t", 2)))[1]) == {"t": NONE}
        first.send(grow(2, "t", MANY))
        assert errors(second.call(create(1, ("small", 1)))[1]) == {"small": NONE}
        assert errors(second.call(grow(2, "t", MANY + 5))[1]) == {"t": REASSIGNMENT}
        assert errors(second.call(delete(3, "t"))[1], has_message=False) == {"t": NONE}
        assert list(errors(first.receive()[1])) == ["t"]
        # The same name begins anew, with nothing of the old one.
        assert errors(second.call(create(4, ("t", 3)))[1]) == {"t": NONE}
        assert metadata(second, ["t"]) == {"t": (NONE, 3)}
        for partition in range(3):
            assert second.produce("t", partition, wire.batch([b"v"])) == (NONE, 0)


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
    with connect(broker) as large, connect(broker) as small:
        large.send(create(1, ("large", MANY)))
        assert errors(small.call(create(1, ("small", 1)))[1]) == {"small": NONE}
        assert is_waiting(large), "the large topic was there first: make it larger"
        broker.restart(hard=hard)
    with connect(broker) as connection:
        assert metadata(connection, ["large", "small"]) == {"large": (NONE, MANY), "small": (NONE, 1)}
        assert connection.produce("large", MANY - 1, wire.batch([b"v"])) == (NONE, 0)
