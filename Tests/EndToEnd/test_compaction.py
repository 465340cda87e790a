"""Topics with cleanup.policy=compact: real clients write, the broker compacts, real clients read what Kafka would have left.

The expectation is worked out record by record from what the client was told at delivery, never from what the broker
stored. Every random log prints its seed.
"""

import random
import re
import time

import confluent_kafka
import confluent_kafka.admin
import kafka
import pytest

import broker as harness
import clients

COMPACTION = "compaction:\n  interval: 200ms\n  max_bytes_per_second: 1GiB\n"
COMPACTED = {"cleanup.policy": "compact", "segment.bytes": "8192", "min.cleanable.dirty.ratio": "0.01",
             "delete.retention.ms": "86400000"}
PATIENCE = 180
RUN = re.compile(r"Compacted a partition .*?cleaned_offset=(\d+) .*?partition=(\d+) .*?topic=(\S+)")


@pytest.fixture(scope="module")
def compacting(tmp_path_factory):
    made = harness.Broker(tmp_path_factory.mktemp("compacting"), harness.yaml(extra=COMPACTION))
    made.start()
    yield made
    assert made.stop() == 0
    assert " ERROR " not in made.log(), made.log()[-4000:]


def until(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {PATIENCE} s for {what}"
        time.sleep(0.05)
    return found


def cleaned_offset(broker, topic, partition=0):
    runs = [int(offset) for offset, number, name in RUN.findall(broker.log())
            if name == topic and int(number) == partition]
    return max(runs, default=-1)


def wait_for_compaction(broker, topic, offset, partition=0):
    until(lambda: cleaned_offset(broker, topic, partition) >= offset, f"{topic} to be compacted up to {offset}")


class Log:
    """What was written to one partition, as the broker acknowledged it."""

    def __init__(self, broker, topic, **config):
        self.topic = topic
        self.records = []
        self.errors = []
        self.producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 1,
                                                  "batch.num.messages": 7, **config})
        self.fillers = 0

    def write(self, key, value, timestamp=1_700_000_000_000, headers=None):
        def delivered(error, message):
            if error:
                self.errors.append(error)
            else:
                self.records.append((message.offset(), timestamp, key, value, headers))
        while True:
            try:
                self.producer.produce(self.topic, key=key, value=value, timestamp=timestamp, headers=headers,
                                      partition=0, on_delivery=delivered)
                return
            except BufferError:
                self.producer.poll(0.1)

    def flush(self):
        assert self.producer.flush(PATIENCE) == 0 and not self.errors, self.errors
        self.records.sort(key=lambda record: record[0])

    def end(self):
        return self.records[-1][0] + 1

    def roll(self):
        """Keys of their own, enough of them to leave the active segment twice; returns the end before them."""
        self.flush()
        end = self.end()
        noise = random.Random(end)
        for _ in range(24):
            self.fillers += 1
            self.write(b"filler-%d" % self.fillers, noise.randbytes(1000))
            if self.fillers % 4 == 0:
                self.flush()
        self.flush()
        return end

    def newest(self, without_tombstones_below=0):
        """Kafka's rule, with everything compacted: the newest record of each key, offsets and all."""
        last = {key: offset for offset, _, key, _, _ in self.records}
        return [record for record in self.records if record[0] == last[record[2]]
                and not (record[3] is None and record[0] < without_tombstones_below)]


def read(broker, topic, start=0):
    """Everything from `start` to the end, from one assigned consumer."""
    _, high = clients.watermarks(broker.bootstrap, topic)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "unused",
                                         "enable.auto.commit": False, "enable.partition.eof": True,
                                         "auto.offset.reset": "error", "check.crcs": True})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, start)])
    records = []
    deadline = time.monotonic() + PATIENCE
    while True:
        assert time.monotonic() < deadline, f"{len(records)} records up to {records[-1:]} of {high}"
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
            break
        records.append((message.offset(), message.timestamp()[1], message.key(), message.value(), message.headers()))
    position = consumer.position([confluent_kafka.TopicPartition(topic, 0)])[0].offset
    consumer.close()
    assert position in (high, confluent_kafka.OFFSET_INVALID) or not records or position == high
    return records


