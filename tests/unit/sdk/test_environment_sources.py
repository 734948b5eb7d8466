"""Requirements files, and the files that they name."""

from __future__ import annotations

from pathlib import Path

import pytest

from amlet.sdk.environment import Environment
from amlet.sdk.exceptions import UserErrorException


def test_every_line_is_kept_and_the_default_packages_go(tmp_path: Path) -> None:
    place = tmp_path / "requirements.txt"
    place.write_text("\ufeff# mine\nscikit-learn==0.24  # why\n\n--extra-index-url https://host/simple\n", "utf-8")
    env = Environment.from_pip_requirements("x", str(place), pip_version="20.1")
    spec = env._to_spec()  # v1-behaviours 10.5
    assert spec.pip == ["# mine", "scikit-learn==0.24  # why", "", "--extra-index-url https://host/simple"]
    assert env.python.conda_dependencies is not None
    assert list(env.python.conda_dependencies.conda_packages) == ["pip=20.1"]
    assert list(env.python.conda_dependencies.pip_options) == ["--extra-index-url https://host/simple"]


@pytest.mark.parametrize("form", ["-r {}", "-r{}", "--requirement {}", "--requirement={}", "-r '{}'  # those too"])
def test_a_line_that_names_a_file_stands_for_its_lines(tmp_path: Path, form: str) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("numpy\n-r deep.txt\n")
    (tmp_path / "more" / "deep.txt").write_text("scipy\n")
    (tmp_path / "requirements.txt").write_text("pandas\n" + form.format("more/base.txt") + "\nrequests\n")
    spec = Environment.from_pip_requirements("x", tmp_path / "requirements.txt")._to_spec()
    assert spec.pip == ["pandas", "numpy", "scipy", "requests"]


def test_files_that_cannot_be_followed_are_told(tmp_path: Path) -> None:
    place = tmp_path / "requirements.txt"
    with pytest.raises(FileNotFoundError, match=r"requirements\.txt"):
        Environment.from_pip_requirements("x", place)
    place.write_text("-r nothing.txt\n")
    with pytest.raises(FileNotFoundError, match=r"nothing\.txt, which .*requirements\.txt names"):
        Environment.from_pip_requirements("x", place)
    place.write_text("-r requirements.txt\n")
    with pytest.raises(UserErrorException, match="includes itself"):
        Environment.from_pip_requirements("x", place)
    place.write_text("numpy\n-c constraints.txt\n")
    with pytest.raises(UserErrorException, match=r"Line 2 .* constraints, 'constraints\.txt'"):
        Environment.from_pip_requirements("x", place)
    place.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserErrorException, match="not UTF-8"):
        Environment.from_pip_requirements("x", place)
    with pytest.raises(UserErrorException, match="no requirements file"):
        Environment.from_pip_requirements("x", tmp_path)


def test_options_that_only_begin_like_an_include_stay(tmp_path: Path) -> None:
    place = tmp_path / "requirements.txt"
    place.write_text("--require-hashes\n--requirements\nrequests\ncython\n")
    spec = Environment.from_pip_requirements("x", place)._to_spec()
    assert spec.pip == ["--require-hashes", "--requirements", "requests", "cython"]
