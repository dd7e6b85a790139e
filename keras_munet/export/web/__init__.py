"""The karaoke page: a static folder with the model, and a server for it.

The page itself is TypeScript (`web/` of the repository). `make web` builds it into
`static/` here, from where wheels carry it, so that its users need no Node.js.
"""

from keras_munet.export.web.page import export_web
from keras_munet.export.web.server import PageServer

__all__ = ["PageServer", "export_web"]