def write_randomly(log, chance, count, keys=40, tombstones=True):
    for number in range(count):
        key = b"key-%d" % chance.randrange(keys)
        value = None if tombstones and chance.random() < 0.2 else chance.randbytes(chance.randrange(120))
        headers = [("h", b"%d" % number)] if chance.random() < 0.3 else None
        log.write(key, value, timestamp=1_700_000_000_000 + chance.randrange(100_000), headers=headers)
        if chance.random() < 0.1:
            log.flush()


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_the_newest_record_of_each_key_stays_as_it_was(compacting, topic, codec):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    clients.create_topic(compacting.bootstrap, topic, config=COMPACTED)
    log = Log(compacting, topic, **{"compression.type": codec, "enable.idempotence": chance.random() < 0.5})
    for _ in range(3):
        write_randomly(log, chance, 400)
        end = log.roll()
        wait_for_compaction(compacting, topic, end)
        assert read(compacting, topic) == log.newest(), f"seed {seed}"
    assert clients.watermarks(compacting.bootstrap, topic) == (0, log.end())


def test_a_consumer_that_starts_in_a_gap_gets_the_next_record(compacting, topic):
    clients.create_topic(compacting.bootstrap, topic, config=COMPACTED)
    log = Log(compacting, topic)
    write_randomly(log, random.Random(5), 300, keys=9, tombstones=False)
    wait_for_compaction(compacting, topic, log.roll())
    left = log.newest()
    for start in (0, 1, 77, 150, left[0][0], left[0][0] + 1, left[8][0] + 1):
        assert read(compacting, topic, start) == [record for record in left if record[0] >= start], f"from {start}"
    consumer = kafka.KafkaConsumer(bootstrap_servers=compacting.bootstrap, enable_auto_commit=False, group_id=None)
    consumer.assign([kafka.TopicPartition(topic, 0)])
    consumer.seek(kafka.TopicPartition(topic, 0), 3)
    wanted = [record for record in left if record[0] >= 3]
    found = []
    until(lambda: found.extend(m for batch in consumer.poll(1000).values() for m in batch) or len(found) >= len(wanted),
          f"{len(wanted)} records")
    assert [(m.offset, m.timestamp, m.key, m.value) for m in found] == [record[:4] for record in wanted]
    # A look-up by time answers with a record that is still there.
    oldest = min(record[1] for record in left)
    offsets = consumer.offsets_for_times({kafka.TopicPartition(topic, 0): oldest + 1})
    answer = offsets[kafka.TopicPartition(topic, 0)]
    assert (answer.offset, answer.timestamp) == next((o, t) for o, t, *_ in left if t > oldest)
    consumer.close()


def test_tombstones_stay_for_delete_retention_and_go_then(compacting, topic):
    clients.create_topic(compacting.bootstrap, topic, config={**COMPACTED, "delete.retention.ms": "1"})
    log = Log(compacting, topic)
    for number in range(20):
        log.write(b"key-%d" % number, b"x" * 50)
    log.flush()
    for number in range(10):
        log.write(b"key-%d" % number, None)
    end = log.roll()
    wait_for_compaction(compacting, topic, end)
    # The first run keeps them, and from then on their time runs.
    first = read(compacting, topic)
    assert first == log.newest() or first == log.newest(without_tombstones_below=end)
    second = log.roll()
    wait_for_compaction(compacting, topic, second)
    third = log.roll()
    wait_for_compaction(compacting, topic, third)
    assert read(compacting, topic) == log.newest(without_tombstones_below=end)


def test_a_record_without_key_is_refused(compacting, topic):
    clients.create_topic(compacting.bootstrap, topic, config=COMPACTED)
    producer = confluent_kafka.Producer({"bootstrap.servers": compacting.bootstrap})
    errors = []
    producer.produce(topic, value=b"x", on_delivery=lambda error, _: errors.append(error))
    producer.flush(PATIENCE)
    assert [error.code() for error in errors] == [confluent_kafka.KafkaError.INVALID_RECORD]


