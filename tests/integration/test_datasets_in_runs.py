"""Datasets in real runs: given as themselves or as paths, asked for by name, wherever their data lies."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest

from azureml.core import Dataset, Datastore, Environment, Experiment, Workspace
from azureml.core.run import Run
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath
from azureml.exceptions import ActivityFailedException, UserErrorException
from azureml.train.hyperdrive import (
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    choice,
)
from support.azurite import ACCOUNT, KEY, azurite
from support.data_runs import Place
from support.postgres import postgres
from support.s3_server import s3_server
from support.server import RealServer

FRAME = pd.DataFrame({"city": ["Oslo", "Rome", "Oslo"], "sold": [1, 2, 3]})


@pytest.fixture(scope="module")
def place(shared_server: RealServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMLET_HOME", str(shared_server.home.root))
        folder = tmp_path_factory.mktemp("it's data")
        workspace = Workspace.create("datasets-in-runs", exist_ok=True)
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


def said(place: Place, run: Run) -> list[str]:
    """What the script printed, without amlet's own lines."""
    return [line for line in place.printed(run) if not line.startswith("amlet: ")]


def told(place: Place, run: Run) -> list[str]:
    """amlet's own lines in the run's log."""
    return [line for line in place.printed(run) if line.startswith("amlet: ")]


def test_a_script_has_datasets_paths_and_what_it_asks_for_by_name(place: Place) -> None:
    store = Datastore(place.workspace)
    make = Dataset.Tabular.register_pandas_dataframe
    sales = make(FRAME, (store, "frames"), "sales", show_progress=False)
    make(FRAME.head(1), (store, "frames"), "asked for", show_progress=False)
    script = """
    import os, sys
    from azureml.core import Dataset, Run
    run = Run.get_context()
    sales = run.input_datasets["sales"]
    frame = sales.filter(sales["city"] == "Oslo").to_pandas_dataframe()
    print(type(sales).__name__, sales.name, sales.version, frame["sold"].tolist(), sys.argv[1] == sales.id)
    print(sorted(os.listdir(run.input_datasets["given"])), os.environ["given"] == sys.argv[2])
    print(len(Dataset.get_by_name(run.experiment.workspace, "asked for").to_pandas_dataframe()))
    """
    files = Dataset.File.from_files((store, "given"))
    run = place.submit(script, [sales.as_named_input("sales"), files.as_named_input("given").as_mount()])
    assert said(place, run) == [  # v1-behaviours 13.11, 13.12
        "TabularDataset sales 1 [1, 3] True",
        "['a.csv', 'deep'] True",
        "1",
    ]
    details = run.get_details()["inputDatasets"]
    found = {item["consumptionDetails"]["inputName"]: item["consumptionDetails"]["mechanism"] for item in details}
    assert found == {"sales": "Direct", "given": "Mount", "asked for": "Direct"}  # v1-behaviours 13.17


def test_only_files_are_mounted_or_downloaded(place: Place) -> None:
    table = Dataset.Tabular.from_delimited_files((Datastore(place.workspace), "given/**/*.csv"))
    with pytest.raises(UserErrorException, match=r"does not support mount\. Only FileDataset supports mount"):
        table.as_named_input("x").as_mount()  # v1-behaviours 13.11
    with pytest.raises(UserErrorException, match="does not support download"):
        table.as_named_input("x").as_download()


@pytest.mark.parametrize("form", ["pair", "DataPath", "DataReference", "datastore", "list", "glob", "paths"])
def test_all_of_v1s_ways_to_say_where_data_lies(place: Place, form: str) -> None:  # v1-behaviours 13.1
    store = Datastore(place.workspace)
    whole = ["/a.csv", "/deep/b ü.csv"]
    given, paths = {
        "pair": ((store, "given"), whole),
        "DataPath": (DataPath(store, "given"), whole),
        "DataReference": (DataReference(store, "ref", "given"), whole),
        "datastore": ((store, "given/"), whole),
        "list": ([(store, "given/a.csv"), DataPath(store, "given/deep")], whole),
        "glob": ((store, "given/*.csv"), ["/a.csv"]),
        "paths": ((store, ["given/a.csv", "given/deep/*.csv"]), whole),
    }[form]
    assert Dataset.File.from_files(given).to_path() == paths
    assert len(Dataset.Tabular.from_delimited_files(given).to_pandas_dataframe()) == len(paths)


