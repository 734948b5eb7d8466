"""The process that py-rattler runs in: one question as JSON on standard input, one answer on standard output."""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import rattler
from rattler import exceptions

from amlet.environments.conda.base import BAD_HASH, OTHER, UNREACHABLE, UNSOLVABLE

_LEAD = "Cannot solve the request because of:"


def main() -> None:
    """Answer, whatever happens."""
    question = json.load(sys.stdin)
    try:
        answer = asyncio.run(_solve(question) if question["what"] == "solve" else _install(question))
    except Exception as error:  # noqa: BLE001 - the parent turns it into an error for users
        text = str(error).removeprefix(_LEAD)
        answer = {"failed": _kind(error), "reason": text or type(error).__name__}
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    # Its threads may still hold on to the interpreter, whose orderly end then crashes.
    os._exit(0)


async def _solve(question: dict[str, Any]) -> dict[str, Any]:
    gateway = rattler.Gateway(cache_dir=Path(question["cache"], "repodata"), client=rattler.Client.default_client())
    # The end of that day.
    day = datetime.date.fromisoformat(question["as_of"]) if question["as_of"] else None
    newest = datetime.datetime.combine(day, datetime.time.max) if day else None

    async def ask(priority: rattler.ChannelPriority) -> list[rattler.RepoDataRecord]:
        return await rattler.solve(
            [rattler.Channel(name) for name in question["channels"]],
            [rattler.MatchSpec(spec, strict=False) for spec in question["specs"]],
            gateway=gateway,
            virtual_packages=rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env()),
            exclude_newer=newest,
            channel_priority=priority,
            channel_relations="disabled",
        )

    try:
        records = await ask(rattler.ChannelPriority.Strict)
    except exceptions.SolverError:
        if len(question["channels"]) == 1:
            raise
        # conda's own rule lies between the two: a later channel may help out.
        print("No solution takes each package from the first channel that has it: asking all of them.", file=sys.stderr)
        records = await ask(rattler.ChannelPriority.Disabled)
    return {"packages": [_told(record) for record in records]}


def _told(record: rattler.RepoDataRecord) -> dict[str, Any]:
    if record.sha256 is None:
        raise ValueError(f"the channel of {record.name.normalized} {record.version} tells no SHA-256 of it")
    needs_python = any(depend.split(" ")[0] == "python" for depend in record.depends)
    return {
        "url": record.url,
        "sha256": record.sha256.hex(),
        "name": record.name.normalized,
        "version": str(record.version),
        "is_python": bool(record.noarch.python) or needs_python,
    }


async def _install(question: dict[str, Any]) -> dict[str, Any]:
    records = [_record(held) for held in question["files"]]
    await rattler.install(
        records,
        question["prefix"],
        cache_dir=Path(question["cache"], "packages"),
        # As conda's own programs do; the channel's code runs in the job anyhow.
        execute_link_scripts=True,
        show_progress=False,
        client=rattler.Client.default_client(),
    )
    return {"installed": len(records)}


def _record(held: dict[str, Any]) -> rattler.RepoDataRecord:
    """What is to be known before the file is here; the rest is in the file."""
    channel, subdir, name = held["url"].rsplit("/", 2)
    stem = unquote(name).removesuffix(".conda").removesuffix(".tar.bz2")
    package, version, build = stem.rsplit("-", 2)
    record = rattler.PackageRecord(
        package, version, rattler.BuildString(build), 0, subdir, sha256=bytes.fromhex(held["sha256"])
    )
    return rattler.RepoDataRecord(record, unquote(name), held["url"], channel)


def _kind(error: Exception) -> str:
    text = str(error)
    if "hash mismatch" in text.lower() or "expected sha256" in text.lower():
        return BAD_HASH
    if isinstance(error, exceptions.SolverError):
        return UNSOLVABLE
    if isinstance(error, exceptions.GatewayError | exceptions.FetchRepoDataError):
        return UNREACHABLE
    return OTHER


if __name__ == "__main__":
    main()
