"""uv's cause as an error of ours: what happened, in which line, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

from amlet.base.errors import AmletError, EnvironmentFailed, StorageFailed
from amlet.domain.environment import EnvironmentSpec
from amlet.environments import uv_errors
from amlet.environments.requirements import Requirement

FULL_LOG = "Full log: azureml-logs/20_image_build_log.txt"

WAYS_TO_CONDA = (
    "put micromamba, mamba or conda on the server's PATH; or `pip install 'amlet[conda]'` there; or take the line out, "
    "or put the package of PyPI's that you need under pip"
)

_HINTS = {
    uv_errors.UNKNOWN: "check its spelling, or name the index that has it with --extra-index-url under pip.",
    uv_errors.NO_VERSION: "choose a version that exists, or drop the pin.",
    uv_errors.NO_WHEEL: "choose a version with a wheel for this Python, or drop the pin.",
    uv_errors.CONFLICT: "drop one of the pins, so that uv can choose versions that fit together.",
    uv_errors.UNREACHABLE: "check the network, or name an index that can be reached with UV_DEFAULT_INDEX.",
    uv_errors.UNTRUSTED: (
        "name the authority that signed it with SSL_CERT_FILE where the server starts, or trust the host with "
        "--trusted-host under pip."
    ),
    uv_errors.OFFLINE: "build it once with the network on, or unset UV_OFFLINE and offline_environments.",
    uv_errors.UNREADABLE: "write it as numpy==1.19.2.",
    uv_errors.BAD_HASH: "the index gave another file than before: build the environment anew from its spec.",
    uv_errors.OTHER: "see what uv says.",
}


def failure(
    what: str,
    cause: uv_errors.Cause,
    *,
    at_fault: Sequence[Requirement] = (),
    way_out: str | None = None,
    path: object = None,
) -> AmletError:
    """The error to raise.

    Args:
        what: What could not be done, as the start of a sentence.
        cause: Why.
        at_fault: The lines of the spec that are part of the cause.
        way_out: A better hint than the usual one.
        path: Where uv wrote, for a full disk.
    """
    if cause.kind == uv_errors.DISK_FULL:
        import errno

        return StorageFailed.from_os_error(OSError(errno.ENOSPC, "no space"), cause.text or path)
    lines = " and ".join(f'"{held.line}" under {held.place}' for held in at_fault)
    noun = "lines" if len(at_fault) > 1 else "line"
    where = f" (the {noun} {lines})" if lines else ""
    hint = (way_out or _HINTS[cause.kind]).rstrip(".")
    return EnvironmentFailed(f"{what}: {cause.text}{where}.", hint=f"{hint}. {FULL_LOG}")


def refused(spec: EnvironmentSpec, step: str) -> EnvironmentFailed:
    """The error of a strict spec that a step would relax."""
    return EnvironmentFailed(
        f'Environment "{spec.name}" is strict, and this would relax it: {step.rstrip(".")}.',
        hint=f"change the spec to what is at hand, or allow it with strict=False. {FULL_LOG}",
    )
