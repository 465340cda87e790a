"""Topics: created, listed, described, deleted, and still there after a restart."""

import subprocess
import time

import confluent_kafka
import kafka
import pytest
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

import broker as harness
import clients
import wire


def describe(bootstrap, topics):
    """{topic: (id, partition count)} as describe_topics answers."""
    asking = clients.admin(bootstrap)
    futures = asking.describe_topics(confluent_kafka.TopicCollection(topics), request_timeout=60)
    out = {}
    for name, future in futures.items():
        found = future.result(90)
        out[name] = (str(found.topic_id), len(found.partitions))
    return out


def configs(bootstrap, topic):
    asking = clients.admin(bootstrap)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    return {name: entry.value for name, entry in asking.describe_configs([resource])[resource].result(90).items()}


def names(bootstrap):
    return set(clients.admin(bootstrap).list_topics(timeout=60).topics)


def delete(bootstrap, topic):
    asking = clients.admin(bootstrap)
    asking.delete_topics([topic], operation_timeout=60)[topic].result(90)


def until(condition, what, seconds=60):
    """Polls a state that the broker reaches on its own (deletion is a job); never a fixed sleep."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.05)


def test_topics_ids_partitions_and_settings_survive_restarts(brokers, topic):
    broker = brokers()
    clients.create_topic(broker.bootstrap, topic, 3, {"retention.ms": "123456789", "segment.bytes": "20971520"})
    clients.create_topic(broker.bootstrap, topic + "-b", 1)
    before = describe(broker.bootstrap, [topic, topic + "-b"])
    assert [count for _, count in before.values()] == [3, 1]
    assert len({identity for identity, _ in before.values()}) == 2
    for hard in (True, False):
        broker.restart(hard=hard)
        assert names(broker.bootstrap) >= {topic, topic + "-b"}
        assert describe(broker.bootstrap, [topic, topic + "-b"]) == before
        kept = configs(broker.bootstrap, topic)
        assert (kept["retention.ms"], kept["segment.bytes"]) == ("123456789", "20971520")
        assert configs(broker.bootstrap, topic + "-b")["retention.ms"] == "604800000", "the default"


def test_the_cluster_id_survives_restarts(brokers):
    broker = brokers()
    ask = lambda: clients.admin(broker.bootstrap).list_topics(timeout=60).cluster_id
    before = ask()
    assert before
    broker.restart(hard=True)
    assert ask() == before


def test_both_admin_clients_create_and_delete(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 2)
    python = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        python.create_topics({topic + "-p": {"num_partitions": 5, "replication_factor": 1}})
        assert names(broker.bootstrap) >= {topic, topic + "-p"}
        assert set(python.list_topics()) >= {topic, topic + "-p"}
        assert describe(broker.bootstrap, [topic + "-p"])[topic + "-p"][1] == 5
        delete(broker.bootstrap, topic + "-p")
        python.delete_topics([topic])
        until(lambda: not names(broker.bootstrap) & {topic, topic + "-p"}, "both deleted")
    finally:
        python.close()


def test_creating_twice_and_creating_nonsense_are_refused(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    cases = [
        (NewTopic(topic, 1, 1), "TOPIC_ALREADY_EXISTS"),
        (NewTopic("bad name!", 1, 1), "TOPIC_EXCEPTION"),
        (NewTopic("x" * 250, 1, 1), "TOPIC_EXCEPTION"),
        (NewTopic("..", 1, 1), "TOPIC_EXCEPTION"),
        (NewTopic(topic + "-z", 0, 1), "INVALID_PARTITIONS"),
        (NewTopic(topic + "-c", 1, 1, config={"no.such.setting": "1"}), "INVALID_CONFIG"),
        (NewTopic(topic + "-c", 1, 1, config={"retention.ms": "soon"}), "INVALID_CONFIG"),
    ]
    asking = clients.admin(broker.bootstrap)
    for wrong, expected in cases:
        [future] = asking.create_topics([wrong], operation_timeout=10).values()
        with pytest.raises(confluent_kafka.KafkaException) as refused:
            future.result(30)
        assert refused.value.args[0].name() == expected, f"{wrong.topic!r}: {refused.value}"
    assert topic + "-c" not in names(broker.bootstrap)


def test_validate_only_creates_nothing(broker, topic):
    asking = clients.admin(broker.bootstrap)
    asking.create_topics([NewTopic(topic, 1, 1)], validate_only=True)[topic].result(30)
    assert topic not in names(broker.bootstrap)


def test_deleting_removes_the_bytes_and_recreating_starts_over(brokers, topic, corpus):
    broker = brokers(harness.yaml(topics={"auto.create.topics.enable": "false"}))
    empty = broker.bytes_on_disk()
    clients.create_topic(broker.bootstrap, topic, 2)
    lines = [(None, line) for line in corpus.slice(0, 12_000_000)]
    clients.Confluent.produce(broker.bootstrap, topic, lines, partition=1)
    [(first, _)] = describe(broker.bootstrap, [topic]).values()
    assert broker.bytes_on_disk() > empty + 12_000_000
    delete(broker.bootstrap, topic)
    assert topic not in names(broker.bootstrap)
    until(lambda: broker.bytes_on_disk() < empty + 3_000_000, "the deleted topic's bytes leave the disk")

    clients.create_topic(broker.bootstrap, topic, 1)
    [(second, count)] = describe(broker.bootstrap, [topic]).values()
    assert second != first and count == 1
    assert clients.watermarks(broker.bootstrap, topic) == (0, 0)
    clients.Confluent.produce(broker.bootstrap, topic, [(None, b"new life")], partition=0)
    broker.restart(hard=True)
    assert describe(broker.bootstrap, [topic])[topic] == (second, 1)
    assert clients.Confluent.consume(broker.bootstrap, topic, 0, 0, 1) == [(0, None, b"new life")]


def test_a_deletion_survives_a_kill(brokers, topic):
    broker = brokers(harness.yaml(topics={"auto.create.topics.enable": "false"}))
    clients.create_topic(broker.bootstrap, topic)
    clients.Confluent.produce(broker.bootstrap, topic, [(None, b"x" * 1_000)] * 5_000, partition=0)
    delete(broker.bootstrap, topic)
    broker.restart(hard=True)
    assert topic not in names(broker.bootstrap)
    until(lambda: broker.bytes_on_disk() < 3_000_000, "the rest of the deletion is done after the restart")


def test_producing_to_an_unknown_topic_creates_it_with_the_configured_partitions(brokers, topic):
    broker = brokers(harness.yaml(topics={"num.partitions": 7}))
    for client in clients.ALL.values():
        name = f"{topic}-{client.name}"
        client.produce(broker.bootstrap, name, [(b"k", b"v")])
        assert describe(broker.bootstrap, [name])[name][1] == 7, client.name


def test_automatic_creation_can_be_switched_off(brokers, topic):
    broker = brokers(harness.yaml(topics={"auto.create.topics.enable": "false"}))
    with pytest.raises((AssertionError, confluent_kafka.KafkaException)):
        clients.Confluent.produce(broker.bootstrap, topic, [(None, b"v")], **{"message.timeout.ms": 3000})
    assert topic not in names(broker.bootstrap)


def test_names_that_metrics_cannot_tell_apart_are_not_created_on_first_use_either(broker, topic):
    clients.create_topic(broker.bootstrap, topic + ".a_b")
    with wire.Wire(broker.bootstrap) as connection:
        for name, code in ((topic + ".a.b", 3), (topic + "_a_b", 3), (topic + ".a_c", 0)):
            _, body = connection.call(wire.metadata_request(connection.correlation(), name))
            assert wire.topic_error(body) == code, name
    assert {name for name in names(broker.bootstrap) if name.startswith(topic)} == {topic + ".a_b", topic + ".a_c"}


def test_kcat_lists_the_broker_and_its_topics(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 3)
    listing = subprocess.run(["kcat", "-m", "60", "-L", "-b", broker.bootstrap], capture_output=True, text=True, timeout=120)
    assert listing.returncode == 0, listing.stderr
    assert f"at {broker.bootstrap}" in listing.stdout
    assert f'topic "{topic}" with 3 partitions' in listing.stdout
    assert "1 brokers" in listing.stdout


def test_describe_cluster_and_broker_settings(broker):
    asking = clients.admin(broker.bootstrap)
    cluster = asking.describe_cluster(request_timeout=60).result(90)
    assert cluster.cluster_id
    [node] = cluster.nodes
    assert f"{node.host}:{node.port}" == broker.bootstrap
    assert cluster.controller.id == node.id
    resource = ConfigResource(ResourceType.BROKER, str(node.id))
    settings = asking.describe_configs([resource])[resource].result(30)
    assert settings["auto.create.topics.enable"].value == "true"
    python = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        assert len(python.describe_cluster()["brokers"]) == 1
    finally:
        python.close()


def test_describe_configs_names_every_setting_with_its_default(broker, topic):
    clients.create_topic(broker.bootstrap, topic, 1, {"cleanup.policy": "compact"})
    found = configs(broker.bootstrap, topic)
    assert found["cleanup.policy"] == "compact"
    for name in ("retention.ms", "retention.bytes", "segment.bytes", "segment.ms", "max.message.bytes",
                 "compression.type", "min.insync.replicas", "message.timestamp.type", "delete.retention.ms"):
        assert found[name], name
    asking = clients.admin(broker.bootstrap)
    resource = ConfigResource(ResourceType.TOPIC, topic + "-none")
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        asking.describe_configs([resource])[resource].result(30)
    assert refused.value.args[0].name() == "UNKNOWN_TOPIC_OR_PART"
