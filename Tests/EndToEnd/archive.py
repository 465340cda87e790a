"""What the tests of the archive share: the chain as a user writes it, a ledger of everything acknowledged, readers that
return whole records, and the scrub that every such test ends with.

A record of the ledger is (key, value, timestamp in ms or None when the client could not choose it, [(name, value)]).
"""

import io
import json
import random
import subprocess
import time

import confluent_kafka
import kafka

import broker as harness
import clients
from test_offload import list_offset, wait_until

SEGMENT = 512 << 10
EPOCH = 1_700_000_000_000
FILE = {"type": "file"}


def configuration(store=None, *, memory="4MiB", archive=None, offload=None, topics=None, http=None, segments=None):
    """A chronik.yaml with the whole chain. `store` is the mapping below `store:`. Objects are small, so that there are
    several; `archive` replaces the settings of the archive's tier."""
    tier = {"tier": "ArchiveIndex", "store": store or FILE}
    tier["config"] = {"object_size": "256KiB"} if archive is None else archive
    local = {"tier": "LocalSegments"}
    if segments:
        local["config"] = segments
    return "\n".join([
        "plugins: " + json.dumps({"path": [str(harness.plugin_directory())]}),
        "http: " + json.dumps({"listen": "127.0.0.1:0", **(http or {})}),
        "chain:",
        "  - " + json.dumps({"tier": "MemoryBuffer", "config": {"capacity": memory}}),
        "  - " + json.dumps(local),
        "  - " + json.dumps(tier),
        "  - " + json.dumps({"tier": "ArchiveIndex", "product": "Fallback", "name": "Fallback"}),
        "topics: " + json.dumps({"segment.bytes": SEGMENT, "local.retention.bytes": 1, "retention.ms": -1,
                                 "log.retention.check.interval.ms": 200, **(topics or {})}),
        "offload: " + json.dumps({"interval": "200ms", **(offload or {})}), ""])


class Ledger:
    """Everything the broker acknowledged, by partition and offset."""

    def __init__(self, topic):
        self.topic = topic
        self.partitions = {}

    def add(self, partition, offset, record):
        known = self.partitions.setdefault(partition, {})
        assert offset not in known, f"offset {offset} of partition {partition} was given twice"
        known[offset] = record

    def __getitem__(self, partition):
        """The records of a partition in order; their offsets are 0, 1, 2, …"""
        known = self.partitions[partition]
        assert sorted(known) == list(range(len(known))), "acknowledged offsets have a hole"
        return [known[offset] for offset in range(len(known))]

    def everything(self):
        """(partition, offset, record) of all."""
        for partition in sorted(self.partitions):
            for offset, record in enumerate(self[partition]):
                yield partition, offset, record


def texts(corpus, start, byte_count):
    """Real text of about 300 bytes each: the corpus has short lines, and a record costs the clients most."""
    lines = corpus.slice(start, byte_count)
    return [b" ".join(lines[at:at + 8]) for at in range(0, len(lines), 8)]


def make_records(corpus, byte_count, seed):
    """Records of every shape around real text: null and empty keys and values, headers that repeat and are null."""
    dice = random.Random(seed)
    lines = texts(corpus, seed * 1000, byte_count)
    out = []
    for number, line in enumerate(lines):
        key = dice.choice([None, b"", b"key-%d" % (number % 97), b"\x00\xff" + bytes([number % 256])])
        value = None if dice.random() < 0.01 else b"" if dice.random() < 0.01 else line
        headers = [] if dice.random() < 0.8 else [("trace", b"%08x" % number), ("trace", b""), ("kind", None)][:dice.randint(1, 3)]
        # Not in order, and two weeks wide: time lookups and time filters have to work for it.
        out.append((key, value, EPOCH + number * 1000 + dice.randint(-50_000, 50_000), headers))
    return out


def produce_confluent(bootstrap, ledger, partition, records, codec="none", **config):
    producer = confluent_kafka.Producer({
        "bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 5, "batch.size": 100_000,
        "queue.buffering.max.messages": 1_000_000, "message.timeout.ms": 170_000, **config})
    failures = []

    def delivered(record):
        def callback(error, message):
            if error is None:
                ledger.add(partition, message.offset(), record)
            else:
                failures.append(error)
        return callback

    for record in records:
        key, value, timestamp, headers = record
        producer.produce(ledger.topic, value, key, partition, on_delivery=delivered(record), timestamp=timestamp,
                         headers=headers)
        producer.poll(0)
    assert producer.flush(180) == 0 and not failures, failures[:1]


def produce_idempotent(bootstrap, ledger, partition, records, codec="none"):
    produce_confluent(bootstrap, ledger, partition, records, codec, **{"enable.idempotence": True})


def produce_kafka_python(bootstrap, ledger, partition, records, codec="none"):
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec,
                                   acks="all", batch_size=100_000, linger_ms=5, enable_idempotence=False)
    try:
        # This client knows no null value of a header, and no record without both key and value.
        kept = [(key, value, timestamp, [(name, word or b"") for name, word in headers])
                for key, value, timestamp, headers in records if not (key is None and value is None)]
        futures = [producer.send(ledger.topic, value, key, headers, partition, timestamp) for key, value, timestamp, headers in kept]
        producer.flush(90)
        for future, record in zip(futures, kept):
            ledger.add(partition, future.get(60).offset, record)
    finally:
        producer.close()


