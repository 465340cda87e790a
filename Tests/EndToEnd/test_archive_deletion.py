"""What is deleted leaves the archive too: records, topics, and what retention lets go of, also across kill -9. Nothing
else leaves it, and nothing stays behind."""

import os
import shutil
import time

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

import archive
import clients
import wire
from test_archive_reading import fill
from test_http import search
from test_offload import wait_until

KILLS = pytest.mark.parametrize("kills", [pytest.param(False, id="calm", marks=pytest.mark.slow), pytest.param(True, id="kill")])


def cold(brokers, topic, corpus, byte_count=4_000_000, codec="none"):
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic)
    ledger = archive.Ledger(topic)
    fill(broker, ledger, corpus, byte_count, combinations=[(archive.produce_confluent, codec)])
    local = archive.wait_for_cold(broker, topic)
    return broker, ledger, local


def delete_records(broker, topic, offset):
    admin = clients.admin(broker.bootstrap)  # must outlive its futures
    [deleted] = admin.delete_records([TopicPartition(topic, 0, offset)]).values()
    assert deleted.result(90).low_watermark == offset


def delete_topic(broker, topic):
    admin = clients.admin(broker.bootstrap)  # must outlive its futures
    [gone] = admin.delete_topics([topic]).values()
    gone.result(90)


def configure(broker, topic, **settings):
    admin = clients.admin(broker.bootstrap)  # must outlive its futures
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[
        ConfigEntry(name.replace("_", "."), str(value), incremental_operation=AlterConfigOpType.SET)
        for name, value in settings.items()])
    [done] = admin.incremental_alter_configs([resource]).values()
    done.result(90)


def check_found(broker, topic, offsets):
    """Searches find exactly these offsets of partition 0: newest first to the last page, and all counted by relevance."""
    found, cursor = [], None
    while True:
        page = search(broker, topic, q="*", limit=10_000, order="newest", **({"cursor": cursor} if cursor else {}))[2]
        assert not page["partial"], page["reason"]
        found += [record["offset"] for record in page["records"]]
        cursor = page["cursor"]
        if cursor is None:
            break
        assert page["total"] <= len(offsets) and len(found) <= len(offsets)
    assert sorted(found) == list(offsets)
    ranked = search(broker, topic, q="*", limit=10_000, order="relevance")[2]
    assert not ranked["partial"], ranked["reason"]
    assert {record["offset"] for record in ranked["records"]} <= set(offsets)
    assert ranked["total_exact"] and ranked["total"] == len(offsets)


def last_offsets(broker):
    return [int(path.name.split("-")[0]) for path in archive.objects(broker)]


def check_from(broker, ledger, start):
    records = ledger[0]
    assert clients.watermarks(broker.bootstrap, ledger.topic) == (start, len(records))
    got = archive.read_confluent(broker.bootstrap, ledger.topic, 0, start, len(records) - start)
    archive.same(got, records, start)


