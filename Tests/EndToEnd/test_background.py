"""Work that nobody waits for gives way to the threads that answer clients."""

import pathlib

import archive
import clients

SCHED_OTHER, SCHED_BATCH = 0, 3


def threads(broker):
    """{name: {(niceness, scheduling class)}}"""
    out = {}
    for task in pathlib.Path(f"/proc/{broker.process.pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that has ended meanwhile
        out.setdefault(name, set()).add((int(fields[16]), int(fields[38])))
    return out


def test_threads_that_nobody_waits_for_come_after_those_that_answer_clients(brokers, topic):
    broker = brokers(archive.configuration())
    clients.create_topic(broker.bootstrap, topic)
    clients.serves(broker.bootstrap, topic)
    found = threads(broker)
    own = threads_of_this_process()
    for name in ("offload", "offload-look", "maintenance"):
        assert found[name] == {(own + 10, SCHED_BATCH)} or own > 9, (name, found[name])
    # Somebody waits for a search, but not as for a fetch.
    assert found["search"] == {(own + 5, SCHED_OTHER)} or own > 9, found["search"]
    for name in ("group-commit", "blocking", "cold"):
        assert found[name] == {(own, SCHED_OTHER)}, (name, found[name])
    loops = [name for name in found if name.startswith("NIO-ELT")]
    assert loops and all(found[name] == {(own, SCHED_OTHER)} for name in loops), found


def threads_of_this_process():
    """The niceness that the broker inherits."""
    return int(pathlib.Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[16])
