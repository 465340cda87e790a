"""Reading starts where the reader says, within the limits it gives, and waits no longer than it must."""

import threading
import time

import pytest

import clients
import wire


def fill(broker, topic, batches, per_batch, size=100):
    """`batches` batches of exactly `per_batch` records, written by hand so that their bounds are known."""
    clients.create_topic(broker.bootstrap, topic)
    with wire.Wire(broker.bootstrap) as connection:
        for b in range(batches):
            values = [(b"%06d:" % (b * per_batch + i)).ljust(size, b".") for i in range(per_batch)]
            assert connection.produce(topic, 0, wire.batch(values)) == (0, b * per_batch)


def test_reading_resumes_at_every_offset_inside_a_batch(broker, topic):
    fill(broker, topic, batches=3, per_batch=17)
    for client in (clients.Confluent, clients.KafkaPython):
        for offset in range(0, 51, 1 if client is clients.Confluent else 5):
            [(got, _, value)] = client.consume(broker.bootstrap, topic, 0, offset, 1)
            assert (got, value[:6]) == (offset, b"%06d" % offset), client.name
    for offset in (0, 1, 16, 17, 18, 33, 34, 50):
        [(got, _, value)] = clients.Kcat.consume(broker.bootstrap, topic, 0, offset, 1)
        assert (got, value[:6]) == (offset, b"%06d" % offset), "kcat"


def test_a_fetch_inside_a_batch_answers_with_that_whole_batch_first(broker, topic):
    fill(broker, topic, batches=5, per_batch=10)
    with wire.Wire(broker.bootstrap) as connection:
        for offset in range(50):
            error, high_watermark, data = connection.fetch(topic, 0, offset)
            first, last, whole = next(wire.batches(data))
            assert (error, high_watermark) == (0, 50)
            assert (first, last) == (offset // 10 * 10, offset // 10 * 10 + 9)
            assert wire.crc32c(whole[21:]) == int.from_bytes(whole[17:21], "big"), "the CRC covers what was sent"


@pytest.mark.parametrize("limit", [1, 100, 1_500, 4_096, 50_000_000])
def test_byte_limits_from_one_byte_to_fifty_megabytes_never_stall_or_skip(broker, topic, limit):
    fill(broker, topic, batches=12, per_batch=10)
    with wire.Wire(broker.bootstrap) as connection:
        offset = 0
        while offset < 120:
            error, _, data = connection.fetch(topic, 0, offset, max_bytes=limit, partition_max_bytes=limit)
            got = list(wire.batches(data))
            assert error == 0 and got, "the first batch is sent whole however small the limit"
            assert got[0][0] == offset, "nothing is skipped"
            assert len(got) == 1 or sum(len(each) for _, _, each in got) <= limit
            offset = got[-1][1] + 1
    tiny = {"fetch_max_bytes": limit, "max_partition_fetch_bytes": limit}
    got = clients.KafkaPython.consume(broker.bootstrap, topic, 0, 0, 120, **tiny)
    assert [each for each, _, _ in got] == list(range(120))
    librdkafka = {"fetch.max.bytes": max(1_000_000, limit), "max.partition.fetch.bytes": limit,
                  "receive.message.max.bytes": 110_000_000, "message.max.bytes": 1_000_000}
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 120, **librdkafka)
    assert [each for each, _, _ in got] == list(range(120))


