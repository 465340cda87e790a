"""A one-partition Kafka broker that remembers the record bytes of every Produce request and stores nothing.

It speaks just enough of the protocol, in the oldest layouts the clients accept, to make them send. It is written
against the protocol specification and shares no code with the broker under test.
"""
import socket
import struct
import threading

PRODUCER_ID, PRODUCER_EPOCH = 4711, 3
# api key: (lowest, highest version offered)
VERSIONS = {0: (3, 7), 1: (4, 11), 2: (1, 2), 3: (1, 4), 8: (2, 3), 9: (1, 3), 10: (0, 2), 11: (0, 3), 12: (0, 2),
            13: (0, 2), 14: (0, 2), 18: (0, 0), 22: (0, 1), 24: (0, 0), 25: (0, 0), 26: (0, 1), 28: (0, 1)}


def text(value):
    if value is None:
        return struct.pack(">h", -1)
    data = value.encode()
    return struct.pack(">h", len(data)) + data


class Reader:
    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, count):
        part = self.data[self.position:self.position + count]
        assert len(part) == count
        self.position += count
        return part

    def number(self, layout):
        return struct.unpack(">" + layout, self.take(struct.calcsize(">" + layout)))[0]

    def text(self):
        length = self.number("h")
        return None if length < 0 else self.take(length).decode()


class FakeBroker:
    def __init__(self):
        self.captured = []  # record bytes per Produce request and partition
        self.lock = threading.Lock()
        self.next_offset = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        stream = connection.makefile("rb")
        while True:
            prefix = stream.read(4)
            if len(prefix) < 4:
                return
            request = Reader(stream.read(struct.unpack(">i", prefix)[0]))
            key, version, correlation = request.number("h"), request.number("h"), request.number("i")
            request.text()  # client id
            body = self.answer(key, version, request)
            if body is not None:
                try:
                    connection.sendall(struct.pack(">ii", len(body) + 4, correlation) + body)
                except OSError:
                    return

    def answer(self, key, version, request):
        low, high = VERSIONS[key]
        if key == 18:
            body = struct.pack(">hi", 0 if version == 0 else 35, len(VERSIONS))
            return body + b"".join(struct.pack(">hhh", k, *v) for k, v in sorted(VERSIONS.items()))
        assert low <= version <= high, (key, version)
        return {0: self.produce, 3: self.metadata, 10: self.coordinator, 22: self.init_producer_id,
                24: self.add_partitions, 26: self.end_transaction}[key](version, request)

    def metadata(self, version, request):
        count = request.number("i")
        topics = [request.text() for _ in range(max(count, 0))]
        body = struct.pack(">i", 0) if version >= 3 else b""
        body += struct.pack(">ii", 1, 1) + text("127.0.0.1") + struct.pack(">i", self.port) + text(None)
        if version >= 2:
            body += text("fixture-cluster")
        body += struct.pack(">ii", 1, len(topics))
        for topic in topics:
            body += struct.pack(">h", 0) + text(topic) + struct.pack(">?i", False, 1)
            body += struct.pack(">hii", 0, 0, 1) + struct.pack(">ii", 1, 1) + struct.pack(">ii", 1, 1)
        return body

    def coordinator(self, version, request):
        body = struct.pack(">i", 0) if version >= 1 else b""
        body += struct.pack(">h", 0) + (text(None) if version >= 1 else b"")
        return body + struct.pack(">i", 1) + text("127.0.0.1") + struct.pack(">i", self.port)

    def init_producer_id(self, version, request):
        return struct.pack(">ihqh", 0, 0, PRODUCER_ID, PRODUCER_EPOCH)

    def add_partitions(self, version, request):
        request.text(), request.number("q"), request.number("h")
        body = b""
        topics = request.number("i")
        for _ in range(topics):
            body += text(request.text())
            partitions = [request.number("i") for _ in range(request.number("i"))]
            body += struct.pack(">i", len(partitions)) + b"".join(struct.pack(">ih", p, 0) for p in partitions)
        return struct.pack(">ii", 0, topics) + body

    def end_transaction(self, version, request):
        return struct.pack(">ih", 0, 0)

    def produce(self, version, request):
        request.text()  # transactional id
        acks, _ = request.number("h"), request.number("i")
        body = b""
        topics = request.number("i")
        for _ in range(topics):
            name, partitions = request.text(), request.number("i")
            body += text(name) + struct.pack(">i", partitions)
            for _ in range(partitions):
                index = request.number("i")
                records = request.take(request.number("i"))
                with self.lock:
                    self.captured.append(records)
                    base = self.next_offset
                    self.next_offset += struct.unpack_from(">i", records, 23)[0] + 1
                body += struct.pack(">ihqq", index, 0, base, -1) + (struct.pack(">q", 0) if version >= 5 else b"")
        return None if acks == 0 else struct.pack(">i", topics) + body + struct.pack(">i", 0)