def produce_kcat(bootstrap, ledger, partition, records, codec="none"):
    """kcat says no offsets, so nobody else may write this partition meanwhile; it takes keys and values from lines."""
    kept = [(key, value) for key, value, _, _ in records if key and key.isascii() and value]
    start = len(ledger.partitions.get(partition, {}))
    clients.Kcat.produce(bootstrap, ledger.topic, kept, codec=codec, partition=partition, batch_bytes=100_000)
    for number, (key, value) in enumerate(kept):
        ledger.add(partition, start + number, (key, value, None, []))


PRODUCERS = [produce_confluent, produce_idempotent, produce_kafka_python, produce_kcat]


# -- readers that return [(offset, key, value, timestamp, headers)]


def read_confluent(bootstrap, topic, partition, start, count, patience=180, **config):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": "e2e-unused", "enable.auto.commit": False,
        "auto.offset.reset": "error", "fetch.wait.max.ms": 100, **config})
    try:
        consumer.assign([confluent_kafka.TopicPartition(topic, partition, start)])
        out, deadline = [], time.monotonic() + patience
        while len(out) < count:
            assert time.monotonic() < deadline, f"{len(out)} of {count} records after {patience} s"
            for message in consumer.consume(min(10_000, count - len(out)), 0.5):
                if message.error():
                    raise confluent_kafka.KafkaException(message.error())
                out.append((message.offset(), message.key(), message.value(), message.timestamp()[1], message.headers() or []))
        return out
    finally:
        consumer.close()


def read_kafka_python(bootstrap, topic, partition, start, count, patience=180):
    consumer = kafka.KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False,
                                   auto_offset_reset="none", fetch_max_wait_ms=100)
    try:
        target = kafka.TopicPartition(topic, partition)
        consumer.assign([target])
        consumer.seek(target, start)
        out, deadline = [], time.monotonic() + patience
        while len(out) < count:
            assert time.monotonic() < deadline, f"{len(out)} of {count} records after {patience} s"
            for records in consumer.poll(500, max_records=count - len(out)).values():
                out += [(each.offset, each.key, each.value, each.timestamp, list(each.headers)) for each in records]
        return out
    finally:
        consumer.close()


def read_kcat(bootstrap, topic, partition, start, count, patience=180):
    """kcat prints headers without their lengths, so they are left out."""
    done = subprocess.run(
        ["kcat", "-m", "60", "-C", "-q", "-b", bootstrap, "-t", topic, "-p", str(partition), "-o", str(start), "-c", str(count),
         "-X", "fetch.wait.max.ms=100", "-f", "%o %T %K %S %k%s\n"],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=patience)
    assert done.returncode == 0, f"kcat left with {done.returncode}: {done.stderr.decode(errors='replace')}"
    stream, out = io.BytesIO(done.stdout), []
    number = lambda: int(b"".join(iter(lambda: stream.read(1), b" ")))  # noqa: E731
    while stream.tell() < len(done.stdout):
        offset, timestamp, key_length, length = number(), number(), number(), number()
        key = None if key_length < 0 else stream.read(key_length)
        value = None if length < 0 else stream.read(length)
        assert stream.read(1) == b"\n"
        out.append((offset, key, value, timestamp, None))
    return out


READERS = [read_confluent, read_kafka_python, read_kcat]


def same(got, records, start=0):
    """Each record once, in order, with the same bytes, timestamp and headers. Returns nothing; the first difference is
    said instead of printing everything."""
    assert len(got) == len(records) - start, f"{len(got)} of {len(records) - start} records"
    for number, (offset, key, value, timestamp, headers) in enumerate(got, start):
        expected = records[number]
        assert offset == number, f"offset {offset} where {number} was expected"
        assert (key, value) == expected[:2], f"offset {number}"
        assert expected[2] in (None, timestamp), f"offset {number}: timestamp {timestamp} instead of {expected[2]}"
        assert headers is None or headers == expected[3], f"offset {number}: headers {headers} instead of {expected[3]}"


def check(broker, ledger, reader=read_confluent, partitions=None):
    for partition in sorted(ledger.partitions) if partitions is None else partitions:
        records = ledger[partition]
        assert clients.watermarks(broker.bootstrap, ledger.topic, partition)[1] == len(records)
        same(reader(broker.bootstrap, ledger.topic, partition, 0, len(records)), records)


def wait_for_cold(broker, topic, partition=0, seconds=120):
    """Until all but the active segment is archived and gone locally; the first offset that is still local."""
    directory = broker.data / "LocalSegments" / f"{topic}-{partition}"

    def is_done():
        # Before a new segment is copied the offsets agree as well, so that the files have to be counted. First: offsets
        # that were asked for earlier may be those of before the last copy.
        if len(list(directory.glob("*.log"))) != 1:
            return False
        local, tiered = (list_offset(broker.bootstrap, topic, t, partition) for t in (-4, -5))
        return tiered >= 0 and local == tiered + 1 and local
    return wait_until("the archive does not catch up", is_done, seconds)


def archive(broker, *words):
    """`chronik archive …` on a stopped broker's data."""
    return harness.run("archive", *words, "--config", broker.config, "--data-dir", broker.data, timeout=300)


def scrub(broker):
    """Stops the broker. The archive's index and its store must agree, and every byte must have its checksum."""
    assert broker.stop() == 0, "a clean shutdown exits with 0"
    done = archive(broker, "verify", "--full")
    assert done.returncode == 0, done.stdout + done.stderr


def objects(broker):
    """The files of the store `file`, archive objects only."""
    while True:
        try:
            return sorted((broker.data / "ArchiveIndex.store").rglob("*.kar"))
        except FileNotFoundError:
            pass  # the store removed a directory while it was walked


def index_file(broker):
    return broker.data / "ArchiveIndex" / "segments.index"
