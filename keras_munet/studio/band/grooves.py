"""Drum patterns by style: one character a sixteenth.

`X` accent, `x` stroke, `g` ghost note, `.` rest. Where a style has several patterns,
a song draws one for its verses and one for its choruses.
"""

Groove = dict[str, str]

_FOUR = "x...x...x...x..."
_BACK = "....X.......X..."
_EIGHTHS = "X.x.X.x.X.x.X.x."
_OFF = "..X...X...X...X."
_SIXTEENTHS = "XxxxXxxxXxxxXxxx"
_QUARTERS = "x...x...x...x..."

GROOVES: dict[str, tuple[Groove, ...]] = {
    "ballad": (
        {"kick": "X.......x.x.....", "snare": _BACK, "hat": _EIGHTHS},
        {"kick": "X.....x.x.......", "rim": _BACK, "hat": _EIGHTHS},
        {"kick": "X..............x", "snare": "........X.......", "hat": _QUARTERS},
    ),
    "rock": (
        {"kick": "X.......x.x.....", "snare": _BACK, "hat": _EIGHTHS},
        {"kick": "X..x..x...x.....", "snare": _BACK, "hat": _EIGHTHS},
        {"kick": "X.x.....X.x...x.", "snare": _BACK, "open": _QUARTERS},
        {"kick": "X.....x.X.......", "snare": "....X..g.g..X..g", "hat": _EIGHTHS},
        {"kick": "X...x...X...x...", "snare": _BACK, "tom3": _EIGHTHS},
    ),
    "metal": (
        {"kick": "X.xxX.xxX.xxX.xx", "snare": _BACK, "ride": _QUARTERS},
        {"kick": "xxxxxxxxxxxxxxxx", "snare": _BACK, "china": _QUARTERS},
        {"kick": "X..x..x.X..x..x.", "snare": "........X.......", "open": _QUARTERS},
        {"kick": "x.x.x.x.x.x.x.x.", "snare": ".x.x.x.x.x.x.x.x", "ride": _EIGHTHS},
    ),
    "punk": (
        {"kick": "X..x..x.X..x..x.", "snare": _BACK, "hat": _EIGHTHS},
        {"kick": "X...X...X...X...", "snare": "..X...X...X...X.", "open": _EIGHTHS},
        {"kick": "X.x.....X.x.....", "snare": _BACK, "open": _QUARTERS},
    ),
    "pop": (
        {"kick": "X.....x.X.......", "snare": _BACK, "hat": _EIGHTHS},
        {"kick": _FOUR, "snare": _BACK, "clap": _BACK, "hat": _EIGHTHS},
        {"kick": _FOUR, "snare": _BACK, "hat": "..x...x...x...x.", "open": _OFF},
        {"kick": "X..x..x.X..x....", "clap": _BACK, "hat": _SIXTEENTHS},
        {"kick": "X.......x..x....", "snare": _BACK, "tambourine": _EIGHTHS},
    ),
    "folk": (
        {"kick": "x.......x.......", "rim": _BACK, "shaker": _EIGHTHS},
        {"kick": "x...x...x...x...", "tambourine": _BACK},
        {"kick": "x.......x.x.....", "snare": "....x..g....x..g", "hat": _EIGHTHS},
    ),
    "country": (
        {"kick": "X.......X.......", "snare": "..g.X.g...g.X.g.", "hat": _EIGHTHS},
        {"kick": "X...x...X...x...", "snare": "..X...X...X...X.", "hat": _QUARTERS},
        {"kick": "X.......x.x.....", "rim": _BACK, "hat": _EIGHTHS},
    ),
    "funk": (
        {"kick": "X.x....x..x..x..", "snare": "....X..g.g.gX..g", "hat": _SIXTEENTHS},
        {"kick": "X..x......x..x..", "snare": "....X.gg.g..X.g.", "hat": _EIGHTHS},
        {
            "kick": "x.x...x.x..x....",
            "snare": _BACK,
            "hat": "X.xxX.xxX.xxX.x.",
            "open": "..............x.",
        },
    ),
    "soul": (
        {"kick": "X.....xx..x.....", "snare": "....X..g.g..X...", "hat": _EIGHTHS},
        {"kick": "X..x....x.x.....", "rim": _BACK, "hat": _SIXTEENTHS},
        {"kick": "X...x...X...x...", "snare": _BACK, "tambourine": _EIGHTHS},
    ),
    "jazz": (
        {
            "ride": "x...X.t.x...X.t.",
            "pedal": "....x.......x...",
            "kick": "g...g...g...g...",
        },
        {
            "ride": "x...X.t.x...X.t.",
            "pedal": "....x.......x...",
            "snare": "......g.......tg",
        },
        {
            "hat": "x...X.t.x...X.t.",
            "snare": "....g.......g...",
            "kick": "x.......x.......",
        },
    ),
    "reggae": (
        {
            "kick": "........X.......",
            "rim": "........X.......",
            "hat": "x.x.x.x.x.x.x.x.",
        },
        {"kick": _FOUR, "rim": "........X.......", "hat": "x.xxx.xxx.xxx.xx"},
        {
            "kick": "X.......X.......",
            "snare": "........X.....g.",
            "hat": "..x...x...x...x.",
        },
    ),
    "latin": (
        {
            "kick": "x..x..x.x..x..x.",
            "rim": "x..x...x...x.x..",
            "shaker": _SIXTEENTHS,
            "conga_hi": "....x.........xx",
            "conga_lo": "..........xx....",
        },
        {
            "kick": "x.....x.x.....x.",
            "claves": "x..x..x...x.x...",
            "cowbell": _QUARTERS,
            "timbale_hi": "..x..x..x.x..x.x",
            "conga_mute": "x.x.x.x.x.x.x.x.",
        },
        {"kick": "x..xx..xx..xx..x", "rim": "..x..x....x..x..", "shaker": _SIXTEENTHS},
        {"kick": "X...X...X...X...", "snare": "...x..x....x..x.", "hat": _EIGHTHS},
    ),
    "electronic": (
        {
            "kick": "X...X...X...X...",
            "clap": _BACK,
            "open": "..x...x...x...x.",
            "hat": _SIXTEENTHS,
        },
        {"kick": "X...X...X...X...", "snare": _BACK, "hat": "..x...x...x...x."},
        {"kick": "X..x..x...x..x..", "snare": "....X.......X..g", "hat": _EIGHTHS},
        {"kick": "X.........x.....", "snare": "....X..g.g..X..g", "hat": _SIXTEENTHS},
        {"kick": "X...X...X...X...", "rim": "...x..x...x..x..", "shaker": _SIXTEENTHS},
    ),
    "hip-hop": (
        {"kick": "X..x......x..x..", "snare": _BACK, "hat": _EIGHTHS},
        {"kick": "X......x..x.....", "clap": _BACK, "hat": "x.x.x.xxx.x.xxx."},
        {
            "kick": "X.....x...x.....",
            "snare": "........X.......",
            "hat": "x.xxx.x.x.x.xxxx",
        },
        {"kick": "X.x.......x..x..", "rim": "....x..x....x...", "hat": _EIGHTHS},
    ),
    "ambient": (
        {"kick": "x...............", "shaker": "..x...x...x...x."},
        {
            "kick": "x.........x.....",
            "rim": "............x...",
            "hat": "..g...g...g...g.",
        },
    ),
}

