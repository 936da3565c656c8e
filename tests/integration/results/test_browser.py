"""`doit serve` in a real browser: what people see, live, by keyboard, on a phone, and unharmed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    Dialog,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from coordination_tasks.domain.model import BuilderProfile, Job
from coordination_tasks.repository.git.repository import GitRepository
from coordination_tasks.store.store import Store
from tests.conftest import PATIENCE, Farm, await_that
from tests.support.doit.documented_farm import BROKEN, fail
from tests.support.doit.served import TOKEN, Served, serve

CHROMIUM = shutil.which("chromium")
MS = 1000 * PATIENCE
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
SMALLEST: ViewportSize = {"width": 360, "height": 740}

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="chromium is not installed (apt install chromium)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(MS)
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture
def served(farm: Farm) -> Iterator[Served]:
    with serve(farm) as found:
        yield found


def test_open_pages_follow_the_farm_and_a_log_its_step(
    farm: Farm, served: Served, page: Page
) -> None:
    page.goto(served.url)
    page.evaluate("document.body.dataset.opened = 'once'")
    farm.second("echo one; while [ ! -e $LEDGER.go ]; do sleep 0.1; done; echo two")
    job = farm.enqueue()
    expect(page.get_by_role("link", name=job)).to_be_visible(timeout=MS)
    build = farm.start("build", builder="page")
    await_that(lambda: "second" in served.get("index.html"), "the second step runs")
    page.get_by_role("link", name=job).first.click()
    page.get_by_role("link", name="second").click()
    log = page.get_by_role("region", name="Log")
    expect(log).to_contain_text("one", timeout=MS)
    page.evaluate("document.body.dataset.opened = 'once'")
    (farm.folder / "ledger.go").touch()
    expect(log).to_contain_text("two", timeout=MS)
    build.communicate(timeout=PATIENCE)
    expect(page.locator("main .state").first).to_contain_text("succeeded", timeout=MS)
    assert page.evaluate("document.body.dataset.opened") == "once", "no page was loaded anew"


def test_a_person_acts_by_keyboard_and_confirms(farm: Farm, served: Served, page: Page) -> None:
    job = farm.enqueue()
    await_that(lambda: job in served.get("queue.html"), "the job is on the page")
    page.goto(f"{served.url}jobs/{job}.html")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Cancel, retry, or change this job")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Token").focus()
    page.keyboard.type(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=job)).to_be_visible()
    page.get_by_label("Reason, shown to everybody").focus()
    page.keyboard.type("it came too late")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Cancel the job?")).to_be_visible()
    assert farm.job(job)["status"] == "queued"
    page.get_by_role("button", name="Yes: cancel the job").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{job} is cancelled.")).to_be_visible()
    assert farm.job(job)["reason"] == "cancelled by Ann via the web page: it came too late"


def test_each_view_is_accessible_and_fits_a_phone(
    farm: Farm, served: Served, browser: Browser
) -> None:
    with GitRepository(str(farm.coordination), farm.folder / "cache", author="build2") as clone:
        store = Store(clone, BuilderProfile(id="build2"))
        fail(store, BROKEN, farm.commit)
        store.enqueue(Job(id="waits", pipeline="ledger", branch="main"))
    job = farm.enqueue()
    assert farm.doit("build", "--job", job).returncode == 0
    await_that(lambda: job in served.get("trends.html") or job in served.get("jobs.html"), "read")
    context = browser.new_context(color_scheme="dark", viewport=SMALLEST)
    context.set_default_timeout(MS)
    page = context.new_page()
    views = ("index.html", "queue.html", "jobs.html", "builders.html", "trends.html", "act")
    of_jobs = (f"jobs/{BROKEN}.html", f"jobs/{job}.html", f"jobs/{job}/logs/second.html")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for view in (*views, *of_jobs):
            page.goto(served.url + view)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= SMALLEST["width"], f"{view} is {wide} pixels wide"
            found = Axe().run(page)
            assert found.violations_count == 0, f"{view}: {found.generate_report()}"
    context.close()


def test_text_of_others_never_runs(farm: Farm, served: Served, page: Page) -> None:
    with GitRepository(str(farm.coordination), farm.folder / "cache", author="build2") as clone:
        store = Store(clone, BuilderProfile(id="build2"))
        store.enqueue(Job(id=EVIL, pipeline=EVIL, branch=EVIL, description=EVIL))
    farm.second(f"echo '{EVIL}'")
    job = farm.enqueue()
    assert farm.doit("build", "--job", job).returncode == 0
    await_that(lambda: job in served.get("jobs.html"), "the job has ended on the page")
    ran: list[str] = []

    def opened(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    def asked(request: Request) -> None:
        if not request.url.startswith(served.url):
            ran.append(request.url)

    page.on("dialog", opened)
    page.on("request", asked)
    page.goto(served.url)
    expect(page.get_by_text(EVIL).first).to_be_visible()
    page.get_by_role("link", name=EVIL).click()
    expect(page.get_by_role("heading", name=EVIL)).to_be_visible()
    page.goto(f"{served.url}jobs/{job}/logs/second.html?find=img")
    expect(page.get_by_role("region", name="Log")).to_contain_text(EVIL)
    blocked = page.evaluate(
        "() => new Promise((done) => {"
        " document.addEventListener('securitypolicyviolation', (e) => done(e.violatedDirective));"
        " const script = document.createElement('script'); script.textContent = 'window.ran = 1';"
        " document.body.append(script); })"
    )
    assert blocked == "script-src-elem"
    assert page.evaluate("window.ran") is None
    assert ran == []
