#!/usr/bin/env python3
"""Runs franz-go's own integration tests against the built broker and compares with the checked-in list.

    run_franz.py --kgo-test FILE [--chaos ROUNDS]

FILE is the compiled test program of franz-go's package pkg/kgo (README.md). Its tests find the broker by KGO_SEEDS. Then the
group test runs again, ROUNDS times, with connections that the suite itself cuts every second.

Exit code: 0 when every test of `franz.expected` has passed, 1 when one has not, 2 when the suite could not run.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))
import broker as chronik  # noqa: E402

EXPECTED = HERE / "franz.expected"
RESULT = re.compile(r"^\s*--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)", re.MULTILINE)
# Transactions and share groups: see FINDINGS.md.
NOT_THERE = "^(TestTxnEtl|TestShare)"


def read_expected():
    lines = (line.split("#")[0].strip() for line in EXPECTED.read_text().splitlines())
    return [line for line in lines if line]


def run(program, bootstrap, log, options, *, chaos=False):
    """{test: (state, seconds)} of one run of the suite."""
    environment = {**os.environ, "KGO_SEEDS": bootstrap, "KGO_TEST_RF": "1",
                   "KGO_TEST_RECORDS": str(options.records)}
    if chaos:
        environment["KGO_TEST_CHAOS"] = "1"
    select = ["-test.run", "^TestGroupETL$"] if chaos else ["-test.skip", NOT_THERE]
    if options.only:
        select = ["-test.run", options.only]
    with open(log, "wb") as output:
        subprocess.run([str(program), "-test.v", f"-test.timeout={options.timeout}s", *select], env=environment,
                       cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                       timeout=options.timeout + 30)
    printed = log.read_text(errors="replace")
    return {name: (state, float(took)) for state, name, took in RESULT.findall(printed)}


def judge(title, results, expected):
    missing = [name for name in expected if results.get(name, ("ABSENT", 0))[0] != "PASS"]
    failed = [name for name, (state, _) in results.items() if state == "FAIL" and name not in expected]
    for name in expected:
        state, took = results.get(name, ("ABSENT", 0))
        print(f"{state:<8} {took:7.1f} s  {title}{name}")
    for name in failed:
        print(f"FAIL     {results[name][1]:7.1f} s  {title}{name} (not on the list)")
    return missing + failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kgo-test", default=os.environ.get("KGO_TEST"), help="compiled tests of pkg/kgo (KGO_TEST)")
    parser.add_argument("--chaos", type=int, default=1, help="rounds with connections that are cut (default 1)")
    parser.add_argument("--records", type=int, default=500_000, help="records of each group test (the suite's default)")
    parser.add_argument("--timeout", type=int, default=600, help="seconds for a run of the suite (default 600)")
    parser.add_argument("--only", help="a regular expression of tests; nothing is compared then")
    parser.add_argument("--logs", type=pathlib.Path, default=pathlib.Path(tempfile.gettempdir()) / "chronik-franz-logs")
    options = parser.parse_args()
    if not options.kgo_test or not pathlib.Path(options.kgo_test).exists():
        print("run_franz: --kgo-test or KGO_TEST must name the compiled tests of franz-go's pkg/kgo; see README.md",
              file=sys.stderr)
        return 2
    program = pathlib.Path(options.kgo_test).resolve()
    options.logs = options.logs.resolve()
    options.logs.mkdir(parents=True, exist_ok=True)
    broken = []
    with tempfile.TemporaryDirectory(prefix="chronik-franz-") as directory:
        server = chronik.Broker(pathlib.Path(directory) / "broker", chronik.yaml(topics={"num.partitions": 4}))
        server.start()
        print(f"broker {server.bootstrap}, logs in {options.logs}", flush=True)
        try:
            results = run(program, server.bootstrap, options.logs / "kgo.log", options)
            # What the suite itself skips is no failure of what was asked for.
            asked = sorted(name for name, (state, _) in results.items() if state != "SKIP")
            broken += judge("", results, asked if options.only else read_expected())
            for number in range(0 if options.only else options.chaos):
                chaos = run(program, server.bootstrap, options.logs / f"chaos-{number}.log", options, chaos=True)
                etl = [name for name in read_expected() if name.startswith("TestGroupETL")]
                broken += judge("chaos ", chaos, etl)
            alive = server.alive()
        finally:
            server.stop()
            (options.logs / "broker.log").write_text(server.log())
    if not alive:
        print("the broker died; its log ends with:\n" + server.log()[-2000:])
    passed = sum(state == "PASS" for name, (state, _) in results.items() if options.only or name in read_expected())
    print(f"franz-go: {passed} passed, {len(broken)} failed")
    return 0 if alive and not broken else 1


if __name__ == "__main__":
    sys.exit(main())
