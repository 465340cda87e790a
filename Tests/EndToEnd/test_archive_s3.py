"""The archive on an S3 server, sound and broken: no record is lost, no byte is wrong, hot data are served, and what
could not be copied is copied when the faults end."""

import random
import statistics
import time

import confluent_kafka
import pytest

import archive
import clients
import s3
import wire
from test_archive_reading import fill
from test_archive_search import BruteForce, agrees, word
from test_offload import list_offset, wait_until

pytestmark = pytest.mark.skipif(s3.program() is None, reason="no SeaweedFS: `make venv`, or set CHRONIK_WEED")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    made = s3.Server(tmp_path_factory.mktemp("s3"))
    try:
        yield made.start().make_bucket()
    finally:
        made.stop()


@pytest.fixture
def proxy(server):
    made = s3.Proxy(server.port)
    yield made
    made.close()


def on_s3(port, topic, **options):
    """Impatient, so that faults show within the time of a test."""
    return archive.configuration(
        s3.store(port, topic, request_timeout="3s", connect_timeout="1s", retries=2), **options)


def cold(broker, topic, corpus, byte_count=3_000_000, codecs=("none",), seconds=180):
    clients.create_topic(broker.bootstrap, topic)
    ledger = archive.Ledger(topic)
    fill(broker, ledger, corpus, byte_count, combinations=[(archive.produce_confluent, codec) for codec in codecs])
    archive.wait_for_cold(broker, topic, seconds=seconds)
    return ledger


def hot_data_are_served(broker, topic):
    """A record goes in and comes out in time, whatever the store does."""
    begun = time.monotonic()
    clients.serves(broker.bootstrap, topic + "-hot")
    assert time.monotonic() - begun < 30
    return 1000 * (time.monotonic() - begun)


def forget_what_was_read(broker):
    """Without the chunk cache and kept footers every read goes to the store."""
    index = archive.index_file(broker)
    for path in sorted(index.parent.rglob("*"), reverse=True):
        if path != index and path.is_file():
            path.unlink()


def test_the_core_flow_is_the_same_on_s3(brokers, server, topic, corpus):
    # Without faults nothing has to be impatient: a search would be partial where a busy machine takes 3 s for an answer.
    broker = brokers(archive.configuration(s3.store(server.port, topic)))
    ledger = cold(broker, topic, corpus, codecs=clients.CODECS)
    for reader in archive.READERS:
        archive.check(broker, ledger, reader)
    archive.scrub(broker)
    forget_what_was_read(broker)
    broker.start()
    archive.check(broker, ledger)
    agrees(broker, ledger, BruteForce(ledger), "library", word("library"))
    archive.index_file(broker).unlink() if broker.stop() == 0 else None
    broker.start()
    archive.check(broker, ledger)
    archive.scrub(broker)
    broker.start()
    from test_archive_deletion import delete_topic
    delete_topic(broker, topic)

    def is_empty():
        assert broker.stop() == 0
        done = archive.archive(broker, "verify", "--json")
        broker.start()
        return '"objects":0' in done.stdout.replace(" ", "")
    wait_until("objects of the deleted topic stay", is_empty, seconds=180)
    archive.scrub(broker)


# Few enough that the pauses between attempts, which double, stay short.
FAULTS = {
    "503": [{"kind": "status", "status": 503, "code": "SlowDown", "match": ".", "times": 7}],
    "500": [{"kind": "status", "status": 500, "code": "InternalError", "match": ".", "times": 7}],
    "silent": [{"kind": "silent", "match": "^(PUT|GET)", "times": 3}],
    "reset-before": [{"kind": "reset", "when": "before", "match": ".", "times": 7}],
    "reset-after": [{"kind": "reset", "when": "after", "match": "^PUT", "times": 4}],
    "cut": [{"kind": "cut", "match": "^GET", "times": 6}],
    "slow": [{"kind": "slow", "seconds": 0.02, "match": "^GET .*kar", "times": 3}],
    "flip": [{"kind": "flip", "match": "^GET .*kar", "times": 2}],
    "damage": [{"kind": "damage", "match": "^PUT .*kar", "times": 2}],
    "range": [{"kind": "range", "match": "^GET .*kar", "times": 4}],
    "longer": [{"kind": "longer", "match": "^GET .*kar", "times": 4}],
}
QUICK = {"503"}


