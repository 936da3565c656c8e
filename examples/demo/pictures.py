"""Takes the pictures of docs/web.md from the farm of scripts/demo.

.venv/bin/python examples/demo/pictures.py http://127.0.0.1:8080/ docs/pictures
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

WIDE, PHONE = {"width": 1200, "height": 760}, {"width": 390, "height": 760}
FAILED = "main tr:has(.state.failed) th a"


def take(page: Page, folder: Path, name: str) -> None:
    page.wait_for_timeout(500)
    page.screenshot(path=folder / f"{name}.png")


def main(url: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport=WIDE, color_scheme=scheme)
            for view in ("index", "queue", "jobs", "builders", "trends"):
                page.goto(f"{url}{view}.html")
                take(page, folder, f"{view}-{scheme}")
            page.goto(f"{url}jobs.html")
            page.locator(FAILED).first.click()
            page.wait_for_url("**/jobs/*.html")
            take(page, folder, f"job-{scheme}")
            page.get_by_role("link", name="test", exact=True).click()
            page.wait_for_url("**/logs/*.html")
            take(page, folder, f"log-{scheme}")
            page.close()
        page = browser.new_page(viewport=PHONE)
        page.goto(f"{url}index.html")
        take(page, folder, "index-phone")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
