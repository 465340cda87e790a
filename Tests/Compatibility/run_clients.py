#!/usr/bin/env python3
"""Drives the built broker with client libraries of other languages; README.md says where they come from.

    run_clients.py java --jars DIR      java/*.java, with the jars in DIR on the class path
    run_clients.py go                   go/*.go, with sarama from GOPATH (default: Debian's /usr/share/gocode)
    run_clients.py js --kafkajs DIR     js/main.js, with the kafkajs in DIR, on Node.js

Each program gets a broker of its own and prints one line per check. Exit code: the program's, 2 when it cannot be built.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "EndToEnd"))
import broker as chronik  # noqa: E402


def build(command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        print(done.stdout, file=sys.stderr)
        sys.exit(2)


def java(options, work):
    if not options.jars:
        sys.exit("run_clients: --jars or KAFKA_JARS must name a directory with kafka-clients and its codecs; see README.md")
    jars = sorted(pathlib.Path(options.jars).glob("*.jar"))
    # A directory with more than the client (Kafka Connect, say) brings its own logging; only the client's own is wanted.
    wanted = ("kafka-clients", "slf4j-api", "lz4", "zstd", "snappy")
    path = os.pathsep.join(map(str, [jar for jar in jars if jar.name.startswith(wanted)] or jars))
    build(["javac", "-nowarn", "-cp", path, "-d", str(work), *map(str, sorted((HERE / "java").glob("*.java")))])
    return ["java", "-cp", f"{path}{os.pathsep}{work}", "ClientSuite"]


def go(options, work):
    program = work / "suite"
    environment = {"GOPATH": "/usr/share/gocode", "GO111MODULE": "off", "GOCACHE": str(work / "cache"), **os.environ}
    build(["go", "build", "-o", str(program), "."], cwd=HERE / "go", env=environment)
    return [str(program)]


def js(options, work):
    client = pathlib.Path(options.kafkajs or "")
    if not options.kafkajs or not (client / "index.js").exists():
        sys.exit("run_clients: --kafkajs or KAFKAJS must name a directory with kafkajs (its index.js); see README.md")
    return ["node", str(HERE / "js" / "main.js"), str(client.resolve())]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("language", choices=["java", "go", "js"])
    parser.add_argument("--jars", default=os.environ.get("KAFKA_JARS"), help="directory of jars (KAFKA_JARS)")
    parser.add_argument("--kafkajs", default=os.environ.get("KAFKAJS"), help="directory of the JavaScript client (KAFKAJS)")
    parser.add_argument("--only", default="", help="java, js: checks whose name contains this")
    parser.add_argument("--timeout", type=int, default=900, help="seconds for the whole program (default 900)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chronik-clients-") as directory:
        work = pathlib.Path(directory)
        command = {"java": java, "go": go, "js": js}[options.language](options, work)
        server = chronik.Broker(work / "broker", chronik.yaml(topics={"num.partitions": 4}))
        server.start()
        try:
            arguments = [server.bootstrap] if options.language == "go" else [server.bootstrap, options.only]
            code = subprocess.run([*command, *arguments], stdin=subprocess.DEVNULL, timeout=options.timeout).returncode
            if not server.alive():
                print("the broker died:\n" + server.log()[-2000:])
                code = 1
        finally:
            server.stop()
    sys.exit(code)


if __name__ == "__main__":
    main()
