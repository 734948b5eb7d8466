"""Azure's sizes by name."""

from __future__ import annotations

import pytest

from amlet.domain.compute import node_share
from amlet.domain.job import Share
from amlet.domain.vm_sizes import VM_SIZES, vm_size


@pytest.mark.parametrize(
    ("name", "cores", "memory_gib", "gpus"),
    [
        ("STANDARD_D2_V2", 2, 7, 0),
        ("Standard_DS12_v2", 4, 28, 0),
        ("standard_d4s_v3", 4, 16, 0),
        ("STANDARD_E8S_V3", 8, 64, 0),
        ("STANDARD_F4S_V2", 4, 8, 0),
        ("STANDARD_B2MS", 2, 8, 0),
        ("STANDARD_M64MS", 64, 1792, 0),
        ("STANDARD_NC6", 6, 56, 1),
        ("STANDARD_NC24RS_V3", 24, 448, 4),
    ],
)
def test_a_size_is_found_by_its_name_in_any_case(name: str, cores: int, memory_gib: float, gpus: int) -> None:
    found = vm_size(name)
    assert found is not None
    assert found[1:] == (cores, memory_gib, gpus)


def test_every_name_is_azures_own_and_unknown_ones_are_none() -> None:
    assert all(key == size.name.upper() and size.cores >= 1 for key, size in VM_SIZES.items())
    assert vm_size("STANDARD_D22_V2") is None


def test_a_nodes_share_counts_gpus_too() -> None:
    machine = Share(8, 64 << 30, 2)
    assert node_share(vm_size("STANDARD_NC12"), 1, machine).gpus == 2
    assert node_share(vm_size("STANDARD_NC12"), 2, machine).gpus == 1
    assert node_share(vm_size("STANDARD_D2_V2"), 1, machine).gpus == 0
