"""What a service was asked and answered, kept as Parquet: beside the answers, never before them."""

from __future__ import annotations

import importlib
import os
import random
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, List, NamedTuple, Optional

from amlet.runtime.scoring.exchange import Request, Response
from amlet.runtime.scoring.model import ModelNotLoaded

QUEUE_BYTES = 32 << 20
"""What waits to be written; above it requests are answered without being kept."""
WRITE_EVERY_S = 5.0
END_S = 5.0
"""How long the last of it may take at the end."""


class Captured(NamedTuple):
    """One answered request."""

    time_s: float
    request_id: bytes
    inputs: Optional[bytes]
    """The request's body; None: not asked for."""
    predictions: Optional[bytes]


class Capture:
    """Takes a sample of the requests. `note` is called on the loop's thread and only remembers."""

    def __init__(
        self,
        write: Callable[[List[Captured]], None],
        *,
        inputs: bool,
        predictions: bool,
        share: float,
        log: Callable[[str], None],
    ) -> None:
        self._write = write
        self._inputs = inputs
        self._predictions = predictions
        self._share = share
        self._log = log
        self._chance = random.Random()  # noqa: S311 - a sample, no secret
        self._lock = threading.Lock()
        self._waiting: List[Captured] = []
        self._waiting_bytes = 0
        self._left_out = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def note(self, request: Request, response: Response) -> None:
        """Keep an answered request, if chance has it and there is room. Never waits for the disk."""
        if response.status != 200 or self._chance.random() >= self._share:
            return
        ids = (value for name, value in response.headers if name == b"x-request-id")
        one = Captured(
            time.time(),
            next(ids, b""),
            request.body if self._inputs else None,
            response.body if self._predictions else None,
        )
        size = len(one.inputs or b"") + len(one.predictions or b"")
        with self._lock:
            if self._waiting_bytes + size > QUEUE_BYTES:
                self._left_out += 1
                return
            self._waiting.append(one)
            self._waiting_bytes += size

    def close(self) -> None:
        """Write what waits."""
        self._ended.set()
        self._thread.join(END_S)

    def _run(self) -> None:
        while not self._ended.wait(WRITE_EVERY_S):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            taken, self._waiting = self._waiting, []
            left_out, self._left_out = self._left_out, 0
        try:
            if taken:
                self._write(taken)
        except Exception as error:  # noqa: BLE001 - a full disk, or whatever a library below raises
            left_out += len(taken)
            self._log(f"What was captured could not be written: {type(error).__name__}: {error}")
        with self._lock:
            # Only now: what is being written takes room too.
            self._waiting_bytes = sum(len(one.inputs or b"") + len(one.predictions or b"") for one in self._waiting)
        if left_out:
            self._log(f"{left_out} requests were answered without being captured.")


def parquet_writer(folder: Path) -> Callable[[List[Captured]], None]:
    """Writes each batch as a file of its own, `<day>/<time>-<process>.parquet`.

    Raises:
        ModelNotLoaded: if the model's environment has no pyarrow.
    """
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ModelNotLoaded(
            "Capturing inputs and predictions needs pyarrow, which the model's environment does not have: add "
            "`- pyarrow` to the pip packages of its conda file, or deploy without collect_model_data."
        ) from error
    schema = arrow.schema(
        [
            ("time", arrow.timestamp("us", tz="UTC")),
            ("request_id", arrow.string()),
            ("inputs", arrow.string()),
            ("predictions", arrow.string()),
        ]
    )

    def write(captured: List[Captured]) -> None:
        columns: List[List[Any]] = [
            [datetime.fromtimestamp(one.time_s, timezone.utc) for one in captured],
            [_text(one.request_id) for one in captured],
            [_text(one.inputs) for one in captured],
            [_text(one.predictions) for one in captured],
        ]
        began = columns[0][0]
        day = folder / began.strftime("%Y-%m-%d")
        day.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = day / f"{began.strftime('%H%M%S.%f')}-{os.getpid()}.parquet"
        part = path.with_suffix(".part")
        arrays = [arrow.array(values, field.type) for values, field in zip(columns, schema)]
        parquet.write_table(arrow.Table.from_arrays(arrays, schema=schema), str(part))
        part.replace(path)

    return write


def _text(data: Optional[bytes]) -> Optional[str]:
    return None if data is None else data.decode("utf-8", "replace")
