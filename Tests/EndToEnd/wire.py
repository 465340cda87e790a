"""Just enough of the Kafka protocol to say wrong things on purpose.

The clients under test never send a broken frame, so these tests write their own bytes. Only plain (non-flexible)
versions are used: every broker speaks them, and a hex dump of one can be read by eye.
"""

import socket
import struct
import time

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS = 0, 1, 2, 3, 18
CORRUPT_MESSAGE = 2
UNSUPPORTED_VERSION = 35

_TABLE = []
for _i in range(256):
    _c = _i
    for _ in range(8):
        _c = (_c >> 1) ^ (0x82F63B78 if _c & 1 else 0)
    _TABLE.append(_c)


def crc32c(data, crc=0):
    """CRC-32C, one byte at a time: slow, short and independent of every client library."""
    crc ^= 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283  # the check value of the CRC catalogue


def varint(value):
    value = (value << 1) ^ (value >> 63)
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def record(delta, value, key=None):
    body = b"\0" + varint(0) + varint(delta)
    body += varint(-1) if key is None else varint(len(key)) + key
    body += varint(-1) if value is None else varint(len(value)) + value
    body += varint(0)
    return varint(len(body)) + body


def batch(values, *, magic=2, attributes=0, count=None, last_delta=None, crc=None, length=None, base_offset=0,
          timestamp=None, producer_id=-1, producer_epoch=-1, base_sequence=-1, records=None):
    """A RecordBatch v2 of `values`. Every field that a liar would touch can be given; the CRC is right unless given.
    `records` takes the place of the encoded values."""
    timestamp = int(time.time() * 1000) if timestamp is None else timestamp
    count = len(values) if count is None else count
    last_delta = len(values) - 1 if last_delta is None else last_delta
    tail = struct.pack(">hiqqqhii", attributes, last_delta, timestamp, timestamp, producer_id, producer_epoch,
                       base_sequence, count)
    tail += b"".join(record(i, v) for i, v in enumerate(values)) if records is None else records
    crc = crc32c(tail) if crc is None else crc
    body = struct.pack(">ibI", -1, magic, crc) + tail
    length = len(body) if length is None else length
    return struct.pack(">qi", base_offset, length) + body


def message_set(values, magic):
    """The record formats of Kafka 0.8 (magic 0) and 0.10 (magic 1)."""
    import zlib
    out = b""
    for offset, value in enumerate(values):
        body = struct.pack(">bb", magic, 0)
        if magic == 1:
            body += struct.pack(">q", int(time.time() * 1000))
        body += struct.pack(">i", -1) + struct.pack(">i", len(value)) + value
        message = struct.pack(">I", zlib.crc32(body)) + body
        out += struct.pack(">qi", offset, len(message)) + message
    return out


def string(text):
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def header(api, version, correlation, client="e2e"):
    return struct.pack(">hhi", api, version, correlation) + string(client)


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


def api_versions_request(correlation, version=0):
    return frame(header(API_VERSIONS, version, correlation))


def metadata_request(correlation, topic):
    return frame(header(METADATA, 1, correlation) + struct.pack(">i", 1) + string(topic))


def produce_request(correlation, topic, partition, records, acks=-1, version=7, timeout_ms=10000):
    body = struct.pack(">h", -1) + struct.pack(">hi", acks, timeout_ms)
    body += struct.pack(">i", 1) + string(topic) + struct.pack(">i", 1) + struct.pack(">i", partition)
    body += struct.pack(">i", -1) if records is None else struct.pack(">i", len(records)) + records
    return frame(header(PRODUCE, version, correlation) + body)


def fetch_request(correlation, topic, partition, offset, *, max_wait_ms=0, min_bytes=1, max_bytes=1 << 20,
                  partition_max_bytes=1 << 20, version=4):
    """Version 4, or 10, from which on consumers understand zstd; without a session."""
    body = struct.pack(">iiiib", -1, max_wait_ms, min_bytes, max_bytes, 0)
    body += struct.pack(">ii", 0, -1) if version >= 7 else b""
    body += struct.pack(">i", 1) + string(topic) + struct.pack(">i", 1) + struct.pack(">i", partition)
    body += struct.pack(">i", -1) if version >= 9 else b""
    body += struct.pack(">q", offset) + (struct.pack(">q", -1) if version >= 5 else b"")
    body += struct.pack(">i", partition_max_bytes) + (struct.pack(">i", 0) if version >= 7 else b"")
    return frame(header(FETCH, version, correlation) + body)


def list_offsets_request(correlation, topic, partition, timestamp):
    body = struct.pack(">i", -1) + struct.pack(">i", 1) + string(topic) + struct.pack(">iiq", 1, partition, timestamp)
    return frame(header(LIST_OFFSETS, 1, correlation) + body)


class Closed(Exception):
    """The broker closed the connection."""


