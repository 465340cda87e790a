"""Consumer groups as their users see them: three independent clients, members that come and go, restarts, admin tools."""

import asyncio
import collections
import subprocess
import threading
import time

import aiokafka
import aiokafka.admin
import confluent_kafka
import confluent_kafka.admin
import kafka
import kafka.admin
import pytest

import broker as harness
import clients

PATIENCE = 120
FAST = "coordinators:\n  group.initial.rebalance.delay.ms: 200\n  group.min.session.timeout.ms: 1000\n"


def text(extra=""):
    return harness.yaml(extra=FAST + extra)


@pytest.fixture
def node(brokers):
    return brokers(text())


def administrator(node):
    """A new one after every restart: this client may lose a request that it makes while it finds the broker again."""
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": node.bootstrap, "log_level": 0})


def create(node, name, partitions):
    admin = administrator(node)
    for future in admin.create_topics([confluent_kafka.admin.NewTopic(name, partitions, 1)]).values():
        future.result(PATIENCE)
    return admin


def fill(node, topic, partitions, each):
    for partition in range(partitions):
        clients.Confluent.produce(
            node.bootstrap, topic, [(b"k", f"{partition}-{i}".encode()) for i in range(each)], partition=partition)


def eventually(condition, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return value


def consumer(node, group, topics, **config):
    made = confluent_kafka.Consumer({
        "bootstrap.servers": node.bootstrap, "group.id": group, "auto.offset.reset": "earliest",
        "enable.auto.commit": False, "session.timeout.ms": 30000, "heartbeat.interval.ms": 300,
        "fetch.wait.max.ms": 100, "log_level": 0, **config})
    made.subscribe(topics)
    return made


class Member(threading.Thread):
    """A consumer that polls in a thread of its own until it is told to stop."""

    def __init__(self, node, group, topic, **config):
        super().__init__(daemon=True)
        self.consumer = consumer(node, group, [topic], **config)
        self.partitions = frozenset()
        self.records = []
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.is_set():
            message = self.consumer.poll(0.05)
            self.partitions = frozenset(each.partition for each in self.consumer.assignment())
            if message is not None and not message.error():
                self.records.append((message.partition(), message.offset()))
        self.consumer.close()

    def stop(self):
        self.ending.set()
        self.join(60)
        assert not self.is_alive(), "a consumer did not close"


def spread(members, partitions):
    """True when the members share out the partitions, none twice and nobody idle."""
    held = [each.partitions for each in members]
    return all(held) and sum(map(len, held)) == partitions and len(frozenset().union(*held)) == partitions


def group_of(admin, name):
    return admin.describe_consumer_groups([name])[name].result(PATIENCE)


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "cooperative-sticky"])
def test_members_come_and_go(node, topic, strategy):
    admin = create(node, topic, 6)
    fill(node, topic, 6, 20)
    config = {"partition.assignment.strategy": strategy}
    members = [Member(node, "coming", topic, **config)]
    eventually(lambda: spread(members, 6), "one member has everything")
    members += [Member(node, "coming", topic, **config) for _ in range(2)]
    eventually(lambda: spread(members, 6), "three members share")
    described = group_of(admin, "coming")
    assert described.state == confluent_kafka.ConsumerGroupState.STABLE
    assert described.partition_assignor == strategy and len(described.members) == 3
    assert sorted(p.partition for m in described.members for p in m.assignment.topic_partitions) == list(range(6))
    assert all(m.host == "/127.0.0.1" for m in described.members)
    members.pop(0).stop()
    eventually(lambda: spread(members, 6), "the leader left, two share")
    for member in members:
        member.stop()
    seen = collections.Counter(record for member in members for record in member.records)
    assert described.members and seen
    assert eventually(lambda: group_of(admin, "coming").state == confluent_kafka.ConsumerGroupState.EMPTY, "empty")


