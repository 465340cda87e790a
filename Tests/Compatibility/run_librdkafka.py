#!/usr/bin/env python3
"""Runs librdkafka's own test suite against the built broker and compares with the checked-in list.

    run_librdkafka.py --librdkafka DIR [NUMBER ...]

DIR is a built source tree of librdkafka (README.md says how to get one). Without numbers every test runs that needs a
broker; `0012 0045` runs those. Each number is a process of its own with its own time limit; one broker serves the run.

Exit code: 0 when every test of `librdkafka.expected` that was run has passed, 1 when one has not, 2 when the suite could
not run. A test that passes without being on the list is pointed out, so that the list can grow. `--update` rewrites it.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))
import broker as chronik  # noqa: E402

EXPECTED = HERE / "librdkafka.expected"
# What the suite assumes of its cluster; see README.md.
SCENARIOS = {
    "default": {"num.partitions": 4},
    "noautocreate": {"num.partitions": 4, "auto.create.topics.enable": "false"},
}
# All that runs in the second one.
NO_AUTO_CREATE = ["0045", "0107", "0111"]
KAFKA_VERSION = "4.1.1"

NAME = re.compile(r"^\s*_TEST\(\s*(\d{4})_(\w+),\s*([^)]*)", re.MULTILINE)
ROW = re.compile(r"^\|(?:\x1b\[\d+m)?\s*(\d{4}_\w+)\s*\|\s*(\w+)\s*\|\s*([\d.]+)s\s*(?:\x1b\[\d+m)?\|(.*)$", re.MULTILINE)
COLOUR = re.compile(r"\x1b\[\d*(?:;\d+)*m")
# These create or change topics with Kafka's shell tool. The others must not find one: they would look for
# kafka-acls.sh beside it, and there is no authoriser.
SHELL_TOOL = {"0045", "0052", "0077", "0107", "0111"}
# Tests that stop at a part which needs what is not there (ACLs, SCRAM users, transactions, the new group protocol): their
# other parts are run one by one, under the name TEST/PART. A part is a substring of the subtest's name.
PARTS = {
    "0061": ["Test consumer lag without transactions"],
    "0081": ["do_test_unclean_destroy", "do_test_CreateTopics", "do_test_DeleteTopics", "do_test_CreatePartitions",
             "do_test_AlterConfigs", "do_test_DescribeConfigs:", "do_test_DeleteRecords", "do_test_DeleteGroups",
             "do_test_ListOffsets", "do_test_DescribeTopics", "do_test_DescribeCluster",
             "do_test_DescribeConsumerGroups", "do_test_DeleteConsumerGroupOffsets",
             "do_test_AlterConsumerGroupOffsets", "do_test_ListConsumerGroupOffsets", "do_test_ListConsumerGroups"],
    "0137": ["do_test_consume_batch_with_seek", "do_test_consume_batch_store_offset",
             "do_test_consume_batch_with_pause_and_resume_different_batch",
             "do_test_consume_batch_with_pause_and_resume_same_batch", "Testing EOF position"],
}
# Tests of one number share a process. These take longer than --timeout on any broker.
LONG = {"0081": 600, "0113": 1200, "0045": 420, "0038": 420, "0069": 300}


def numbers_in(tests):
    """The numbers of the tests that talk to a broker, in the suite's order."""
    found = {}
    for number, name, flags in NAME.findall((tests / "test.c").read_text()):
        # Numbers from 8000 on are tools for a person.
        if "TEST_F_LOCAL" not in flags and not name.endswith("_mock") and number < "8000":
            found.setdefault(number, []).append(f"{number}_{name}")
    return found


def read_expected():
    lines = (line.split("#")[0].strip() for line in EXPECTED.read_text().splitlines()) if EXPECTED.exists() else ()
    return [line for line in lines if line]


