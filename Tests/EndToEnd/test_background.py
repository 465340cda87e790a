"""Work that nobody waits for gives way to the threads that answer clients."""

import pathlib

import archive
import clients
from test_offload import wait_until

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
    # A thread that has just begun has neither its name nor its priority yet.
    found, expected = {}, {}

    def is_so():
        found.clear()
        found.update(threads(broker))
        expected.clear()
        loops = [name for name in found if name.startswith("NIO-ELT")]
        # What the broker inherits; Dispatch, whose threads start those of the broker, goes back to 0 where it may.
        base = min((nice for name in loops for nice, _ in found[name]), default=None)
        if base not in (0, niceness_of_this_process()):
            return False
        expected.update({name: {(base, SCHED_OTHER)} for name in (*loops, "group-commit", "blocking", "cold")})
        if base <= 9:
            expected.update({name: {(base + 10, SCHED_BATCH)} for name in ("offload", "offload-look", "maintenance")})
            # Somebody waits for a search, but not as for a fetch.
            expected["search"] = {(base + 5, SCHED_OTHER)}
        return all(found.get(name) == value for name, value in expected.items())
    try:
        wait_until("priorities", is_so, seconds=30)
    except AssertionError:
        raise AssertionError(f"{found} instead of {expected}") from None


def niceness_of_this_process():
    """The niceness that the broker inherits."""
    return int(pathlib.Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[16])
