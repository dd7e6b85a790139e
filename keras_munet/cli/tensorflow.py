"""TensorFlow without its greeting: libraries found, drivers missed, oneDNN on."""

import os
import sys
import tempfile


def import_quietly() -> None:
    """Imports TensorFlow; what its libraries print is shown only if that fails.

    They write to the process's standard error before any log level is read.
    """
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            log.seek(0)
            os.write(stderr, log.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
