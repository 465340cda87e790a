"""Settings of a running broker (Kafka's dynamic broker configuration) as administrators change them, and what comes of
it for those who produce and consume."""

import concurrent.futures
import struct
import time

import confluent_kafka
import kafka
import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource
from kafka.admin import ConfigResource as PythonResource

import broker as harness
import clients
import wire

PATIENCE = 90
DYNAMIC_BROKER, DYNAMIC_DEFAULT, STATIC, DEFAULT = 2, 3, 4, 5
MESSAGE_TOO_LARGE = 10
DESCRIBE_CONFIGS, ALTER_CONFIGS, INCREMENTAL = 32, 33, 44
SEGMENTS = "LocalSegments" in str(harness.DEFAULT_CHAIN)
needs_segments = pytest.mark.skipif(not SEGMENTS, reason="looks at segments, which this chain does not have")
SET, DELETE = AlterConfigOpType.SET, AlterConfigOpType.DELETE
APPEND, SUBTRACT = AlterConfigOpType.APPEND, AlterConfigOpType.SUBTRACT


def entry(name, value, operation=SET):
    return ConfigEntry(name, value, incremental_operation=operation)


def wire_alter(broker, node, steps, kind=4, validate_only=False):
    """IncrementalAlterConfigs v0 of one resource, from (name, operation, value): (error, message)."""
    body = struct.pack(">ib", 1, kind) + wire.string(node) + struct.pack(">i", len(steps))
    for name, operation, value in steps:
        body += wire.string(name) + struct.pack(">b", operation) + (struct.pack(">h", -1) if value is None else wire.string(value))
    return altered(broker, INCREMENTAL, body, validate_only)


def altered(broker, api, body, validate_only):
    with wire.Wire(broker.bootstrap, timeout=PATIENCE) as connection:
        _, answer = connection.call(
            wire.frame(wire.header(api, 0, connection.correlation()) + body + struct.pack(">?", validate_only)))
    error, length = struct.unpack_from(">hh", answer, 8)
    return error, answer[12:12 + max(0, length)].decode()


def alter(broker, node, *entries, validate_only=False):
    """Neither of the Python clients takes the empty name of the cluster's defaults; Kafka's own tool does."""
    if node == "":
        steps = [(each.name, each.incremental_operation.value, each.value) for each in entries]
        assert wire_alter(broker, node, steps, validate_only=validate_only) == (0, "")
        return
    resource = ConfigResource(ConfigResource.Type.BROKER, node, incremental_configs=list(entries))
    admin = clients.admin(broker.bootstrap)
    admin.incremental_alter_configs([resource], validate_only=validate_only)[resource].result(PATIENCE)


def replace(broker, node, **settings):
    """AlterConfigs; underscores stand for dots."""
    settings = {name.replace("_", "."): value for name, value in settings.items()}
    if node == "":
        body = struct.pack(">ib", 1, 4) + wire.string(node) + struct.pack(">i", len(settings))
        body += b"".join(wire.string(name) + wire.string(value) for name, value in settings.items())
        assert altered(broker, ALTER_CONFIGS, body, False) == (0, "")
        return
    resource = ConfigResource(ConfigResource.Type.BROKER, node, set_config=settings)
    admin = clients.admin(broker.bootstrap)
    admin.alter_configs([resource])[resource].result(PATIENCE)


def cluster_defaults(broker):
    """{name: (value, source)} of DescribeConfigs v1 for the empty name, without synonyms."""
    with wire.Wire(broker.bootstrap) as connection:
        body = struct.pack(">ib", 1, 4) + wire.string("") + struct.pack(">i?", -1, False)
        _, answer = connection.call(wire.frame(wire.header(DESCRIBE_CONFIGS, 1, connection.correlation()) + body))
    at = 8

    def take(form):
        nonlocal at
        values = struct.unpack_from(form, answer, at)
        at += struct.calcsize(form)
        return values[0] if len(values) == 1 else values

    def text():
        nonlocal at
        length = take(">h")
        at += max(0, length)
        return answer[at - length:at].decode() if length >= 0 else None

    error, _ = take(">h"), text()
    kind, name = take(">b"), text()
    assert (error, kind, name) == (0, 4, "")
    found = {}
    for _ in range(take(">i")):
        name, value = text(), text()
        read_only, source, _, synonyms = take(">?b?i")
        assert not read_only and synonyms == 0
        found[name] = (value, source)
    return found


