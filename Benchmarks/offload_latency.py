"""Produce latency with and without offload running, at a fixed rate, in alternating pairs; and what makes the difference.

usage: offload_latency.py [--rounds 5] [--seconds 12] [--variants file,memory] [--durability fsync]

`tailgen pace` sends requests by the clock, so that a stall counts for every request it delays. Offload is on in both
brokers' chains; "without" has it disabled. Segments are small and copies begin at once, so that one is under way for as
much of the run as the rate allows; the table says how much was copied.

Variants of the run with offload, each against its own run without:
  file     the archive in a directory beside the log: one disk for both
  memory   the archive's directory in /dev/shm: what is left is the processor and locks
  keep     as file, but local copies stay: what is left without the removal of segments
  index    as file, with index: none: the copy compresses and writes, and builds no index
  control  no offload in either run; "with" has a stranger beside it, a program of background priority that takes a
           quarter of a processor, as offload does: what is left is the machine
Beside the latencies stand, from the kernel's schedstat, the processor seconds of the offload thread and how long the
event loops and the group commit were ready to run and waited for a processor.
"""

import argparse
import contextlib
import datetime
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time

import tail_bench as bench
from tail_bench import archive

VARIANTS = {
    "file": dict(archive={"object_size": "16MiB"}),
    "memory": dict(archive={"object_size": "16MiB"}, store="shm"),
    "keep": dict(archive={"object_size": "16MiB"}, keep=True),
    "index": dict(archive={"object_size": "16MiB", "index": "none"}),
    "control": dict(archive={"object_size": "16MiB"}, stranger=True),
}
PERCENTILES = ("p50_us", "p99_us", "p999_us")

# Works for a quarter of each second as offload does at the default rate, with the same priority (ThreadPriority).
STRANGER = """
import os, time, zlib
os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
os.nice(10)
data = os.urandom(1 << 20)
while os.getppid() == PARENT:
    end = time.monotonic() + 0.06
    while time.monotonic() < end:
        zlib.crc32(data)
    time.sleep(0.19)
"""


@contextlib.contextmanager
def stranger(is_there):
    if not is_there:
        yield
        return
    process = subprocess.Popen([sys.executable, "-c", f"PARENT = {os.getpid()}{STRANGER}"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def loop_names(times):
    return [name for name in times if name.startswith("NIO-ELT")]


def run(variant, is_on, arguments):
    settings = dict(VARIANTS[variant])
    has_stranger = settings.pop("stranger", False) and is_on
    is_on = is_on and variant != "control"
    shm = None
    if settings.get("store") == "shm":
        shm = f"/dev/shm/chronik-bench-{os.getpid()}"
        settings["store"] = {"type": "file", "config": {"path": shm}}
    offload = {"interval": "100ms", "trigger_bytes": "1MiB"} if is_on else {"enabled": False}
    topics = {"segment.bytes": 16 << 20, "local.retention.bytes": -1 if settings.pop("keep", False) else 1}
    try:
        with bench.Archive("offload", arguments.durability, memory="64MiB", offload=offload, topics=topics, **settings) as target:
            broker, topic = target.broker, f"bench-{time.time_ns()}"
            # Segments to copy from the beginning, and a broker that has its memory.
            bench.tailgen("fill", broker.port, topic, f"-n 2 -r 1000 -b {arguments.batch} -T 64")
            pid = broker.process.pid
            before = bench.thread_times(pid)
            with stranger(has_stranger):
                figures = bench.tailgen(
                    "pace", broker.port, topic,
                    f"-n 2 -c 4 -a {arguments.acks} -r 1000 -b {arguments.batch} -R {arguments.rate} -D {arguments.seconds}")
            times = bench.difference(bench.thread_times(pid), before)
            figures["offload_cpu"] = times.get("offload", (0, 0))[0]
            figures["loops_waited"] = sum(times[name][1] for name in loop_names(times))
            figures["commit_waited"] = times.get("group-commit", (0, 0))[1]
            figures["archived_mb"] = archived_records(target, topic) / 1000
            return figures
    finally:
        if shm:
            shutil.rmtree(shm, ignore_errors=True)


def archived_records(target, topic):
    """Behind the last tiered offset of both partitions."""
    return sum(archive.list_offset(target.broker.bootstrap, topic, -5, partition) + 1 for partition in range(2))


def middle(rounds, key, form=",.0f"):
    values = [each[key] for each in rounds]
    return f"{statistics.median(values):{form}} ({min(values):{form}}–{max(values):{form}})"


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--rounds", type=int, default=5)
    parse.add_argument("--seconds", type=float, default=12)
    parse.add_argument("--rate", type=float, default=600, help="requests per second")
    parse.add_argument("--batch", type=int, default=32768, help="bytes of a request's batch")
    parse.add_argument("--acks", type=int, default=-1)
    parse.add_argument("--durability", default="fsync")
    parse.add_argument("--variants", default="file,memory")
    arguments = parse.parse_args()
    bench.compile_tailgen()
    print(f"{datetime.date.today()}, {os.cpu_count()} processors, Linux {platform.release()}, autogroup {bench.session()}, "
          f"{arguments.rate:.0f} requests of {arguments.batch} bytes per second, acks {arguments.acks}, durability "
          f"{arguments.durability}, median of {arguments.rounds} (least–most)\n")
    columns = ["run", "p50 µs", "p99 µs", "p99.9 µs", "most µs", "offload CPU s", "event loops waited s", "group commit waited s",
               "copied MB"]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
    for variant in arguments.variants.split(","):
        pairs = []
        for number in range(arguments.rounds):
            order = [False, True] if number % 2 == 0 else [True, False]
            pair = {is_on: run(variant, is_on, arguments) for is_on in order}
            pairs.append(pair)
        for is_on in (False, True):
            rounds = [pair[is_on] for pair in pairs]
            cells = [middle(rounds, key) for key in (*PERCENTILES, "max_us")]
            cells += [middle(rounds, key, ".2f") for key in ("offload_cpu", "loops_waited", "commit_waited")]
            print(f"| {variant}, {'with' if is_on else 'without'} offload | " + " | ".join(cells)
                  + f" | {middle(rounds, 'archived_mb')} |", flush=True)
        ratios = [middle([{"r": pair[True][key] / pair[False][key]} for pair in pairs], "r", ".2f") for key in PERCENTILES]
        print(f"| {variant}, with / without | " + " | ".join(ratios) + " | | | | | |", flush=True)


if __name__ == "__main__":
    main()
