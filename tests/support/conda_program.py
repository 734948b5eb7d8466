"""A program that behaves as micromamba or conda do, for machines that have neither.

It keeps each command line that it gets in `argv.jsonl` beside itself, solves and installs by py-rattler, and answers in
the JSON of the program that it stands in for. What is real: the packages, the solution, the prefix. What is not: the
program's own parsing of its command line.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

VALUED = ("--prefix", "--channel", "--file")


def place(folder: Path, name: str) -> Path:
    """Make it executable under a name; returns the folder to put on PATH."""
    folder.mkdir(parents=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).resolve()} {name} {folder} "$@"\n')
    path.chmod(0o755)
    return folder


def command_lines(folder: Path) -> list[list[str]]:
    """What it was called with, first call first."""
    return [json.loads(line) for line in (folder / "argv.jsonl").read_text().splitlines()]


def main(name: str, folder: Path, argv: list[str]) -> int:
    with (folder / "argv.jsonl").open("a") as calls:
        calls.write(json.dumps(argv) + "\n")
    assert argv[0] == "create"
    options: dict[str, list[str]] = {}
    specs: list[str] = []
    words = iter(argv[1:])
    for word in words:
        if word in VALUED:
            options.setdefault(word, []).append(next(words))
        elif word.startswith("--"):
            options[word] = []
        else:
            specs.append(word)
    packages = Path(os.environ["CONDA_PKGS_DIRS"])
    prefix = Path(options["--prefix"][0])
    try:
        if "--dry-run" in options:
            answer = asyncio.run(solve(name, specs, options["--channel"], packages))
        else:
            answer = asyncio.run(install(Path(options["--file"][0]), packages, prefix))
    except Exception as error:
        print(json.dumps({"success": False, "error": str(error), "message": str(error)}), flush=True)
        return 1
    # Old releases of mamba say things before their answer.
    print(f"DryRunExit: {{}}\n{json.dumps(answer, indent=2)}", flush=True)
    return 0


async def solve(name: str, specs: list[str], channels: list[str], packages: Path) -> dict[str, object]:
    import rattler

    records = await rattler.solve(
        [rattler.Channel(channel) for channel in channels],
        [rattler.MatchSpec(spec) for spec in specs],
        gateway=rattler.Gateway(cache_dir=packages),
        channel_priority=rattler.ChannelPriority.Disabled,
        virtual_packages=rattler.VirtualPackage.detect(),
        channel_relations="disabled",
    )
    whole = [{**json.loads(record.to_json()), "url": record.url} for record in records]
    brief = [{"name": held["name"], "version": held["version"], "base_url": "x"} for held in whole]
    # conda is brief of what it links; micromamba tells all of it twice.
    return {"success": True, "actions": {"FETCH": whole, "LINK": brief if name == "conda" else whole}}


async def install(explicit: Path, packages: Path, prefix: Path) -> dict[str, object]:
    import rattler

    from amlet.environments.conda.rattler_child import _record

    assert not prefix.exists()
    lines = explicit.read_text().splitlines()
    assert lines[0] == "@EXPLICIT"
    records = []
    for url in lines[1:]:
        kept = packages / unquote(url.rsplit("/", 1)[1])
        shutil.copyfile(unquote(urlsplit(url).path), kept)
        record = await rattler.RepoDataRecord.from_package_archive(kept)
        records.append(_record({"url": kept.as_uri(), "sha256": record.sha256.hex()}))
    await rattler.install(records, prefix, cache_dir=packages / "extracted", show_progress=False)
    return {"success": True, "prefix": str(prefix)}


if __name__ == "__main__":
    code = main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
    sys.stdout.flush()
    os._exit(code)
