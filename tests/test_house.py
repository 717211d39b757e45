"""Rules of the house that no linter knows: sizes, names offered, one exit, nothing imported that a help text does not need."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.tools import repository

MAX_LINES = 400


def _modules() -> list[Path]:
    return sorted((repository() / "gate").rglob("*.py"))


def _at(path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(repository())}:{getattr(node, 'lineno', 1)}"


def _name(path: Path) -> str:
    parts = path.relative_to(repository()).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_modules_stay_small() -> None:
    """No module of gate/ is over 400 lines."""
    assert [_at(path) for path in _modules() if len(path.read_text().splitlines()) > MAX_LINES] == []


def test_offered_names_exist_once() -> None:
    """Every name in a module's `__all__` exists, is public and is listed once."""
    wrong = []
    for path in _modules():
        if path.name != "__main__.py":
            module = importlib.import_module(_name(path))
            offered = getattr(module, "__all__", [])
            wrong += [f"{_at(path)} {name}" for name in offered if name.startswith("_") or not hasattr(module, name)]
            wrong += [f"{_at(path)} {name} twice" for name in set(offered) if offered.count(name) > 1]
    assert wrong == []


def test_only_main_ends_the_process() -> None:
    """`sys.exit`, `os._exit` and `raise SystemExit` are in gate/__main__.py only."""
    wrong = []
    for path in _modules():
        if path != repository() / "gate" / "__main__.py":
            for node in ast.walk(ast.parse(path.read_text())):
                called = isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.exit", "os._exit"}
                raised = isinstance(node, ast.Raise) and node.exc is not None and ast.unparse(node.exc).startswith("SystemExit")
                wrong += [_at(path, node)] if called or raised else []
    assert wrong == []


def test_no_exception_is_swallowed_whole() -> None:
    """No `except Exception: pass` and no bare `except:`: bad and could-not-tell stay apart."""
    wrong = []
    for path in _modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                wide = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
                silent = all(isinstance(step, ast.Pass) for step in node.body)
                wrong += [_at(path, node)] if node.type is None or (wide and silent) else []
    assert wrong == []


def test_every_test_says_what_it_expects() -> None:
    """Each test function has a docstring: one sentence that states the behaviour."""
    silent = []
    for path in sorted((repository() / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and not ast.get_docstring(node):
                silent += [f"{path.relative_to(repository())}:{node.lineno} {node.name}"]
    assert not silent, "\n".join(silent)


def test_errors_and_limits_import_nothing_heavy() -> None:
    """What every module imports costs no third-party import."""
    code = "import sys; import gate.errors, gate.limits; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=repository(), capture_output=True, text=True, check=True, timeout=60)
    assert not {"cryptography", "httpx", "yaml", "click", "rfc3161_client", "nacl"} & set(done.stdout.split())


def test_locks_pin_everything_and_name_no_index() -> None:
    """Each locked package has a version and a hash, and no address of an index is written down."""
    for lock in sorted((repository() / "requirements").glob("*.txt")):
        text = lock.read_text()
        assert "--index-url" not in text and "--find-links" not in text and "://" not in text
        packages = re.findall(r"(?m)^[a-z][a-z0-9._-]*==\S+ \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", text)
        assert len(packages) == len(re.findall(r"(?m)^[A-Za-z]", text)) > 5


def test_every_direct_dependency_has_its_reason() -> None:
    """docs/dependencies.md says in one line why each direct dependency and each external tool is there."""
    project = tomllib.loads((repository() / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"]]
    wanted += project["build-system"]["requires"]
    names = {re.split(r"[<>=\[ ]", entry)[0] for entry in wanted}
    names |= set(tomllib.loads((repository() / "tools" / "tools.toml").read_text()))
    documented = set(re.findall(r"(?m)^\| `([^`]+)` \|", (repository() / "docs" / "dependencies.md").read_text()))
    assert names - documented == set()
