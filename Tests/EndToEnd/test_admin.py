"""What administrators do, with the clients they do it with."""

import asyncio
import struct
import time

import confluent_kafka
import pytest
from confluent_kafka.admin import (AclBindingFilter, AclOperation, AclPermissionType, AlterConfigOpType, ConfigEntry,
                                   ConfigResource, NewPartitions, ResourcePatternType, ResourceType)
from kafka.admin import KafkaAdminClient

import broker as harness
import clients
import wire
from test_offload import wait_until

PATIENCE = 90
OFFSET_FOR_LEADER_EPOCH, DESCRIBE_ACLS = 23, 29
SEGMENTS = "LocalSegments" in str(harness.DEFAULT_CHAIN)
needs_segments = pytest.mark.skipif(not SEGMENTS, reason="retention deletes segments, which this chain does not have")


def topic_resource(topic, entries=None):
    return ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)


def entry(name, value, operation=AlterConfigOpType.SET):
    return ConfigEntry(name, value, incremental_operation=operation)


def settings(bootstrap, resource):
    """{name: entry} as DescribeConfigs answers."""
    admin = clients.admin(bootstrap)
    return admin.describe_configs([resource])[resource].result(PATIENCE)


def alter(bootstrap, topic, *entries, validate_only=False):
    admin = clients.admin(bootstrap)
    resource = topic_resource(topic, list(entries))
    admin.incremental_alter_configs([resource], validate_only=validate_only)[resource].result(PATIENCE)


def refusal(call):
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        call()
    return refused.value.args[0]


def send(bootstrap, topic, count, size=100, partition=0, **config):
    return clients.Confluent.produce(bootstrap, topic, [(None, b"%06d" % i + b"x" * size) for i in range(count)],
                                     partition=partition, **config)


# -- partitions ----------------------------------------------------------------------------------------------------


def test_partitions_are_added_and_used(broker, topic):
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    admin = clients.admin(broker.bootstrap)
    admin.create_partitions([NewPartitions(topic, 5)], validate_only=True)[topic].result(PATIENCE)
    assert len(admin.list_topics(topic, PATIENCE).topics[topic].partitions) == 2, "only validated"
    admin.create_partitions([NewPartitions(topic, 5)])[topic].result(PATIENCE)
    assert len(admin.list_topics(topic, PATIENCE).topics[topic].partitions) == 5
    assert send(broker.bootstrap, topic, 1, partition=4) == [(4, 0)]


def test_partitions_are_not_taken_away(broker, topic):
    clients.create_topic(broker.bootstrap, topic, partitions=3)
    admin = clients.admin(broker.bootstrap)
    for count in (3, 2):
        error = refusal(lambda: admin.create_partitions([NewPartitions(topic, count)])[topic].result(PATIENCE))
        assert error.name() == "INVALID_PARTITIONS"
        assert "3 partition(s)" in error.str()
    error = refusal(lambda: admin.create_partitions([NewPartitions(topic, 4, replica_assignment=[[99]])])[topic].result(PATIENCE))
    assert error.name() == "INVALID_REPLICA_ASSIGNMENT"
    error = refusal(lambda: admin.create_partitions([NewPartitions("no-such", 4)])["no-such"].result(PATIENCE))
    assert error.name() == "UNKNOWN_TOPIC_OR_PART"


# -- deleting records ----------------------------------------------------------------------------------------------


def delete_records(bootstrap, topic, offset, partition=0):
    admin = clients.admin(bootstrap)
    target = confluent_kafka.TopicPartition(topic, partition, offset)
    return list(admin.delete_records([target]).values())[0].result(PATIENCE).low_watermark


@pytest.mark.parametrize("hard", [True, False], ids=["kill", "stop"])
def test_deleted_records_stay_deleted(brokers, topic, hard):
    broker = brokers()
    clients.create_topic(broker.bootstrap, topic)
    send(broker.bootstrap, topic, 100, batch_records=10, linger_ms=100)
    assert delete_records(broker.bootstrap, topic, 35) == 35
    assert delete_records(broker.bootstrap, topic, 10) == 35, "the start never goes back"
    for _ in range(2):
        assert clients.watermarks(broker.bootstrap, topic) == (35, 100)
        got = clients.Confluent.consume(broker.bootstrap, topic, 0, 35, 65)
        assert [offset for offset, _, _ in got] == list(range(35, 100))
        assert error_of_reading(broker.bootstrap, topic, 34) == "OFFSET_OUT_OF_RANGE"
        broker.restart(hard=hard)
    assert delete_records(broker.bootstrap, topic, -1) == 100, "-1 is the high watermark"
    broker.restart(hard=hard)
    assert clients.watermarks(broker.bootstrap, topic) == (100, 100)
    assert send(broker.bootstrap, topic, 1) == [(0, 100)], "offsets go on where they were"


