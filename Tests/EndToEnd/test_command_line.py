"""What a person sees who makes a mistake in the YAML, and the commands beside `serve`."""

import re
import signal
import subprocess

import pytest

import broker as harness
import clients

# text of the file, words that the answer must contain, the line it must name (None: any)
MISTAKES = {
    "unknown-key": ("node:\n  idd: 4\n", ["idd", "id"], 2),
    "unknown-top-level-key": ("listn: 127.0.0.1:0\n", ["listn", "listen"], 1),
    "wrong-type": ("node:\n  id: many\n", ["many", "number"], 2),
    "wrong-unit": ("chain:\n  - tier: MemoryBuffer\n    config: { capacity: 64MB5 }\n  - tier: LocalSegments\n",
                   ["64MB5"], 3),
    "unknown-plugin-setting": ("chain:\n  - tier: LocalSegments\n    config: { no_such_setting: 1 }\n",
                               ["no_such_setting"], 3),
    "missing-plugin": ("chain:\n  - tier: LocalSegmnts\n", ["LocalSegmnts", "LocalSegments"], 2),
    "no-durable-tier": ("chain:\n  - tier: MemoryBuffer\n", ["volatile"], None),
    "empty-chain": ("chain: []\n", ["chain"], 1),
    "syntax": ("chain:\n  - tier: [\n", [], None),
    "duplicate-key": ("volatile: true\nvolatile: false\n", ["volatile"], 2),
    "wrong-mode": ("durability:\n  mode: fsnyc\n", ["fsnyc", "fsync"], 2),
    "wrong-topic-default": ("topics:\n  num.partitions: 0\n", ["num.partitions"], 2),
    "address": ("listen: nowhere\n", ["nowhere"], 1),
}


