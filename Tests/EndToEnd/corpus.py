"""Real text in quantity: Debian's package index, one record per line, the paragraph's package name as key."""

import glob
import hashlib
import os
import pathlib
import subprocess
import sysconfig
import tempfile
import warnings

LISTS = "/var/lib/apt/lists"
MINIMUM = 50_000_000


def _indices():
    return sorted(glob.glob(f"{LISTS}/*_Packages*"), key=os.path.getsize, reverse=True)


def _decompressed(path):
    """apt knows every compression that it stores its lists in."""
    try:
        return subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True).stdout
    except (OSError, subprocess.CalledProcessError):
        for tool, suffix in (("lz4cat", ".lz4"), ("xzcat", ".xz"), ("zcat", ".gz")):
            if path.endswith(suffix):
                return subprocess.run([tool, path], check=True, capture_output=True).stdout
        return pathlib.Path(path).read_bytes()


def _debian():
    if not _indices():
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        subprocess.run([*sudo, "apt-get", "-qq", "update"], check=False, capture_output=True)
    text = b""
    for path in _indices():
        text += _decompressed(path)
        if len(text) >= MINIMUM:
            return text
    return None


def _fallback():
    """Without Debian's lists: the word list and Python's own sources, repeated until they are enough."""
    warnings.warn("no Debian Packages index: the corpus is Python's sources and the word list instead")
    parts = [pathlib.Path(name).read_bytes() for name in glob.glob("/usr/share/dict/*") if os.path.isfile(name)]
    parts += [pathlib.Path(name).read_bytes()
              for name in sorted(glob.glob(sysconfig.get_path("stdlib") + "/**/*.py", recursive=True))]
    text = b"\n".join(parts)
    return text * (MINIMUM // max(1, len(text)) + 1)


class Corpus:
    def __init__(self, text):
        self.lines = text[:text.rindex(b"\n", 0, MINIMUM + 4096)].split(b"\n")
        self.byte_count = sum(map(len, self.lines)) + len(self.lines)

    def keyed(self):
        """[(package, line)] of everything: the key repeats for the lines of one paragraph."""
        key, out = b"-", []
        for line in self.lines:
            if line.startswith(b"Package: "):
                key = line[9:]
            out.append((key, line))
        return out

    def slice(self, start, byte_count):
        """Lines from `start`, about `byte_count` bytes, none empty (kcat's pipe cannot carry those)."""
        out, size = [], 0
        for line in self.lines[start:]:
            if line:
                out.append(line)
                size += len(line) + 1
                if size >= byte_count:
                    return out
        raise AssertionError("the corpus is too small")


def load():
    cache = pathlib.Path(tempfile.gettempdir()) / f"chronik-corpus-{os.getuid()}.txt"
    if not cache.exists() or cache.stat().st_size < MINIMUM:
        text = _debian() or _fallback()
        partial = cache.with_suffix(f".{os.getpid()}")
        partial.write_bytes(text[:MINIMUM + 1_000_000])
        partial.rename(cache)
    return Corpus(cache.read_bytes())


def digest(values):
    """sha256 over the lines in order, each ended by a newline: equal only for the same lines in the same order."""
    state = hashlib.sha256()
    for value in values:
        state.update(value + b"\n")
    return state.hexdigest()
