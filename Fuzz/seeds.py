"""Writes what the fuzzers start from into CORPUS/<fuzzer>: frames and batches that real clients sent, from the fixtures of
the unit tests, and one bare request of every API and version.

    python3 seeds.py CORPUS
"""

import hashlib
import pathlib
import re
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1] / "Tests"
RECORDS_AT = 61
API_KEYS, VERSIONS = range(76), range(17)


def write(directory, data):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / hashlib.sha1(data).hexdigest()).write_bytes(data)


def captured_frames():
    source = (TESTS / "KafkaProtocolTests/CapturedFrames.swift").read_text()
    frames = re.findall(r'bytes\(\s*"""(.*?)"""', source, re.DOTALL)
    assert frames, "CapturedFrames.swift looks different now"
    return [bytes.fromhex("".join(frame.split())) for frame in frames]


def bare_requests():
    """Zeros read as empty arrays and strings in plain versions, and as null or empty in flexible ones; ones as arrays
    that have an element."""
    for api in API_KEYS:
        for version in VERSIONS:
            header = api.to_bytes(2, "big") + version.to_bytes(2, "big") + bytes(6)
            yield header + bytes(48)
            yield header + b"\0" + b"\2\1" * 24


def batches():
    found = sorted((TESTS / "KafkaRecordsTests/Fixtures").glob("*.batch"))
    assert found, "no captured batches"
    return [path.read_bytes() for path in found]


def sequences():
    """Two producers that write, retry and begin a new epoch, as FuzzSequences.swift reads it."""
    def batch(producer, epoch, sequence, count):
        return bytes([producer, epoch]) + sequence.to_bytes(4, "big") + bytes([count - 1, 7])
    return (batch(0, 0, 0, 3) + batch(0, 0, 3, 1) + batch(0, 0, 3, 1) + batch(1, 0, 0, 9) + batch(0, 1, 0, 2)
            + batch(0, 0, 4, 1) + batch(4, 0, 8, 20))


def group_inputs():
    """One of each kind that FuzzGroups.swift tells apart by its first byte, in the formats of GroupRecords.swift,
    PartitionSnapshot.swift and Kafka's consumer protocol."""
    def string(text):
        return struct.pack(">h", len(text)) + text

    def blob(data):
        return struct.pack(">i", len(data)) + data

    topics = struct.pack(">i", 2) + string(b"a") + string(b"b")
    owned = struct.pack(">i", 1) + string(b"a") + struct.pack(">iii", 2, 0, 1)
    subscription = topics + blob(b"user") + owned + struct.pack(">i", 4) + string(b"rack")
    for version in range(4):
        yield b"\0" + struct.pack(">h", version) + subscription
        yield b"\1" + struct.pack(">h", version) + owned + blob(b"user")
    offset_key = struct.pack(">h", 1) + string(b"group") + string(b"topic") + struct.pack(">i", 3)
    group_key = struct.pack(">h", 2) + string(b"group")
    offset = struct.pack(">hqi", 3, 42, 5) + string(b"note") + struct.pack(">q", 1_699_999_999_000)
    expiring = struct.pack(">hq", 1, 42) + string(b"") + struct.pack(">qq", 1_699_999_999_000, 1_700_000_000_000)
    subscribed = struct.pack(">h", 1) + topics + blob(b"") + owned
    member = (string(b"id") + string(b"instance") + string(b"client") + string(b"/127.0.0.1")
              + struct.pack(">ii", 60_000, 10_000) + blob(subscribed) + blob(b"assigned"))
    other = (string(b"other") + struct.pack(">h", -1) + string(b"client") + string(b"/127.0.0.1")
             + struct.pack(">ii", 60_000, 10_000) + blob(subscribed) + blob(b""))
    head = struct.pack(">h", 3) + string(b"consumer") + struct.pack(">i", 7)
    stable = (head + string(b"range") + string(b"id") + struct.pack(">qi", 1_699_999_999_000, 2) + member + other)
    empty = head + struct.pack(">hhqi", -1, -1, 1_699_999_999_000, 0)
    yield from (b"\2" + offset_key, b"\2" + group_key, b"\3" + offset, b"\3" + expiring, b"\4" + stable, b"\4" + empty)
    producer = struct.pack("<qhqB", 9, 1, 1_699_999_999_000, 1) + struct.pack("<iiqqq", 0, 4, 10, 14, 1_699_999_999_000)
    epochs = struct.pack("<iqiq", 0, 0, 3, 8)
    yield b"\5" + b"CHRPSNP1" + struct.pack("<IIIqq", 0, 2, 1, 15, 2) + epochs + producer

    def record(key, value):
        padded = b"" if value is None else value + bytes(-len(value) % 4)
        return bytes([len(key), 255 if value is None else len(padded) // 4]) + key + padded
    yield b"\6" + record(offset_key, offset) + record(group_key, stable) + record(offset_key, None)
    yield b"\6" + record(group_key, stable) + record(group_key, empty) + record(offset_key, expiring)


def main(corpus):
    for frame in [*captured_frames(), *bare_requests()]:
        write(corpus / "FuzzRequests", frame)
    for batch in batches():
        write(corpus / "FuzzBatches", batch)
        for rules in range(0, 32, 2):
            write(corpus / "FuzzAppends", bytes([rules]) + batch)
        codec = batch[22] & 7
        write(corpus / "FuzzCodecs", bytes([codec]) + batch[RECORDS_AT:])
    write(corpus / "FuzzAppends", b"\1" + sequences())
    for seed in group_inputs():
        write(corpus / "FuzzGroups", seed)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
