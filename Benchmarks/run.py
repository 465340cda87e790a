"""`make bench`: what the broker does beside what the machine could do, measured in the same run.

Every workload is run five times (--rounds), alternating with the raw limit of the same shape, so that a slow minute of
the machine hits both. Printed: the median, the least and the most, and the ratio to raw as the median of the ratios of
each round. `--record` appends the table to RESULTS.md; nothing else writes there.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/EndToEnd"))
import broker as harness  # noqa: E402
import clients  # noqa: E402

WORK = HERE / ".work"
SEGMENTS = ["LocalSegments"]
MEMORY = [["MemoryBuffer", {"capacity": "256MiB"}], "LocalSegments"]

# name, chain, durability, loadgen options, MiB per run, what of raw it is compared with
PRODUCE = [
    ("1 KiB records, 16 KiB batches, acks=1", MEMORY, "os", "-r 1024 -b 16384 -a 1 -c 2 -n 2 -w 16", 512, "receive"),
    ("1 KiB records, 256 KiB batches, acks=1", MEMORY, "os", "-r 1024 -b 262144 -a 1 -c 2 -n 2 -w 5", 1024, "receive"),
    ("1 KiB records, 1 MiB batches, acks=1", MEMORY, "os", "-r 1024 -b 1000000 -a 1 -c 2 -n 2 -w 5", 1024, "receive"),
    ("the same without MemoryBuffer", SEGMENTS, "os", "-r 1024 -b 1000000 -a 1 -c 2 -n 2 -w 5", 1024, "receive"),
    ("100 B records, one per batch, acks=1", MEMORY, "os", "-r 100 -b 200 -a 1 -c 16 -n 4 -w 5", 24, "receive"),
    ("acks=all, fsync, 64 producers, 1 KiB", MEMORY, "fsync", "-r 1024 -b 1100 -a -1 -c 64 -n 1 -w 1", 24, "sync"),
    ("the same over 64 partitions", MEMORY, "fsync", "-r 1024 -b 1100 -a -1 -c 64 -n 64 -w 1", 24, "sync"),
    ("acks=all, fsync, 1 MiB batches", MEMORY, "fsync", "-r 1024 -b 1000000 -a -1 -c 2 -n 2 -w 5", 512, "sync"),
    ("one request in flight, 1 KiB, acks=1", MEMORY, "os", "-r 1024 -b 1100 -a 1 -c 1 -n 1 -w 1", 12, None),
]
CONSUME = [
    ("consume, page cache, 1 MiB fetches", SEGMENTS, "-f 1048576", 1024),
    ("consume, page cache, 16 MiB fetches", SEGMENTS, "-f 16777216", 1024),
    ("consume, memory, 1 MiB fetches", MEMORY, "-f 1048576", 128),
]


def compile_loadgen():
    WORK.mkdir(exist_ok=True)
    output = WORK / "loadgen"
    subprocess.run(["cc", "-O2", "-march=native", "-pthread", str(HERE / "loadgen.c"), "-o", str(output)], check=True)
    return output


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Target:
    """A broker to load: ours in a fresh directory, or a peer that somebody started."""

    def __init__(self, arguments, chain=None, durability=None):
        self.peer = arguments.peer
        if self.peer:
            self.port, self.pid = int(self.peer.rsplit(":", 1)[1]), arguments.peer_pid
            self.broker = None
            return
        directory = WORK / "broker"
        shutil.rmtree(directory, ignore_errors=True)
        settings = dict(chain=[tuple(e) if isinstance(e, list) else e for e in chain], durability=durability)
        if arguments.archive:
            # Small segments and a short interval: copies are under way for the whole load.
            settings["chain"].append(arguments.archive)
            settings.update(topics={"segment.bytes": 16 << 20, "local.retention.bytes": 1},
                            extra="offload:\n  interval: 200ms\n  trigger_bytes: 16MiB\n")
            if arguments.archive == "Shelf":
                settings["plugin_paths"] = [harness.build_shelf(WORK).parent]
        self.broker = harness.Broker(directory, harness.yaml(**settings)).start()
        self.port, self.pid = self.broker.port, self.broker.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.broker:
            self.broker.stop()
            shutil.rmtree(self.broker.directory, ignore_errors=True)


def loadgen(program, target, mode, topic, options):
    """One run; the generator's figures plus the broker's CPU seconds per GB."""
    before = cpu_seconds(target.pid) if target.pid else None
    peak = [0]
    done = threading.Event()

    def watch():
        while target.pid:
            for line in open(f"/proc/{target.pid}/status"):
                if line.startswith("VmRSS:"):
                    peak[0] = max(peak[0], int(line.split()[1]) // 1024)
            if done.wait(0.05):
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        out = subprocess.run([str(program), mode, "-p", str(target.port), "-t", topic, *options.split()], check=True,
                             capture_output=True, text=True, timeout=600).stdout
    except subprocess.CalledProcessError as failure:
        raise SystemExit(f"loadgen {mode} {options}: {failure.stderr}") from None
    finally:
        done.set()
        watcher.join()
    figures = json.loads(out)
    figures["rss_mib"] = peak[0]
    figures["cpu_s_per_gb"] = ((cpu_seconds(target.pid) - before) / (figures["bytes"] / 1e9)) if target.pid else None
    return figures


def raw(program, options, mib):
    """The machine's limit for batches of that size, in the same file system."""
    words = options.split()
    shape = [word for flag, default in (("-b", "1048576"), ("-c", "1"), ("-w", "16"))
             for word in (flag, words[words.index(flag) + 1] if flag in words else default)]
    out = subprocess.run([str(program), "raw", "-F", str(WORK / "raw"), *shape, "-T", str(min(mib, 1024))],
                         check=True, capture_output=True, text=True, timeout=600).stdout
    return json.loads(out)


