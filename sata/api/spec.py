"""`Spec`: an architecture, a workload and a mapping, and a call for every question about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sata.api.arguments import suggesting
from sata.api.documents import arch_data, mapping_document, yaml_text
from sata.api.parts import Given, Parts, Source, read_parts
from sata.api.tables import RecordTable
from sata.report.frozen import FrozenRecord
from sata.report.result import Result
from sata.specs.model import Arch, MappingSpec, Workload
from sata.specs.text.access import granted, granting
from sata.specs.text.faults import Fault, SpecError

if TYPE_CHECKING:
    from sata.api.search import MapResult
    from sata.api.sweeps import SweepTable, Varied
    from sata.evaluation import Prepared

Scalar = int | float | str | bool
Progress = Callable[[int, int], None]


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Spec:
    """What is evaluated, mapped or swept: frozen. Two specs are equal if their parts are, wherever they come from.

    arch: an `Arch`, or the value of `arch:` as a dict.
    workload: a `Workload`, or the value of `workload:` as a dict.
    mapping: a `Mapping`, or the value of `mapping:` as a list; None: the shipped one of the architecture's name.
    library: the value of `library:` as a dict, searched before the libraries that the architecture names.
    Files that objects name, such as libraries and recordings, are looked up from the current folder.
    Raises: SpecError with all faults, each with its place such as `arch.nodes[1].class`; TypeError for a keyword that
    is misspelt, with the nearest.
    """

    variables: Mapping[str, Scalar]
    _given: Given = field(repr=False)
    _kept: dict[str, Parts] = field(repr=False)

    @suggesting
    def __init__(
        self, *, arch: Arch | Mapping[str, object], workload: Workload | Mapping[str, object] | None = None,
        mapping: MappingSpec | Sequence[Mapping[str, object]] | None = None,
        library: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        self._set(Given.of_values(arch, workload, mapping, library), {})
        self._parts  # noqa: B018 - faults are said here

    def _set(self, given: Given, variables: Mapping[str, Scalar]) -> None:
        for name, value in (("variables", FrozenRecord(variables)), ("_given", given), ("_kept", {})):
            object.__setattr__(self, name, value)

    @classmethod
    def of_sources(
        cls, arch: Source, workload: Source | None = None, mapping: Source | None = None,
        variables: Mapping[str, Scalar] | None = None,
    ) -> Spec:  # fmt: skip
        """`load`, but that nothing is read before it is needed: what is wrong is said then."""
        spec = cls.__new__(cls)
        spec._set(Given(arch, workload, mapping), variables or {})
        return spec

    @classmethod
    def load(
        cls, arch: Source, workload: Source | None = None, mapping: Source | None = None, **variables: Scalar
    ) -> Spec:
        """The spec of files, texts or dicts.

        arch, workload, mapping: each a path, YAML text or a dict in the form of a file; one that holds several of them
            serves for all. Without a mapping the shipped one of the architecture's name is taken.
        variables: override those that the files declare: `timesteps=4`.
        Raises: SpecError with all faults.
        """
        spec = cls.of_sources(arch, workload, mapping, variables)
        spec._parts  # noqa: B018 - faults are said here
        return spec

    # --- what it says -------------------------------------------------------------------------------------------

    @property
    def _parts(self) -> Parts:
        if "parts" not in self._kept:
            self._kept["parts"] = read_parts(self._given, self.variables)
        return self._kept["parts"]

    @property
    def arch(self) -> Arch:
        """The architecture."""
        return self._parts.arch

    @property
    def workload(self) -> Workload | None:
        """The workload, its layers as ops; None: there is none."""
        return self._parts.workload

    @property
    def mapping(self) -> MappingSpec | None:
        """The mapping that was given; None: the shipped one of the architecture's name."""
        return self._parts.mapping

    @property
    def library(self) -> Mapping[str, object] | None:
        """The component library that stands beside the architecture, as in its file; None: there is none."""
        found = self._parts.extra().get("library")
        return FrozenRecord(found) if isinstance(found, dict) else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Spec):
            return NotImplemented
        mine, yours = ((s.arch, s.workload, s.mapping, s._parts.extra()) for s in (self, other))
        return mine == yours

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        name = "no workload" if self.workload is None else f"{self.workload.name}, {len(self.workload.ops)} ops,"
        under = "the shipped mapping" if self.mapping is None else f"a mapping of {len(self.mapping.entries)} entries"
        return f"<Spec: {name} on {self.arch.name} under {under}>"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled by what was given: whoever has it reads it again."""
        return _again, (self._given, dict(self.variables))

    def changed(self, new: Mapping[str, object]) -> Given:
        """The sources of `replace`. new: "arch", "workload", "mapping" -> what takes its place."""
        return self._given.changed(self._parts, new)

    def replace(
        self, *, arch: Arch | Source | None = None, workload: Workload | Source | None = None,
        mapping: MappingSpec | Source | None = None, **variables: Scalar,
    ) -> Spec:  # fmt: skip
        """Another spec, some of it changed.

        arch, workload, mapping: an object, or a path, YAML text or dict in the form of a file, as `load` takes it.
        variables: of the files: `timesteps=8`.
        Raises: SpecError with all faults; of a variable that no file declares with the nearest name.
        """
        spec = Spec.__new__(Spec)
        spec._set(
            self.changed({"arch": arch, "workload": workload, "mapping": mapping}), {**self.variables, **variables}
        )
        spec._parts  # noqa: B018 - faults are said here
        return spec

    def to_yaml(self) -> str:
        """All of it as one YAML document, variables filled in. `Spec.load` of the text gives an equal spec.

        Without a mapping of its own it has none there either. Names of files that the parts name stay as they are.
        """
        data = {**self._parts.extra()}
        data["arch"] = self._parts.data("arch") or arch_data(self.arch)
        if self.workload is not None:
            data["workload"] = self._parts.data("workload")
        if self.mapping is not None:
            data["mapping"] = self._parts.data("mapping") or mapping_document(self.mapping)
        return yaml_text(data)

    def ops_yaml(self) -> str:
        """The ops of the workload in op form, as YAML to use again: what `sata ops` prints."""
        from sata.report.ops_text import ops_yaml

        return ops_yaml(self._parts.need_workload())

    def check(self) -> list[Fault]:
        """What is wrong with it as a whole: does it run, do tiles fit, is all priced? Empty: nothing.

        No plug-in is run for it: of classes that plug-ins price the prices are not looked at.
        """
        try:
            with granting(replace(granted(), code=False, skipped=set())):
                self.evaluate()
        except SpecError as error:
            return error.faults
        return []

    # --- what is asked of it ------------------------------------------------------------------------------------

    @suggesting
    def counts(self, *, ops: str | None = None) -> RecordTable:
        """What moves and what is computed, before any price.

        ops: a shell pattern; only ops that match are counted.
        Rows: op, layer, stage, node (memory, array or compute), tensor, kind, event (fills, reads, updates, drains,
        merge_reads; words and hops of an array whose wires have a class; computes), dense (elements or operations),
        and what zeros make of it: actual, gated, skipped, which add up to dense.
        Raises: SpecError with all faults.
        """
        from sata.evaluation.counting import count_rows

        return RecordTable(count_rows(*self.sources, ops=ops, variables=self.variables))

    @suggesting
    def evaluate(self, *, ops: str | None = None, progress: Progress | None = None) -> Result:
        """Energy, cycles and area: what `sata run` says.

        ops: a shell pattern; only ops that match are evaluated.
        progress: called after every nest with the number of those done and of all.
        Raises: SpecError with all faults.
        """
        from sata.evaluation import evaluate_prepared, idle

        return evaluate_prepared(self.prepared(ops), self.variables, progress or idle)

    def prepared(self, ops: str | None = None) -> Prepared:
        """All of a run but its counts: loaded, checked, priced; kept, so that `evaluate` goes on from there.

        Raises: SpecError with all faults.
        """
        from sata.evaluation import prepare

        return prepare(*self.sources, ops=ops, variables=self.variables)

    @suggesting
    def explain(self, *, ops: str | None = None) -> RecordTable:
        """What zeros save, op by op and rule by rule: `sata run --explain-sparsity`.

        ops: a shell pattern; only ops that match are explained.
        Rows: op, layer, stage, rule, node, effect, follower, leaders, tile, empty, models, computes, accesses
        (elements), energy_pj, cycles.
        Raises: SpecError with all faults.
        """
        from sata.evaluation import explain_sparsity

        return RecordTable(explain_sparsity(*self.sources, ops=ops, **self.variables))

    @suggesting
    def map(
        self, *, objective: str = "energy", ops: str | None = None, budget: float | None = None,
        strategy: str = "exact", constraints: Source | None = None, imperfect: bool = False, fuse: int = 2,
        workers: int = 1, cache: bool = True, verify: bool = False, scheduler: str | None = None,
    ) -> MapResult:  # fmt: skip
        """The best mapping of every op, and how sure that is: `sata map`.

        objective: "energy" (with leakage), "cycles", "edp" (their product), or "pareto" (all points that no other beats
            in energy and cycles).
        ops: a shell pattern; only ops that match are mapped.
        budget: seconds, after which the best so far is given with its gap; None: until all is proven.
        strategy: "exact"; "evolution" and "random" prove nothing; or that of a package.
        constraints: a path, YAML text or dict in the form of docs/search.md; narrows the space.
        imperfect: also factors that do not divide.
        fuse: how many neighbours that could share a nest are searched together at most; 1 (or False): none.
        workers: processes of this machine; more than one needs `if __name__ == "__main__":` in a script.
        cache: whether answers of earlier searches are taken, and new ones kept. verify: prove those again.
        scheduler: address of a Dask scheduler, whose workers search instead.
        Raises: SpecError with all faults, or for each op that no mapping fits, and why.
        """
        from sata.api.search import SearchOptions, planned

        asked = SearchOptions(objective, ops, budget, constraints, imperfect, fuse, workers, cache, verify, scheduler,
                              strategy)  # fmt: skip
        return planned(self, asked).run()

    @suggesting
    def space(
        self, *, ops: str | None = None, constraints: Source | None = None,
    ) -> RecordTable:  # fmt: skip
        """How large the space of mappings is, and what each constraint removes: `sata map --space`.

        ops: a shell pattern. constraints: a path, YAML text or dict. Rows: op, keeps, nests, removed.
        Raises: SpecError with all faults.
        """
        from sata.api.search import SearchOptions, space_of

        return space_of(self, SearchOptions(ops=ops, constraints=constraints))

    @suggesting
    def sweep(
        self, vary: Mapping[str, Sequence[Varied]], *, objective: str | None = None, budget: float | None = None,
        constraints: str | None = None, ops: str | None = None, by: str | Sequence[str] = (),
        pareto: Sequence[str] = ("energy_pj", "cycles"), workers: int = 1, cache: bool = True,
    ) -> SweepTable:  # fmt: skip
        """A row for every point of a grid: `sata sweep`.

        vary: what is varied -> its values: variables of the files, "ops" (patterns), or "arch", "workload" and
            "mapping" (objects, paths or texts). All combinations are points.
        objective: map every point for it; None: evaluate under the mapping. budget: seconds for each; constraints: a
            file; both for mapping only.
        ops: a shell pattern for all points.
        by: fields whose values get columns of energy (and of cycles): "stage", "layer", "op", "component", "kind".
        pareto: columns that a point of the Pareto set is not beaten in.
        workers: processes of this machine; more than one needs `if __name__ == "__main__":` in a script.
        cache: whether answers of earlier searches are taken, and new ones kept.
        Raises: SpecError for what is wrong with the sweep itself. A point that does not fit is a row with the reason.
        """
        from sata.api.sweeps import swept_grid

        return swept_grid(self, vary, objective, budget, constraints, ops, by, pareto, workers, cache)

    def prices(self) -> RecordTable:
        """The price of everything, with its origin: `sata price`.

        Rows: node, component (class), attributes, quantity, value (None: not priced), unit (pJ, um2 or mW), cycles,
        instances, library, origin.
        Raises: SpecError with all faults.
        """
        from sata.api.prices import price_rows

        return RecordTable(price_rows(self))

    def export(self, tool: str = "accelergy") -> Mapping[str, str]:
        """The prices in the files of another tool, name -> text: `sata export`.

        tool: "accelergy" (version 0.4: "ert" and "art"), or an exporter of an installed package.
        Raises: SpecError with all faults, and for a tool that is not known, with the nearest.
        """
        from sata.api.prices import exported

        return FrozenRecord(exported(self, tool))

    @property
    def sources(self) -> tuple[Source, Source | None, Source | None]:
        """Architecture, workload and mapping as sources: what `sata.evaluate` takes."""
        return self._given.arch, self._given.workload, self._given.mapping


def _again(given: Given, variables: Mapping[str, Scalar]) -> Spec:
    return Spec.of_sources(*given.sources, variables=variables)
