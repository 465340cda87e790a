"""kill -9 takes nothing that was acknowledged."""

import random
import threading

import confluent_kafka
import pytest

import broker as harness
import clients


def produce_until_killed(broker, topic, partitions, seed, acks, already):
    """Produces numbered records with small batches until the process is killed; {(partition, offset): value} acked."""
    chance = random.Random(seed)
    producer = confluent_kafka.Producer({
        "bootstrap.servers": broker.bootstrap, "acks": acks, "linger.ms": 1, "batch.num.messages": 50,
        "message.timeout.ms": 60_000, "retries": 0, "max.in.flight.requests.per.connection": 5, "log_level": 0})
    acknowledged, enough = {}, threading.Event()
    kill_after = chance.randrange(2_000, 12_000)

    def delivered(error, message):
        if error is None:
            acknowledged[message.partition(), message.offset()] = message.value()
            if len(acknowledged) >= kill_after:
                enough.set()

    def killer():
        enough.wait(180)
        broker.kill()

    thread = threading.Thread(target=killer)
    thread.start()
    number = already
    while thread.is_alive():
        value = b"%d:%d:" % (seed, number) + b"x" * chance.randrange(200)
        try:
            producer.produce(topic, value, partition=number % partitions, on_delivery=delivered)
        except BufferError:
            producer.poll(0.01)
            continue
        number += 1
        producer.poll(0)
    thread.join()
    producer.purge()
    producer.flush(10)
    assert enough.is_set(), "the broker did not acknowledge enough records in three minutes"
    return acknowledged, number


def kill_and_compare(broker, topic, acks, cycles, partitions, seed):
    clients.create_topic(broker.bootstrap, topic, partitions=partitions)
    acknowledged, number = {}, 0
    for cycle in range(cycles):
        new, number = produce_until_killed(broker, topic, partitions, seed + cycle, acks, number)
        assert not set(new) & set(acknowledged), f"offsets were given out twice (seed {seed + cycle})"
        acknowledged.update(new)
        broker.start()
        for partition in range(partitions):
            start, end = clients.watermarks(broker.bootstrap, topic, partition)
            mine = {offset: value for (p, offset), value in acknowledged.items() if p == partition}
            newest = max(mine, default=-1)
            assert start == 0 and end > newest, f"cycle {cycle}: [{start}, {end}) after acknowledging {newest}"
            got = clients.Confluent.consume(broker.bootstrap, topic, partition, 0, end)
            assert [offset for offset, _, _ in got] == list(range(end)), "no hole, no repetition"
            stored = {offset: value for offset, _, value in got}
            lost = [offset for offset, value in mine.items() if stored.get(offset) != value]
            assert not lost, f"cycle {cycle}, seed {seed + cycle}: {len(lost)} acknowledged records lost: {lost[:5]}"
            order = [int(value.split(b":")[1]) for _, _, value in got]
            assert order == sorted(order), "a producer without retries is stored in the order it sent"


@pytest.mark.parametrize("acks", [-1, 1], ids=["acks-all", "acks-1"])
def test_kill_nine_while_producing_loses_no_acknowledged_record(brokers, topic, acks):
    kill_and_compare(brokers(), topic, acks, cycles=4, partitions=3, seed=20_261)


@pytest.mark.slow
@pytest.mark.parametrize("chain", [["LocalSegments"], [("MemoryBuffer", {"capacity": "1MiB"}), "LocalSegments"],
                                   [("ExampleTier", {}, "JournalFile")]], ids=["segments", "memory", "journal"])
def test_kill_nine_again_and_again_on_every_chain(brokers, topic, chain):
    broker = brokers(harness.yaml(chain=chain, topics={"segment.bytes": 1048576}))
    kill_and_compare(broker, topic, acks=-1, cycles=12, partitions=7, seed=4_711)


def test_an_idle_broker_killed_and_restarted_answers_the_same(brokers, topic):
    broker = brokers()
    records = [(b"%d" % i, b"value %d" % i) for i in range(1_000)]
    clients.create_topic(broker.bootstrap, topic)
    clients.Confluent.produce(broker.bootstrap, topic, records, partition=0, batch_records=7)
    before = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 1_000)
    for hard in (True, False, True):
        broker.restart(hard=hard)
        assert clients.watermarks(broker.bootstrap, topic) == (0, 1_000)
        assert clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 1_000) == before
    [(_, offset)] = clients.Confluent.produce(broker.bootstrap, topic, [(None, b"next")], partition=0)
    assert offset == 1_000


def test_a_torn_tail_is_cut_off_and_said_so(brokers, topic):
    """What a power cut leaves: the newest bytes of the log are garbage. Everything before them is still there."""
    broker = brokers()
    clients.create_topic(broker.bootstrap, topic)
    clients.Confluent.produce(broker.bootstrap, topic, [(None, b"kept %d" % i) for i in range(500)], partition=0,
                              batch_records=10)
    clients.Confluent.produce(broker.bootstrap, topic, [(None, b"NEEDLE-torn")], partition=0)
    broker.kill()
    torn = 0
    for path in broker.data.rglob("*"):
        if path.is_file() and b"NEEDLE-torn" in (data := path.read_bytes()):
            at = data.index(b"NEEDLE-torn")
            with open(path, "r+b") as file:
                file.seek(at)
                file.write(b"\xde\xad\xbe\xef")
            torn += 1
    assert torn >= 1, "the record is nowhere under the data directory"
    broker.start()
    assert clients.watermarks(broker.bootstrap, topic) == (0, 500)
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 500)
    assert [value for _, _, value in got] == [b"kept %d" % i for i in range(500)]
    [(_, offset)] = clients.Confluent.produce(broker.bootstrap, topic, [(None, b"after")], partition=0)
    assert offset == 500
