"""Writes what the fuzzers start from into CORPUS/<fuzzer>: frames and batches that real clients sent, from the fixtures of
the unit tests, and one bare request of every API and version.

    python3 seeds.py CORPUS
"""

import hashlib
import pathlib
import re
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


def main(corpus):
    for frame in [*captured_frames(), *bare_requests()]:
        write(corpus / "FuzzRequests", frame)
    for batch in batches():
        write(corpus / "FuzzBatches", batch)
        codec = batch[22] & 7
        write(corpus / "FuzzCodecs", bytes([codec]) + batch[RECORDS_AT:])


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
