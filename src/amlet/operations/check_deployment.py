"""Check what is asked of a service, before anything is recorded."""

from __future__ import annotations

import json
from pathlib import PurePosixPath

from amlet.base.errors import FieldError, InvalidInput
from amlet.base.paths import relative_path
from amlet.domain.artifact import Entry
from amlet.domain.compute import AKS, AML_COMPUTE, LOCAL
from amlet.domain.deployment import ACCESSES, ENDPOINT, KINDS, Deployment
from amlet.operations.describe import check_spec
from amlet.operations.register import check_resources
from amlet.operations.submit import check_entries, no_compute_target
from amlet.operations.texts import faults_of_argument, faults_of_label, faults_of_variables
from amlet.runtime.scoring.model import METHODS
from amlet.store.base import Transaction

REPLICAS_LIMIT = 1000
"""Keeps a slip of the hand from filling the machine."""
MILLISECONDS_LIMIT = 24 * 3600 * 1000
CONCURRENT_LIMIT = 10_000
ORIGINS_LIMIT = 1000
SAMPLE_LIMIT_BYTES = 1 << 20
KEEP_DAYS_LIMIT = 36_500
LEAST_KEPT_BYTES = 1 << 20
KEY_LEAST, KEY_MOST = 8, 1000
"""Characters of a key that the user chooses."""


def faults_of_deployment(deployment: Deployment, source: list[Entry]) -> list[FieldError]:
    """Everything that is wrong with a deployment by itself.

    Args:
        source: The files of the entry script's folder.
    """
    faults: list[FieldError] = []
    if deployment.kind not in KINDS:
        faults.append(FieldError("kind", f"must be one of {', '.join(KINDS)}, got {deployment.kind[:50]!r}"))
    if deployment.auth not in ACCESSES:
        faults.append(FieldError("auth", f"must be one of {', '.join(ACCESSES)}, got {deployment.auth[:50]!r}"))
    if deployment.port is not None and not 1 <= deployment.port <= 65535:
        faults.append(FieldError("port", f"{deployment.port} is not a port: use 1 to 65535, or leave it out"))
    faults += _faults_of_script(deployment, source)
    for name, asked in (("resources", deployment.resources), ("limits", deployment.limits)):
        if asked is not None:
            faults += [
                FieldError(fault.path.replace("resources", name), fault.message) for fault in check_resources(asked)
            ]
    faults += _faults_of_scale(deployment)
    for name, value, least, most in (
        ("scoring_timeout_ms", deployment.scoring_timeout_ms, 1, MILLISECONDS_LIMIT),
        ("max_wait_ms", deployment.max_wait_ms, 0, MILLISECONDS_LIMIT),
        ("max_concurrent", deployment.max_concurrent, 1, CONCURRENT_LIMIT),
    ):
        if value is not None and not least <= value <= most:
            faults.append(FieldError(name, f"must be from {least} to {most:,}, got {value}"))
    if deployment.method is not None and deployment.method not in METHODS:
        faults.append(FieldError("method", f"must be one of {', '.join(METHODS)}, got {deployment.method[:50]!r}"))
    if len(deployment.cors_origins) > ORIGINS_LIMIT:
        faults.append(FieldError("cors_origins", f"may be at most {ORIGINS_LIMIT:,}"))
    for number, origin in enumerate(deployment.cors_origins[:ORIGINS_LIMIT]):
        faults += faults_of_label(f"cors_origins[{number}]", origin, 300)
    for number, kind in enumerate(deployment.trusted):
        faults += faults_of_label(f"trusted[{number}]", kind, 300)
    faults += faults_of_variables("variables", deployment.variables)
    if deployment.capture is not None and not 0 <= deployment.capture.share <= 1:  # NaN is neither
        faults.append(FieldError("capture.share", f"must be from 0 to 1, got {deployment.capture.share}"))
    if deployment.capture is not None and not 1 <= deployment.capture.keep_days <= KEEP_DAYS_LIMIT:
        faults.append(FieldError("capture.keep_days", f"must be from 1 to {KEEP_DAYS_LIMIT:,}"))
    if deployment.capture is not None and deployment.capture.keep_bytes < LEAST_KEPT_BYTES:
        faults.append(FieldError("capture.keep_bytes", f"must be at least {LEAST_KEPT_BYTES >> 20} MB"))
    for name, text in (("sample_request", deployment.sample_request), ("sample_answer", deployment.sample_answer)):
        faults += _faults_of_sample(name, text)
    if deployment.environment is not None:
        faults += [
            FieldError(f"environment.{fault.path}", fault.message) for fault in check_spec(deployment.environment)
        ]
    return faults