def error_of_reading(bootstrap, topic, offset):
    error = {0: None, 1: "OFFSET_OUT_OF_RANGE"}
    with wire.Wire(bootstrap) as connection:
        return error[connection.fetch(topic, 0, offset)[0]]


def test_records_beyond_the_end_cannot_be_deleted(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    send(broker.bootstrap, topic, 3)
    assert refusal(lambda: delete_records(broker.bootstrap, topic, 4)).name() == "OFFSET_OUT_OF_RANGE"
    assert refusal(lambda: delete_records(broker.bootstrap, topic, -2)).name() in ("OFFSET_OUT_OF_RANGE", "_INVALID_ARG")
    clients.create_topic(broker.bootstrap, topic + "-c", config={"cleanup.policy": "compact"})
    assert refusal(lambda: delete_records(broker.bootstrap, topic + "-c", 0)).name() == "POLICY_VIOLATION"


# -- settings ------------------------------------------------------------------------------------------------------


def test_settings_are_changed_described_and_kept(brokers, topic):
    broker = brokers()
    clients.create_topic(broker.bootstrap, topic, config={"retention.ms": "1000000"})
    alter(broker.bootstrap, topic, entry("segment.bytes", "2048"), entry("cleanup.policy", "compact", AlterConfigOpType.APPEND))
    alter(broker.bootstrap, topic, entry("retention.ms", None, AlterConfigOpType.DELETE))
    alter(broker.bootstrap, topic, entry("segment.bytes", "4096"), validate_only=True)
    for _ in range(2):
        found = settings(broker.bootstrap, topic_resource(topic))
        assert found["segment.bytes"].value == "2048" and found["segment.bytes"].source == 1
        assert found["cleanup.policy"].value == "delete,compact"
        assert found["retention.ms"].value == "604800000" and found["retention.ms"].is_default
        broker.restart(hard=True)
    alter(broker.bootstrap, topic, entry("cleanup.policy", "delete", AlterConfigOpType.SUBTRACT))
    assert settings(broker.bootstrap, topic_resource(topic))["cleanup.policy"].value == "compact"
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, set_config={"retention.ms": "5"})
    admin = clients.admin(broker.bootstrap)
    admin.alter_configs([resource])[resource].result(PATIENCE)
    found = settings(broker.bootstrap, topic_resource(topic))
    assert (found["retention.ms"].value, found["segment.bytes"].value, found["cleanup.policy"].value) == (
        "5", "1073741824", "delete"), "AlterConfigs replaces everything"


@pytest.mark.parametrize("name, value, says", [
    ("retention.ms", "-2", "-1"), ("retention.ms", "7d", "604800000"), ("cleanup.policy", "shred", "delete"),
    ("compression.type", "lzma", "zstd"), ("no.such.setting", "1", "no.such.setting"), ("segment.bytes", "10", "1024")])
def test_bad_settings_are_refused_with_what_is_accepted(broker, topic, name, value, says):
    clients.create_topic(broker.bootstrap, topic)
    error = refusal(lambda: alter(broker.bootstrap, topic, entry(name, value)))
    assert error.name() == "INVALID_CONFIG"
    assert says in error.str()
    assert not [each for each in settings(broker.bootstrap, topic_resource(topic)).values() if each.source == 1]


def test_the_brokers_own_settings_are_refused_while_it_runs(broker):
    admin = clients.admin(broker.bootstrap)
    resource = ConfigResource(ConfigResource.Type.BROKER, "1", incremental_configs=[entry("num.partitions", "9")])
    error = refusal(lambda: admin.incremental_alter_configs([resource])[resource].result(PATIENCE))
    assert error.name() == "INVALID_REQUEST"
    assert "restart" in error.str()


