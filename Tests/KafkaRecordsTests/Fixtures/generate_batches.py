"""Makes the fixtures of this folder: batches that real clients sent, and compressed data of independent codecs.

    pip install kafka-python==3.0.12 aiokafka==0.14.0 confluent-kafka==2.16.1 cramjam lz4 zstandard python-snappy
    python generate_batches.py

Every batch is what a client wrote into a Produce request to `fake_broker.py`. `manifest.json` says which client,
codec and scenario a file holds; `scenarios.json` has the records as they were given to the client.
"""
import asyncio
import base64
import gzip
import json
import pathlib
import random
import zlib

import aiokafka
import confluent_kafka
import kafka
import kafka.codec
import lz4.frame
import snappy
import zstandard

from fake_broker import FakeBroker, PRODUCER_EPOCH, PRODUCER_ID

HERE = pathlib.Path(__file__).parent
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
TIME = 1_700_000_000_000
TOPIC = "fixtures"


def record(key, value, headers=(), timestamp=TIME):
    return {"key": key, "value": value, "headers": list(headers), "timestamp": timestamp}


def scenarios():
    rng = random.Random(20240229)
    words = [bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(2, 9))) for _ in range(60)]
    return {
        "one": [record(b"key", b"value")],
        "mixed": [
            record(b"both", b"present"),
            record(None, b"null key", timestamp=TIME + 5),
            record(b"tombstone", None, timestamp=TIME + 3),
            record(b"empty value", b""),
            record(b"", b"empty key"),
            record(None, b"a minute later", timestamp=TIME + 70_000),
            record("schlüssel".encode(), "значение".encode(), [("h1", b"v1"), ("empty", b"")]),
            record(b"repeated", b"headers", [("same", b"1"), ("same", b"2"), ("größe", b"\x00\xff")]),
            record(b"earlier", b"negative delta", timestamp=TIME - 86_400_000),
        ],
        # Only librdkafka agrees to send these.
        "nulls": [record(None, None), record(None, None, [("only", None)], timestamp=TIME + 1)]
        + [record(None, b"value", [("same", b"1"), ("same", None), ("same", b""), ("same", b"1")])] * 4,
        "many": [record(b"key-%d" % i, b" ".join(rng.choice(words) for _ in range(4)), timestamp=TIME + i // 7)
                 for i in range(200)],
        "big": [record(b"big", b" ".join(rng.choice(words) for _ in range(2500))), record(b"after", b"big")],
    }


def as_json(records):
    def b64(data):
        return None if data is None else base64.b64encode(data).decode()
    return [{"timestamp": r["timestamp"], "key": b64(r["key"]), "value": b64(r["value"]),
             "headers": [{"key": k, "value": b64(v)} for k, v in r["headers"]]} for r in records]


# ---- the clients; each returns the record bytes it sent, one entry per Produce request and partition ----

def librdkafka(codec, rounds, idempotent=False, transactional=False):
    broker = FakeBroker()
    settings = {"bootstrap.servers": f"127.0.0.1:{broker.port}", "compression.type": codec, "linger.ms": 300,
                "batch.size": 1 << 20, "enable.idempotence": idempotent or transactional}
    if transactional:
        settings["transactional.id"] = "fixture"
    producer = confluent_kafka.Producer(settings)
    if transactional:
        producer.init_transactions(10)
        producer.begin_transaction()
    for records in rounds:
        for r in records:
            producer.produce(TOPIC, key=r["key"], value=r["value"], headers=r["headers"], timestamp=r["timestamp"],
                             partition=0)
        assert producer.flush(20) == 0
    if transactional:
        producer.commit_transaction(10)
    broker.close()
    return broker.captured


def kafka_python(codec, rounds, idempotent=False):
    broker = FakeBroker()
    producer = kafka.KafkaProducer(
        bootstrap_servers=f"127.0.0.1:{broker.port}", compression_type=None if codec == "none" else codec,
        linger_ms=300, batch_size=1 << 20, enable_idempotence=idempotent)
    for records in rounds:
        for r in records:
            producer.send(TOPIC, key=r["key"], value=r["value"], headers=r["headers"], timestamp_ms=r["timestamp"],
                          partition=0)
        producer.flush(20)
    producer.close()
    broker.close()
    return broker.captured


def aio_kafka(codec, rounds, idempotent=False):
    async def run(port):
        producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=f"127.0.0.1:{port}", compression_type=None if codec == "none" else codec,
            linger_ms=300, max_batch_size=1 << 20, enable_idempotence=idempotent)
        await producer.start()
        for records in rounds:
            sent = [await producer.send(TOPIC, key=r["key"], value=r["value"], headers=r["headers"],
                                        timestamp_ms=r["timestamp"], partition=0) for r in records]
            await asyncio.gather(*sent)
        await producer.stop()
    broker = FakeBroker()
    asyncio.run(run(broker.port))
    broker.close()
    return broker.captured


