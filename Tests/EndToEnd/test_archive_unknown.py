"""Topics that an archive holds and the broker's catalogue does not know: they are kept, reported, and deleted by order
only."""

import json

import pytest

import archive
import clients
from test_archive_reading import fill


@pytest.fixture
def cold(brokers, topic, corpus):
    """(stopped broker, ledger of the topic, ledger of another one), both with records that are in the archive only."""
    broker = brokers(archive.configuration())
    ledgers = []
    for number, name in enumerate((topic, topic + "-other")):
        clients.create_topic(broker.bootstrap, name)
        ledgers.append(archive.Ledger(name))
        fill(broker, ledgers[-1], corpus, 2_000_000, seed=number, combinations=[(archive.produce_confluent, "none")])
        archive.wait_for_cold(broker, name)
    archive.scrub(broker)
    return broker, *ledgers


def remove_unknown(broker, *words):
    done = archive.archive(broker, "remove-unknown", *words)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def test_a_lost_catalogue_does_not_cost_the_archive(cold):
    broker, ledger, other = cold
    kept = archive.objects(broker)
    journal = broker.data / "topics.journal"
    catalogue = journal.read_bytes()
    journal.unlink()
    done = archive.archive(broker, "verify")
    assert done.returncode == 1 and done.stdout.count("unknown-topic") == 2, done.stdout + done.stderr
    assert "remove-unknown" in done.stdout and not journal.exists(), "verify changes nothing"
    broker.start()
    warned = [line for line in broker.log().splitlines() if "catalogue does not know" in line]
    for tier in ("ArchiveIndex", "LocalSegments"):
        [line] = [line for line in warned if f"tier={tier}" in line]
        assert ledger.topic in line and other.topic in line
    assert broker.stop() == 0
    assert archive.objects(broker) == kept
    journal.write_bytes(catalogue)
    broker.start()
    archive.check(broker, ledger)
    archive.check(broker, other)
    archive.scrub(broker)


def test_an_unknown_topic_is_deleted_by_order_only(cold):
    broker, ledger, other = cold
    kept = archive.objects(broker)
    code, answer, _ = remove_unknown(broker)
    assert code == 0 and answer["topics"] == []
    # The catalogue loses one of the two: the line of a topic is a checksum and a JSON object.
    journal = broker.data / "topics.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(line for line in lines if json.loads(line[9:])["name"] != ledger.topic))
    code, answer, _ = remove_unknown(broker)
    [topic] = answer["topics"]
    assert code == 0 and not answer["deleted"]
    assert topic["topic"] == ledger.topic and topic["partitions"] == [0] and topic["record_bytes"] > 500_000
    assert topic["segments"] == len([path for path in kept if path.parts[-3].startswith(ledger.topic + "~")])
    one = "--topic-id=" + topic["topic_id"]
    known = next(path.parts[-3].split("~")[-1] for path in kept if path.parts[-3].startswith(other.topic + "~"))
    for words, said in (((one,), "--yes"), (("--topic-id=" + known, "--yes"), "not among"), (("--topic-id=x", "--yes"), "not a topic id")):
        code, _, complaint = remove_unknown(broker, *words)
        assert code == 1 and said in complaint, complaint
    code, answer, _ = remove_unknown(broker, one, "--yes", "--dry-run")
    assert code == 0 and answer == {"topics": [topic], "deleted": False, "pending_deletions": None}
    assert archive.objects(broker) == kept
    code, answer, complaint = remove_unknown(broker, one, "--yes")
    assert code == 0 and answer == {"topics": [topic], "deleted": True, "pending_deletions": 0}, complaint
    left = archive.objects(broker)
    assert left and all(path.parts[-3].startswith(other.topic + "~") for path in left)
    broker.start()
    archive.check(broker, other)
    archive.scrub(broker)
