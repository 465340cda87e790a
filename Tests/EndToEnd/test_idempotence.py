"""Idempotent producers: every record once and in order, whatever happens between the broker and the client.

A proxy cuts the connection when a Produce request has been answered by the broker but before the client has seen the
answer. The client must send the batches again, and the broker must know them.
"""

import asyncio
import random
import socket
import struct
import threading
import time

import aiokafka
import confluent_kafka
import kafka
import pytest

import broker as harness
import clients
import wire

INIT_PRODUCER_ID, DESCRIBE_PRODUCERS = 22, 61
NONE, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH, INVALID_RECORD = 0, 45, 47, 87
INVALID_REQUEST, INVALID_TRANSACTION_TIMEOUT = 42, 50
PATIENCE = 180


# -- a proxy that swallows answers ---------------------------------------------------------------------------------


class Proxy:
    """Forwards one broker's port. `cut(n)` lets the next n answers to Produce requests vanish with their connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.target = None
        self.lock = threading.Lock()
        self.cuts_left = 0
        self.cuts_made = 0
        self.skip = 0
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, count, every=1):
        with self.lock:
            self.cuts_left, self.every, self.skip = count, every, every - 1

    def _must_cut(self):
        with self.lock:
            if self.cuts_left == 0:
                return False
            if self.skip:
                self.skip -= 1
                return False
            self.cuts_left -= 1
            self.cuts_made += 1
            self.skip = self.every - 1
            return True

    def _accept(self):
        while not self.closing:
            try:
                client, _ = self.listener.accept()
                host, port = self.target.rsplit(":", 1)
                server = socket.create_connection((host, int(port)), timeout=10)
                server.settimeout(None)
            except OSError:
                if self.closing:
                    return
                client.close()
                continue
            produces = set()
            threading.Thread(target=self._pump, args=(client, server, produces, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, produces, False), daemon=True).start()

    def _pump(self, source, sink, produces, is_request):
        try:
            while True:
                size = self._exactly(source, 4)
                body = self._exactly(source, struct.unpack(">i", size)[0])
                if is_request:
                    key, _, correlation = struct.unpack(">hhi", body[:8])
                    if key == wire.PRODUCE:
                        produces.add(correlation)
                elif struct.unpack(">i", body[:4])[0] in produces:
                    produces.discard(struct.unpack(">i", body[:4])[0])
                    if self._must_cut():
                        return
                sink.sendall(size + body)
        except OSError:
            pass
        finally:
            for each in (source, sink):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    @staticmethod
    def _exactly(source, count):
        data = bytearray()
        while len(data) < count:
            chunk = source.recv(count - len(data))
            if not chunk:
                raise OSError("closed")
            data += chunk
        return bytes(data)

    def close(self):
        self.closing = True
        self.listener.close()


@pytest.fixture
def proxied(brokers):
    """A broker that tells its clients to come through the proxy."""
    proxy = Proxy()
    made = brokers(harness.yaml(extra=f"advertised: {proxy.address}\n"), start=False)
    made.start()
    proxy.target = made.bootstrap
    yield made, proxy
    proxy.close()


def producer(bootstrap, **config):
    return confluent_kafka.Producer({
        "bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 2, "batch.num.messages": 20,
        "message.timeout.ms": PATIENCE * 1000, "retry.backoff.ms": 20, "reconnect.backoff.ms": 5,
        "reconnect.backoff.max.ms": 50, "log_level": 0, **config})


def contents(bootstrap, topic, partition):
    start, end = clients.watermarks(bootstrap, topic, partition)
    return [value for _, _, value in clients.Confluent.consume(bootstrap, topic, partition, start, end - start)]


def assert_exactly(bootstrap, topic, sent):
    """`sent`: {partition: [value]} in the order of sending."""
    for partition, values in sent.items():
        got = contents(bootstrap, topic, partition)
        assert len(got) == len(values), f"partition {partition}: {len(got)} records for {len(values)} sent"
        assert got == values, f"partition {partition}: same number, other order or content"


def test_answers_that_get_lost_make_no_duplicates(proxied, topic):
    broker, proxy = proxied
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    failures = []
    sender = producer(proxy.address)
    sent = {0: [], 1: []}
    proxy.cut(12, every=7)
    for number in range(8_000):
        partition = number % 2
        value = b"%d" % number
        sent[partition].append(value)
        sender.produce(topic, value, partition=partition, on_delivery=lambda e, m: e and failures.append(e))
        if number % 200 == 0:
            sender.poll(0.01)
    assert sender.flush(PATIENCE) == 0
    assert not failures
    assert proxy.cuts_made >= 5, "the test cut too little to prove anything"
    assert_exactly(broker.bootstrap, topic, sent)


def test_kafka_python_retries_make_no_duplicates(proxied, topic):
    broker, proxy = proxied
    clients.create_topic(broker.bootstrap, topic)
    sender = kafka.KafkaProducer(bootstrap_servers=proxy.address, enable_idempotence=True, linger_ms=1, batch_size=400,
                                 retry_backoff_ms=20, reconnect_backoff_ms=5, reconnect_backoff_max_ms=50)
    proxy.cut(5, every=9)
    values = [b"%d" % number for number in range(2_000)]
    futures = [sender.send(topic, value, partition=0) for value in values]
    sender.flush(PATIENCE)
    offsets = [future.get(PATIENCE).offset for future in futures]
    sender.close()
    assert proxy.cuts_made >= 3
    assert offsets == list(range(len(values))), "a duplicate is answered with the offset of the first copy"
    assert_exactly(broker.bootstrap, topic, {0: values})


def test_aiokafka_retries_make_no_duplicates(proxied, topic):
    broker, proxy = proxied
    clients.create_topic(broker.bootstrap, topic)
    values = [b"%d" % number for number in range(2_000)]

    async def run():
        sender = aiokafka.AIOKafkaProducer(bootstrap_servers=proxy.address, enable_idempotence=True, linger_ms=1,
                                           max_batch_size=400, retry_backoff_ms=20)
        await sender.start()
        proxy.cut(5, every=9)
        try:
            futures = [await sender.send(topic, value, partition=0) for value in values]
            return [(await future).offset for future in futures]
        finally:
            await sender.stop()

    offsets = asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert proxy.cuts_made >= 3
    assert offsets == list(range(len(values)))
    assert_exactly(broker.bootstrap, topic, {0: values})


@pytest.mark.parametrize("hard", [True, False], ids=["kill", "stop"])
def test_restarts_in_the_middle_make_no_duplicates(proxied, topic, hard):
    broker, proxy = proxied
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    failures, delivered = [], []
    sender = producer(proxy.address)
    sent = {0: [], 1: []}

    def done(error, message):
        failures.append(error) if error else delivered.append(message.offset())

    proxy.cut(10_000, every=11)
    number = 0
    for _ in range(4):
        for _ in range(1_500):
            partition = number % 2
            value = b"%d" % number
            sent[partition].append(value)
            sender.produce(topic, value, partition=partition, on_delivery=done)
            number += 1
            sender.poll(0)
        goal, deadline = number - 1_000, time.monotonic() + PATIENCE
        while len(delivered) < goal:
            sender.poll(0.05)
            assert time.monotonic() < deadline, "the producer does not come back after a restart"
        broker.restart(hard=hard)
    proxy.cut(0)
    assert sender.flush(PATIENCE) == 0
    assert not failures
    assert_exactly(broker.bootstrap, topic, sent)


# -- the rules, byte by byte ---------------------------------------------------------------------------------------


def init_producer_id(bootstrap, transactional_id=None):
    """(error, id, epoch) of InitProducerId v0."""
    with wire.Wire(bootstrap) as connection:
        name = struct.pack(">h", -1) if transactional_id is None else wire.string(transactional_id)
        connection.send(wire.frame(wire.header(INIT_PRODUCER_ID, 0, 7) + name + struct.pack(">i", 60_000)))
        _, body = connection.receive()
        return struct.unpack(">hqh", body[4:16])


def send(connection, topic, sequence, values, identity, epoch=0):
    records = wire.batch(values, producer_id=identity, producer_epoch=epoch, base_sequence=sequence)
    connection.send(wire.produce_request(connection.correlation(), topic, 0, records))


def produce(connection, *arguments, **named):
    send(connection, *arguments, **named)
    return wire.parse_produce(connection.receive()[1])


def test_producer_ids_are_never_given_twice(brokers):
    broker = brokers()
    seen = []
    for hard in (True, False, True):
        for _ in range(5):
            error, identity, epoch = init_producer_id(broker.bootstrap)
            assert (error, epoch) == (NONE, 0)
            seen.append(identity)
        broker.restart(hard=hard)
    seen += [init_producer_id(broker.bootstrap)[1] for _ in range(1_100)]
    assert len(set(seen)) == len(seen)
    assert min(seen) >= 0


def test_a_transactional_id_is_refused_at_once(broker):
    assert init_producer_id(broker.bootstrap, "orders")[0] == INVALID_TRANSACTION_TIMEOUT
    assert init_producer_id(broker.bootstrap, "")[0] == INVALID_REQUEST
    sender = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "orders",
                                       "log_level": 0})
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        sender.init_transactions(PATIENCE)
    assert refused.value.args[0].fatal()


def test_sequences_are_checked_as_kafka_does(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    identity = init_producer_id(broker.bootstrap)[1]
    with wire.Wire(broker.bootstrap) as connection:
        assert produce(connection, topic, 0, [b"a", b"b"], identity) == (NONE, 0)
        assert produce(connection, topic, 2, [b"c"], identity) == (NONE, 2)
        assert produce(connection, topic, 0, [b"a", b"b"], identity) == (NONE, 0), "a copy: the first one's offset"
        assert produce(connection, topic, 4, [b"e"], identity)[0] == OUT_OF_ORDER_SEQUENCE_NUMBER, "a gap"
        assert produce(connection, topic, 3, [b"x"], identity, epoch=1)[0] == OUT_OF_ORDER_SEQUENCE_NUMBER
        assert produce(connection, topic, 0, [b"d"], identity, epoch=1) == (NONE, 3), "a new epoch begins at 0"
        assert produce(connection, topic, 3, [b"x"], identity, epoch=0)[0] == INVALID_PRODUCER_EPOCH
        assert produce(connection, topic, -1, [b"x"], identity, epoch=1)[0] == INVALID_RECORD
        # A producer nobody knows may begin anywhere; 2147483647 is followed by 0.
        assert produce(connection, topic, 2**31 - 2, [b"e", b"f"], identity + 1) == (NONE, 4)
        assert produce(connection, topic, 0, [b"g"], identity + 1) == (NONE, 6)
    assert contents(broker.bootstrap, topic, 0) == [b"a", b"b", b"c", b"d", b"e", b"f", b"g"]


@pytest.mark.parametrize("hard", [True, False], ids=["kill", "stop"])
def test_copies_are_known_after_a_restart(brokers, topic, hard):
    broker = brokers()
    clients.create_topic(broker.bootstrap, topic)
    identity = init_producer_id(broker.bootstrap)[1]
    for round_ in range(2):
        with wire.Wire(broker.bootstrap) as connection:
            for number in range(10):
                assert produce(connection, topic, number, [b"%d" % number], identity) == (NONE, number)
        broker.restart(hard=hard)
    with wire.Wire(broker.bootstrap) as connection:
        assert produce(connection, topic, 11, [b"x"], identity)[0] == OUT_OF_ORDER_SEQUENCE_NUMBER
        assert produce(connection, topic, 10, [b"10"], identity) == (NONE, 10)
    assert contents(broker.bootstrap, topic, 0) == [b"%d" % number for number in range(11)]


def test_ten_batches_in_flight_survive_a_cut(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    identity = init_producer_id(broker.bootstrap)[1]
    chance = random.Random(4711)
    position = 0
    for _ in range(20):
        batches = []
        for _ in range(10):
            values = [b"%d" % (position + i) for i in range(chance.randrange(1, 5))]
            batches.append((position, values))
            position += len(values)
        with wire.Wire(broker.bootstrap) as connection:
            for sequence, values in batches:
                send(connection, topic, sequence, values, identity)
            for _ in range(chance.randrange(0, 11)):
                connection.receive()
        with wire.Wire(broker.bootstrap) as connection:
            for sequence, values in batches:
                send(connection, topic, sequence, values, identity)
            answers = [wire.parse_produce(connection.receive()[1]) for _ in batches]
        assert answers == [(NONE, sequence) for sequence, _ in batches]
    assert contents(broker.bootstrap, topic, 0) == [b"%d" % i for i in range(position)]


def test_producers_are_described(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    identity = init_producer_id(broker.bootstrap)[1]
    with wire.Wire(broker.bootstrap) as connection:
        produce(connection, topic, 0, [b"a", b"b"], identity)
        name = topic.encode()
        body = b"\x02" + bytes([len(name) + 1]) + name + b"\x02" + struct.pack(">i", 0) + b"\0" + b"\0"
        connection.send(wire.frame(wire.header(DESCRIBE_PRODUCERS, 0, 9) + b"\0" + body))
        _, answer = connection.receive()
    # tags, throttle, array of 1, name, array of 1, index, error, no message, array of 1
    at = 1 + 4 + 1 + 1 + len(name) + 1
    assert struct.unpack(">ih", answer[at:at + 6]) == (0, NONE)
    at += 6 + 1 + 1
    producer_id, epoch, last_sequence = struct.unpack(">qii", answer[at:at + 16])
    assert (producer_id, epoch, last_sequence) == (identity, 0, 1)
