"""`chronik search` as a person and a script use it."""

import base64
import json
import os
import pty
import subprocess

import pytest

import broker as harness
import clients
from test_http import chain_with_finder


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finder")
    made = harness.Broker(directory, chain_with_finder(directory)).start()
    yield made
    assert made.stop() == 0, made.log()[-4000:]


def find(broker, *arguments, environment={}, **options):
    return subprocess.run([str(harness.binary()), "search", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=180,
                          env={**os.environ, "CHRONIK_URL": f"http://{broker.http}", **environment}, **options)


@pytest.fixture
def filled(finder, topic):
    clients.create_topic(finder.bootstrap, topic)
    records = [(b"k0", b"first needle"), (None, b"second\tneedle\n\x1b[31mred"), (b"k2", b"\xff needle"), (b"k3", None)]
    producer = clients.confluent_kafka.Producer({"bootstrap.servers": finder.bootstrap})
    for index, (key, value) in enumerate(records):
        producer.produce(topic, value, key, partition=0, timestamp=1_700_000_000_000 + index)
    assert producer.flush(30) == 0
    return topic


def test_text_in_a_pipe_is_one_record_per_line_with_tabs(finder, filled):
    done = find(finder, filled, "needle")
    assert done.returncode == 0
    assert done.stdout.decode().split("\n") == [
        f"2023-11-14T22:13:20.002Z\t{filled}\t0\t2\tk2\tbase64:" + base64.b64encode(b"\xff needle").decode(),
        f"2023-11-14T22:13:20.001Z\t{filled}\t0\t1\t\\N\tsecond\\tneedle\\n\\u{{1b}}[31mred",
        f"2023-11-14T22:13:20.000Z\t{filled}\t0\t0\tk0\tfirst needle", ""]
    assert b"3 of 3 records in " in done.stderr and b"\x1b" not in done.stdout + done.stderr
    assert find(finder, filled, "--key", "k3").stdout.endswith(b"\tk3\t\\N\n")


def test_a_full_disk_is_a_failure_and_no_crash(finder, filled):
    command = [str(harness.binary()), "search", filled, "needle", "--url", f"http://{finder.http}"]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 4 and b"No space left on device" in done.stderr, done.stderr


def test_json_is_one_record_per_line(finder, filled):
    done = find(finder, filled, "needle", "--format", "json", "--limit", 2)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["offset"] for record in records] == [2, 1]
    assert records[0]["value"] == {"base64": base64.b64encode(b"\xff needle").decode()} and records[0]["topic"] == filled
    assert records[1]["value"] == "second\tneedle\n\x1b[31mred" and records[1]["key"] is None
    cursor = done.stderr.decode().split("--cursor ")[1].strip()
    rest = find(finder, filled, "needle", "--limit", 2, "--cursor", cursor)
    assert rest.returncode == 0 and rest.stdout.endswith(b"first needle\n") and rest.stdout.count(b"\n") == 1


def test_all_goes_through_every_page(finder, topic):
    clients.create_topic(finder.bootstrap, topic, partitions=2)
    clients.Confluent.produce(finder.bootstrap, topic, [(b"k%d" % n, b"needle %d" % n) for n in range(2500)])
    done = find(finder, topic, "needle", "--all", "--format", "json")
    assert done.returncode == 0
    assert {json.loads(line)["key"] for line in done.stdout.splitlines()} == {f"k{n}" for n in range(2500)}
    assert b"2500 of 2500 records" in done.stderr and b"--cursor" not in done.stderr


def test_exit_codes(finder, filled, topic):
    assert find(finder, filled, "needle").returncode == 0
    nothing = find(finder, filled, "no such words")
    assert (nothing.returncode, nothing.stdout) == (1, b"") and b"0 of 0 records" in nothing.stderr
    wrong = find(finder, filled, "!error")
    assert wrong.returncode == 2 and b"at character 1: expected a word" in wrong.stderr
    assert find(finder, filled, "x", "--since", "yesterday").returncode == 2
    unknown = find(finder, "no-such-topic", "x")
    assert unknown.returncode == 2 and b"no-such-topic" in unknown.stderr
    nobody = find(finder, filled, "x", "--url", "http://127.0.0.1:9")
    assert nobody.returncode == 3 and b"127.0.0.1:9" in nobody.stderr and b"--url" in nobody.stderr
    assert find(finder, filled, "!fail").returncode == 3
    for wrong in (["x"], ["x", "y", "--limit", "many"], ["x", "y", "--format", "xml"], ["x", "y", "--all", "--limit", "3"]):
        assert find(finder, *wrong).returncode == 64


def test_odd_topic_names_stay_data(finder):
    for odd in ("../../etc/passwd", "a/b", "a?q=x", "a b", "ünï", "x#y", "%2e%2e", "a\nHost: x"):
        done = find(finder, odd, "x")
        assert done.returncode == 2 and b"illegal" in done.stderr, (odd, done)


def test_partial_answers_are_said(finder, filled):
    done = find(finder, filled, "!wait", "--timeout", "2s")
    assert done.returncode == 1 and b"partial: the deadline passed" in done.stderr


def test_the_broker_comes_from_the_configuration_when_nothing_else_names_it(finder, filled, tmp_path):
    path = tmp_path / "client.yaml"
    path.write_text(f"http: {{ listen: {finder.http} }}\n")
    environment = {name: value for name, value in os.environ.items() if name != "CHRONIK_URL"}
    done = subprocess.run([str(harness.binary()), "search", filled, "needle", "--config", str(path)],
                          capture_output=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_proxy_of_the_environment_is_not_asked(finder, filled):
    assert find(finder, filled, "needle", environment={"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}).returncode == 0


def terminal(broker, *arguments, environment={}):
    """Standard output of a search on a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen([str(harness.binary()), "search", *arguments], stdin=subprocess.DEVNULL, stdout=slave,
                               stderr=subprocess.DEVNULL,
                               env={**os.environ, "CHRONIK_URL": f"http://{broker.http}", **environment})
    os.close(slave)
    shown = b""
    while True:
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(master)
    assert process.wait(60) == 0
    return shown


def test_matches_are_highlighted_on_a_terminal_and_control_characters_are_not_passed_on(finder, filled):
    shown = terminal(finder, filled, "needle")
    assert b"first \x1b[1;31mneedle\x1b[0m" in shown
    assert b"\\u{1b}[31mred" in shown
    plain = terminal(finder, filled, "needle", environment={"NO_COLOR": "1"})
    assert b"\x1b" not in plain and plain.count(b"\t") == 3 * 5


def test_help_teaches_the_query_language(finder):
    done = find(finder, "--help")
    said = done.stdout.decode()
    assert done.returncode == 0
    for words in ("+timeout +payment", "timeout -retry", '"connection reset"', "level:error", "header.trace", "--since 15m", "Exit codes:",
                  "--cursor", "--all", "--newest", "CHRONIK_URL"):
        assert words in said
