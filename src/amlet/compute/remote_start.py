"""The first words on a machine that is reached over SSH. It is sent there as text, and run by the Python found there.

It needs nothing: it takes in what that machine does not have yet - our sources, the uv program - and hands over to
`amlet.node.tend` in them. What is asked and told are JSON objects, one a line; parcels follow as raw bytes.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import json
import os
import platform
import shutil
import sys
import traceback
import zipfile
from pathlib import Path

CHUNK_BYTES = 1 << 20


def say(**told: object) -> None:
    try:
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
    except OSError:
        sys.exit(1)  # nobody listens any more


def main() -> None:
    asked = json.loads(sys.stdin.buffer.readline())
    root = Path(os.environ.get("AMLET_NODE_ROOT") or Path.home() / ".amlet-node")
    system = sys.platform + " " + platform.machine()
    if sys.platform != "linux":
        say(failed="its system is " + sys.platform + ": nodes run on Linux")
        return
    bundle = root / "bundles" / asked["bundle"]
    uv = root / "uv" / asked["uv"]
    try:
        root.mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)
        needed = [] if bundle.is_dir() else ["bundle"]
        if system == asked["system"] and not uv.is_dir():
            needed.append("uv")
        say(needs=needed, python=platform.python_version(), system=system)
        for name in needed:
            take(name, asked[name], bundle if name == "bundle" else uv)
    except OSError as error:
        say(failed="cannot write " + str(error.filename or root) + ": " + str(error.strerror or error))
        return
    sys.path.insert(0, str(bundle))
    importlib.import_module("amlet.node.tend").tend(root, bundle, uv if uv.is_dir() else None, say)


def take(kind: str, digest: str, folder: Path) -> None:
    """Write a parcel down, hold it against its digest, and lay it out; whole or not at all."""
    left = json.loads(sys.stdin.buffer.readline())["size_bytes"]
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = folder.parent / ("." + folder.name + "." + str(os.getpid()) + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    try:
        hashed = hashlib.sha256()
        with (part / "parcel").open("wb") as file:
            while left:
                chunk = sys.stdin.buffer.read(min(left, CHUNK_BYTES))
                if not chunk:
                    sys.exit(1)
                hashed.update(chunk)
                file.write(chunk)
                left -= len(chunk)
        if hashed.hexdigest() != digest:
            raise OSError(0, "what came is damaged", str(part / "parcel"))
        if kind == "bundle":
            with zipfile.ZipFile(part / "parcel") as archive:
                archive.extractall(part)
        else:
            with gzip.open(part / "parcel") as packed, (part / "uv").open("wb") as program:
                shutil.copyfileobj(packed, program, CHUNK_BYTES)
            (part / "uv").chmod(0o700)
        (part / "parcel").unlink()
        try:
            part.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another link was first
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


if __name__ == "__main__":
    try:
        main()
    except Exception:  # noqa: BLE001 - the traceback's end is told to the server
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    finally:
        os._exit(0)  # a thread may still wait for what nobody will say, and would keep Python from ending in order
