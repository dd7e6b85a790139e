"""The sounds that the band plays: soundfonts and one-shots, and who ships them.

The law: a file belongs to one pool, so test songs are played on other instruments.
"""

from pathlib import Path
from typing import NamedTuple

from keras_munet.studio.need import Need
from keras_munet.studio.score import Pool

_SONIC_PI = "/usr/share/sonic-pi/samples"
_HYDROGEN = "/usr/share/hydrogen/data/drumkits"
_FLUID_R3 = "/usr/share/sounds/sf2/FluidR3_GM.sf2"
_MUSESCORE = "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3"
_TIM = "/usr/share/sounds/sf2/TimGM6mb.sf2"

NEEDS: tuple[Need, ...] = (
    Need(_FLUID_R3, "fluid-soundfont-gm"),
    Need(_MUSESCORE, "musescore-general-soundfont-small"),
    Need(_TIM, "timgm6mb-soundfont"),
    Need(_SONIC_PI, "sonic-pi-samples"),
    Need(_HYDROGEN, "hydrogen-drumkits"),
)
"""What must be installed; FluidSynth itself comes with `pyfluidsynth`'s needs."""


class Soundfont(NamedTuple):
    """A General MIDI bank.

    Attributes:
        path: of the file.
        has_variations: whether banks 8 and 16 have more presets (Roland GS).
        kits: presets of bank 128 with drums.
    """

    path: str
    has_variations: bool
    kits: tuple[int, ...]


_GS_KITS = (*range(20), 24, 25, 32, 33, 34, 35, 36)
_BRUSHES = (40, 41, 42)

SOUNDFONTS: dict[Pool, tuple[Soundfont, ...]] = {
    "train": (
        Soundfont(_FLUID_R3, True, (*_GS_KITS, *_BRUSHES)),
        Soundfont(_MUSESCORE, True, (*_GS_KITS, *_BRUSHES)),
    ),
    "test": (Soundfont(_TIM, False, (0, 8, 16, 24, 25, 32, 40)),),
}


class Shots(NamedTuple):
    """One-shots of a drum kit: drum -> files, from softest to loudest hit."""

    name: str
    is_machine: bool
    files: dict[str, tuple[str, ...]]


def _pi(*names: str) -> tuple[str, ...]:
    return tuple(f"{_SONIC_PI}/{name}.flac" for name in names)


