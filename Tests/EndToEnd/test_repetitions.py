"""Requests that name the same thing more than once, written by hand because no client sends them.

Kafka collects topics in a set, refuses what contradicts itself, and never lets a list of repetitions become an answer of
the same length times the size of a topic.
"""

import struct
import time

import pytest

import clients
import wire

INVALID_REQUEST = 42
OFFSET_FETCH, DESCRIBE_GROUPS, DELETE_TOPICS, DESCRIBE_CONFIGS, DESCRIBE_PRODUCERS = 9, 15, 20, 32, 61


def array(parts):
    return struct.pack(">i", len(parts)) + b"".join(parts)


def compact(parts):
    return unsigned(len(parts) + 1) + b"".join(parts)


def compact_string(text):
    return b"\0" if text is None else unsigned(len(text) + 1) + text.encode()


def unsigned(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def call(broker, api, version, body, *, flexible=False):
    """The body of the answer."""
    head = wire.header(api, version, 9) + (b"\0" if flexible else b"")
    with wire.Wire(broker.bootstrap, timeout=60) as connection:
        correlation, answer = connection.call(wire.frame(head + body))
    assert correlation == 9
    return answer[1:] if flexible else answer


def topic_id(broker, topic):
    body = compact([bytes(16) + compact_string(topic) + b"\0"]) + b"\0\0\0"
    answer = call(broker, wire.METADATA, 12, body, flexible=True)
    at = answer.index(compact_string(topic)) + len(compact_string(topic))
    return answer[at:at + 16]


def exists(broker, topic):
    return topic in clients.admin(broker.bootstrap).list_topics(timeout=20).topics


def test_a_topic_that_is_named_often_is_described_once(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 3)
    once = call(broker, wire.METADATA, 1, array([wire.string(topic)]))
    started = time.monotonic()
    often = call(broker, wire.METADATA, 1, array([wire.string(topic)] * 100_000))
    assert often == once, f"{len(often)} bytes instead of {len(once)}"
    assert time.monotonic() - started < 30


def test_a_topic_that_is_meant_by_its_id_is_described_once_whatever_name_stands_beside_it(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 3)
    identity = topic_id(broker, topic)
    once = call(broker, wire.METADATA, 12, compact([identity + compact_string(None) + b"\0"]) + b"\0\0\0", flexible=True)
    names = [identity + compact_string(f"n{number}") + b"\0" for number in range(10_000)]
    often = call(broker, wire.METADATA, 12, compact(names) + b"\0\0\0", flexible=True)
    assert often == once, f"{len(often)} bytes instead of {len(once)}"


def test_a_topic_that_is_named_twice_is_not_deleted(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 1)
    clients.create_topic(broker.bootstrap, topic + "-b", 1)
    names = [wire.string(topic), wire.string(topic + "-b"), wire.string(topic)]
    answer = call(broker, DELETE_TOPICS, 3, array(names) + struct.pack(">i", 20_000))
    expected = wire.string(topic) + struct.pack(">h", INVALID_REQUEST)
    expected += wire.string(topic + "-b") + struct.pack(">h", 0)
    assert answer == struct.pack(">ii", 0, 2) + expected
    assert exists(broker, topic) and not exists(broker, topic + "-b")


def test_a_topic_that_is_meant_by_name_and_by_id_is_not_deleted(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 1)
    identity = topic_id(broker, topic)
    by_name = compact_string(topic) + bytes(16) + b"\0"
    by_id = compact_string(None) + identity + b"\0"
    for wanted in [by_name, by_id], [by_id, by_id], [by_id, by_name, by_name]:
        body = compact(wanted) + struct.pack(">i", 20_000) + b"\0"
        answer = call(broker, DELETE_TOPICS, 6, body, flexible=True)
        at, codes = 5, []
        for _ in range(answer[4] - 1):
            at += max(answer[at], 1) + 16
            codes.append(struct.unpack_from(">h", answer, at)[0])
            at += 2
            at += max(answer[at], 1) + 1
        assert codes and set(codes) == {INVALID_REQUEST}, codes
        assert exists(broker, topic)


def test_a_partition_is_looked_up_once(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 2)
    asked = [struct.pack(">iq", partition, when) for partition, when in ((0, -1), (1, -1), (0, -2))]
    answer = call(broker, wire.LIST_OFFSETS, 1, struct.pack(">i", -1) + array([wire.string(topic) + array(asked)]))
    at = 4 + 2 + len(topic) + 4
    found = [struct.unpack_from(">ihqq", answer, at + 22 * index) for index in range(3)]
    assert found == [(0, INVALID_REQUEST, -1, -1), (1, 0, -1, 0), (0, INVALID_REQUEST, -1, -1)]


def test_a_partition_is_fetched_once(broker, topic):
    """Two that waited like this for the same partition held its log for minutes."""
    clients.create_topic(broker.bootstrap, topic, 1)
    with wire.Wire(broker.bootstrap) as connection:
        connection.produce(topic, 0, wire.batch([b"a", b"b"]))
        for wait_ms, offset in (0, 0), (300, 2):
            head = struct.pack(">iiiib", -1, wait_ms, 1, 1 << 20, 0)
            answers = []
            for repetitions in 1, 50_000:
                named = [struct.pack(">iqi", 0, 0, 1 << 20)] * (repetitions - 1)
                named.append(struct.pack(">iqi", 0, offset, 1 << 20))
                answers.append(call(broker, wire.FETCH, 4, head + array([wire.string(topic) + array(named)])))
            assert answers[0] == answers[1]
            error, high_watermark, records = wire.parse_fetch(answers[0], topic)
            assert (error, high_watermark, bool(records)) == (0, 2, offset == 0)


def test_settings_asked_for_often_are_answered_once(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 1)
    resource = b"\2" + wire.string(topic) + struct.pack(">i", -1)
    once = call(broker, DESCRIBE_CONFIGS, 1, array([resource]) + b"\0")
    assert call(broker, DESCRIBE_CONFIGS, 1, array([resource] * 10_000) + b"\0") == once


def test_an_empty_list_of_settings_stands_for_all(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 1)
    answers = [
        call(broker, DESCRIBE_CONFIGS, 1, array([b"\2" + wire.string(topic) + names]) + b"\0")
        for names in (struct.pack(">i", -1), array([]), array([wire.string("retention.ms")]))]
    assert answers[0] == answers[1]
    assert b"cleanup.policy" in answers[0] and b"cleanup.policy" not in answers[2]
    assert b"retention.ms" in answers[2]


def test_a_group_is_described_once(broker, topic):
    once = call(broker, DESCRIBE_GROUPS, 0, array([wire.string(topic)]))
    assert call(broker, DESCRIBE_GROUPS, 0, array([wire.string(topic)] * 10_000)) == once


def test_an_offset_is_fetched_once(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 2)
    once = call(broker, OFFSET_FETCH, 1, wire.string(topic) + array([wire.string(topic) + array([struct.pack(">i", 1)])]))
    often = wire.string(topic) + array([wire.string(topic) + array([struct.pack(">i", 1)] * 10_000)])
    assert call(broker, OFFSET_FETCH, 1, often) == once
    whole = compact_string(topic) + b"\0\0"
    listed = compact_string(topic) + compact([compact_string(topic) + compact([struct.pack(">i", 1)]) + b"\0"]) + b"\0"
    for wanted in whole, listed:
        once = call(broker, OFFSET_FETCH, 8, compact([wanted]) + b"\0\0", flexible=True)
        often = call(broker, OFFSET_FETCH, 8, compact([wanted] * 1000) + b"\0\0", flexible=True)
        assert often.count(struct.pack(">iq", 1, -1)) == once.count(struct.pack(">iq", 1, -1))
        assert wanted is listed or often == once


def test_producers_of_a_partition_are_described_once(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 1)
    named = [compact_string(topic) + compact([struct.pack(">i", 0)] * count) + b"\0" for count in (1, 1000)]
    once, often = (call(broker, DESCRIBE_PRODUCERS, 0, compact([wanted]) + b"\0", flexible=True) for wanted in named)
    assert often == once
    # A topic that comes again has nothing new to say, unless it is of another partition.
    other = compact_string(topic) + compact([struct.pack(">i", 7)]) + b"\0"
    answer = call(broker, DESCRIBE_PRODUCERS, 0, compact([named[0], named[1], other]) + b"\0", flexible=True)
    assert answer.count(struct.pack(">ih", 0, 0)) == once.count(struct.pack(">ih", 0, 0))
    assert struct.pack(">ih", 7, 3) in answer, "UNKNOWN_TOPIC_OR_PARTITION"


def test_producers_of_a_name_that_no_topic_can_have(broker):
    body = compact([compact_string("no topic") + compact([struct.pack(">i", 0)]) + b"\0"]) + b"\0"
    answer = call(broker, DESCRIBE_PRODUCERS, 0, body, flexible=True)
    assert struct.pack(">ih", 0, 17) in answer, "INVALID_TOPIC_EXCEPTION"


@pytest.mark.parametrize("version", [10, 11])
def test_metadata_by_id_is_refused_where_the_answer_has_no_place_for_it(broker, topic, version):
    clients.create_topic(broker.bootstrap, topic, 1)
    identity = topic_id(broker, topic)
    flags = b"\0\0\0\0" if version == 10 else b"\0\0\0"
    for wanted, name in ((identity, None), (bytes(16), None), (b"\7" * 16, None), (identity, topic)):
        body = compact([wanted + compact_string(name) + b"\0"]) + flags
        answer = call(broker, wire.METADATA, version, body, flexible=True)
        assert b"\2" + struct.pack(">h", INVALID_REQUEST) + compact_string(name or "") + wanted in answer