PERCUSSION: tuple[Groove, ...] = (
    {"tambourine": _BACK},
    {"tambourine": _SIXTEENTHS},
    {"shaker": _SIXTEENTHS},
    {"shaker": "x.xxx.xxx.xxx.xx"},
    {"cabasa": "..x...x...x...x."},
    {
        "conga_mute": "x.x...x.x.x...x.",
        "conga_hi": "....x.......x...",
        "conga_lo": "..............xx",
    },
    {"bongo_hi": "x.xxx.x.x.xxx.x.", "bongo_lo": ".......x.......x"},
    {"cowbell": _QUARTERS},
    {"triangle": "..x...x...x...x."},
    {"claves": "x..x..x...x.x..."},
    {"agogo": "x..x..x...x.x..."},
    {"clap": _BACK},
    {"block": "x...x.x...x.x..."},
)

KITS = {  # presets of bank 128 that suit a style
    "jazz": (32, 33, 34, 35, 36, 40, 41, 42),
    "folk": (40, 41, 42, 0, 32),
    "ballad": (0, 1, 2, 8, 9, 32),
    "metal": (16, 17, 18, 19),
    "rock": (*range(20),),
    "punk": (*range(20),),
    "electronic": (24, 25),
    "hip-hop": (25, 24, 0, 8),
    "ambient": (25, 40, 48),
}
MACHINES = {"electronic": 0.9, "hip-hop": 0.7, "pop": 0.5, "ambient": 0.6, "latin": 0.3}
"""Chance of a style to be played by a machine rather than a drummer."""

GHOSTS = {"funk": 0.3, "soul": 0.2, "jazz": 0.25, "rock": 0.06, "hip-hop": 0.06}
"""Chance of a ghost note on the snare, per empty sixteenth of a hand-played bar."""

SILENT = {"folk": 0.5, "ambient": 0.55, "ballad": 0.2, "jazz": 0.08, "latin": 0.03}
"""Chance of a song without drums."""
