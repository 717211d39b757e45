"""The engine: one policy, materialised once, asked through OPA children that have no network and no clock (invariant 3)."""

from __future__ import annotations

import dataclasses
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from gate.errors import EngineError, PolicyError
from gate.limits import Limits
from gate.policy import capabilities, inventory, known
from gate.policy.bundle import Policy
from gate.policy.child import Finished, timed_out
from gate.policy.inventory import Inventory
from gate.policy.opa import OpaBinary
from gate.policy.results import Evaluation, read_results

_T = TypeVar("_T")

_GRACE_SECONDS = 5.0
"""How long after OPA's own time-out the child is killed."""
_RUNTIME_CODES = frozenset({"eval_builtin_error", "eval_conflict_error", "eval_type_error", "eval_with_merge_error"})
"""Errors that one package's rules cause on one input; the other packages can still be asked."""
_NO_MEMORY = ("out of memory", "cannot allocate", "failed to reserve")
"""What the Go runtime says, depending on how far it came."""
_COMMENT = re.compile(r"(?m)^[ \t]*#.*$")
_MESSAGE = re.compile(r"^error: (?:bundle \S+: )?")


@dataclasses.dataclass(frozen=True, slots=True)
class _Failure:
    code: str
    message: str
    """With the place in the pack, where OPA names one."""


class _Beside(Generic[_T]):
    """One call in a thread of its own; `concurrent.futures` would cost the import of logging."""

    def __init__(self, call: Callable[[], _T]) -> None:
        self._values: list[_T] = []
        self._problems: list[BaseException] = []
        self._call = call
        self._thread = threading.Thread(target=self._run, name="policy-inventory")
        self._thread.start()

    def _run(self) -> None:
        try:
            self._values.append(self._call())
        except BaseException as problem:  # carried over to whoever asks, whatever it is
            self._problems.append(problem)

    def join(self) -> None:
        self._thread.join()

    def result(self) -> _T:
        """What the call returned or raised."""
        self.join()
        for problem in self._problems:
            raise problem
        return self._values[0]


