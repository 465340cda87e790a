"""The archive's index and its objects are damaged, lost or come from elsewhere: the records stay the same, or the
reader is told; `chronik archive verify` says what happened and `rebuild` makes it good."""

import json
import random
import shutil
import subprocess

import pytest
from confluent_kafka import TopicPartition

import archive
import broker as harness
import clients
import wire
from test_archive_reading import fill
from test_http import ask
from test_offload import wait_until


@pytest.fixture
def cold(brokers, topic, corpus):
    """(stopped broker, ledger) with two partitions whose sealed segments are in the archive only."""
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    ledger = archive.Ledger(topic)
    for partition in range(2):
        fill(broker, ledger, corpus, 2_000_000, partition, partition, [(archive.produce_confluent, "none")])
    for partition in range(2):
        archive.wait_for_cold(broker, topic, partition)
    archive.scrub(broker)
    assert len(archive.objects(broker)) >= 4
    return broker, ledger


def flip(path, dice):
    data = bytearray(path.read_bytes())
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    path.write_bytes(data)


def delete_index(broker, dice):
    archive.index_file(broker).unlink()


def empty_index(broker, dice):
    archive.index_file(broker).write_bytes(b"")


def cut_index(broker, dice):
    path = archive.index_file(broker)
    path.write_bytes(path.read_bytes()[:dice.randrange(path.stat().st_size)])


def flip_index(broker, dice):
    flip(archive.index_file(broker), dice)


def replace_index(broker, dice):
    archive.index_file(broker).write_bytes(dice.randbytes(5000))


def delete_everything_but_the_store(broker, dice):
    shutil.rmtree(archive.index_file(broker).parent)


def damage_everything_but_the_store(broker, dice):
    for path in archive.index_file(broker).parent.rglob("*"):
        if path.is_file() and path.stat().st_size:
            flip(path, dice)


QUICK = [delete_index, flip_index]
SLOW = [empty_index, cut_index, replace_index, delete_everything_but_the_store, damage_everything_but_the_store]


@pytest.mark.parametrize("damage", [*QUICK, *(pytest.param(each, marks=pytest.mark.slow) for each in SLOW)])
def test_service_goes_on_without_a_sound_index(cold, damage):
    broker, ledger = cold
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    for _ in range(3):
        broker.start()
        archive.check(broker, ledger)
        broker.kill() if dice.random() < 0.5 else broker.stop()
        damage(broker, dice)
    broker.start()
    archive.check(broker, ledger)
    archive.scrub(broker)


def test_an_index_from_yesterday_learns_of_the_objects_that_came_since(cold, corpus):
    """A backup of the index alone: it is sound, and lacks objects whose local copies are gone."""
    broker, ledger = cold
    yesterday = archive.index_file(broker).read_bytes()
    broker.start()
    fill(broker, ledger, corpus, 2_000_000, 0, 3, [(archive.produce_confluent, "zstd")])
    archive.wait_for_cold(broker, ledger.topic)
    archive.scrub(broker)
    archive.index_file(broker).write_bytes(yesterday)
    done = archive.archive(broker, "verify")
    assert done.returncode == 1 and "object-without-entry" in done.stdout, done.stdout + done.stderr
    broker.start()
    archive.check(broker, ledger)
    archive.scrub(broker)


def test_an_export_that_cannot_be_written_is_a_failure(cold):
    broker, _ = cold
    command = [harness.binary(), "archive", "export", "--config", broker.config, "--data-dir", broker.data]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 1 and b"No space left on device" in done.stderr, done.stderr