def test_delete_records_and_compaction_live_together(compacting, topic):
    clients.create_topic(compacting.bootstrap, topic, config={
        # The records are of 2023: retention would take them all when its turn comes, five minutes after the start.
        **COMPACTED, "cleanup.policy": "compact,delete", "retention.ms": "-1"})
    log = Log(compacting, topic)
    write_randomly(log, random.Random(8), 400, tombstones=False)
    wait_for_compaction(compacting, topic, log.roll())
    start = 200
    admin = clients.admin(compacting.bootstrap)
    future = admin.delete_records([confluent_kafka.TopicPartition(topic, 0, start)])
    assert [f.result(PATIENCE).low_watermark for f in future.values()] == [start]
    write_randomly(log, random.Random(9), 200, tombstones=False)
    wait_for_compaction(compacting, topic, log.roll())
    assert read(compacting, topic, start) == [record for record in log.newest() if record[0] >= start]
    assert clients.watermarks(compacting.bootstrap, topic)[0] == start


def segment_bytes(broker, topic):
    directory = broker.data / "LocalSegments" / f"{topic}-0"
    total = 0
    for file in directory.glob("*.log"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            pass  # a run has just replaced it
    return total


def verify(broker):
    """Every batch of every segment, read by the command line."""
    done = harness.run("log", "verify", broker.data / "LocalSegments")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_idempotent_producer_goes_on_after_compaction_and_a_kill(brokers, topic):
    broker = brokers(harness.yaml(extra=COMPACTION))
    clients.create_topic(broker.bootstrap, topic, config=COMPACTED)
    log = Log(broker, topic, **{"enable.idempotence": True})
    for number in range(300):
        log.write(b"key-%d" % (number % 3), b"%d" % number)
    log.flush()
    # Another producer's filler: the first one's last batch lies in what is compacted, and all its records are obsolete.
    other = Log(broker, topic)
    for number in range(3):
        other.write(b"key-%d" % number, b"newer")
    end = other.roll()
    wait_for_compaction(broker, topic, end)
    for hard in (True, False):
        broker.restart(hard=hard)
        for number in range(20):
            log.write(b"key-%d" % (number % 3), b"after %d" % number)
        log.flush()
    everything = Log(broker, topic)
    everything.records = sorted(log.records + other.records)
    left = read(broker, topic)

    def after_a_run(cleaned):
        # What came after the run is there as it came; of what was before, the newest of each key.
        last = {record[2]: record[0] for record in everything.records if record[0] < cleaned}
        return [record for record in everything.records if record[0] >= cleaned or record[0] == last[record[2]]]
    # Where segments end depends on how the client made its batches, and so does how far the last run came.
    assert any(left == after_a_run(cleaned) for cleaned in range(end, everything.end() + 1)), left
    assert broker.stop() == 0
    verify(broker)


def test_a_kill_in_the_middle_of_compaction_loses_nothing(brokers, topic):
    # Slow enough for the kill to fall into a run, most of the time.
    broker = brokers(harness.yaml(extra="compaction:\n  interval: 100ms\n  max_bytes_per_second: 128KiB\n"))
    clients.create_topic(broker.bootstrap, topic, config=COMPACTED)
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    log = Log(broker, topic)
    for _ in range(4):
        write_randomly(log, chance, 500, tombstones=False)
        log.roll()
        time.sleep(chance.random())
        broker.restart(hard=True)
        last = {record[2]: record for record in log.records}
        found = {}
        offsets = set()
        for record in read(broker, topic):
            assert record in log.records, f"seed {seed}: never written: {record}"
            offsets.add(record[0])
            found[record[2]] = record
        # Whatever was done of the run: the newest record of every key is there, and no offset twice.
        assert found == last, f"seed {seed}"
    assert broker.stop() == 0
    verify(broker)


def commit(broker, group, topic, offsets):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    for offset in offsets:
        consumer.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, offset)], asynchronous=False)
    consumer.close()


def committed(broker, group, topic):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": group})
    found = consumer.committed([confluent_kafka.TopicPartition(topic, 0)], timeout=PATIENCE)[0].offset
    consumer.close()
    return found


