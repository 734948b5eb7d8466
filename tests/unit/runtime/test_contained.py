"""What the first process of a container makes of its image's variables."""

from __future__ import annotations

import json

from amlet.runtime.contained import asked, environment


def told(**more):
    fields = {"variables": {}, "ahead": {}, "drop": [], **more}
    return json.loads(asked(["python"], fields["variables"], fields["ahead"], fields["drop"]))


def test_the_images_variables_are_kept_under_the_runs_own() -> None:
    found = environment({"HOME": "/tmp", "A": "image", "B": "image"}, told(variables={"A": "run"}))
    assert found == {"HOME": "/tmp", "A": "run", "B": "image"}


def test_folders_are_put_ahead_of_the_images_own() -> None:
    found = environment({"HOME": "/tmp", "PATH": "/bin"}, told(ahead={"PATH": "/b/bin", "PYTHONPATH": "/sdk"}))
    assert (found["PATH"], found["PYTHONPATH"]) == ("/b/bin:/bin", "/sdk")


def test_what_would_lead_a_shown_python_astray_is_dropped() -> None:
    image = {"HOME": "/tmp", "PYTHONHOME": "/opt", "PYTHONPATH": "/opt/lib"}
    found = environment(image, told(ahead={"PYTHONPATH": "/sdk"}, drop=["PYTHONHOME", "PYTHONPATH"]))
    assert found == {"HOME": "/tmp", "PYTHONPATH": "/sdk"}


def test_a_user_without_a_home_gets_one_that_can_be_written() -> None:
    assert environment({"HOME": "/no/such/home"}, told())["HOME"] == "/tmp"
    assert environment({}, told())["HOME"] == "/tmp"
