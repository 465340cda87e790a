"""Hot fetches while many consumers read cold: produce-to-arrival of one record after the other, alone and beside consumers
that fetch 1 MiB at random archived offsets, each again as soon as it has its answer.

usage: hot_beside_cold.py [--rounds 3] [--seconds 8] [--consumers 1,16,64]

The consumers are greedy: they take what processors and loopback give, and so does the program that plays them. What is
shown is that a hot record waits for its share of the processors, not behind cold reads.
"""

import argparse
import datetime
import os
import platform
import statistics
import subprocess
import time

import tail_bench as bench
from tail_bench import archive, clients


def beside(target, topic, local, consumers, arguments):
    """(figures of the hot record, figures of the cold consumers or None)"""
    port, swarm = target.broker.port, None
    if consumers:
        swarm = subprocess.Popen(
            [str(bench.WORK / "tailgen"), "swarm", "-p", str(port), "-t", topic, "-c", str(consumers), "-e", str(local - 2000),
             "-D", str(arguments.seconds + 2)], stdout=subprocess.PIPE, text=True)
        time.sleep(1)  # until all of them read
    hot = bench.tailgen("hot", port, topic + "-hot", f"-a 1 -r 100 -b 200 -R {arguments.rate} -D {arguments.seconds}")
    cold = None
    if swarm:
        out, _ = swarm.communicate(timeout=120)
        assert swarm.returncode == 0, "the cold consumers failed"
        cold = bench.json.loads(out)
    return hot, cold


def main():
    parse = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parse.add_argument("--rounds", type=int, default=3)
    parse.add_argument("--seconds", type=float, default=8)
    parse.add_argument("--rate", type=float, default=100, help="hot records per second")
    parse.add_argument("--consumers", default="1,16,64")
    arguments = parse.parse_args()
    bench.compile_tailgen()
    print(f"{datetime.date.today()}, {os.cpu_count()} processors, Linux {platform.release()}, autogroup {bench.session()}, "
          f"{arguments.rate:.0f} hot records per second, median of {arguments.rounds} (least–most)\n")
    print("| cold consumers | hot p50 µs | hot p99 µs | hot p99.9 µs | cold MB/s | cold p50 ms |\n|---|---|---|---|---|---|")
    settings = dict(durability="os", archive={"object_size": "6MiB"}, topics={"segment.bytes": 60 << 20})
    with bench.Archive("hot", **settings) as target:
        topic = f"cold-{time.time_ns()}"
        clients.create_topic(target.broker.bootstrap, topic)
        bench.tailgen("fill", target.broker.port, topic, "-n 1 -r 1000 -b 100000 -T 140")
        local = archive.wait_for_cold(target.broker, topic, seconds=240)
        for consumers in (0, *map(int, arguments.consumers.split(","))):
            rounds = [beside(target, topic, local, consumers, arguments) for _ in range(arguments.rounds)]
            cells = []
            for key in ("p50_us", "p99_us", "p999_us"):
                values = [hot[key] for hot, _ in rounds]
                cells.append(f"{statistics.median(values):,.0f} ({min(values):,.0f}–{max(values):,.0f})")
            if consumers:
                cells.append(f"{statistics.median(cold['mb_s'] for _, cold in rounds):,.0f}")
                cells.append(f"{statistics.median(cold['p50_us'] for _, cold in rounds) / 1000:.1f}")
            print(f"| {consumers or 'none'} | " + " | ".join(cells) + (" |" if consumers else " | | |"), flush=True)


if __name__ == "__main__":
    main()