def test_every_record_once_while_the_group_changes(node, topic):
    create(node, topic, 4)
    fill(node, topic, 4, 500)
    got, lock = [], threading.Lock()

    def work(limit):
        member = consumer(node, "once", [topic])
        count = 0
        while count < limit:
            message = member.poll(0.2)
            if message is None or message.error():
                with lock:
                    if len(set(got)) == 2000:
                        break
                continue
            with lock:
                got.append((message.partition(), message.offset()))
            try:
                member.commit(message=message, asynchronous=False)
            except confluent_kafka.KafkaException:
                pass  # a rebalance has begun; the record comes again to its next owner
            count += 1
        member.close()

    threads = [threading.Thread(target=work, args=(limit,)) for limit in (150, 400, 5000, 5000)]
    for number, thread in enumerate(threads):
        # Each joins a group that is at work; together the first two take 550 before they leave.
        eventually(lambda: len(got) >= 100 * number, "the members before read on")
        thread.start()
    for thread in threads:
        thread.join(300)
        assert not thread.is_alive()
    assert len(set(got)) == 2000, "a record was never seen"
    # At least once: a record may come again to the next owner, where its commit met the rebalance.
    assert len(got) < 2100


def test_a_member_that_dies_is_missed(node, topic):
    create(node, topic, 4)
    alive = Member(node, "dying", topic)
    dead = subprocess.Popen(
        ["kcat", "-b", node.bootstrap, "-G", "dying", "-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=300", topic],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: len(alive.partitions) == 2, "both share")
    finally:
        began = time.monotonic()  # the session is some 5 s longer than what has to pass at least
        dead.kill()
        dead.wait()
    eventually(lambda: len(alive.partitions) == 4, "the survivor has everything")
    assert time.monotonic() - began > 1, "it did not leave, it was missed"
    alive.stop()


def test_static_members_restart_without_a_rebalance(node, topic):
    admin = create(node, topic, 4)
    config = {"session.timeout.ms": 30000}
    first = Member(node, "static", topic, **config, **{"group.instance.id": "one"})
    second = Member(node, "static", topic, **config, **{"group.instance.id": "two"})
    eventually(lambda: spread([first, second], 4), "both share")
    kept, held = first.partitions, second.partitions
    second.stop()
    assert len(group_of(admin, "static").members) == 2, "a static member does not leave when it closes"
    assert first.partitions == kept
    second = Member(node, "static", topic, **config, **{"group.instance.id": "two"})
    eventually(lambda: second.partitions == held, "it gets back what it had")
    assert first.partitions == kept
    # A twin takes the place; the older one is fenced.
    twin = Member(node, "static", topic, **config, **{"group.instance.id": "two"})
    eventually(lambda: twin.partitions == held, "the twin takes over")
    for each in (first, twin):
        each.stop()
    second.ending.set()
    removed = kafka.admin.KafkaAdminClient(bootstrap_servers=node.bootstrap)
    assert {m.group_instance_id for m in group_of(admin, "static").members} == {"one", "two"}
    removed.close()


def test_commits_survive_kill_and_restart(node, topic):
    create(node, topic, 3)
    fill(node, topic, 3, 30)
    member = consumer(node, "durable", [topic])
    eventually(lambda: member.poll(0.2) is not None, "records arrive")
    positions = [confluent_kafka.TopicPartition(topic, p, 10 + p, metadata=f"note {p} é") for p in range(3)]
    assert all(each.error is None for each in member.commit(offsets=positions, asynchronous=False))
    for hard in (True, False, True):
        node.restart(hard=hard)
        fresh = confluent_kafka.Consumer({"bootstrap.servers": node.bootstrap, "group.id": "durable"})
        committed = fresh.committed([confluent_kafka.TopicPartition(topic, p) for p in range(3)], PATIENCE)
        assert [each.offset for each in committed] == [10, 11, 12]
        assert [each.metadata for each in committed] == [f"note {p} é" for p in range(3)]
        fresh.close()
    member.close()


def test_a_group_survives_kill(node, topic):
    """The members of a stable group go on after a crash, in the same generation, without a rebalance."""
    admin = create(node, topic, 4)
    config = {"session.timeout.ms": 30000, "partition.assignment.strategy": "cooperative-sticky"}
    members = [Member(node, "survivor", topic, **config) for _ in range(2)]
    eventually(lambda: spread(members, 4), "both share")
    held = [each.partitions for each in members]
    ids = sorted(each.member_id for each in group_of(admin, "survivor").members)
    node.restart(hard=True)
    admin = administrator(node)
    described = eventually(lambda: group_of(admin, "survivor"), "the group is described")
    assert described.state == confluent_kafka.ConsumerGroupState.STABLE
    assert sorted(each.member_id for each in described.members) == ids
    fill(node, topic, 4, 5)
    eventually(lambda: sum(len(each.records) for each in members) >= 20, "records arrive after the restart")
    assert [each.partitions for each in members] == held
    assert sorted(each.member_id for each in group_of(admin, "survivor").members) == ids
    for each in members:
        each.stop()


