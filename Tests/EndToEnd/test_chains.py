"""The same broker, the same test body; only the YAML differs."""

import pytest

import broker as harness
import clients
from corpus import digest

CHAINS = {
    "memory-and-segments": dict(chain=[("MemoryBuffer", {"capacity": "64MiB"}), "LocalSegments"], durable=True),
    "segments-only": dict(chain=["LocalSegments"], durable=True),
    "memory-only-volatile": dict(chain=[("MemoryBuffer", {"capacity": "64MiB"})], durable=False),
    "c-example-and-segments": dict(chain=["Ring", "LocalSegments"], durable=True, ring=True),
    "swift-example-journal": dict(chain=[("ExampleTier", {}, "JournalFile")], durable=True),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_declared_in_yaml_takes_and_returns_records(brokers, tmp_path, topic, corpus, name):
    case = CHAINS[name]
    paths = [harness.build_ring(tmp_path).parent] if case.get("ring") else []
    broker = brokers(harness.yaml(chain=case["chain"], plugin_paths=paths, volatile=not case["durable"]))
    for entry in case["chain"]:
        assert (entry if isinstance(entry, str) else entry[0]) in broker.log(), "the start prints the chain"

    lines = corpus.slice(50_000, 4_000_000)
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    for partition in range(2):
        mine = lines[partition::2]
        clients.Confluent.produce(broker.bootstrap, topic, [(b"k", line) for line in mine], partition=partition,
                                  batch_records=200)
        got = clients.Confluent.consume(broker.bootstrap, topic, partition, 0, len(mine))
        assert [offset for offset, _, _ in got] == list(range(len(mine)))
        assert digest(value for _, _, value in got) == digest(mine)
        middle = len(mine) // 2 + 3
        for client in clients.ALL.values():
            assert client.consume(broker.bootstrap, topic, partition, middle, 1) == [(middle, b"k", mine[middle])]
            last = len(mine) - 1
            assert client.consume(broker.bootstrap, topic, partition, last, 1) == [(last, b"k", mine[last])]

    if case["durable"]:
        for hard in (True, False):
            broker.restart(hard=hard)
            for partition in range(2):
                mine = lines[partition::2]
                assert clients.watermarks(broker.bootstrap, topic, partition) == (0, len(mine))
                got = clients.Confluent.consume(broker.bootstrap, topic, partition, 0, len(mine))
                assert digest(value for _, _, value in got) == digest(mine)
    else:
        # Nothing was promised but that it starts again and serves.
        broker.restart(hard=True)
    clients.serves(broker.bootstrap, topic + "-after")


def test_a_topic_larger_than_the_memory_buffer_is_read_across_both_tiers(brokers, topic, corpus):
    broker = brokers(harness.yaml(chain=[("MemoryBuffer", {"capacity": "1MiB"}), "LocalSegments"]))
    lines = corpus.slice(0, 8_000_000)
    clients.create_topic(broker.bootstrap, topic)
    clients.Confluent.produce(broker.bootstrap, topic, [(None, line) for line in lines], partition=0)
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, len(lines))
    assert [offset for offset, _, _ in got] == list(range(len(lines)))
    assert digest(value for _, _, value in got) == digest(lines)


def test_segments_that_roll_are_read_across_their_borders(brokers, topic, corpus):
    broker = brokers(harness.yaml(chain=["LocalSegments"]))
    lines = corpus.slice(300_000, 8_000_000)
    clients.create_topic(broker.bootstrap, topic, config={"segment.bytes": "1048576"})
    clients.Confluent.produce(broker.bootstrap, topic, [(None, line) for line in lines], partition=0,
                              batch_bytes=100_000)
    for hard in (None, True, False):
        if hard is not None:
            broker.restart(hard=hard)
        got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, len(lines))
        assert [offset for offset, _, _ in got] == list(range(len(lines)))
        assert digest(value for _, _, value in got) == digest(lines)


@pytest.mark.parametrize("mode", ["fsync", "interval", "os"])
def test_every_durability_mode_survives_a_killed_process(brokers, topic, mode):
    broker = brokers(harness.yaml(durability=mode))
    records = [(None, b"%d" % i) for i in range(2_000)]
    clients.create_topic(broker.bootstrap, topic)
    clients.Confluent.produce(broker.bootstrap, topic, records, partition=0, batch_records=20)
    broker.restart(hard=True)
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, 0, len(records))
    assert [value for _, _, value in got] == [value for _, value in records]
