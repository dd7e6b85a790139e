"""The vocal stem: singing made from speech.

sounds.py     the singers, and what must be installed for them
lyrics.py     words
speech.py     programs that speak
analysis.py   speech taken apart by WORLD
melody.py     notes over the score
timing.py     vowels held, consonants as spoken
pitch.py      glides, vibrato, drift
source.py     pulses and noise
vocoder.py    filters that change with time
character.py  what tells voices apart
tract.py      envelopes made those of a singer
perform.py    one voice sings one phrase
plan.py       who sings what
takes.py      recordings and what goes into them
backing.py    choirs, gangs, calls
layers.py     lead, doubles, harmonies
"""

from keras_munet.studio.singers.layers import render

__all__ = ["render"]
