"""Data in runs, as v1 scripts have it: inputs by name, references, outputs, secrets; on the real node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from amlet.client.datastore_files import DatastoreFiles
from amlet.domain.data import DataPath as Source
from amlet.wire.data import RegisterDataset
from azureml.core import Datastore, Experiment, Workspace
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.exceptions import ActivityFailedException, UserErrorException
from support.data_runs import Place
from support.server import RealServer


class Files:
    """A dataset of files, as the SDK's classes hand it in."""

    _kind = "file"

    def __init__(self, *sources: tuple[str, str], is_file: bool = False) -> None:
        self.sources = [Source(*source) for source in sources]
        self._is_file = is_file

    def _to_record(self, workspace: Workspace):
        held = workspace._connection
        return held.client.datasets.register(held.workspace_id, RegisterDataset("file", self.sources, {}))


@pytest.fixture(scope="module")
def place(shared_server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLET_HOME", str(shared_server.home.root))
        patch.setenv("AMLET_URL", shared_server.url)
        patch.setenv("AMLET_TOKEN", shared_server.token)
        folder = tmp_path_factory.mktemp("it's data")
        workspace = Workspace.create("data", exist_ok=True)
        given = folder / "given" / "deep"
        given.mkdir(parents=True)
        (folder / "given" / "a.csv").write_text("x\n1\n")
        (given / "b ü.csv").write_text("x\n22\n")
        workspace.get_default_datastore().upload(str(folder / "given"), "given", show_progress=False)
        yield Place(workspace, folder)
        workspace._connection.client.close()


@pytest.fixture(autouse=True)
def _the_server(shared_server: RealServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMLET_HOME", str(shared_server.home.root))
    monkeypatch.setenv("AMLET_URL", shared_server.url)
    monkeypatch.setenv("AMLET_TOKEN", shared_server.token)


LOOK = """
import os, pathlib, sys
from azureml.core import Run
place = pathlib.Path(sys.argv[1])
run = Run.get_context()
print(sorted(p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()))
print(place.is_symlink(), run.input_datasets["given"] == sys.argv[1], os.environ["given"] == sys.argv[1])
print(os.environ["AZUREML_DATASET_ENVIRONMENT_VARS"], list(run.input_datasets))
"""


def test_a_mount_of_a_local_folder_is_a_link_and_what_is_in_it_is_not_to_be_changed(place: Place) -> None:
    given = DatasetConsumptionConfig("given", Files(("workspaceblobstore", "given"))).as_mount()
    run = place.submit(LOOK, [given])
    # v1-behaviours 6.4, 13.11, 13.12
    assert place.printed(run) == ["['a.csv', 'deep/b ü.csv']", "True True True", "given:mount ['given']"]
    stored = next(
        Path(
            place.workspace._connection.client.datastores.get(
                place.workspace._connection.workspace_id, "workspaceblobstore"
            ).place.path
        ).rglob("a.csv")
    )
    assert stored.stat().st_mode & 0o222 == 0
    told = run.get_details()["inputDatasets"]
    assert [(item["consumptionDetails"]["inputName"], item["consumptionDetails"]["mechanism"]) for item in told] == [
        ("given", "Mount")
    ]
    assert told[0]["dataset"]["id"]


def test_a_download_is_a_copy_of_the_scripts_own(place: Place) -> None:
    script = """
    import pathlib, sys
    place = pathlib.Path(sys.argv[1])
    print(place.is_symlink(), sorted(p.name for p in place.rglob("*.csv")))
    (place / "a.csv").write_text("mine")
    """
    given = DatasetConsumptionConfig("given", Files(("workspaceblobstore", "given/**/*.csv"))).as_download()
    printed = place.printed(place.submit(script, [given]))
    assert printed[0].startswith("amlet: input given: 2 files,")
    assert printed[1:] == ["False ['a.csv', 'b ü.csv']"]
    again = place.submit("import sys; print(open(sys.argv[1] + '/a.csv').read())", [given])
    assert place.printed(again)[1:] == ["x", "1", ""]


def test_a_single_file_is_given_in_a_folder_or_by_its_own_path(place: Place) -> None:
    script = "import os, sys; print([os.path.isdir(path) for path in sys.argv[1:]], os.path.basename(sys.argv[2]))"
    source = ("workspaceblobstore", "given/a.csv")
    arguments = [
        DatasetConsumptionConfig("one", Files(source)).as_mount(),
        DatasetConsumptionConfig("two", Files(source, is_file=True)).as_mount(),
    ]
    assert place.printed(place.submit(script, arguments)) == ["[True, False] a.csv"]


def test_a_reference_is_filled_in_wherever_it_stands(place: Place) -> None:
    store = Datastore(place.workspace)
    script = """
    import os, sys
    print(open(sys.argv[1] + "/a.csv").read().split(), os.path.isfile(sys.argv[2][7:]), os.path.isdir("here/deep"))
    print(os.environ["AZUREML_DATAREFERENCE_first"] == sys.argv[1])
    """
    first = DataReference(store, "first", "given")
    second = store.path("given/a.csv", "second").as_download()
    third = DataReference(store, "third", "given", path_on_compute="here")
    config = place.config(script, [first, f"--file={second}"])
    config.run_config.data_references = {"second": second.to_config(), "third": third.to_config()}
    run = Experiment(place.workspace, "data").submit(config)
    assert [line for line in place.printed(run) if not line.startswith("amlet:")] == [
        "['x', '1'] True True",
        "True",
    ]


def test_what_is_uploaded_from_a_reference_is_on_the_datastore_after_a_good_end(place: Place) -> None:
    store = Datastore(place.workspace)
    script = """
    import os, sys
    os.makedirs("left")
    open("left/of.txt", "w").write("left")
    sys.exit(int(sys.argv[1]))
    """
    for code, there in ((3, False), (0, True)):
        left = DataReference(store, "left", f"left/{code}").as_upload("left")
        run = place.submit(script, [code, left])
        run.wait_for_completion(raise_on_error=False)
        target = place.folder / f"back-{code}"
        assert store.download(str(target), f"left/{code}", show_progress=False) == int(there)


@pytest.mark.parametrize("mode", ["mount", "upload"])
def test_an_output_is_registered_and_is_the_next_runs_input(place: Place, mode: str) -> None:
    script = """
    import os, sys
    from azureml.core import Run
    place = sys.argv[2]
    told = os.environ["AZUREML_DATASET_FILE_OUTPUTS"]
    print(Run.get_context().output_datasets["made"] == place == os.environ["made"], told)
    open(os.path.join(place, "part.csv"), "w").write("y\\n5\\n")
    open(os.path.join(place, "notes.txt"), "w").write("no")
    """
    output = OutputFileDatasetConfig("made", (Datastore(place.workspace), "made/{run-id}/{output-name}"))
    output = output.as_mount() if mode == "mount" else output.as_upload(source_globs=["*.csv"])
    output = output.register_on_complete(f"made-{mode}", "what it made", {"kind": mode})
    with pytest.raises(UserErrorException, match="not given to a run yet"):
        place.submit("", [output.as_input("made")])
    run = place.submit(script, ["--out", output])
    assert place.printed(run)[0] == "True made"
    (told,) = run.get_details()["outputDatasets"]
    assert told["outputDetails"] == {"outputName": "made"}
    assert told["dataset"]["source"] == [["workspaceblobstore", f"made/{run.id}/made"]]
    held = place.workspace._connection
    from amlet.wire.data import DatasetQuery

    (record,) = held.client.datasets.list(held.workspace_id, DatasetQuery(f"made-{mode}")).datasets
    assert (record.version, record.description, record.tags) == (1, "what it made", {"kind": mode})
    following = place.submit("import os, sys; print(sorted(os.listdir(sys.argv[1])))", [output.as_input("made")])
    assert place.printed(following)[-1] == ("['notes.txt', 'part.csv']" if mode == "mount" else "['part.csv']")


def test_a_run_that_failed_registers_nothing(place: Place) -> None:
    output = OutputFileDatasetConfig("made").register_on_complete("never")
    run = place.submit("raise SystemExit(1)", [output])
    run.wait_for_completion(raise_on_error=False)
    held = place.workspace._connection
    assert "never" not in {record.name for record in held.client.datasets.list(held.workspace_id).datasets}


def test_resume_from_is_an_argument_and_a_mounted_path(place: Place) -> None:
    resumed = DataPath(Datastore(place.workspace), "given")
    run = place.submit("import os, sys; print(sys.argv[1], os.listdir(sys.argv[2])[0] != '')", [], resume_from=resumed)
    assert place.printed(run) == ["--resume-from True"]  # v1-behaviours 9.7


def test_a_path_that_is_not_there_fails_the_run_with_one_clear_error(place: Place) -> None:
    for pattern, said in (("nope", "there is no file or folder 'nope'"), ("given/*.json", "no file matches")):
        given = DatasetConsumptionConfig("given", Files(("workspaceblobstore", pattern))).as_mount()
        with pytest.raises(ActivityFailedException, match=said.replace("*", r"\*")):
            place.submit("print('never')", [given]).wait_for_completion()


def test_data_of_another_machine_is_fetched_once_and_shared_by_runs(
    place: Place, shared_server: RealServer, tmp_path: Path
) -> None:
    """Seen from elsewhere, the folder goes through the server into a cache by content."""
    held = place.workspace._connection

    class Elsewhere(DatastoreFiles):
        def folder(self, datastore: str) -> None:
            return None

    files = Elsewhere(held.client, held.workspace_id, tmp_path / "cache")
    listed = list(files.list("workspaceblobstore", "given/**/*.csv"))
    first = files.open_all("workspaceblobstore", listed)
    before = [path.stat().st_ino for path in first]
    assert [path.read_text() for path in first] == ["x\n1\n", "x\n22\n"]
    assert [path.stat().st_ino for path in files.open_all("workspaceblobstore", listed)] == before
    assert all(path.stat().st_mode & 0o222 == 0 for path in first)


def test_a_script_reads_the_workspaces_secrets_and_cannot_change_them(place: Place) -> None:
    vault = place.workspace.get_default_keyvault()
    vault.set_secrets({"db-password": "hünter2", "other": "x"})
    assert vault.list_secrets() == [{"name": "db-password"}, {"name": "other"}]  # v1-behaviours 17.2
    assert vault.get_secrets(["other", "none"]) == {"other": "x", "none": None}
    script = """
    from azureml.core import Run
    run = Run.get_context()
    print(run.get_secret("db-password") == "h\\u00fcnter2", run.get_secrets(["none"]))
    try:
        run.experiment.workspace.get_default_keyvault().set_secret("other", "y")
    except Exception as error:
        print(type(error).__name__)
    """
    assert place.printed(place.submit(script, [])) == ["True {'none': None}", "AuthenticationException"]
    vault.delete_secret("other")
    with pytest.raises(UserErrorException, match="no secret 'other'"):
        vault.get_secret("other")


def test_every_fault_of_a_jobs_data_is_told_before_anything_is_sent(place: Place) -> None:
    with pytest.raises(UserErrorException, match="bare Files") as told:
        place.submit(
            "", [Files(("workspaceblobstore", "x")), DataReference(Datastore(place.workspace), "up").as_upload()]
        )
    assert "path_on_compute is missing" in str(told.value)
    with pytest.raises(UserErrorException, match="cannot name an input"):
        DatasetConsumptionConfig("1st", Files(("workspaceblobstore", "x")))
    with pytest.raises(UserErrorException, match='no datastore "nope"'):
        place.submit("", [DatasetConsumptionConfig("given", Files(("nope", "x"))).as_mount()])
