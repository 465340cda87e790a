"""Runs the built `chronik` as a user would: one process, one YAML file, one data directory, stopped by its pid.

Nothing here sleeps to let the broker get ready: the ready line arrives through a pipe, and a process that ends before
saying it fails the start with everything it printed.
"""

import json
import os
import pathlib
import random
import re
import resource
import select
import signal
import socket
import subprocess
import threading
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
READY = re.compile(rb"listening on ([0-9.]+:\d+)")
HTTP = re.compile(rb"HTTP on ([0-9.]+:\d+)")


def binary():
    """CHRONIK_BIN, or the newest build in this repository."""
    named = os.environ.get("CHRONIK_BIN")
    if named:
        return pathlib.Path(named).resolve()
    for build in ("release", "debug"):
        candidate = REPOSITORY / ".build" / build / "chronik"
        if candidate.exists():
            return candidate.resolve()
    raise FileNotFoundError("no chronik in .build/release or .build/debug: run `make build`, or set CHRONIK_BIN")


def plugin_directory():
    return binary().parent


def build_ring(directory):
    """Compiles the C example outside SwiftPM, exactly as its author would."""
    source = pathlib.Path(os.environ.get("CHRONIK_SOURCE", REPOSITORY))
    output = pathlib.Path(directory) / "libRing.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-I", str(source / "Sources/TierAPI/include"),
                    str(source / "Examples/c-tier/ring_tier.c"), "-o", str(output)], check=True)
    return output


def build_shelf(directory):
    """Compiles the C example of a tier on an object store."""
    source = pathlib.Path(os.environ.get("CHRONIK_SOURCE", REPOSITORY))
    output = pathlib.Path(directory) / "libShelf.so"
    sources = [str(source / "Examples/c-archive" / f"{name}.c")
               for name in ("library", "folder_store", "segment_bytes", "shelf_tier")]
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-I", str(source / "Sources/TierAPI/include"), *sources,
                    "-o", str(output), "-lpthread"], check=True)
    return output


# E2E_CHAIN (JSON, entries as `yaml` takes them) puts the whole suite on top of another durable chain.
DEFAULT_CHAIN = json.loads(os.environ.get("E2E_CHAIN") or '[["MemoryBuffer", {"capacity": "64MiB"}], "LocalSegments"]')


def build_finder(directory):
    """A searching tier for tests of the host; see the top of the file."""
    source = pathlib.Path(os.environ.get("CHRONIK_SOURCE", REPOSITORY))
    output = pathlib.Path(directory) / "libFinder.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-I", str(source / "Sources/TierAPI/include"),
                    str(source / "Tests/EndToEnd/finder_tier.c"), "-o", str(output)], check=True)
    return output


def yaml(chain=None, plugin_paths=(), topics=None, volatile=False, durability=None, extra=""):
    """The text of a chronik.yaml. A chain entry is a plugin's name, (name, settings) or (name, settings, product)."""
    lines = []
    if volatile:
        lines.append("volatile: true")
    if durability:
        lines.append(f"durability:\n  mode: {durability}")
    paths = [str(plugin_directory()), *map(str, plugin_paths)]
    lines.append("plugins:\n  path:\n" + "\n".join(f'    - "{path}"' for path in paths))
    lines.append("chain:")
    for entry in chain or DEFAULT_CHAIN:
        name, settings, product = (entry, {}, None) if isinstance(entry, str) else (*entry, None)[:3]
        lines.append(f"  - tier: {name}")
        if product:
            lines.append(f"    product: {product}")
        if settings:
            lines.append("    config:")
            lines += [f"      {key}: {value}" for key, value in settings.items()]
    if topics:
        lines.append("topics:")
        lines += [f"  {key}: {value}" for key, value in topics.items()]
    return "\n".join(lines) + "\n" + extra


def free_port():
    """A port that nobody listens on, below those that the system gives to outgoing connections: a broker that is started
    again must find it free."""
    lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10_000, max(20_000, lowest))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


class Broker:
    """One broker and its data directory. `start` may be called again after `stop` or `kill`: same data, same port."""

    def __init__(self, directory, text=None, open_files=None):
        """`open_files`: (soft, hard) limit of descriptors that the process starts with."""
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.config = self.directory / "chronik.yaml"
        self.config.write_text(yaml() if text is None else text)
        self.log_path = self.directory / "broker.log"
        self.port = 0
        self.process = None
        self.open_files = open_files
        self.bootstrap = None
        self.http = None

    def start(self, timeout=90):
        assert self.process is None, "already running"
        self.port = self.port or free_port()
        command = [str(binary()), "serve", "--config", str(self.config), "--data-dir", str(self.data),
                   "--listen", f"127.0.0.1:{self.port}"]
        # Brokers of a test run side by side; a file that says where HTTP listens keeps its word.
        if not re.search(r"^http:", self.config.read_text(), re.MULTILINE):
            command += ["--http-listen", "127.0.0.1:0"]
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, preexec_fn=self._limit_open_files)
        printed, descriptor = b"", self.process.stdout.fileno()
        deadline = time.monotonic() + timeout
        while not (ready := READY.search(printed)):
            readable, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(descriptor, 65536) if readable else b""
            printed += chunk
            if not chunk:
                self._record(printed)
                self.process.kill()
                code = self.process.wait()
                self.process = None
                why = "ended" if readable else f"said nothing for {timeout} s"
                raise RuntimeError(f"chronik {why} (exit {code}) before it listened:\n{printed.decode(errors='replace')}")
        self.seconds_to_ready = time.monotonic() - self.started_at
        self.bootstrap = ready.group(1).decode()
        http = HTTP.search(printed)
        self.http = http and http.group(1).decode()
        self.port = int(self.bootstrap.rsplit(":", 1)[1])
        self._record(printed)
        self.pump = threading.Thread(target=self._pump, args=(self.process.stdout,), daemon=True)
        self.pump.start()
        return self

    def _limit_open_files(self):
        if self.open_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, self.open_files)

    def _record(self, data):
        with open(self.log_path, "ab") as log:
            log.write(data)

    def _pump(self, pipe):
        with open(self.log_path, "ab", buffering=0) as log:
            while chunk := os.read(pipe.fileno(), 65536):
                log.write(chunk)
        pipe.close()

    def _ended(self, timeout):
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = None
        self.pump.join(10)
        self.process = None
        return code

    def stop(self, timeout=40):
        """SIGTERM; the exit code, or None when it had to be killed."""
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self._ended(timeout)

    def kill(self):
        """SIGKILL: the process gets no chance to write another byte."""
        self.process.send_signal(signal.SIGKILL)
        self._ended(10)

    def restart(self, hard=False):
        if hard:
            self.kill()
        else:
            assert self.stop() == 0, "a clean shutdown exits with 0"
        return self.start()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def resident_bytes(self):
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sockets(self):
        count = 0
        for name in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                count += os.readlink(f"/proc/{self.process.pid}/fd/{name}").startswith("socket:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def bytes_on_disk(self):
        # st_blocks, not st_size: preallocated segments count as what they occupy.
        total = 0
        for root, _, names in os.walk(self.data):
            for name in names:
                try:
                    total += os.lstat(os.path.join(root, name)).st_blocks * 512
                except FileNotFoundError:
                    pass  # the broker deletes files of its own accord
        return total

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


class External:
    """A broker somebody else runs (E2E_BOOTSTRAP=host:port): the tests that need no restart run against it."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def alive(self):
        return True

    def log(self):
        return ""


def run(*arguments, timeout=180):
    """`chronik …` to its end."""
    return subprocess.run([str(binary()), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout)
