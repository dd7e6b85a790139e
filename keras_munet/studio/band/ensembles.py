"""Who plays in the stem of other instruments: instruments, ranges, and styles.

Programs are those of General MIDI, counted from 0.
"""

from typing import NamedTuple

Program = tuple[int, int]
"""Bank and program; banks 8 and 16 exist in some soundfonts only."""


def _plain(*programs: int) -> tuple[Program, ...]:
    return tuple((0, program) for program in programs)


class Player(NamedTuple):
    """An accompanying instrument.

    Attributes:
        plays: `comp`, `held`, `strum`, `chop`, `power`, `arpeggio` or `riff`.
        programs: instruments to choose from; none means our synthesiser.
        role: for the desk.
        low: lowest notes of the voicings, a range to draw from.
        gain_db: of the amplifier, a range; none plays without one.
        level_db: beside the loudest player.
    """

    plays: str
    programs: tuple[Program, ...]
    role: str
    low: tuple[int, int]
    gain_db: tuple[float, float] | None = None
    level_db: float = -2.0


PLAYERS = {
    "piano": Player("comp", _plain(0, 1, 1, 2, 3), "chords", (50, 62)),
    "epiano": Player("comp", (*_plain(4, 5), (8, 4), (8, 5)), "chords", (50, 62)),
    "clavinet": Player("chop", _plain(7, 7, 6), "chords", (50, 60)),
    "organ": Player("held", (*_plain(16, 17, 18, 19), (8, 16)), "chords", (50, 62)),
    "organ stabs": Player("comp", _plain(16, 17, 18), "chords", (52, 64)),
    "accordion": Player("comp", (*_plain(21, 23), (8, 21)), "chords", (52, 62)),
    "steel": Player("strum", (*_plain(25), (8, 25), (16, 25)), "guitar", (40, 45)),
    "nylon": Player("strum", (*_plain(24), (8, 24)), "guitar", (40, 47)),
    "clean": Player("strum", _plain(26, 27), "guitar", (40, 45), (6.0, 16.0)),
    "crunch": Player("strum", _plain(27), "guitar", (40, 45), (18.0, 32.0)),
    "heavy": Player("power", _plain(27, 29, 30), "guitar", (40, 45), (28.0, 46.0), 0.0),
    "chop": Player("chop", (*_plain(27, 28, 26), (8, 28)), "guitar", (55, 62)),
    "picked": Player("arpeggio", _plain(24, 25, 26, 27), "guitar", (48, 57)),
    "strings": Player("held", _plain(48, 49, 50, 51), "pad", (50, 64), None, -5.0),
    "pizzicato": Player("arpeggio", _plain(45, 46), "chords", (55, 67), None, -5.0),
    "brass": Player("comp", _plain(61, 61, 62, 63), "chords", (52, 64), None, -4.0),
    "horns": Player("held", _plain(60, 57, 71), "pad", (46, 58), None, -6.0),
    "pad": Player("held", _plain(88, 89, 90, 92, 93, 94, 95), "pad", (48, 64)),
    "choir": Player("held", _plain(52, 53, 54, 91, 85), "pad", (52, 64), None, -4.0),
    "synth": Player("comp", (), "chords", (48, 62), None, -3.0),
    "synth pad": Player("held", (), "pad", (48, 62), None, -4.0),
    "synth arpeggio": Player("arpeggio", (), "chords", (52, 70), None, -5.0),
    "bells": Player("arpeggio", _plain(8, 9, 10, 11, 14), "chords", (60, 74)),
    "mallets": Player("arpeggio", _plain(11, 12, 13, 108, 114), "chords", (55, 67)),
    "banjo": Player("arpeggio", (*_plain(105), (16, 25)), "guitar", (50, 60)),
    "harp": Player("arpeggio", _plain(46, 0, 6), "chords", (52, 64)),
    "riff": Player("riff", _plain(27, 29, 30), "guitar", (40, 52), (20.0, 42.0)),
    "key riff": Player("riff", _plain(0, 4, 7, 16, 62, 80, 81), "chords", (52, 64)),
    "synth riff": Player("riff", (), "chords", (48, 64)),
}