def test_a_waiting_fetch_is_answered_by_the_append_and_not_by_the_clock(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    with wire.Wire(broker.bootstrap) as reader, wire.Wire(broker.bootstrap) as writer:
        for round_ in range(20):
            reader.send(wire.fetch_request(reader.correlation(), topic, 0, round_, max_wait_ms=30_000))
            if round_ % 2:
                # The other order: half of the rounds give the fetch time to be parked, half race it.
                reader.expect_silence(0.05)
            begin = time.monotonic()
            assert writer.produce(topic, 0, wire.batch([b"%d" % round_])) == (0, round_)
            _, body = reader.receive()
            waited = time.monotonic() - begin
            error, _, data = wire.parse_fetch(body, topic)
            assert error == 0 and next(wire.batches(data))[0] == round_
            assert waited < 15, f"the record arrived {waited:.1f} s after it was acknowledged"


def test_a_waiting_consumer_of_each_client_gets_the_record_soon(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    for round_, (client, wait) in enumerate([(clients.Confluent, {"fetch.wait.max.ms": 20_000}),
                                             (clients.KafkaPython, {"fetch_max_wait_ms": 20_000})]):
        got = []
        thread = threading.Thread(target=lambda: got.append(
            (client.consume(broker.bootstrap, topic, 0, round_, 1, **wait), time.monotonic())))
        thread.start()
        thread.join(1.5)  # the consumer connects and parks its fetch
        clients.Confluent.produce(broker.bootstrap, topic, [(None, b"now")], partition=0)
        sent = time.monotonic()
        thread.join(clients.PATIENCE)
        [(records, when)] = got
        assert records == [(round_, None, b"now")]
        # By the clock it would come some 18 s later, as the consumer has waited for 1.5 s.
        assert when - sent < 15, f"{client.name} saw it {when - sent:.1f} s later"


def test_an_empty_fetch_waits_its_time_and_min_bytes_is_kept(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    with wire.Wire(broker.bootstrap) as connection:
        begin = time.monotonic()
        assert connection.fetch(topic, 0, 0, max_wait_ms=400) == (0, 0, b"")
        assert 0.3 < time.monotonic() - begin < 30
        connection.produce(topic, 0, wire.batch([b"small"]))
        begin = time.monotonic()
        error, _, data = connection.fetch(topic, 0, 0, max_wait_ms=400, min_bytes=100_000)
        assert error == 0 and len(list(wire.batches(data))) == 1
        assert 0.3 < time.monotonic() - begin < 30


@pytest.mark.parametrize("offset", [-1, 11, 1 << 40])
def test_an_offset_outside_the_log_is_refused(broker, topic, offset):
    fill(broker, topic, batches=1, per_batch=10)
    with wire.Wire(broker.bootstrap) as connection:
        error, _, data = connection.fetch(topic, 0, offset, max_wait_ms=2_000)
        assert (error, data) == (1, b""), "OFFSET_OUT_OF_RANGE"


def test_who_cannot_read_zstd_is_told_so(broker, topic):
    """KIP-110: what a topic is set to hold decides, from Fetch v10 on clients can read it."""
    clients.create_topic(broker.bootstrap, topic, 1, {"compression.type": "zstd"})
    with wire.Wire(broker.bootstrap) as connection:
        assert connection.produce(topic, 0, wire.batch([b"a"])) == (0, 0)
        error, _, data = connection.fetch(topic, 0, 0, max_wait_ms=2_000)
        assert (error, data) == (76, b""), "UNSUPPORTED_COMPRESSION_TYPE"
        error, high_watermark, data = connection.fetch(topic, 0, 0, version=10)
        assert (error, high_watermark) == (0, 1)
        assert [batch[22] & 7 for _, _, batch in wire.batches(data)] == [4]


def test_list_offsets_by_time_finds_the_first_record_not_older(broker, topic):
    import confluent_kafka
    clients.create_topic(broker.bootstrap, topic)
    base = 1_700_000_000_000
    with wire.Wire(broker.bootstrap) as connection:
        for i in range(20):
            connection.produce(topic, 0, wire.batch([b"x", b"y"], timestamp=base + i * 1_000))
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "unused"})
    for wanted, offset in [(0, 0), (base, 0), (base + 1, 2), (base + 7_000, 14), (base + 18_500, 38)]:
        [found] = consumer.offsets_for_times([confluent_kafka.TopicPartition(topic, 0, wanted)], timeout=20)
        assert (found.error, found.offset) == (None, offset), f"at {wanted - base}"
    [found] = consumer.offsets_for_times([confluent_kafka.TopicPartition(topic, 0, base + 99_000)], timeout=20)
    assert found.offset == -1, "later than everything: no offset"
    consumer.close()


def test_a_fetch_that_never_waits_gets_cold_data(brokers, topic):
    """After a restart no segment is open: a client with a maximum wait of 0 must get on all the same."""
    broker = brokers()
    fill(broker, topic, batches=3, per_batch=10)
    broker.restart(hard=False)
    with wire.Wire(broker.bootstrap) as connection:
        error, high_watermark, data = connection.fetch(topic, 0, 0, max_wait_ms=0)
        assert (error, high_watermark) == (0, 30)
        first, last, _ = next(wire.batches(data))
        assert (first, last) == (0, 9)