def test_data_of_a_bucket_is_fetched_once_for_all_runs_and_outputs_go_there(place: Place) -> None:
    script = """
    import glob, os, sys
    from azureml.core import Run
    found = sorted(glob.glob(sys.argv[1] + "/**/*.csv", recursive=True))
    print([open(path).read().split() for path in found])
    print([os.stat(path).st_ino for path in found])
    print([os.access(path, os.W_OK) and os.getuid() != 0 for path in found])
    print(Run.get_context().input_datasets["table"].to_pandas_dataframe()["x"].tolist())
    open(os.path.join(sys.argv[2], "made.txt"), "w").write("made")
    """
    with s3_server() as address:
        store = Datastore.register_s3_bucket(
            place.workspace,
            "bucket",
            "a-bucket",
            access_key_id="id",
            secret_access_key="key",
            endpoint_url=address,
            create_if_not_exists=True,
        )
        store.upload(str(place.folder / "given"), "given", show_progress=False)
        files = Dataset.File.from_files((store, "given"))
        table = Dataset.Tabular.from_delimited_files((store, "given/**/*.csv"))
        printed = []
        for mode in ("as_mount", "as_mount", "as_download"):
            output = OutputFileDatasetConfig("made", (store, "made/{run-id}")).as_mount()
            given = getattr(files.as_named_input("given"), mode)()
            config = place.config(script, [given, output, table.as_named_input("table")])
            run = Experiment(place.workspace, "data").submit(config)
            printed.append(said(place, run))
            how = "in the node's cache" if mode == "as_mount" else "copied for the script"
            (line,) = [line for line in told(place, run) if "input given" in line]
            assert line.startswith("amlet: input given: 2 files, 9 B, " + how)
            target = place.folder / run.id
            assert store.download(str(target), f"made/{run.id}", show_progress=False) == 1
            assert next(target.rglob("made.txt")).read_text() == "made"
        assert printed[0] == printed[1]  # the same files on the disk
        assert [lines[0] for lines in printed] == ["[['x', '1'], ['x', '22']]"] * 3
        assert printed[2][1] != printed[0][1]
        assert [lines[3] for lines in printed] == ["[1, 22]"] * 3
        gone = files.as_named_input("gone").as_mount()
    # The bucket's server is gone.
    with pytest.raises(ActivityFailedException, match="Bucket a-bucket cannot be reached"):
        place.submit("print('never')", [gone]).wait_for_completion()
    with pytest.raises(UserErrorException, match="Bucket a-bucket cannot be reached"):
        Dataset.File.from_files((store, "given"))


def test_an_azure_url_is_read_by_the_datastore_that_is_registered_for_it(place: Place) -> None:
    url = f"wasbs://box@{ACCOUNT}.blob.core.windows.net/given"
    files = Dataset.File.from_files(url, validate=False)
    with pytest.raises(UserErrorException, match=r"No datastore of workspace .* is registered for wasbs://box@"):
        files.register(place.workspace, "of azure")
    with pytest.raises(UserErrorException, match="holds a SAS token"):  # v1-behaviours 13.1
        Dataset.File.from_files(f"https://{ACCOUNT}.blob.core.windows.net/box/a.csv?sv=1&sig=secret")
    with azurite(place.folder / "azurite") as endpoint:
        store = Datastore.register_azure_blob_container(
            place.workspace,
            "box",
            "box",
            ACCOUNT,
            account_key=KEY,
            protocol="http",
            endpoint=endpoint,
            create_if_not_exists=True,
        )
        store.upload(str(place.folder / "given"), "given", show_progress=False)
        held = files.register(place.workspace, "of azure")
        assert held.to_path() == ["/a.csv", "/deep/b ü.csv"]
        run = place.submit("import os, sys; print(sorted(os.listdir(sys.argv[1])))", [files.as_mount()])
        assert said(place, run) == ["['a.csv', 'deep']"]


