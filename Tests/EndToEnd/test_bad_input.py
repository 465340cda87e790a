"""Whatever arrives on the port, the broker answers or closes, says why, and keeps serving everybody else."""

import random
import re
import struct
import time

import pytest

import broker as harness
import clients
import wire

MIB = 1 << 20


@pytest.fixture(autouse=True)
def still_well(broker, topic):
    """Around every test here: a normal client is served afterwards, and memory did not grow by what was claimed."""
    before = broker.resident_bytes() if hasattr(broker, "resident_bytes") else 0
    yield
    clients.serves(broker.bootstrap, topic + "-well")
    if before:
        grown = broker.resident_bytes() - before
        assert grown < 160 * MIB, f"resident memory grew by {grown // MIB} MiB"


def connect(broker, **options):
    return wire.Wire(broker.bootstrap, **options)


def test_http_on_the_port_is_told_apart_and_closed(broker):
    with connect(broker) as connection:
        connection.send(b"GET /metrics HTTP/1.1\r\nHost: broker\r\nAccept: */*\r\n\r\n")
        connection.expect_close()
    assert_logged(broker, "HTTP")


def test_a_tls_hello_is_told_apart_and_closed(broker):
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(range(193))
    with connect(broker) as connection:
        connection.send(hello)
        connection.expect_close()
    assert_logged(broker, "TLS")


def assert_logged(broker, word):
    if hasattr(broker, "data"):
        deadline = time.monotonic() + 60
        while word not in broker.log():
            assert time.monotonic() < deadline, f"the log names {word}"
            time.sleep(0.02)  # the line travels through a pipe and a thread


@pytest.mark.parametrize("size", [-1, -(1 << 31), (1 << 31) - 1, 100 * MIB + 1, 0, 1, 7])
def test_an_impossible_frame_size_closes_the_connection(broker, size):
    with connect(broker) as connection:
        connection.send(struct.pack(">i", size) + b"\0" * 64)
        connection.expect_close()


def test_a_hundred_claims_of_huge_frames_reserve_nothing(broker):
    open_connections = [connect(broker) for _ in range(100)]
    try:
        for connection in open_connections:
            connection.send(struct.pack(">i", 100 * MIB) + wire.header(wire.PRODUCE, 7, 1))
        clients.serves(broker.bootstrap, "while-others-claim")
        if hasattr(broker, "resident_bytes"):
            assert broker.resident_bytes() < 500 * MIB, "100 claims of 100 MiB must not become memory"
    finally:
        for connection in open_connections:
            connection.socket.close()


@pytest.mark.parametrize("payload", [
    b"", b"\0", b"\0\x12", b"\0\x12\0\0", b"\0\x12\0\0\0\0\0",               # the header ends early
    b"\0\x12\0\0\0\0\0\x01\x7f\xff",                                          # a client id longer than the frame
    b"\0\x12\0\0\0\0\0\x01\xff\xfe",                                          # a client id of length -2
    wire.header(wire.METADATA, 1, 1) + struct.pack(">i", 0x7FFFFFFF),         # an array longer than the frame
    wire.header(wire.METADATA, 1, 1) + struct.pack(">i", -7),
    wire.header(wire.METADATA, 1, 1) + struct.pack(">ih", 1, 0x7FFF) + b"abc",
    wire.header(wire.PRODUCE, 7, 1) + b"\xff",
    wire.header(wire.FETCH, 4, 1) + b"\0" * 9,
], ids=range(12))
def test_truncated_and_lying_requests_are_refused(broker, payload):
    with connect(broker) as connection:
        connection.send(wire.frame(payload))
        connection.expect_close()


def refused(broker, request, correlation):
    """Kafka closes the connection; an answer with the request's id and UNSUPPORTED_VERSION in front is as clear."""
    with connect(broker) as connection:
        connection.send(request)
        try:
            answered, body = connection.receive()
        except wire.Closed:
            return
        assert (answered, body[:2]) == (correlation, struct.pack(">h", wire.UNSUPPORTED_VERSION)), body


@pytest.mark.parametrize("api", [9999, -1, 4, 5, 32767])
def test_an_unknown_api_is_refused(broker, api):
    refused(broker, wire.frame(wire.header(api, 0, 77)), 77)


def test_api_versions_of_the_future_is_answered_in_the_oldest_layout(broker):
    with connect(broker) as connection:
        request = wire.header(wire.API_VERSIONS, 99, 4711) + b"\0\x04abc\x041.0\0"
        correlation, body = connection.call(wire.frame(request))
        error, ranges = wire.parse_api_versions(body)
        assert (correlation, error) == (4711, wire.UNSUPPORTED_VERSION)
        assert wire.API_VERSIONS in ranges
        assert len(body) == 6 + 6 * len(ranges), "exactly the v0 layout"
        assert connection.api_versions() == ranges, "and the connection goes on"