def test_the_offsets_topic_is_compacted_and_keeps_every_groups_offset(brokers, topic):
    broker = brokers(harness.yaml(extra=COMPACTION + "coordinators:\n  offsets.topic.num.partitions: 1\n"))
    clients.create_topic(broker.bootstrap, topic)
    offsets_topic = "__consumer_offsets"
    until(lambda: commit(broker, "first", topic, [1]) or True, "the offsets topic")
    admin = clients.admin(broker.bootstrap)
    resource = confluent_kafka.admin.ConfigResource(
        confluent_kafka.admin.ResourceType.TOPIC, offsets_topic,
        incremental_configs=[
            confluent_kafka.admin.ConfigEntry(
                name, value, incremental_operation=confluent_kafka.admin.AlterConfigOpType.SET)
            for name, value in (("segment.bytes", "16384"), ("min.cleanable.dirty.ratio", "0.01"))])
    described = admin.describe_configs([confluent_kafka.admin.ConfigResource(
        confluent_kafka.admin.ResourceType.TOPIC, offsets_topic)])
    assert [f.result(PATIENCE)["cleanup.policy"].value for f in described.values()] == ["compact"]
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(PATIENCE)
    for number in range(8):
        commit(broker, f"group-{number % 4}", topic, range(number * 100, number * 100 + 100))
    wanted = {f"group-{number}": (number + 4) * 100 + 99 for number in range(4)}
    before = clients.watermarks(broker.bootstrap, offsets_topic)[1]
    # Commits of about 150 bytes a record: without compaction they would all be there.
    until(lambda: cleaned_offset(broker, offsets_topic) > before // 2, "a run over the offsets topic")
    until(lambda: segment_bytes(broker, offsets_topic) < before * 60, "bytes to leave the disk")
    assert {group: committed(broker, group, topic) for group in wanted} == wanted
    for hard in (True, False):
        broker.restart(hard=hard)
        assert {group: committed(broker, group, topic) for group in wanted} == wanted
        assert committed(broker, "first", topic) == 1
    # Kills while commits and runs go on.
    for number in range(3):
        commit(broker, "group-0", topic, range(1000 * number, 1000 * number + 150))
        broker.restart(hard=True)
        assert committed(broker, "group-0", topic) == 1000 * number + 149
    assert broker.stop() == 0
    verify(broker)


def test_the_command_plans_and_runs_on_a_stopped_brokers_data(brokers, topic):
    broker = brokers(harness.yaml(extra="compaction:\n  interval: 1h\n"))
    clients.create_topic(broker.bootstrap, topic, config=COMPACTED)
    log = Log(broker, topic)
    write_randomly(log, random.Random(2), 300, tombstones=False)
    log.roll()
    arguments = ("--config", broker.config, "--data-dir", broker.data)
    refused = harness.run("compaction", "plan", *arguments)
    assert refused.returncode == 1 and "another" in refused.stderr, refused.stderr
    assert broker.stop() == 0
    planned = harness.run("compaction", "plan", *arguments)
    assert planned.returncode == 0 and f"{topic}-0" in planned.stdout and "bytes are dirty" in planned.stdout
    before = segment_bytes(broker, topic)
    done = harness.run("compaction", "run", *arguments)
    assert done.returncode == 0 and "Compacted a partition" in done.stderr, done.stderr
    assert segment_bytes(broker, topic) < before
    assert "nothing" in harness.run("compaction", "plan", *arguments).stdout
    verify(broker)
    broker.start()
    assert read(broker, topic) == log.newest()


def test_a_strategy_that_is_not_there_is_refused_where_it_is_named(tmp_path):
    file = tmp_path / "chronik.yaml"
    file.write_text(harness.yaml() + "compaction:\n  strategy: Kay\n")
    line = file.read_text().splitlines().index("  strategy: Kay") + 1
    done = harness.run("config", "check", file)
    assert done.returncode == 78 and f"chronik.yaml:{line}:13" in done.stderr and "Key" in done.stderr, done.stderr


def test_without_compaction_nothing_goes(brokers, topic):
    broker = brokers(harness.yaml(extra="compaction:\n  enabled: false\n  interval: 100ms\n"))
    clients.create_topic(broker.bootstrap, topic, config=COMPACTED)
    log = Log(broker, topic)
    write_randomly(log, random.Random(1), 300)
    log.roll()
    assert read(broker, topic) == log.records
    assert "Compacted" not in broker.log()
