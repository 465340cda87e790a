"""What the latency benchmarks share: the programs in C, real text, a broker with an archive, and what the kernel knows
about a broker's threads."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests/EndToEnd"))
import archive  # noqa: E402
import broker as harness  # noqa: E402
import clients  # noqa: E402, F401
import corpus  # noqa: E402

WORK = HERE / ".work"


def session():
    """What the kernel calls this session, and how much it prefers it (README.md, Latencies)."""
    try:
        return pathlib.Path("/proc/self/autogroup").read_text().strip()
    except OSError:
        return "none"


def compile_tailgen():
    WORK.mkdir(exist_ok=True)
    output = WORK / "tailgen"
    subprocess.run(["cc", "-O2", "-march=native", "-pthread", str(HERE / "tailgen.c"), "-o", str(output), "-lzstd"], check=True)
    return output


def text_file():
    """Debian's package index as one file."""
    output = WORK / "text"
    if not output.exists():
        WORK.mkdir(exist_ok=True)
        output.write_bytes(b"\n".join(corpus.load().lines))
    return output


def tailgen(mode, port, topic, options="", offsets=None, timeout=600):
    command = [str(WORK / "tailgen"), mode, "-p", str(port), "-t", topic, "-F", str(text_file()), *options.split()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout,
                          input=None if offsets is None else "\n".join(map(str, offsets)) + "\n")
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


class Archive:
    """A broker with the whole chain in a fresh directory below `root`."""

    def __init__(self, name, durability="fsync", root=None, store=None, **settings):
        self.directory = pathlib.Path(root or WORK) / name
        shutil.rmtree(self.directory, ignore_errors=True)
        text = archive.configuration(store, **settings) + f"durability:\n  mode: {durability}\n"
        self.broker = harness.Broker(self.directory, text)

    def __enter__(self):
        self.broker.start()
        return self

    def __exit__(self, *_):
        self.broker.stop(60)
        shutil.rmtree(self.directory, ignore_errors=True)


def thread_times(pid):
    """{thread name: (seconds on a processor, seconds ready but waiting for one)}, summed over threads of one name."""
    out = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            name = (task / "comm").read_text().strip()
            ran, waited = map(int, (task / "schedstat").read_text().split()[:2])
        except (OSError, ValueError):
            continue  # it ended
        before = out.get(name, (0, 0))
        out[name] = (before[0] + ran / 1e9, before[1] + waited / 1e9)
    return out


def difference(after, before):
    return {name: (ran - before.get(name, (0, 0))[0], waited - before.get(name, (0, 0))[1])
            for name, (ran, waited) in after.items()}