def test_a_query_is_asked_where_rows_are_needed(place: Place) -> None:
    fill = """
    CREATE TABLE sales AS SELECT n AS id, 'city ' || n % 2 AS city, n / 4.0 AS share,
        CASE WHEN n > 8000 THEN n END AS late, CASE WHEN n > 6000 THEN '\\x00'::bytea END AS raw,
        CASE WHEN n = 2 THEN 'infinity'::float ELSE 0 END AS far FROM generate_series(1, 9000) n;
    """
    with postgres(fill) as settings:
        store = Datastore.register_azure_postgre_sql(
            place.workspace,
            "pg",
            settings["server_name"],
            "postgres",
            "postgres",
            "none",
            port_number=settings.get("port_number"),
            enforce_ssl=False,
        )
        table = Dataset.Tabular.from_sql_query(DataPath(store, "SELECT * FROM sales ORDER BY id"), query_timeout=10)
        frame = table.to_pandas_dataframe()
        assert (len(frame), list(frame.columns)) == (9000, ["id", "city", "share", "late", "raw", "far"])
        assert frame.iloc[-1].tolist() == [9000, "city 0", 2250.0, 9000, b"\0", 0.0]
        assert frame.iloc[1].tolist()[:3] == [2, "city 0", 0.5] and frame["far"].iloc[1] == float("inf")
        few = table.filter(table["city"] == "city 1").skip(1).take(2).keep_columns("id")
        assert few.to_pandas_dataframe()["id"].tolist() == [3, 5]
        for query, words in (
            ("SELECT nope FROM sales", "nope"),
            ("SELECT * FROM nowhere", "nowhere"),
            ("", "no query"),
        ):
            with pytest.raises(UserErrorException, match=words):
                Dataset.Tabular.from_sql_query((store, query))
        held = table.register(place.workspace, "asked")
        script = """
        from azureml.core import Run
        table = Run.get_context().input_datasets["rows"]
        print(table.take(3).to_pandas_dataframe()["share"].tolist(), len(table.to_pandas_dataframe()))
        """
        run = place.submit(script, [held.as_named_input("rows")])
        assert said(place, run) == ["[0.25, 0.5, 0.75] 9000"]
        with pytest.raises(UserErrorException, match=r"nobody|nowhere"):
            Datastore.register_azure_postgre_sql(
                place.workspace, "wrong", settings["server_name"], "nowhere", "nobody", "none", enforce_ssl=False
            )


def test_a_file_behind_a_url_is_read_here_and_in_a_run(place: Place) -> None:
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(place.folder / "given"))
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    try:
        root = f"http://127.0.0.1:{web.server_address[1]}"
        urls = [f"{root}/a.csv", f"{root}/deep/b%20%C3%BC.csv"]
        table = Dataset.Tabular.from_delimited_files(urls)
        assert table.to_pandas_dataframe()["x"].tolist() == [1, 22]
        script = """
        import os, sys
        from azureml.core import Run
        rows = Run.get_context().input_datasets["rows"].to_pandas_dataframe()
        print(rows["x"].tolist(), sorted(os.listdir(sys.argv[2])))
        """
        files = Dataset.File.from_files(urls)
        run = place.submit(script, [table.as_named_input("rows"), files.as_named_input("files").as_mount()])
        assert said(place, run) == ["[1, 22] ['a.csv', 'b ü.csv']"]
        with pytest.raises(UserErrorException, match="answers 404"):
            Dataset.Tabular.from_delimited_files(f"{root}/none.csv")
        gone = Dataset.File.from_files(f"{root}/none.csv", validate=False).as_named_input("gone").as_mount()
        with pytest.raises(ActivityFailedException, match="answers 404"):
            place.submit("print('never')", [gone]).wait_for_completion()
    finally:
        web.shutdown()
        web.server_close()


