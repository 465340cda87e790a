"""Three independent Kafka clients behind one small interface.

A record is (key, value); what comes back is (offset, key, value). `produce` returns only when the broker acknowledged
every record, and raises otherwise. Partitions are assigned by hand, so no test here depends on consumer groups.
"""

import subprocess
import time

import confluent_kafka
import kafka

PATIENCE = 180  # seconds until a client is given up; fifty megabytes pass through Python in this time


class Confluent:
    name = "confluent"

    @staticmethod
    def produce(bootstrap, topic, records, *, codec="none", partition=None, acks=-1, batch_bytes=1_000_000,
                linger_ms=5, batch_records=10_000, **config):
        """[(partition, offset)] in the order of `records`."""
        producer = confluent_kafka.Producer({
            "bootstrap.servers": bootstrap, "compression.type": codec, "acks": acks, "linger.ms": linger_ms,
            "batch.size": batch_bytes, "batch.num.messages": batch_records, "message.max.bytes": 8_000_000,
            "partitioner": "consistent", "message.timeout.ms": PATIENCE * 1000,
            "queue.buffering.max.messages": 2_000_000, "queue.buffering.max.kbytes": 1_000_000, **config})
        where, failures = [None] * len(records), []

        def delivered(index):
            def callback(error, message):
                if error is not None:
                    failures.append(error)
                else:
                    where[index] = (message.partition(), message.offset())
            return callback

        chosen = {} if partition is None else {"partition": partition}
        for index, (key, value) in enumerate(records):
            producer.produce(topic, value, key, on_delivery=delivered(index), **chosen)
            if index % 10_000 == 0:
                producer.poll(0)
        left = producer.flush(PATIENCE)
        assert not failures, f"{len(failures)} records failed, the first with {failures[0]}"
        assert left == 0, f"{left} records were never answered"
        return where

    @staticmethod
    def consume(bootstrap, topic, partition, start, count, **config):
        consumer = confluent_kafka.Consumer({
            "bootstrap.servers": bootstrap, "group.id": "e2e-unused", "enable.auto.commit": False,
            "auto.offset.reset": "error", "fetch.wait.max.ms": 100, "enable.partition.eof": False, **config})
        try:
            consumer.assign([confluent_kafka.TopicPartition(topic, partition, start)])
            out, deadline = [], time.monotonic() + PATIENCE
            while len(out) < count:
                assert time.monotonic() < deadline, f"{len(out)} of {count} records after {PATIENCE} s"
                for message in consumer.consume(min(10_000, count - len(out)), 0.5):
                    if message.error():
                        raise confluent_kafka.KafkaException(message.error())
                    out.append((message.offset(), message.key(), message.value()))
            return out
        finally:
            consumer.close()


class KafkaPython:
    name = "kafka-python"

    @staticmethod
    def produce(bootstrap, topic, records, *, codec="none", partition=None, acks=-1, batch_bytes=1_000_000,
                linger_ms=5, **config):
        producer = kafka.KafkaProducer(
            bootstrap_servers=bootstrap, compression_type=None if codec == "none" else codec,
            acks="all" if acks == -1 else acks, batch_size=batch_bytes, linger_ms=linger_ms,
            max_request_size=8_000_000, **{"enable_idempotence": False, **config})
        try:
            futures = [producer.send(topic, value=value, key=key, partition=partition) for key, value in records]
            producer.flush(PATIENCE)
            if acks == 0:
                return [None] * len(records)
            metadata = [future.get(PATIENCE) for future in futures]
            return [(each.partition, each.offset) for each in metadata]
        finally:
            producer.close()

    @staticmethod
    def consume(bootstrap, topic, partition, start, count, **config):
        consumer = kafka.KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False,
                                       auto_offset_reset="none", **{"fetch_max_wait_ms": 100, **config})
        try:
            target = kafka.TopicPartition(topic, partition)
            consumer.assign([target])
            consumer.seek(target, start)
            out, deadline = [], time.monotonic() + PATIENCE
            while len(out) < count:
                assert time.monotonic() < deadline, f"{len(out)} of {count} records after {PATIENCE} s"
                for records in consumer.poll(500, max_records=count - len(out)).values():
                    out += [(each.offset, each.key, each.value) for each in records]
            return out
        finally:
            consumer.close()


