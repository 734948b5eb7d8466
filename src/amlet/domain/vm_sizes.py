"""Azure's VM sizes: what a script means by STANDARD_D2_V2. Facts of its public size tables, memory in GiB."""

from __future__ import annotations

from typing import Dict, Iterable, NamedTuple, Optional, Tuple


class VmSize(NamedTuple):
    """What Azure meant by a size."""

    name: str
    """As Azure writes it: `Standard_D2_v2`. Names are compared in any case."""
    cores: int
    memory_gib: float
    gpus: int = 0


def vm_size(name: str) -> Optional[VmSize]:
    """What a size's name means, in any case, or None when we do not know it."""
    return VM_SIZES.get(name.upper())


_A_V2 = ((1, 2), (2, 4), (4, 8), (8, 16))
_A_V2_M = ((2, 16), (4, 32), (8, 64))
_D_NUMBERED = (
    (1, 1, 3.5), (2, 2, 7), (3, 4, 14), (4, 8, 28), (11, 2, 14), (12, 4, 28), (13, 8, 56), (14, 16, 112),
)  # fmt: skip
"""Numbers of D1 to D14, which do not count cores."""

_UP_TO_64 = (2, 4, 8, 16, 32, 48, 64)
_UP_TO_96 = (*_UP_TO_64, 96)
_E_V3 = ((2, 16), (4, 32), (8, 64), (16, 128), (20, 160), (32, 256), (48, 384), (64, 432))
_E_V4 = (*_E_V3[:-1], (64, 504))
_E_A_V4 = (*_E_V3[:-1], (64, 512), (96, 672))
_E_V5 = _E_A_V4
_FS_V2 = ((2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (48, 96), (64, 128), (72, 144))

_SINGLE = (
    ("A0", 1, 0.75), ("A1", 1, 1.75), ("A2", 2, 3.5), ("A3", 4, 7), ("A4", 8, 14), ("A5", 2, 14), ("A6", 4, 28),
    ("A7", 8, 56), ("A8", 8, 56), ("A9", 16, 112), ("A10", 8, 56), ("A11", 16, 112),
    ("B1ls", 1, 0.5), ("B1s", 1, 1), ("B1ms", 1, 2), ("B2s", 2, 4), ("B2ms", 2, 8), ("B4ms", 4, 16), ("B8ms", 8, 32),
    ("B12ms", 12, 48), ("B16ms", 16, 64), ("B20ms", 20, 80),
    ("D5_v2", 16, 56), ("D15_v2", 20, 140), ("DS5_v2", 16, 56), ("DS15_v2", 20, 140),
    ("H8", 8, 56), ("H16", 16, 112), ("HB60rs", 60, 228), ("HC44rs", 44, 352), ("HB120rs_v2", 120, 456),
    ("L8s_v2", 8, 64), ("L16s_v2", 16, 128), ("L32s_v2", 32, 256), ("L48s_v2", 48, 384), ("L64s_v2", 64, 512),
    ("L80s_v2", 80, 640),
    ("M8ms", 8, 218.75), ("M16ms", 16, 437.5), ("M32ts", 32, 192), ("M32ls", 32, 256), ("M32ms", 32, 875),
    ("M64", 64, 1024), ("M64s", 64, 1024), ("M64ls", 64, 512), ("M64m", 64, 1792), ("M64ms", 64, 1792),
    ("M128", 128, 2048), ("M128s", 128, 2048), ("M128m", 128, 3892), ("M128ms", 128, 3892),
    ("NC6", 6, 56, 1), ("NC12", 12, 112, 2), ("NC24", 24, 224, 4), ("NC24r", 24, 224, 4),
    ("NC6s_v2", 6, 112, 1), ("NC12s_v2", 12, 224, 2), ("NC24s_v2", 24, 448, 4), ("NC24rs_v2", 24, 448, 4),
    ("NC6s_v3", 6, 112, 1), ("NC12s_v3", 12, 224, 2), ("NC24s_v3", 24, 448, 4), ("NC24rs_v3", 24, 448, 4),
    ("NC4as_T4_v3", 4, 28, 1), ("NC8as_T4_v3", 8, 56, 1), ("NC16as_T4_v3", 16, 110, 1), ("NC64as_T4_v3", 64, 440, 4),
    ("NC24ads_A100_v4", 24, 220, 1), ("NC48ads_A100_v4", 48, 440, 2), ("NC96ads_A100_v4", 96, 880, 4),
    ("ND6s", 6, 112, 1), ("ND12s", 12, 224, 2), ("ND24s", 24, 448, 4), ("ND24rs", 24, 448, 4),
    ("ND40rs_v2", 40, 672, 8), ("ND96asr_v4", 96, 900, 8), ("ND96amsr_A100_v4", 96, 1900, 8),
    ("NV6", 6, 56, 1), ("NV12", 12, 112, 2), ("NV24", 24, 224, 4),
    ("NV12s_v3", 12, 112, 1), ("NV24s_v3", 24, 224, 2), ("NV48s_v3", 48, 448, 4),
)  # fmt: skip


def _sizes() -> Iterable[Tuple[str, int, float, int]]:
    for pattern, pairs in {
        "A{}_v2": _A_V2,
        "A{}m_v2": _A_V2_M,
        "E{}_v3": _E_V3,
        "E{}s_v3": _E_V3,
        "E{}a_v4": _E_A_V4,
        "E{}as_v4": _E_A_V4,
        "F{}s_v2": _FS_V2,
    }.items():
        for cores, memory in pairs:
            yield pattern.format(cores), cores, memory, 0
    for pattern in ("D{}", "DS{}", "D{}_v2", "DS{}_v2"):
        for number, cores, gib in _D_NUMBERED:
            yield pattern.format(number), cores, gib, 0
    for letters in ("", "s", "d", "ds"):
        for cores, memory in _E_V4:
            yield f"E{cores}{letters}_v4", cores, memory, 0
    for letters in ("", "s", "d", "ds", "as", "ads"):
        for cores, memory in _E_V5:
            yield f"E{cores}{letters}_v5", cores, memory, 0
    for pattern, counts in {
        "D{}_v3": _UP_TO_64,
        "D{}s_v3": _UP_TO_64,
        "D{}_v4": _UP_TO_64,
        "D{}s_v4": _UP_TO_64,
        "D{}d_v4": _UP_TO_64,
        "D{}ds_v4": _UP_TO_64,
        "D{}a_v4": _UP_TO_96,
        "D{}as_v4": _UP_TO_96,
        "D{}_v5": _UP_TO_96,
        "D{}s_v5": _UP_TO_96,
        "D{}d_v5": _UP_TO_96,
        "D{}ds_v5": _UP_TO_96,
        "D{}as_v5": _UP_TO_96,
        "D{}ads_v5": _UP_TO_96,
    }.items():
        for cores in counts:
            yield pattern.format(cores), cores, 4 * cores, 0
    for pattern in ("F{}", "F{}s"):
        for cores in (1, 2, 4, 8, 16):
            yield pattern.format(cores), cores, 2 * cores, 0
    for name, cores, gib, *gpus in _SINGLE:
        yield name, cores, gib, gpus[0] if gpus else 0


VM_SIZES: Dict[str, VmSize] = {
    f"STANDARD_{name.upper()}": VmSize(f"Standard_{name}", cores, memory_gib, gpus)
    for name, cores, memory_gib, gpus in sorted(_sizes())
}
"""Azure's common sizes, by upper-case name."""