@pytest.mark.parametrize("fault", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in FAULTS])
def test_faults_while_copying_and_while_reading(brokers, proxy, topic, corpus, fault):
    broker = brokers(on_s3(proxy.port, topic))
    clients.create_topic(broker.bootstrap, topic)
    clients.create_topic(broker.bootstrap, topic + "-hot")
    ledger = archive.Ledger(topic)
    fill(broker, ledger, corpus, 1_000_000, combinations=[(archive.produce_confluent, "none")])
    proxy.tell(*FAULTS[fault])
    fill(broker, ledger, corpus, 2_000_000, seed=2, combinations=[(archive.produce_confluent, "none")])
    print("a hot record took", round(hot_data_are_served(broker, topic)), "ms")
    archive.wait_for_cold(broker, topic, seconds=180)
    assert broker.stop() == 0
    forget_what_was_read(broker)
    broker.start()
    proxy.tell(*FAULTS[fault])
    hot_data_are_served(broker, topic)
    # A client tries again after an error; what it gets then has to be right.
    archive.check(broker, ledger)
    proxy.tell()
    archive.check(broker, ledger, archive.read_kafka_python)
    archive.scrub(broker)


AWAY = {
    "reset": {"kind": "reset", "when": "before", "match": ".", "times": 1_000_000},
    "503": {"kind": "status", "status": 503, "code": "SlowDown", "match": ".", "times": 1_000_000},
    "429": {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "match": ".", "times": 1_000_000},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", AWAY)
def test_a_store_that_is_away_for_a_while(brokers, proxy, topic, corpus, kind):
    """Produce goes on, nothing leaves the local disk uncopied, and copying catches up."""
    broker = brokers(on_s3(proxy.port, topic))
    ledger = cold(broker, topic, corpus, 1_000_000)
    clients.create_topic(broker.bootstrap, topic + "-hot")
    archived = list_offset(broker.bootstrap, topic, -5)
    proxy.tell(AWAY[kind])
    fill(broker, ledger, corpus, 3_000_000, seed=3, combinations=[(archive.produce_confluent, "lz4")])
    hot_data_are_served(broker, topic)
    assert list_offset(broker.bootstrap, topic, -5) <= archived + archive.SEGMENT
    assert list_offset(broker.bootstrap, topic, -4) <= list_offset(broker.bootstrap, topic, -5) + 1, "evicted uncopied"
    start = list_offset(broker.bootstrap, topic, -4)
    records = ledger[0]
    archive.same(archive.read_confluent(broker.bootstrap, topic, 0, start, len(records) - start), records, start)
    # A start without the store: what is local is served.
    broker.restart(hard=True)
    hot_data_are_served(broker, topic)
    archive.same(archive.read_confluent(broker.bootstrap, topic, 0, start, len(records) - start), records, start)
    proxy.tell()
    archive.wait_for_cold(broker, topic, seconds=120)
    archive.check(broker, ledger)
    archive.scrub(broker)


@pytest.mark.slow
def test_a_slow_store_does_not_hold_back_other_partitions(brokers, proxy, topic, corpus):
    """fetch.max.wait ends a fetch with what there is; cold bytes come with a later one."""
    broker = brokers(on_s3(proxy.port, topic))
    ledger = cold(broker, topic, corpus, 1_500_000)
    assert broker.stop() == 0
    forget_what_was_read(broker)
    broker.start()
    proxy.tell(delay_ms=1500)
    with wire.Wire(broker.bootstrap, timeout=30) as connection:
        begun = time.monotonic()
        error, _, data = connection.fetch(topic, 0, 0, max_wait_ms=300)
        took = time.monotonic() - begun
        assert (error, data) == (0, b"") and 0.25 < took < 1.4, f"{took:.2f} s, error {error}, {len(data)} bytes"
        deadline = time.monotonic() + 30
        while not data:
            assert time.monotonic() < deadline, "cold bytes never come to a client that waits 300 ms at a time"
            error, _, data = connection.fetch(topic, 0, 0, max_wait_ms=300)
            assert error == 0
    assert next(wire.batches(data))[0] == 0
    waits = hot_waits_beside_a_cold_partition(broker, topic)
    print("hot records of a consumer that also reads cold ones waited", [round(each, 2) for each in waits], "s")
    assert statistics.median(waits) < 1.2, "hot records waited for the store"
    proxy.tell()
    got = archive.read_confluent(broker.bootstrap, topic, 0, 0, len(ledger[0]))
    archive.same(got, ledger[0])
    archive.scrub(broker)


def hot_waits_beside_a_cold_partition(broker, topic):
    """Seconds from produce to consume of ten records, for one consumer that reads `topic` from its cold start as well."""
    clients.create_topic(broker.bootstrap, topic + "-hot")
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "e2e-unused",
                                         "enable.auto.commit": False, "fetch.wait.max.ms": 300,
                                         "max.partition.fetch.bytes": 20_000, "queued.min.messages": 10})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 700), confluent_kafka.TopicPartition(topic + "-hot", 0, 0)])
    out = []
    for number in range(10):
        begun, seen = time.monotonic(), False
        clients.Confluent.produce(broker.bootstrap, topic + "-hot", [(b"k", b"%d" % number)], partition=0)
        while not seen:
            assert time.monotonic() < begun + 30, "a hot record does not arrive"
            message = consumer.poll(1)
            assert message is None or not message.error(), message.error()
            seen = message is not None and message.topic() == topic + "-hot"
        out.append(time.monotonic() - begun)
    consumer.close()
    return sorted(out)


