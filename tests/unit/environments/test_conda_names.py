"""Conda's names: each that differs from PyPI's, each that means nothing here, each that only conda has."""

from __future__ import annotations

import pytest

from amlet.domain.environment import EnvironmentSpec
from amlet.environments import conda_names
from amlet.environments.conda_names import normalized, pypi_name, why_left_out, why_only_conda
from amlet.environments.requirements import DROPPED, MAPPED, RELAXED, read

# Conda's name and PyPI's, held here a second time: no change of the table goes unseen.
DIFFERENT = """
    faiss faiss-cpu
    h2o-py h2o
    ignite pytorch-ignite
    keras-base keras
    keras-gpu keras
    mlflow-ui mlflow
    py-mxnet mxnet
    py-xgboost xgboost
    py-xgboost-cpu xgboost
    py-xgboost-gpu xgboost
    pyg torch-geometric
    pymc-base pymc
    pytensor-base pytensor
    python-annoy annoy
    pytorch torch
    pytorch-cpu torch
    pytorch-geometric torch-geometric
    pytorch-gpu torch
    sktime-all-extras sktime[all-extras]
    tensorflow-base tensorflow
    tensorflow-eigen tensorflow
    tensorflow-gpu tensorflow
    tensorflow-mkl tensorflow
    torchvision-cpu torchvision
    xgboost-cpu xgboost
    astropy-base astropy
    cvxpy-base cvxpy
    dask dask[complete]
    dask-core dask
    ibis-duckdb ibis-framework[duckdb]
    iris scitools-iris
    modin-all modin[all]
    modin-core modin
    modin-dask modin[dask]
    modin-ray modin[ray]
    pyarrow-all pyarrow
    pyarrow-core pyarrow
    pytables tables
    ray-all ray[all]
    ray-core ray
    ray-data ray[data]
    ray-default ray[default]
    ray-rllib ray[rllib]
    ray-serve ray[serve]
    ray-train ray[train]
    ray-tune ray[tune]
    altair-all altair
    gdcm python-gdcm
    matplotlib-base matplotlib
    opencv opencv-python-headless
    py-opencv opencv-python-headless
    pyqt pyqt5
    pysoundfile soundfile
    pysox sox
    python-graphviz graphviz
    python-kaleido kaleido
    python-mss mss
    python-sounddevice sounddevice
    qtconsole-base qtconsole
    seaborn-base seaborn
    vtk-base vtk
    geopandas-base geopandas
    python-cdo cdo
    python-eccodes eccodes
    cython-blis blis
    sentencepiece-python sentencepiece
    docker-py docker
    google-cloud-bigquery-core google-cloud-bigquery
    psycopg2 psycopg2-binary
    python-confluent-kafka confluent-kafka
    python-duckdb duckdb
    python-gssapi gssapi
    python-kubernetes kubernetes
    python-lmdb lmdb
    python-oracledb oracledb
    redis-py redis
    uvicorn-standard uvicorn[standard]
    brotli-python brotli
    msgpack-python msgpack
    nbconvert-core nbconvert
    nbconvert-pandoc nbconvert
    py-lief lief
    pyjulia julia
    python-blosc blosc
    python-blosc2 blosc2
    python-build build
    python-chromedriver-binary chromedriver-binary
    python-clang clang
    python-fastjsonschema fastjsonschema
    python-flatbuffers flatbuffers
    python-installer installer
    python-isal isal
    python-libarchive-c libarchive-c
    python-lz4 lz4
    python-tzdata tzdata
    python-wget wget
    python-xxhash xxhash
    python-zlib-ng zlib-ng
    python-zstd zstd
    tiledb-py tiledb
"""

LIBRARIES = (
    "mkl=2020.1 openblas blas=1.0=mkl libblas=3.9.0=16_linux64_mkl nomkl mkl-service mkl_fft mkl_random "
    "intel-openmp libgcc-ng=12.2.0 libstdcxx-ng libgomp ld_impl_linux-64 _libgcc_mutex=0.1=conda_forge "
    "_openmp_mutex=4.5=2_gnu openssl=1.1.1k=h27cfd23_0 ca-certificates=2021.7.5 xz zlib=1.2.11 bzip2 sqlite "
    "readline ncurses tk libffi tzdata libpng jpeg=9e libtiff freetype openjpeg lcms2 libwebp-base giflib zstd "
    "lz4-c snappy icu boost-cpp glib arrow-cpp libarrow=11.0.0 grpc-cpp libprotobuf libthrift re2 orc aws-c-common "
    "aws-sdk-cpp hdf5 libnetcdf geos proj gcc_linux-64 gxx_linux-64 gfortran_linux-64 sysroot_linux-64 "
    "kernel-headers_linux-64 binutils_impl_linux-64 cudatoolkit=10.1 cudnn cuda-nvcc libcublas cpuonly "
    "pytorch-mutex pytorch-cuda=11.8 python_abi=3.8=2_cp38 xorg-libxau libxcb dbus qt-main expat fontconfig "
    "libxgboost=1.7 liblightgbm libopencv numpy-base conda conda-build anaconda-client cmake git make compilers "
    "swig pip=20.2 blis igraph eccodes attr tiledb libnew"
)

