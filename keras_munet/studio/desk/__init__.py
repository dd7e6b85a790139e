"""The mixing desk: dry parts become four stems whose sum is a record.

era.py        the sound of a record, drawn once for a song
plugins.py    pedalboard's effects on our arrays
tone.py       equalisers and modulation by role
dynamics.py   gain curves: compression and limiting
stereo.py     pan, width, doubling
space.py      reverberation and echo
strip.py      what a part passes on its way to its stem
levels.py     how loud parts and stems are
master.py     what the whole mixture passes: one gain curve, one filter
coding.py     mp3, aac and ogg
mixer.py      all of it in order
"""

from keras_munet.studio.desk.mixer import mix

__all__ = ["mix"]
