"""What v1 prints of a run outside a job (v1-behaviours 5.3): scripts, and who reads their output, know these lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

from amlet.sdk.run import Run


class PrintingRun(Run):
    """A run that says what it does, then does it."""

    def log(self, name: str, value: Any, description: str = "", step: Optional[int] = None) -> None:
        """Print and keep one value."""
        super().log(name, value, description, step)
        _tell("scalar", name, value)

    def log_list(self, name: str, value: List[Any], description: str = "") -> None:
        """Print and keep a list of values."""
        super().log_list(name, value, description)
        _tell("list", name, value)

    def log_row(self, name: str, description: Optional[str] = None, **kwargs: Any) -> None:
        """Print and keep one row of a table."""
        super().log_row(name, description, **kwargs)
        _tell("row", name, kwargs)

    def log_table(self, name: str, value: Dict[str, Any], description: str = "") -> None:
        """Print and keep a table."""
        super().log_table(name, value, description)
        _tell("table", name, value)

    def log_image(self, name: str, path: Optional[str] = None, plot: Any = None, description: str = "") -> None:
        """Print and keep an image."""
        super().log_image(name, path, plot, description)
        _tell("image", name, plot if plot is not None else path)

    def _log_json(self, name: str, kind: str, value: Any) -> None:
        super()._log_json(name, kind, value)
        _tell(kind, name, value)

    def tag(self, key: Optional[str] = None, value: Optional[str] = None, **kwargs: Any) -> None:
        """Set one tag. v1's offline run calls the key `name` (v1-behaviours 5.6): that is taken too."""
        key = kwargs.pop("name", key)
        if key is None or kwargs:
            raise TypeError(f"tag() takes key and value, not {sorted(kwargs) or 'nothing'}")
        print(f"Attempted to add tag {key} with value {value}")
        super().set_tags({key: value})

    def set_tags(self, tags: Dict[str, Optional[str]]) -> None:
        """Set tags; others stay as they are."""
        print(f"Attempted to set tags {tags}")
        super().set_tags(tags)

    def add_properties(self, properties: Dict[str, str]) -> None:
        """Add properties. One that is there cannot be changed."""
        print(f"Attempted to add properties {properties}")
        super().add_properties(properties)

    def upload_file(self, name: str, path_or_stream: Any, datastore_name: Optional[str] = None) -> None:
        """Keep one file with the run."""
        print(f"Attempted to track file {name} at {path_or_stream}")
        super().upload_file(name, path_or_stream, datastore_name)

    def upload_files(
        self,
        names: Optional[Sequence[str]] = None,
        paths: Optional[Sequence[Union[str, Path]]] = None,
        return_artifacts: bool = False,
        timeout_seconds: Optional[int] = None,
        datastore_name: Optional[str] = None,
        **kwargs: Any,
    ) -> Optional[List[str]]:
        """Keep several files with the run. v1's offline run calls the names `name`: that is taken too."""
        names = kwargs.pop("name", names)
        if names is None or paths is None or kwargs:
            raise TypeError("upload_files() takes names and paths")
        print(f"Attempted to track files {names} at {paths} with timeout {timeout_seconds}s")
        return super().upload_files(names, paths, return_artifacts, None, datastore_name)

    def upload_folder(self, name: str, path: Union[str, Path], datastore_name: Optional[str] = None) -> None:
        """Keep all files below a folder with the run."""
        print(f"Attempted to track folder {name} at {path}")
        super().upload_folder(name, path, datastore_name)

    def flush(self, timeout_seconds: float = 300) -> None:
        """Nothing is waiting: what was logged is on disk."""
        print(f"Attempted to flush run with id {self._run_id}")

    def __enter__(self) -> Run:
        print(f"[START] Run {self._run_id} context")
        return self

    def __exit__(self, exit_type: Any, value: Any, traceback: Any) -> Optional[bool]:
        if exit_type is None or (exit_type is SystemExit and value.code in (0, None)):
            self.complete()
        else:
            self.fail(value, "UserError")
        print(f"[STOP] Run {self._run_id} context")
        return None

    def __str__(self) -> str:
        return (
            f"Run(Experiment: {self._known.experiment},\nId: {self._run_id},\nType: None,\n"
            f"Status: {self._known.status})"
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(str(self))}</pre>"


def _tell(kind: str, name: str, value: Any) -> None:
    """v1's lines, exactly (v1-behaviours 5.3)."""
    print(f"Attempted to log {kind} metric {name}:\n{value}")
