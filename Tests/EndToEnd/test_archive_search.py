"""Search finds exactly what reading everything and looking would find, wherever the records are: in memory, in local
segments, in the archive; from the command line and over HTTP."""

import base64
import json
import random
import re
import time

import pytest

import archive
import clients
from test_archive_reading import fill
from test_http import ask, refused, search
from test_search_command import find

TOKEN = re.compile(r"[^\W_]+")


def tokens(data):
    """What README says of words: letters and digits, upper and lower case the same. Only for queries of ASCII words."""
    return [word.lower() for word in TOKEN.findall(data.decode("utf-8", "replace"))] if data else []


class BruteForce:
    """The ledger as lists of words, searched record by record."""

    def __init__(self, ledger):
        self.rows = []
        for partition, offset, (key, value, timestamp, headers) in ledger.everything():
            texts = [tokens(text) for text in (key, value, *(word for _, word in headers))]
            self.rows.append((partition, offset, key, timestamp, headers, texts))

    def find(self, holds, partition=None, since=None, until=None, key=None, offset_from=0, offset_to=1 << 62):
        """{(partition, offset)}"""
        return {(row[0], row[1]) for row in self.rows
                if holds(row) and (partition is None or row[0] == partition) and (since is None or row[3] >= since)
                and (until is None or row[3] < until) and (key is None or row[2] == key)
                and offset_from <= row[1] < offset_to}


def word(text):
    return phrase([text])


def phrase(words):
    def holds(row):
        return any(words == text[at:at + len(words)] for text in row[5] for at in range(len(text) - len(words) + 1))
    return holds


def both(first, second):
    return lambda row: first(row) and second(row)


def without(first, second):
    return lambda row: first(row) and not second(row)


def has_header(name, words):
    def holds(row):
        texts = [tokens(value) for known, value in row[4] if known == name]
        return any(words == text[at:at + len(words)] for text in texts for at in range(len(text) - len(words) + 1))
    return holds


def queries(brute, dice, count):
    """[(query, holds)] about words that occur, seldom and often, alone and beside each other."""
    out = [("*", lambda row: True), ("nowherethisword", lambda row: False), ("key:key-7", lambda row: row[2] == b"key-7"),
           ("package", word("package")), ("header.trace:00000007", has_header("trace", ["00000007"]))]
    plain = re.compile(r"[a-z0-9]{2,40}")
    while len(out) < count:
        row = dice.choice(brute.rows)
        text = dice.choice(row[5])
        if len(text) < 4:
            continue
        at = dice.randrange(len(text) - 2)
        a, b, c = text[at:at + 3]
        if not all(plain.fullmatch(each) for each in (a, b, c)):
            continue
        out.append(dice.choice([
            (a, word(a)), (a.upper(), word(a)), (f"{a} {c}", both(word(a), word(c))), (f"+{a} +{c}", both(word(a), word(c))),
            (f'"{a} {b} {c}"', phrase([a, b, c])), (f"{a}:{b}", phrase([a, b])), (f"{a}-{b}", phrase([a, b])),
            (f"{a} -{c}" if a != c else a, without(word(a), word(c)) if a != c else word(a)),
            (f'{a} -"{b} {c}"', without(word(a), phrase([b, c])))]))
    return out


def pages(broker, topic, method="GET", limit=10_000, **fields):
    """Every record of every page, newest first, each match once."""
    out, cursor = [], None
    while True:
        given = {**fields, "limit": limit, **({"cursor": cursor} if cursor else {})}
        if method == "GET":
            status, _, body = search(broker, topic, **given)
        else:
            status, _, body = ask(broker, "POST", f"/v1/search/{topic}", json.dumps(given))
        assert status == 200, body
        assert not body["partial"], body["reason"]
        out += body["records"]
        cursor = body["cursor"]
        if not cursor:
            return out
        assert body["records"], "a page without a record does not end"


def payload(value):
    return None if value is None else value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])


