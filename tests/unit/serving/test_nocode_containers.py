"""Services of models that were trained in containers."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from amlet.base.errors import InvalidInput
from amlet.domain.artifact import Entry, Tree
from amlet.domain.environment import Package, lock_of
from amlet.domain.model import SCIKITLEARN, Model
from amlet.serving import nocode

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
MODEL = Model("w", "iris", 1, "t", SCIKITLEARN, None, "r", "e", "l", None, {}, {}, None, 1, NOW)
FILES = Tree("t", [Entry("model.joblib", "0" * 64, 1)])


def test_a_model_trained_in_a_container_with_the_environments_packages_is_served_without_it() -> None:
    lock = lock_of("3.11", "linux-x86_64", "x", [Package("scikit-learn", "1.5.0")], image="sha256:1")
    nocode.check(MODEL, FILES, lock)


def test_a_model_trained_with_an_images_own_packages_is_refused_with_the_way_out() -> None:
    lock = lock_of("3.11", "linux-x86_64", "", [], interpreter="/opt/python", image="sha256:1")
    with pytest.raises(InvalidInput, match="packages of the image's own"):
        nocode.check(MODEL, FILES, lock)
