"""What a compute target may be: every fault of a request at once."""

from __future__ import annotations

import json
import re

from amlet.base import names
from amlet.base.errors import FieldError, InvalidInput
from amlet.domain import compute as computes
from amlet.domain.compute import Credentials, RemoteMachine
from amlet.domain.job import Share
from amlet.domain.vm_sizes import VM_SIZES, vm_size
from amlet.operations.edit import check_marks
from amlet.wire.computes import CreateCompute

NODES_LIMIT = 1_000
"""Nodes are processes that the reconciler starts and names one by one."""

IDLE_LIMIT_S = 10 * 365 * 86_400
DETAILS_LIMIT = 64 * 1024
SECRET_LIMIT = 64 * 1024

# They become arguments of a program: none may begin with `-`, which would make it an option.
ADDRESS = re.compile(r"[A-Za-z0-9\[:][A-Za-z0-9.:%\[\]_-]{0,254}")
USERNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,127}")


def check_compute(asked: CreateCompute, machine: Share | None) -> None:
    """Check all of a request for a target.

    Args:
        machine: What the machine of its nodes has; None when they come with machines of their own.

    Raises:
        InvalidInput: with every fault; for a size alone with the nearest one.
    """
    if asked.kind not in computes.KINDS:
        raise InvalidInput(f"{asked.kind[:50]!r} is not a kind of compute target: use {', '.join(computes.KINDS)}.")
    check_nodes(asked.kind, asked.min_nodes, asked.max_nodes, asked.idle_s)
    faults = [FieldError(*fault) for fault in check_marks(asked.tags, {}, None, asked.description)]
    if len(json.dumps(asked.details)) > DETAILS_LIMIT:
        faults.append(FieldError("details", f"may take at most {DETAILS_LIMIT:,} characters"))
    is_remote = asked.kind == computes.REMOTE
    if is_remote != (asked.remote is not None) or is_remote != (asked.credentials is not None):
        faults.append(FieldError("remote", f"and credentials come with a {computes.REMOTE}, and with nothing else"))
    elif asked.remote is not None and asked.credentials is not None:
        faults += _faults_of_remote(asked.remote) + _faults_of_credentials(asked.remote, asked.credentials)
    if faults:
        raise InvalidInput.of(faults, subject="the compute target")
    if not is_remote:
        _check_size(asked, machine)


def check_nodes(kind: str, min_nodes: int, max_nodes: int, idle_s: int) -> None:
    """Check the bounds of a target's nodes.

    Raises:
        InvalidInput: with every fault.
    """
    faults = []
    if max_nodes < 1:
        faults.append(FieldError("max_nodes", f"must be 1 or more, got {max_nodes}"))
    if max_nodes > NODES_LIMIT:
        faults.append(FieldError("max_nodes", f"must be at most {NODES_LIMIT}, got {max_nodes}"))
    if not 0 <= min_nodes <= max(max_nodes, 0):
        faults.append(FieldError("min_nodes", f"must be from 0 to max_nodes ({max_nodes}), got {min_nodes}"))
    if not 0 <= idle_s <= IDLE_LIMIT_S:
        faults.append(FieldError("idle_seconds_before_scaledown", f"must be from 0 to {IDLE_LIMIT_S:,}, got {idle_s}"))
    if not faults and kind in (computes.COMPUTE_INSTANCE, computes.REMOTE) and max_nodes != 1:
        faults.append(FieldError("max_nodes", f"must be 1: a {kind} is one machine"))
    if faults:
        raise InvalidInput.of(faults, subject="the compute target")


def _check_size(asked: CreateCompute, machine: Share | None) -> None:
    size = vm_size(asked.vm_size)
    if size is None:
        known = names.closest(asked.vm_size.upper(), list(VM_SIZES))
        raise InvalidInput(
            f'"{asked.vm_size[:100]}" is not a VM size we know.', hint=known or "such as STANDARD_D2_V2."
        )
    if machine is None:
        return
    if size.gpus and not machine.gpus:
        raise InvalidInput(
            f"{size.name} has {size.gpus} GPU: this machine has none.",
            hint="choose a size without a GPU, such as STANDARD_D2_V2.",
        )
    if size.gpus and asked.max_nodes > machine.gpus and asked.kind != computes.AKS:  # which has no nodes here
        raise InvalidInput(
            f"{asked.max_nodes} nodes of {size.name} need a GPU each: this machine has {machine.gpus}.",
            hint=f"use max_nodes={machine.gpus}, or a size without a GPU.",
        )


def _faults_of_remote(remote: RemoteMachine) -> list[FieldError]:
    faults = []
    if not ADDRESS.fullmatch(remote.address):
        faults.append(FieldError("address", f"{remote.address[:100]!r} is not a host's name or address"))
    if not USERNAME.fullmatch(remote.username):
        faults.append(FieldError("username", f"{remote.username[:100]!r} is not a user's name"))
    if not 1 <= remote.port <= 65535:
        faults.append(FieldError("ssh_port", f"must be from 1 to 65535, got {remote.port}"))
    return faults


def _faults_of_credentials(remote: RemoteMachine, credentials: Credentials) -> list[FieldError]:
    """Names no secret: what is told goes into logs."""
    faults = []
    if any(len(secret or "") > SECRET_LIMIT for secret in credentials):
        faults.append(FieldError("credentials", f"may have at most {SECRET_LIMIT:,} characters each"))
    if (credentials.password is None) == (credentials.private_key is None):
        faults.append(FieldError("credentials", "need a password or a private key, and not both"))
    elif remote.signs_in_with != ("key" if credentials.private_key is not None else "password"):
        faults.append(FieldError("remote.signs_in_with", "does not tell what the credentials are"))
    if credentials.private_key is not None and "PRIVATE KEY" not in credentials.private_key:
        faults.append(FieldError("private_key_file", "holds no private key"))
    return faults
