"""Finished segments move to the tier below, stay readable, and go with their topic. The tier and its object store are
the C example; E2E_ARCHIVE (JSON, a chain entry as `yaml` takes it) puts another one in its place."""

import json
import os
import pathlib
import random
import struct
import threading
import time

import pytest

import broker as harness
import clients
import wire
from corpus import digest

ARCHIVE = json.loads(os.environ.get("E2E_ARCHIVE") or '"Shelf"')
NAME = ARCHIVE if isinstance(ARCHIVE, str) else ARCHIVE[0]
SEGMENT = 1_048_576
# Local copies may go as soon as they are copied.
EAGER = {"segment.bytes": str(SEGMENT), "local.retention.bytes": "1"}


def chain(tmp_path, cache=False, extra="", **settings):
    paths = [] if NAME != "Shelf" else [harness.build_shelf(tmp_path).parent]
    tiers = ([("MemoryBuffer", {"capacity": "4MiB"})] if cache else []) + ["LocalSegments", ARCHIVE]
    lines = "".join(f"  {key}: {value}\n" for key, value in {"interval": "200ms", **settings}.items())
    return harness.yaml(chain=tiers, plugin_paths=paths, extra=f"offload:\n{lines}{extra}")


def list_offset(bootstrap, topic, timestamp, partition=0):
    """ListOffsets v9: -4 is the earliest local offset, -5 the latest tiered one."""
    name = topic.encode()
    body = struct.pack(">ib", -1, 0) + b"\x02" + bytes([len(name) + 1]) + name + b"\x02"
    body += struct.pack(">iiq", partition, -1, timestamp) + b"\x00\x00\x00"
    with wire.Wire(bootstrap) as connection:
        header = struct.pack(">hhi", 2, 9, connection.correlation()) + b"\x00\x03e2e\x00"
        connection.send(wire.frame(header + body))
        _, answer = connection.receive()
    at = 1 + 4 + 1 + 1 + len(name) + 1  # tags, throttle time, topics, name, partitions
    _, error, _, offset = struct.unpack_from(">ihqq", answer, at)
    assert error == 0, f"ListOffsets({timestamp}) answered {error}"
    return offset


