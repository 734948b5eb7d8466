"""`amlet init`."""

from __future__ import annotations

import json

from amlet.cli.main import main
from amlet.sdk import config_file


def test_it_writes_what_from_config_reads(tmp_path, capsys):
    folder = tmp_path / "a new folder"
    assert main(["init", str(folder), "--name", "demo", "--url", "https://amlet.example.org", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["written"] is True
    found = config_file.read(folder / "config.json")
    assert found == ("local", "local", "demo", "https://amlet.example.org")


def test_it_may_be_run_again(tmp_path, capsys):
    assert main(["init", str(tmp_path)]) == 0
    assert main(["init", str(tmp_path)]) == 0
    assert "Kept" in capsys.readouterr().out


def test_it_leaves_another_config_as_it_is(tmp_path, capsys):
    main(["init", str(tmp_path)])
    before = (tmp_path / "config.json").read_bytes()
    assert main(["init", str(tmp_path), "--name", "other"]) == 1
    assert "left as it is" in capsys.readouterr().err.replace("was left", "left")
    assert (tmp_path / "config.json").read_bytes() == before


def test_it_tells_of_a_config_that_comes_before_it(tmp_path, capsys):
    # v1-behaviours 1.2: .azureml of any folder above comes before ./config.json
    (tmp_path / ".azureml").mkdir()
    (tmp_path / ".azureml" / "config.json").write_text("{}")
    assert main(["init", str(tmp_path / "below")]) == 0
    assert "comes before it" in capsys.readouterr().err


def test_a_bad_name_is_refused_before_anything_is_written(tmp_path):
    assert main(["init", str(tmp_path), "--name", "no good"]) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["init", str(tmp_path / "file" / "below")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err
