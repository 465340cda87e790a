#!/usr/bin/env python3
"""Kills the built broker at random moments, again and again, and compares what it then serves with what it promised.

README.md says what is checked. Exit code 0: every cycle passed; 1: a promise was broken, the data directory is kept;
2: the loop itself could not run.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))
sys.path.insert(0, str(HERE))

import confluent_kafka.admin  # noqa: E402

import broker as harness  # noqa: E402
import clients_at_work as work  # noqa: E402
import lossy  # noqa: E402
from crashing_broker import CrashingBroker  # noqa: E402
from ledger import Ledger, Violation  # noqa: E402

DISK_MAX = 2 << 30

# name: (partitions, settings). Segments roll every few dozen batches.
SHAPES = {
    "small": (3, {"segment.bytes": "16384", "index.interval.bytes": "512"}),
    "mixed": (4, {"segment.bytes": "65536"}),
    "large": (2, {"segment.bytes": "1048576"}),
    "exact": (2, {"segment.bytes": "32768"}),
}


def pin_binary(directory):
    """Runs a copy: a build beside a long run must not change what is tested, nor find its output in use."""
    source = harness.binary()
    target = directory / "bin"
    target.mkdir()
    for file in (source, *source.parent.glob("lib*.so")):
        shutil.copy2(file, target)
    os.environ["CHRONIK_BIN"] = str(target / source.name)
    return source, hashlib.sha256(source.read_bytes()).hexdigest()


class Context:
    """What workers share."""

    def __init__(self, pause):
        self.pause = pause
        self.numbers = work.Numbers()
        self.ledger = Ledger()
        self.refused = {}
        self.topics = {}
        self.address = None
        self.is_stopping = False

    def tolerates(self, error):
        """A broker that was asked to stop may send clients away, with an error that makes them look for another one."""
        if not self.is_stopping or error not in (3, 6):
            return False
        self.refused[error] = self.refused.get(error, 0) + 1
        return True


class Progress:
    def __init__(self, total, stream):
        self.total, self.stream, self.terminal = total, stream, stream.isatty()
        self.began, self.said = time.monotonic(), 0.0

    def show(self, cycle, text):
        now = time.monotonic()
        if self.terminal:
            filled = 24 * cycle // max(1, self.total)
            self.stream.write(f"\r\033[K[{'#' * filled}{'.' * (24 - filled)}] {cycle}/{self.total} {text}")
        elif cycle == self.total or now - self.said >= 10:
            self.said = now
            self.stream.write(f"{now - self.began:7.1f} s  cycle {cycle}/{self.total}  {text}\n")
        self.stream.flush()

    def end(self):
        if self.terminal:
            self.stream.write("\n")
            self.stream.flush()


class CrashLoop:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.context = Context(options.pause)
        self.counts = {"cycles": 0, "kills": 0, "kills_while_writing": 0, "kills_while_starting": 0,
                       "kills_while_stopping": 0, "power_cuts": 0, "verified": 0, "epochs": 0, "records_checked": 0,
                       "acknowledged": 0, "consumed": 0, "bytes_on_disk_max": 0}
        self.history = []  # what happened lately, for the report of a violation
        self.disk = None
        self.binary, self.digest = pin_binary(directory)
        environment = {}
        if options.lose_unflushed:
            self.disk = lossy.LossyDisk(directory, directory / "data", lossy.compile_shim(directory))
            environment = self.disk.environment()
        chain = options.chain or [["MemoryBuffer", {"capacity": "8MiB"}],
                                  ["LocalSegments", {"checkpoint_interval": options.checkpoint_interval,
                                                     "commit_log_size": "4MiB"}]]
        text = harness.yaml(chain=chain, durability=options.durability,
                            topics={"auto.create.topics.enable": "false", "file.delete.delay.ms": 100})
        self.broker = CrashingBroker(directory, text, environment)
        self.idempotent = self.reader = self.positions = None
        self.live, self.deleted = {}, set()

    def chance(self, *what):
        return random.Random(":".join(map(str, (self.options.seed, *what))))

    def remember(self, text):
        self.history.append(f"{time.strftime('%H:%M:%S')} cycle {self.counts['cycles'] + 1}: {text}")
        del self.history[:-60]

    # MARK: topics

    def admin(self):
        return confluent_kafka.admin.AdminClient({"bootstrap.servers": self.broker.bootstrap, **work.QUIET})

    def begin_epoch(self):
        """New topics; the ones of the previous epoch are deleted, perhaps while the broker is killed."""
        epoch = self.counts["epochs"] = self.counts["epochs"] + 1
        self.end_epoch()
        old = list(self.live)
        topics = {f"{name}-{epoch}": shape for name, shape in SHAPES.items()}
        topics[f"small-{epoch}"] = (self.options.partitions, SHAPES["small"][1])
        admin = self.admin()
        for topic, future in admin.create_topics(
                [confluent_kafka.admin.NewTopic(topic, partitions, 1, config=config)
                 for topic, (partitions, config) in topics.items()], operation_timeout=60).items():
            future.result(90)
        self.live = {topic: partitions for topic, (partitions, _) in topics.items()}
        if old:
            for topic, future in admin.delete_topics(old, operation_timeout=60).items():
                future.result(90)
                self.deleted.add(topic)
        self.context.topics = dict(self.live)
        self.context.address = self.broker.bootstrap
        self._count()
        found = self.context.ledger.found
        self.context.ledger = Ledger()
        self.context.ledger.found = found
        self.context.numbers = work.Numbers()
        self.positions = {}
        self.idempotent = work.IdempotentWriter(f"exact{epoch}", self.context, self.chance(epoch, "exact"),
                                                f"exact-{epoch}").start()
        self.reader = work.ConfluentReader("reader", self.context, self.chance(epoch, "reader")).start()
        self.remember(f"epoch {epoch}: created {', '.join(topics)}; deleted {', '.join(old) or 'nothing'}")

    def end_epoch(self):
        if self.idempotent:
            self.idempotent.close()
            self.reader.stop()
            self.idempotent = None

    def _count(self):
        self.counts["acknowledged"] += self.context.ledger.acknowledged
        self.counts["consumed"] += self.context.ledger.consumed
        self.context.ledger.acknowledged = self.context.ledger.consumed = 0

    # MARK: one cycle

    def workers(self, cycle):
        def named(name):
            return next(topic for topic in self.live if topic.startswith(name))

        c, chance = self.context, lambda name: self.chance(cycle, name)
        small, mixed, large = named("small"), named("mixed"), named("large")
        out = [
            work.ConfluentWriter("confluent-small", c, chance("w1"), [small, mixed], (30, 300), 30,
                                 {"linger.ms": 0, "batch.num.messages": 20, "batch.size": 8000}),
            work.ConfluentWriter("confluent-large", c, chance("w2"), [large, mixed], (500, 9000), 8,
                                 {"linger.ms": 5, "batch.size": 300_000 if cycle % 2 else 50_000,
                                  "compression.type": "none" if cycle % 3 else "gzip"}),
            work.KafkaPythonWriter("kafka-python", c, chance("w3"), [small, mixed]),
            work.RawWriter("raw-all", c, chance("w4"), [small, mixed, large], -1),
            work.RawReader("raw-reader", c, chance("r1"), self.positions),
        ]
        if not self.options.lose_unflushed:
            out.append(work.RawWriter("raw-one", c, chance("w5"), [mixed], 1))
        return out

    def cycle(self, number):
        chance = self.chance(number, "moments")
        if number % self.options.epoch == 0:
            self.begin_epoch()
        self.context.is_stopping = False
        workers = [each.start() for each in self.workers(number)]
        self.idempotent.paused.clear()
        self.kill_while_working(chance)
        for each in workers:
            each.stopping.set()
        self.lose(chance)
        for each in workers:
            each.stop()
        self.kill_while_starting(chance)
        self.broker.spawn()
        self.broker.wait_ready()
        self.check()
        if (number + 1) % self.options.verify_every == 0 or number + 1 == self.options.cycles:
            self.stop_and_verify()
        size = self.bytes_on_disk()
        self.counts["bytes_on_disk_max"] = max(size, self.counts["bytes_on_disk_max"])
        if size > DISK_MAX:
            raise Violation(f"the data directory holds {size} bytes although old topics were deleted")
        self.counts["cycles"] += 1

    def kill_while_working(self, chance):
        kind = chance.random()
        if kind < 0.7:
            moment = chance.uniform(0.02, self.options.write_seconds)
            time.sleep(moment)
        elif kind < 0.85:
            wanted = self.context.ledger.acknowledged + chance.randrange(1, 600)
            deadline = time.monotonic() + 3 * self.options.write_seconds
            while self.context.ledger.acknowledged < wanted and time.monotonic() < deadline:
                time.sleep(0.001)
        else:
            time.sleep(chance.uniform(0.1, self.options.write_seconds))
            moment = chance.uniform(0, 0.3)
            self.context.is_stopping = True
            self.broker.process.send_signal(signal.SIGTERM)
            try:
                code = self.broker.process.wait(moment)
                self.remember(f"stopped by SIGTERM with code {code}")
                if code != 0:
                    raise Violation(f"the broker left with code {code} after SIGTERM under load")
            except subprocess.TimeoutExpired:
                self.remember(f"killed {moment:.3f} s after SIGTERM")
                self.counts["kills_while_stopping"] += 1
            self.kill()
            self.idempotent.paused.set()
            return
        if not self.broker.alive():
            code = self.broker.process.poll()
            raise Violation(f"the broker ended by itself, with code {code}, while it was written to")
        self.kill()
        self.idempotent.paused.set()
        self.counts["kills_while_writing"] += 1
        self.remember(f"killed while writing, {self.context.ledger.acknowledged} records acknowledged in this epoch")

    def kill_while_starting(self, chance):
        if chance.random() >= 0.35:
            return
        for _ in range(chance.randrange(1, 4)):
            self.broker.spawn()
            moment = chance.uniform(0.1, 1.15) * self.broker.ready_after
            time.sleep(moment)
            if self.broker.process.poll() is not None:
                self.broker.wait_ready()  # says why
            ready = self.broker.ready.is_set()
            self.kill()
            self.counts["kills_while_starting"] += not ready
            self.remember(f"killed {moment:.3f} s after the start, {'after' if ready else 'before'} it listened")
            self.lose(chance)

    def kill(self):
        self.broker.kill()
        self.counts["kills"] += 1

    def lose(self, chance):
        """With --lose-unflushed: mostly the machine dies with the process, sometimes only the process."""
        if not self.disk:
            return
        if chance.random() < 0.25:
            self.disk.process_crash()
            self.remember("only the process died: unflushed bytes stay in the cache until the next power cut")
            return
        said = self.disk.power_cut(chance)
        self.counts["power_cuts"] += 1
        self.remember(f"power cut: {len(said)} files or names changed" + "".join("\n    " + line for line in said[:12]))

    def check(self):
        self.idempotent.drain(180)
        exact = [topic for topic in self.live if topic.startswith("exact")]
        self.counts["records_checked"] += self.context.ledger.check(self.broker.bootstrap, self.live, exact)
        listed = {name for name in self.admin().list_topics(timeout=60).topics if not name.startswith("__")}
        if back := listed & self.deleted:
            raise Violation(f"deleted topics are back: {', '.join(sorted(back))}")
        if gone := set(self.live) - listed:
            raise Violation(f"created topics are gone: {', '.join(sorted(gone))}")

    def bytes_on_disk(self):
        total = 0
        for top, _, names in os.walk(self.directory):
            for name in names:
                try:
                    total += os.lstat(os.path.join(top, name)).st_blocks * 512
                except FileNotFoundError:
                    pass  # the broker removes the files of deleted topics meanwhile
        return total

    def stop_and_verify(self):
        """A clean stop, the verifier over every file, a clean start, and the comparison once more."""
        self.context.is_stopping = True
        code = self.broker.stop(90)
        if code != 0:
            raise Violation(f"the broker left with {code} after SIGTERM" if code is not None else
                            "the broker did not stop within 90 s of SIGTERM")
        self.remember("stopped cleanly")
        done = harness.run("log", "verify", self.broker.data, "--quiet", timeout=300)
        if done.returncode != 0:
            raise Violation(f"`chronik log verify` found damage (exit {done.returncode}):\n{done.stdout}{done.stderr}")
        self.counts["verified"] += 1
        if self.disk and self.chance(self.counts["cycles"], "after stop").random() < 0.7:
            said = self.disk.power_cut(self.chance(self.counts["cycles"], "cut after stop"))
            self.counts["power_cuts"] += 1
            self.remember(f"power cut after the clean stop: {len(said)} files or names changed"
                          + "".join("\n    " + line for line in said[:12]))
        self.broker.spawn()
        self.broker.wait_ready()
        self.check()

    # MARK: the run

    def run(self):
        stream = sys.stderr if self.options.json else sys.stdout
        stream.write(f"crash loop: {self.options.cycles} cycles, --seed {self.options.seed}"
                     f"{', unflushed pages are lost' if self.disk else ''}, data in {self.directory}\n"
                     f"tested: a copy of {self.binary}, sha256 {self.digest[:16]}\n")
        progress = Progress(self.options.cycles, stream)
        began = time.monotonic()
        violation = None
        try:
            self.broker.spawn()
            self.broker.wait_ready()
            for number in range(self.options.cycles):
                if time.monotonic() - began > self.options.minutes * 60:
                    break
                self.cycle(number)
                acknowledged = self.counts["acknowledged"] + self.context.ledger.acknowledged
                progress.show(number + 1, f"{acknowledged} acknowledged, {self.counts['kills']} kills "
                                          f"({self.counts['kills_while_starting']} while starting)")
        except Violation as error:
            violation = str(error)
        finally:
            progress.end()
            if self.idempotent:
                self.idempotent.stopping.set()
                self.reader.stopping.set()
            if self.broker.process is not None:
                self.broker.kill()
        self._count()
        return self.summary(violation, time.monotonic() - began)

    def summary(self, violation, seconds):
        summary = {"passed": violation is None, "binary_sha256": self.digest, "seed": self.options.seed,
                   "lose_unflushed": bool(self.disk),
                   "seconds": round(seconds, 1), **self.counts,
                   "refused": {str(code): count for code, count in self.context.refused.items()}}
        if self.disk:
            summary["lost"] = {"sectors": self.disk.sectors_lost, "sectors_kept": self.disk.sectors_kept,
                               "files_torn": self.disk.files_torn, "names": self.disk.names_lost}
        if violation is not None:
            summary["violation"] = {"cycle": self.counts["cycles"] + 1, "what": violation, "history": self.history,
                                    "data": str(self.broker.data), "broker_log": str(self.broker.log_path)}
        return summary


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", "--cycles", type=int, default=20, help="kills and checks (20)")
    parser.add_argument("--seed", type=int, help="repeats the moments and the data of a run; the timing is the machine's")
    parser.add_argument("--lose-unflushed", action="store_true", help="simulate power cuts: lose what was not flushed")
    parser.add_argument("--minutes", type=float, default=60, help="end after the cycle that is running then (60)")
    parser.add_argument("--write-seconds", type=float, default=1.0, help="the latest moment of a kill while writing (1.0)")
    parser.add_argument("--pause", type=float, default=0.01, help="how long a writer rests between bursts (0.01 s)")
    parser.add_argument("--epoch", type=int, default=10, help="cycles after which topics are replaced (10)")
    parser.add_argument("--verify-every", type=int, default=5, help="cycles between two runs of `chronik log verify` (5)")
    parser.add_argument("--partitions", type=int, default=24,
                        help="partitions of the topic of small records; flushes of many go through the commit log (24)")
    parser.add_argument("--checkpoint-interval", default="300ms",
                        help="how often recovery points are written and the commit log is emptied (300ms)")
    parser.add_argument("--chain", type=json.loads, help="the chain as JSON, e.g. '[\"LocalSegments\"]'")
    parser.add_argument("--durability", choices=("fsync", "interval", "os"), default="fsync",
                        help="durability.mode (fsync); os with --lose-unflushed must fail, which proves that the loop can")
    parser.add_argument("--dir", type=pathlib.Path, help="where to work; a new temporary directory without it")
    parser.add_argument("--json", action="store_true", help="print a JSON summary on standard output, progress on the other")
    return parser.parse_args()


def main():
    chosen = options()
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1 << 31)
    if chosen.dir:
        chosen.dir.mkdir(parents=True, exist_ok=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="chronik-crash-", dir=chosen.dir)).resolve()
    loop = None
    try:
        loop = CrashLoop(chosen, directory)
        summary = loop.run()
    except BaseException as error:
        if loop and loop.broker.process is not None:
            loop.broker.kill()
        traceback.print_exc()
        print(f"crash loop: the loop itself failed ({type(error).__name__}); seed {chosen.seed}; data kept in {directory}",
              file=sys.stderr)
        return 2
    if chosen.json:
        print(json.dumps(summary, indent=2))
    if summary["passed"]:
        shutil.rmtree(directory)
        if not chosen.json:
            print(f"passed: {summary['cycles']} cycles in {summary['seconds']} s, {summary['acknowledged']} records "
                  f"acknowledged, {summary['consumed']} consumed meanwhile, {summary['kills']} kills "
                  f"({summary['kills_while_starting']} while starting, {summary['kills_while_stopping']} while stopping), "
                  f"{summary['verified']} clean verifications, seed {summary['seed']}")
        return 0
    found = summary["violation"]
    print(f"\nVIOLATION in cycle {found['cycle']}, seed {summary['seed']}:\n{found['what']}\n\nwhat happened before:\n"
          + "\n".join(found["history"][-12:])
          + f"\n\nthe data is kept in {found['data']}, the broker's log in {found['broker_log']}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # client threads may still wait for a broker that is gone