def describe(broker, node, kind=ConfigResource.Type.BROKER):
    resource = ConfigResource(kind, node)
    admin = clients.admin(broker.bootstrap)
    return admin.describe_configs([resource])[resource].result(PATIENCE)


def described(broker, node, name):
    found = describe(broker, node)[name]
    return found.value, found.source


def topic_setting(broker, topic, name):
    found = describe(broker, topic, ConfigResource.Type.TOPIC)[name]
    return found.value, found.source


def refusal(call):
    with pytest.raises(confluent_kafka.KafkaException) as refused:
        call()
    error = refused.value.args[0]
    return error.name(), error.str()


def produce_error(broker, topic, size):
    with wire.Wire(broker.bootstrap) as connection:
        return connection.produce(topic, 0, wire.batch([b"x" * size]))[0]


@pytest.fixture
def broker(brokers):
    return brokers(harness.yaml(topics={"retention.ms": 7000000, "log.retention.check.interval.ms": 200}))


# -- what is described, and what survives ----------------------------------------------------------------------------


@pytest.mark.parametrize("hard", [False, True], ids=["restart", "kill -9"])
def test_each_layer_weighs_more_than_the_next_and_survives(broker, topic, hard):
    clients.create_topic(broker.bootstrap, topic)
    assert topic_setting(broker, topic, "retention.ms") == ("7000000", STATIC)
    alter(broker, "", entry("log.retention.ms", "6000000"), entry("log.segment.bytes", "4096"))
    assert topic_setting(broker, topic, "retention.ms") == ("6000000", DYNAMIC_DEFAULT)
    alter(broker, "1", entry("log.retention.ms", "5000000"))
    # The answer is out; nothing more is needed for it to last.
    broker.restart(hard=hard)
    assert topic_setting(broker, topic, "retention.ms") == ("5000000", DYNAMIC_BROKER)
    assert topic_setting(broker, topic, "segment.bytes") == ("4096", DYNAMIC_DEFAULT)
    assert topic_setting(broker, topic, "segment.ms") == ("604800000", DEFAULT)
    assert described(broker, "1", "log.retention.ms") == ("5000000", DYNAMIC_BROKER)
    assert cluster_defaults(broker) == {
        "log.retention.ms": ("6000000", DYNAMIC_DEFAULT), "log.segment.bytes": ("4096", DYNAMIC_DEFAULT)}
    alter(broker, "1", entry("log.retention.ms", None, DELETE))
    assert topic_setting(broker, topic, "retention.ms") == ("6000000", DYNAMIC_DEFAULT)
    alter(broker, "", entry("log.retention.ms", None, DELETE))
    assert topic_setting(broker, topic, "retention.ms") == ("7000000", STATIC)
    broker.restart(hard=hard)
    assert topic_setting(broker, topic, "retention.ms") == ("7000000", STATIC)
    assert topic_setting(broker, topic, "segment.bytes") == ("4096", DYNAMIC_DEFAULT)


def test_synonyms_are_in_order_of_weight(broker, topic):
    clients.create_topic(broker.bootstrap, topic, config={"retention.ms": "4000000"})
    alter(broker, "", entry("log.retention.ms", "6000000"))
    alter(broker, "1", entry("log.retention.ms", "5000000"))
    broker_layers = [("log.retention.ms", "5000000", DYNAMIC_BROKER), ("log.retention.ms", "6000000", DYNAMIC_DEFAULT),
                     ("log.retention.ms", "7000000", STATIC), ("log.retention.ms", "604800000", DEFAULT)]
    client = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        found = client.describe_configs(
            [PythonResource("broker", "1"), PythonResource("topic", topic)], include_synonyms=True, config_filter="all")
    finally:
        client.close()
    names = {2: "DYNAMIC_BROKER_CONFIG", 3: "DYNAMIC_DEFAULT_BROKER_CONFIG", 4: "STATIC_BROKER_CONFIG", 5: "DEFAULT_CONFIG"}

    def layers(synonyms):
        return [(each["name"], each["value"], each["source"]) for each in synonyms]

    expected = [(name, value, names[source]) for name, value, source in broker_layers]
    own = found["broker"]["1"]["log.retention.ms"]
    assert layers(own["synonyms"]) == expected and not own["read_only"]
    of_topic = found["topic"][topic]["retention.ms"]["synonyms"]
    assert layers(of_topic)[1:] == expected
    assert (of_topic[0]["name"], of_topic[0]["value"]) == ("retention.ms", "4000000")
    assert found["broker"]["1"]["node.id"]["read_only"]


