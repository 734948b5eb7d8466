"""Conda's and pip's lines in PyPI's words."""

from __future__ import annotations

import pytest

from amlet.base.errors import InvalidInput
from amlet.domain.environment import EnvironmentSpec
from amlet.environments.requirements import (
    DROPPED,
    MAPPED,
    RELAXED,
    read,
    table,
)


def texts(*, conda: list[str] | None = None, pip: list[str] | None = None) -> list[str]:
    return [held.text for held in read(EnvironmentSpec("e", conda=conda or [], pip=pip or [])).requirements]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("scikit-learn", "scikit-learn"),
        ("numpy=1.19", "numpy==1.19.*"),
        ("numpy=1.19.*", "numpy==1.19.*"),
        ("numpy=1.19.2", "numpy==1.19.2.*"),
        ("numpy==1.19.2", "numpy==1.19.2"),
        ("numpy==1.19.*", "numpy==1.19.*"),
        ("numpy=1.19.2=py38h456fd55_0", "numpy==1.19.2"),
        ("numpy 1.19.2 py38_0", "numpy==1.19.2"),
        ("numpy 1.19", "numpy==1.19.*"),
        ("numpy>=1.19,<2", "numpy>=1.19,<2"),
        ("numpy >=1.19, <2", "numpy>=1.19,<2"),
        ("numpy>=1.19.*", "numpy>=1.19"),
        ("numpy!=1.20.*", "numpy!=1.20.*"),
        ("numpy=*", "numpy"),
        ("conda-forge::numpy=1.19", "numpy==1.19.*"),
        ("pytorch=1.6", "torch==1.6.*"),
        ("PyTables", "tables"),
        ("matplotlib-base", "matplotlib"),
        ("py-xgboost-cpu=1.3", "xgboost==1.3.*"),
        ("opencv", "opencv-python-headless"),
        ("psycopg2", "psycopg2-binary"),
        ("setuptools", "setuptools"),
        ("numpy=1.19  # the last one", "numpy==1.19.*"),
        ("numpy==1.19.2=py38_0", "numpy==1.19.2"),
        ("numpy=1.19.*=py38*", "numpy==1.19.*"),
        ("numpy=1.19=*", "numpy==1.19.*"),
        ("numpy=*=*mkl*", "numpy"),
        ("numpy >=1.19,<2 py38*", "numpy>=1.19,<2"),
        ("numpy ~=1.19", "numpy~=1.19"),
        ("numpy>=1.18,!=1.19.3", "numpy>=1.18,!=1.19.3"),
        ("numpy[version='>=1.19,<2']", "numpy>=1.19,<2"),
        ('numpy[version=">=1.19", build=py38*, channel=conda-forge]', "numpy>=1.19"),
        ("numpy=1.19[build=py38_0]", "numpy==1.19.*"),
        ("conda-forge::numpy[md5=abc]", "numpy"),
        ("https://host.example/channel/linux-64::numpy=1.19", "numpy==1.19.*"),
        ("scipy=1.4|1.5", "scipy==1.5.*"),
        ("scipy 1.4.*|>=1.6,<1.7|1.5.2", "scipy>=1.6,<1.7"),
        ("scipy=1.4|*", "scipy"),
        ("NumPy=1.19", "numpy==1.19.*"),
        ("ray-default=2.9", "ray[default]==2.9.*"),
        ("opencv=4.5.1=py38_0", "opencv-python-headless==4.5.1.*"),
        ("dask", "dask[complete]"),
    ],
)
def test_a_conda_line_is_mapped_to_pypi(line, text) -> None:
    assert texts(conda=[line]) == [text]


@pytest.mark.parametrize(
    "line",
    ["nomkl", "mkl=2020.1", "_libgcc_mutex=0.1=main", "libgcc-ng", "openssl=1.1.1k=h27cfd23_0", "pip", "pip=20.2"],
)
def test_what_means_nothing_outside_conda_is_left_out_with_a_note(line) -> None:
    wanted = read(EnvironmentSpec("e", conda=[line]))
    assert wanted.requirements == []
    assert [note.kind for note in wanted.notes] == [DROPPED]


@pytest.mark.parametrize(
    "line",
    [
        "azureml-defaults",
        "azureml-sdk==1.20.0",
        "azureml_core~=1.5",
        "azureml-defaults[x]==1.2",
        "azureml",
        "AzureML-Mlflow",
    ],
)
def test_amlet_provides_every_azureml_distribution(line) -> None:
    wanted = read(EnvironmentSpec("e", pip=[line]))
    assert wanted.requirements == []
    assert [str(note) for note in wanted.notes] == [f"{line}: amlet provides it"]


def test_inference_schema_is_a_package_like_any_other() -> None:
    assert texts(pip=["inference-schema[numpy-support]"]) == ["inference-schema[numpy-support]"]