def test_max_message_bytes_acts_at_once(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    alter(broker.bootstrap, topic, entry("max.message.bytes", "2000"))
    with wire.Wire(broker.bootstrap) as connection:
        assert connection.produce(topic, 0, wire.batch([b"x" * 3000]))[0] == 10, "MESSAGE_TOO_LARGE"
        assert connection.produce(topic, 0, wire.batch([b"x" * 1500]))[0] == 0
    alter(broker.bootstrap, topic, entry("max.message.bytes", "4000"))
    with wire.Wire(broker.bootstrap) as connection:
        assert connection.produce(topic, 0, wire.batch([b"x" * 3000])) == (0, 1)


@pytest.mark.parametrize("wanted, attribute", [("uncompressed", 0), ("gzip", 1), ("snappy", 2), ("lz4", 3), ("zstd", 4)])
@pytest.mark.parametrize("client", [clients.Confluent, clients.Kcat], ids=["confluent", "kcat"])
def test_compression_type_decides_what_is_stored(broker, topic, client, wanted, attribute):
    clients.create_topic(broker.bootstrap, topic, config={"compression.type": wanted})
    records = [(b"k%d" % i, b"value %d " % i * 20) for i in range(300)]
    for codec in ("none", "zstd", "gzip"):
        clients.Confluent.produce(broker.bootstrap, topic, records, codec=codec, partition=0, batch_records=50)
    got = client.consume(broker.bootstrap, topic, 0, 0, 900)
    assert [(key, value) for _, key, value in got] == records * 3
    assert [offset for offset, _, _ in got] == list(range(900))
    with wire.Wire(broker.bootstrap) as connection:
        at, attributes = 0, set()
        while at < 900:
            error, _, data = connection.fetch(topic, 0, at, version=10)
            assert error == 0
            for _, last, batch in wire.batches(data):
                attributes.add(struct.unpack(">h", batch[21:23])[0] & 7)
                assert struct.unpack(">I", batch[17:21])[0] == wire.crc32c(batch[21:])
                at = last + 1
    assert attributes == {attribute}


def test_compression_keeps_the_order_of_a_connection(broker, topic):
    """Batches that must be compressed take longer than those that are; none may overtake another."""
    clients.create_topic(broker.bootstrap, topic, config={"compression.type": "gzip"})
    plain = wire.batch([b"x" * 2000] * 100)
    import gzip
    records = gzip.compress(wire.record(0, b"small"))
    head = struct.pack(">hiqqqhii", 1, 0, 1, 1, -1, -1, -1, 1) + records
    small = struct.pack(">qiibI", 0, len(head) + 9, -1, 2, wire.crc32c(head)) + head
    with wire.Wire(broker.bootstrap) as connection:
        for turn in range(40):
            connection.send(wire.produce_request(turn, topic, 0, plain if turn % 2 == 0 else small))
        answers = [connection.receive() for _ in range(40)]
    assert [correlation for correlation, _ in answers] == list(range(40))
    bases = [wire.parse_produce(body) for _, body in answers]
    assert bases == [(0, turn // 2 * 101 + (100 if turn % 2 else 0)) for turn in range(40)]


# -- retention -----------------------------------------------------------------------------------------------------


def wait_for_start(bootstrap, topic, wanted):
    """The log start, as soon as it satisfies `wanted`. Nothing announces retention, so this asks until it has run."""
    deadline = time.monotonic() + PATIENCE
    while True:
        start, end = clients.watermarks(bootstrap, topic)
        if wanted(start, end):
            return start, end
        assert time.monotonic() < deadline, f"the log is still [{start}, {end})"


@needs_segments
def test_retention_by_size_and_by_time_deletes_whole_segments(brokers, topic):
    broker = brokers(harness.yaml(topics={"log.retention.check.interval.ms": 200}))
    clients.create_topic(broker.bootstrap, topic, config={"segment.bytes": "20000"})
    send(broker.bootstrap, topic, 2000, batch_records=20, linger_ms=50)
    before = broker.bytes_on_disk()
    alter(broker.bootstrap, topic, entry("retention.bytes", "60000"))
    start, end = wait_for_start(broker.bootstrap, topic, lambda start, end: start > 0)
    assert end == 2000 and 0 < start < 1600, "a partition keeps what its limit allows"
    got = clients.Confluent.consume(broker.bootstrap, topic, 0, start, end - start)
    assert [offset for offset, _, _ in got] == list(range(start, end))
    assert error_of_reading(broker.bootstrap, topic, start - 1) == "OFFSET_OUT_OF_RANGE"
    alter(broker.bootstrap, topic, entry("retention.ms", "1"))
    assert wait_for_start(broker.bootstrap, topic, lambda start, end: start == end) == (2000, 2000)
    assert broker.stop() == 0, "with its log written to the end"
    assert "reason=retention.bytes" in broker.log() and "reason=retention.ms" in broker.log()
    broker.start()
    broker.restart(hard=True)
    assert clients.watermarks(broker.bootstrap, topic) == (2000, 2000)
    assert send(broker.bootstrap, topic, 1) == [(0, 2000)]
    wait_until("more bytes than before are on the disk", lambda: broker.bytes_on_disk() <= before)


@needs_segments
def test_retention_goes_by_the_time_of_the_records(brokers, topic):
    broker = brokers(harness.yaml(topics={"log.retention.check.interval.ms": 200}))
    now = int(time.time() * 1000)
    clients.create_topic(broker.bootstrap, topic, config={"retention.ms": "3600000", "segment.bytes": "1024"})
    with wire.Wire(broker.bootstrap) as connection:
        for number in range(10):
            old = wire.batch([b"x" * 700], timestamp=now - (7_200_000 if number < 4 else 0))
            assert connection.produce(topic, 0, old)[0] == 0
    assert wait_for_start(broker.bootstrap, topic, lambda start, end: start >= 4) == (4, 10)


# -- epochs, sizes, the rest ---------------------------------------------------------------------------------------


def epoch_end(bootstrap, topic, epoch, current=-1):
    """(error, epoch, end offset) of OffsetForLeaderEpoch v2."""
    with wire.Wire(bootstrap) as connection:
        body = struct.pack(">i", 1) + wire.string(topic) + struct.pack(">iiii", 1, 0, current, epoch)
        _, answer = connection.call(wire.frame(wire.header(OFFSET_FOR_LEADER_EPOCH, 2, 3) + body))
    at = 4 + 4 + 2 + len(topic) + 4
    error, _, found, end = struct.unpack(">hiiq", answer[at:at + 18])
    return error, found, end


@pytest.mark.parametrize("hard", [True, False], ids=["kill", "stop"])
def test_every_start_has_an_epoch_and_the_broker_tells_where_each_ended(brokers, topic, hard):
    broker = brokers()
    clients.create_topic(broker.bootstrap, topic)
    for _ in range(3):
        send(broker.bootstrap, topic, 10)
        broker.restart(hard=hard)
    assert [epoch_end(broker.bootstrap, topic, epoch) for epoch in range(5)] == [
        (0, 0, 10), (0, 1, 20), (0, 2, 30), (0, 3, 30), (0, -1, -1)]
    assert epoch_end(broker.bootstrap, topic, 0, current=1)[0] == 74, "FENCED_LEADER_EPOCH"
    assert epoch_end(broker.bootstrap, topic, 0, current=9)[0] == 75, "UNKNOWN_LEADER_EPOCH"


def test_sizes_of_log_directories(broker, topic):
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    send(broker.bootstrap, topic, 100, size=1000)
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        [node] = admin.describe_log_dirs()
    finally:
        admin.close()
    sizes = {}
    for directory in node["log_dirs"]:
        assert directory["error_code"] == 0
        assert directory["total_bytes"] > directory["usable_bytes"] > 0
        for each in directory["topics"]:
            if each["name"] == topic:
                for partition in each["partitions"]:
                    sizes[partition["partition_index"]] = partition["partition_size"]
    assert sizes[1] == 0
    assert 100_000 <= sizes[0] <= 120_000


def test_topics_are_described(broker, topic):
    clients.create_topic(broker.bootstrap, topic, partitions=3)
    admin = clients.admin(broker.bootstrap)
    found = admin.describe_topics(confluent_kafka.TopicCollection([topic]))[topic].result(PATIENCE)
    assert [each.id for each in found.partitions] == [0, 1, 2]


def test_access_rules_are_refused_as_switched_off(broker):
    admin = clients.admin(broker.bootstrap)
    everything = AclBindingFilter(ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY,
                                  AclPermissionType.ANY)
    # The Python client answers an empty list whatever the error, so this one is asked by hand.
    with wire.Wire(broker.bootstrap) as connection:
        anything = struct.pack(">bhbhhbb", 1, -1, 1, -1, -1, 1, 1)
        _, body = connection.call(wire.frame(wire.header(DESCRIBE_ACLS, 1, 5) + anything))
        assert struct.unpack(">h", body[4:6])[0] == 54, "SECURITY_DISABLED"
    error = refusal(lambda: list(admin.delete_acls([everything]).values())[0].result(PATIENCE))
    assert error.name() == "SECURITY_DISABLED"


def test_one_broker_leads_everything(broker, topic):
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    admin = clients.admin(broker.bootstrap)
    places = [confluent_kafka.TopicPartition(topic, 0), confluent_kafka.TopicPartition(topic, 7)]
    answer = admin.elect_leaders(confluent_kafka.ElectionType.PREFERRED, places).result(PATIENCE)
    codes = {place.partition: error.code() for place, error in answer.items()}
    assert codes == {0: confluent_kafka.KafkaError.ELECTION_NOT_NEEDED,
                     7: confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART}
    assert not admin.elect_leaders(confluent_kafka.ElectionType.PREFERRED).result(PATIENCE)


def test_aiokafka_administrates_too(broker, topic):
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.admin import NewPartitions as Partitions
    from aiokafka.admin import NewTopic as Topic
    from aiokafka.admin import RecordsToDelete
    from aiokafka import TopicPartition

    async def run():
        admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([Topic(topic, 1, 1)])
            await admin.create_partitions({topic: Partitions(3)})
            send(broker.bootstrap, topic, 10)
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=4)})
            described = await admin.describe_topics([topic])
            return len(described[0]["partitions"])
        finally:
            await admin.close()

    assert asyncio.run(run()) == 3
    assert clients.watermarks(broker.bootstrap, topic) == (4, 10)