def faults_of_key(path: str, key: str | None) -> list[FieldError]:
    """Faults of a key that the user chooses: it travels in a header."""
    if key is None:
        return []
    if not KEY_LEAST <= len(key) <= KEY_MOST:
        return [FieldError(path, f"must have {KEY_LEAST} to {KEY_MOST:,} characters, has {len(key)}")]
    if not all("!" <= letter <= "~" for letter in key):
        return [FieldError(path, "must be of ASCII letters, digits and signs, without blanks")]
    return []


def check_target(tx: Transaction, workspace_id: str, name: str | None) -> None:
    """Refuse a target that serves no models.

    Raises:
        NotFound: for an unknown one.
        InvalidInput: for one machine elsewhere.
    """
    if name in (None, LOCAL):
        return
    target = tx.computes.find(workspace_id, name)
    if target is None:
        raise no_compute_target(tx, workspace_id, name)
    if target.kind not in (AKS, AML_COMPUTE):
        raise InvalidInput(
            f'Compute target "{name}" is of the kind {target.kind} and serves no models.',
            hint="leave deployment_target out: this machine serves. AksCompute and AmlCompute targets serve too.",
        )


def _faults_of_script(deployment: Deployment, source: list[Entry]) -> list[FieldError]:
    script = deployment.entry_script
    if deployment.kind == ENDPOINT:
        if deployment.model_ids or script is not None:
            return [FieldError("kind", "an endpoint has no models and no script of its own: its versions have")]
        return []
    if script is None:
        if len(deployment.model_ids) != 1:  # v1-behaviours 15.2
            said = f"got {len(deployment.model_ids)}; pass one model, or an entry script"
            text = f"You must provide an InferenceConfig when deploying zero or multiple models: {said}"
            return [FieldError("model_ids", text)]
        return []
    faults = faults_of_argument("entry_script", script) + check_entries(source)
    try:
        relative_path(script)
    except InvalidInput as error:
        return [*faults, FieldError("entry_script", error.message)]
    if PurePosixPath(script).suffix != ".py":  # v1-behaviours 15.8
        faults.append(FieldError("entry_script", f"{script[:300]!r} does not end in .py"))
    elif script not in {entry.path for entry in source}:
        faults.append(FieldError("entry_script", f"{script[:300]!r} is not in the folder of sources"))
    return faults


def _faults_of_scale(deployment: Deployment) -> list[FieldError]:
    faults = []
    if deployment.replicas is not None and not 1 <= deployment.replicas <= REPLICAS_LIMIT:
        faults.append(FieldError("replicas", f"must be from 1 to {REPLICAS_LIMIT:,}, got {deployment.replicas}"))
    scale = deployment.autoscale
    if scale is None:
        return faults
    if deployment.replicas is not None:  # v1-behaviours 15.21
        faults.append(FieldError("replicas", "cannot be given together with autoscale"))
    if not 1 <= scale.min_replicas <= scale.max_replicas <= REPLICAS_LIMIT:
        said = f"must be 1 <= min_replicas <= max_replicas <= {REPLICAS_LIMIT:,}"
        faults.append(FieldError("autoscale", f"{said}, got {scale.min_replicas} and {scale.max_replicas}"))
    if not 1 <= scale.target_utilization <= 100:
        faults.append(FieldError("autoscale.target_utilization", f"is a percentage, got {scale.target_utilization}"))
    if not 1 <= scale.refresh_s <= 3600:
        faults.append(FieldError("autoscale.refresh_s", f"must be from 1 to 3,600, got {scale.refresh_s}"))
    return faults


def _faults_of_sample(path: str, text: str | None) -> list[FieldError]:
    if text is None:
        return []
    if len(text) > SAMPLE_LIMIT_BYTES:
        return [FieldError(path, f"may have at most {SAMPLE_LIMIT_BYTES:,} characters, has {len(text):,}")]
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return [FieldError(path, f"is not JSON: {error}")]
    return []
