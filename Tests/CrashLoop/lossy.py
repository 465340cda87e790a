"""Cuts the power on a data directory: undoes, after SIGKILL, what `lossy.c` saw change and no flush covered.

The result is one of the states a disk may be in. For each file one of four policies is drawn: everything unflushed is
lost, everything survived, or each 512-byte sector decides for itself (with few or with many survivors). Sectors that a
file had not reached before read as zeros. For each directory the unflushed changes of names survive up to a random one.
"""

import collections
import os
import pathlib
import struct
import subprocess

HEADER = struct.Struct("<IIQQQQQIIQ")
MAGIC = 0x4C4F5353
SECTOR = 512
(WRITE, RESIZE, SYNC, SYNC_DIRECTORY, CREATE, MKDIR, UNLINK, RMDIR, RENAME, FORGET, CANCEL) = range(1, 12)
NAMES = (CREATE, MKDIR, UNLINK, RMDIR, RENAME)

Entry = collections.namedtuple("Entry", "kind seq inode a b c bytes1 bytes2")


def compile_shim(directory):
    """lossy.so in `directory`."""
    output = pathlib.Path(directory) / "lossy.so"
    source = pathlib.Path(__file__).with_name("lossy.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", str(source), "-o", str(output), "-ldl",
                    "-lpthread"], check=True)
    return output