@pytest.mark.parametrize("command", ["serve", "check"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_with_its_place_and_a_suggestion(tmp_path, name, command):
    text, words, line = MISTAKES[name]
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    if command == "serve":
        done = harness.run("serve", "--config", path, "--data-dir", tmp_path / "data", "--listen", "127.0.0.1:0",
                           "--http-listen", "127.0.0.1:0")
    else:
        done = harness.run("config", "check", path)
        if done.returncode == 64:
            done = harness.run("config", "check", "--config", path)
    said = done.stdout + done.stderr
    assert done.returncode == 78, f"exit {done.returncode}: {said}"
    place = re.search(re.escape(str(path)) + r":(\d+):(\d+)", said) or re.search(r"bad\.yaml:(\d+):(\d+)", said)
    assert place, f"no file:line:column in: {said}"
    if line is not None:
        assert int(place.group(1)) == line, said
    for word in words:
        assert word in said, f"{word!r} is not in: {said}"
    assert not (tmp_path / "data").exists() or not list((tmp_path / "data").rglob("*.log")), "nothing was created"


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = harness.run("serve", "--config", tmp_path / "none.yaml")
    assert done.returncode != 0 and "none.yaml" in done.stdout + done.stderr


def test_a_good_file_passes_the_check(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(harness.yaml(topics={"num.partitions": 3}))
    done = harness.run("config", "check", path)
    if done.returncode == 64:
        done = harness.run("config", "check", "--config", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_manual_in_the_repository_is_itself_a_correct_file():
    path = harness.REPOSITORY / "chronik.yaml"
    if not path.exists():
        pytest.skip("no chronik.yaml beside the sources")
    done = harness.run("config", "check", path)
    if done.returncode == 64:
        done = harness.run("config", "check", "--config", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", [["config", "manual"], ["config", "show"], ["config", "check"], ["plugins", "list"]])
def test_an_answer_that_cannot_be_written_is_a_failure(words):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([str(harness.binary()), *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr == "chronik: cannot write to standard output: No space left on device\n", done


def test_the_manual_is_the_file_in_the_repository():
    assert harness.run("config", "manual").stdout == (harness.REPOSITORY / "chronik.yaml").read_text()


@pytest.mark.parametrize("words", [["archive", "verify"], ["archive", "rebuild"], ["archive", "export"],
                                   ["archive", "remove-unknown"], ["compaction", "plan"], ["compaction", "run"]])
def test_a_directory_that_no_broker_has_used_is_refused_and_not_made(tmp_path, words):
    done = harness.run(*words, "--data-dir", tmp_path / "typo")
    assert done.returncode == 1 and "no broker has kept data here" in done.stderr, done
    assert not list(tmp_path.iterdir())


def test_plugins_list_names_the_tiers():
    done = harness.run("plugins", "list")
    assert done.returncode == 0, done.stderr
    for name in ("MemoryBuffer", "LocalSegments"):
        assert name in done.stdout


@pytest.mark.parametrize("library", ["MemoryBuffer", "LocalSegments", "ExampleTier", "Ring"])
def test_every_tier_passes_the_contract(tmp_path, library):
    if library == "Ring":
        path = harness.build_ring(tmp_path)
    else:
        path = harness.plugin_directory() / f"lib{library}.so"
    done = harness.run("plugins", "check", path, timeout=600)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_a_library_that_is_no_plugin_is_refused_by_name(tmp_path):
    source, library = tmp_path / "empty.c", tmp_path / "libEmpty.so"
    source.write_text("int nothing;\n")
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", library], check=True)
    done = harness.run("plugins", "check", library)
    assert done.returncode not in (0, -signal.SIGSEGV)
    assert "chronik_plugin_entry" in done.stdout + done.stderr
    text = tmp_path / "libText.so"
    text.write_text("not a library")
    assert harness.run("plugins", "check", text).returncode not in (0, -signal.SIGSEGV)


def test_help_names_every_command():
    done = harness.run("--help")
    assert done.returncode == 0
    for word in ("serve", "search", "plugins", "config"):
        assert word in done.stdout


def test_half_an_answer_is_a_failure(brokers, topic):
    """On a full disk; scripts go by the exit code."""
    broker = brokers()
    clients.create_topic(broker.bootstrap, topic)
    clients.Confluent.produce(broker.bootstrap, topic, [(b"k", b"v")] * 100)
    assert broker.stop() == 0
    [segment] = (broker.data / "LocalSegments" / f"{topic}-0").glob("*.log")
    for words in (["config", "manual"], ["plugins", "list"], ["log", "dump", segment], ["log", "verify", segment.parent]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([harness.binary(), *words], stdin=subprocess.DEVNULL, stdout=full,
                                  stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == 1 and b"No space left on device" in done.stderr, (words, done)


def test_a_second_broker_on_the_same_data_is_refused(brokers, tmp_path):
    broker = brokers()
    done = harness.run("serve", "--config", broker.config, "--data-dir", broker.data, "--listen", "127.0.0.1:0",
                       "--http-listen", "off")
    assert done.returncode not in (0, -signal.SIGSEGV)
    assert str(broker.data) in done.stdout + done.stderr and "another" in done.stdout + done.stderr


def test_a_port_that_is_taken_is_said(brokers, tmp_path):
    broker = brokers()
    done = harness.run("serve", "--data-dir", tmp_path / "other", "--listen", broker.bootstrap,
                       "--http-listen", "off")
    assert done.returncode not in (0, -signal.SIGSEGV)
    assert str(broker.port) in done.stdout + done.stderr


def test_a_taken_http_port_is_said(brokers, tmp_path):
    broker = brokers()
    done = harness.run("serve", "--data-dir", tmp_path / "other", "--listen", "127.0.0.1:0", "--http-listen", broker.http)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and broker.http in said and "--http-listen" in said and "listening on" not in said


def test_sigterm_and_sigint_end_it_with_zero(brokers):
    for number in (signal.SIGTERM, signal.SIGINT):
        broker = brokers()
        broker.process.send_signal(number)
        assert broker.process.wait(90) == 0


def test_an_empty_directory_is_served_at_once(brokers):
    # The best of some starts: what a busy machine adds differs from start to start, what the broker needs does not.
    taken = []
    while not taken or taken[-1] >= 3:
        assert len(taken) < 5, f"the budget is 100 ms; the starts took {taken} s"
        broker = brokers()
        taken.append(broker.seconds_to_ready)
        assert broker.stop() == 0