def test_alter_configs_replaces_the_whole_set_of_its_scope(broker):
    alter(broker, "", entry("log.segment.bytes", "4096"))
    alter(broker, "1", entry("log.segment.bytes", "8192"), entry("log.roll.ms", "1000000"))
    replace(broker, "1", log_retention_ms="5000000")
    assert described(broker, "1", "log.segment.bytes") == ("4096", DYNAMIC_DEFAULT)
    assert described(broker, "1", "log.roll.ms") == ("604800000", DEFAULT)
    assert described(broker, "1", "log.retention.ms") == ("5000000", DYNAMIC_BROKER)
    replace(broker, "")
    assert cluster_defaults(broker) == {}
    assert described(broker, "1", "log.retention.ms") == ("5000000", DYNAMIC_BROKER)


def test_lists_are_appended_to_what_is_in_force(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    alter(broker, "1", entry("log.cleanup.policy", "compact", APPEND))
    assert topic_setting(broker, topic, "cleanup.policy") == ("delete,compact", DYNAMIC_BROKER)
    with wire.Wire(broker.bootstrap) as connection:
        assert connection.produce(topic, 0, wire.batch([b"no key"]))[0] == 87, "INVALID_RECORD"
    alter(broker, "1", entry("log.cleanup.policy", "compact", SUBTRACT))
    assert topic_setting(broker, topic, "cleanup.policy") == ("delete", DYNAMIC_BROKER)
    assert produce_error(broker, topic, 10) == 0


def test_validate_only_changes_nothing(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    alter(broker, "1", entry("message.max.bytes", "2000"), validate_only=True)
    alter(broker, "", entry("message.max.bytes", "2000"), validate_only=True)
    assert produce_error(broker, topic, 3000) == 0
    assert topic_setting(broker, topic, "max.message.bytes") == ("1048588", DEFAULT)
    assert not (broker.data / "broker.settings").exists()
    name, text = refusal(lambda: alter(broker, "1", entry("message.max.bytes", "x"), validate_only=True))
    assert name == "INVALID_CONFIG" and "message.max.bytes" in text


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node, name, value, code, says", [
    ("1", "node.id", "2", "INVALID_REQUEST", "Cannot update these configs dynamically: Set(node.id)"),
    ("1", "log.dirs", "/x", "INVALID_REQUEST", "Cannot update these configs dynamically: Set(log.dirs)"),
    ("", "listeners", "PLAINTEXT://:1", "INVALID_REQUEST", "Cannot update these configs dynamically: Set(listeners)"),
    ("", "num.partitions", "3", "INVALID_REQUEST", "restart"),
    ("1", "ssl.keystore.location", "/k", "INVALID_REQUEST", "no TLS"),
    ("1", "sasl.enabled.mechanisms", "PLAIN", "INVALID_REQUEST", "no SASL"),
    ("", "sasl.kerberos.min.time.before.relogin", "1", "INVALID_REQUEST", "broker id must be specified"),
    ("2", "log.retention.ms", "1", "INVALID_REQUEST", "Unexpected broker id, expected 1"),
    ("one", "log.retention.ms", "1", "INVALID_REQUEST", "must be an integer"),
    ("1", "log.retention.ms", "7d", "INVALID_CONFIG", "604800000"),
    ("", "log.segment.bytes", "10", "INVALID_CONFIG", "1024"),
    ("1", "message.max.bytes", "2000000000", "INVALID_CONFIG", "socket.request.max.bytes"),
    ("1", "log.retention.mss", "1", "INVALID_CONFIG", "log.retention.ms"),
])
def test_refusals_say_why_and_change_nothing(broker, node, name, value, code, says):
    # The bad one takes the good one beside it along.
    error, text = wire_alter(broker, node, [("log.roll.ms", 0, "1000000"), (name, 0, value)])
    assert (error, says in text) == ({"INVALID_REQUEST": 42, "INVALID_CONFIG": 40}[code], True), text
    assert described(broker, "1", "log.roll.ms")[1] == DEFAULT
    assert not (broker.data / "broker.settings").exists()