def test_trials_of_a_sweep_share_their_input_and_have_outputs_of_their_own(place: Place) -> None:
    store = Datastore(place.workspace)
    script = """
    import os, sys
    from azureml.core import Run
    run = Run.get_context()
    values = dict(zip(sys.argv[3::2], sys.argv[4::2]))
    open(os.path.join(sys.argv[2], "C.txt"), "w").write(values["--C"])
    run.log("score", len(os.listdir(sys.argv[1])) + float(values["--C"]))
    """
    files = Dataset.File.from_files((store, "given"))
    output = OutputFileDatasetConfig("made", (store, "trials/{run-id}")).as_upload()
    config = HyperDriveConfig(
        GridParameterSampling({"--C": choice(1, 2)}),
        "score",
        PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=2,
        max_concurrent_runs=2,
        run_config=place.config(script, [files.as_named_input("given").as_mount(), output]),
    )
    sweep = Experiment(place.workspace, "data").submit(config)
    sweep.wait_for_completion()
    assert {child.id: child.get_metrics()["score"] for child in sweep.get_children()} == {
        f"{sweep.id}_0": 3.0,
        f"{sweep.id}_1": 4.0,
    }
    for child, text in ((f"{sweep.id}_0", "1"), (f"{sweep.id}_1", "2")):
        (found,) = Dataset.File.from_files((store, f"trials/{child}")).download(str(place.folder / child))
        assert Path(found).read_text() == text
    assert [use["consumptionDetails"]["inputName"] for use in next(sweep.get_children()).get_details()["inputDatasets"]]


READ = """
import json, sys
from datetime import datetime
from azureml.core import Run
rows = Run.get_context().input_datasets["rows"]
files = Run.get_context().input_datasets["files"]
from azureml.core import Dataset
def told(dataset):
    frame = dataset.to_pandas_dataframe()
    return [[None if value is None or value != value else str(value) for value in row] for row in frame.values.tolist()]
local = Dataset.Tabular.from_delimited_files(files + "/*.csv", include_path=False)
parquet = Dataset.Tabular.from_parquet_files(rows.to_parquet_files().download()[0])
found = [
    told(rows), told(rows.take(1)), told(rows.filter((rows["a"] > 1) & rows["b"].starts_with("z"))),
    told(rows.filter(rows["t"] > datetime(2020, 1, 1))), told(rows.skip(1).keep_columns(["b"])),
    told(local), told(parquet), told(parquet.filter(parquet["a"] > 2).drop_columns("t")),
    told(rows.with_timestamp_columns("t").time_before(datetime(2020, 1, 2, 12))),
]
try:
    told(Dataset.Tabular.from_delimited_files(files + "/uneven.txt"))
except Exception as error:
    found.append("fields where the first row has 2" in str(error))
import pandas, pyarrow
print(json.dumps(found))
print(sys.version_info[:2], pandas.__version__, pyarrow.__version__)
"""


def test_an_environment_of_the_pages_days_reads_what_todays_reads(place: Place) -> None:
    """Python 3.8, and the pandas and pyarrow of its days (design 5, the era rule)."""
    folder = place.folder / "era"
    folder.mkdir()
    (folder / "a.csv").write_text("a,b,t\n1,x,2020-01-01\n2,,2020-01-02 10:00:00\n3,NaN,2020-01-03\n4,z,\n")
    (folder / "uneven.txt").write_text("a,b\n1,2\n1,2,3\n")
    store = Datastore(place.workspace)
    store.upload(str(folder), "era", show_progress=False)
    rows = Dataset.Tabular.from_delimited_files((store, "era/a.csv"))
    files = Dataset.File.from_files((store, "era"))
    old = Environment("of those days")
    old.python.conda_dependencies.set_python_version("3.6.2")
    for package in ("pandas", "pyarrow"):
        old.python.conda_dependencies.add_pip_package(package)
    printed = []
    for environment in (place.environment, old):
        config = place.config(READ, [rows.as_named_input("rows"), files.as_named_input("files").as_mount()])
        config.run_config.environment = environment
        printed.append(said(place, Experiment(place.workspace, "data").submit(config)))
    assert json.loads(printed[1][0]) == json.loads(printed[0][0])
    assert json.loads(printed[0][0])[-1] is True
    if "(3, 8)" not in printed[1][1]:
        pytest.skip("no Python 3.8 on this machine")
    assert printed[1][1].split()[-1] < "3"
