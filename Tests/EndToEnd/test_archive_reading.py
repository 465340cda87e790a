"""Whatever was written stays readable after it left the local disk: every client, every codec, every way to seek."""

import random
import subprocess
import threading
import time

import confluent_kafka
import pytest

import archive
import clients
from test_offload import list_offset


def fill(broker, ledger, corpus, byte_count, partition=0, seed=1, combinations=None):
    """The corpus in equal parts, one for each combination of producer and codec."""
    combinations = combinations or [(producer, codec) for producer in archive.PRODUCERS for codec in clients.CODECS]
    records = archive.make_records(corpus, byte_count, seed)
    step = -(-len(records) // len(combinations))
    for number, (producer, codec) in enumerate(combinations):
        producer(broker.bootstrap, ledger, partition, records[number * step:(number + 1) * step], codec)


@pytest.mark.parametrize("settings", [
    pytest.param({}, id="large"),
    pytest.param({"object_size": "64KiB", "compression_level": 1}, id="small", marks=pytest.mark.slow)])
def test_every_client_and_codec_is_read_back_across_all_tiers(brokers, topic, corpus, settings):
    broker = brokers(archive.configuration(archive=settings))
    clients.create_topic(broker.bootstrap, topic)
    ledger = archive.Ledger(topic)
    fill(broker, ledger, corpus, 6_000_000)
    local = archive.wait_for_cold(broker, topic)
    assert 0 < local < len(ledger[0])
    for reader in archive.READERS:
        archive.check(broker, ledger, reader)
    archive.scrub(broker)
    broker.start()
    archive.check(broker, ledger)
    archive.scrub(broker)


def test_a_reader_that_starts_cold_catches_up_with_writers_that_go_on(brokers, topic, corpus):
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic)
    ledger = archive.Ledger(topic)
    fill(broker, ledger, corpus, 3_000_000, combinations=[(archive.produce_confluent, "none")])
    archive.wait_for_cold(broker, topic)
    more = archive.make_records(corpus, 5_000_000, 2)
    failures = []

    def go_on():
        try:
            for at in range(0, len(more), 1000):
                archive.produce_idempotent(broker.bootstrap, ledger, 0, more[at:at + 1000], random.choice(clients.CODECS))
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)

    total = len(ledger.partitions[0]) + len(more)
    writer = threading.Thread(target=go_on)
    writer.start()
    got = archive.read_confluent(broker.bootstrap, topic, 0, 0, total)
    writer.join(300)
    assert not failures, failures
    archive.same(got, ledger[0])
    archive.wait_for_cold(broker, topic)
    archive.check(broker, ledger, archive.read_kafka_python)
    archive.scrub(broker)


def test_seeks_by_offset_and_by_time_find_the_same_as_the_ledger(brokers, topic, corpus):
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic)
    ledger = archive.Ledger(topic)
    fill(broker, ledger, corpus, 4_000_000, combinations=[(archive.produce_confluent, codec) for codec in clients.CODECS])
    local = archive.wait_for_cold(broker, topic)
    records, seed = ledger[0], 20_263
    print("seed", seed)
    dice = random.Random(seed)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "e2e-unused",
                                         "enable.auto.commit": False, "fetch.wait.max.ms": 100})
    for _ in range(40):
        offset = dice.randrange(local)
        if offset % 8 == 0:
            got = archive.read_confluent(broker.bootstrap, topic, 0, offset, 3)
            assert got == [(each, *records[each]) for each in range(offset, offset + 3)]
        wanted = records[dice.randrange(local)][2] + dice.choice([0, 1, -1, 30_000])
        expected = next((o for o, record in enumerate(records) if record[2] >= wanted), -1)
        assert list_offset(broker.bootstrap, topic, wanted) == expected, f"time {wanted}"
        [answer] = consumer.offsets_for_times([confluent_kafka.TopicPartition(topic, 0, wanted)], 90)
        assert answer.offset in (expected, -1 if expected >= 0 else confluent_kafka.OFFSET_END)
    # One consumer that jumps about, as a user who looks around does.
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    for _ in range(20):
        offset = dice.randrange(len(records))
        next_message(consumer)  # only what is being fetched can be sought in
        consumer.seek(confluent_kafka.TopicPartition(topic, 0, offset))
        message = next_message(consumer)
        assert not message.error()
        assert (message.offset(), message.key(), message.value()) == (offset, *records[offset][:2])
    consumer.close()
    archive.scrub(broker)


@pytest.mark.slow
def test_many_cold_readers_leave_a_hot_one_its_latency(brokers, topic, corpus):
    broker = brokers(archive.configuration(archive={"cache_size": "4MiB", "object_size": "256KiB"}))
    partitions = 6
    clients.create_topic(broker.bootstrap, topic, partitions=partitions)
    clients.create_topic(broker.bootstrap, topic + "-hot")
    ledger = archive.Ledger(topic)
    for partition in range(partitions):
        fill(broker, ledger, corpus, 2_500_000, partition, seed=partition, combinations=[(archive.produce_confluent, "lz4")])
    for partition in range(partitions):
        archive.wait_for_cold(broker, topic, partition)
    failures, stop = [], threading.Event()

    def read(number):
        # Processes of their own: threads of this one would hold up the one that measures.
        command = ["kcat", "-C", "-q", "-e", "-b", broker.bootstrap, "-t", topic, "-p", str(number % partitions), "-o", "0",
                   "-f", "%o\n"]
        try:
            while not stop.is_set():
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
                offsets = done.stdout.split()
                assert done.returncode == 0 and len(offsets) == len(ledger.partitions[number % partitions]), done.stderr
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    alone = hot_latencies(broker, topic + "-hot", 50)
    threads = [threading.Thread(target=read, args=(number,)) for number in range(2 * partitions)]
    for thread in threads:
        thread.start()
    beside = hot_latencies(broker, topic + "-hot", 50)
    stop.set()
    for thread in threads:
        thread.join(90)
    assert not failures, failures[0]
    print(f"hot record, produced to consumed: alone p50 {alone[len(alone) // 2]:.1f} ms, most {alone[-1]:.1f} ms; beside "
          f"{2 * partitions} cold readers p50 {beside[len(beside) // 2]:.1f} ms, most {beside[-1]:.1f} ms, {len(beside)} records")
    # Readers and broker share the processors with the one that measures; what is wrong takes seconds.
    assert beside[len(beside) // 2] < 500 and beside[-1] < 5000
    archive.check(broker, ledger)
    archive.scrub(broker)


def next_message(consumer):
    message, deadline = None, time.monotonic() + 90
    while message is None:  # a message with an empty value is false
        assert time.monotonic() < deadline, "no record arrives"
        message = consumer.poll(1)
    return message


def hot_latencies(broker, topic, count):
    """Milliseconds from produce to consume, one record at a time, sorted."""
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "e2e-unused",
                                         "enable.auto.commit": False, "fetch.wait.max.ms": 500})
    start = clients.watermarks(broker.bootstrap, topic)[1]
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, start)])
    out = []
    while len(out) < count:
        begun = time.monotonic()
        producer.produce(topic, b"%d" % len(out), partition=0)
        producer.flush(30)
        message = next_message(consumer)
        assert not message.error() and message.value() == b"%d" % len(out)
        out.append(1000 * (time.monotonic() - begun))
    consumer.close()
    return sorted(out[1:])
