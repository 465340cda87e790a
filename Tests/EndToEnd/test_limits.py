"""Peers that cost more than they bring: slow, silent, gone, too many, too large. Each meets its limit, others are served,
and memory stays where the configuration says."""

import contextlib
import resource
import socket
import struct
import threading
import time
import zlib

import confluent_kafka
import pytest

import broker as harness
import clients
import wire

MIB = 1 << 20
TCP_REPAIR = 19


def limited(brokers, chain=None, topics=None, open_files=None, **network):
    """A broker of its own with these settings of the `network` section."""
    lines = "".join(f"  {key}: {value}\n" for key, value in network.items())
    text = harness.yaml(chain=chain, topics=topics, extra=f"network:\n{lines}" if lines else "")
    return brokers(text, open_files=open_files)


def connect(broker, **options):
    return wire.Wire(broker.bootstrap, **options)


def until(condition, what, seconds=60):
    """Polls what only the operating system can be asked about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Peak:
    """The largest resident size of a broker while the block runs."""

    def __init__(self, broker):
        self.broker, self.before, self.largest, self.done = broker, broker.resident_bytes(), 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.done.wait(0.02):
            self.largest = max(self.largest, self.broker.resident_bytes())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        print(f"resident: {self.before / MIB:.1f} MiB before, {self.largest / MIB:.1f} MiB at most")

    @property
    def grown(self):
        return max(self.largest, self.broker.resident_bytes()) - self.before


@contextlib.contextmanager
def descriptors_for_us(count):
    """The test holds as many sockets as the broker."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"needs {count} descriptors; the hard limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# -- slow, silent, gone

@pytest.mark.parametrize("part", [b"", struct.pack(">i", 5_000)], ids=["in-the-size", "in-the-header"])
def test_a_request_that_never_ends_is_closed_though_bytes_go_on_arriving(brokers, part):
    broker = limited(brokers, stall_timeout="1s")
    with connect(broker) as slow, connect(broker) as other:
        started = time.monotonic()
        slow.send(part)
        try:
            for byte in (struct.pack(">i", 5_000) * 1_000)[len(part):]:
                assert time.monotonic() - started < 25, "a byte now and then keeps the connection"
                slow.send(bytes([byte]))
                slow.socket.settimeout(0.1)  # the pace of the attack
                try:
                    if not slow.socket.recv(1):
                        break
                except TimeoutError:
                    pass
        except (ConnectionResetError, BrokenPipeError):
            pass
        assert time.monotonic() - started >= 0.9
        assert other.api_versions(), "a connection between requests is not meant"


def test_a_large_request_that_stops_is_closed_and_its_memory_returned(brokers):
    broker = limited(brokers, stall_timeout="1s")
    with connect(broker) as connection:
        connection.send(struct.pack(">i", 50 * MIB) + wire.header(wire.PRODUCE, 7, 1) + bytes(8 * MIB))
        connection.expect_close()


def test_an_idle_connection_is_closed_and_a_waiting_one_is_not(brokers, topic):
    # Long enough for this process to send its request between two turns of a busy machine.
    broker = limited(brokers, idle_timeout="3s")
    clients.create_topic(broker.bootstrap, topic)
    with connect(broker) as idle, connect(broker) as waiting:
        waiting.send(wire.fetch_request(7, topic, 0, 0, max_wait_ms=9_000))
        idle.expect_close()
        correlation, _ = waiting.receive()
        assert correlation == 7, "a long poll is not idle"


def test_a_peer_that_vanished_without_a_word_is_closed(brokers):
    broker = limited(brokers, idle_timeout="5s")
    before = broker.sockets()
    gone = [connect(broker) for _ in range(20)]
    for each in gone:
        assert each.api_versions()
    assert broker.sockets() >= before + 20
    for each in gone:
        try:
            each.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)  # closing says nothing to the other side
        except PermissionError:
            pytest.skip("needs CAP_NET_ADMIN")
        each.socket.close()
    until(lambda: broker.sockets() <= before, "half-open connections are closed")


