"""A Maven reactor of 42 modules that two Debian packages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

JARS = 39
CLASSES = 22
"""In each of these modules."""
BASE, LEAF, LATE = "m01", "m20", "m30"
"""The module that ten others need, one that two need, and the 30th."""
_GROUP = "<groupId>org.example.bench</groupId>"
_XML = (
    '<project xmlns="http://maven.apache.org/POM/4.0.0">'
    "<modelVersion>4.0.0</modelVersion>{}</project>\n"
)
_ROOT = """{group}<artifactId>root</artifactId><version>1.0</version><packaging>pom</packaging>
<modules>{modules}</modules><properties>
<maven.compiler.source>17</maven.compiler.source><maven.compiler.target>17</maven.compiler.target>
<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
<project.build.outputTimestamp>2026-01-01T00:00:00Z</project.build.outputTimestamp></properties>
<build><pluginManagement><plugins>{versions}</plugins></pluginManagement></build>"""
_VERSIONS = {
    "antrun": "3.1.0",
    "compiler": "3.13.0",
    "jar": "3.5.1",
    "resources": "3.3.1",
    "shade": "3.6.0",
    "surefire": "3.5.2",
    "war": "3.4.0",
}
_TEST_JAR = """<plugins><plugin><artifactId>maven-jar-plugin</artifactId><executions><execution>
<goals><goal>test-jar</goal></goals></execution></executions></plugin></plugins>"""
_FILTERED = """<resources><resource><directory>src/main/resources</directory>
<filtering>true</filtering></resource></resources>"""
_ANTRUN = """<plugins><plugin><artifactId>maven-antrun-plugin</artifactId><executions><execution>
<phase>prepare-package</phase><goals><goal>run</goal></goals><configuration><target>
<copy file="${project.basedir}/notes.txt" todir="${project.basedir}/out"/></target></configuration>
</execution></executions></plugin></plugins>"""
_SHADE = """<plugins><plugin><artifactId>maven-shade-plugin</artifactId><executions><execution>
<phase>package</phase><goals><goal>shade</goal></goals></execution></executions></plugin></plugins>"""
_JAVA = """package {package};

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

public class {name} {{
    private final Map<String, List<Integer>> values = new TreeMap<>();

    public void add(String key, int value) {{
        values.computeIfAbsent(key, unknown -> new ArrayList<>()).add(value);
    }}

    public long sum() {{
        return values.values().stream().flatMap(List::stream).mapToLong(v -> v).sum() + {number};
    }}

    public String describe() {{
        StringBuilder text = new StringBuilder();
        values.forEach((key, all) -> text.append(key).append('=').append(all).append(';'));
        return text.toString();
    }}
}}
"""
_TEST = """package {package};

import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class C0Test {{
    @Test
    public void adds() {{
        C0 values = new C0();
        values.add("a", 1);
        assertEquals(1, values.sum());
    }}
}}
"""
_JUNIT = """<dependency><groupId>junit</groupId><artifactId>junit</artifactId>
<version>4.13.2</version><scope>test</scope></dependency>"""
_CONTROL = """Source: bench
Section: misc
Priority: optional
Maintainer: Bench <bench@example.org>
Build-Depends: debhelper-compat (= 13)
Standards-Version: 4.6.2
Rules-Requires-Root: no
"""
_PACKAGE = """
Package: bench-{name}
Architecture: all
Depends: ${{misc:Depends}}
Description: {name} of the benchmark
 Made of a generated reactor.
"""
_RULES = """#!/usr/bin/make -f
%:
	dh $@ --buildsystem=none

override_dh_auto_configure:
	echo 'packaging=Debian' > replace.properties

override_dh_auto_build:
	mvn -B -ntp clean package $(ACS_BUILD_OPTS)
"""
_CHANGELOG = """bench (1.0) unstable; urgency=medium

  * A release.

 -- Bench <bench@example.org>  Wed, 01 Jan 2025 00:00:00 +0000
"""


def write(folder: Path, changed: Mapping[str, str]) -> None:
    """Write the source; `changed` has files that differ from those of the first commit."""
    for name, text in {**_files(), **changed}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "debian/rules").chmod(0o755)


def java(module: str, number: int, more: str = "") -> tuple[str, str]:
    """Path and text of a class."""
    path = f"{module}/src/main/java/{module}/C{number}.java"
    return path, _JAVA.format(package=module, name=f"C{number}", number=number) + more


def _files() -> dict[str, str]:
    jars = [f"m{number:02}" for number in range(1, JARS + 1)]
    names = [*jars, "tool", "client", "web"]
    versions = "".join(
        f"<plugin><artifactId>maven-{name}-plugin</artifactId><version>{v}</version></plugin>"
        for name, v in _VERSIONS.items()
    )
    listed = "".join(f"<module>{name}</module>" for name in names)
    files = {
        "pom.xml": _XML.format(_ROOT.format(group=_GROUP, modules=listed, versions=versions)),
        "tool/pom.xml": _module("tool", build=_ANTRUN),
        "tool/notes.txt": "notes\n",
        "client/pom.xml": _module("client", *jars, build=_SHADE),
        "web/pom.xml": _module("web", *jars, packaging="war"),
        "web/src/main/webapp/WEB-INF/web.xml": "<web-app/>\n",
        "debian/control": _CONTROL + "".join(map(_package, ("client", "web"))),
        "debian/rules": _RULES,
        "debian/changelog": _CHANGELOG,
        "debian/source/format": "3.0 (native)\n",
        "debian/bench-client.install": "client/target/client-1.0.jar usr/share/bench\n"
        "tool/out/notes.txt usr/share/bench\n",
        "debian/bench-web.install": "web/target/web-1.0.war usr/share/bench\n",
        ".gitignore": "target/\nout/\n",
    }
    for number, name in enumerate(jars, 1):
        needs = [BASE] if 1 < number < 10 else []
        build = _TEST_JAR if name == BASE else _FILTERED if number % 5 == 0 else ""
        files[f"{name}/pom.xml"] = _module(name, *needs, build=build)
        files[f"{name}/src/main/resources/{name}.txt"] = "of ${project.artifactId}\n"
        files |= dict(java(name, each) for each in range(CLASSES))
        files[f"{name}/src/test/java/{name}/C0Test.java"] = _TEST.format(package=name)
    return files


def _package(name: str) -> str:
    return _PACKAGE.format(name=name)


def _module(name: str, *needs: str, build: str = "", packaging: str = "jar") -> str:
    dependencies = "".join(
        f"<dependency>{_GROUP}<artifactId>{need}</artifactId><version>1.0</version></dependency>"
        for need in needs
    )
    filters = (
        "<filters><filter>../replace.properties</filter></filters>" if build == _FILTERED else ""
    )
    return _XML.format(
        f"<parent>{_GROUP}<artifactId>root</artifactId><version>1.0</version></parent>"
        f"<artifactId>{name}</artifactId><packaging>{packaging}</packaging>"
        f"<dependencies>{_JUNIT}{dependencies}</dependencies><build>{filters}{build}</build>"
    )