def test_groups_that_only_commit_are_listed_and_deleted(node, topic):
    admin = create(node, topic, 2)
    simple = kafka.KafkaConsumer(bootstrap_servers=node.bootstrap, group_id="simple", enable_auto_commit=False)
    simple.assign([kafka.TopicPartition(topic, 0)])
    simple.commit({kafka.TopicPartition(topic, 0): kafka.OffsetAndMetadata(0, "mark", -1)})
    simple.close()
    node.restart(hard=True)
    admin = administrator(node)
    listed = admin.list_consumer_groups().result(PATIENCE)
    assert not listed.errors
    assert [(g.group_id, g.is_simple_consumer_group) for g in listed.valid] == [("simple", True)]
    other = kafka.admin.KafkaAdminClient(bootstrap_servers=node.bootstrap)
    offsets = other.list_group_offsets(["simple"])["simple"] if hasattr(other, "list_group_offsets") else \
        other.list_consumer_group_offsets("simple")
    assert offsets[kafka.TopicPartition(topic, 0)].metadata == "mark"
    other.close()
    admin.delete_consumer_groups(["simple"])["simple"].result(PATIENCE)
    assert admin.list_consumer_groups().result(PATIENCE).valid == []
    node.restart(hard=True)
    admin = administrator(node)
    assert admin.list_consumer_groups().result(PATIENCE).valid == []
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        admin.delete_consumer_groups(["simple"])["simple"].result(PATIENCE)
    assert refused.value.args[0].code() == confluent_kafka.KafkaError.GROUP_ID_NOT_FOUND


def test_admin_describes_lists_alters_and_deletes(node, topic):
    admin = create(node, topic, 2)
    member = Member(node, "managed", topic)
    eventually(lambda: spread([member], 2), "assigned")
    stable = {confluent_kafka.ConsumerGroupState.STABLE}
    listed = admin.list_consumer_groups(states=stable).result(PATIENCE).valid
    assert [g.group_id for g in listed] == ["managed"]
    empty = {confluent_kafka.ConsumerGroupState.EMPTY}
    assert admin.list_consumer_groups(states=empty).result(PATIENCE).valid == []
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        admin.delete_consumer_groups(["managed"])["managed"].result(PATIENCE)
    assert refused.value.args[0].code() == confluent_kafka.KafkaError.NON_EMPTY_GROUP
    where = [confluent_kafka.TopicPartition(topic, 0, 7)]
    refused = admin.alter_consumer_group_offsets(
        [confluent_kafka.ConsumerGroupTopicPartitions("managed", where)])["managed"].result(PATIENCE)
    assert refused.topic_partitions[0].error.code() == confluent_kafka.KafkaError.UNKNOWN_MEMBER_ID
    member.stop()
    eventually(lambda: group_of(admin, "managed").state == confluent_kafka.ConsumerGroupState.EMPTY, "empty")
    altered = admin.alter_consumer_group_offsets(
        [confluent_kafka.ConsumerGroupTopicPartitions("managed", where)])["managed"].result(PATIENCE)
    assert altered.topic_partitions[0].error is None
    asked = [confluent_kafka.ConsumerGroupTopicPartitions("managed", [
        confluent_kafka.TopicPartition(topic, 0), confluent_kafka.TopicPartition(topic, 1)])]
    found = admin.list_consumer_group_offsets(asked)["managed"].result(PATIENCE).topic_partitions
    assert [each.offset for each in found] == [7, confluent_kafka.OFFSET_INVALID]
    assert group_of(admin, "nobody").state == confluent_kafka.ConsumerGroupState.DEAD