def test_a_peer_that_stops_sending_is_closed(broker):
    with connect(broker) as connection:
        assert connection.api_versions()
        connection.socket.shutdown(socket.SHUT_WR)
        connection.expect_close()


def test_a_client_that_never_reads_costs_little_and_is_closed(brokers, topic):
    broker = limited(brokers, idle_timeout="3s")
    clients.create_topic(broker.bootstrap, topic)
    with connect(broker) as writer:
        for _ in range(8):
            assert writer.produce(topic, 0, wire.batch([b"y" * 900_000]))[0] == 0
    before = broker.sockets()
    silent = [connect(broker, timeout=1) for _ in range(30)]
    with Peak(broker) as peak:
        for each in silent:
            with contextlib.suppress(TimeoutError, ConnectionError):
                for i in range(100):
                    each.send(wire.fetch_request(i, topic, 0, 0, max_bytes=50 * MIB, partition_max_bytes=50 * MIB))
        clients.serves(broker.bootstrap, topic + "-meanwhile")
        until(lambda: broker.sockets() <= before + 5, "they are closed after the idle timeout")
    assert peak.grown < 200 * MIB, f"grew by {peak.grown // MIB} MiB"
    for each in silent:
        each.socket.close()


# -- too many

def test_five_thousand_idle_connections_are_cheap(brokers):
    count = 5_000
    with descriptors_for_us(count + 200):
        broker = limited(brokers)
        before = broker.resident_bytes()
        connections = []
        try:
            for _ in range(count):
                connections.append(connect(broker))
                connections[-1].send(wire.api_versions_request(1))
            for each in connections:
                each.receive()
            grown = broker.resident_bytes() - before
            print(f"{grown / count / 1024:.1f} KiB per idle connection")
            assert grown < count * 40 * 1024, f"{count} idle connections take {grown // MIB} MiB"
            clients.serves(broker.bootstrap, "among-five-thousand")
        finally:
            for each in connections:
                each.socket.close()
        until(lambda: broker.sockets() < 10, "all are closed")


def test_connections_beyond_the_limit_are_refused_and_the_others_go_on(brokers):
    broker = limited(brokers, max_connections=20)
    admitted = [connect(broker) for _ in range(20)]
    for each in admitted:
        assert each.api_versions()
    for _ in range(50):
        with connect(broker) as refused:
            refused.expect_close()
    for each in admitted:
        assert each.api_versions(), "those that were there are served"
    until(lambda: "max_connections" in broker.log(), "that it refuses is said")
    assert broker.log().count("max_connections") == 1, "refusing is said once, not each time"
    admitted.pop().socket.close()

    def served():
        with connect(broker) as next_one, contextlib.suppress(wire.Closed, OSError):
            return bool(next_one.api_versions())
    until(served, "a place that became free is given out again")
    for each in admitted:
        each.socket.close()


def test_the_limit_of_open_files_is_raised_and_too_many_connections_are_explained(brokers):
    broker = limited(brokers, open_files=(128, 512), max_connections=1_000)
    assert "open file limit" in broker.log() and "open_file_limit=512" in broker.log()
    connections = [connect(broker) for _ in range(200)]  # more than the soft limit
    for each in connections:
        assert each.api_versions()
    more = [connect(broker) for _ in range(300)]
    clients_left = 0
    for each in more:
        with contextlib.suppress(wire.Closed, OSError):
            clients_left += bool(each.api_versions())
    assert 0 < clients_left < 200, "connections leave descriptors to the log"
    with connections[0] as one:
        one.make_topic("still-opens-files")
        assert one.produce("still-opens-files", 0, wire.batch([b"x"]))[0] == 0
    for each in connections + more:
        each.socket.close()


