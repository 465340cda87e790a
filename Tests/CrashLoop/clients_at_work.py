"""Writers and readers that run while the broker is killed.

A writer tells the ledger about an acknowledgement when it arrives and never sends a record twice, except the idempotent
one, which lives through all crashes and must store everything exactly once.
"""

import logging
import threading
import time

import confluent_kafka
import kafka

import wire
from ledger import value_of

logging.getLogger("kafka").setLevel(logging.CRITICAL)
QUIET = {"log_level": 0, "log.connection.close": False, "logger": logging.getLogger("silent")}
logging.getLogger("silent").addHandler(logging.NullHandler())
logging.getLogger("silent").propagate = False


class Numbers:
    """The next number per writer and partition, over all cycles."""

    def __init__(self):
        self.next = {}

    def take(self, writer, topic, partition):
        key = (writer, topic, partition)
        self.next[key] = number = self.next.get(key, -1) + 1
        return number


class Worker:
    """A thread that works until `stopping` is set. What it raises unexpectedly is a violation of its own."""

    def __init__(self, name, context, chance):
        self.name, self.context, self.chance = name, context, chance
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self, timeout=90):
        self.stopping.set()
        self.thread.join(timeout)
        if self.thread.is_alive():
            self.context.ledger.report(f"{self.name} did not end within {timeout} s")

    def _run(self):
        try:
            self.work()
        except Exception as error:  # a bug of the harness must not look like a passed cycle
            self.context.ledger.report(f"{self.name} broke: {type(error).__name__}: {error}")

    def new_value(self, topic, partition, sizes):
        low, high = sizes
        size = self.chance.randrange(low, high)
        return value_of(self.name, topic, partition, self.context.numbers.take(self.name, topic, partition), size)


class ConfluentWriter(Worker):
    """librdkafka with retries=0, acks=all, not idempotent."""

    def __init__(self, name, context, chance, topics, sizes, burst, config):
        super().__init__(name, context, chance)
        self.topics, self.sizes, self.burst, self.config = topics, sizes, burst, config

    def work(self):
        producer = confluent_kafka.Producer({
            "bootstrap.servers": self.context.address, "acks": "all", "retries": 0, "enable.idempotence": False,
            "message.timeout.ms": 8000, "socket.timeout.ms": 8000, "reconnect.backoff.ms": 50, **QUIET, **self.config})
        ledger = self.context.ledger

        def delivered(error, message):
            if error is None:
                ledger.acknowledge(message.topic(), message.partition(), message.offset(), message.value())

        while not self.stopping.is_set():
            for _ in range(self.burst):
                topic = self.chance.choice(self.topics)
                partition = self.chance.randrange(self.context.topics[topic])
                value = self.new_value(topic, partition, self.sizes)
                try:
                    producer.produce(topic, value, partition=partition, on_delivery=delivered)
                except BufferError:
                    break
            producer.poll(self.context.pause)
        producer.poll(0)
        producer.purge()
        producer.flush(3)


class IdempotentWriter(Worker):
    """One librdkafka producer that lives through every crash and resends until it is answered."""

    def __init__(self, name, context, chance, topic):
        super().__init__(name, context, chance)
        self.topic = topic
        self.paused = threading.Event()
        self.paused.set()
        self.sent = self.answered = 0
        self.producer = confluent_kafka.Producer({
            "bootstrap.servers": context.address, "enable.idempotence": True, "message.timeout.ms": 300_000, "linger.ms": 1,
            "batch.num.messages": 30, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 200,
            "retry.backoff.ms": 20, "retry.backoff.max.ms": 200, "socket.timeout.ms": 10_000, "error_cb": self._failed,
            **QUIET})

    def _failed(self, error):
        if error.fatal():
            self.context.ledger.report(f"the idempotent producer gave up: {error.name()}: {error.str()}")

    def _delivered(self, error, message):
        self.answered += 1
        if error is None:
            self.context.ledger.acknowledge(message.topic(), message.partition(), message.offset(), message.value())
        else:
            self.context.ledger.report(f"the idempotent producer lost a record of {message.topic()}: {error}")

    def work(self):
        while not self.stopping.is_set():
            if not self.paused.is_set() and self.sent - self.answered < 400:
                for _ in range(20):
                    partition = self.chance.randrange(self.context.topics[self.topic])
                    value = self.new_value(self.topic, partition, (40, 400))
                    self.producer.produce(self.topic, value, partition=partition, on_delivery=self._delivered)
                    self.sent += 1
            self.producer.poll(self.context.pause)

    def drain(self, timeout):
        """Waits until every record was answered; the broker must be up."""
        deadline = time.monotonic() + timeout
        while self.answered < self.sent and self.thread.is_alive():
            if time.monotonic() > deadline:
                self.context.ledger.report(f"{self.sent - self.answered} of {self.sent} records of the idempotent producer "
                                           f"were not answered within {timeout} s of a restart")
                return
            time.sleep(0.01)

    def close(self):
        self.stop()
        self.producer.purge()
        self.producer.flush(2)


