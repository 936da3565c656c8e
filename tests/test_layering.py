"""The walls of DESIGN.md, section 3: imports go down, rules do no I/O, libraries have a place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HOME = Path(__file__).parents[1]
PACKAGES = ("pipelines", "coordination_tasks", "typed_yaml", "doit_words", "durable_files")

# The rooms of each package, lowest first. A module that is in none is an edge.
EDGES = "edges"
ROOMS: dict[str, dict[str, str]] = {
    "pipelines": {
        "words": "errors language.expressions masking model untrusted workspace",
        "rules": (
            "conditions plan_document fingerprint space_rules "
            "debian.build_depends debian.changelog "
            "debian.control debian.failure debian.ladder debian.toolchain debian.dummy "
            "debian.excerpt debian.build_deb_options "
            "steps.maven_log steps.maven_errors steps.maven_events steps.maven_java "
            "steps.maven_selection steps.built_modules "
            "language.assembly language.cycles language.entries "
            "language.expression_check language.expression_parser language.inheritance "
            "language.located language.matrix language.names language.params language.reader "
            "language.field_texts language.schema language.reference_page "
            "language.layers language.drawing language.svg language.preview language.insertion "
            "language.references language.scripts language.step_reader language.substitution"
        ),
        EDGES: "",
        "use cases": (
            "steps.artifact_manifest steps.checkout steps.debian steps.packaging steps.maven "
            "steps.preflight steps.publish_status steps.run sources machine step_values "
            "extra_tools step_execution step_runner kinds generated"
        ),
        "doit": (
            "graph planner doit_command graph_command new_command plan_command validate_command"
        ),
    },
    "coordination_tasks": {
        "words": "errors model times paths clock",
        "rules": (
            "state_machine queue_rules records documents writes liveness record_plan claim_request "
            "housekeeping_rules step_ledger"
        ),
        EDGES: "",
        "use cases": (
            "store plans secrets preparation claiming recovery session checks lease_keeper "
            "beating observer attempt_keeper mailbox housekeeping standing_housekeeping "
            "watching presence live_farm "
            "reference_checks job_checks repair"
        ),
        "doit": (
            "doit_tasks reporter graph_run command build_command enqueue_command jobs_command "
            "status_command doctor_command watch_command "
            "send_command messages_command locks_command outbox_command "
            "clean_command clean_workspaces_command forget_command rerun_command task_choice "
            "explain_command housekeeping_command fsck_command squash_command"
        ),
    },
    "doit_words": {EDGES: ""},
    "durable_files": {EDGES: ""},
    "typed_yaml": {"rules": "findings duration size", EDGES: "document validate"},
}

# Libraries that bind us to something: what may import them beside the room "doit".
PLACES = {
    "detect_secrets": {"coordination_tasks.secret_scan"},
    "doit": {"dodo"},
    "rich": {"coordination_tasks.live_display"},
    "sqlite3": {"coordination_tasks.outbox"},
    "yaml": {"typed_yaml.document"},
}
IMPURE = {"os", "subprocess", "shutil", "socket", "sh", "git", "psutil", "sqlite3", "threading"}


def modules() -> dict[str, ast.Module]:
    paths = [path for package in PACKAGES for path in (HOME / package).rglob("*.py")]
    found = {".".join(p.relative_to(HOME).with_suffix("").parts): p for p in paths}
    found["dodo"] = HOME / "dodo.py"
    return {name: ast.parse(path.read_text()) for name, path in found.items()}


MODULES = modules()


def imports(name: str) -> set[str]:
    """Full names of what a module imports; of our own modules down to the module."""
    found = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (deeper & MODULES.keys()) or {node.module}
    return found


def package_of(name: str) -> str:
    return name.partition(".")[0]


def room_of(name: str) -> str:
    package, _, module = name.partition(".")
    rooms = ROOMS.get(package, {})
    return next((room for room, names in rooms.items() if module in names.split()), EDGES)


OWN = sorted(name for name in MODULES if package_of(name) in PACKAGES)


@pytest.mark.parametrize("name", OWN)
def test_imports_go_down_only(name: str) -> None:
    order = list(ROOMS[package_of(name)])
    for imported in imports(name):
        if package_of(imported) == package_of(name) and imported in MODULES:
            below = order.index(room_of(imported)) <= order.index(room_of(name))
            assert below or imported.endswith("__init__"), f"{name} imports {imported} above it"


def test_no_module_imports_itself_through_others() -> None:
    needs = {name: imports(name) & MODULES.keys() for name in MODULES}
    while ready := {name for name, wanted in needs.items() if not wanted & needs.keys()}:
        needs = {name: wanted for name, wanted in needs.items() if name not in ready}
    assert not needs, f"these import each other: {sorted(needs)}"


APART = {
    "pipelines": {"coordination_tasks"},
    "coordination_tasks": {"pipelines"},
    "typed_yaml": {"pipelines", "coordination_tasks", "doit_words", "durable_files"},
    "doit_words": {"pipelines", "coordination_tasks", "typed_yaml", "durable_files"},
    "durable_files": {"pipelines", "coordination_tasks", "typed_yaml", "doit_words"},
}


@pytest.mark.parametrize("name", OWN)
def test_the_packages_meet_in_dodo_alone(name: str) -> None:
    assert not {package_of(i) for i in imports(name)} & APART[package_of(name)]


@pytest.mark.parametrize("name", [n for n in OWN if room_of(n) in ("words", "rules")])
def test_words_and_rules_do_no_io(name: str) -> None:
    assert not {package_of(i) for i in imports(name)} & IMPURE


@pytest.mark.parametrize("library", PLACES)
def test_each_library_has_its_place(library: str) -> None:
    users = {name for name in MODULES if library in {package_of(i) for i in imports(name)}}
    assert {name for name in users if room_of(name) != "doit"} <= PLACES[library]


def test_every_name_in_the_table_is_a_module() -> None:
    named = {
        f"{package}.{module}"
        for package, rooms in ROOMS.items()
        for names in rooms.values()
        for module in names.split()
    }
    assert named <= MODULES.keys()


def test_dodo_is_a_table_of_contents() -> None:
    text = (HOME / "dodo.py").read_text()
    assert len(text.splitlines()) < 70
    calls = {"open", "read_pipelines", "read_builder_config"}
    for node in MODULES["dodo"].body:
        if isinstance(node, ast.Assign):
            names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            assert not names & calls, "no I/O when dodo.py is imported"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_file_outgrows_its_purpose(name: str) -> None:
    path = HOME / Path(*name.split(".")).with_suffix(".py")
    assert len(path.read_text().splitlines()) <= 400
