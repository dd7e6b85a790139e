"""`keras-munet export`: the trained network as an artefact that needs none of us."""

import importlib
import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_munet.artefact.card import NOT_STATED
from keras_munet.cli.options import MODEL, quiet_option
from keras_munet.cli.quiet import import_quietly
from keras_munet.errors import ExportError

if TYPE_CHECKING:
    from keras_munet.export.verify import Report

WEB = "keras_munet.cli.export_web"


class _Group(click.Group):
    """Finds `web` in its own file, loaded when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the commands of this file, and `web` where it is installed."""
        web = ["web"] if importlib.util.find_spec(WEB) else []
        return [*super().list_commands(ctx), *web]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Returns a command of this file, or imports the one of `web`."""
        if name == "web" and importlib.util.find_spec(WEB):
            command: click.Command = importlib.import_module(WEB).command
            return command
        return super().get_command(ctx, name)


@click.group(cls=_Group)
def command() -> None:
    """Export a trained model: waveform in, one waveform per source out.

    MODEL is a run folder of `keras-munet fit`, a .keras file, or, in a checkout of
    the repository, the name of a shipped model.
    """


model_argument = click.argument("model", type=MODEL)
out_argument = click.argument("out", type=click.Path(path_type=Path))


def card_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds what only the person who exports can say."""
    for name, text in (
        ("--licence", "Terms of the weights, for the model card."),
        ("--training-data", "What the model was trained on, for the model card."),
    ):
        option = click.option(name, default=NOT_STATED, metavar="TEXT", help=text)
        function = option(function)
    return function


@command.command("saved-model")
@model_argument
@out_argument
@card_options
@quiet_option
def saved_model(
    model: str, out: Path, training_data: str, licence: str, quiet: bool
) -> None:
    """Write a SavedModel folder, for TensorFlow and TF Serving."""
    import_quietly()
    from keras_munet.export.saved_model import export_saved_model
    from keras_munet.export.trained import load_trained

    trained = load_trained(model)
    folder = export_saved_model(
        trained.network,
        trained.config,
        out,
        training_data=training_data,
        licence=licence,
    )
    n_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    click.echo(f"{folder}: {n_bytes / 1e6:.1f} MB")
    if not quiet:
        _verify(out, trained)


@command.command()
@model_argument
@out_argument
@click.option(
    "--quantize",
    type=click.Choice(["float16", "int8"]),
    help="float16: half the size (phones). int8: convolutions in 8 bits, the rest in "
    "float16. By default float32 (browsers).",
)
@click.option(
    "--frames",
    type=int,
    help="Frames of a window, a multiple of 2**depth (64 for the paper's network); "
    "fewer mean lower latency. By default as in training.",
)
@card_options
@quiet_option
def tflite(
    model: str,
    out: Path,
    quantize: str | None,
    frames: int | None,
    training_data: str,
    licence: str,
    quiet: bool,
) -> None:
    """Write a .tflite file of builtin operators, for phones and browsers."""
    import_quietly()
    from keras_munet.export.tflite import export_tflite
    from keras_munet.export.trained import load_trained

    if out.suffix != ".tflite":
        raise click.BadParameter(f"must end in .tflite: {out}", param_hint="OUT")
    trained = load_trained(model)
    exported = export_tflite(
        trained.network,
        trained.config,
        out,
        quantize=quantize,
        n_frames=frames,
        training_data=training_data,
        licence=licence,
    )
    click.echo(f"{exported.path}: {exported.n_bytes / 1e6:.1f} MB")
    if quiet:
        return
    counts = ", ".join(f"{name} {n}" for name, n in exported.operators.items())
    click.echo(f"Operators (all builtin): {counts}")
    _verify(out, trained)


@command.command()
@model_argument
@out_argument
@click.option(
    "--name", default="separator", show_default=True, help="Name of the servable."
)
@click.option(
    "--version",
    type=click.IntRange(1),
    help="Number of the version; one more than the highest there by default.",
)
@card_options
def serving(
    model: str,
    out: Path,
    name: str,
    version: int | None,
    training_data: str,
    licence: str,
) -> None:
    """Publish a version in a model repository for TF Serving, with all around it."""
    import_quietly()
    from keras_munet.export.serving.repository import export_serving
    from keras_munet.export.trained import load_trained

    trained = load_trained(model)
    folder = export_serving(
        trained.network,
        trained.config,
        out,
        name=name,
        version=version,
        training_data=training_data,
        licence=licence,
    )
    click.echo(f"{folder}: published. Read {out / 'README.md'} to start the server.")


@command.command()
@click.argument("artefact", type=click.Path(path_type=Path))
@click.option(
    "--model",
    required=True,
    type=MODEL,
    help="What the artefact was made from: a run folder or a .keras file.",
)
@click.option(
    "--audio",
    type=click.Path(path_type=Path),
    help="Compare on this file instead of generated music.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def verify(artefact: Path, model: str, audio: Path | None, as_json: bool) -> None:
    """Compare an artefact with its model; exit 1 beyond the tolerance."""
    import_quietly()
    from keras_munet.export.trained import load_trained

    _verify(artefact, load_trained(model), audio, as_json=as_json)


def _verify(
    artefact: Path, trained: Any, audio: Path | None = None, *, as_json: bool = False
) -> None:
    """Prints the comparison; fails when a promise is broken."""
    from keras_munet.audio.reading import read_audio
    from keras_munet.audio.resample import downmix, resample
    from keras_munet.export.verify import verify

    signal = None
    if audio is not None:
        sound, rate = read_audio(audio)
        signal = downmix(resample(sound, rate, trained.config.stft.sample_rate))
    report = verify(artefact, trained, audio=signal)
    click.echo(json.dumps(report.to_dict(), indent=2) if as_json else _table(report))
    if report.failures:
        raise ExportError(
            f"{artefact} is further from the model than promised: "
            f"{'; '.join(report.failures)}."
        )


def _table(report: "Report") -> str:
    lines = [f"{'source':<16}{'max abs error':>14}{'SNR dB':>10}{'SDR change dB':>15}"]
    for parity in report.parities:
        change = parity.sdr_change_db
        lines.append(
            f"{parity.source:<16}{parity.max_abs_error:>14.2e}{parity.snr_db:>10.1f}"
            f"{'-' if change is None else format(change, '+.4f'):>15}"
        )
    lines.append(
        f"Real-time factor {report.real_time_factor:.3f} "
        f"({report.seconds:.3f} s for a window of {report.window_s:.2f} s)"
    )
    return "\n".join(lines)