def test_only_what_is_honoured_is_advertised(broker):
    with connect(broker) as connection:
        ranges = connection.api_versions()
    for api in (wire.PRODUCE, wire.FETCH, wire.LIST_OFFSETS, wire.METADATA, wire.API_VERSIONS, 19, 20):
        low, high = ranges[api]
        assert 0 <= low <= high
    for api, (low, high) in ranges.items():
        if api != wire.API_VERSIONS:
            refused(broker, wire.frame(wire.header(api, high + 1, 5) + b"\0" * 40), 5)
            if low:
                refused(broker, wire.frame(wire.header(api, low - 1, 6) + b"\0" * 40), 6)


def test_produce_versions_before_record_batches_are_refused(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    for version in (0, 1, 2):
        request = wire.produce_request(9, topic, 0, wire.message_set([b"old"], 1), version=version)
        header = 4 + len(wire.header(wire.PRODUCE, version, 9))
        refused(broker, wire.frame(request[4:header] + request[header + 2:]), 9)  # without the transactional id
    with connect(broker) as connection:
        assert connection.latest(topic, 0) == 0


def test_every_flipped_bit_of_a_batch_is_noticed(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    good = wire.batch([b"some", b"honest", b"records"])
    with connect(broker) as connection:
        for at in range(17, len(good)):
            for bit in (0, 7):
                bad = bytearray(good)
                bad[at] ^= 1 << bit
                error, _ = connection.produce(topic, 0, bytes(bad))
                assert error == wire.CORRUPT_MESSAGE, f"bit {bit} of byte {at}: error {error}"
        assert connection.latest(topic, 0) == 0, "nothing was stored"
        assert connection.produce(topic, 0, good) == (0, 0), "the same batch unharmed is taken"


@pytest.mark.parametrize("magic", [0, 1])
def test_older_record_formats_get_a_clear_error(broker, topic, magic):
    clients.create_topic(broker.bootstrap, topic)
    with connect(broker) as connection:
        error, _ = connection.produce(topic, 0, wire.message_set([b"old", b"style"], magic))
        # UNSUPPORTED_FOR_MESSAGE_FORMAT, INVALID_RECORD or CORRUPT_MESSAGE: but an error, and one per partition
        assert error in (43, 87, 2, 76)
        assert connection.latest(topic, 0) == 0


GOOD = wire.batch([b"a", b"b", b"c"], timestamp=1_700_000_000_000)
LIES = {
    "length-too-small": wire.batch([b"a"], length=10),
    "length-too-large": wire.batch([b"a"], length=10_000),
    "length-negative": wire.batch([b"a"], length=-1),
    "length-huge": wire.batch([b"a"], length=(1 << 31) - 1),
    "length-zero": wire.batch([b"a"], length=0),
    "cut-in-the-header": GOOD[:40],
    "cut-in-the-records": GOOD[:-3],
    "trailing-garbage": GOOD + b"\0\0\0garbage",
    "magic-3": wire.batch([b"a"], magic=3),
    "magic-negative": wire.batch([b"a"], magic=-1),
    "count-too-large": wire.batch([b"a"], count=5),
    "count-zero": wire.batch([b"a"], count=0),
    "count-negative": wire.batch([b"a"], count=-1),
    "count-huge": wire.batch([b"a"], count=(1 << 31) - 1, last_delta=(1 << 31) - 2),
    "last-delta-lies": wire.batch([b"a", b"b"], last_delta=7),
    "last-delta-negative": wire.batch([b"a", b"b"], last_delta=-1),
    "unknown-codec": wire.batch([b"a"], attributes=7),
    "control-batch-from-a-client": wire.batch([b"a"], attributes=0x20),
    "second-batch-is-broken": GOOD + wire.batch([b"z"], crc=1),
    "noise": bytes(range(256)),
}


@pytest.mark.parametrize("name", LIES)
def test_a_batch_that_lies_is_refused_whole(broker, topic, name):
    clients.create_topic(broker.bootstrap, topic)
    with connect(broker) as connection:
        error, _ = connection.produce(topic, 0, LIES[name])
        assert error in (wire.CORRUPT_MESSAGE, 87, 10, 43, 76, 42), f"error {error}"
        assert connection.latest(topic, 0) == 0, "nothing was stored"
        assert connection.produce(topic, 0, GOOD) == (0, 0), "the connection goes on"


def test_one_bad_partition_leaves_its_neighbour_alone(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 2)
    bad, good = wire.batch([b"a"], crc=7), wire.batch([b"b"])
    with connect(broker) as connection:
        body = struct.pack(">hhi", -1, -1, 10_000) + struct.pack(">i", 1) + wire.string(topic) + struct.pack(">i", 2)
        for partition, records in ((0, bad), (1, good)):
            body += struct.pack(">ii", partition, len(records)) + records
        _, answer = connection.call(wire.frame(wire.header(wire.PRODUCE, 7, 3) + body))
        at = 4 + 2 + len(topic) + 4
        errors = {}
        for i in range(2):
            partition, error, _ = struct.unpack(">ihq", answer[at + 30 * i:at + 30 * i + 14])
            errors[partition] = error
        assert errors == {0: wire.CORRUPT_MESSAGE, 1: 0}
        assert (connection.latest(topic, 0), connection.latest(topic, 1)) == (0, 1)


def test_half_frames_that_end_leave_nothing_behind(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    whole = wire.produce_request(1, topic, 0, wire.batch([b"x" * 1_000]))
    before = broker.descriptors() if hasattr(broker, "descriptors") else None
    for cut in (1, 3, 4, 5, 12, 40, 100, len(whole) - 1):
        for _ in range(10):
            connection = connect(broker)
            connection.send(whole[:cut])
            connection.socket.close()
    with connect(broker) as connection:
        assert connection.latest(topic, 0) == 0, "a half request is no request"
    if before is not None:
        deadline = time.monotonic() + 60
        while broker.descriptors() > before + 5:
            assert time.monotonic() < deadline, "descriptors of ended connections are closed"
            time.sleep(0.05)


def test_a_request_byte_by_byte_is_served_like_any_other(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    with connect(broker) as connection:
        request = wire.produce_request(5, topic, 0, wire.batch([b"slow"]))
        for at in range(len(request)):
            connection.send(request[at:at + 1])
        correlation, body = connection.receive()
        assert correlation == 5 and wire.parse_produce(body) == (0, 0)


def test_a_client_that_never_reads_its_answers_does_not_grow_the_broker(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    with connect(broker) as writer:
        for _ in range(8):
            writer.produce(topic, 0, wire.batch([b"y" * 900_000]))
    with connect(broker) as connection:
        connection.socket.settimeout(3)
        try:
            for i in range(2_000):
                connection.send(wire.fetch_request(i, topic, 0, 0, max_bytes=50 * MIB, partition_max_bytes=50 * MIB))
        except TimeoutError:
            pass  # the broker stopped reading: that is the wish
        clients.serves(broker.bootstrap, topic + "-meanwhile")
        if hasattr(broker, "resident_bytes"):
            assert broker.resident_bytes() < 600 * MIB


def captured_frames():
    """What real clients sent, by name: the fixtures of the protocol's unit tests."""
    source = (harness.REPOSITORY / "Tests/KafkaProtocolTests/CapturedFrames.swift").read_text()
    found = re.findall(r'static let (\w+) = bytes\(\s*"""(.*?)"""', source, re.DOTALL)
    return {name: bytes.fromhex("".join(text.split())) for name, text in found}


@pytest.mark.parametrize("name", captured_frames())
def test_a_request_cut_short_anywhere_is_closed_or_answered_with_its_id(broker, name):
    whole = captured_frames()[name]
    correlation = struct.unpack(">i", whole[4:8])[0]
    for cut in range(8, len(whole)):
        with connect(broker) as connection:
            connection.send(wire.frame(whole[:cut]))
            try:
                assert connection.receive()[0] == correlation, f"cut after {cut} bytes"
            except wire.Closed:
                pass


@pytest.mark.parametrize("seed, count", [(7, 300), pytest.param(8, 10_000, marks=pytest.mark.slow)])
def test_random_bytes_never_end_the_broker(broker, seed, count):
    chance = random.Random(seed)
    for _ in range(count):
        payload = chance.randbytes(chance.randrange(1, 200))
        api = chance.choice([0, 1, 2, 3, 10, 18, 19, 20, 22, 32, 60])
        with connect(broker) as connection:
            head = wire.header(api, chance.randrange(0, 14), 1)
            try:
                connection.send(wire.frame(head + payload))
                connection.send(wire.api_versions_request(2))
            except OSError:
                pass  # closed already
    if hasattr(broker, "alive"):
        assert broker.alive(), f"seed {seed}"