def _h2(kit: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{_HYDROGEN}/{kit}/{name}" for name in names)


def _layers(kit: str, name: str, layers: str, end: str) -> tuple[str, ...]:
    return _h2(kit, *(f"{name}{layer}{end}" for layer in layers.split()))


def _pearl(name: str) -> tuple[str, ...]:
    layers = "Softest Soft Med Hard Hardest"
    return _layers("The Black Pearl 1.0", f"{name}-", layers, ".wav")


def _forzee(name: str, layers: str = "0 1 2 3") -> tuple[str, ...]:
    return _layers("ForzeeStereo", f"{name}-", layers, ".wav")


_ACOUSTIC = Shots(
    "sonic-pi acoustic",
    False,
    {
        "kick": _pi("drum_bass_soft", "drum_bass_hard"),
        "snare": _pi("drum_snare_soft", "drum_snare_hard"),
        "hat": _pi("drum_cymbal_closed"),
        "pedal": _pi("drum_cymbal_pedal"),
        "open": _pi("drum_cymbal_open"),
        "crash": _pi("drum_splash_soft", "drum_splash_hard"),
        "ride": _pi("drum_cymbal_soft", "drum_cymbal_hard"),
        "tom1": _pi("drum_tom_hi_soft", "drum_tom_hi_hard"),
        "tom2": _pi("drum_tom_mid_soft", "drum_tom_mid_hard"),
        "tom3": _pi("drum_tom_lo_soft", "drum_tom_lo_hard"),
        "cowbell": _pi("drum_cowbell"),
        "clap": _pi("perc_snap2"),
    },
)
_SINGLES: dict[str, tuple[str, ...]] = {
    "kick": _pi(
        *("bd_808", "bd_ada", "bd_boom", "bd_fat", "bd_gas", "bd_haus", "bd_klub"),
        *("bd_mehackit", "bd_pure", "bd_sone", "bd_tek", "bd_zome", "bd_zum"),
        *("drum_heavy_kick", "elec_hollow_kick", "elec_soft_kick"),
    ),
    "snare": _pi(
        *("sn_dolf", "sn_dub", "sn_generic", "sn_zome", "elec_snare"),
        *("elec_hi_snare", "elec_mid_snare", "elec_lo_snare", "elec_filt_snare"),
    ),
    "clap": _pi("perc_snap", "perc_snap2"),
    "hat": _pi("elec_tick", "drum_cymbal_closed"),
    "open": _pi("elec_cymbal", "drum_cymbal_open"),
    "tom3": _pi("elec_fuzz_tom"),
    "cowbell": _pi("drum_cowbell", "elec_wood"),
    "rim": _pi("elec_pop", "elec_flip"),
    "conga_hi": _pi("tabla_na", "tabla_na_s"),
    "conga_lo": _pi("tabla_na_o"),
}
_MILLO = "Millo_MultiLayered2"
_M4 = "_01 _02 _03 _04"

KITS: dict[Pool, tuple[Shots, ...]] = {
    "train": (_ACOUSTIC,),
    "test": (
        Shots(
            "The Black Pearl",
            False,
            {
                "kick": _pearl("PearlKick"),
                "snare": _pearl("PearlSnare"),
                "rim": _pearl("PearlSideStick"),
                "hat": _pearl("SabianHatClosed"),
                "open": _pearl("SabianHatOpen"),
                "ride": _pearl("PaisteRide"),
                "bell": _pearl("PaisteBell"),
                "crash": _pearl("SabianCrash"),
                "tom1": _pearl("PearlTom1"),
                "tom2": _pearl("PearlTom2"),
                "tom3": _pearl("PearlTomFloor"),
                "cowbell": _pearl("Cowbell"),
            },
        ),
        Shots(
            "Forzee",
            False,
            {
                "kick": _forzee("Kick"),
                "snare": _forzee("Snare"),
                "rim": _forzee("RimClick"),
                "hat": _forzee("HiHatClosed"),
                "pedal": _forzee("HiHatFoot"),
                "open": _forzee("HiHatOpen"),
                "ride": _forzee("RideBow"),
                "bell": _forzee("RideBell"),
                "crash": _forzee("Crash18"),
            },
        ),
        Shots(
            "Millo",
            False,
            {
                "kick": _layers(_MILLO, "bd", _M4, ".flac"),
                "snare": _layers(_MILLO, "jsnare", _M4, ".flac"),
                "rim": _layers(_MILLO, "rim", _M4, ".flac"),
                "hat": _layers(_MILLO, "hhclosed", _M4, ".flac"),
                "open": _layers(_MILLO, "hhopen", "_01 _02 _03", ".flac"),
                "ride": _layers(_MILLO, "ride", _M4, ".flac"),
                "crash": _layers(_MILLO, "crash", _M4, ".flac"),
                "tom1": _layers(_MILLO, "tom", _M4, ".flac"),
                "tom3": _layers(_MILLO, "floortom", _M4, ".flac"),
                "clap": _layers(_MILLO, "clap", _M4, ".flac"),
            },
        ),
        Shots(
            "HardElectro",
            True,
            {
                "kick": _h2("HardElectro1", "PowR_BD_1.flac"),
                "snare": _h2("HardElectro1", "PowR_SN_1.flac"),
                "clap": _h2("HardElectro1", "Clap_1.flac"),
                "hat": _h2("HardElectro1", "Hard_CHH_01.flac"),
                "open": _h2("HardElectro1", "Hard_Hse_OHH_1.flac"),
            },
        ),
    ),
}

SINGLES: dict[Pool, dict[str, tuple[str, ...]]] = {"train": _SINGLES, "test": {}}
"""Further hits that replace a drum of a kit."""

LOOPS: dict[Pool, tuple[tuple[str, int], ...]] = {
    "train": (
        (f"{_SONIC_PI}/loop_breakbeat.flac", 4),
        (f"{_SONIC_PI}/loop_industrial.flac", 2),
        (f"{_SONIC_PI}/loop_mehackit2.flac", 4),
    ),
    "test": (),
}
"""Percussion loops and their lengths in beats.

The `amen` loops of sonic-pi-samples are cut from a record, so nobody plays them.
"""

EFFECTS: dict[Pool, tuple[str, ...]] = {
    "train": _pi(
        *("ambi_dark_woosh", "ambi_swoosh", "ambi_lunar_land", "perc_swoosh"),
        *("perc_impact1", "perc_impact2", "vinyl_backspin", "vinyl_scratch"),
        *("vinyl_rewind", "elec_chime", "perc_bell", "misc_cineboom"),
    ),
    "test": (),
}


def files(pool: Pool) -> set[str]:
    """Returns every file that songs of a pool may use."""
    kits = [
        path for kit in KITS[pool] for paths in kit.files.values() for path in paths
    ]
    singles = [path for paths in SINGLES[pool].values() for path in paths]
    loops = [path for path, _ in LOOPS[pool]]
    fonts = [font.path for font in SOUNDFONTS[pool]]
    return {*kits, *singles, *loops, *fonts, *EFFECTS[pool]}


def missing() -> tuple[Need, ...]:
    """Returns what is not installed."""
    return tuple(need for need in NEEDS if not Path(need.name).exists())