@KILLS
def test_deleted_records_leave_the_archive(brokers, topic, corpus, kills):
    broker, ledger, local = cold(brokers, topic, corpus, codec="lz4")
    for start in (local // 3, local // 2, local - 1):
        delete_records(broker, topic, start)
        if kills:
            broker.restart(hard=True)
        wait_until("objects wholly below the start of the log stay", lambda: min(last_offsets(broker)) >= start)
        check_from(broker, ledger, start)
    found = search(broker, topic, q="*", limit=10_000, order="newest")[2]
    assert found["records"] and min(record["offset"] for record in found["records"]) >= local - 1
    archive.scrub(broker)
    broker.start()
    check_from(broker, ledger, local - 1)
    # Beyond everything archived: the archive of the topic is empty.
    delete_records(broker, topic, len(ledger[0]))
    wait_until("objects below the start of the log stay", lambda: not archive.objects(broker))
    assert clients.watermarks(broker.bootstrap, topic) == (len(ledger[0]), len(ledger[0]))
    archive.scrub(broker)


@KILLS
def test_a_deleted_topic_leaves_nothing_and_its_successor_is_another(brokers, topic, corpus, kills):
    broker, ledger, _ = cold(brokers, topic, corpus, 2_000_000)
    clients.create_topic(broker.bootstrap, topic + "-other")
    other = archive.Ledger(topic + "-other")
    fill(broker, other, corpus, 2_000_000, seed=4, combinations=[(archive.produce_confluent, "none")])
    archive.wait_for_cold(broker, topic + "-other")
    kept = {path.name for path in archive.objects(broker) if topic + "-other" in str(path)}
    delete_topic(broker, topic)
    if kills:
        broker.restart(hard=True)
    clients.create_topic(broker.bootstrap, topic)
    assert clients.watermarks(broker.bootstrap, topic) == (0, 0)
    assert search(broker, topic, q="*")[2]["total"] == 0
    successor = archive.Ledger(topic)
    fill(broker, successor, corpus, 2_000_000, seed=5, combinations=[(archive.produce_confluent, "zstd")])
    archive.wait_for_cold(broker, topic)
    archive.check(broker, successor)
    archive.check(broker, other)
    wait_until("objects of the deleted topic stay", lambda: len({path.parent for path in archive.objects(broker)}) == 2)
    assert kept <= {path.name for path in archive.objects(broker)}, "objects of another topic left"
    archive.scrub(broker)


def is_marked(store):
    """Something in the store says that its partition is being deleted."""
    return any("partition.deleted" in names for _, _, names in os.walk(store))


def undelete(broker, saved, wanted):
    """Puts objects back as if they had not been deleted yet, and takes the index away; the broker is stopped."""
    store = broker.data / "ArchiveIndex.store"
    for path in sorted(saved.rglob("*.kar")):
        if wanted(path):
            target = store / path.relative_to(saved)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    archive.index_file(broker).unlink()


def test_a_deleted_topic_stays_deleted_when_the_index_is_lost(brokers, topic, corpus, tmp_path):
    broker, _, _ = cold(brokers, topic, corpus, 2_000_000)
    saved, store = tmp_path / "saved", broker.data / "ArchiveIndex.store"
    shutil.copytree(store, saved)
    [place] = {path.parent.relative_to(store) for path in archive.objects(broker)}
    delete_topic(broker, topic)
    wait_until("objects of the deleted topic stay", lambda: not archive.objects(broker))
    # The mark goes after the last object.
    wait_until("the mark of the deletion stays", lambda: not is_marked(store))
    assert broker.stop() == 0
    assert not (store / place).exists() or not list((store / place).iterdir())
    # The state that a broker leaves that loses its power and its index before the first object has gone: the catalogue
    # has forgotten the topic, so that only the mark in the store says what was promised.
    undelete(broker, saved, lambda path: True)
    (store / place / "partition.deleted").write_text("")
    done = archive.archive(broker, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    broker.start()
    wait_until("objects of the deleted topic came back", lambda: not archive.objects(broker))
    assert "does not know" not in broker.log(), "what is being deleted is no unknown topic"
    wait_until("the mark of the deletion stays", lambda: not is_marked(store))
    archive.scrub(broker)
    assert not is_marked(store)


@pytest.mark.parametrize("delay", [0, pytest.param(0.02, marks=pytest.mark.slow), pytest.param(0.1, marks=pytest.mark.slow)])
def test_a_topic_that_was_being_deleted_stays_deleted_when_the_index_is_lost(brokers, topic, corpus, delay):
    broker, _, _ = cold(brokers, topic, corpus, 2_000_000)
    delete_topic(broker, topic)
    time.sleep(delay)
    broker.kill()
    archive.index_file(broker).unlink()
    broker.start()
    clients.create_topic(broker.bootstrap, topic)
    assert search(broker, topic, q="*")[2]["total"] == 0
    wait_until("objects of the deleted topic came back", lambda: not archive.objects(broker))
    archive.scrub(broker)


def test_deleted_records_stay_deleted_when_the_index_is_lost(brokers, topic, corpus, tmp_path):
    broker, ledger, local = cold(brokers, topic, corpus)
    saved = tmp_path / "saved"
    shutil.copytree(broker.data / "ArchiveIndex.store", saved)
    ends = last_offsets(broker)
    assert len(ends) >= 3
    start = (ends[0] + ends[1]) // 2  # inside an object
    delete_records(broker, topic, start)
    wait_until("objects wholly below the start of the log stay", lambda: min(last_offsets(broker)) >= start)
    assert broker.stop() == 0
    # The first object is there as if it had not gone yet, and nothing remembers that it should.
    undelete(broker, saved, lambda path: int(path.name.split("-")[0]) < start)
    assert min(last_offsets(broker)) < start
    for _ in range(2):
        broker.start()
        check_from(broker, ledger, start)
        with wire.Wire(broker.bootstrap) as connection:
            for offset in (0, ends[0], start - 1):
                error, _, data = connection.fetch(topic, 0, offset, max_wait_ms=1_000)
                assert error == 1 and not data, f"offset {offset} below the start answers with error {error}"
            error, _, data = connection.fetch(topic, 0, start, max_wait_ms=10_000)
            assert error == 0 and data
        check_found(broker, topic, range(start, len(ledger[0])))
        wait_until("an object wholly below the start came back", lambda: min(last_offsets(broker)) >= start)
        broker.kill()
        archive.index_file(broker).unlink()
    broker.start()
    check_from(broker, ledger, start)
    archive.scrub(broker)


@pytest.mark.slow
@KILLS
def test_retention_by_size_counts_every_tier(brokers, topic, corpus, kills):
    broker, ledger, local = cold(brokers, topic, corpus)
    limit = 1_600_000
    configure(broker, topic, retention_bytes=limit)
    if kills:
        broker.restart(hard=True)
    start = wait_until("retention.bytes lets nothing go", lambda: clients.watermarks(broker.bootstrap, topic)[0])
    settled = [start, time.monotonic()]

    def is_settled():
        now = clients.watermarks(broker.bootstrap, topic)[0]
        if now != settled[0]:
            settled[:] = [now, time.monotonic()]
        return time.monotonic() - settled[1] > 5  # several rounds of retention, which come every 200 ms
    wait_until("the start of the log does not settle", is_settled)
    start = settled[0]
    wait_until("objects wholly below the start of the log stay", lambda: min(last_offsets(broker), default=start) >= start)
    check_from(broker, ledger, start)
    # What stays is at least the limit, and less than one unit more: values are nearly all of what is stored.
    stays = sum(len(value or b"") for _, value, _, _ in ledger[0][start:])
    assert 0.5 * limit < stays < limit + 2 * archive.SEGMENT, f"{stays} bytes stay"
    archive.scrub(broker)
    broker.start()
    check_from(broker, ledger, start)


def test_retention_by_time_goes_by_the_records(brokers, topic, corpus):
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic)
    ledger, now = archive.Ledger(topic), int(time.time() * 1000)
    old = [(key, value, now - 10 * 86_400_000, headers) for key, value, _, headers in archive.make_records(corpus, 2_000_000, 1)]
    new = [(key, value, now - 60_000, headers) for key, value, _, headers in archive.make_records(corpus, 2_000_000, 2)]
    archive.produce_confluent(broker.bootstrap, ledger, 0, old + new)
    archive.wait_for_cold(broker, topic)
    configure(broker, topic, retention_ms=86_400_000)
    start = wait_until("retention.ms lets nothing go", lambda: clients.watermarks(broker.bootstrap, topic)[0])

    def is_over():
        return min(last_offsets(broker)) >= len(old)
    wait_until("objects of old records stay", is_over)
    start = clients.watermarks(broker.bootstrap, topic)[0]
    assert 0 < start <= len(old), "no new record goes"
    check_from(broker, ledger, start)
    archive.scrub(broker)
    broker.start()
    check_from(broker, ledger, start)