def agrees(broker, ledger, brute, query, holds, method="GET", limit=10_000, **bounds):
    found = pages(broker, ledger.topic, method, limit, q=query, order="newest", **bounds)
    places = [(record["partition"], record["offset"]) for record in found]
    expected = brute.find(holds, **{name: value.encode() if name == "key" else value for name, value in bounds.items()})
    assert len(places) == len(set(places)), f"{query}: a record twice"
    assert set(places) == expected, (f"{query} {bounds}: {len(set(places))} instead of {len(expected)}, "
                                     f"missing {sorted(expected - set(places))[:3]}, "
                                     f"wrong {sorted(set(places) - expected)[:3]}")
    times = [record["timestamp"] for record in found]
    assert times == sorted(times, reverse=True), f"{query}: newest first"
    for record in found[:50]:
        key, value, timestamp, headers = ledger[record["partition"]][record["offset"]] if len(found) < 50 else \
            ledger.partitions[record["partition"]][record["offset"]]
        assert (payload(record["key"]), payload(record["value"]), record["timestamp"]) == (key, value, timestamp)
        assert [(payload(each["name"]).decode(), payload(each["value"])) for each in record["headers"]] == headers
    return len(found)


@pytest.fixture
def filled(brokers, topic, corpus):
    """(broker, ledger) with two partitions in every codec, sealed segments in the archive only."""
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic, partitions=2)
    ledger = archive.Ledger(topic)
    for partition in range(2):
        fill(broker, ledger, corpus, 1_300_000, partition, partition, [(archive.produce_confluent, codec) for codec in clients.CODECS])
    return broker, ledger


def test_a_record_is_found_at_once_and_for_ever(brokers, topic, corpus):
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic)
    ledger = archive.Ledger(topic)

    def found():
        return [search(broker, topic, q=f"needle{number}")[2]["records"] for number in range(20)]
    for number in range(20):
        record = (b"k%d" % number, b"here is needle%d" % number, archive.EPOCH + number, [])
        archive.produce_confluent(broker.bootstrap, ledger, 0, [record], clients.CODECS[number % 5])
        [hit] = search(broker, topic, q=f"needle{number}")[2]["records"]
        assert (hit["offset"], hit["value"]) == (number, f"here is needle{number}"), "as soon as it is acknowledged"
    first = found()
    broker.restart(hard=True)
    assert found() == first, "after kill -9, unsealed"
    fill(broker, ledger, corpus, 1_500_000, combinations=[(archive.produce_confluent, "none")])
    local = archive.wait_for_cold(broker, topic)
    assert local > 20 and [[hit["offset"] for hit in hits] for hits in found()] == [[number] for number in range(20)], "archived"
    broker.restart()
    assert [[hit["offset"] for hit in hits] for hits in found()] == [[number] for number in range(20)], "after a restart"
    archive.scrub(broker)


def test_results_agree_with_brute_force(filled):
    broker, ledger = filled
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    brute = BruteForce(ledger)
    asked = queries(brute, dice, 40)
    # Right after the last acknowledgement: partly archived, partly local, partly being copied.
    for query, holds in asked[:12]:
        agrees(broker, ledger, brute, query, holds)
    for partition in range(2):
        archive.wait_for_cold(broker, ledger.topic, partition)
    matches = sum(agrees(broker, ledger, brute, query, holds, dice.choice(["GET", "POST"])) for query, holds in asked)
    times = sorted(row[3] for row in brute.rows)
    for query, holds in asked[:20]:
        since, until = sorted(dice.sample(times, 2))
        agrees(broker, ledger, brute, query, holds, since=since, until=until)
        agrees(broker, ledger, brute, query, holds, "POST", partition=dice.randrange(2), since=since)
        low, high = sorted(dice.sample(range(len(ledger.partitions[0])), 2))
        agrees(broker, ledger, brute, query, holds, offset_from=low, offset_to=high)
        agrees(broker, ledger, brute, query, holds, key=f"key-{dice.randrange(97)}")
    # Small pages: each match once, in the same order.
    for query, holds in [(query, holds) for query, holds in asked if 3 < len(brute.find(holds)) < 400][:8]:
        agrees(broker, ledger, brute, query, holds, limit=dice.choice([1, 3, 7]) if len(brute.find(holds)) < 60 else 50)
    broker.restart(hard=True)
    for query, holds in asked:
        agrees(broker, ledger, brute, query, holds)
    print(matches, "matches of", len(asked), "queries in", len(brute.rows), "records")
    archive.scrub(broker)