ENSEMBLES = {
    "ballad": "piano piano epiano nylon steel strings strings pad horns choir picked",
    "rock": "heavy heavy crunch crunch clean organ riff piano steel strings picked",
    "metal": "heavy heavy heavy riff riff strings choir picked clean",
    "punk": "heavy heavy crunch crunch riff clean organ",
    "pop": "piano synth steel clean pad strings synth-arpeggio brass epiano synth-pad"
    " bells choir key-riff picked synth-riff",
    "folk": "steel steel nylon picked banjo accordion strings harp piano",
    "country": "steel steel clean banjo piano picked accordion strings organ",
    "funk": "chop chop clavinet epiano brass organ-stabs riff synth-riff",
    "soul": "epiano organ brass chop strings clean piano horns choir",
    "jazz": "piano piano epiano chop organ brass horns mallets nylon",
    "reggae": "chop chop organ-stabs piano brass organ clavinet riff",
    "latin": "piano nylon brass chop accordion mallets strings epiano",
    "electronic": "synth synth-pad synth-arpeggio pad piano choir synth-riff strings"
    " bells key-riff",
    "hip-hop": "epiano piano pad strings synth key-riff bells picked choir brass"
    " synth-arpeggio",
    "ambient": "pad synth-pad choir piano strings harp mallets picked bells",
}
"""Players of a style, as often as they are drawn; hyphens stand for spaces."""


class Soloist(NamedTuple):
    """An instrument that carries a tune, as a voice would.

    Attributes:
        programs: to choose from; none means our synthesiser.
        low: of its range.
        high: of its range.
        vibrato: deepest vibrato in semitones.
        scoop: chance of bends into notes.
        glide: chance of gliding from note to note.
        breath: whether long notes swell.
        gain_db: of the amplifier, a range; none plays without one.
    """

    programs: tuple[Program, ...]
    low: int
    high: int
    vibrato: float = 0.3
    scoop: float = 0.15
    glide: float = 0.1
    breath: bool = True
    gain_db: tuple[float, float] | None = None


SOLOISTS = {
    "sax": Soloist(_plain(64, 65, 65, 66, 66), 52, 81, 0.3, 0.3, 0.1),
    "baritone": Soloist(_plain(67, 57, 70), 40, 62, 0.2, 0.2, 0.2),
    "trumpet": Soloist(_plain(56, 56, 59), 58, 82, 0.25, 0.2, 0.05),
    "horn": Soloist(_plain(60, 57), 48, 70, 0.15, 0.1, 0.1),
    "violin": Soloist((*_plain(40, 110), (8, 40)), 57, 88, 0.35, 0.2, 0.35),
    "cello": Soloist(_plain(41, 42), 43, 70, 0.35, 0.2, 0.35),
    "flute": Soloist(_plain(73, 73, 74, 75, 77), 60, 89, 0.25, 0.15, 0.05),
    "whistle": Soloist(_plain(78, 79, 78), 65, 89, 0.35, 0.3, 0.4),
    "reeds": Soloist(_plain(68, 69, 71), 53, 80, 0.2, 0.15, 0.1),
    "harmonica": Soloist(_plain(22, 22, 21, 23), 57, 84, 0.3, 0.4, 0.05),
    "distorted": Soloist(
        _plain(27, 29, 30), 50, 86, 0.5, 0.45, 0.15, False, (26.0, 48.0)
    ),
    "guitar": Soloist(_plain(24, 25, 26, 27), 50, 79, 0.2, 0.25, 0.0, False),
    "lead": Soloist(_plain(80, 81, 82, 84, 86, 87), 52, 84, 0.4, 0.2, 0.5),
    "own lead": Soloist((), 50, 84),
    "voices": Soloist(_plain(52, 53, 53, 54, 85, 91), 50, 79, 0.3, 0.2, 0.25),
    "keys": Soloist(_plain(0, 4, 7, 11, 16), 55, 86, 0.0, 0.0, 0.0, False),
    "sitar": Soloist(_plain(104, 106, 107, 15), 50, 76, 0.4, 0.4, 0.2, False),
}

SOLO_STYLES = {
    "ballad": "sax guitar violin cello voices flute keys reeds distorted harmonica",
    "rock": "distorted distorted distorted lead harmonica keys sax guitar voices",
    "metal": "distorted distorted distorted lead violin voices own-lead",
    "punk": "distorted distorted lead harmonica",
    "pop": "own-lead lead voices guitar sax whistle violin flute distorted keys",
    "folk": "flute whistle violin harmonica guitar cello reeds voices",
    "country": "violin guitar harmonica distorted keys whistle",
    "funk": "sax trumpet own-lead lead distorted keys baritone",
    "soul": "sax trumpet guitar flute voices keys horn violin",
    "jazz": "sax sax trumpet trumpet reeds flute violin guitar keys baritone",
    "reggae": "trumpet sax harmonica voices own-lead guitar horn",
    "latin": "trumpet flute sax violin guitar voices whistle keys",
    "electronic": "own-lead own-lead lead lead voices voices whistle sitar",
    "hip-hop": "own-lead lead voices flute sax trumpet violin whistle keys sitar",
    "ambient": "voices voices flute own-lead cello violin sitar reeds lead",
}
"""Soloists of a style, as often as they are drawn; hyphens stand for spaces."""


def names(text: str) -> list[str]:
    """Splits an entry of the tables of styles."""
    return [name.replace("-", " ") for name in text.split()]
