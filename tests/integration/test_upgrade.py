"""An upgrade of the records, killed in the middle, leaves the old schema whole; the next start finishes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from amlet.store.backend import Backend
from amlet.store.database import Database
from amlet.store.migrations import Step, known_steps, migrate, schema_of
from amlet.store.sqlite import SQLite
from support.server import clean_environment, until
from support.world import World

UPGRADE = """
import pathlib, sys, time
from amlet.store.migrations import Step, known_steps, migrate
from amlet.store.sqlite import SQLite

path, flag, pause_after = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
statements = [
    "ALTER TABLE runs ADD COLUMN mood TEXT",
    "UPDATE runs SET mood = 'calm'",
    "CREATE INDEX runs_mood ON runs (mood)",
]

def apply(connection):
    for number, statement in enumerate(statements):
        connection.exec_driver_sql(statement)
        if number == pause_after:
            flag.touch()
            time.sleep(60)

backend = SQLite(path, busy_wait_s=5)
steps = [*known_steps(), Step(known_steps()[-1].version + 1, apply)]
with backend.connect() as connection:
    migrate(connection, steps, where=str(path), begin=backend.begin_write, back_up=lambda schema: None)
print("upgraded")
"""


@pytest.mark.parametrize("pause_after", [0, 1, 2])
def test_an_upgrade_killed_in_the_middle_is_whole_afterwards(tmp_path: Path, pause_after: int):
    path, flag = tmp_path / "records.db", tmp_path / "in the middle"
    before = Database(path)
    world = World(before)
    run = world.submit()
    before.close()

    upgrade = [sys.executable, "-c", UPGRADE, str(path), str(flag)]
    process = subprocess.Popen([*upgrade, str(pause_after)], env=clean_environment())
    until(flag.exists, what="the middle of the upgrade")
    process.kill()
    process.wait(10)

    assert _schema(path) == known_steps()[-1].version
    after = Database(path)
    assert after.read(lambda tx: tx.runs.get(world.workspace_id, run.id)) == run
    after.close()

    ended = subprocess.run([*upgrade, "99"], env=clean_environment(), capture_output=True, text=True, check=True)
    assert ended.stdout == "upgraded\n"
    assert _schema(path) == known_steps()[-1].version + 1


def test_an_upgrade_keeps_a_copy_of_what_was_there(tmp_path: Path):
    path = tmp_path / "records.db"
    Database(path).close()
    backend: Backend = SQLite(path, busy_wait_s=5)
    steps = [*known_steps(), Step(known_steps()[-1].version + 1, lambda _: None)]
    with backend.connect() as connection:
        copies: list[Path | None] = []
        migrate(
            connection,
            steps,
            where=str(path),
            begin=backend.begin_write,
            back_up=lambda schema: copies.append(backend.back_up(tmp_path / "backups", f"records-{schema}.db")),
        )
    backend.close()

    assert copies[0] is not None
    assert _schema(copies[0]) == known_steps()[-1].version


def _schema(path: Path) -> int:
    backend: Backend = SQLite(path, busy_wait_s=5)
    try:
        with backend.connect() as connection:
            return schema_of(connection)
    finally:
        backend.close()
