"""The studio engine: sampled instruments, singers made from speech, a mixing desk.

score.py   a song on paper: style, tempo, key, chords, form
singers/   the vocal stem
band/      the stems drums, bass and other
desk/      effects, levels, and the mixture as their exact sum
needs.py   the programs, sounds and libraries that must be installed
"""
