"""Rules about the code itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def modules(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "versions" not in path.parts:
                yield path.relative_to(ROOT), ast.parse(path.read_text())


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_transactions_are_opened_and_ended_only_in_the_database_module() -> None:
    offenders = []
    for path, tree in modules("services", "shared"):
        if str(path) == "shared/db.py":
            continue
        for call in calls(tree):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            receiver = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
            if name in ("Session", "sessionmaker") or (name in ("commit", "rollback") and "session" in receiver):
                offenders.append(f"{path}:{call.lineno}")
    assert offenders == []


def test_rules_models_and_services_do_no_input_or_output() -> None:
    banned = re.compile(r"^(flask|flask_smorest|marshmallow|webargs|kombu|urllib3|gunicorn)(\.|$)")
    offenders = []
    for path, tree in modules("services"):
        if path.name in ("models.py", "rules.py", "service.py"):
            for node in ast.walk(tree):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                offenders += [f"{path}: {name}" for name in names if banned.match(name)]
    assert offenders == []


def test_only_the_clock_asks_what_time_it_is() -> None:
    asked = re.compile(r"datetime\.(now|utcnow|today)\(|date\.today\(")
    offenders = [
        str(path)
        for path, _ in modules("services", "shared")
        if str(path) != "shared/clock.py" and asked.search((ROOT / path).read_text())
    ]
    assert offenders == []


def test_functions_stay_small_and_files_too() -> None:
    long_functions, long_files = [], []
    for path, tree in modules("services", "shared", "deploy"):
        lines = len((ROOT / path).read_text().splitlines())
        if lines > 400:
            long_files.append(f"{path}: {lines}")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size > 60:
                    long_functions.append(f"{path}:{node.name} {size}")
    assert (long_functions, long_files) == ([], [])


def test_every_module_says_what_it_is() -> None:
    assert [
        str(path) for path, tree in modules("services", "shared", "deploy", "tests") if not ast.get_docstring(tree)
    ] == []


def test_a_module_is_called_what_its_part_of_the_business_is_called() -> None:
    vague = {"utils.py", "helpers.py", "common.py", "manager.py", "misc.py"}
    assert [str(path) for path, _ in modules("services", "shared", "deploy") if path.name in vague] == []


def test_texts_in_requests_are_matched_as_a_whole() -> None:
    loose = [str(path) for path in Path("services").rglob("schemas.py") if "validate.Regexp(" in path.read_text()]
    assert loose == [], "use shared.web.fields.Pattern"