class Engine:
    """Use as a context manager; the packs lie in a private directory until it is left."""

    def __init__(self, binary: OpaBinary, policy: Policy, limits: Limits) -> None:
        self.binary = binary
        self.policy = policy
        self._limits = limits
        self._folder = tempfile.TemporaryDirectory(prefix="gate-policy-")  # created with mode 0700
        self._home = Path(self._folder.name)
        self._tree = self._home / "pack"
        self._tree.mkdir()
        # Rego files lie side by side, since OPA goes by their packages; making and removing a folder for each is slow.
        self._originals = {
            f"{number:05}.rego" if path.endswith(".rego") else path: path for number, path in enumerate(policy.owner)
        }
        for name, path in self._originals.items():
            target = self._tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(policy.owner[path].files[path])
        self._inventory = _Beside(self._read)
        self._version = _Beside(lambda: binary.version)  # whoever asks the binary later finds the answer there

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self._inventory.join()
        self._version.join()
        self._folder.cleanup()

    @property
    def inventory(self) -> Inventory:
        """What rules there are. Read in the background from the start; this waits for it. Raises PolicyError, EngineError, and
        EngineMissing when what did not answer is no OPA."""
        try:
            found = self._inventory.result()
        except EngineError:
            self._version.result()
            raise
        self._version.result()  # kept answers need no OPA; what decides on them does
        return found

    def _read(self) -> Inventory:
        kept = known.answers(self.rego)
        if kept is not None:
            return inventory.build(self.policy, kept.packages, kept.annotations, kept.heads)
        return inventory.build(self.policy, *self.ask_inventory())

    def ask_inventory(self) -> tuple[dict[str, str], list[dict[str, Any]], Mapping[str, Any]]:
        """What `inventory.build` is made from, by OPA: packages and annotations, and rule heads."""
        heads = _Beside(self._heads)
        try:
            packages, annotations = self._inspect()
        finally:
            heads.join()
        return packages, annotations, heads.result()

    def _inspect(self) -> tuple[dict[str, str], list[dict[str, Any]]]:
        """Package by Rego file, and the annotations."""
        done = self._run(["inspect", "-a", "-f", "json", str(self._tree)])
        if done.code != 0 and not done.stderr.startswith("error: "):
            raise self._crash(done)
        if done.code != 0:
            text = self._place(_MESSAGE.sub("", done.stderr.strip()))
            raise PolicyError(f"the policy cannot be read: {text}", fix="correct the Rego")
        answer = _json(done.stdout)
        prefix = f"{self._tree}/"
        packages = {
            self._original(path.removeprefix(prefix)): package.removeprefix("data.")
            for package, paths in (answer.get("namespaces") or {}).items()
            for path in paths
            if path.endswith(".rego")
        }
        if packages.keys() != self.rego.keys():
            raise EngineError("OPA did not list the package of every file", fix="run `gate doctor`")
        annotations: list[dict[str, Any]] = answer.get("annotations") or []
        for entry in annotations:
            entry["location"]["file"] = self._original(entry["location"]["file"].removeprefix(prefix))
        return packages, annotations

    def _heads(self) -> Mapping[str, Any]:
        # Comments go, because OPA would list each of them; inside a raw string that changes no rule head.
        texts = {path: _COMMENT.sub("", text) for path, text in self.rego.items() if path.startswith("rules/")}
        query = ["eval", "-f", "json", "--strict-builtin-errors", "--stdin-input", inventory.HEADS_QUERY]
        value = self._value(self._run(query, msgspec.json.encode(texts)))
        if isinstance(value, _Failure):
            raise PolicyError(f"the policy cannot be read: {value.message}", fix="correct the Rego")
        if not isinstance(value, dict) or value.keys() != texts.keys():
            raise EngineError("OPA did not list the rules of every file", fix="run `gate doctor`")
        return value

    @cached_property
    def rego(self) -> dict[str, str]:
        """Text of every Rego file by its path in the packs; raises PolicyError for one that is no text."""
        files = {path: pack.files[path] for path, pack in self.policy.owner.items() if path.endswith(".rego")}
        texts: dict[str, str] = {}
        for path, data in files.items():
            try:
                texts[path] = data.decode()
            except UnicodeDecodeError as problem:
                raise PolicyError(f"{self.policy.original(path)} is not UTF-8 text", fix="save it as UTF-8") from problem
        return texts

    def check(self) -> None:
        """Compiles everything under the capabilities without evaluating; raises PolicyError with file and row."""
        value = self._ask("true", b"null", self._limits.engine_seconds)
        if isinstance(value, _Failure):
            raise self._refusal(value)

    def evaluate(self, input_bytes: bytes, packages: Iterable[str]) -> Evaluation:
        """The results of these packages on the input document. ``input_bytes`` is what is hashed and stored.

        Raises PolicyError (compile error, undefined set, a result that is none) and EngineError (time, memory, output).
        """
        wanted = sorted(set(packages))
        unknown = [name for name in wanted if name not in self.inventory.packages]
        if unknown:
            raise PolicyError(f"package {unknown[0]} is not in the policy")
        if not wanted:
            return Evaluation({}, {})
        deadline = time.monotonic() + self._limits.engine_seconds
        value = self._ask(self.inventory.query(wanted), input_bytes, self._limits.engine_seconds)
        if not isinstance(value, _Failure):
            return read_results(value, wanted, self.inventory)
        if value.code not in _RUNTIME_CODES:
            raise self._refusal(value)
        return self._one_by_one(input_bytes, wanted, deadline)

    def _one_by_one(self, input_bytes: bytes, packages: list[str], deadline: float) -> Evaluation:
        """Each package alone, so that the fault of one does not lose the denies of the others (design §7)."""
        values: dict[str, Any] = {}
        failures: dict[str, str] = {}
        for package in packages:
            left = deadline - time.monotonic()
            if left <= 0:
                failures[package] = "not evaluated: engine_seconds had passed"
                continue
            try:
                value = self._ask(self.inventory.query([package]), input_bytes, left)
            except EngineError as problem:
                failures[package] = problem.what
                continue
            if not isinstance(value, _Failure):
                values.update(value if isinstance(value, dict) else {})
            elif value.code in _RUNTIME_CODES:
                failures[package] = value.message
            else:
                raise self._refusal(value)
        done = read_results(values, [name for name in packages if name not in failures], self.inventory)
        return Evaluation(done.results, failures)

    def _ask(self, query: str, input_bytes: bytes, seconds: float) -> Any:
        arguments = ["eval", "-f", "json", "--strict-builtin-errors", "--timeout", f"{max(1, round(seconds * 1000))}ms"]
        arguments += ["--capabilities", str(capabilities.PATH), "--stdin-input", "-b", str(self._tree), query]
        return self._value(self._run(arguments, input_bytes, seconds))

    def _run(self, arguments: list[str], stdin: bytes = b"", seconds: float | None = None) -> Finished:
        bound = self._limits.engine_seconds if seconds is None else seconds
        return self.binary.run(arguments, home=self._home, limits=self._limits, seconds=bound + _GRACE_SECONDS, stdin=stdin)

    def _value(self, done: Finished) -> Any:
        """The value of the query, or what failed; raises EngineError without any answer, PolicyError when it is undefined."""
        if not done.stdout.strip():
            raise self._crash(done)
        answer = _json(done.stdout)
        errors = answer.get("errors")
        if errors:
            return self._failure(errors)
        try:
            return answer["result"][0]["expressions"][0]["value"]
        except (KeyError, IndexError, TypeError) as problem:
            raise PolicyError(
                "the policy's answer is undefined",
                why="a set that the inventory names has no value, so nothing can be said about its rules",
                fix="look for a rule named deny, warn, no_verdict or not_applicable that is not a partial set",
            ) from problem

    def _crash(self, done: Finished) -> EngineError:
        """For a child that ended without answer; never a statement about the policy."""
        if done.code == -9 or any(sign in done.stderr for sign in _NO_MEMORY):
            return EngineError(
                f"OPA ran out of memory (engine_memory_bytes = {self._limits.engine_memory_bytes})",
                fix="raise GATE_LIMIT_ENGINE_MEMORY_BYTES",
            )
        text = self._place(done.stderr.strip()[:500])
        return EngineError(f"OPA ended with {done.code} and no answer: {text}", fix="run `gate doctor`")

    def _failure(self, errors: Any) -> _Failure:
        first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
        place = first.get("location") or {}
        text = str(first.get("message", "no message"))
        code = str(first.get("code", ""))
        if code == "eval_cancel_error":
            raise timed_out(self._limits.engine_seconds)
        if place.get("file"):
            text = f"{place['file']}:{place.get('row', 0)}:{place.get('col', 0)}: {text}"
        return _Failure(code, self._place(text))

    def _refusal(self, failure: _Failure) -> PolicyError | EngineError:
        if failure.code.startswith("rego_") or not failure.code:
            return PolicyError(
                failure.message,
                why="the policy does not compile under the gate's capabilities (no network, clock, randomness or printing)",
                fix="correct the Rego; time is input.time.now",
            )
        return EngineError(f"OPA failed: {failure.code}: {failure.message}", fix="run `gate doctor`")

    def _place(self, text: str) -> str:
        """Names files as the caller knows them, not as they lie in the private directory."""
        pattern = re.compile(re.escape(str(self._tree)) + r"/([A-Za-z0-9_./-]+\.(?:rego|json|yaml))")
        named = pattern.sub(lambda match: self.policy.original(self._original(match[1])), text)
        return named.replace(str(self._tree), "the bundle")

    def _original(self, name: str) -> str:
        """Path in the packs of a file in the private directory."""
        return self._originals.get(name, name)


def _json(data: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as problem:
        raise EngineError("OPA's answer is not JSON", fix="run `gate doctor`") from problem
    if not isinstance(value, dict):
        raise EngineError("OPA's answer is not an object", fix="run `gate doctor`")
    return value