def test_what_cannot_be_stored_is_refused_and_not_in_force(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    # A directory in the place of the file's draft: writing it fails, also for root.
    (broker.data / "broker.settings.tmp").mkdir()
    error, text = wire_alter(broker, "1", [("message.max.bytes", 0, "2000")])
    assert (error, "broker.settings.tmp" in text) == (56, True), text
    assert topic_setting(broker, topic, "max.message.bytes") == ("1048588", DEFAULT)
    assert produce_error(broker, topic, 3000) == 0
    (broker.data / "broker.settings.tmp").rmdir()
    assert wire_alter(broker, "1", [("message.max.bytes", 0, "2000")]) == (0, "")
    assert produce_error(broker, topic, 3000) == MESSAGE_TOO_LARGE


def test_long_names_are_refused_in_an_answer_that_can_be_read(broker):
    error, text = wire_alter(broker, "1", [("listener.name." + "x" * 32000 + ".ssl.keystore.location", 0, "1")])
    assert error == 42 and 1000 < len(text) < 32000


# -- what comes of it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", ["1", ""], ids=["broker", "cluster"])
def test_message_max_bytes_acts_at_once_on_topics_without_their_own(broker, topic, node):
    own = topic + "-own"
    clients.create_topic(broker.bootstrap, topic)
    clients.create_topic(broker.bootstrap, own, config={"max.message.bytes": "100000"})
    alter(broker, node, entry("message.max.bytes", "2000"))
    assert produce_error(broker, topic, 3000) == MESSAGE_TOO_LARGE
    assert produce_error(broker, own, 3000) == 0
    late = topic + "-late"
    clients.create_topic(broker.bootstrap, late)
    assert produce_error(broker, late, 3000) == MESSAGE_TOO_LARGE
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap})
    outcome = []
    producer.produce(topic, b"y" * 3000, partition=0, on_delivery=lambda error, _: outcome.append(error))
    producer.flush(PATIENCE)
    assert outcome[0] and outcome[0].name() == "MSG_SIZE_TOO_LARGE"
    broker.restart(hard=True)
    assert produce_error(broker, topic, 3000) == MESSAGE_TOO_LARGE
    alter(broker, node, entry("message.max.bytes", None, DELETE))
    assert produce_error(broker, topic, 3000) == 0 and produce_error(broker, late, 3000) == 0


@needs_segments
def test_segment_size_and_retention_act_on_what_is_there(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    alter(broker, "", entry("log.segment.bytes", "20000"))
    with wire.Wire(broker.bootstrap) as connection:
        for _ in range(50):
            assert connection.produce(topic, 0, wire.batch([b"x" * 3000]))[0] == 0
    assert len(list(broker.data.rglob(f"*{topic}*/*.log"))) >= 7, "50 records of 3 kB in segments of 20 kB"
    alter(broker, "1", entry("log.retention.bytes", "60000"))
    deadline = time.monotonic() + PATIENCE
    while (start := clients.watermarks(broker.bootstrap, topic)[0]) == 0:
        assert time.monotonic() < deadline, "retention has not begun"
    assert start < 50
    kept = clients.Confluent.consume(broker.bootstrap, topic, 0, start, 50 - start)
    assert [offset for offset, _, _ in kept] == list(range(start, 50))


def test_many_topics_take_a_default_over_before_the_answer(broker, topic):
    names = [f"{topic}-{number}" for number in range(60)]
    admin = clients.admin(broker.bootstrap)
    for future in admin.create_topics([confluent_kafka.admin.NewTopic(name, 3) for name in names]).values():
        future.result(PATIENCE)
    alter(broker, "1", entry("message.max.bytes", "2000"))
    with wire.Wire(broker.bootstrap) as connection:
        for name in names:
            assert connection.produce(name, 2, wire.batch([b"x" * 3000]))[0] == MESSAGE_TOO_LARGE, name


def test_a_topic_that_is_made_meanwhile_has_the_new_default(broker, topic):
    """Creations and changes of the default at the same time: whatever the order, each topic ends with the last value."""
    def make(number):
        clients.create_topic(broker.bootstrap, f"{topic}-{number}", 20)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = [pool.submit(make, number) for number in range(12)]
        for size in range(2000, 2012):
            alter(broker, "1", entry("message.max.bytes", str(size * 10)))
        alter(broker, "1", entry("message.max.bytes", "2000"))
        for each in made:
            each.result(PATIENCE)
    with wire.Wire(broker.bootstrap) as connection:
        for number in range(12):
            for partition in range(20):
                answer = connection.produce(f"{topic}-{number}", partition, wire.batch([b"x" * 3000]))[0]
                assert answer == MESSAGE_TOO_LARGE, (number, partition)


def test_max_connections_acts_on_the_next_connection(broker):
    assert wire_alter(broker, "1", [("max.connections", 0, "20")])[0] == 0
    held = []
    try:
        with pytest.raises(wire.Closed):
            for _ in range(30):
                held.append(wire.Wire(broker.bootstrap))
                held[-1].api_versions()
        # The last of them is the one that was closed.
        assert 15 < len(held) <= 21
        held[0].api_versions()
        body = struct.pack(">ib", 1, 4) + wire.string("1") + struct.pack(">i", 1) + wire.string("max.connections")
        body += struct.pack(">bh", DELETE.value, -1) + struct.pack(">?", False)
        _, answer = held[0].call(wire.frame(wire.header(INCREMENTAL, 0, held[0].correlation()) + body))
        assert struct.unpack_from(">h", answer, 8) == (0,)
        for _ in range(10):
            held.append(wire.Wire(broker.bootstrap))
            held[-1].api_versions()
    finally:
        for each in held:
            each.__exit__(None, None, None)


def test_timings_of_what_is_not_there_are_kept_and_shown_as_without_effect(broker):
    name = "sasl.kerberos.min.time.before.relogin"
    alter(broker, "1", entry(name, "58000"), entry("background.threads", "9"))
    broker.restart(hard=True)
    assert described(broker, "1", name) == ("58000", DYNAMIC_BROKER)
    assert described(broker, "1", "background.threads") == ("9", DYNAMIC_BROKER)


def test_a_damaged_file_stops_the_start_and_says_so(broker):
    alter(broker, "1", entry("log.retention.ms", "5000000"))
    assert broker.stop() == 0
    path = broker.data / "broker.settings"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"5000000", b"5000001"))
    with pytest.raises(RuntimeError, match="broker.settings: the checksum does not match"):
        broker.start()
    path.write_bytes(whole)
    broker.start()
    assert described(broker, "1", "log.retention.ms") == ("5000000", DYNAMIC_BROKER)


