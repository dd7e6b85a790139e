"""`keras-munet`: the table of commands and the one place that sets exit codes."""

import errno
import importlib
import os
import sys
from collections.abc import Sequence

import click

from keras_munet.cli.streams import OutputError, Stopped, safe_streams, stoppable
from keras_munet.errors import OUT_OF_MEMORY, MunetError, is_out_of_memory
from keras_munet.extras import advising

COMMANDS = {
    "prepare": "Cut a data set of stems into a training cache.",
    "synth": "Generate music with its stems, in MUSDB18-HQ layout.",
    "fit": "Train a network on a cache; run again to go on.",
    "separate": "Separate songs into stems.",
    "models": "List the models that come with the package.",
    "evaluate": "Score a model, or anybody's stems, with BSS Eval.",
    "compare": "Compare reports of `evaluate`, track by track.",
    "export": "Export a model: SavedModel, TFLite, serving kit, web page.",
    "remote-separate": "Separate songs on a TF Serving server.",
    "karaoke": "Open the karaoke page in the browser.",
    "import-weights": "Turn the authors' PyTorch checkpoint into a .keras model.",
    "reproduce": "Train and score the rows of the paper's tables.",
    "cost": "Parameters, multiply-adds and iterations of every architecture.",
    "doctor": "Check devices and optional parts of this installation.",
    "demo": "The whole road on generated music and a real excerpt.",
}

EXTRAS = (
    ({"synth", "studio"}, "studio"),
    ({"export", "serving"}, "serving"),
    ({"export"}, "export"),
    ({"evaluate"}, "evaluate"),
    ({"compare"}, "evaluate"),
    ({"import-weights"}, "torch"),
    ({"reproduce"}, "all"),
    ({"demo"}, "all"),
)
"""Words of a command line, and the extra that has all it needs; `train` by default."""


class LazyGroup(click.Group):
    """A group that imports a command's file when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Imports `keras_munet.cli.<name>` and returns its `command`."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"keras_munet.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Writes the table without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start here:  keras-munet demo   Documentation: docs/index.md",
)
@click.version_option(package_name="keras-munet")
def cli() -> None:
    """Separate music into stems with the Multi-channel U-Net (M-U-Net)."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line: exit 0 when all went well, 2 for usage, otherwise 1.

    Ctrl-C exits with 130, the signals TERM and HUP with 143 and 129, a closed output
    pipe quietly with 1.

    Args:
        arguments: the words after `keras-munet`; those of this process by default.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # twice as fast in training
    with safe_streams():
        sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int | str | None:
    """Returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    extra = next((name for key, name in EXTRAS if key <= set(words)), "train")
    try:
        with stoppable(), advising(extra):
            code = cli.main(arguments, prog_name="keras-munet", standalone_mode=False)
            sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped.", err=True)
        return 130
    except Stopped as stop:
        click.echo("Stopped.", err=True)
        return stop.code
    except OutputError as error:
        if error.errno != errno.EPIPE:
            reason = f"stdout cannot be written: {error.strerror}."
            click.echo(f"Error: {reason}", err=True)
        return 1
    except Exception as error:
        said = _reason(error)
        if said is None:
            raise
        click.echo(f"Error: {said}", err=True)
        return 1


def _reason(error: Exception) -> str | None:
    """Says what is wrong and what to do about it; None for a fault of ours."""
    if is_out_of_memory(error):
        return OUT_OF_MEMORY
    if isinstance(error, MunetError):
        return str(error)
    if not isinstance(error, OSError):
        return None
    place = f": {error.filename}" if error.filename else ""
    advice = {
        errno.ENOSPC: "Free some space and run the same command again.",
        errno.EACCES: "Check the permissions, or choose another place.",
        errno.EROFS: "Choose a place that can be written to.",
    }.get(error.errno or 0, "")
    return f"{error.strerror or error}{place}. {advice}".rstrip()


if __name__ == "__main__":
    main()
