"""Whose time a record has, and finding records by it."""

import random
import time

import confluent_kafka
import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, OffsetSpec

import clients

PATIENCE = 90
START = 1_600_000_000_000


def make(broker, topic, **config):
    admin = clients.admin(broker.bootstrap)
    new = NewTopic(topic, 1, 1, config={name.replace("_", "."): value for name, value in config.items()})
    admin.create_topics([new])[topic].result(PATIENCE)
    return admin


def produce(broker, topic, values, **options):
    """`values`: (value, timestamp)."""
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, **options})
    for number, (value, timestamp) in enumerate(values):
        producer.produce(topic, value, timestamp=timestamp)
        if number % 500 == 499:
            assert producer.flush(PATIENCE) == 0
    assert producer.flush(PATIENCE) == 0


def consumer_of(broker, topic, reads=True):
    """Reading it has a long poll under way, behind which other requests of its connection wait."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": topic})
    if reads:
        consumer.assign([TopicPartition(topic, 0, 0)])
    return consumer


def read(consumer, count):
    found = []
    while len(found) < count:
        message = consumer.poll(PATIENCE)
        assert message is not None and message.error() is None, message and message.error()
        found.append(message)
    return found


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_a_topic_with_the_log_s_time_replaces_the_producer_s(broker, topic, codec):
    make(broker, topic, message_timestamp_type="LogAppendTime")
    before = time.time() * 1000
    produce(broker, topic, [(b"x" * 100, 1000 + number) for number in range(20)], **{"compression.type": codec})
    after = time.time() * 1000
    consumer = consumer_of(broker, topic)
    for message in read(consumer, 20):
        kind, at = message.timestamp()
        assert kind == TIMESTAMP_LOG_APPEND_TIME
        assert before - 1 <= at <= after + 1
    found, = consumer.offsets_for_times([TopicPartition(topic, 0, int(before) - 1)], timeout=PATIENCE)
    assert found.offset == 0
    consumer.close()


def test_the_setting_acts_from_the_moment_of_its_change(broker, topic):
    admin = make(broker, topic)
    produce(broker, topic, [(b"theirs", START)])
    entry = ConfigEntry("message.timestamp.type", "LogAppendTime", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(PATIENCE)
    produce(broker, topic, [(b"ours", START)])
    consumer = consumer_of(broker, topic)
    theirs, ours = read(consumer, 2)
    assert theirs.timestamp() == (TIMESTAMP_CREATE_TIME, START)
    assert ours.timestamp()[0] == TIMESTAMP_LOG_APPEND_TIME and ours.timestamp()[1] > START
    consumer.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_times_that_jump_are_found_across_segments(broker, topic, seed):
    print("seed", seed)
    chance = random.Random(seed)
    admin = make(broker, topic, segment_bytes=str(1 << 20))
    times = [START + number * 100 + chance.randint(-5000, 5000) for number in range(4000)]
    produce(broker, topic, [(b"x" * 1000, at) for at in times], **{"batch.num.messages": "50", "linger.ms": "5"})
    consumer = consumer_of(broker, topic, reads=False)
    probes = [START - 10_000, times[0], max(times), max(times) + 1]
    probes += [START + chance.randint(-5000, 405_000) for _ in range(100)]
    for probe in probes:
        wanted = next((offset for offset, at in enumerate(times) if at >= probe), None)
        found, = consumer.offsets_for_times([TopicPartition(topic, 0, probe)], timeout=PATIENCE)
        assert found.offset == (confluent_kafka.OFFSET_END if wanted is None else wanted), probe
    place = TopicPartition(topic, 0)
    largest = admin.list_offsets({place: OffsetSpec.max_timestamp()})[place].result(PATIENCE)
    assert (largest.offset, largest.timestamp) == (times.index(max(times)), max(times))
    consumer.close()
