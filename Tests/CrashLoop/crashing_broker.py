"""The broker under attack: started, watched and killed by its pid, also in the middle of its start."""

import os
import re
import subprocess
import threading
import time

import broker as harness
from ledger import Violation

CLUSTER = re.compile(rb"node \d+ of cluster (\S+),")


class CrashingBroker(harness.Broker):
    """A broker whose start can be given up in the middle."""

    def __init__(self, directory, text, environment):
        super().__init__(directory, text)
        self.environment = environment
        self.cluster = None
        self.ready_after = 1.0

    def spawn(self):
        assert self.process is None, "already running"
        self.port = self.port or harness.free_port()
        command = [str(harness.binary()), "serve", "--config", str(self.config), "--data-dir", str(self.data),
                   "--listen", f"127.0.0.1:{self.port}", "--http-listen", "off"]
        self.spawned = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env={**os.environ, **self.environment})
        self.printed, self.ready = b"", threading.Event()
        self.pump = threading.Thread(target=self._follow, args=(self.process.stdout,), daemon=True)
        self.pump.start()

    def _follow(self, pipe):
        """Copies the output to the log and notices the ready line."""
        with open(self.log_path, "ab", buffering=0) as log:
            while chunk := os.read(pipe.fileno(), 65536):
                log.write(chunk)
                if not self.ready.is_set():
                    self.printed += chunk
                    if harness.READY.search(self.printed):
                        self.ready.set()
        pipe.close()

    def wait_ready(self, timeout=120):
        deadline = time.monotonic() + timeout
        while not self.ready.wait(0.02):
            if self.process.poll() is not None:
                self.pump.join(5)
                if self.ready.is_set():
                    break
                raise Violation(f"the broker ended with code {self.process.returncode} before it listened:\n"
                                + self.printed.decode(errors="replace"))
            if time.monotonic() > deadline:
                raise Violation(f"the broker did not listen within {timeout} s:\n" + self.printed.decode(errors="replace"))
        self.ready_after = time.monotonic() - self.spawned
        self.bootstrap = harness.READY.search(self.printed).group(1).decode()
        self.port = int(self.bootstrap.rsplit(":", 1)[1])
        cluster = CLUSTER.search(self.printed).group(1)
        if self.cluster not in (None, cluster):
            raise Violation(f"the cluster id was {self.cluster.decode()} and is {cluster.decode()} now")
        self.cluster = cluster