CLIENTS = {"librdkafka": librdkafka, "kafka-python": kafka_python, "aiokafka": aio_kafka}


SCENARIOS = {"librdkafka": ["one", "mixed", "nulls", "many", "big"], "kafka-python": ["one", "mixed", "many"],
             "aiokafka": ["one", "mixed", "many"]}


def batches():
    given = scenarios()
    manifest = []

    def store(client, codec, scenario, rounds, **options):
        captured = CLIENTS[client](codec, rounds, **options)
        kind = "".join("-" + name for name in options)
        assert len(captured) == len(rounds), (client, codec, scenario, len(captured))
        sequence = 0
        for number, data in enumerate(captured):
            suffix = f"-{number}" if len(rounds) > 1 else ""
            name = f"{client}-{codec}-{scenario}{kind}{suffix}.batch"
            (HERE / name).write_bytes(data)
            with_id = bool(options)
            manifest.append({
                "file": name, "client": client, "codec": codec, "scenario": scenario,
                "producerID": PRODUCER_ID if with_id else -1, "producerEpoch": PRODUCER_EPOCH if with_id else -1,
                # aiokafka leaves 0 where the others write -1, also without a producer id.
                "baseSequence": sequence if with_id or client == "aiokafka" else -1, "isTransactional": "transactional" in options})
            sequence += len(rounds[number])
            print(name, len(data))

    for client in CLIENTS:
        for codec in CODECS:
            for scenario in SCENARIOS[client]:
                store(client, codec, scenario, [given[scenario]])
        store(client, "none", "mixed", [given["mixed"], given["mixed"]], idempotent=True)
    store("librdkafka", "lz4", "many", [given["many"]], transactional=True)
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1))
    (HERE / "scenarios.json").write_text(json.dumps({k: as_json(v) for k, v in given.items()}, ensure_ascii=False))


# ---- codecs ----

def codecs():
    # The plain text is `unit` repeated `count` times; its size and CRC-32 (zlib's) are checked as well.
    unit = b"the quick brown fox jumps over the lazy dog, number 0123456789; "
    cases = []

    def case(name, codec, compressed, count):
        plain = unit * count
        cases.append({"name": name, "codec": codec, "unit": unit.decode(), "count": count,
                      "byteCount": len(plain), "crc32": zlib.crc32(plain),
                      "compressed": base64.b64encode(compressed).decode()})

    small, large = unit * 3, unit * 3000
    case("snappy raw", "snappy", snappy.compress(small), 3)
    case("snappy raw large", "snappy", snappy.compress(large), 3000)
    case("snappy raw empty", "snappy", snappy.compress(b""), 0)
    case("snappy xerial, one block", "snappy", kafka.codec.snappy_encode(small, xerial_compatible=True), 3)
    case("snappy xerial, 32 KiB blocks", "snappy",
         kafka.codec.snappy_encode(large, xerial_compatible=True, xerial_blocksize=32 * 1024), 3000)
    case("snappy xerial, small blocks", "snappy",
         kafka.codec.snappy_encode(small, xerial_compatible=True, xerial_blocksize=7), 3)
    for linked in (False, True):
        for size in (lz4.frame.BLOCKSIZE_MAX64KB, lz4.frame.BLOCKSIZE_MAX4MB):
            for checksums in (False, True):
                case(f"lz4 linked={linked} block={size} checksums={checksums}", "lz4",
                     lz4.frame.compress(large, block_linked=linked, block_size=size, content_checksum=checksums,
                                        block_checksum=checksums, store_size=checksums), 3000)
    case("lz4 empty", "lz4", lz4.frame.compress(b""), 0)
    case("lz4 two frames", "lz4", lz4.frame.compress(small) + lz4.frame.compress(large), 3003)
    case("gzip", "gzip", gzip.compress(large, mtime=0), 3000)
    case("gzip empty", "gzip", gzip.compress(b"", mtime=0), 0)
    case("gzip two members", "gzip", gzip.compress(small, mtime=0) + gzip.compress(large, mtime=0), 3003)
    one_shot = zstandard.ZstdCompressor(level=3)
    no_size = zstandard.ZstdCompressor(level=3, write_content_size=False, write_checksum=True)
    case("zstd", "zstd", one_shot.compress(large), 3000)
    case("zstd without content size, with checksum", "zstd", no_size.compress(large), 3000)
    case("zstd empty", "zstd", one_shot.compress(b""), 0)
    case("zstd three frames", "zstd", one_shot.compress(small) + no_size.compress(large) + one_shot.compress(small),
         3006)
    case("zstd skippable frame", "zstd", b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip" + one_shot.compress(small), 3)
    stream = zstandard.ZstdCompressor(level=22).compressobj()
    case("zstd streamed at level 22", "zstd", stream.compress(large) + stream.flush(), 3000)
    (HERE / "codecs.json").write_text(json.dumps(cases, indent=1))


if __name__ == "__main__":
    batches()
    codecs()
