"""The layers of the package and the rooms inside them: imports go down only, in no circles, and nothing but the command
line prints."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "sata"
# A module may import from its own layer and from those before it.
LAYERS = (
    "version", "plugins", "specs", "parallel", "interchange", "graph", "nest", "counts", "costs", "report", "evaluation", "search", "sweep", "api", "cli",
    "__main__",
)  # fmt: skip
# What lies in these layers, in the same order: rooms, and modules beside them.
ROOMS = {
    "specs": (
        "text", "registry", "encodings", "rules", "formats", "nodes", "tree", "nest_nodes", "notebook", "model", "workload", "mapping", "library", "arch",
        "__init__", "shipped",
    ),
    "counts": ("density", "dense", "sparse", "wires", "storage", "lockstep", "op", "__init__"),
    "search": ("space", "model", "partial", "cost_to_go", "engine", "answers", "run", "__init__"),
}  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))
# Packages that take long to import: only inside the functions that need them.
SLOW = ("jinja2", "jsonschema", "matplotlib", "networkx", "pandas", "referencing", "rich")


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def layer_of(module: str) -> str:
    """`sata.counts.dense.closed_form` is of the layer `counts`, `sata` itself of the top one."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, types: bool = True) -> Iterator[tuple[str, int, bool]]:
    """(module, line, at the top of the file?) of every import, also inside functions; `types`: and for type checkers."""
    top = set(ast.iter_child_nodes(tree))
    guards = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test).endswith("TYPE_CHECKING")]
    unloaded = set() if types else {inner for guard in guards for part in guard.body for inner in ast.walk(part)}
    for node in ast.walk(tree):
        if node in unloaded:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, node in top
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (
                    inner if node.module == "sata" or inner in MODULES else node.module or "",
                    node.lineno,
                    node in top,
                )


MODULES = {module_of(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_imports_go_down(path: Path) -> None:
    own = layer_of(module_of(path))
    wrong = []
    for module, line, _ in imports(ast.parse(path.read_text(encoding="utf-8"))):
        if module.split(".")[0] != "sata" or own == "__init__":
            continue
        other = layer_of(module)
        assert other in LAYERS, f"{path}:{line}: {module} is in no layer"
        if LAYERS.index(other) > LAYERS.index(own):
            wrong.append(f"{path.relative_to(PACKAGE)}:{line}: {own} imports {module}")
    assert wrong == []


def room_of(module: str) -> str:
    """`sata.counts.dense.closed_form` lies in the room `dense`, `sata.specs` itself in `__init__`."""
    return [*module.split("."), "__init__"][2]


@pytest.mark.parametrize("path", [p for p in FILES if layer_of(module_of(p)) in ROOMS], ids=relative)
def test_imports_inside_a_layer_go_down(path: Path) -> None:
    own = module_of(path)
    order = ROOMS[layer_of(own)]
    assert room_of(own) in order, f"{own} is in no room"
    wrong = [
        f"{path.relative_to(PACKAGE)}:{line}: {room_of(own)} imports {module}"
        for module, line, _ in imports(ast.parse(path.read_text(encoding="utf-8")), types=False)
        if layer_of(module) == layer_of(own) and module.startswith("sata.")
        and order.index(room_of(module)) > order.index(room_of(own))
    ]  # fmt: skip
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    """Also where a function does it; what is imported for type checkers alone loads nothing."""
    graph = {
        module_of(path): {
            module for module, _, _ in imports(ast.parse(path.read_text(encoding="utf-8")), types=False)
        } - {module_of(path)}
        for path in FILES
        if path != PACKAGE / "__init__.py"
    }  # fmt: skip
    assert circles(graph) == []


def circles(graph: Mapping[str, Set[str]]) -> list[list[str]]:
    """What is left when modules that import nothing of the rest, and those that nothing of it imports, are taken away
    again and again."""
    left = {module: others & graph.keys() for module, others in graph.items()}
    while True:
        imported = set().union(*left.values())
        kept = {module: others for module, others in left.items() if others and module in imported}
        kept = {module: others & kept.keys() for module, others in kept.items()}
        if kept == left:
            return [[module, *sorted(others)] for module, others in sorted(left.items())]
        left = kept


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [["b", "c"], ["c", "b"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("path", FILES, ids=relative)
def test_slow_packages_are_imported_where_they_are_used(path: Path) -> None:
    found = [m for m, _, top in imports(ast.parse(path.read_text(encoding="utf-8"))) if top and m.split(".")[0] in SLOW]
    assert found == []


@pytest.mark.parametrize(
    "path",
    [
        p for p in FILES if "cli" not in p.relative_to(PACKAGE).parts and p != PACKAGE / "__init__.py"
    ],  # it warns of old names
    ids=relative,
)
def test_only_the_command_line_prints(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prints = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "print"]
    streams = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in ("stdout", "stderr")]
    clicks = [
        line for module, line, _ in imports(tree) if module.split(".")[0] in ("click", "rich", "logging", "warnings")
    ]
    assert prints + streams + clicks == []


def test_every_folder_is_a_layer() -> None:
    names = {
        p.name if p.is_dir() else p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert names - {"__init__"} <= set(LAYERS)


def test_import_sata_loads_next_to_nothing() -> None:
    code = "import sys; before = set(sys.modules); import sata; print(*sorted(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert [m for m in loaded if m.split(".")[0] in (*SLOW, "numpy", "yaml", "click")] == []
    assert [m for m in loaded if m.startswith("sata.")] == ["sata.version"]


def test_no_module_shadows_a_public_name() -> None:
    """A module of that name would make `sata.evaluate` the module, and `sata.evaluate(...)` an error."""
    import sata

    assert [name for name in sata.__all__ if (PACKAGE / f"{name}.py").exists() or (PACKAGE / name).is_dir()] == []