def test_pages_go_on_when_times_are_said_ago_and_empty_partitions_fill(brokers, topic):
    """A cursor belongs to one search, of which every page sees the same partitions and the same span of time."""
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic, partitions=3)
    now, ledger = int(time.time() * 1000), archive.Ledger(topic)
    for partition in (1, 2):
        archive.produce_confluent(broker.bootstrap, ledger, partition, [(None, b"needle", now - 60_000, [])] * 10)
    asked = {"q": "needle", "since": "1h", "until": "now", "limit": 3}
    first = search(broker, topic, **asked)[2]
    # A millisecond passes, and the first of the partitions is empty no more.
    archive.produce_confluent(broker.bootstrap, ledger, 0, [(None, b"needle", now - 120_000, [])])
    assert int(time.time() * 1000) > now
    found, cursor = first["records"], first["cursor"]
    while cursor:
        status, _, page = search(broker, topic, **asked, cursor=cursor)
        assert status == 200, page
        found, cursor = found + page["records"], page["cursor"]
    places = [(record["partition"], record["offset"]) for record in found]
    assert places == [(partition, offset) for partition in (1, 2) for offset in range(9, -1, -1)] + [(0, 0)]
    other = f"{topic}-other"
    clients.create_topic(broker.bootstrap, other, partitions=3)
    for where, change in [(other, {}), (topic, {"since": "2h"}), (topic, {"partition": "1,2"}), (topic, {"offset_from": 1})]:
        refused(search(broker, where, **{**asked, **change}, cursor=first["cursor"]), 400, "bad_query")
    done = find(broker, topic, "needle", "--since", "1h", "--cursor", first["cursor"])
    assert done.returncode == 2 and b"another search" in done.stderr, "the command line asked without --until"
    done = find(broker, topic, "needle", "--since", "1h", "--until", "now", "--cursor", first["cursor"])
    assert done.returncode == 0 and done.stdout.count(b"needle") == 18


def test_the_command_line_says_the_same_as_http(filled):
    broker, ledger = filled
    for partition in range(2):
        archive.wait_for_cold(broker, ledger.topic, partition)
    brute, topic = BruteForce(ledger), ledger.topic

    def places(*words):
        done = find(broker, topic, *words, "--all", "--format", "json")
        assert done.returncode == (0 if done.stdout else 1), done.stderr
        out = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(out) == len({(each["partition"], each["offset"]) for each in out})
        return {(each["partition"], each["offset"]) for each in out}
    middle = sorted(row[3] for row in brute.rows)[len(brute.rows) // 2]
    library = word("library")
    assert places("library") == brute.find(library) != set()
    assert places("library", "--since", middle) == brute.find(library, since=middle) != set()
    assert places("library", "--until", middle) == brute.find(library, until=middle) != set()
    assert places("library", "--partition", "1", "--newest") == brute.find(library, partition=1) != set()
    assert places("--key", "key-5") == brute.find(lambda row: True, key=b"key-5") != set()
    assert places("library", "--key", "key-5") == brute.find(library, key=b"key-5")
    assert places("nowherethisword") == set()
    text = find(broker, topic, "library", "--all").stdout
    assert text.count(b"\n") == len(brute.find(library)) and text.count(b"\t") == 5 * text.count(b"\n")
    ranked = find(broker, topic, "library", "--order", "relevance", "--limit", 10, "--format", "json").stdout.splitlines()
    scores = [json.loads(line)["score"] for line in ranked]
    assert len(scores) == 10 and scores == sorted(scores, reverse=True) and scores[-1] > 0
    assert {(json.loads(line)["partition"], json.loads(line)["offset"]) for line in ranked} <= brute.find(library)
    archive.scrub(broker)