def wait_until(what, condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"after {seconds} s: {what}"
        time.sleep(0.05)
    return value


def wait_for_archive(broker, topic, partition=0):
    """Until all but the active segment is archived and gone above: the earliest local offset is the base of the newest
    segment file, and the archive ends right before it. Returns that offset."""
    directory = broker.data / "LocalSegments" / f"{topic}-{partition}"

    def is_done():
        newest = max(int(path.stem) for path in directory.glob("*.log"))
        local, tiered = (list_offset(broker.bootstrap, topic, t, partition) for t in (-4, -5))
        return 0 < newest == local == tiered + 1 and local
    return wait_until("the archive does not catch up", is_done)


def objects(broker):
    """Files of the archive's objects, by whatever name the store gives them."""
    found = []
    for directory, _, names in os.walk(broker.data / f"{NAME}.store"):
        for name in names:
            path = pathlib.Path(directory, name)
            try:
                if path.stat().st_size > 64:
                    found.append(path)
            except FileNotFoundError:
                pass  # deleted while the directory was walked
    return found


def produce(broker, topic, lines, partition=0):
    clients.Confluent.produce(broker.bootstrap, topic, [(b"k", line) for line in lines], partition=partition,
                              batch_bytes=100_000)


def check_all(broker, topic, lines, partition=0):
    got = clients.Confluent.consume(broker.bootstrap, topic, partition, 0, len(lines))
    assert [offset for offset, _, _ in got] == list(range(len(lines))), "no hole, no repetition"
    assert digest(value for _, _, value in got) == digest(lines)


@pytest.mark.parametrize("cache", [False, True], ids=["segments", "memory"])
def test_a_topic_is_read_across_archive_segments_and_memory(brokers, tmp_path, topic, corpus, cache):
    broker = brokers(chain(tmp_path, cache))
    lines = corpus.slice(0, 12_000_000)
    clients.create_topic(broker.bootstrap, topic, config=EAGER)
    produce(broker, topic, lines)
    local = wait_for_archive(broker, topic)
    assert 0 < local < len(lines)
    assert clients.watermarks(broker.bootstrap, topic) == (0, len(lines)), "evicted data is still data of the log"
    check_all(broker, topic, lines)
    for client in clients.ALL.values():
        for offset in (0, 1, local // 2, local - 1, local, len(lines) - 1):
            assert client.consume(broker.bootstrap, topic, 0, offset, 1) == [(offset, b"k", lines[offset])]
    for hard in (True, False):
        broker.restart(hard=hard)
        assert clients.watermarks(broker.bootstrap, topic) == (0, len(lines))
        check_all(broker, topic, lines)


def test_times_are_found_in_the_archive(brokers, tmp_path, topic, corpus):
    import confluent_kafka
    broker = brokers(chain(tmp_path))
    lines = corpus.slice(0, 4_000_000)
    clients.create_topic(broker.bootstrap, topic, config=EAGER)
    start = int(time.time() * 1000) - 86_400_000
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "batch.size": 100_000, "linger.ms": 5})
    for i, line in enumerate(lines):
        producer.produce(topic, line, partition=0, timestamp=start + i * 10)
        producer.poll(0)
    assert producer.flush(180) == 0
    local = wait_for_archive(broker, topic)
    for offset in (0, local // 3, local - 1, local, len(lines) - 1):
        assert list_offset(broker.bootstrap, topic, start + offset * 10) == offset
        assert list_offset(broker.bootstrap, topic, start + offset * 10 - 5) == offset
    assert list_offset(broker.bootstrap, topic, start + len(lines) * 10) == -1


def test_kill_nine_during_offload_loses_and_repeats_nothing(brokers, tmp_path, topic, corpus):
    broker = brokers(chain(tmp_path, interval="100ms"))
    lines = corpus.slice(0, 16_000_000)
    seed = 20_262
    print("seed", seed)
    dice = random.Random(seed)
    clients.create_topic(broker.bootstrap, topic, partitions=2, config=EAGER)
    cut = [0, len(lines) // 4, len(lines) // 2, 3 * len(lines) // 4, len(lines)]
    for first, last in zip(cut, cut[1:]):
        for partition in range(2):
            produce(broker, topic, lines[first:last], partition)
        time.sleep(dice.uniform(0.0, 0.4))
        broker.restart(hard=True)
    for partition in range(2):
        wait_for_archive(broker, topic, partition)
        check_all(broker, topic, lines, partition)
    assert "cannot be copied" not in broker.log()


def test_deleting_records_and_topics_reaches_the_archive(brokers, tmp_path, topic, corpus):
    from confluent_kafka import TopicPartition
    broker = brokers(chain(tmp_path))
    lines = corpus.slice(0, 8_000_000)
    clients.create_topic(broker.bootstrap, topic, config=EAGER)
    produce(broker, topic, lines)
    local = wait_for_archive(broker, topic)
    before = len(objects(broker))
    admin = clients.admin(broker.bootstrap)
    [deleted] = admin.delete_records([TopicPartition(topic, 0, local // 2)]).values()
    assert deleted.result(30).low_watermark == local // 2
    assert clients.watermarks(broker.bootstrap, topic) == (local // 2, len(lines))
    wait_until("objects below the new start remain", lambda: 0 < len(objects(broker)) < before)
    broker.restart(hard=True)
    assert clients.watermarks(broker.bootstrap, topic) == (local // 2, len(lines))
    [(offset, _, value)] = clients.Confluent.consume(broker.bootstrap, topic, 0, local // 2, 1)
    assert (offset, value) == (local // 2, lines[local // 2])
    admin = clients.admin(broker.bootstrap)  # must outlive its futures
    [gone] = admin.delete_topics([topic]).values()
    gone.result(30)
    wait_until("objects of the deleted topic remain", lambda: not objects(broker))


def test_a_topic_deletion_cut_short_is_finished_at_the_next_start(brokers, tmp_path, topic, corpus):
    broker = brokers(chain(tmp_path))
    clients.create_topic(broker.bootstrap, topic, config=EAGER)
    produce(broker, topic, corpus.slice(0, 8_000_000))
    wait_for_archive(broker, topic)
    admin = clients.admin(broker.bootstrap)  # must outlive its futures
    [gone] = admin.delete_topics([topic]).values()
    gone.result(30)
    broker.restart(hard=True)
    wait_until("objects of the deleted topic remain", lambda: not objects(broker))


def test_compacted_topics_stay_where_they_are(brokers, tmp_path, topic, corpus):
    broker = brokers(chain(tmp_path))
    lines = corpus.slice(0, 4_000_000)
    clients.create_topic(broker.bootstrap, topic, config={**EAGER, "cleanup.policy": "compact"})
    clients.create_topic(broker.bootstrap, topic + "-plain", config=EAGER)
    produce(broker, topic, lines)
    produce(broker, topic + "-plain", lines)
    wait_for_archive(broker, topic + "-plain")
    assert list_offset(broker.bootstrap, topic, -5) == -1
    check_all(broker, topic, lines)


def test_a_quiet_partition_reaches_the_archive(brokers, tmp_path, topic):
    broker = brokers(chain(tmp_path))
    clients.create_topic(broker.bootstrap, topic, config={"segment.ms": "1000", "local.retention.ms": "1"})
    produce(broker, topic, [b"the only record"])
    assert wait_for_archive(broker, topic) == 1
    check_all(broker, topic, [b"the only record"])


def test_producing_goes_on_while_segments_are_copied(brokers, tmp_path, topic, corpus):
    """At this bandwidth all copies together take a minute; neither acknowledgements nor a stop wait for them."""
    broker = brokers(chain(tmp_path, bandwidth="128KiB", interval="100ms"))
    lines = corpus.slice(0, 8_000_000)
    clients.create_topic(broker.bootstrap, topic, config=EAGER)
    slowest, stop = [0.0], threading.Event()

    def probe():
        while not stop.is_set():
            begun = time.monotonic()
            produce(broker, topic + "-probe", [b"x"])
            slowest[0] = max(slowest[0], time.monotonic() - begun)

    clients.create_topic(broker.bootstrap, topic + "-probe")
    prober = threading.Thread(target=probe)
    prober.start()
    produce(broker, topic, lines)
    wait_until("nothing is copied", lambda: list_offset(broker.bootstrap, topic, -5) > 0)
    stop.set()
    prober.join(180)
    assert slowest[0] < 20, f"an acknowledgement took {slowest[0]:.1f} s"
    begun = time.monotonic()
    assert broker.stop() == 0
    assert time.monotonic() - begun < 20, "a copy that waits for its turn ends when the broker stops"
    broker.start()
    check_all(broker, topic, lines)


def test_the_example_store_is_listed_and_configured(brokers, tmp_path):
    if NAME != "Shelf":
        pytest.skip("about the C example")
    text = chain(tmp_path).replace(
        "  - tier: Shelf\n",
        f"  - tier: Shelf\n    store:\n      type: file\n      config:\n        path: {tmp_path}/objects\n")
    config = tmp_path / "store.yaml"
    config.write_text(text)
    listed = harness.run("plugins", "list", "--config", config)
    assert listed.returncode == 0 and "An example: each object is a file." in listed.stdout, listed.stderr
    shown = harness.run("config", "show", "--config", config)
    assert shown.returncode == 0 and f"store.path={tmp_path}/objects" in shown.stdout, shown.stderr
    config.write_text(text.replace("type: file", "type: flie"))
    refused = harness.run("config", "check", config)
    assert refused.returncode == 78 and 'did you mean "file"?' in refused.stderr, refused.stderr


def test_an_archive_is_looked_after_only_while_its_broker_is_stopped(brokers, tmp_path, topic, corpus):
    broker = brokers(chain(tmp_path))
    clients.create_topic(broker.bootstrap, topic, config=EAGER)
    lines = corpus.slice(0, 4_000_000)
    produce(broker, topic, lines)
    wait_for_archive(broker, topic)
    words = ("--config", broker.config, "--data-dir", broker.data)
    refused = harness.run("archive", "verify", *words)
    assert refused.returncode == 1 and f"process id {broker.process.pid} is using" in refused.stderr, refused.stderr
    assert broker.stop() == 0
    if NAME == "Shelf":
        refused = harness.run("archive", "verify", *words)
        assert refused.returncode == 1 and "Shelf keeps no archive" in refused.stderr, refused.stderr
        return
    verified = harness.run("archive", "verify", "--full", *words)
    assert verified.returncode == 0 and "all good" in verified.stdout, verified.stdout + verified.stderr
    rebuilt = json.loads(harness.run("archive", "rebuild", "--json", *words).stdout)
    assert rebuilt["repaired"] == 0 and rebuilt["objects"] == len(objects(broker))
    assert topic in harness.run("archive", "export", *words).stdout
    victim = sorted(objects(broker))[0]
    kept = victim.read_bytes()
    victim.unlink()
    verified = harness.run("archive", "verify", *words)
    assert verified.returncode == 1 and "entry-without-object" in verified.stdout, verified.stdout
    victim.write_bytes(kept)
    broker.start()
    check_all(broker, topic, lines)
