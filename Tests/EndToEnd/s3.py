"""A real S3 server for the archive's tests (SeaweedFS, one for the whole run) and the proxy that breaks things."""

import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

PROXY = pathlib.Path(__file__).resolve().parents[1] / "ObjectStoresTests" / "fault_proxy.py"
BUCKET = "archive"
KEYS = {"access_key_id": "chronik", "secret_access_key": "very-secret-words"}
PATIENCE = 90


def program():
    """CHRONIK_WEED, or the program beside this Python; None when there is none."""
    named = os.environ.get("CHRONIK_WEED")
    candidate = pathlib.Path(named) if named else pathlib.Path(sys.prefix) / "bin" / "weed"
    return candidate if candidate.exists() else None


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Server:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        (self.directory / "data").mkdir(parents=True)
        identity = {"name": "e2e", "actions": ["Admin", "Read", "Write", "List", "Tagging"],
                    "credentials": [{"accessKey": KEYS["access_key_id"], "secretKey": KEYS["secret_access_key"]}]}
        (self.directory / "s3.json").write_text(json.dumps({"identities": [identity]}))
        self.process = None

    def start(self):
        """Its ports have to be chosen for it; another process may have one of them, or take one meanwhile."""
        setbacks = []
        for _ in range(8):
            # Each service also listens 10,000 above its port; ports from 32,768 on are handed out to connections.
            self.base = random.randrange(12_000, 22_000)
            self.port = self.base + 3
            taken = [port for port in range(self.base, self.base + 4) for port in (port, port + 10_000) if not is_free(port)]
            why = f"port {taken[0]} is taken" if taken else self._start()
            if why is None:
                return self
            self.stop()
            setbacks.append(f"with ports from {self.base}: {why}")
        raise RuntimeError("SeaweedFS cannot be started:\n" + "\n".join(setbacks))

    def _start(self):
        """None when it answers, else what went wrong."""
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [str(program()), "server", f"-dir={self.directory}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
                 f"-master.port={self.base}", f"-volume.port={self.base + 1}", "-filer", f"-filer.port={self.base + 2}",
                 "-s3", f"-s3.port={self.port}", f"-s3.config={self.directory}/s3.json", "-s3.port.iceberg=0",
                 "-s3.port.lance=0", "-master.volumeSizeLimitMB=256", "-volume.max=200"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if self.process.poll() is not None:
                return self._end()
            if time.monotonic() > deadline:
                return f"it did not answer within {PATIENCE} s:\n" + self._last_words()
            time.sleep(0.2)  # it announces nothing
        return None if self.process.poll() is None else self._end()

    def _end(self):
        return f"it ended with status {self.process.returncode}:\n" + self._last_words()

    def _last_words(self):
        return (self.directory / "log").read_text(errors="replace")[-2000:]

    def make_bucket(self):
        """Its own shell makes the bucket, so that no request has to be signed here."""
        deadline = time.monotonic() + PATIENCE
        while True:
            done = subprocess.run([str(program()), "shell", f"-master=127.0.0.1:{self.base}", f"-filer=127.0.0.1:{self.base + 2}"],
                                  input=f"s3.bucket.create -name {BUCKET}\ns3.bucket.list\n", capture_output=True,
                                  text=True, timeout=PATIENCE)
            if any(line.split()[:1] == [BUCKET] for line in done.stdout.splitlines()):
                return self
            assert self.process.poll() is None, self._end()
            assert time.monotonic() < deadline, done.stdout + done.stderr
            time.sleep(0.5)

    def _answers(self):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=2).close()
        except urllib.error.HTTPError:
            return True  # it refuses who has no key, and so it is up
        except OSError:
            return False
        return True

    def stop(self):
        if self.process is not None:
            # Its orderly end takes half a minute; its data are meant to survive this.
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


class Proxy:
    """Before a server; `tell` sets what breaks from now on."""

    def __init__(self, upstream_port):
        self.process = subprocess.Popen([sys.executable, str(PROXY), str(upstream_port)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline())

    def tell(self, *faults, delay_ms=0):
        self.process.stdin.write(json.dumps({"faults": faults, "delay_ms": delay_ms}) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    def close(self):
        self.process.kill()
        self.process.wait()


def store(port, prefix, **settings):
    """What stands below `store:`."""
    return {"type": "s3", "config": {"endpoint": f"http://127.0.0.1:{port}", "region": "us-east-1", "bucket": BUCKET,
                                     "prefix": prefix, **KEYS, **settings}}
