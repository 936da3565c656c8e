"""Random small pipelines, and random histories of a builder: each the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from tests.support.pipelines.random_reactor import Module, make_reactor

TRACKED = ("a.txt", "b.txt", "dir/c.txt")
IGNORED = "*.ignored\n/out/\n"

SCRIPTS = (
    "cat {tracked} > {new}",
    "echo {word} >> {tracked}",
    "echo {word} >> {new}",
    "echo {word} >> {name}.ignored",
    "rm -f {tracked}",
    "mkdir -p {name}.d/e && cp {tracked} {name}.d/e/ 2>/dev/null || true",
    'found=$(ls -R . | sort); echo "$found" > {new}',
    "git describe --always --tags > {new}",
    "git tag --force {name}",
    "ln -sf {tracked} {name}.link",
    "chmod +x {tracked} 2>/dev/null || true",
    "sed -i s/$/{word}/ {tracked} 2>/dev/null || true",
    "git status --porcelain > {new}",
    "cat *.txt > {new}",
    "git add --all --force . 2>/dev/null; git ls-files > {new}",
)
IN_SUBMODULE = (
    "echo {word} >> lib/l.txt",
    "echo {word} >> lib/{name}.txt",
    "cat lib/*.txt > {new}",
)
HONEST = (
    "mkdir -p out; cat {tracked} > out/{name}.txt",
    "mkdir -p out; (cat {tracked}; echo {word}) > out/{name}.txt; chmod +x out/{name}.txt",
)
"""For steps that name their inputs and outputs: they do what they say."""


GENERATED = (
    "echo text=$$(cat b.txt) > replace.properties",
    "cat a.txt > m{module}/src/main/resources/generated.txt",
    "dpkg-parsechangelog --show-field Version > m{module}/src/main/resources/version.txt",
)
"""The first makes the filter of filtered modules, the last changes with each commit."""


@dataclass(frozen=True)
class Script:
    """One `run` step."""

    name: str
    lines: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A pipeline: a chain of steps after the checkout."""

    scripts: tuple[Script, ...]
    submodule: bool
    packages: bool
    """Whether a debhelper package is built at the end."""
    modules: tuple[Module, ...] = ()
    """The reactor that Maven builds at the end; empty: none."""
    generated: tuple[str, ...] = ()
    """Lines of debian/rules that make inputs of modules; the packaging runs Maven then."""

    @property
    def names(self) -> tuple[str, ...]:
        """The steps after the checkout."""
        kind = "build-deb" if self.packages else "maven"
        last = (kind,) if self.packages or self.modules else ()
        return (*(script.name for script in self.scripts), *last)


@dataclass(frozen=True)
class Event:
    """What happens on the builder."""

    what: str
    """`build`, `fail`, `kill`, `rerun`, `job`, `commit`, `tag`, `untag`, `back` or `edit`."""
    step: int = 0
    word: str = ""


def make_plan(seed: int) -> Plan:
    """The pipeline of a seed."""
    chance = random.Random(f"plan {seed}")
    submodule = chance.random() < 0.3
    both = seed % 16 == 5  # they take a minute each, and more
    packages, maven = both or seed % 8 == 7, both or seed % 16 == 13
    count = chance.randint(1, 2) if packages or maven else chance.randint(2, 4)
    return Plan(
        tuple(_script(chance, f"s{number}", submodule) for number in range(count)),
        submodule,
        packages,
        make_reactor(chance) if maven else (),
        tuple(line.format(module=chance.choice("012")) for line in GENERATED) if both else (),
    )


def _script(chance: random.Random, name: str, submodule: bool) -> Script:
    kind = chance.choice(("plain", "plain", "plain", "whole", "honest"))
    tracked = chance.choice(TRACKED)
    words = {
        "name": name, "tracked": tracked, "new": f"{name}.txt", "word": chance.choice("xyz")
    }  # fmt: skip
    if kind == "honest":
        line = chance.choice(HONEST).format(**words)
        return Script(name, (line,), inputs=(tracked,), outputs=(f"out/{name}.txt",))
    pool = SCRIPTS + (IN_SUBMODULE if submodule else ())
    lines = tuple(
        chance.choice(pool).format(**(words | {"tracked": chance.choice(TRACKED)}))
        for _ in range(chance.randint(1, 3))
    )
    if kind == "whole":
        return Script(name, (*lines, f"date > /dev/null; ls > {name}.ls"), outputs=(f"{name}.ls",))
    return Script(name, lines)


def make_history(seed: int, plan: Plan) -> tuple[Event, ...]:
    """What happens on the builder of a seed; it ends with a build."""
    chance = random.Random(f"history {seed}")
    steps = len(plan.names)
    kinds = (
        *(("build", "fail", "fail", "kill", "rerun", "job", "commit") * 2),
        *("tag", "untag", "back", "edit"),
    )
    events = [
        Event(chance.choice(kinds), chance.randrange(steps), chance.choice("pqr"))
        for _ in range(
            chance.randint(3, 5) if plan.packages or plan.modules else chance.randint(4, 8)
        )
    ]
    return (*events, Event("build"))


def edited(plan: Plan, step: int, word: str) -> Plan:
    """The plan with another script in one of its steps."""
    scripts = list(plan.scripts)
    number = step % len(scripts)
    old = scripts[number]
    more = f"echo {word} > out/{old.name}.txt" if old.inputs else f"echo {word} >> {old.name}.new"
    scripts[number] = Script(old.name, (*old.lines, more), old.inputs, old.outputs)
    return replace(plan, scripts=tuple(scripts))