def test_a_stop_does_not_wait_for_cold_reads_of_a_silent_store(brokers, proxy, topic, corpus):
    """The store's own deadline is a minute here; what reads for nobody any more is ended."""
    broker = brokers(archive.configuration(
        s3.store(proxy.port, topic, request_timeout="60s", connect_timeout="1s", retries=1),
        archive={"object_size": "256KiB", "request_timeout": "60s"}))
    ledger = cold(broker, topic, corpus, 1_500_000)
    assert broker.stop() == 0
    forget_what_was_read(broker)
    broker.start()
    proxy.tell({"kind": "silent", "match": "^GET .*kar", "times": 1_000_000})
    with wire.Wire(broker.bootstrap, timeout=30) as connection:
        for partition_offset in (0, 700):
            error, _, data = connection.fetch(topic, 0, partition_offset, max_wait_ms=300)
            assert (error, data) == (0, b""), "the store should not have answered"
        begun = time.monotonic()
        assert broker.stop(timeout=55) == 0, "the broker had to be killed"
        took = time.monotonic() - begun
    print(f"a stop beside two cold reads of a silent store took {took:.1f} s")
    assert took < 40, "the reads themselves would go on for a minute"
    proxy.tell()
    broker.start()
    archive.check(broker, ledger)
    archive.scrub(broker)


def read_mebibyte(connection, topic, offset):
    """Milliseconds from request to answer."""
    begun = time.monotonic()
    error, _, data = connection.fetch(topic, 0, offset, max_wait_ms=10_000, max_bytes=2 << 20, partition_max_bytes=1 << 20)
    took = 1000 * (time.monotonic() - begun)
    assert error == 0 and len(data) > 700_000, (error, len(data))
    return took


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "s3"])
def test_how_long_a_cold_read_of_one_mebibyte_takes(brokers, proxy, topic, corpus, kind):
    """The store file, or S3 with 20 ms before the first byte. Printed; the bounds leave room for a busy machine."""
    store = archive.FILE if kind == "file" else s3.store(proxy.port, topic)
    settings = {"read_ahead": "0", "object_size": "6MiB"}
    broker = brokers(archive.configuration(store, archive=settings, topics={"segment.bytes": 60 << 20}))
    clients.create_topic(broker.bootstrap, topic)
    lines = [b"".join(corpus.lines[at:at + 25])[:1000].ljust(1000, b".") for at in range(0, 875_000, 25)] * 2
    clients.Confluent.produce(broker.bootstrap, topic, [(None, line) for line in lines], partition=0, batch_bytes=100_000)
    assert archive.wait_for_cold(broker, topic, seconds=120) > 55_000
    dice, start, cold, warm = random.Random(7), [], [], []
    for _ in range(2):
        assert broker.stop() == 0
        forget_what_was_read(broker)
        proxy.tell(delay_ms=20)
        broker.start()
        places = list(range(8))
        dice.shuffle(places)
        with wire.Wire(broker.bootstrap, timeout=30) as connection:
            # Objects hold about 6,200 records: first somewhere in each, then elsewhere in the same.
            took = [read_mebibyte(connection, topic, 6_500 * place + dice.randrange(500)) for place in places]
            start, cold = start + took[:1], cold + took[1:]
            warm += [read_mebibyte(connection, topic, 6_500 * place + 2_500 + dice.randrange(500)) for place in places]
        proxy.tell()

    def text(values):
        return f"p50 {statistics.median(values):.1f} ms ({min(values):.1f} to {max(values):.1f})"
    print(f"1 MiB from {kind}: first read of the process {text(start)}, object unknown {text(cold)}, "
          f"footer known {text(warm)}")
    assert min(cold) < (20 if kind == "file" else 150) and min(warm) < (10 if kind == "file" else 100)
    archive.scrub(broker)
