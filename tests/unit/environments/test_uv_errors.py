"""uv's own words (as of 0.13) and the cause that is made of them."""

from __future__ import annotations

import pytest

from amlet.environments import uv_errors
from amlet.environments.uv_errors import cause_of

UNKNOWN = """
error: No solution found when resolving dependencies
  cause: Because scikit-lern was not found in the package registry and you require scikit-lern==1, we can conclude
         that your requirements are unsatisfiable.
"""
NO_VERSION = """
error: No solution found when resolving dependencies
  cause: Because there is no version of numpy==99 and you require numpy==99, we can conclude that your requirements
         are unsatisfiable.
"""
NOT_SO_NEW = """
error: No solution found when resolving dependencies
  cause: Because only numpy<=2.5.5 is available and you require numpy==99.*, we can conclude that your requirements
         are unsatisfiable.
"""
NO_WHEEL = """
error: No solution found when resolving dependencies
  cause: Because scikit-learn==0.22 has no usable wheels and you require scikit-learn==0.22, we can conclude that your
         requirements are unsatisfiable.

hint: Wheels are required for `scikit-learn` because building from source is disabled for all packages (i.e., with
`--no-build`)
"""
NO_WHEEL_IN_A_RANGE = """
error: No solution found when resolving dependencies
  cause: Because numpy>=1.19.0,<=1.19.5 has no usable wheels and only the following versions of numpy are available:
             numpy<1.19.dev0
             numpy>=1.19.0,<=1.19.5
             numpy>1.20.dev0
         we can conclude that numpy==1.19.* cannot be used.
         And because you require numpy==1.19.*, we can conclude that your requirements are unsatisfiable.

hint: Wheels are required for `numpy` because building from source is disabled for all packages (i.e., with
`--no-build`)
"""
CONFLICT = """
error: No solution found when resolving dependencies
  cause: Because scipy==1.16.0 depends on numpy>=1.25.2 and you require numpy==1.23.5, we can conclude that your
         requirements and scipy==1.16.0 are incompatible.
         And because you require scipy==1.16.0, we can conclude that your requirements are unsatisfiable.
"""
TWO_PINS = """
error: No solution found when resolving dependencies
  cause: Because you require numpy==1.19.2 and numpy==1.20.0, we can conclude that your requirements are
         unsatisfiable.
"""
UNREACHABLE = """
error: Request failed after 3 retries in 6.4s
  cause: Failed to fetch: http://127.0.0.1:9/simple/numpy/
  cause: error sending request for url (http://127.0.0.1:9/simple/numpy/)
  cause: client error (Connect)
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""
OFFLINE = """
error: No solution found when resolving dependencies
  cause: Because numpy was not found in the cache and you require numpy, we can conclude that your requirements are
         unsatisfiable.