def test_running_out_of_descriptors_neither_ends_nor_spins_the_listener(brokers, topic):
    broker = limited(brokers)
    with connect(broker) as there_before:
        there_before.make_topic(topic)
        assert there_before.produce(topic, 0, wire.batch([b"x"]))[0] == 0  # its files are open
        now = broker.descriptors()
        resource.prlimit(broker.process.pid, resource.RLIMIT_NOFILE, (now + 5, now + 5))
        waiting = [connect(broker) for _ in range(40)]  # the kernel accepts what the broker cannot
        cpu = broker.cpu_seconds()
        started = time.monotonic()
        while time.monotonic() - started < 3:
            assert there_before.produce(topic, 0, wire.batch([b"x"]))[0] == 0
            there_before.socket.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                there_before.socket.recv(1)  # nothing comes: a pause that notices a close
            there_before.socket.settimeout(25)
        share = (broker.cpu_seconds() - cpu) / (time.monotonic() - started)
        assert share < 0.5, "half of one processor at most: the listener does not spin"
        for each in waiting:
            each.socket.close()
        until(lambda: broker.descriptors() <= now, "all are closed")
        with connect(broker) as later:
            assert later.api_versions(), "and accepts again"


def test_a_consumer_of_more_partitions_than_descriptors_gets_everything(brokers, topic):
    partitions = 300
    broker = limited(brokers, chain=["LocalSegments"], open_files=(256, 256))
    clients.create_topic(broker.bootstrap, topic, partitions)
    with connect(broker) as wire_client:
        for partition in range(partitions):
            assert wire_client.produce(topic, partition, wire.batch([b"p%d" % partition]))[0] == 0
    consumer = confluent_kafka.Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "g"})
    consumer.assign([confluent_kafka.TopicPartition(topic, number, 0) for number in range(partitions)])
    found, deadline = {}, time.monotonic() + 60
    while len(found) < partitions and time.monotonic() < deadline:
        for message in consumer.consume(partitions, 0.5):
            if not message.error():
                found[message.partition()] = message.value()
    consumer.close()
    assert found == {number: b"p%d" % number for number in range(partitions)}


# -- too large

def big_frame(correlation, topic, byte_count):
    return wire.produce_request(correlation, topic, 0, bytes(byte_count))  # refused as corrupt, after it was read


@pytest.mark.parametrize("connections", [60])
def test_big_requests_of_many_connections_share_the_budget_and_all_are_answered(brokers, topic, connections):
    """Every frame is begun and held before any of them ends: twenty times the budget."""
    budget, size = 16 * MIB, 6 * MIB
    broker = limited(brokers, chain=["LocalSegments"], topics={"max.message.bytes": "1MiB"},
                     max_request_bytes="8MiB", max_inflight_bytes="16MiB")
    clients.create_topic(broker.bootstrap, topic)
    frame = big_frame(1, topic, size)
    answered, senders = [], []

    def send():
        with connect(broker, timeout=240) as connection:
            connection.send(frame)
            answered.append(connection.receive()[0])

    with Peak(broker) as peak:
        for _ in range(connections):
            senders.append(threading.Thread(target=send))
            senders[-1].start()
        for sender in senders:
            sender.join(300)
    assert answered == [1] * connections, "no two halves wait for each other"
    # Without the limit: 360 MiB and more. The allocator keeps some of what was freed, so the bound is not the budget.
    assert peak.grown < budget + 8 * MIB + connections * 2 * MIB, f"grew by {peak.grown // MIB} MiB"


def test_halves_of_big_requests_that_fill_the_budget_and_stop_hold_nobody_for_long(brokers, topic):
    broker = limited(brokers, chain=["LocalSegments"], topics={"max.message.bytes": "1MiB"}, stall_timeout="2s",
                     max_request_bytes="8MiB", max_inflight_bytes="16MiB")
    clients.create_topic(broker.bootstrap, topic)
    half = big_frame(1, topic, 7 * MIB)[:6 * MIB]
    attackers = [connect(broker, timeout=1) for _ in range(20)]
    with Peak(broker) as peak:
        for each in attackers:
            with contextlib.suppress(TimeoutError, ConnectionError):
                each.send(half)
        with connect(broker, timeout=60) as honest:
            assert honest.produce(topic, 0, wire.batch([b"x" * 100_000]))[0] == 0
    assert peak.grown < 64 * MIB, f"grew by {peak.grown // MIB} MiB"
    for each in attackers:
        each.socket.close()


