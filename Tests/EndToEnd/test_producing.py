"""Acknowledgements and order."""

import confluent_kafka
import pytest

import clients
import wire


@pytest.mark.parametrize("acks", [0, 1, -1], ids=["acks-0", "acks-1", "acks-all"])
def test_every_acknowledgement_level_stores_everything(broker, topic, client, acks):
    records = [(b"%d" % i, b"value %d" % i) for i in range(3_000)]
    clients.create_topic(broker.bootstrap, topic)
    client.produce(broker.bootstrap, topic, records, partition=0, acks=acks)
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, len(records))
    assert got == [(i, key, value) for i, (key, value) in enumerate(records)]


def test_no_acknowledgement_means_no_response(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    with wire.Wire(broker.bootstrap) as connection:
        connection.send(wire.produce_request(connection.correlation(), topic, 0, wire.batch([b"a"]), acks=0))
        connection.send(wire.produce_request(connection.correlation(), topic, 0, wire.batch([b"b"]), acks=0))
        asked = connection.correlation()
        connection.send(wire.api_versions_request(asked))
        assert connection.receive()[0] == asked, "the first answer belongs to the request after the silent ones"
        connection.expect_silence(0.3)
        assert connection.produce(topic, 0, wire.batch([b"c"])) == (0, 2), "both were stored, in order"


def test_acks_outside_the_three_levels_are_refused(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    with wire.Wire(broker.bootstrap) as connection:
        assert connection.produce(topic, 0, wire.batch([b"a"]), acks=2)[0] == 21, "INVALID_REQUIRED_ACKS"
        assert connection.latest(topic, 0) == 0


def test_thousands_of_pipelined_small_batches_keep_their_order(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    records = [(None, b"%d" % i) for i in range(20_000)]
    where = clients.Confluent.produce(broker.bootstrap, topic, records, partition=0, batch_records=5, linger_ms=0,
                                      **{"max.in.flight.requests.per.connection": 5})
    assert [offset for _, offset in where] == list(range(20_000))
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 20_000)
    assert [value for _, _, value in got] == [value for _, value in records]


def test_five_hundred_pipelined_requests_in_one_write_are_answered_in_order(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 3)
    with wire.Wire(broker.bootstrap, timeout=120) as connection:
        block, asked = b"", []
        for i in range(500):
            correlation = connection.correlation()
            asked.append(correlation)
            # Fast and slow kinds mixed: a fetch that waits must hold back the answers behind it.
            block += [wire.produce_request(correlation, topic, i % 3, wire.batch([b"%d" % i])),
                      wire.api_versions_request(correlation),
                      wire.metadata_request(correlation, topic),
                      wire.fetch_request(correlation, topic, i % 3, 0, max_wait_ms=20, min_bytes=1 << 19)][
                          0 if i < 450 else i % 4]
        connection.send(block)
        answered = [connection.receive()[0] for _ in range(500)]
        assert answered == asked


@pytest.mark.parametrize("records", [None, b""], ids=["null", "empty"])
def test_a_produce_without_records_is_answered_and_stores_nothing(broker, topic, records):
    clients.create_topic(broker.bootstrap, topic)
    with wire.Wire(broker.bootstrap) as connection:
        connection.produce(topic, 0, records)
        assert connection.latest(topic, 0) == 0
        assert connection.produce(topic, 0, wire.batch([b"next"])) == (0, 0)


def test_unknown_topics_and_partitions_get_their_error(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 2)
    with wire.Wire(broker.bootstrap) as connection:
        assert connection.produce(topic, 2, wire.batch([b"a"]))[0] == 3, "UNKNOWN_TOPIC_OR_PARTITION"
        assert connection.produce(topic + "-none", 0, wire.batch([b"a"]))[0] == 3
        assert connection.fetch(topic, 2, 0)[0] == 3
        assert connection.fetch(topic + "-none", 0, 0)[0] == 3


def test_a_batch_above_the_topics_limit_is_refused(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 1, {"max.message.bytes": "1000"})
    with wire.Wire(broker.bootstrap) as connection:
        assert connection.produce(topic, 0, wire.batch([b"x" * 2_000]))[0] == 10, "MESSAGE_TOO_LARGE"
        assert connection.produce(topic, 0, wire.batch([b"x" * 500])) == (0, 0)


def test_zstd_is_refused_from_producers_of_before_its_time(broker, topic):
    import zstandard
    clients.create_topic(broker.bootstrap, topic)
    compressed = wire.batch([b"a"], attributes=4, records=zstandard.ZstdCompressor().compress(wire.record(0, b"a")))
    with wire.Wire(broker.bootstrap) as connection:
        assert connection.produce(topic, 0, compressed, version=6)[0] == 76, "UNSUPPORTED_COMPRESSION_TYPE"
        assert connection.latest(topic, 0) == 0
        assert connection.produce(topic, 0, compressed, version=7) == (0, 0)
    assert clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 1) == [(0, None, b"a")]


def test_the_offsets_of_the_producer_are_not_trusted(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    with wire.Wire(broker.bootstrap) as connection:
        for i in range(3):
            assert connection.produce(topic, 0, wire.batch([b"a", b"b"], base_offset=999)) == (0, 2 * i)
        _, _, data = connection.fetch(topic, 0, 0)
        assert [(first, last) for first, last, _ in wire.batches(data)] == [(0, 1), (2, 3), (4, 5)]


def test_an_idempotent_producer_stores_each_record_once(broker, topic, request):
    with wire.Wire(broker.bootstrap) as connection:
        if 22 not in connection.api_versions():
            request.applymarker(pytest.mark.xfail(strict=True, reason="InitProducerId is not advertised yet"))
    clients.create_topic(broker.bootstrap, topic)
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True,
                                         "batch.num.messages": 10, "message.timeout.ms": 60_000})
    failed = []
    for i in range(5_000):
        producer.produce(topic, b"%d" % i, partition=0,
                         on_delivery=lambda error, _: failed.append(error) if error else None)
    assert producer.flush(90) == 0 and not failed
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 5_000)
    assert [value for _, _, value in got] == [b"%d" % i for i in range(5_000)]
    assert clients.watermarks(broker.bootstrap, topic) == (0, 5_000)
