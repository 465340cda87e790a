"""Fifty megabytes of real text go in and come out, byte for byte, whoever writes and whoever reads."""

import zlib

import pytest

import clients
from corpus import MINIMUM, digest


def test_fifty_megabytes_keyed_over_four_partitions_come_back_identical_and_in_order(broker, topic, corpus):
    records = corpus.keyed()
    assert corpus.byte_count >= MINIMUM
    clients.create_topic(broker.bootstrap, topic, partitions=4)
    where = clients.Confluent.produce(broker.bootstrap, topic, records)

    expected = {partition: [] for partition in range(4)}
    for key, value in records:
        # librdkafka's `consistent` partitioner: the broker must have kept every record where the client put it
        expected[zlib.crc32(key) % 4].append((key, value))
    assert [partition for partition, _ in where] == [zlib.crc32(key) % 4 for key, _ in records]
    for partition, wanted in expected.items():
        assert clients.watermarks(broker.bootstrap, topic, partition) == (0, len(wanted))
        got = clients.Confluent.consume(broker.bootstrap, topic, partition, 0, len(wanted))
        assert [offset for offset, _, _ in got] == list(range(len(wanted)))
        assert digest(value for _, _, value in got) == digest(value for _, value in wanted)
        assert digest(key for _, key, _ in got) == digest(key for key, _ in wanted)


@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "unkeyed"])
@pytest.mark.parametrize("codec", clients.CODECS)
@pytest.mark.parametrize("writer", sorted(clients.ALL))
def test_every_codec_of_every_writer_is_read_by_every_reader(broker, topic, corpus, writer, codec, keyed):
    lines = corpus.slice(200_000 + 7_000 * clients.CODECS.index(codec), 300_000)
    records = [(b"k%d" % (i % 97) if keyed else None, line) for i, line in enumerate(lines)]
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    clients.ALL[writer].produce(broker.bootstrap, topic, records, codec=codec, partition=1)
    wanted = [(i, key, value) for i, (key, value) in enumerate(records)]
    for reader in clients.ALL.values():
        assert reader.consume(broker.bootstrap, topic, 1, 0, len(records)) == wanted, f"as read by {reader.name}"
    assert clients.watermarks(broker.bootstrap, topic, 0) == (0, 0), "the other partition stayed empty"


@pytest.mark.parametrize("batch_records", [1, 10, 1_000, 100_000])
def test_batches_from_one_record_to_a_megabyte(broker, topic, corpus, batch_records):
    size = {1: 60_000, 10: 300_000, 1_000: 2_000_000, 100_000: 6_000_000}[batch_records]
    lines = corpus.slice(500_000, size)
    clients.create_topic(broker.bootstrap, topic)
    clients.Confluent.produce(broker.bootstrap, topic, [(None, line) for line in lines], partition=0,
                              batch_records=batch_records, batch_bytes=1_000_000, linger_ms=50)
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, len(lines))
    assert [offset for offset, _, _ in got] == list(range(len(lines)))
    assert digest(value for _, _, value in got) == digest(lines)


def test_one_record_of_almost_a_megabyte(broker, topic, corpus, client):
    value = b"|".join(corpus.slice(100_000, 1_000_000))[:1_000_000]
    clients.create_topic(broker.bootstrap, topic)
    clients.KafkaPython.produce(broker.bootstrap, topic, [(None, value), (b"after", b"it")], partition=0)
    assert client.consume(broker.bootstrap, topic, 0, 0, 2) == [(0, None, value), (1, b"after", b"it")]


def test_nulls_and_empties_stay_what_they_were(broker, topic):
    records = [(None, None), (b"", b""), (b"key", None), (None, b"value"), (b"tombstone", None), (b"\0\xff", b"\n\0")]
    clients.create_topic(broker.bootstrap, topic)
    clients.Confluent.produce(broker.bootstrap, topic, records, partition=0)
    wanted = [(i, key, value) for i, (key, value) in enumerate(records)]
    assert clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 6) == wanted
    assert clients.KafkaPython.consume(broker.bootstrap, topic, 0, 0, 6) == wanted
    assert clients.Kcat.consume(broker.bootstrap, topic, 0, 0, 6) == [
        # kcat prints an empty key as length 0 and a null one as -1
        (i, key, value) for i, (key, value) in enumerate(records)]


def test_headers_and_timestamps_travel_untouched(broker, topic):
    import confluent_kafka
    headers = [("trace", b"\x00\x01"), ("empty", b""), ("null", None), ("trace", b"again")]
    clients.create_topic(broker.bootstrap, topic)
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, b"v", b"k", partition=0, timestamp=1_234_567_890_123, headers=headers)
    assert producer.flush(90) == 0
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "unused"})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    message = consumer.poll(90)
    consumer.close()
    assert message.error() is None
    assert message.headers() == headers
    assert message.timestamp() == (confluent_kafka.TIMESTAMP_CREATE_TIME, 1_234_567_890_123)
