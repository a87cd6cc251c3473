"""What needs no spec: comparing results, pictures, what ships, recorded tensors, tables of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING

from sata.api.arguments import one_of, suggesting
from sata.api.tables import RecordTable
from sata.report.compare import Comparison
from sata.report.compare import compare as compared
from sata.report.read import read_result
from sata.report.result import Result
from sata.specs.text.faults import Fault, Faults, SpecError, Where, did_you_mean

if TYPE_CHECKING:
    from sata.costs.given import GivenResult
    from sata.counts.density.measured import Measured
    from sata.specs.library.components import Library


@suggesting
def compare(before: Result | str, after: Result | str, *, each: Sequence[str] = ()) -> Comparison:
    """What changed between two results, and because of what: `sata compare`.

    before, after: results, or the names of JSON files that `sata run --json` wrote.
    each: what is looked at by its values beside the totals: "stage", "layer", "op", "component", "kind".
    Raises: SpecError for a file that holds no result.
    """
    first, second = (read_result(given) if isinstance(given, str) else given for given in (before, after))
    return compared(first, second, (each,) if isinstance(each, str) else tuple(each))


@suggesting
def plot(kind: str, *files: str, ops: str | None = None, column: str | None = None, form: str = "svg") -> bytes:
    """A picture of results: `sata plot`.

    kind: "energy", "layers", "roofline", "nest", "arch", "kept", "density", "pareto", "sparsity" or "compare".
    files: what `sata run --json`, `sata map --json` or `sata sweep` wrote; several for "compare" only.
    ops: of "nest" and "pareto", a shell pattern of the ops that are drawn. column: of "sparsity", that of densities.
    form: "svg", "png" or "pdf". Gives the file's content.
    Raises: SpecError for a kind that is not known and for files that do not hold what is drawn.
    """
    from sata.report.pictures.kinds import picture
    from sata.report.pictures.style import render

    return render(picture(kind, files, ops, column), form)


def schema_names() -> list[str]:
    """Formats that have a JSON Schema."""
    folder = package_files("sata") / "schemas"
    return sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".json"))


def schema(name: str) -> str:
    """The JSON Schema of a format, as text: arch, workload, mapping, library, counts or sweep: `sata schema`.

    Raises: SpecError for another name, with the nearest.
    """
    known = schema_names()
    if name not in known:
        message = f"no schema '{name}', expected one of: {', '.join(known)}"
        raise SpecError([Fault(Where(), message, did_you_mean(name, known))])
    return (package_files("sata") / "schemas" / f"{name}.json").read_text(encoding="utf-8").rstrip()


def models() -> RecordTable:
    """The density models that a workload may state: `sata models`. Rows: model, for, p_empty, parameters."""
    from sata.counts.density import MODELS
    from sata.report.density_text import models_data

    return RecordTable(models_data(MODELS.values()))


def formats() -> RecordTable:
    """The tensor formats that `format:` of a memory takes: `sata formats`."""
    from sata.report.formats_text import format_data

    return RecordTable(format_data())


def libraries_of(library: str | None = None) -> list[Library]:
    """A library by its name or file; None: all that ship. Raises: SpecError with its faults."""
    from sata.costs.nodes import load_libraries
    from sata.specs.text.find import shipped

    names = [library] if library is not None else sorted(path.stem for path in shipped("components").glob("*.yaml"))
    faults = Faults()
    found = load_libraries([(name, Where()) for name in names], [], faults)
    faults.check()
    return found


def components(library: str | None = None) -> RecordTable:
    """The classes of component libraries: `sata components`.

    library: a name or a file; None: all that ship. Rows: library, and what the class takes and does.
    Raises: SpecError with the faults of the library.
    """
    from sata.report.components_text import class_data

    return RecordTable({"library": one.name, **class_data(c)} for one in libraries_of(library)
                       for c in one.components.values())  # fmt: skip


def shipped_files(*names: str) -> RecordTable:
    """What ships: architectures, workloads, mappings, libraries, sweeps, templates: `sata list`.

    names: folders such as "arch", or files such as "arch/sata.yaml"; none: everything.
    Raises: SpecError for a name that does not ship, with the nearest.
    """
    from sata.report.shipped_text import list_data
    from sata.specs.shipped import LIST_FOLDERS, find_shipped, users
    from sata.specs.shipped import list_shipped_files as files_of

    files = [file for name in names or LIST_FOLDERS
             for file in (files_of([name]) if name in LIST_FOLDERS else [find_shipped(name)])]  # fmt: skip
    return RecordTable(list_data(files, users()))


def layer_templates(*names: str) -> RecordTable:
    """What templates make of layers: options, ops, and the actions they ask for: `sata templates`.

    names: shipped ones, or files; none: all that ship.
    Raises: SpecError with their faults.
    """
    from sata.report.shipped_text import template_data
    from sata.specs.workload.template_actions import template_requests
    from sata.specs.workload.template_file import shipped_templates

    return RecordTable(template_data(name, *template_requests(name)) for name in names or shipped_templates())


def measured_arrays(file: str, arrays: Sequence[str], time: int | None) -> list[tuple[str, Measured]]:
    """(name, what is measured) of arrays of a file. Raises: SpecError."""
    from sata.counts.density.interface import BadParameter
    from sata.counts.density.measured import measure_tensor as measured_of
    from sata.counts.density.trace_file import array_names, measured

    found = []
    try:
        for name in arrays or array_names(Path(file)):
            values = measured(Path(file), name).values
            if not values.size or (time is not None and time >= values.ndim):
                message = f"array '{name}' has no dimension {time}" if values.size else f"array '{name}' is empty"
                raise BadParameter("", message, "" if not values.size else "say --time none")
            found.append((name, measured_of(values, time)))
    except BadParameter as error:
        raise SpecError([Fault(Where(file), error.message, error.hint)]) from None
    if not found:
        raise SpecError([Fault(Where(file), "holds no arrays")])
    return found


@suggesting
def measure(file: str, *arrays: str, time: int | None = 0) -> RecordTable:
    """Parameters of every density model for recorded tensors, and their errors: `sata density`.

    file: an .npz of 0/1 arrays, plain or bit-packed. arrays: names; none: all. time: the dimension of time; None: none.
    Rows: array, shape, density, silent, models (model -> what a workload states), tiles.
    Raises: SpecError for a file that cannot be measured.
    """
    from sata.report.density_text import measured_data

    return RecordTable(measured_data(name, one) for name, one in measured_arrays(file, arrays, time))


def price_counts(source: str | dict[str, object], /, **variables: int | float | str | bool) -> GivenResult:
    """Prices given action counts: `sata price --counts`.

    source: a path, YAML text or dict. variables: override those that the file declares.
    Raises: SpecError with all faults.
    """
    from sata.costs.given import price_given as priced

    return priced(source, variables)


def import_table(tool: str, *files: str, **options: str) -> str:
    """Prices from the output of another tool, as the text of a table or library: `sata import`.

    tool: "cacti", or an importer of an installed package. files: what the tool wrote. options: of the importer, as
    texts: `width="64 b"`.
    Raises: SpecError with all faults of the files, and for a tool or an option that is not known, with the nearest.
    """
    from sata.interchange.importers import IMPORTERS, ImportOptionError

    importer = IMPORTERS[one_of("tool", tool, tuple(IMPORTERS))]
    for name in options:
        one_of("option", name, tuple(importer.options))
    try:
        return importer.read(files, options)
    except ImportOptionError as error:
        raise SpecError([Fault(Where(path=error.option), str(error))]) from None
