"""Telemetry, which is none, and the debug log."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from amlet.sdk import telemetry
from amlet.sdk.diagnostic_log import diagnostic_log
from amlet.sdk.exceptions import UserErrorException


def test_the_switches_of_diagnostics_are_taken_and_nothing_is_sent() -> None:
    telemetry.set_diagnostics_collection(send_diagnostics=True)  # v1-behaviours 17.4
    assert telemetry.get_diagnostics_collection_info() == (False, None)
    assert telemetry.is_diagnostics_collection_info_available() is False
    assert isinstance(telemetry.get_telemetry_log_handler(), logging.NullHandler)


def test_a_debug_log_is_written_in_its_block_alone(tmp_path: Path) -> None:
    logger = logging.getLogger("azureml.test_diagnostics")
    before = logging.getLogger("azureml").level
    place = tmp_path / "debug.log"
    with diagnostic_log(place):
        logger.debug("inside é")
    logger.debug("outside")
    text = place.read_text("utf-8")
    assert "|azureml.test_diagnostics|DEBUG|inside é" in text
    assert "outside" not in text
    assert logging.getLogger("azureml").level == before


def test_a_debug_log_in_a_folder_bears_the_context(tmp_path: Path) -> None:
    log = diagnostic_log(str(tmp_path), namespaces=["mine"], context_name="trial")
    log.start_capture()
    log.start_capture()
    logging.getLogger("mine").debug("once")
    log.stop_capture()
    log.stop_capture()
    (written,) = tmp_path.glob("trial_*.log")
    assert written.read_text().count("once") == 1


def test_a_debug_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="Cannot write"):
        diagnostic_log(tmp_path / "nothing" / "x.log").start_capture()
