"""`sata models` and `sata density`: how zeros are distributed, in theory and in a recorded tensor."""

from __future__ import annotations

import click

from sata.cli.options import json_option


@click.command(short_help="Density models: parameters, formulas, what they are for.")
@json_option
def models(json_file: str | None) -> None:
    """List the density models that a workload may state: what each is for, its formula for the chance that a tile is
    empty, and its parameters.

    \b
    Examples:
      sata models
      sata models --json models.json
    """
    from sata.cli.output import show_blocks, write
    from sata.counts.density import MODELS
    from sata.report.density_text import models_blocks, models_data
    from sata.report.files import check_targets, json_text

    check_targets({"--json": json_file} if json_file is not None else {})
    if not write({json_file: lambda: json_text({"models": models_data(MODELS.values())})}):
        show_blocks(models_blocks(MODELS.values()))


def _time(_ctx: click.Context, _param: click.Parameter, given: str) -> int | None:
    if given == "none":
        return None
    if not given.isdecimal() or len(given) > 3:
        raise click.BadParameter(f"'{given}' is not a number of a dimension, from 0, nor 'none'")
    return int(given)


@click.command(short_help="Measure recorded tensors: parameters of every density model, and their errors.")
@click.argument("file")
@click.option("--array", "arrays", metavar="NAME", multiple=True, help="Only this array of FILE; may be repeated.")
@click.option("--time", metavar="DIMENSION", default="0", show_default=True, callback=_time,
              help="The dimension of time: its number, or 'none'.")  # fmt: skip
@click.option("--model", metavar="MODEL", help="Print the YAML of this model alone, long tables too.")
@click.option("--kind", default="spike", show_default=True, help="The kind that the printed YAML speaks of.")
@json_option
def density(
    file: str, arrays: tuple[str, ...], time: int | None, model: str | None, kind: str, json_file: str | None
) -> None:  # fmt: skip
    """Measure the tensors of FILE, an .npz of 0/1 arrays, plain or bit-packed: the parameters of every density model,
    its error at several shapes of tiles, and YAML to paste into a workload.

    \b
    Examples:
      sata density spikes.npz --array conv2
      sata density spikes.npz --array conv2 --model blocks
      sata density spikes.npz --json measured.json
    """
    from sata.api.tools import measured_arrays
    from sata.cli.output import show_blocks, width, write
    from sata.report.density_text import density_legend, measured_blocks, measured_data, measured_yaml
    from sata.report.files import check_targets, json_text
    from sata.report.text import wrapped
    from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean

    check_targets({"--json": json_file} if json_file is not None else {}, [file])
    found = measured_arrays(file, arrays, time)
    data = {"file": file, "arrays": [measured_data(name, one) for name, one in found]}
    if write({json_file: lambda: json_text(data)}):
        return
    if model is None:
        show_blocks([*(block for name, one in found for block in measured_blocks(name, one, kind)),
                     density_legend(one for _, one in found)])  # fmt: skip
        return
    for name, one in found:
        if model not in one.parameters:
            hint = did_you_mean(model, one.parameters) or f"models that can: {', '.join(one.parameters)}"
            raise SpecError([Fault(Where(file), f"the model '{model}' cannot be measured in array '{name}'", hint)])
        click.echo("\n".join(wrapped([measured_yaml(one, model, kind)], width())))