class Kcat:
    """A process per call; records travel through its pipes, so values hold no newline and are not empty."""

    name = "kcat"

    @staticmethod
    def produce(bootstrap, topic, records, *, codec="none", partition=None, acks=-1, batch_bytes=1_000_000,
                linger_ms=5, **config):
        command = ["kcat", "-m", "60", "-P", "-q", "-b", bootstrap, "-t", topic, "-z", codec, "-X", f"acks={acks}",
                   "-X", f"linger.ms={linger_ms}", "-X", f"batch.size={batch_bytes}", "-X", "partitioner=consistent",
                   "-X", "message.max.bytes=8000000", "-X", f"message.timeout.ms={PATIENCE * 1000}"]
        for name, value in config.items():
            command += ["-X", f"{name}={value}"]
        if partition is not None:
            command += ["-p", str(partition)]
        keyed = any(key is not None for key, _ in records)
        assert all(value and b"\n" not in value for _, value in records), "kcat cannot carry such values"
        if keyed:
            command += ["-K", "\\x01"]
            data = b"".join(key + b"\x01" + value + b"\n" for key, value in records)
        else:
            data = b"".join(value + b"\n" for _, value in records)
        done = subprocess.run(command, input=data, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, f"kcat left with {done.returncode}: {done.stderr.decode(errors='replace')}"
        assert b"ERROR" not in done.stderr, done.stderr.decode(errors="replace")
        return [None] * len(records)

    @staticmethod
    def consume(bootstrap, topic, partition, start, count, **config):
        command = ["kcat", "-m", "60", "-C", "-q", "-b", bootstrap, "-t", topic, "-p", str(partition), "-o", str(start),
                   "-c", str(count), "-X", "fetch.wait.max.ms=100", "-f", "%o %K %S %k%s\n"]
        for name, value in config.items():
            command += ["-X", f"{name.replace('_', '.')}={value}"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE)
        assert done.returncode == 0, f"kcat left with {done.returncode}: {done.stderr.decode(errors='replace')}"
        out, at, data = [], 0, done.stdout
        while at < len(data):
            fields = data[at:at + 64].split(b" ", 3)
            offset, key_length, value_length = (int(each) for each in fields[:3])
            at += sum(len(each) + 1 for each in fields[:3])
            key = None if key_length < 0 else data[at:at + key_length]
            at += max(0, key_length)
            value = None if value_length < 0 else data[at:at + value_length]
            at += max(0, value_length) + 1
            out.append((offset, key, value))
        return out


ALL = {each.name: each for each in (Confluent, KafkaPython, Kcat)}
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def admin(bootstrap):
    from confluent_kafka.admin import AdminClient
    return AdminClient({"bootstrap.servers": bootstrap})


def create_topic(bootstrap, topic, partitions=1, config=None):
    from confluent_kafka.admin import NewTopic
    creator = admin(bootstrap)  # must outlive its futures
    futures = creator.create_topics([NewTopic(topic, partitions, 1, config=config or {})], operation_timeout=60)
    futures[topic].result(90)


def watermarks(bootstrap, topic, partition=0):
    """(log start, high watermark) as the broker answers ListOffsets now."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "e2e-unused"})
    try:
        return consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), timeout=60)
    finally:
        consumer.close()


def serves(bootstrap, topic):
    """A normal client writes one record and reads it back: the broker is well."""
    [(partition, offset)] = Confluent.produce(bootstrap, topic, [(b"well", b"still here")], partition=0)
    assert Confluent.consume(bootstrap, topic, partition, offset, 1) == [(offset, b"well", b"still here")]