def median(rounds, key):
    values = [each[key] for each in rounds if each.get(key) is not None]
    return (statistics.median(values), min(values), max(values)) if values else None


def cell(figure, form):
    return "–" if figure is None else f"{figure[0]:{form}} ({figure[1]:{form}}–{figure[2]:{form}})"


def line(name, rounds, limits, limit):
    ratio = "–"
    if limits:
        ratios = [mine["mb_s"] / limit(theirs, mine) for mine, theirs in zip(rounds, limits)]
        ratio = f"{100 * statistics.median(ratios):.0f} % of {statistics.median([limit(t, m) for t, m in zip(limits, rounds)]):,.0f}"
    row = [name, cell(median(rounds, "mb_s"), ",.0f"), ratio, cell(median(rounds, "records_s"), ",.0f"),
           cell(median(rounds, "requests_s"), ",.0f"),
           " / ".join(f"{median(rounds, key)[0]:,.0f}" for key in ("p50_us", "p99_us", "p999_us"))
           if median(rounds, "p50_us") else "–",
           cell(median(rounds, "cpu_s_per_gb"), ".2f"), f"{max(each['rss_mib'] for each in rounds) or '–'}"]
    print("| " + " | ".join(row) + " |", flush=True)
    return row


HEADER = ["workload", "MB/s", "of raw", "records/s", "requests/s", "p50 / p99 / p99.9 µs", "broker CPU s/GB", "RSS MiB"]


def limit_of(kind):
    if kind == "receive":
        return lambda theirs, mine: theirs["receive_crc_write_mb_s"]
    if kind == "sync":
        return lambda theirs, mine: theirs["group_commit_mb_s"]
    return lambda theirs, mine: theirs["sendfile_mb_s"]


def produce_rows(arguments, program):
    for name, chain, durability, options, mib, kind in PRODUCE:
        if arguments.only and arguments.only not in name:
            continue
        mib = max(8, int(mib * arguments.scale))
        rounds, limits = [], []
        for number in range(arguments.rounds):
            if kind:
                limits.append(raw(program, options, mib))
            with Target(arguments, chain, durability) as target:
                topic = f"bench-{time.time_ns()}"
                loadgen(program, target, "produce", topic, f"{options} -T {max(1, mib // 20)}")  # warms up
                figures = loadgen(program, target, "produce", topic, f"{options} -T {mib}")
                rounds.append(figures)
                if number == 0 and not arguments.peer:
                    check_nothing_is_missing(target, topic, options)
        yield line(name, rounds, limits, limit_of(kind))


def check_nothing_is_missing(target, topic, options):
    """Acknowledged == high watermark == readable, after a load and not only after a test."""
    words = options.split()
    partitions = int(words[words.index("-n") + 1])
    bootstrap = f"127.0.0.1:{target.port}"
    total = sum(clients.watermarks(bootstrap, topic, partition)[1] for partition in range(partitions))
    read = loadgen(WORK / "loadgen", target, "consume", topic, f"-n {partitions} -f 16777216 -v")
    assert read["records"] == total, f"{total} records acknowledged, {read['records']} read back"