def test_objects_that_come_and_go_behind_the_brokers_back(cold, tmp_path):
    broker, ledger = cold
    victim = archive.objects(broker)[1]
    kept = tmp_path / "elsewhere.kar"
    shutil.move(victim, kept)
    done = archive.archive(broker, "verify")
    assert done.returncode == 1 and "entry-without-object" in done.stdout and victim.name in done.stdout, done.stdout
    done = archive.archive(broker, "rebuild", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["repaired"] == 1, done.stdout + done.stderr
    shutil.move(kept, victim)
    done = archive.archive(broker, "verify")
    assert done.returncode == 1 and "object-without-entry" in done.stdout and victim.name in done.stdout, done.stdout
    broker.start()
    archive.check(broker, ledger)
    wait_until("the log does not say so", lambda: "was repaired" in broker.log())
    archive.scrub(broker)


@pytest.mark.parametrize("place, forget_local", [
    ("middle", False), *(pytest.param(*each, marks=pytest.mark.slow) for each in
                         [("first", False), ("last", False), ("first", True), ("middle", True), ("last", True)])])
def test_a_lost_object_is_an_error_and_never_a_hole(cold, tmp_path, place, forget_local):
    broker, ledger = cold
    of_partition = [path for path in archive.objects(broker) if path.parent.name == "0"]
    victim = of_partition[{"first": 0, "middle": len(of_partition) // 2, "last": -1}[place]]
    last, first = map(int, victim.name.split("-")[:2])
    kept = tmp_path / "elsewhere.kar"
    shutil.move(victim, kept)
    if forget_local:
        shutil.rmtree(archive.index_file(broker).parent)
    records = ledger[0]
    for hard in (True, False):
        broker.start()
        print("log", clients.watermarks(broker.bootstrap, ledger.topic))
        for offset in (first, last):
            with wire.Wire(broker.bootstrap) as connection:
                error, _, data = connection.fetch(ledger.topic, 0, offset, max_wait_ms=10_000)
            print("the lost offset answers with error", error)
            assert error != 0 and not data, "an offset that is there no more must not be answered as if it were"
        archive.same(archive.read_confluent(broker.bootstrap, ledger.topic, 0, last + 1, len(records) - last - 1), records, last + 1)
        archive.check(broker, ledger, partitions=[1])
        broker.kill() if hard else broker.stop()
        # Without its index the archive cannot know what it once had at its ends.
        if not forget_local or place == "middle":
            done = archive.archive(broker, "verify", "--full")
            assert done.returncode == 1 and ("gap" if forget_local else "lost") in done.stdout, done.stdout + done.stderr
        if not forget_local:
            assert victim.name in done.stdout
            [lost] = lost_in(json.loads(archive.archive(broker, "export").stdout))
            assert lost["object"]["key"].endswith(victim.name) and lost["noticed_at"] > archive.EPOCH
            assert lost["missing"] == [{"base_offset": first, "next_offset": last + 1}]
    if not forget_local:
        broker.start()
        assert lost_in(ask(broker, "GET", "/v1/archive/segments")[2]) == [lost]
        assert broker.stop() == 0
    shutil.move(kept, victim)
    # Offline, because a broker that finds the object first takes it in by itself.
    assert archive.archive(broker, "rebuild").returncode == 0
    assert not lost_in(json.loads(archive.archive(broker, "export").stdout))
    broker.start()
    archive.check(broker, ledger)
    archive.scrub(broker)


def lost_in(segments):
    """What an export says is lost, of all partitions."""
    return [each for partition in segments["partitions"] for each in partition["lost"]]


def test_a_loss_is_forgotten_with_the_records_that_were_lost(cold):
    broker, ledger = cold
    victim = [path for path in archive.objects(broker) if path.parent.name == "0"][0]
    end = int(victim.name.split("-")[0]) + 1
    victim.unlink()
    assert archive.archive(broker, "rebuild").returncode == 0
    done = archive.archive(broker, "verify")
    assert done.returncode == 1 and "lost" in done.stdout, done.stdout + done.stderr
    broker.start()
    admin = clients.admin(broker.bootstrap)  # must outlive its futures
    [deleted] = admin.delete_records([TopicPartition(ledger.topic, 0, end)]).values()
    assert deleted.result(90).low_watermark == end
    records = ledger[0]
    archive.same(archive.read_confluent(broker.bootstrap, ledger.topic, 0, end, len(records) - end), records, end)
    archive.scrub(broker)


def batches(connection, topic, first, last):
    """({base offset: bytes} of partition 0 from `first` to `last`, error code that ended it)."""
    out, offset = {}, first
    while offset <= last:
        error, _, data = connection.fetch(topic, 0, offset, max_wait_ms=10_000)
        got = list(wire.batches(data))
        assert error or got, f"neither records nor an error at offset {offset}"
        if error:
            return out, error
        out.update((base, whole) for base, _, whole in got)
        offset = got[-1][1] + 1
    return out, 0


@pytest.mark.slow
def test_a_flipped_bit_in_an_object_is_found_and_never_served(cold, tmp_path):
    broker, ledger = cold
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    victim = next(path for path in archive.objects(broker) if path.parent.name == "0")
    last, first = map(int, victim.name.split("-")[:2])
    sound = victim.read_bytes()
    broker.start()
    with wire.Wire(broker.bootstrap) as connection:
        expected, error = batches(connection, ledger.topic, first, last)
    assert error == 0 and broker.stop() == 0
    for _ in range(4):
        flip(victim, dice)
        # Neither cached chunks nor a kept footer may hide the damage.
        shutil.rmtree(archive.index_file(broker).parent)
        done = archive.archive(broker, "verify", "--full")
        assert done.returncode == 1 and victim.name in done.stdout, done.stdout + done.stderr
        broker.start()
        with wire.Wire(broker.bootstrap) as connection:
            got, error = batches(connection, ledger.topic, first, last)
        assert all(expected[base] == whole for base, whole in got.items() if base in expected), "a wrong byte was served"
        assert error or set(expected) <= set(got)
        print("damage answered with error", error, "after", len(got), "of", len(expected), "batches")
        assert broker.stop() == 0
        victim.write_bytes(sound)
    broker.start()
    archive.check(broker, ledger)
    archive.scrub(broker)