class Suite:
    def __init__(self, options):
        self.root = pathlib.Path(options.librdkafka).resolve()
        self.tests = self.root / "tests"
        self.runner = self.tests / "test-runner"
        self.options = options
        self.lock = threading.Lock()
        for needed in (self.tests / "test.c", self.runner, self.root / "src" / "librdkafka.so.1"):
            if not needed.exists():
                raise SystemExit(f"run_librdkafka: {needed} is missing; README.md says how to build the suite")

    def run(self, unit, bootstrap, work):
        """One process; what each of its tests came to: (name, state, seconds, remark). A unit is a number, or one and a
        part."""
        number, _, part = unit.partition("/")
        scratch = work / re.sub(r"\W", "-", unit)
        scratch.mkdir(parents=True)
        # Test 0066 loads its plugin relative to the working directory.
        for entry in ("interceptor_test", "fixtures"):
            if (self.tests / entry).exists():
                (scratch / entry).symlink_to(self.tests / entry)
        # A stand-in for Kafka's shell tool (kafka_topics.py).
        tool = scratch / "kafka" / "bin" / "kafka-topics.sh"
        tool.parent.mkdir(parents=True)
        tool.write_text(f'#!/bin/sh\nexec env -u LD_LIBRARY_PATH "{sys.executable}" "{HERE / "kafka_topics.py"}" "$@"\n')
        tool.chmod(0o755)
        conf = scratch / "test.conf"
        conf.write_text(f"metadata.broker.list={bootstrap}\ntest.topic.random=true\n"
                        f"test.timeout.multiplier={self.options.multiplier}\n")
        environment = {**os.environ, "TESTS": number, "RDKAFKA_TEST_CONF": str(conf), "BROKERS": bootstrap,
                       "KAFKA_PATH": str(scratch / "kafka"),
                       "TEST_KAFKA_VERSION": KAFKA_VERSION, "TEST_SCENARIO": self.options.scenario,
                       "LD_LIBRARY_PATH": f"{self.root / 'src'}:{self.root / 'src-cpp'}"}
        # CI stretches the limits, KAFKA_PATH switches tests on that need Kafka's own tools.
        environment = {name: value for name, value in environment.items() if name not in ("CI", "KAFKA_PATH")}
        if number in SHELL_TOOL:
            environment["KAFKA_PATH"] = str(scratch / "kafka")
        command = [str(self.runner), "-p1", "-L", *(["-Q"] if self.options.quick else [])]
        limit = max(self.options.timeout, LONG.get(number, 0))
        if part:
            environment["SUBTESTS"] = part
        log = self.options.logs / f"{scratch.name}.log"
        started = time.monotonic()
        with open(log, "wb") as output:
            process = subprocess.Popen(command, cwd=scratch, env=environment, stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                code = None
        seconds = time.monotonic() - started
        shutil.rmtree(scratch, ignore_errors=True)
        printed = log.read_text(errors="replace")
        rows = [(name, state, float(took), COLOUR.sub("", remark).strip(" |"))
                for name, state, took, remark in ROW.findall(printed)
                if name.startswith(number) and "Filtered due to" not in remark]
        if part:
            # A part that does not exist must not pass.
            ran = re.search(rf"\[ .*{re.escape(part)}.*: PASS", COLOUR.sub("", printed))
            rows = [(f"{name}/{part.rstrip(':')}", state if ran or state != "PASSED" else "ABSENT", took, remark)
                    for name, state, took, remark in rows]
        if not rows and code == 0 and "Filtered due to" in printed:
            return []  # only known issues of the suite under this number
        if not rows:
            last = COLOUR.sub("", printed).strip().splitlines()[-1:] or [""]
            why = f"no result within {limit} s" if code is None else f"ended with {code}: {last[0]}"
            rows = [(name, "TIMEOUT" if code is None else "CRASHED", seconds, why)
                    for name in self.names.get(number, [number])]
            if part:
                rows = [(f"{name}/{part.rstrip(':')}", *rest) for name, *rest in rows]
        with self.lock:
            for name, state, took, remark in rows:
                print(f"{state:<8} {took:7.1f} s  {name:<48} {remark[:120]}", flush=True)
        return rows

    def all(self, selected):
        self.names = numbers_in(self.tests)
        unknown = [number for number in selected if number not in self.names]
        if unknown:
            raise SystemExit(f"run_librdkafka: no such tests: {' '.join(unknown)}")
        units = [unit for number in selected or self.names
                 for unit in (number, *(f"{number}/{part}" for part in PARTS.get(number, ())))]
        self.options.logs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="chronik-librdkafka-") as directory:
            work = pathlib.Path(directory)
            # Test 0053 reads ../src/statistics_schema.json.
            (work / "tests").mkdir()
            (work / "tests" / "src").symlink_to(self.root / "src")
            extra = f"log:\n  level: {self.options.broker_log}\n" if self.options.broker_log else ""
            server = chronik.Broker(work / "broker", chronik.yaml(topics=SCENARIOS[self.options.scenario], extra=extra))
            server.start()
            print(f"broker {server.bootstrap}, logs in {self.options.logs}", flush=True)
            try:
                with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
                    results = [row for rows in pool.map(lambda n: self.run(n, server.bootstrap, work / "tests"), units)
                               for row in rows]
                alive = server.alive()
            finally:
                server.stop()
                shutil.copyfile(server.log_path, self.options.logs / "broker.log")
        if not alive:
            print("the broker died; its log ends with:\n" + server.log()[-2000:])
        return results, alive