def test_the_largest_frame_is_served_and_one_byte_more_is_not(brokers):
    broker = limited(brokers, topics={"max.message.bytes": "1MiB"}, max_request_bytes="2MiB", max_inflight_bytes="4MiB")
    head = wire.header(wire.API_VERSIONS, 0, 5)
    with connect(broker) as connection:
        connection.send(wire.frame(head + bytes(2 * MIB - len(head))))
        assert connection.receive()[0] == 5
        connection.send(wire.frame(head + bytes(2 * MIB - len(head) + 1))[:1000])
        connection.expect_close()


def test_a_client_id_of_the_largest_size_is_served(broker):
    with connect(broker) as connection:
        connection.send(wire.frame(wire.header(wire.API_VERSIONS, 0, 5, client="c" * 32_767)))
        assert connection.receive()[0] == 5


def test_ten_thousand_partitions_in_one_request_are_answered(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    body = struct.pack(">ii", -1, 1) + wire.string(topic) + struct.pack(">i", 10_000)
    body += b"".join(struct.pack(">iq", partition, -1) for partition in range(10_000))
    with connect(broker) as connection:
        correlation, answer = connection.call(wire.frame(wire.header(wire.LIST_OFFSETS, 1, 3) + body))
    assert correlation == 3
    assert struct.unpack(">i", answer[6 + len(topic):10 + len(topic)])[0] == 10_000


LONG_LISTS = {
    "metadata-of-millions-of-empty-names": (wire.METADATA, 1, struct.pack(">i", 8_000_000) + bytes(16_000_000)),
    "configurations-of-millions-of-resources": (32, 1, struct.pack(">i", 4_000_000) + bytes(40_000_000)),
    "millions-of-nested-partitions": (
        wire.LIST_OFFSETS, 1, struct.pack(">ii", -1, 1) + wire.string("t") + struct.pack(">i", 5_000_000) + bytes(60_000_000)),
}


@pytest.mark.parametrize("name", LONG_LISTS)
def test_a_request_of_millions_of_entries_is_refused_cheaply(brokers, name):
    api, version, body = LONG_LISTS[name]
    broker = limited(brokers)
    request = wire.frame(wire.header(api, version, 1) + body)
    with connect(broker) as connection, Peak(broker) as peak:
        cpu = broker.cpu_seconds()
        connection.send(request)
        connection.expect_close()
        cpu = broker.cpu_seconds() - cpu
    print(f"{cpu:.2f} s of CPU for {len(request) / MIB:.0f} MiB")
    assert cpu < 1, f"{cpu} s"
    assert peak.grown < len(request) * 2 + 32 * MIB, f"grew by {peak.grown // MIB} MiB"
    clients.serves(broker.bootstrap, "afterwards")


@pytest.mark.parametrize("seed", [3])
def test_a_flood_of_tiny_requests_without_reading_is_bounded(brokers, seed):
    broker = limited(brokers, max_inflight_bytes="8MiB", max_request_bytes="4MiB", topics={"max.message.bytes": "1MiB"})
    flood = wire.api_versions_request(seed) * 20_000
    flooders = [connect(broker, timeout=1) for _ in range(30)]
    with Peak(broker) as peak:
        for each in flooders:
            with contextlib.suppress(TimeoutError, ConnectionError):
                each.send(flood)
        clients.serves(broker.bootstrap, "during-the-flood")
    assert peak.grown < 350 * MIB, f"grew by {peak.grown // MIB} MiB"
    for each in flooders:
        each.socket.close()


# -- batches that become large

INVALID_RECORD = 87
BOMB = 200 * MIB


def bomb(key):
    """One record of 200 MiB of zeros, some 200 KB with gzip; a topic that wants keys makes the broker look inside."""
    packer = zlib.compressobj(1, wbits=31)
    record = wire.record(0, b"\0" * BOMB, key)
    return wire.batch([b""], attributes=1, records=packer.compress(record) + packer.flush())


def test_a_bomb_holds_up_nobody_else(brokers, topic):
    """The broker has one event loop. While a connection's bombs are looked at one after the other, another connection has
    its answers between them, which it would not if the loop did the work."""
    broker = limited(brokers, threads=1)
    clients.create_topic(broker.bootstrap, topic, config={"cleanup.policy": "compact", "max.message.bytes": str(4 * MIB)})
    keyless, keyed, count = bomb(None), bomb(b"k"), 6
    answers = []
    with connect(broker, timeout=60) as hostile, connect(broker) as other, Peak(broker) as peak:
        other.api_versions()

        requests = b"".join(wire.produce_request(number, topic, 0, records) for number, records in enumerate(
            [keyless] * count + [keyed, wire.batch([b""], records=wire.record(0, b"v", b"k"))]))

        def attack():
            hostile.send(requests)
            answers.extend(hostile.receive() for _ in range(count + 2))

        # What is counted begins before the first bomb arrives: none may go off while this thread waits for its turn.
        listener = threading.Thread(target=attack)
        listener.start()
        meanwhile = 0
        while listener.is_alive():
            other.api_versions()
            meanwhile += 1
        listener.join()
    assert [correlation for correlation, _ in answers] == list(range(count + 2)), "in the order of the requests"
    outcomes = [wire.parse_produce(body) for _, body in answers]
    assert outcomes == [(INVALID_RECORD, -1)] * count + [(0, 0), (0, 1)]
    # On the loop there would be one between two bombs at best.
    assert meanwhile > 5 * count, f"{meanwhile} answers while {count} bombs were looked at"
    assert peak.grown < BOMB / 4, f"{peak.grown / MIB:.0f} MiB"


def test_a_request_of_many_bombs_is_refused_when_it_has_taken_its_share(brokers, topic):
    """Two records of 200 MiB in one request of some 400 KB; 256 MiB are what a small request may have decoded."""
    broker = limited(brokers)
    clients.create_topic(broker.bootstrap, topic, config={"cleanup.policy": "compact", "max.message.bytes": str(4 * MIB)})
    keyed = bomb(b"k")
    with connect(broker, timeout=60) as connection:
        assert connection.produce(topic, 0, keyed + keyed) == (INVALID_RECORD, -1)
        assert connection.latest(topic, 0) == 0, "nothing of it is stored"
        assert connection.produce(topic, 0, keyed) == (0, 0), "one is a batch like any other"


# -- many frames behind one

def test_a_hundred_thousand_frames_behind_a_request_that_waits_are_answered_in_order(brokers, topic):
    """They are answered by the turn of the event loop that ends the wait, one after the other and not one within the
    other."""
    count = 100_000
    broker = limited(brokers, threads=1)
    clients.create_topic(broker.bootstrap, topic, config={"cleanup.policy": "compact", "max.message.bytes": str(4 * MIB)})
    unknown = b"".join(struct.pack(">ihhih", 10, 999, 0, number, -1) for number in range(1, count + 1))
    with connect(broker, timeout=60) as hostile, connect(broker) as other:
        sender = threading.Thread(
            target=hostile.send, args=(wire.produce_request(0, topic, 0, bomb(b"k")) + unknown,))
        sender.start()
        correlation, body = hostile.receive()
        assert (correlation, wire.parse_produce(body)) == (0, (0, 0))
        data = hostile._exactly(count * 10)  # size, correlation id, error code
        sender.join()
        assert data == b"".join(struct.pack(">iih", 6, number, wire.UNSUPPORTED_VERSION)
                                for number in range(1, count + 1))
        assert other.api_versions(), "the broker still serves"
        assert hostile.api_versions(), "and this connection too"
