"""The contract of what is recorded of data, which every database keeps."""

from __future__ import annotations

import pytest

from amlet.base.errors import Conflict
from amlet.domain.data import FOLDER, INPUT, OUTPUT, DataPath, DatasetRecord, Datastore, DataUse
from amlet.store.base import DatasetFilter, Records
from support.records import HARD_TEXTS, NOW, add_run, later, write

RECORD = DatasetRecord("w", "id1", "file", [DataPath("d", "a/*"), DataPath(None, "http://x")], {"a": [1]}, NOW, NOW)


def test_datastores_are_kept_by_name_replaced_and_forgotten(records: Records) -> None:
    held = Datastore("w", "b", FOLDER, {"path": "/ü"}, "None", NOW, True)
    write(records, lambda tx: tx.datastores.save(held._replace(is_default=False)))
    write(records, lambda tx: tx.datastores.save(held))
    write(records, lambda tx: tx.datastores.save(held._replace(name="a")))
    assert records.read(lambda tx: tx.datastores.find("w", "b")) == held
    assert [store.name for store in records.read(lambda tx: tx.datastores.list("w"))] == ["a", "b"]
    write(records, lambda tx: tx.datastores.delete("w", "b"))
    assert records.read(lambda tx: tx.datastores.find("w", "b")) is None


def test_datasets_are_found_by_id_by_name_and_by_content(records: Records) -> None:
    one = RECORD._replace(id="one", name="iris", version=1)
    two = RECORD._replace(id="two", name="iris", version=2, tags={"k": "v"}, created=later(1))
    for record, content in ((RECORD, "same"), (one, "same"), (two, "other")):
        write(records, lambda tx, record=record, content=content: tx.datasets.add(record, content))
    with pytest.raises(Conflict):
        write(records, lambda tx: tx.datasets.add(RECORD, "x"))
    assert records.read(lambda tx: tx.datasets.find("w", "two")) == two
    assert records.read(lambda tx: tx.datasets.find("elsewhere", "two")) is None
    assert records.read(lambda tx: tx.datasets.same("w", "same", None)) == RECORD
    assert records.read(lambda tx: tx.datasets.same("w", "same", "iris")) == one
    assert records.read(lambda tx: tx.datasets.list("w", DatasetFilter())) == [two, one]
    assert records.read(lambda tx: tx.datasets.list("w", DatasetFilter("iris", 1))) == [one]
    assert records.read(lambda tx: tx.datasets.list("w", DatasetFilter(latest=True))) == [two]
    write(records, lambda tx: tx.datasets.save(two._replace(name=None, version=None)))
    assert records.read(lambda tx: tx.datasets.list("w", DatasetFilter(latest=True))) == [one]


def test_versions_are_never_given_twice(records: Records) -> None:
    numbers = [write(records, lambda tx: tx.datasets.next_version("w", "iris")) for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert write(records, lambda tx: tx.datasets.next_version("w", "other")) == 1


def test_what_runs_had_is_kept_with_them(records: Records) -> None:
    add_run(records, "r1", "s1")
    add_run(records, "r2", "s2")
    given = DataUse(INPUT, "given", "mount", RECORD.sources, "id1", "iris", 1, "here")
    made = DataUse(OUTPUT, "made", "upload", [DataPath("d", HARD_TEXTS[2])])
    write(records, lambda tx: tx.data_uses.put("w", "r1", [made, given]))
    write(records, lambda tx: tx.data_uses.put("w", "r1", [given._replace(mode="download")]))
    write(records, lambda tx: tx.data_uses.put("w", "r2", [given]))
    assert records.read(lambda tx: tx.data_uses.of_run("w", "r1")) == [given._replace(mode="download"), made]
    assert [run for run, _ in records.read(lambda tx: tx.data_uses.of_dataset("w", "id1"))] == ["r2", "r1"]
    write(records, lambda tx: tx.runs.delete("w", "r1"))
    assert records.read(lambda tx: tx.data_uses.of_dataset("w", "id1")) == [("r2", given)]


def test_secrets_are_listed_by_how_their_names_begin(records: Records) -> None:
    for name in ('["vault", "b"]', '["vault", "a_%"]', '["compute", "x"]'):
        write(records, lambda tx, name=name: tx.secrets.save("w", name, "sealed"))
    assert records.read(lambda tx: tx.secrets.names("w", '["vault", ')) == ['["vault", "a_%"]', '["vault", "b"]']
    assert records.read(lambda tx: tx.secrets.names("w", "%")) == []
