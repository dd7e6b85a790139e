"""Titles and other tags, as each format can hold them."""

STEM_MARK = "keras-munet stem"
"""The tag `software` of stems, of even length: by it a later run knows them again."""

ROOM = {"wav": 40_000, "flac": 1_000_000, "mp3": 1_000_000, "ogg": 1_000_000}
"""Bytes for all tags of a file. libsndfile refuses headers of wav beyond 100 kB, and
doubles what it reserves."""

FRAMES = {
    "software": "TSSE",
    "title": "TIT2",
    "artist": "TPE1",
    "album": "TALB",
    "date": "TDRC",
    "tracknumber": "TRCK",
    "genre": "TCON",
    "comment": "COMM",
    "copyright": "TCOP",
}
"""Names of tags in ID3v2.4."""

_UTF8 = b"\3"


def fitted(tags: dict[str, str], format: str) -> tuple[dict[str, str], list[str]]:
    """Returns the tags as `format` can hold them, and what was lost, in words.

    Args:
        tags: title, artist, ... of any length.
        format: `wav`, `flac`, `mp3` or `ogg`.
    """
    clean = {name: _printable(text) for name, text in tags.items()}
    left, fitting, lost = ROOM[format], {}, []
    for name in sorted(clean, key=lambda name: len(clean[name].encode())):
        text = _beginning(clean[name], left)
        if text != clean[name]:
            lost.append(
                f"The tag `{name}` has {len(clean[name].encode())} bytes, too many for "
                f"{format}; the first {len(text.encode())} were written."
            )
        fitting[name] = text
        left -= len(text.encode())
    return {name: fitting[name] for name in clean if fitting[name]}, lost


def _printable(text: str) -> str:
    """Joins several values, and replaces bytes that were no text."""
    return text.strip("\0").replace("\0", "; ").encode(errors="replace").decode()


def _beginning(text: str, n_bytes: int) -> str:
    return text.encode()[:n_bytes].decode(errors="ignore")


def id3(tags: dict[str, str]) -> bytes:
    """Returns an ID3v2.4 tag in UTF-8, which goes before the frames of an mp3.

    Empty for no tags. LAME's own would state Latin-1, whatever the text.

    Reference: id3.org, ID3 tag version 2.4.0, sections 3 and 4.
    """
    frames = b"".join(_frame(FRAMES[name], text) for name, text in tags.items())
    if not frames:
        return b""
    return b"ID3\4\0\0" + _synchsafe(len(frames)) + frames


def _frame(name: str, text: str) -> bytes:
    language_and_description = b"XXX\0" if name == "COMM" else b""
    body = _UTF8 + language_and_description + text.encode()
    return name.encode() + _synchsafe(len(body)) + b"\0\0" + body


def _synchsafe(value: int) -> bytes:
    """Four bytes of seven bits."""
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))