def test_lag_as_tools_compute_it(node, topic):
    admin = create(node, topic, 2)
    fill(node, topic, 2, 25)
    member = consumer(node, "lagging", [topic])
    eventually(lambda: member.poll(0.2) is not None, "records arrive")
    member.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 5), confluent_kafka.TopicPartition(topic, 1, 25)],
                  asynchronous=False)
    found = admin.list_consumer_group_offsets(
        [confluent_kafka.ConsumerGroupTopicPartitions("lagging")])["lagging"].result(PATIENCE).topic_partitions
    ends = {p: member.get_watermark_offsets(confluent_kafka.TopicPartition(topic, p), PATIENCE)[1] for p in range(2)}
    assert {each.partition: ends[each.partition] - each.offset for each in found} == {0: 20, 1: 0}
    member.close()


def test_offsets_of_unknown_places_and_large_metadata_are_refused(node, topic):
    create(node, topic, 1)
    member = confluent_kafka.Consumer({"bootstrap.servers": node.bootstrap, "group.id": "odd"})

    def commit(name, partition, note=""):
        member.assign([confluent_kafka.TopicPartition(topic, 0)])
        try:
            result = member.commit(
                offsets=[confluent_kafka.TopicPartition(name, partition, 1, metadata=note)], asynchronous=False)
            return result[0].error and result[0].error.code()
        except confluent_kafka.KafkaException as error:
            return error.args[0].code()

    # This client counts the byte that ends its strings.
    assert commit(topic, 0, "x" * 4095) is None
    assert commit(topic, 0, "x" * 4096) == confluent_kafka.KafkaError.OFFSET_METADATA_TOO_LARGE
    assert commit(topic, 9) == confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART
    assert commit("no-such-topic-here", 0) == confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART
    member.close()


def test_the_offsets_topic_is_readable_and_nothing_else(node, topic):
    admin = create(node, topic, 1)
    fill(node, topic, 1, 1)
    member = consumer(node, "visible", [topic])
    eventually(lambda: member.poll(0.2) is not None, "a record arrives")
    member.commit(asynchronous=False)
    member.close()
    described = admin.list_topics(timeout=PATIENCE).topics["__consumer_offsets"]
    assert len(described.partitions) == 50
    resource = confluent_kafka.admin.ConfigResource(confluent_kafka.admin.ResourceType.TOPIC, "__consumer_offsets")
    assert admin.describe_configs([resource])[resource].result(PATIENCE)["cleanup.policy"].value == "compact"
    number = 0
    for letter in "visible":
        number = (number * 31 + ord(letter)) & 0xFFFFFFFF
    number = abs(number - (1 << 32) if number >> 31 else number) % 50
    low, high = member_watermarks(node, "__consumer_offsets", number)
    records = clients.Confluent.consume(node.bootstrap, "__consumer_offsets", number, low, high - low)
    keys = [key for _, key, _ in records]
    name = topic.encode()
    assert b"\x00\x01\x00\x07visible" + len(name).to_bytes(2, "big") + name + b"\x00\x00\x00\x00" in keys
    assert b"\x00\x02\x00\x07visible" in keys
    with pytest.raises(AssertionError):
        clients.Confluent.produce(node.bootstrap, "__consumer_offsets", [(b"k", b"v")], partition=0)
    with pytest.raises(confluent_kafka.KafkaException):
        admin.delete_topics(["__consumer_offsets"])["__consumer_offsets"].result(PATIENCE)


def member_watermarks(node, topic, partition):
    asking = confluent_kafka.Consumer({"bootstrap.servers": node.bootstrap, "group.id": "asking"})
    try:
        return asking.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), PATIENCE)
    finally:
        asking.close()


def test_a_deleted_topic_takes_its_offsets_along(node, topic):
    admin = create(node, topic, 1)
    member = confluent_kafka.Consumer({"bootstrap.servers": node.bootstrap, "group.id": "leftover"})
    member.assign([confluent_kafka.TopicPartition(topic, 0)])
    member.commit(offsets=[confluent_kafka.TopicPartition(topic, 0, 3)], asynchronous=False)
    admin.delete_topics([topic])[topic].result(PATIENCE)
    place = [confluent_kafka.TopicPartition(topic, 0)]
    eventually(lambda: member.committed(place, PATIENCE)[0].offset == confluent_kafka.OFFSET_INVALID, "forgotten")
    member.close()


