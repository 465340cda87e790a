"""What was promised about one set of topics, and the comparison with what a broker serves.

Every record describes itself: `writer|topic|partition|number|padding`. Numbers rise per writer and partition, so one look at
a stored record says who wrote it, whether it belongs there and in which order it was sent.
"""

import collections
import gzip
import struct
import threading
import zlib

import wire


class Violation(Exception):
    """The broker broke a promise. The text names the topic, the partition, the offset and both contents."""


def value_of(writer, topic, partition, number, size):
    head = b"%s|%s|%d|%d|" % (writer.encode(), topic.encode(), partition, number)
    pad = b"%08x" % zlib.crc32(head)
    return head + (pad * (max(0, size - len(head)) // 8 + 1))[:max(0, size - len(head))]


def describe(value):
    return "nothing" if value is None else f"{bytes(value[:60])!r}… ({len(value)} bytes)"


def _varint(data, at):
    shift = result = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (result >> 1) ^ -(result & 1), at
        shift += 7


def records(batch):
    """(offset, key, value) of each record of a whole batch, stored plain or with gzip."""
    base, = struct.unpack_from(">q", batch)
    attributes, = struct.unpack_from(">h", batch, 21)
    count, = struct.unpack_from(">i", batch, 57)
    codec = attributes & 7
    if codec not in (0, 1):
        raise Violation(f"a batch at offset {base} has codec {codec}, which no writer used")
    data = batch[61:] if codec == 0 else gzip.decompress(batch[61:])
    at, out = 0, []
    for _ in range(count):
        length, at = _varint(data, at)
        end = at + length
        _, at = _varint(data, at + 1)
        delta, at = _varint(data, at)
        key = value = None
        size, at = _varint(data, at)
        if size >= 0:
            key, at = data[at:at + size], at + size
        size, at = _varint(data, at)
        if size >= 0:
            value = data[at:at + size]
        out.append((base + delta, key, value))
        at = end
    return out


class Partition:
    """Everything known about one partition. Values are kept as hashes: 8 bytes of memory instead of kilobytes."""

    def __init__(self):
        self.promised = {}  # offset -> hash of the value: acknowledged, not yet looked for
        self.consumed = {}  # offset -> hash of the value: a consumer saw it, not yet looked for
        self.fetched = {}   # base offset -> (last offset, hash of the batch): a raw fetch saw it
        self.batches = {}   # the same for what the last check read
        self.values = {}    # offset -> hash of the value, for everything in `batches`
        self.last = {}      # writer -> the last number stored
        self.end = 0
        self.high_watermark = 0


class Ledger:
    """Promises of writers and sights of consumers; all methods are thread-safe but `check`."""

    def __init__(self):
        self.lock = threading.Lock()
        self.partitions = collections.defaultdict(Partition)
        self.found = []  # violations that other threads came across
        self.acknowledged = self.consumed = 0

    def report(self, text):
        with self.lock:
            self.found.append(text)

    def acknowledge(self, topic, partition, offset, value):
        digest = hash(value)
        with self.lock:
            entry = self.partitions[topic, partition]
            self.acknowledged += 1
            other = entry.promised.get(offset, entry.values.get(offset))
            if offset < 0:
                self.found.append(f"{topic}-{partition}: {describe(value)} was acknowledged at offset {offset}")
            elif other is not None and other != digest:
                self.found.append(f"{topic}-{partition}: offset {offset} was acknowledged for {describe(value)}, and before "
                                  "that it held another record")
            elif other is not None and offset in entry.promised:
                self.found.append(f"{topic}-{partition}: offset {offset} was acknowledged twice for {describe(value)}")
            entry.promised[offset] = digest

    def see(self, topic, partition, offset, value):
        digest = hash(value)
        with self.lock:
            entry = self.partitions[topic, partition]
            self.consumed += 1
            other = entry.consumed.get(offset, entry.values.get(offset))
            if other is not None and other != digest:
                self.found.append(f"{topic}-{partition}: a consumer got {describe(value)} at offset {offset}, and before "
                                  "that something else was read there")
            entry.consumed[offset] = digest

    def see_batch(self, topic, partition, base, last, batch):
        mark = (last, hash(batch))
        with self.lock:
            entry = self.partitions[topic, partition]
            other = entry.fetched.get(base, entry.batches.get(base))
            if other is not None and other != mark:
                self.found.append(f"{topic}-{partition}: the batch fetched at offset {base} is not the one fetched before")
            entry.fetched[base] = mark

    def see_high_watermark(self, topic, partition, offset):
        with self.lock:
            entry = self.partitions[topic, partition]
            entry.high_watermark = max(entry.high_watermark, offset)

    # MARK: the comparison

    def check(self, address, topics, exactly_once=()):
        """Reads every partition to its end and compares. Nothing may be written meanwhile. Returns records in the log."""
        if self.found:
            raise Violation("\n".join(self.found[:20]))
        total = 0
        with wire.Wire(address, timeout=90) as connection:
            for topic, count in topics.items():
                for partition in range(count):
                    total += self._check(connection, topic, partition, topic in exactly_once)
        if self.found:
            raise Violation("\n".join(self.found[:20]))
        return total

    def _check(self, connection, topic, partition, exactly_once):
        entry = self.partitions[topic, partition]
        name = f"{topic}-{partition}"
        try:
            end = connection.latest(topic, partition)
        except AssertionError as error:
            raise Violation(f"{name}: {error}; the topic was created and acknowledged") from None
        if end < entry.end:
            raise Violation(f"{name}: the log ends at {end}; at the last check it ended at {entry.end}")
        if end < entry.high_watermark:
            raise Violation(f"{name}: the log ends at {end}; a consumer was told a high watermark of {entry.high_watermark}")
        batches = self._read(connection, topic, partition, end, name)
        self._compare_batches(entry, batches, name)
        for base in sorted(set(batches) - set(entry.batches)):
            self._take(entry, topic, partition, batches[base][1], exactly_once, name)
        entry.batches = {base: (last, hash(batch)) for base, (last, batch) in batches.items()}
        entry.end = end
        for what, promised in (("acknowledged", entry.promised), ("seen by a consumer", entry.consumed)):
            wrong = sorted(offset for offset, digest in list(promised.items()) if entry.values.get(offset) != digest)
            if wrong:
                gone = [offset for offset in wrong if offset not in entry.values]
                raise Violation(
                    f"{name}: of {len(promised)} records {what} since the last check {len(gone)} are missing and "
                    f"{len(wrong) - len(gone)} are others; the first is offset {wrong[0]}, the last {wrong[-1]}; the log "
                    f"ends at {end}; at offset {wrong[0]} there is {self._value_at(batches, wrong[0])}")
            promised.clear()
        return end

    @staticmethod
    def _value_at(batches, offset):
        for last, batch in batches.values():
            for found, _, value in records(batch):
                if found == offset:
                    return describe(value)
        return "nothing"

    @staticmethod
    def _read(connection, topic, partition, end, name):
        """{base: (last, bytes)} of the whole log, which must have no hole and end where the broker says."""
        out, at = {}, 0
        while at < end:
            error, high_watermark, data = connection.fetch(topic, partition, at, max_wait_ms=30_000, max_bytes=8 << 20,
                                                           partition_max_bytes=8 << 20)
            if error:
                raise Violation(f"{name}: a fetch at {at} of [0, {end}) was answered with error {error}")
            if high_watermark != end:
                raise Violation(f"{name}: ListOffsets says the log ends at {end}, Fetch says {high_watermark}")
            before = at
            for base, last, batch in wire.batches(data):
                if base != at:
                    raise Violation(f"{name}: after offset {at - 1} comes a batch at {base}")
                if struct.unpack_from(">I", batch, 17)[0] != _checksum(batch):
                    raise Violation(f"{name}: the checksum of the batch at {base} is wrong")
                out[base] = (last, batch)
                at = last + 1
            if at == before:
                raise Violation(f"{name}: a fetch at {at} returned no whole batch although the log ends at {end}")
        if at != end:
            raise Violation(f"{name}: the log should end at {end}, its last record is {at - 1}")
        error, _, data = connection.fetch(topic, partition, end)
        if error or data:
            raise Violation(f"{name}: a fetch at the end {end} was answered with error {error} and {len(data)} bytes")
        error, _, _ = connection.fetch(topic, partition, end + 1)
        if error != 1:
            raise Violation(f"{name}: a fetch behind the end was answered with {error}, not OFFSET_OUT_OF_RANGE")
        return out

    @staticmethod
    def _compare_batches(entry, batches, name):
        for what, known in (("at the last check", entry.batches), ("by a fetch", entry.fetched)):
            for base, mark in known.items():
                now = batches.get(base)
                if now is None or (now[0], hash(now[1])) != mark:
                    raise Violation(f"{name}: the batch [{base}, {mark[0]}] that was read {what} is "
                                    + ("gone" if now is None else f"another one now, [{base}, {now[0]}]"))
        entry.fetched.clear()

    def _take(self, entry, topic, partition, batch, exactly_once, name):
        for offset, _, value in records(batch):
            entry.values[offset] = hash(value)
            fields = bytes(value).split(b"|", 4)
            writer, number = fields[0].decode(), int(fields[3])
            if fields[1].decode() != topic or int(fields[2]) != partition:
                raise Violation(f"{name}: offset {offset} holds {describe(value)}, which was sent to another partition")
            if value != value_of(writer, topic, partition, number, len(value)):
                raise Violation(f"{name}: offset {offset} holds {describe(value)}, which is not what was sent")
            previous = entry.last.get(writer, -1)
            if number <= previous:
                raise Violation(f"{name}: offset {offset} holds number {number} of writer {writer} behind number {previous}")
            if exactly_once and number != previous + 1:
                raise Violation(f"{name}: numbers {previous + 1} to {number - 1} of the idempotent writer {writer} are "
                                f"missing before offset {offset}")
            entry.last[writer] = number


try:
    from google_crc32c import value as _crc32c
except ImportError:
    _crc32c = None


def _checksum(batch):
    """The batch's CRC-32C where a fast one is at hand; else what it says itself: `chronik log verify` checks them all."""
    return _crc32c(bytes(batch[21:])) if _crc32c else struct.unpack_from(">I", batch, 17)[0]