class Wire:
    """One raw connection. Every wait has a deadline, so a broker that hangs fails the test instead of the run. It is below
    the 30 s after which the broker gives up a request that has stalled: what has to be closed at once is not closed so."""

    def __init__(self, address, timeout=25):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.next_correlation = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def correlation(self):
        self.next_correlation += 1
        return self.next_correlation

    def send(self, data):
        self.socket.sendall(data)

    def _exactly(self, count):
        data = bytearray()
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except ConnectionResetError:
                more = b""
            if not more:
                raise Closed(f"closed after {len(data)} of {count} bytes")
            data += more
        return bytes(data)

    def receive(self):
        """The next response: (correlation id, body)."""
        size = struct.unpack(">i", self._exactly(4))[0]
        payload = self._exactly(size)
        return struct.unpack(">i", payload[:4])[0], payload[4:]

    def expect_close(self, timeout=25):
        """Everything the broker still says before it closes; fails when it keeps the connection."""
        self.socket.settimeout(timeout)
        seen = bytearray()
        try:
            while chunk := self.socket.recv(65536):
                seen += chunk
        except ConnectionResetError:
            pass
        except socket.timeout:
            raise AssertionError("the broker kept a connection that sent nonsense") from None
        return bytes(seen)

    def expect_silence(self, seconds):
        patience = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1)
        except socket.timeout:
            return
        finally:
            self.socket.settimeout(patience)
        raise AssertionError(f"expected no answer, got {data!r}" if data else "expected silence, got a close")

    def call(self, request):
        self.send(request)
        return self.receive()

    # -- the few conversations that several tests hold

    def api_versions(self):
        """{api key: (min, max)}, asked with version 0."""
        _, body = self.call(api_versions_request(self.correlation()))
        return parse_api_versions(body)[1]

    def make_topic(self, topic):
        """Creates by asking for metadata, and waits until the partition has a leader."""
        deadline = time.monotonic() + 60
        while True:
            _, body = self.call(metadata_request(self.correlation(), topic))
            if topic_error(body) == 0:
                return
            assert time.monotonic() < deadline, "the topic was not created in 60 s"
            time.sleep(0.02)  # what real clients do between two Metadata requests; nothing announces a leader

    def produce(self, topic, partition, records, acks=-1, version=7):
        """(error code, base offset) of the one partition."""
        correlation, body = self.call(produce_request(self.correlation(), topic, partition, records, acks, version))
        assert correlation == self.next_correlation
        return parse_produce(body)

    def latest(self, topic, partition):
        _, body = self.call(list_offsets_request(self.correlation(), topic, partition, -1))
        at = 4 + 2 + len(topic) + 4 + 4
        error, _, offset = struct.unpack(">hqq", body[at:at + 18])
        assert error == 0, f"ListOffsets answered {error}"
        return offset

    def fetch(self, topic, partition, offset, **options):
        """(error code, high watermark, record bytes) of the one partition."""
        _, body = self.call(fetch_request(self.correlation(), topic, partition, offset, **options))
        return parse_fetch(body, topic, options.get("version", 4))


def parse_api_versions(body):
    error, count = struct.unpack(">hi", body[:6])
    ranges = {}
    for i in range(max(count, 0)):
        key, low, high = struct.unpack(">hhh", body[6 + 6 * i:12 + 6 * i])
        ranges[key] = (low, high)
    return error, ranges


def topic_error(metadata_v1_body):
    at = 0
    brokers, = struct.unpack_from(">i", metadata_v1_body, at)
    at += 4
    for _ in range(brokers):
        at += 4
        at += 2 + struct.unpack_from(">h", metadata_v1_body, at)[0]
        at += 4
        at += 2 + max(0, struct.unpack_from(">h", metadata_v1_body, at)[0])
    at += 4 + 4
    error, length = struct.unpack_from(">hh", metadata_v1_body, at)
    at += 4 + length + 1
    partitions, = struct.unpack_from(">i", metadata_v1_body, at)
    if error or not partitions:
        return error or -1
    return struct.unpack_from(">h", metadata_v1_body, at + 4)[0]


def parse_produce(body):
    at = 4
    at += 2 + struct.unpack_from(">h", body, at)[0]
    at += 4 + 4
    return struct.unpack_from(">hq", body, at)


def parse_fetch(body, topic, version=4):
    at = 4 + (6 if version >= 7 else 0) + 4 + 2 + len(topic) + 4 + 4
    error, high_watermark, _ = struct.unpack_from(">hqq", body, at)
    at += 26 if version >= 5 else 18
    aborted, = struct.unpack_from(">i", body, at)
    at += 4 + 16 * max(0, aborted)
    size, = struct.unpack_from(">i", body, at)
    return error, high_watermark, body[at + 4:at + 4 + max(0, size)]


def batches(data):
    """(base offset, last offset, whole batch) of each complete batch in fetched bytes."""
    at = 0
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if at + 12 + length > len(data):
            return
        delta, = struct.unpack_from(">i", data, at + 23)
        yield base, base + delta, data[at:at + 12 + length]
        at += 12 + length
