"""Random Maven reactors: 3 to 6 modules, some of which run code."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

_GROUP = "<groupId>org.example.random</groupId>"
_PROJECT = (
    '<project xmlns="http://maven.apache.org/POM/4.0.0">'
    "<modelVersion>4.0.0</modelVersion>{body}</project>\n"
)
_RUNS_CODE = """<plugins><plugin><artifactId>maven-antrun-plugin</artifactId>
<version>3.1.0</version><executions><execution><phase>generate-resources</phase>
<goals><goal>run</goal></goals><configuration><target>
<exec executable="sh" failonerror="true" dir="${{project.basedir}}">
<arg value="-c"/><arg value="{script}"/></exec></target></configuration></execution></executions>
</plugin></plugins>"""
_RESOURCES = """<resources><resource><directory>src/main/resources</directory>
<filtering>{filtering}</filtering></resource>{more}</resources>"""
_SIBLING = "<resource><directory>../dir</directory></resource>"


@dataclass(frozen=True)
class Module:
    """One module of the reactor."""

    name: str
    needs: tuple[str, ...]
    kind: str
    """`pure`, `filtered`, `sibling` (packs files of another folder) or `open` (runs code)."""

    @property
    def resource(self) -> str:
        """Its own file, relative to the source."""
        return f"{self.name}/src/main/resources/{self.name}.txt"


def make_reactor(chance: random.Random) -> tuple[Module, ...]:
    """The modules in the order of their names; one of them at least is open."""
    count = chance.randint(3, 6)
    always_open = chance.randrange(count)
    names = [f"m{number}" for number in range(count)]
    return tuple(
        Module(
            name,
            tuple(sorted(chance.sample(names[:number], chance.randint(0, min(2, number))))),
            "open"
            if number == always_open
            else chance.choice(("pure", "pure", "filtered", "sibling", "open")),
        )
        for number, name in enumerate(names)
    )


def reactor_files(modules: Sequence[Module], gate: str, filters: str = "") -> dict[str, str]:
    """The source by path; open modules run `gate`, a shell script, before they read `a.txt`.

    `filters` is the path of a file with properties, for filtered modules.
    """
    listed = "".join(f"<module>{module.name}</module>" for module in modules)
    body = (
        f"{_GROUP}<artifactId>root</artifactId><version>1.0</version><packaging>pom</packaging>"
        f"<modules>{listed}</modules><properties>"
        "<maven.compiler.source>17</maven.compiler.source>"
        "<maven.compiler.target>17</maven.compiler.target>"
        "<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>"
        "<project.build.outputTimestamp>2026-01-01T00:00:00Z</project.build.outputTimestamp>"
        "</properties><build><pluginManagement><plugins><plugin>"
        # Maven's own default writes the time into each jar
        "<artifactId>maven-jar-plugin</artifactId><version>3.5.1</version>"
        "</plugin></plugins></pluginManagement></build>"
    )
    files = {"pom.xml": _PROJECT.format(body=body)}
    for module in modules:
        files[f"{module.name}/pom.xml"] = _PROJECT.format(body=_module(module, gate, filters))
        files[module.resource] = "${project.artifactId} ${text} 1\n"
        java = f"{module.name}/src/main/java/{module.name}/C.java"
        fields = "".join(f" {need}.C {need};" for need in module.needs)
        files[java] = f"package {module.name};\npublic class C {{{fields} }}\n"
    return files


def _module(module: Module, gate: str, filters: str) -> str:
    dependencies = "".join(
        f"<dependency>{_GROUP}<artifactId>{need}</artifactId><version>1.0</version></dependency>"
        for need in module.needs
    )
    resources = _RESOURCES.format(
        filtering=str(module.kind == "filtered").lower(),
        more=_SIBLING if module.kind == "sibling" else "",
    )
    filtered = filters and module.kind == "filtered"
    used = f"<filters><filter>{filters}</filter></filters>" if filtered else ""
    script = f"{gate}\nmkdir -p target/classes; cat ../*.txt > target/classes/all.txt"
    runs = _RUNS_CODE.format(script=_as_attribute(script)) if module.kind == "open" else ""
    return (
        f"<parent>{_GROUP}<artifactId>root</artifactId><version>1.0</version></parent>"
        f"<artifactId>{module.name}</artifactId><dependencies>{dependencies}</dependencies>"
        f"<build>{used}{resources}{runs}</build>"
    )


def _as_attribute(text: str) -> str:
    return (
        text.replace("&", "&amp;").replace('"', "&quot;").replace("\n", "&#10;").replace("$", "$$")
    )