def judge(results, expected):
    """Prints the table and says whether the list was kept."""
    states = {name: (state, remark) for name, state, _, remark in results}
    passed = [name for name, (state, _) in states.items() if state == "PASSED"]
    # What belongs to the other scenario, or to a build of the suite without RapidJSON, is skipped, not broken.
    broken = [name for name in expected if name in states and states[name][0] not in ("PASSED", "SKIPPED")]
    other = [name for name, (state, _) in states.items() if state not in ("PASSED", "SKIPPED") and name not in expected]
    new = [name for name in passed if name not in expected]
    skipped = [name for name, (state, _) in states.items() if state == "SKIPPED"]
    for title, names in (("must pass and did not", broken), ("not expected to pass, see FINDINGS.md", other),
                         ("skipped by the suite itself", skipped), ("passed and is not on the list", new)):
        if names:
            print(f"\n{title}:")
            for name in names:
                print(f"  {name:<48} {states[name][0]:<8} {states[name][1][:160]}")
    ran = len(states) - len(skipped)
    print(f"\n{ran} run, {len(skipped)} skipped")
    print(f"librdkafka: {len(passed)} passed, {ran - len(passed)} failed")
    return not broken


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", help="tests to run, by number (default: all that need a broker)")
    parser.add_argument("--librdkafka", default=os.environ.get("LIBRDKAFKA"), help="built source tree (LIBRDKAFKA)")
    parser.add_argument("--scenario", choices=SCENARIOS, default="default",
                        help="the suite's name for a kind of cluster; noautocreate has four tests of its own")
    parser.add_argument("--expected-only", action="store_true", help="run only the tests that must pass")
    parser.add_argument("--quick", action="store_true", help="the suite's quick mode: less data, fewer subtests")
    parser.add_argument("--jobs", type=int, default=2, help="test processes at the same time (default 2)")
    parser.add_argument("--timeout", type=int, default=240, help="seconds per process (default 240)")
    parser.add_argument("--multiplier", type=float, default=2, help="stretches the suite's own time limits (default 2)")
    parser.add_argument("--logs", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "chronik-librdkafka-logs")
    parser.add_argument("--broker-log", help="log level of the broker")
    parser.add_argument("--update", action="store_true", help="add what passed to librdkafka.expected")
    options = parser.parse_args()
    if not options.librdkafka:
        parser.error("--librdkafka or LIBRDKAFKA must name a built source tree; see README.md")
    expected = read_expected()
    selected = sorted({name[:4] for name in expected}) if options.expected_only else options.numbers
    if options.scenario == "noautocreate" and not selected:
        selected = NO_AUTO_CREATE
    results, alive = Suite(options).all(selected)
    kept = judge(results, expected)
    if options.update:
        passed = {name for name, state, _, _ in results if state == "PASSED"}
        header = [line for line in EXPECTED.read_text().splitlines() if line.startswith("#")] if EXPECTED.exists() else []
        EXPECTED.write_text("\n".join([*header, *sorted(passed | set(expected))]) + "\n")
    if not results:
        return 2
    return 0 if kept and alive else 1


if __name__ == "__main__":
    sys.exit(main())
