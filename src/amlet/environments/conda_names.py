"""What conda calls the packages of PyPI, and which of its packages mean nothing here.

A name that is in neither table is the same on PyPI.
"""

from __future__ import annotations

import re

RENAMED = {
    "brotli-python": "brotli",
    "dask-core": "dask",
    "keras-gpu": "keras",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python-headless",
    "psycopg2": "psycopg2-binary",
    "py-opencv": "opencv-python-headless",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-blosc": "blosc",
    "python-lz4": "lz4",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "torchvision-cpu": "torchvision",
    "xgboost-cpu": "xgboost",
}
"""Normalised conda name → PyPI name."""

_SYSTEM = (
    "arrow-cpp boost-cpp bzip2 c-ares c-compiler ca-certificates cmake compilers cxx-compiler dbus expat "
    "fontconfig freetype gcc gcc-linux-64 gettext gfortran-linux-64 git glib graphviz grpc-cpp gxx "
    "gxx-linux-64 hdf5 icu jpeg krb5 lcms2 ld-impl-linux-64 lerc libabseil libarrow libboost libbrotlicommon "
    "libbrotlidec libbrotlienc libcurl libdeflate libedit libev libevent libexpat libffi libgcc libgcc-ng "
    "libgfortran libgfortran-ng libgfortran4 libgfortran5 libiconv liblzma libnghttp2 libnsl libparquet libpng "
    "libprotobuf libsodium libsqlite libssh2 libstdcxx libstdcxx-ng libthrift libtiff libuuid libuv libwebp "
    "libwebp-base libxcb libxcrypt libxml2 libxslt libzlib lz4-c make ncurses nodejs openjdk openjpeg openmpi "
    "openssl orc pcre pcre2 pkg-config pthread-stubs qt qt-main re2 readline sqlite swig tk tzdata "
    "unixodbc xorg-libxau xorg-libxdmcp xz yaml zlib zstd"
)

MEANINGLESS = {
    "anaconda-client": "a tool of conda's",
    "conda": "a tool of conda's",
    "conda-build": "a tool of conda's",
    "conda-env": "a tool of conda's",
    "conda-pack": "a tool of conda's",
    "pip": "uv installs the packages",
    "blas": "wheels bring their own BLAS",
    "libblas": "wheels bring their own BLAS",
    "libcblas": "wheels bring their own BLAS",
    "liblapack": "wheels bring their own BLAS",
    "liblapacke": "wheels bring their own BLAS",
    "libopenblas": "wheels bring their own BLAS",
    "openblas": "wheels bring their own BLAS",
    "nomkl": "wheels bring their own BLAS",
    "mkl": "wheels bring their own BLAS",
    "mkl-devel": "wheels bring their own BLAS",
    "mkl-include": "wheels bring their own BLAS",
    "mkl-service": "wheels bring their own BLAS",
    "mkl-fft": "wheels bring their own BLAS",
    "mkl-random": "wheels bring their own BLAS",
    "intel-openmp": "wheels bring their own OpenMP",
    "llvm-openmp": "wheels bring their own OpenMP",
    "libgomp": "wheels bring their own OpenMP",
    "cudatoolkit": "wheels bring their own CUDA",
    "cudnn": "wheels bring their own CUDA",
    "cpuonly": "it chooses among conda's builds",
    "pytorch-cuda": "it chooses among conda's builds",
    "pytorch-mutex": "it chooses among conda's builds",
    "python-abi": "it chooses among conda's builds",
    "libxgboost": "the wheel of xgboost has it",
    "numpy-base": "the wheel of numpy has it",
    **dict.fromkeys(_SYSTEM.split(), "a system library or tool, not a Python package"),
}
"""Normalised conda name → why it is left out."""


def normalized(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pypi_name(conda_name: str) -> str:
    """The name on PyPI of a conda package, normalised."""
    name = normalized(conda_name)
    return RENAMED.get(name, name)


def why_left_out(conda_name: str) -> str | None:
    """Why a conda package means nothing here, or None when it is a package to install."""
    if conda_name.startswith("_"):
        return "it chooses among conda's builds"
    return MEANINGLESS.get(normalized(conda_name))