class KafkaPythonWriter(Worker):
    def __init__(self, name, context, chance, topics):
        super().__init__(name, context, chance)
        self.topics = topics
        self.connected = False

    def stop(self, timeout=90):
        """Its constructor may wait 30 s for a broker that was killed meanwhile; until it returns nothing is sent."""
        self.stopping.set()
        self.thread.join(1)
        if self.connected:
            super().stop(timeout)

    def work(self):
        try:
            producer = kafka.KafkaProducer(
                bootstrap_servers=self.context.address, acks="all", retries=0, enable_idempotence=False, linger_ms=1,
                batch_size=4096, request_timeout_ms=8000, max_block_ms=400)
        except kafka.errors.KafkaError:
            return  # killed before it could connect
        self.connected = True  # before the look at `stopping`: from here on `stop` waits for the end
        if self.stopping.is_set():
            return self._close(producer)
        waiting = []
        try:
            while not self.stopping.is_set():
                for _ in range(15):
                    topic = self.chance.choice(self.topics)
                    partition = self.chance.randrange(self.context.topics[topic])
                    value = self.new_value(topic, partition, (30, 600))
                    waiting.append((value, producer.send(topic, value=value, partition=partition)))
                waiting = self._collect(waiting)
                time.sleep(self.context.pause * 3)
        except kafka.errors.KafkaError:
            pass
        finally:
            self._close(producer)
            self._collect(waiting)

    @staticmethod
    def _close(producer):
        """`close` would wait for answers of a broker that is gone; giving up at once has no public name."""
        producer._sender.force_close()
        producer._closed = True

    def _collect(self, waiting):
        open_ = []
        for value, future in waiting:
            if not future.is_done:
                open_.append((value, future))
            elif future.succeeded():
                metadata = future.value
                self.context.ledger.acknowledge(metadata.topic, metadata.partition, metadata.offset, value)
        return open_


class RawWriter(Worker):
    """Frames of our own over one socket, several in flight: acks=all and, when the power stays on, acks=1."""

    def __init__(self, name, context, chance, topics, acks):
        super().__init__(name, context, chance)
        self.topics, self.acks = topics, acks

    def work(self):
        try:
            with wire.Wire(self.context.address, timeout=8) as connection:
                self._talk(connection)
        except (wire.Closed, OSError):
            pass  # killed

    def _talk(self, connection):
        while not self.stopping.is_set():
            sent = []
            for _ in range(self.chance.randrange(1, 6)):
                topic = self.chance.choice(self.topics)
                partition = self.chance.randrange(self.context.topics[topic])
                values = [self.new_value(topic, partition, (30, 200)) for _ in range(self.chance.choice((1, 1, 2, 9)))]
                correlation = connection.correlation()
                connection.send(wire.produce_request(correlation, topic, partition, wire.batch(values), self.acks))
                sent.append((correlation, topic, partition, values))
            for correlation, topic, partition, values in sent:
                answered, body = connection.receive()
                if answered != correlation:
                    self.context.ledger.report(f"{self.name}: response {answered} came before {correlation}")
                    return
                error, base = wire.parse_produce(body)
                if error:
                    self.context.refused[error] = self.context.refused.get(error, 0) + 1
                    continue
                for delta, value in enumerate(values):
                    self.context.ledger.acknowledge(topic, partition, base + delta, value)
            self.stopping.wait(self.context.pause)


class ConfluentReader(Worker):
    """A librdkafka consumer that lives through every crash and may never be told that its position is out of range."""

    def __init__(self, name, context, chance):
        super().__init__(name, context, chance)
        self.consumer = confluent_kafka.Consumer({
            "bootstrap.servers": context.address, "group.id": "crash-loop-unused", "enable.auto.commit": False,
            "auto.offset.reset": "error", "fetch.wait.max.ms": 50, "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 200, "fetch.error.backoff.ms": 20, "check.crcs": True, **QUIET})
        self.consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0)
                              for topic, count in context.topics.items() for partition in range(count)])

    def work(self):
        unreachable = {confluent_kafka.KafkaError._TRANSPORT, confluent_kafka.KafkaError._ALL_BROKERS_DOWN,
                       confluent_kafka.KafkaError._TIMED_OUT, confluent_kafka.KafkaError._RESOLVE}
        while not self.stopping.is_set():
            for message in self.consumer.consume(2000, 0.1):
                error = message.error()
                if error is None:
                    self.context.ledger.see(message.topic(), message.partition(), message.offset(), message.value())
                elif error.code() not in unreachable and not self.context.tolerates(error.code()):
                    self.context.ledger.report(f"a consumer of {message.topic()}-{message.partition()} got {error}")
        self.consumer.close()


class RawReader(Worker):
    """Long polls over one socket while the broker is up; remembers batches and high watermarks exactly as fetched."""

    def __init__(self, name, context, chance, positions):
        super().__init__(name, context, chance)
        self.positions = positions

    def work(self):
        partitions = [(topic, partition) for topic, count in self.context.topics.items() for partition in range(count)]
        try:
            with wire.Wire(self.context.address, timeout=8) as connection:
                while not self.stopping.is_set():
                    topic, partition = self.chance.choice(partitions)
                    at = self.positions.get((topic, partition), 0)
                    error, high_watermark, data = connection.fetch(topic, partition, at, max_wait_ms=10)
                    if error and self.context.tolerates(error):
                        return
                    if error:
                        self.context.ledger.report(f"a fetch of {topic}-{partition} at {at} was answered with error {error}")
                        return
                    self.context.ledger.see_high_watermark(topic, partition, high_watermark)
                    for base, last, batch in wire.batches(data):
                        if last >= high_watermark:
                            self.context.ledger.report(f"{topic}-{partition}: a fetch returned offset {last}, the high "
                                                       f"watermark beside it is {high_watermark}")
                        self.context.ledger.see_batch(topic, partition, base, last, batch)
                        self.positions[topic, partition] = max(self.positions.get((topic, partition), 0), last + 1)
                    self.stopping.wait(0.002)
        except (wire.Closed, OSError):
            pass  # killed
