"""`doit page`: the farm as files that a browser opens without a server, and without harm."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.store import Store
from tests.conftest import PATIENCE, Farm
from tests.support.doit.documented_farm import BROKEN, fail

CHROMIUM = shutil.which("chromium")
EVIL_ID = "<img src=x onerror=alert(1)>"
EVIL = '"><script>document.title="taken"</script><style>body{display:none}</style>'


class Page(HTMLParser):
    """A page as a browser reads it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def make_site(farm: Farm) -> Path:
    with GitRepository(str(farm.coordination), farm.folder / "cache", author="build2") as clone:
        store = Store(clone, BuilderProfile(id="build2"))
        fail(store, BROKEN, farm.commit)
        store.enqueue(Job(id=EVIL_ID, pipeline=EVIL, branch=EVIL, description=EVIL + "\u202e"))
    site = farm.folder / "site"
    done = farm.doit("page", "--out", str(site))
    assert done.returncode == 0, done.stderr
    return site


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def test_the_pages_show_the_farm_and_only_what_changed_is_written(farm: Farm) -> None:
    built = farm.enqueue()
    assert farm.doit("build").returncode == 0
    site = make_site(farm)
    found = {str(path.relative_to(site)): page for path, page in pages(site).items()}
    assert {"index.html", "queue.html", "jobs.html", "builders.html", "trends.html"} <= set(found)
    assert "waits for a free builder" in found["queue.html"].text
    job = found[f"jobs/{built}.html"]
    assert "made.txt" in job.text
    assert len([tag for tag, _ in job.tags if tag == "rect"]) == 6
    failed = found[f"jobs/{BROKEN}.html"].text
    assert "COMMAND_FAILED" in failed
    assert "doit enqueue --pipeline ledger --branch main" in failed

    before = {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}
    assert farm.doit("cancel", EVIL_ID).returncode == 0
    assert farm.doit("page", "--out", str(site)).returncode == 0
    after = {path: path.stat().st_mtime_ns for path in site.rglob("*") if path.is_file()}
    assert after.keys() == before.keys()
    changed = {path.name for path, time in after.items() if time != before[path]}
    assert {"index.html", "queue.html", "jobs.html"} <= changed
    assert changed.isdisjoint({f"{built}.html", f"{BROKEN}.html", "style.css"})
    assert not list(site.rglob(".*"))


def test_text_of_others_stays_text_and_every_link_leads_to_a_file(farm: Farm) -> None:
    site = make_site(farm)
    for path, page in pages(site).items():
        [policy] = [a for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"]
        assert str(policy["content"]).startswith("default-src 'none'; style-src 'self'")
        assert {"script", "style", "img", "iframe", "form"}.isdisjoint(t for t, _ in page.tags)
        for _, attributes in page.tags:
            assert not [name for name in attributes if name == "style" or name.startswith("on")]
            if href := attributes.get("href"):
                assert not re.match(r"\w+:|//", href)
                file, _, fragment = href.partition("#")
                target = (path.parent / file).resolve() if file else path
                assert target.is_file(), href
                ids = {a.get("id") for _, a in page.tags}
                assert not fragment or fragment in ids
    everything = "".join(page.text for page in pages(site).values())
    for words in (EVIL_ID, EVIL, "<U+202E>"):
        assert words in everything


def test_bad_input_is_one_line(farm: Farm) -> None:
    for words, said in (
        ((), "missing --out: expected the folder for the pages"),
        (("--out", "x", "--jobs", "0"), "--jobs expects 1 or more, found 0"),
        (("--out", str(farm.folder / "builder.yaml")), "Not a directory: "),
    ):
        done = farm.doit("page", *words)
        assert done.returncode in (1, 3)
        assert done.stderr.startswith(f"doit page: {said}")
        assert done.stderr.count("\n") == 1


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt install chromium)")
def test_a_browser_shows_the_pages_from_disk_and_runs_nothing(farm: Farm) -> None:
    site = make_site(farm)
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
            f"--user-data-dir={farm.folder / 'browser'}", "--dump-dom", f"file://{site}/index.html",
        ],
        check=True, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert "<title>Build farm</title>" in done.stdout
    assert done.stdout.count("&lt;script&gt;") >= 1
    assert "CONSOLE" not in done.stderr, "the policy blocks the style sheet, or a script ran"
