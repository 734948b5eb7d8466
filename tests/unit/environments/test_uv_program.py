"""What uv may see of our own variables."""

from __future__ import annotations

from amlet.environments.uv_program import PATIENCE, child_variables


def test_uv_sees_no_variable_that_would_turn_it_to_another_python() -> None:
    taken = child_variables(
        {
            "PATH": "/bin",
            "AMLET_HOME": "/home/a",
            "AMLET_TOKEN": "secret",
            "UV_DEFAULT_INDEX": "https://index.example/simple",
            "UV_CACHE_DIR": "/cache",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": "/x",
            "VIRTUAL_ENV": "/v",
            "CONDA_PREFIX": "/c",
            "UV_PYTHON": "3.7",
            "UV_EXCLUDE_NEWER": "2019-01-01",
        }
    )
    assert taken == {
        "PATH": "/bin",
        "AMLET_HOME": "/home/a",
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_CACHE_DIR": "/cache",
        "UV_PYTHON_DOWNLOADS": "never",
        **PATIENCE,
    }


def test_the_users_own_patience_with_an_index_holds() -> None:
    assert child_variables({"UV_HTTP_RETRIES": "7"})["UV_HTTP_RETRIES"] == "7"