def test_kafka_python_changes_the_broker_too(broker, topic):
    clients.create_topic(broker.bootstrap, topic)
    client = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        for incremental, value in ((True, "5000000"), (False, "4000000")):
            answer = client.alter_configs(
                [PythonResource("broker", "1", {"log.retention.ms": value})], incremental=incremental)
            assert answer == {"broker": {"1": "OK"}}
            assert topic_setting(broker, topic, "retention.ms") == (value, DYNAMIC_BROKER)
        answer = client.alter_configs([PythonResource("broker", "1", {"log.retention.ms": ("delete", None)})])
        assert answer == {"broker": {"1": "OK"}}
        assert topic_setting(broker, topic, "retention.ms") == ("7000000", STATIC)
    finally:
        client.close()


# -- loggers and groups ----------------------------------------------------------------------------------------------


def log_level(broker):
    client = kafka.KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    try:
        found = client.describe_configs([PythonResource("broker_logger", "1")], config_filter="all")
    finally:
        client.close()
    [(name, root)] = found["broker_logger"]["1"].items()
    assert (name, root["config_source"]) == ("root", "DYNAMIC_BROKER_LOGGER_CONFIG")
    return root["value"]


def test_the_level_of_the_log_is_changed_until_the_next_start(broker, topic):
    assert log_level(broker) == "INFO"
    assert wire_alter(broker, "1", [("root", 0, "ERROR")], kind=8)[0] == 0
    assert log_level(broker) == "ERROR"
    clients.create_topic(broker.bootstrap, topic + "-unheard")
    assert wire_alter(broker, "1", [("root", 0, "INFO")], kind=8)[0] == 0
    clients.create_topic(broker.bootstrap, topic + "-heard")
    assert wire_alter(broker, "1", [("kafka.log", 0, "DEBUG")], kind=8) == (
        40, "Logger kafka.log does not exist! The only one here is root.")
    assert wire_alter(broker, "", [("root", 0, "DEBUG")], kind=8) == (42, "Broker id must not be empty")
    assert wire_alter(broker, "1", [("root", 0, "ERROR")], kind=8)[0] == 0
    broker.restart()
    assert log_level(broker) == "INFO"
    assert f"topic={topic}-heard" in broker.log() and f"topic={topic}-unheard" not in broker.log()


def test_groups_have_no_settings_yet(broker):
    error, text = wire_alter(broker, "g", [("consumer.session.timeout.ms", 0, "50000")], kind=32)
    assert error == 42 and "32" in text
