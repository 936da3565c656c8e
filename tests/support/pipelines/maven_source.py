"""A tiny reactor: parent, `core` with a test, `app` that needs core."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import AUTHOR, git

CORE_JAVA = "package t;\npublic class Core { public static int one() { return 1; } }\n"
CORE_TEST = """package t;
import org.junit.Test;
import static org.junit.Assert.assertEquals;
public class CoreTest {
    @Test public void one() { assertEquals(1, Core.one()); }
}
"""
APP_JAVA = "package t;\npublic class App { int two() { return Core.one() + 1; } }\n"
NEEDS_CORE = (
    "<dependencies><dependency><groupId>org.example.tiny</groupId>"
    "<artifactId>core</artifactId><version>1.0</version></dependency></dependencies>"
)
_PARENT = "<groupId>org.example.tiny</groupId><artifactId>tiny</artifactId><version>1.0</version>"
_PARENT_BODY = """<packaging>pom</packaging><name>Tiny Parent</name>
<modules><module>core</module><module>app</module></modules>
<properties><maven.compiler.source>17</maven.compiler.source>
<maven.compiler.target>17</maven.compiler.target>
<project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties>
<dependencies><dependency><groupId>junit</groupId><artifactId>junit</artifactId>
<version>4.13.2</version><scope>test</scope></dependency></dependencies>
<build><pluginManagement><plugins><plugin><artifactId>maven-compiler-plugin</artifactId>
<version>3.16.0</version></plugin></plugins></pluginManagement></build>"""


def pom(artifact: str, body: str = "") -> str:
    """POM of a module below the parent."""
    return _project(
        f"<parent>{_PARENT}</parent><artifactId>{artifact}</artifactId>"
        f"<name>Tiny {artifact.title()}</name>{body}"
    )


def write_reactor(root: Path, **changed: str) -> None:
    """Write the reactor below `root`.

    `changed` replaces what a file holds: `core_pom`, `app_pom`, `core_java`, `core_test`.
    """
    files = {
        "pom.xml": _project(f"{_PARENT}{_PARENT_BODY}"),
        "core/pom.xml": changed.get("core_pom", pom("core")),
        "app/pom.xml": changed.get("app_pom", pom("app", NEEDS_CORE)),
        "core/src/main/java/t/Core.java": changed.get("core_java", CORE_JAVA),
        "core/src/test/java/t/CoreTest.java": changed.get("core_test", CORE_TEST),
        "app/src/main/java/t/App.java": APP_JAVA,
    }
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def commit_all(root: Path) -> None:
    """Make what is below `root` the newest commit of a Git repository there."""
    root.mkdir(parents=True, exist_ok=True)
    if not (root / ".git").exists():
        git("init", "--quiet", "--initial-branch=main", str(root))
        (root / ".git" / "info" / "exclude").write_text("target/\n")
    git("-C", str(root), "add", "--all")
    git(*AUTHOR, "-C", str(root), "commit", "--quiet", "--allow-empty", "--message", "tiny")


def _project(body: str) -> str:
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0">'
        f"<modelVersion>4.0.0</modelVersion>{body}</project>\n"
    )