ONLY_CONDA = (
    "graphviz ffmpeg openjdk=8 nodejs pandoc tesseract poppler imagemagick r-base=4.1 r-essentials r-randomforest "
    "bioconductor-deseq2 perl perl-json julia octave openmpi mpich gdal=3.4 pyspark=3.1 pycairo mysqlclient "
    "graph-tool esmpy cudf cuml rapids=21.06 psi4 samtools glpk coincbc ipopt sox wget curl tree unzip texlive-core "
    "nltk_data spacy-model-en_core_web_sm anaconda=2020.02 cmdstan plotly-orca postgresql redis-server firefox "
    "geckodriver"
)

SAME = (
    "scikit-learn scipy numpy pandas lightgbm xgboost catboost joblib threadpoolctl imbalanced-learn statsmodels "
    "shap nltk spacy gensim pillow lxml boto3 protobuf grpcio jupyter ipykernel notebook tensorflow keras "
    "torchvision rasterio shapely fiona pyproj cartopy rtree netcdf4 h5py pyarrow sqlalchemy pymysql pyodbc pymongo "
    "ruamel_yaml PyYAML typing_extensions importlib_metadata lz4 zstandard librosa libpysal libcst nvtx ninja "
    "cython setuptools python-dateutil python-dotenv python-levenshtein faiss-cpu tensorflow-cpu r5py"
)


def pairs() -> list[tuple[str, str]]:
    return [(line.split()[0], line.split()[1]) for line in DIFFERENT.strip().splitlines()]


def test_the_tables_say_something_of_at_least_150_names() -> None:
    assert len(set(conda_names.entries())) >= 150


@pytest.mark.parametrize(("conda", "pypi"), pairs())
def test_a_package_that_pypi_calls_otherwise_is_asked_for_by_its_name_there(conda, pypi) -> None:
    wanted = read(EnvironmentSpec("e", conda=[f"{conda}>=1.2"]))
    assert [held.text for held in wanted.requirements] == [f"{pypi}>=1.2"]
    assert [held.name for held in wanted.requirements] == [pypi.split("[")[0]]
    assert [str(note) for note in wanted.notes if note.kind == MAPPED] == [f"{conda}>=1.2: PyPI calls it {pypi}"]


def test_every_name_of_the_table_is_in_the_test_above() -> None:
    assert {conda for conda, _ in pairs()} == set(conda_names.RENAMED)


@pytest.mark.parametrize("line", LIBRARIES.split())
def test_what_wheels_bring_or_never_need_is_dropped_with_its_reason(line) -> None:
    wanted = read(EnvironmentSpec("e", conda=[line]))
    assert (wanted.requirements, wanted.only_conda) == ([], [])
    (note,) = wanted.notes
    assert note.kind == DROPPED
    assert note.text


@pytest.mark.parametrize("line", ONLY_CONDA.split())
def test_what_no_wheel_can_stand_for_is_for_conda(line) -> None:
    wanted = read(EnvironmentSpec("e", conda=[line, "numpy"]))
    assert [held.line for held in wanted.only_conda] == [line]
    assert [held.name for held in wanted.requirements] == ["numpy"]


@pytest.mark.parametrize("name", SAME.split())
def test_any_other_name_is_the_same_on_pypi(name) -> None:
    wanted = read(EnvironmentSpec("e", conda=[name]))
    assert [held.text for held in wanted.requirements] == [normalized(name)]
    assert wanted.notes == []


def test_no_name_is_in_two_tables() -> None:
    names = list(conda_names.entries())
    assert len(names) == len(set(names))
    assert all(name == normalized(name) for name in names)


def test_no_name_that_another_one_is_mapped_to_is_itself_left_out() -> None:
    # Names that mean something else to conda than to PyPI.
    homonyms = {
        "blis",
        "cdo",
        "eccodes",
        "graphviz",
        "julia",
        "sox",
        "tiledb",
        "tzdata",
        "wget",
        "zlib-ng",
        "zstd",
        "blosc",
        "clang",
    }
    targets = {pypi_name(name) for name in conda_names.RENAMED}
    assert {name for name in targets if why_left_out(name) or why_only_conda(name)} <= homonyms


def test_a_program_of_the_machines_own_stands_in_for_one_that_only_conda_has() -> None:
    spec = EnvironmentSpec("e", conda=["graphviz=2.42", "r-dplyr"])
    wanted = read(spec, program=lambda program: "/usr/bin/dot" if program == "dot" else None)
    assert [held.name for held in wanted.only_conda] == ["r-dplyr"]
    assert [(note.kind, note.line) for note in wanted.notes] == [(RELAXED, "graphviz=2.42")]
    assert "this machine's own /usr/bin/dot" in wanted.notes[0].text
