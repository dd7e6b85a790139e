"""The singers: which programs speak for them, and how far each may be bent.

A singer is a recorded (or modelled) speaker heard through a vocal tract that is scaled
by a factor from `shift`. No speaker is in both pools: the training pool has speakers
whose licences ask nothing of what they say, the test pool the Italian, Catalan, Czech
and Finnish speakers of `festival`.
"""

from typing import Any, NamedTuple

from keras_munet.studio.need import Need
from keras_munet.studio.score import Pool

NEEDS: tuple[Need, ...] = (
    Need("flite", "flite"),
    Need("espeak-ng", "espeak-ng"),
    Need("pico2wave", "libttspico-utils", "non-free"),
    Need("festival", "festival"),
    Need("/usr/share/festival/voices/english/ked_diphone", "festvox-kdlpc16k"),
    Need("/usr/share/festival/voices/russian/msu_ru_nsh_clunits", "festvox-ru"),
    Need("/usr/share/festival/voices/us/cmu_us_slt_arctic_hts", "festvox-us-slt-hts"),
    Need("/usr/share/festival/voices/italian/lp_diphone", "festvox-italp16k"),
    Need("/usr/share/festival/voices/italian/pc_diphone", "festvox-itapc16k"),
    Need("/usr/share/festival/voices/catalan/upc_ca_ona_hts", "festvox-ca-ona-hts"),
    Need("/usr/share/festival/voices/czech/czech_dita", "festvox-czech-dita"),
    Need("/usr/share/festival/voices/finnish/hy_fi_mv_diphone", "festvox-suopuhe-mv"),
)


class Singer(NamedTuple):
    """Somebody who sings.

    Attributes:
        name: unique.
        program: `flite`, `festival`, `pico2wave` or `espeak-ng`.
        voice: as the program calls it.
        speaker: who was recorded; a speaker is in one pool only.
        language: of `lyrics.WORDS`.
        shift: formants are scaled by a factor between these two.
        lowest: MIDI number of the lowest comfortable note.
        highest: of the highest.
        pool: `train` or `test`.
        weight: how often the singer is booked.
    """

    name: str
    program: str
    voice: str
    speaker: str
    language: str
    shift: tuple[float, float]
    lowest: int
    highest: int
    pool: Pool
    weight: float = 1.0


def _recorded(program: str, voice: str, kind: str, *rest: Any) -> Singer:
    """One kind of singer made of a recorded speaker; `rest` as `Singer` has it."""
    return Singer(f"{voice} {kind}", program, voice, *rest)


def _espeak(language: str, variant: str, woman: bool) -> Singer:
    low, high = (57, 76) if woman else (45, 67)
    voice = f"{language}+{variant}"
    words = language.split("-")[0]
    return Singer(
        voice, "espeak-ng", voice, voice, words, (0.92, 1.1), low, high, "train", 0.35
    )


_FLITE = (  # voice, kind of singer, formants, range, weight
    ("slt", "alto", (0.94, 1.02), 53, 73, 2.5),
    ("slt", "soprano", (1.0, 1.13), 58, 79, 2.5),
    ("slt", "tenor", (0.84, 0.9), 48, 70, 0.8),
    ("rms", "baritone", (0.9, 1.0), 42, 62, 1.2),
    ("rms", "tenor", (1.0, 1.1), 47, 70, 1.5),
    ("rms", "woman", (1.14, 1.22), 56, 75, 1.2),
    ("awb", "baritone", (0.92, 1.02), 43, 64, 1.2),
    ("awb", "tenor", (1.02, 1.12), 48, 71, 1.2),
    ("awb", "woman", (1.14, 1.22), 56, 75, 1.2),
    ("kal16", "bass", (0.86, 0.96), 40, 60, 0.8),
    ("kal16", "tenor", (0.98, 1.1), 46, 69, 1.0),
)
_FESTIVAL: tuple[
    tuple[str, str, str, str, tuple[float, float], int, int, Pool, float], ...
] = (  # voice, speaker, kind, language, formants, range, pool, weight
    ("ked_diphone", "ked", "baritone", "en", (0.88, 1.0), 42, 64, "train", 1.0),
    ("ked_diphone", "ked", "tenor", "en", (1.0, 1.14), 47, 70, "train", 1.0),
    ("msu_ru_nsh_clunits", "nsh", "bass", "it", (0.9, 1.0), 41, 62, "train", 1.0),
    ("msu_ru_nsh_clunits", "nsh", "tenor", "it", (1.02, 1.14), 48, 71, "train", 1.2),
    ("msu_ru_nsh_clunits", "nsh", "woman", "it", (1.15, 1.22), 56, 75, "train", 0.8),
    ("cmu_us_slt_arctic_hts", "slt", "mezzo", "en", (0.96, 1.1), 55, 76, "train", 1.2),
    ("lp_diphone", "lp", "soprano", "it", (0.96, 1.06), 57, 76, "test", 1.0),
    ("pc_diphone", "pc", "tenor", "it", (0.94, 1.06), 45, 67, "test", 1.0),
    ("upc_ca_ona_hts", "ona", "alto", "it", (0.96, 1.06), 55, 74, "test", 1.0),
    ("czech_dita", "dita", "mezzo", "cs", (0.96, 1.06), 56, 75, "test", 1.0),
    ("hy_fi_mv_diphone", "mv", "baritone", "fi", (0.92, 1.04), 43, 65, "test", 1.0),
)
_PICO = (
    ("en-US", "lh"),
    ("en-GB", "kh"),
    ("de-DE", "gl"),
    ("es-ES", "zl"),
    ("fr-FR", "nk"),
    ("it-IT", "cm"),
)
_PICO_KINDS = (  # kind of singer, formants, range, weight
    ("alto", (0.92, 1.02), 53, 73, 1.0),
    ("soprano", (1.0, 1.14), 57, 79, 1.0),
    ("tenor", (0.82, 0.9), 47, 69, 0.4),
)
_WOMEN = (
    ("en-us", "f2"),
    ("en-gb-scotland", "f3"),
    ("es", "f4"),
    ("pt", "f5"),
    ("fr", "f2"),
    ("sv", "f1"),
    ("it", "belinda"),
    ("en-us", "linda"),
    ("de", "f3"),
    ("pl", "steph"),
)
_MEN = (
    ("en-us", "m3"),
    ("es", "m7"),
    ("de", "m2"),
    ("fr", "m4"),
    ("en-us", "klatt2"),
    ("it", "max"),
    ("pt", "m8"),
)

SINGERS: tuple[Singer, ...] = (
    *(
        _recorded("flite", voice, kind, voice, "en", *rest, "train", weight)
        for voice, kind, *rest, weight in _FLITE
    ),
    *(
        _recorded("festival", voice, kind, speaker, language, *rest)
        for voice, speaker, kind, language, *rest in _FESTIVAL
    ),
    *(
        _recorded("pico2wave", voice, kind, speaker, voice[:2], *rest, "train", weight)
        for voice, speaker in _PICO
        for kind, *rest, weight in _PICO_KINDS
    ),
    *(_espeak(language, variant, True) for language, variant in _WOMEN),
    *(_espeak(language, variant, False) for language, variant in _MEN),
)
"""Everybody."""


def roster(pool: Pool) -> tuple[Singer, ...]:
    """Returns the singers of a pool."""
    return tuple(s for s in SINGERS if s.pool == pool)