class LossyDisk:
    """The journal of one data directory and what it takes to use it."""

    def __init__(self, directory, data, shim):
        self.data = pathlib.Path(data)
        self.journal = pathlib.Path(directory) / "lossy.journal"
        self.side = pathlib.Path(directory) / "lossy.side"
        self.side.mkdir(parents=True, exist_ok=True)
        self.shim = shim
        self.sectors_lost = self.sectors_kept = self.names_lost = self.cuts = self.files_torn = 0

    def environment(self):
        return {"LD_PRELOAD": str(self.shim), "LOSSY_ROOT": str(self.data), "LOSSY_JOURNAL": str(self.journal),
                "LOSSY_SIDE": str(self.side)}

    # MARK: the journal

    def entries(self):
        """What the journal holds; an entry that the kill cut short is removed from the file."""
        data = self.journal.read_bytes() if self.journal.exists() else b""
        out, at = [], 0
        while at + HEADER.size <= len(data):
            magic, kind, seq, inode, a, b, c, length1, length2, _ = HEADER.unpack_from(data, at)
            end = at + HEADER.size + length1 + length2
            if magic != MAGIC or end > len(data):
                break
            assert seq == at + 1, f"{self.journal}: entry {seq} at byte {at}"
            start = at + HEADER.size
            out.append(Entry(kind, seq, inode, a, b, c, data[start:start + length1], data[start + length1:end]))
            at = end
        if at < len(data):
            os.truncate(self.journal, at)
        return out

    def process_crash(self):
        """Only the process died: the page cache, and the journal with it, live on."""
        self.entries()

    def forget(self):
        """Starts over: whatever is there counts as durable."""
        self.journal.unlink(missing_ok=True)
        for backup in self.side.iterdir():
            backup.unlink()

    # MARK: the cut

    def power_cut(self, chance):
        """Undoes what was not flushed. Returns lines that say what happened, for the report of a violation."""
        self.cuts += 1
        entries = self.entries()
        cancelled = {each.a for each in entries if each.kind == CANCEL}
        said = []
        self._undo_names([each for each in entries if each.seq not in cancelled], chance, said)
        self._undo_data(entries, chance, said)
        self.forget()
        return said

    def _undo_names(self, entries, chance, said):
        flushed = {each.inode: each.a for each in entries if each.kind == SYNC_DIRECTORY}
        pending = collections.defaultdict(list)
        for each in entries:
            if each.kind in NAMES:
                # A directory that was removed and counts as removed takes its own history along.
                if each.kind == RMDIR:
                    pending.pop(each.a, None)
                directory = each.a if each.kind == RENAME else each.inode
                if each.seq >= flushed.get(directory, 0):
                    pending[directory].append(each)
        undo = []
        for directory in sorted(pending):
            operations = pending[directory]
            policy = chance.random()
            kept = 0 if policy < 0.4 else len(operations) if policy < 0.65 else chance.randrange(len(operations) + 1)
            undo += operations[kept:]
        undo.sort(key=lambda each: -each.seq)
        if not undo:
            return
        paths = {os.stat(self.data).st_ino: str(self.data)}
        for top, directories, _ in os.walk(self.data):
            for name in directories:
                paths[os.lstat(os.path.join(top, name)).st_ino] = os.path.join(top, name)
        for each in undo:
            self._undo_name(each, paths, said)

    def _undo_name(self, each, paths, said):
        name1, name2 = os.fsdecode(each.bytes1), os.fsdecode(each.bytes2)
        if each.inode not in paths:
            return  # the directory itself is gone, undone before this one
        path = os.path.join(paths[each.inode], name1)
        if each.kind == CREATE:
            if not os.path.lexists(path) or os.lstat(path).st_ino != each.a:
                return
            os.unlink(path)
        elif each.kind == MKDIR:
            if not os.path.isdir(path):
                return
            for top, directories, files in os.walk(path, topdown=False):
                for name in files:
                    os.unlink(os.path.join(top, name))
                for name in directories:
                    os.rmdir(os.path.join(top, name))
            os.rmdir(path)
            paths.pop(each.a, None)
        elif each.kind == UNLINK:
            if os.path.lexists(path) or not self._restore(each.a, path):
                return
        elif each.kind == RMDIR:
            if os.path.lexists(path):
                return
            os.mkdir(path)
            paths[each.a] = path
        elif each.kind == RENAME:
            if each.a not in paths:
                return
            target = os.path.join(paths[each.a], name2)
            if not os.path.lexists(target) or os.path.lexists(path) and os.path.isdir(path):
                return
            os.rename(target, path)
            if os.path.isdir(path):
                for inode, old in list(paths.items()):
                    if old == target or old.startswith(target + "/"):
                        paths[inode] = path + old[len(target):]
            if each.b:
                self._restore(each.b, target)
        self.names_lost += 1
        words = {CREATE: "create", MKDIR: "mkdir", UNLINK: "unlink", RMDIR: "rmdir", RENAME: "rename"}
        said.append(f"lost: {words[each.kind]} {path}" + (f" -> {name2}" if name2 else ""))

    def _restore(self, number, path):
        backup = self.side / f"{number >> 32}-{number & 0xFFFFFFFF}"
        if number == 0 or not backup.exists():
            return False
        os.link(backup, path)
        return True

    def _undo_data(self, entries, chance, said):
        changes = collections.defaultdict(list)
        for each in entries:
            if each.kind in (WRITE, RESIZE):
                changes[each.inode].append(each)
            elif each.kind == SYNC:
                changes[each.inode] = [change for change in changes[each.inode] if change.seq >= each.a]
            elif each.kind == FORGET:
                changes.pop(each.inode, None)
        done = set()
        for top, directories, files in os.walk(self.data):
            directories.sort()
            for name in sorted(files):
                path = os.path.join(top, name)
                inode = os.lstat(path).st_ino
                if changes.get(inode) and inode not in done:
                    done.add(inode)
                    self._tear(path, changes[inode], chance, said)

    def _tear(self, path, changes, chance, said):
        with open(path, "r+b") as file:
            latest = file.read()
            durable = bytearray(latest)
            touched = set()
            for each in reversed(changes):
                if each.kind == WRITE:
                    touched.update(range(each.a // SECTOR, (each.a + each.c + SECTOR - 1) // SECTOR))
                    durable[each.a:each.a + len(each.bytes1)] = each.bytes1
                    del durable[each.b:]
                    durable.extend(bytes(each.b - len(durable)))
                elif each.b < each.a:
                    durable[each.b:] = each.bytes1
                else:
                    del durable[each.a:]
            if durable == latest:
                return
            policy = chance.random()
            if policy < 0.15:
                self.sectors_kept += len(touched)
                return  # the kernel had written everything back
            if policy < 0.4 or len(durable) > len(latest):
                result, kept, lost = bytes(durable), 0, len(touched)
            else:
                survives = 0.15 if policy < 0.6 else 0.5 if policy < 0.8 else 0.9
                size = chance.choice((len(durable), len(latest), len(latest),
                                      min(len(latest), len(durable) + SECTOR * chance.randrange(1 + len(touched)))))
                mixed = bytearray(durable[:size])
                mixed.extend(bytes(size - len(mixed)))
                kept = lost = 0
                for sector in sorted(touched):
                    start, end = sector * SECTOR, min(sector * SECTOR + SECTOR, size)
                    if start < size and chance.random() < survives:
                        mixed[start:end] = latest[start:end]
                        kept += 1
                    else:
                        lost += 1
                result = bytes(mixed)
            file.seek(0)
            file.write(result)
            file.truncate(len(result))
        self.sectors_kept += kept
        self.sectors_lost += lost
        self.files_torn += kept > 0 and lost > 0
        said.append(f"torn: {path}: durable {len(durable)} bytes, written {len(latest)}, now {len(result)}; "
                    f"{kept} sectors kept, {lost} lost")
