"""`sata check` and `sata schema`: what a file may say, and whether one says it right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from sata.cli.options import data_option, set_option
from sata.specs.registry import NotRunError
from sata.specs.text.access import FileAccess, granted, granting
from sata.specs.text.faults import Fault, SpecError, Where, did_you_mean


@click.command(short_help="Find the faults of files without evaluating them.")
@click.argument("files", nargs=-1, required=True)
@data_option
@set_option
def check(files: tuple[str, ...], variables: dict[str, Any]) -> None:
    """Find the faults of FILES without evaluating anything: of each on its own, and, where they hold one architecture,
    one workload and one mapping, whether these fit together, tiles and prices included.

    Without a mapping, architecture and workload are checked under the one that sata ships for the architecture.

    \b
    Example:
      sata check arch/sata.yaml workloads/vgg5_cifar10.yaml mappings/sata.yaml
    """
    from sata.report.text import plural

    with granting(replace(granted(), code=False, skipped=set(), unloaded=set())) as access:
        held = {key: [name for name in files if _holds(key, name)] for key in ("counts", "sweep", "constraints")}
        others = [name for name in files if all(name not in names for names in held.values())]
        faults = _faults_of(others, held, variables)
        if faults:
            raise SpecError(faults)
        together = _fit_together(others, variables, access)
    unloaded = ", ".join(sorted(access.unloaded)[:6])
    without = f"; not checked: {unloaded}, for check runs no plug-in" if unloaded else ""
    click.echo(f"{plural(len(files), 'file')}, no faults{together}{without}")


def _faults_of(others: Sequence[str], held: Mapping[str, Sequence[str]], variables: dict[str, Any]) -> list[Fault]:
    from sata.evaluation import check as faults_of

    faults = faults_of(*others, variables=variables) if others else []
    for name in held["counts"]:
        faults += _faults_of_counts(name, variables)
    for name in held["sweep"]:
        faults += _faults_of_sweep(name, variables)
    for name in held["constraints"] if not faults else ():
        faults += _faults_of_constraints(name, others, variables)
    return faults


def _fit_together(files: list[str], variables: dict[str, Any], access: FileAccess) -> str:
    """What can be said of files that are valid one by one: that the one architecture, workload and mapping among them
    run; nothing where there is not one of each, or where that depends on what is not loaded. Without
    a mapping, the one that ships for the architecture is taken.

    Raises: SpecError with what `sata run` would say of them, tiles that do not fit and missing prices included.
    """
    from sata.specs.text.find import find, mapping_name
    from sata.specs.text.source import read

    holding: dict[str, list[str]] = {"arch": [], "workload": [], "mapping": []}
    name = ""
    for file in files:
        data = read(file, variables=variables, raw=lambda path: True).data
        name = str(data["arch"].get("name", "")) if "arch" in data else name
        for key, names in holding.items():
            names += [file] if key in data else []
    said = "they fit together"
    if not holding["mapping"]:
        try:
            if not mapping_name(name):
                return ""
            find(mapping_name(name), "mappings")
        except SpecError:
            return ""
        said = f"they fit together under mappings/{name}.yaml"
    numbers = {key: len(names) for key, names in holding.items()}
    if numbers["arch"] != 1 or numbers["workload"] != 1 or numbers["mapping"] > 1:
        return ""
    from sata.evaluation import evaluate

    try:
        evaluate(*(names[0] if names else None for names in holding.values()), **variables)
    except NotRunError:
        return ""
    if access.unloaded:
        return ""
    unknown = ", ".join(sorted(access.skipped)[:6])
    without = f", but for the prices of {unknown}: check runs no plug-in" if unknown else ""
    return f"; {said if len(files) > 1 else 'it runs'}{without}"


def _holds(key: str, name: str) -> bool:
    from sata.specs.text.source import read

    try:
        return key in read(name, raw=lambda path: True).data
    except SpecError:
        return False  # whatever is wrong with it is found again


def _faults_of_counts(name: str, variables: dict[str, Any]) -> list[Fault]:
    from sata.costs.given import price_given

    try:
        price_given(name, variables)
    except SpecError as error:
        return error.faults
    return []


def _faults_of_sweep(name: str, variables: dict[str, Any]) -> list[Fault]:
    from sata.sweep.spec import read_sweep

    try:
        read_sweep(name, variables)
    except SpecError as error:
        return error.faults
    return []


def _faults_of_constraints(name: str, others: Sequence[str], variables: dict[str, Any]) -> list[Fault]:
    """Constraints name nodes, kinds and ranks: they are checked against architecture and workload beside them."""
    from sata.search.space.constraints import read_constraints
    from sata.specs import load

    holding = [next((file for file in others if _holds(key, file)), None) for key in ("arch", "workload")]
    if None in holding:
        said = "constraints speak of an architecture and a workload, and can be checked beside these alone"
        return [Fault(Where(name), said, f"sata check ARCH WORKLOAD {name}")]
    try:
        loaded = load(*holding, variables=variables)
        assert loaded.arch is not None and loaded.workload is not None
        read_constraints(name, loaded.arch, loaded.workload)
    except SpecError as error:
        return error.faults
    return []


@click.command(short_help="Print the JSON Schema of a format.")
@click.argument("name")
def schema(name: str) -> None:
    """Print the JSON Schema of a format: arch, workload, mapping, library, counts or sweep.

    \b
    Example:
      sata schema workload > workload.schema.json
    """
    from sata.api.tools import schema as schema_text
    from sata.api.tools import schema_names

    known = schema_names()
    if name not in known:
        hint = did_you_mean(name, known)
        message = f"no schema '{name}', expected one of: {', '.join(known)}"
        raise click.UsageError(f"{message}; {hint}" if hint else message)
    click.echo(schema_text(name))
