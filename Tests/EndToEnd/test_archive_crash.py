"""kill -9 while segments move to the archive: nothing is lost, nothing appears twice, and nothing is left over."""

import os
import random
import threading

import pytest

import archive
import clients
from test_offload import wait_until


def files(broker):
    """Every file of the archive's store and index with its length: changes whenever the archive does anything."""
    roots = [broker.data / "ArchiveIndex.store", broker.data / "ArchiveIndex"]
    out = set()
    for root in roots:
        for directory, _, names in os.walk(root):  # which passes over a directory that goes meanwhile
            for name in names:
                try:
                    out.add((name, os.stat(os.path.join(directory, name)).st_size))
                except FileNotFoundError:
                    continue
    return out


def kill_at_a_random_step(broker, dice):
    """Waits until the archive has taken some steps more, and a few of this loop's turns, each about 0.1 ms."""
    steps, turns = dice.randint(1, 8), dice.randint(0, 300)
    for _ in range(steps):
        seen = files(broker)
        wait_until("the archive stands still", lambda: files(broker) != seen, seconds=120)
    for _ in range(turns):
        broker.alive()
    broker.restart(hard=True)


@pytest.mark.parametrize("cycles", [4, pytest.param(25, marks=pytest.mark.slow)])
def test_kill_nine_while_segments_are_copied(brokers, topic, corpus, cycles):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    # Several slices a segment, so that a kill also falls between two objects of one copy.
    broker = brokers(archive.configuration(archive={"object_size": "128KiB"}, offload={"interval": "100ms", "concurrency": 2}))
    partitions = 2
    clients.create_topic(broker.bootstrap, topic, partitions=partitions)
    ledger, failures, finished = archive.Ledger(topic), [], threading.Event()

    def write(partition):
        number = 0
        try:
            while not finished.is_set():
                records = archive.make_records(corpus, 1_000_000, number % 20)
                archive.produce_idempotent(broker.bootstrap, ledger, partition, records, dice.choice(clients.CODECS))
                number += 1
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failures.append(error)

    writers = [threading.Thread(target=write, args=(partition,)) for partition in range(partitions)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(cycles):
            kill_at_a_random_step(broker, dice)
            assert not failures, failures
    finally:
        finished.set()
        for writer in writers:
            writer.join(300)
    assert not failures, failures
    for partition in range(partitions):
        archive.wait_for_cold(broker, topic, partition)
    archive.check(broker, ledger)
    archive.scrub(broker)
    broker.start()
    archive.check(broker, ledger, archive.read_kafka_python)
    print(cycles, "kills,", sum(map(len, ledger.partitions.values())), "records,", len(archive.objects(broker)), "objects")
    archive.scrub(broker)
