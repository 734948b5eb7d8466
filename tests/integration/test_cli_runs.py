"""Commands over the records of runs, against a real server."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from amlet.client.uploads import send_missing
from amlet.domain.run import Run
from amlet.runtime.journal import Journal
from amlet.sdk.local_files import LocalFiles, files_below
from amlet.wire.files import DrainQuery, PutTree
from amlet.wire.runs import EndRun, PutFiles, StartRun, StartRuns
from support.cli import CommandLine
from support.runs import finish, submit_script
from support.server import RealServer


class Place(CommandLine):
    """With runs in it."""

    def ids(self, *arguments: str) -> list[str]:
        return [run["id"] for run in self.json("ps", *arguments)]

    def run(
        self,
        metrics: dict[str, Sequence[Any]] | None = None,
        *,
        outcome: str | None = "Completed",
        files: dict[str, bytes] | None = None,
        sources: dict[str, bytes] | None = None,
        **fields: Any,
    ) -> Run:
        """An interactive run that logged and ended."""
        run_id = fields.pop("run_id", f"iris_{uuid.uuid4().hex[:12]}")
        asked = StartRun(fields.pop("experiment", "iris"), run_id, **fields)
        run = self.client.runs.start(self.workspace_id, StartRuns([asked])).runs[0]
        if metrics:
            journals = self.folder / f"journal {run_id}"
            journals.mkdir()
            journal = Journal(journals, run_id, 0)
            for name, values in metrics.items():
                for value in values:
                    kind = "row" if isinstance(value, dict) else "list" if isinstance(value, list) else "scalar"
                    journal.append(name, kind, value)
            journal.close()
            for file in journals.iterdir():
                data = file.read_bytes()
                query = DrainQuery(file.name, 0, 0)
                self.client.runs.drain(self.workspace_id, run_id, data, len(data), query)
        if files:
            held = self._local(f"files {run_id}", files)
            self.client.runs.put_files(self.workspace_id, run_id, PutFiles(held.entries))
        if sources:
            held = self._local(f"sources {run_id}", sources)
            self.client.runs.put_snapshot(self.workspace_id, run_id, PutTree(held.entries))
        if outcome is None:
            return run
        return self.client.runs.end(self.workspace_id, run_id, EndRun(outcome))

    def _local(self, name: str, files: dict[str, bytes]) -> LocalFiles:
        below = self.folder / name
        for path, data in files.items():
            (below / path).parent.mkdir(parents=True, exist_ok=True)
            (below / path).write_bytes(data)
        found = files_below(below, "x")
        held = LocalFiles([entry._replace(path=entry.path[2:]) for entry in found.entries], found.sources)
        send_missing(self.client, self.workspace_id, list(held.sources), held.sources)
        return held


@pytest.fixture
def place(shared_server: RealServer, tmp_path: Path) -> Place:
    return Place(shared_server, f"runs{uuid.uuid4().hex[:10]}", tmp_path)


def test_ps_filters_and_orders_by_a_metric_and_shows_it(place: Place):
    low, high, other = (place.run({"Acc uracy": [0.1, value]}) for value in (0.5, 0.9, 0.2))
    given = ("--filter", 'metrics."Acc uracy" > 0.4', "--order", 'metrics."Acc uracy" desc')
    assert place.ids(*given) == [high.id, low.id]
    assert [run["metrics"] for run in place.json("ps", *given)] == [{"Acc uracy": 0.9}, {"Acc uracy": 0.5}]
    table = place.cli("ps", *given).out.splitlines()
    assert "Acc uracy" in table[0]
    assert table[1].startswith(high.id)
    assert "0.9" in table[1]
    assert other.id in place.ids("--order", "created")


def test_ps_tells_the_place_of_a_fault_in_a_filter(place: Place):
    told = place.cli("ps", "--filter", "metrics.Accuracy >> 1", code=1)
    caret = told.err.splitlines()[2]
    assert caret.strip() == "^"


def test_ps_takes_tags_and_children_and_the_trash(place: Place):
    parent = place.run(tags={"team": "vision"})
    child = place.run(parent_id=parent.id, tags={"team": "other", "alone": None})
    assert place.ids("--tag", "team") == [parent.id]
    assert place.ids("--tag", "team", "--children") == [child.id, parent.id]
    assert place.ids("--tag", "team=vision", "--children") == [parent.id]
    assert place.ids("--all") == [parent.id]
    assert "an empty trash" in place.cli("ps", "--trash").err
    place.client.runs.trash(place.workspace_id, parent.id)
    assert place.ids("--all", "--children") == []
    assert place.ids("--trash") == [parent.id]


def test_ps_without_more_lists_what_is_in_progress(place: Place):
    going = place.run(outcome=None)
    place.run()
    assert place.ids() == [going.id]


def test_metrics_are_told_alone_and_together_and_as_json(place: Place):
    run = place.run({"Accuracy": [0.1, 0.5], "Kernel": ["rbf"], "Rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]})
    assert "0.1" in place.cli("metrics", run.id).out
    assert place.cli("metrics", run.id, "Accuracy").out == "0.1\n0.5\n"
    assert place.cli("metrics", "latest", "Rows").out.split() == ["a", "b", "1", "x", "2", "y"]
    assert place.json("metrics", run.id[-8:])["Rows"] == {"a": [1, 2], "b": ["x", "y"]}
    assert 'did you mean "Accuracy"' in place.cli("metrics", run.id, "Acuracy", code=1).err


def test_metrics_are_drawn_also_where_braille_is_lacking(place: Place):
    run = place.run({"Loss": [1 / (step + 1) for step in range(40)], "Kernel": ["rbf"]})
    drawn = place.cli("metrics", run.id, "--chart", PYTHONIOENCODING="utf-8").out
    assert "Loss  40 points" in drawn
    assert any("\u2801" <= letter <= "\u28ff" for letter in drawn)
    assert "*" in place.cli("metrics", run.id, "Loss", "--chart", PYTHONIOENCODING="ascii").out
    assert place.json("metrics", run.id, "--chart")["Loss"]["total"] == 40
    assert "nothing to draw" in place.cli("metrics", run.id, "Kernel", "--chart", code=1).err


def test_hard_names_and_values_drive_no_terminal(place: Place):
    name = "\x1b[31m\u202e\n<b>'\"é"
    run = place.run({name: ["\x1b]0;x\x07", "b"]}, tags={"\x1b[2J": "\n"}, display_name='it\'s "é"')
    other = place.run(sources={"\x1b[31m\u202e.py": b"\x1b[2J\n"}, files={"\x1b[31m x": b""})
    for told in (
        place.cli("diff", run.id, other.id),
        place.cli("download", other.id),
        place.cli("tag", run.id),
        place.cli("metrics", run.id, "--chart", code=1),
        place.cli("metrics", run.id),
        place.cli("metrics", run.id, name),
        place.cli("ps", "--filter", f'metrics."{name.replace(chr(34), chr(34) * 2)}" is not null'),
    ):
        assert "\x1b" not in told.out + told.err
        assert "\u202e" not in told.out + told.err


def test_files_of_a_run_are_saved_whole_or_by_path(place: Place):
    large = bytes(range(256)) * 4096
    run = place.run(files={"outputs/a b/ünï.bin": large, "outputs/m.txt": b"m", "logs/x.log": b""})
    told = place.cli("download", run.id)
    assert "Saved 3 files, 1.0 MB" in told.out
    assert (place.folder / run.id / "outputs/a b/ünï.bin").read_bytes() == large
    assert (place.folder / run.id / "logs/x.log").read_bytes() == b""

    (place.folder / "here").mkdir()
    (place.folder / "here/outputs").mkdir()
    (place.folder / "here/outputs/m.txt").write_bytes(b"of another run")
    asked = place.json("download", run.id, "outputs/", "outputs/m.txt", "-o", "here")
    assert [file["path"] for file in asked["files"]] == ["outputs/a b/ünï.bin", "outputs/m.txt"]
    assert (place.folder / "here/outputs/m.txt").read_bytes() == b"m"
    assert not (place.folder / "here/logs").exists()
    assert not list(place.folder.glob("**/.amlet-*"))


def test_a_path_that_names_no_file_saves_nothing(place: Place):
    run = place.run(files={"outputs/m.txt": b"m"})
    told = place.cli("download", run.id, "outputs", "output/m.txt", code=1)
    assert "'output/m.txt'" in told.err
    assert 'did you mean "outputs/m.txt"' in told.err
    assert not (place.folder / run.id).exists()


def test_tags_are_set_changed_removed_and_shown(place: Place):
    run = place.run(tags={"team": "vision", "old": "1"})
    told = place.json("tag", run.id, "team=x=y", "alone", "empty=", "--remove", "old")
    assert told["tags"] == {"team": "x=y", "alone": None, "empty": ""}
    assert place.cli("tag", run.id).out.splitlines()[0].split() == ["team", "x=y"]
    assert "is not KEY" in place.cli("tag", run.id, "=x", code=2).err


def test_diff_tells_metrics_tags_packages_machine_and_code(place: Place):
    packages = "system_logs/packages.txt"
    left = place.run(
        {"Accuracy": [0.5], "Same": [float("nan")]},
        tags={"team": "a", "alone": None},
        properties={"amlet.host": "one", "azureml.git.commit": "c1"},
        files={packages: b"numpy==1.0\nscipy==1\n"},
        sources={"train.py": b"one\n\x1b[2Jtwo\n", "model.bin": b"\0left", "old name.py": b"x\n"},
    )
    right = place.run(
        {"Accuracy": [0.75], "Same": [float("nan")], "New": [1]},
        tags={"team": "a"},
        properties={"amlet.host": "other", "azureml.git.commit": "c2"},
        files={packages: b"numpy==1.1\nscipy==1\n"},
        sources={"train.py": b"one\n2\n", "model.bin": b"\0right", "ünew.py": b"x\n"},
    )
    told = place.cli("diff", left.id, right.id[-8:])
    words = [line.split() for line in told.out.splitlines()]
    for expected in (
        ["Accuracy", "0.5", "0.75"],
        ["New", "-", "1"],
        ["alone", "(no", "value)", "-"],
        ["numpy", "1.0", "1.1"],
        ["amlet.host", "one", "other"],
        ["azureml.git.commit", "c1", "c2"],
        ["model.bin:", "binary"],
        ["~", "train.py"],
        ["+2"],
    ):
        assert expected in words, told.out
    assert "Same" not in told.out
    assert "scipy" not in told.out
    assert "\x1b" not in told.out
    assert "+2" not in place.cli("diff", left.id, right.id, "--stat").out

    found = place.json("diff", left.id, right.id)
    assert found["metrics"][0] == {"name": "Accuracy", "left": 0.5, "right": 0.75, "only": None}
    assert [file["path"] for file in found["lines"]] == ["model.bin", "old name.py", "train.py", "ünew.py"]
    assert place.json("diff", left.id, right.id, "--stat")["lines"] is None


def test_diff_of_a_run_and_itself_says_so(place: Place):
    run = place.run({"Accuracy": [0.5]})
    assert "do not differ" in place.cli("diff", run.id, "latest").err


def test_deleted_runs_lie_in_the_trash_until_restored(place: Place):
    parent = place.run()
    child = place.run(parent_id=parent.id)
    other = place.run()
    assert "add -y" in place.cli("delete", parent.id, code=1).err
    assert place.ids("--all", "--children") == [other.id, child.id, parent.id]

    told = place.json("delete", parent.id, parent.id[-8:], "nope", other.id, "-y", code=1)
    assert [item["run"] for item in told] == [parent.id, other.id]
    assert place.ids("--all", "--children") == []

    assert "restored" in place.cli("restore", parent.id[-8:]).out
    assert place.ids("--all", "--children") == [child.id, parent.id]
    assert "was not in the trash" in place.cli("restore", parent.id).out
    assert place.json("restore", "latest")[0]["run"] == other.id
    assert "is empty" in place.cli("restore", "latest", code=1).err


def test_a_person_is_asked_before_a_run_is_deleted(place: Place):
    run = place.run()
    assert "Nothing was deleted." in place.on_terminal("delete", run.id, says="n\n", code=1)
    assert place.ids("--all") == [run.id]
    place.on_terminal("delete", run.id, says="y\n")
    assert place.ids("--all") == []


def test_a_run_in_progress_is_not_deleted(place: Place):
    run = place.run(outcome=None)
    assert f"amlet cancel {run.id}" in place.cli("delete", run.id, "-y", code=1).err


def test_emptying_the_trash_says_first_what_would_go(place: Place):
    run = place.run(files={"outputs/a.bin": uuid.uuid4().bytes * 1000})
    place.cli("delete", run.id, "-y")
    before = place.json("trash")
    assert before["runs"] >= 1
    assert before["emptied"] is False
    assert place.json("trash", "--empty", "--dry-run")["runs"] == 0  # nothing there is 30 days old
    assert place.json("trash", "--empty", "--now", "--dry-run")["runs"] == before["runs"]
    assert "add -y" in place.cli("trash", "--empty", "--now", code=1).err
    assert place.ids("--trash") == [run.id]
    assert "Deleted" in place.cli("trash", "--empty", "--now", "-y").out
    assert place.ids("--trash") == []
    assert place.json("trash")["runs"] == 0
    assert "go with --empty" in place.cli("trash", "--now", code=2).err


def test_experiments_are_counted_archived_and_reactivated(place: Place):
    assert "has no experiments" in place.cli("experiments").err
    for experiment in ("one", "one", "two"):
        place.run(experiment=experiment)
    assert [(item["name"], item["runs_made"]) for item in place.json("experiments")] == [("one", 2), ("two", 1)]
    assert "archived" in place.cli("experiments", "--archive", "one").out
    assert [item["name"] for item in place.json("experiments")] == ["two"]
    assert "archived" in place.cli("experiments", "--all").out
    place.cli("experiments", "--reactivate", "one", "--archive", "nope", code=1)
    assert [item["name"] for item in place.json("experiments")] == ["one", "two"]


OFFLINE = """
import os, sys
from azureml.core import Run
run = Run.get_context()
run.log("Accuracy", 0.5)
run.log("Accuracy", 0.75)
print(run.id, flush=True)
os.kill(os.getpid(), 9) if sys.argv[1] == "killed" else run.complete()
"""


@pytest.mark.parametrize(("end", "status"), [("complete", "Completed"), ("killed", "Failed")])
def test_offline_runs_are_brought_once(place: Place, end: str, status: str):
    names = {"subscription_id": "local", "resource_group": f"{place.name}-rg", "workspace_name": place.name}
    (place.folder / "config.json").write_text(json.dumps(names))
    ran = subprocess.run(
        [sys.executable, "-c", OFFLINE, end],
        cwd=place.folder,
        env=place.server.variables(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    run_id = ran.stdout.split()[-1]
    assert run_id.startswith("OfflineRun_"), ran.stderr
    assert place.ids("--all") == []

    told = {item["run"]: item["status"] for item in place.json("sync")}
    assert told[run_id] == status
    assert place.json("metrics", run_id) == {"Accuracy": [0.5, 0.75]}
    again = place.cli("sync")
    assert again.out == ""
    assert "Every run is at its server" in again.err
    assert place.ids("--all") == [run_id]
    assert place.json("metrics", run_id) == {"Accuracy": [0.5, 0.75]}


def test_diff_of_submitted_runs_tells_their_scripts(place: Place):
    runs = [submit_script(place.client, place.folder / text, f"print({text!r})\n") for text in ("one", "two")]
    for run in runs:
        finish(place.client, run)
    told = place.cli("diff", *(run.id for run in runs), "-w", "s/g/quick").out
    assert "-print('one')" in told
    assert "+print('two')" in told
    assert "Machine" not in told
    assert "Environment" not in told
