"""RunDetails takes runs alone, and what it shows is escaped."""

from __future__ import annotations

import pytest

from amlet.sdk.widgets import _linked
from azureml.exceptions import UserErrorException
from azureml.widgets import RunDetails


def test_only_a_run_is_shown():
    with pytest.raises(UserErrorException, match="str"):
        RunDetails("run-1")


def test_what_a_run_says_is_never_markup():
    assert _linked("<script>x</script>") == "&lt;script&gt;x&lt;/script&gt;"
    assert _linked('http://h/"><b>').count('"') == 6
    assert "<b>" not in _linked('http://h/"><b>')