hint: Packages were unavailable because the network was disabled.
"""
SIGNED_BY_NOBODY = """
error: Failed to fetch: https://user@pypi.example/simple/numpy/
  cause: error sending request for url (https://pypi.example/simple/numpy/)
  cause: client error (Connect)
  cause: invalid peer certificate: UnknownIssuer
"""
FORBIDDEN = """
error: No solution found when resolving dependencies
  cause: Because numpy was not found in the package registry and you require numpy, we can conclude that your
         requirements are unsatisfiable.

hint: An index (http://127.0.0.1:8795/403/simple) returned a 403 Forbidden error. Check that the index URL is correct
and the credentials are valid.
"""
NO_FILES = """
error: No solution found when resolving dependencies
  cause: Because there are no versions of numpy and you require numpy, we can conclude that your requirements are
         unsatisfiable.
"""
UNREADABLE = """
error: Couldn't parse requirement in `/tmp/wanted.txt` at position 0
  cause: after parsing `1`, found `..2`, which is not part of a valid version
         numpy==1..2
              ^^^^^^
"""
BAD_HASH = """
error: Failed to download `threadpoolctl==2.1.0`
  cause: Hash mismatch for `threadpoolctl==2.1.0`
"""
DISK_FULL = """
error: Failed to install: a.whl (a==1)
  cause: Failed to copy to `/home/b/a.py`
  cause: failed to copy file from /c/a.py to /home/b/.tmp: No space left on device (os error 28)
"""
TREE_OF_OLDER_RELEASES = """
  \u00d7 No solution found when resolving dependencies:
  \u2570\u2500\u25b6 Because there is no version of
      numpy==99 and you require numpy==99, we can conclude that your
      requirements are unsatisfiable.
"""
KEPT_OUT_BY_DATE = """
error: No solution found when resolving dependencies
  cause: Because there are no versions of polars and you require polars, we can conclude that your requirements are
         unsatisfiable.

hint: `polars` was filtered by `exclude-newer` to only include packages uploaded before 2020-10-16T00:00:00Z.
"""


@pytest.mark.parametrize(
    ("output", "kind", "packages", "text"),
    [
        (UNKNOWN, uv_errors.UNKNOWN, ["scikit-lern"], "there is no package scikit-lern"),
        (NO_VERSION, uv_errors.NO_VERSION, ["numpy"], "there is no numpy==99"),
        (NOT_SO_NEW, uv_errors.NO_VERSION, ["numpy"], "there is no numpy==99.* (only numpy<=2.5.5)"),
        (NO_WHEEL, uv_errors.NO_WHEEL, ["scikit-learn"], "scikit-learn==0.22 has no wheel"),
        (NO_WHEEL_IN_A_RANGE, uv_errors.NO_WHEEL, ["numpy"], "numpy==1.19.* has no wheel"),
        (
            CONFLICT,
            uv_errors.CONFLICT,
            ["numpy", "scipy"],
            "scipy==1.16.0 needs numpy>=1.25.2, but numpy==1.23.5 is asked for",
        ),
        (TWO_PINS, uv_errors.CONFLICT, ["numpy"], "numpy==1.19.2 and numpy==1.20.0 do not fit together"),
        (UNREACHABLE, uv_errors.UNREACHABLE, [], "127.0.0.1:9 cannot be reached: Connection refused"),
        (OFFLINE, uv_errors.OFFLINE, ["numpy"], "the network is switched off, and uv's cache has no numpy"),
        (
            SIGNED_BY_NOBODY,
            uv_errors.UNTRUSTED,
            [],
            "the certificate of pypi.example is not trusted: no authority that this machine knows has signed it",
        ),
        (FORBIDDEN, uv_errors.UNREACHABLE, [], "127.0.0.1:8795 answered 403 Forbidden"),
        (NO_FILES, uv_errors.NO_VERSION, ["numpy"], "the index lists numpy and has no file of it"),
        (
            UNREADABLE,
            uv_errors.UNREADABLE,
            ["numpy"],
            "after parsing `1`, found `..2`, which is not part of a valid version",
        ),
        (BAD_HASH, uv_errors.BAD_HASH, ["threadpoolctl"], "the file of threadpoolctl is not the one that was locked"),
        (DISK_FULL, uv_errors.DISK_FULL, [], "/home/b/a.py"),
        ("error: something new", uv_errors.OTHER, [], "something new"),
        ("", uv_errors.OTHER, [], "uv gave no reason"),
    ],
)
def test_uvs_words_become_one_cause(output, kind, packages, text) -> None:
    cause = cause_of(output, {"numpy", "scipy", "scikit-learn", "scikit-lern"})
    assert (cause.kind, cause.packages, cause.text) == (kind, packages, text)


def test_the_tree_that_older_releases_draw_is_read_too() -> None:
    assert cause_of(TREE_OF_OLDER_RELEASES, {"numpy"}).text == "there is no numpy==99"


def test_packages_that_the_date_kept_out_are_told() -> None:
    assert cause_of(KEPT_OUT_BY_DATE, {"polars"}).younger == ["polars"]