def test_a_dropped_build_string_is_a_relaxation_and_a_new_name_a_mapping() -> None:
    notes = read(EnvironmentSpec("e", conda=["pytorch=1.6.0=py3.8_cuda10_0"])).notes
    assert [note.kind for note in notes] == [MAPPED, RELAXED]


def test_what_became_of_every_line_is_one_table() -> None:
    spec = EnvironmentSpec(
        "e",
        conda=[
            "pytorch=1.6=py38_0",
            "nomkl",
            "ab::SciPy=1.4|1.5",
            "numpy[version='>=1.19', md5=abc]",
            "azureml-defaults",
            "https://host.example/c::tqdm",
        ],
        pip=["--no-binary :all:", "--prefer-binary", "sklearn==0.0", "azureml-core"],
        channels=["main", "https://host.example/c"],
    )
    assert table(read(spec).notes) == [
        "  kind    | line                                   | what",
        "  dropped | channels: main, https://host.example/c | packages come from PyPI",
        "  mapped  | pytorch=1.6=py38_0                     | PyPI calls it torch",
        "  relaxed | pytorch=1.6=py38_0                     | the build string py38_0 means nothing to PyPI",
        "  dropped | nomkl                                  | wheels bring their own BLAS",
        "  relaxed | ab::SciPy=1.4|1.5                      | PyPI has no alternatives: ==1.5.* is taken of =1.4|1.5",
        "  dropped | ab::                                   | packages come from PyPI",
        "  relaxed | numpy[version='>=1.19', md5=abc]       | md5: means nothing to PyPI",
        "  dropped | azureml-defaults                       | amlet provides it",
        "  dropped | https://host.example/c::               | packages come from PyPI",
        "  relaxed | --no-binary :all:                      | only wheels are installed",
        "  dropped | --prefer-binary                        | an option that changes nothing here",
        "  mapped  | sklearn==0.0                           | it stands for scikit-learn",
        "  dropped | azureml-core                           | amlet provides it",
    ]


def test_a_spec_without_anything_to_tell_has_no_table() -> None:
    assert table(read(EnvironmentSpec("e", conda=["numpy"], pip=["tqdm"])).notes) == []


def test_channels_and_what_amlet_provides_are_told_in_the_log_alone() -> None:
    notes = read(EnvironmentSpec("e", conda=["nomkl", "azureml-core"], channels=["anaconda"])).notes
    assert [note.line for note in notes if note.is_for_the_run] == ["nomkl"]


def test_pip_lines_are_read_as_those_of_a_requirements_file() -> None:
    wanted = read(
        EnvironmentSpec(
            "e",
            pip=[
                "# comment",
                "",
                "numpy==1.19.2  # pinned",
                "scipy \\",
                "  >=1.5",
                "tqdm; python_version < '4'",
                "--extra-index-url=https://index.example/simple",
                "-f https://wheels.example/",
                "-i https://mirror.example/simple",
                "--pre",
                "--trusted-host mirror.example",
                "--prefer-binary",
            ],
        )
    )
    assert [held.text for held in wanted.requirements] == ["numpy==1.19.2", "scipy >=1.5", "tqdm; python_version < '4'"]
    assert wanted.options == [
        "--extra-index-url https://index.example/simple",
        "--find-links https://wheels.example/",
        "--index-url https://mirror.example/simple",
        "--pre",
        "--trusted-host mirror.example",
    ]


def test_sklearn_stands_for_scikit_learn() -> None:
    assert texts(pip=["sklearn==0.0"]) == ["scikit-learn"]


def test_every_bad_line_is_named_in_one_error() -> None:
    spec = EnvironmentSpec(
        "e",
        conda=["numpy[flavour='>1']", "scipy=1.4,(1.5|1.6)", "good"],
        pip=[
            "-r more.txt",
            "-e .",
            "./local.whl",
            "wheels/local.whl",
            "name @ file:///tmp/x.whl",
            "git+https://host.example/x.git",
            "--no-such-option",
            "--find-links wheels",
            "two words",
            "name @ https://user:secret@host.example/x.whl",
            "--index-url https://host.example/${AMLET_TOKEN}",
        ],
    )
    with pytest.raises(InvalidInput) as caught:
        read(spec)
    assert [field.path for field in caught.value.fields] == [
        "dependencies[0]",
        "dependencies[1]",
        *(f"pip[{number}]" for number in range(11)),
    ]
    assert "secret" not in str(caught.value)


def test_a_login_in_any_line_is_refused_since_the_lock_would_keep_it() -> None:
    address = "https://user:s3cret@host.example/t/tok-1/channel"
    spec = EnvironmentSpec("e", conda=[f"{address}::numpy"], pip=[f"--index-url {address}"], channels=[address])
    with pytest.raises(InvalidInput, match="has a login in its address") as caught:
        read(spec)
    assert [field.path for field in caught.value.fields] == ["dependencies[0]", "pip[0]", "channels[0]"]
    assert "s3cret" not in str(caught.value)
    assert "tok-1" not in str(caught.value)