def test_kafka_python_group(node, topic):
    create(node, topic, 4)
    fill(node, topic, 4, 10)

    def member():
        return kafka.KafkaConsumer(
            topic, bootstrap_servers=node.bootstrap, group_id="kp", auto_offset_reset="earliest",
            enable_auto_commit=False, session_timeout_ms=30000, heartbeat_interval_ms=300)

    first, second, seen = member(), member(), set()

    def at_end():
        # A partition that changed hands is read again; until then its owner would commit less than everything.
        return all(each.position(place) == 10 for each in (first, second) for place in each.assignment())

    def both():
        for each in (first, second):
            for batch in each.poll(500).values():
                seen.update((record.partition, record.offset) for record in batch)
        return len(first.assignment()) == 2 and len(second.assignment()) == 2

    eventually(both, "both share")
    eventually(lambda: both() and len(seen) == 40 and at_end(), "everything is read")
    first.commit()
    second.commit()
    second.close()
    eventually(lambda: first.poll(500) is not None and len(first.assignment()) == 4, "one has everything")
    assert [first.committed(kafka.TopicPartition(topic, p)) for p in range(4)] == [10] * 4
    first.close()


def test_kafka_python_deletes_offsets(node, topic):
    create(node, topic, 2)
    place = kafka.TopicPartition(topic, 0)
    member = kafka.KafkaConsumer(bootstrap_servers=node.bootstrap, group_id="kpd", enable_auto_commit=False)
    member.assign([place])
    member.commit({place: kafka.OffsetAndMetadata(4, "", -1)})
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=node.bootstrap)
    delete = getattr(admin, "delete_group_offsets", None) or getattr(admin, "delete_consumer_group_offsets", None)
    if delete is None:
        pytest.skip("this client cannot delete offsets")
    delete("kpd", [place])
    assert member.committed(place) is None
    member.close()
    admin.close()


def test_aiokafka_group(node, topic):
    create(node, topic, 4)
    fill(node, topic, 4, 10)

    async def run():
        def member():
            return aiokafka.AIOKafkaConsumer(
                topic, bootstrap_servers=node.bootstrap, group_id="aio", auto_offset_reset="earliest",
                enable_auto_commit=False, session_timeout_ms=30000, heartbeat_interval_ms=300)

        async def at_end():
            return all([await each.position(place) == 10 for each in (first, second) for place in each.assignment()])

        first, second, seen = member(), member(), set()
        await first.start()
        await second.start()
        deadline = time.monotonic() + PATIENCE
        while len(seen) < 40 or not (len(first.assignment()) == len(second.assignment()) == 2) or not await at_end():
            assert time.monotonic() < deadline, f"{len(seen)} of 40"
            for each in (first, second):
                for batch in (await each.getmany(timeout_ms=100)).values():
                    seen.update((record.partition, record.offset) for record in batch)
        await first.commit()
        await second.commit()
        await second.stop()
        while len(first.assignment()) < 4:
            assert time.monotonic() < deadline
            await first.getmany(timeout_ms=100)
        assert [await first.committed(aiokafka.TopicPartition(topic, p)) for p in range(4)] == [10] * 4
        await first.stop()
        admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=node.bootstrap)
        await admin.start()
        assert ("aio", "consumer") in [tuple(each[:2]) for each in await admin.list_consumer_groups()]
        assert len(await admin.list_consumer_group_offsets("aio")) == 4
        await admin.close()

    asyncio.run(run())


def test_many_groups_at_once(node, topic):
    create(node, topic, 1)
    fill(node, topic, 1, 5)
    results = []

    def work(number):
        member = consumer(node, f"many-{number}", [topic])
        count, deadline = 0, time.monotonic() + PATIENCE
        while count < 5 and time.monotonic() < deadline:
            message = member.poll(0.2)
            count += message is not None and not message.error()
        member.commit(asynchronous=False)
        member.close()
        results.append(count)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(2 * PATIENCE)
    assert results == [5] * 20
    node.restart(hard=True)
    admin = administrator(node)
    assert len(admin.list_consumer_groups().result(PATIENCE).valid) == 20