def consume_rows(arguments, program):
    for name, chain, options, mib in CONSUME:
        if arguments.only and arguments.only not in name:
            continue
        mib = max(8, int(mib * arguments.scale))
        rounds, limits = [], []
        with Target(arguments, chain, "os") as target:
            topic = f"bench-{time.time_ns()}"
            loadgen(program, target, "produce", topic, f"-r 1024 -b 1000000 -a 1 -c 1 -n 1 -T {mib}")
            for _ in range(arguments.rounds):
                limits.append(raw(program, options, mib))
                rounds.append(loadgen(program, target, "consume", topic, options))
        yield line(name, rounds, limits, limit_of("send"))


def real_client_rows(arguments):
    """A client that people use, as a check that the replayed load is not a fiction. It is the bottleneck itself."""
    import confluent_kafka
    count, value = int(500_000 * arguments.scale) or 1, os.urandom(1024)
    version = f"confluent-kafka {confluent_kafka.version()}"
    produced, consumed = [], []
    for _ in range(min(3, arguments.rounds)):
        with Target(arguments, MEMORY, "os") as target:
            bootstrap, topic = f"127.0.0.1:{target.port}", f"bench-{time.time_ns()}"
            clients.create_topic(bootstrap, topic)
            before, begin = cpu_seconds(target.pid) if target.pid else 0, time.monotonic()
            producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "acks": 1, "linger.ms": 5,
                                                 "batch.size": 1_000_000, "queue.buffering.max.messages": 200_000})
            for _ in range(count):
                while True:
                    try:
                        producer.produce(topic, value, partition=0)
                        break
                    except BufferError:
                        producer.poll(0.01)
            assert producer.flush(120) == 0
            seconds = time.monotonic() - begin
            produced.append(figures_of(count, seconds, target, before))
            before, begin = cpu_seconds(target.pid) if target.pid else 0, time.monotonic()
            consumer = confluent_kafka.Consumer({"bootstrap.servers": bootstrap, "group.id": "unused",
                                                 "fetch.max.bytes": 50_000_000, "max.partition.fetch.bytes": 8_000_000,
                                                 "queued.max.messages.kbytes": 200_000})
            consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
            seen = 0
            while seen < count:
                seen += len(consumer.consume(10_000, 5))
            seconds = time.monotonic() - begin
            consumer.close()
            consumed.append(figures_of(count, seconds, target, before))
    yield line(f"{version} produces 1 KiB, acks=1", produced, None, None)
    yield line(f"{version} consumes it", consumed, None, None)


def figures_of(count, seconds, target, before):
    gigabytes = count * 1024 / 1e9
    return {"mb_s": gigabytes * 1e3 / seconds, "records_s": count / seconds, "requests_s": None, "p50_us": None,
            "rss_mib": 0,
            "cpu_s_per_gb": (cpu_seconds(target.pid) - before) / gigabytes if target.pid else None}


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--rounds", type=int, default=5)
    parse.add_argument("--scale", type=float, default=1.0, help="of the bytes of each run; 0.1 for a quick look")
    parse.add_argument("--only", help="workloads whose name contains this")
    parse.add_argument("--record", action="store_true", help="append the table to Benchmarks/RESULTS.md")
    parse.add_argument("--note", default="", help="with --record: the commit, what changed")
    parse.add_argument("--peer", metavar="HOST:PORT", help="load another broker instead, already running")
    parse.add_argument("--peer-pid", type=int, help="its process, for CPU and memory")
    parse.add_argument("--archive", metavar="TIER", help="put this tier below each chain, so that segments are copied to it "
                       "during the load (Shelf is the C example); compare with a run without")
    parse.add_argument("--no-real-client", action="store_true")
    arguments = parse.parse_args()

    program = compile_loadgen()
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    about = (f"{datetime.date.today()}, {os.cpu_count()} × {cpu}, Linux {platform.release()}, "
             f"median of {arguments.rounds} (least–most), loopback with cubic")
    what = f"peer at {arguments.peer}" if arguments.peer else "chronik"
    print(f"{what}: {about}\n")
    print("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER))
    rows = [*produce_rows(arguments, program), *consume_rows(arguments, program)]
    if not arguments.no_real_client:
        rows += real_client_rows(arguments)
    if arguments.record:
        command = " ".join(["make bench", *(["BENCH_ARGS='" + " ".join(sys.argv[1:]) + "'"] if sys.argv[1:] else [])])
        with open(HERE / "RESULTS.md", "a") as results:
            results.write(f"\n## {what}, {about}\n\n{arguments.note}\n\n`{command}`\n\n")
            results.write("| " + " | ".join(HEADER) + " |\n|" + "---|" * len(HEADER) + "\n")
            results.writelines("| " + " | ".join(row) + " |\n" for row in rows)
    shutil.rmtree(WORK / "broker", ignore_errors=True)


if __name__ == "__main__":
    main()
