"""report.html in Chromium, without a network. `make test-browser` runs these; they fail where Chromium is missing."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from tests.report.page_sample import page as written
from tests.report.page_sample import sample

pytestmark = pytest.mark.browser

FIRST_PAINT = 2_000  # milliseconds
DRAWN_WITHIN = 60  # seconds, on a busy machine
PHONE, DESKTOP = 390, 1280  # pixels
MARKS = ".mark-symbol path, .mark-rect path, .mark-line path, .mark-rule line"
Load = Callable[..., webdriver.Chrome]


def program(variable: str, name: str) -> str:
    """Path of an installed program, so that Selenium downloads none. Fails where there is none."""
    path = os.environ.get(variable) or shutil.which(name)
    if not path:
        pytest.fail(
            f"{name} is not installed: `apt-get install chromium chromium-driver`, or set {variable} to its path"
        )
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = program("CHROMIUM", "chromium")
    for argument in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-dev-shm-usage",
        "host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(program("CHROMEDRIVER", "chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(written(sample()), encoding="utf-8")
    return path


@pytest.fixture
def load(chromium: webdriver.Chrome, file: Path) -> Load:
    def loaded(width: int = DESKTOP, scheme: str = "light", page: Path = file) -> webdriver.Chrome:
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": features})
        chromium.get(page.as_uri())
        limit = time.monotonic() + DRAWN_WITHIN
        while chromium.execute_script("return document.documentElement.dataset.charts") != "drawn":
            assert time.monotonic() < limit, "the charts were not all drawn"
            time.sleep(0.05)
        return chromium

    return loaded


def run(driver: webdriver.Chrome, script: str) -> Any:
    return driver.execute_script(f"return {script}")


def problems(driver: webdriver.Chrome) -> list[Any]:
    return [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]


def test_draws_every_chart_without_an_error_or_a_request(load: Load) -> None:
    driver = load()
    assert problems(driver) == []
    marks = run(driver, f"[...document.querySelectorAll('[data-spec]')].map(e => e.querySelectorAll('{MARKS}').length)")
    assert len(marks) >= 8
    assert all(marks)
    requested = run(
        driver, "performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith('data:'))"
    )
    assert requested == []


def test_shows_the_pictures_of_the_audit(load: Load) -> None:
    driver = load(PHONE)
    run(driver, "document.querySelectorAll('#audit details').forEach(e => { e.open = true; })")
    sizes = run(
        driver, "[...document.querySelectorAll('#audit .examples img')].map(e => [e.naturalWidth, e.width, e.height])"
    )
    assert len(sizes) == 11
    assert {natural for natural, _, _ in sizes} == {8, 64}
    assert all(50 < width < 100 and width == height for _, width, height in sizes)


def test_paints_the_verdict_before_it_draws(load: Load) -> None:
    paint = run(load(), "performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < FIRST_PAINT


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_does_not_scroll_sideways(load: Load, width: int) -> None:
    driver = load(width)
    run(driver, "document.querySelectorAll('details').forEach(e => { e.open = true; })")
    assert run(driver, "document.documentElement.scrollWidth <= window.innerWidth")
    wide = (
        "[...document.querySelectorAll('.chart svg')].filter(e => e.getBoundingClientRect().right > "
        "window.innerWidth).length"
    )
    assert run(driver, wide) == 0


def test_follows_the_colour_scheme(load: Load) -> None:
    label_colour = "getComputedStyle(document.querySelector('.role-axis-label text')).fill"
    for scheme, dark in (("light", False), ("dark", True)):
        driver = load(scheme=scheme)
        lightness = run(
            driver, "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
        )
        label = run(driver, f"{label_colour}.match(/\\d+/g).slice(0, 3).map(Number)")
        assert (max(lightness) < 64) is dark
        assert (min(label) > 128) is dark


def test_is_worked_by_keyboard(load: Load) -> None:
    driver = load()
    run(driver, "document.querySelector('summary').focus()")
    assert run(driver, "document.activeElement.tagName") == "SUMMARY"
    driver.switch_to.active_element.send_keys(" ")
    assert run(driver, "document.querySelector('details').open")


def test_prints_light_and_with_details_open(load: Load) -> None:
    driver = load(scheme="dark")
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    run(driver, "window.dispatchEvent(new Event('beforeprint'))")
    assert run(driver, "[...document.querySelectorAll('details')].every(e => e.open)")
    paper = "getComputedStyle(document.documentElement).getPropertyValue('--paper').trim()"
    assert run(driver, paper) == "#ffffff"
    run(driver, "window.dispatchEvent(new Event('afterprint'))")
    assert not run(driver, "[...document.querySelectorAll('details')].some(e => e.open)")


def test_runs_no_script_of_a_name(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    names = ("<img src=x onerror=document.title='owned'>", "</script><script>document.title='owned'</script>", "nan")
    path.write_text(written(sample(classes=names, rename={"dropout": names[0]})), encoding="utf-8")
    driver = load(page=path)
    assert driver.title != "owned"
    assert problems(driver) == []


def test_draws_what_little_there_is(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "single.html"
    path.write_text(written(sample(("baseline", "dropout"), n=1, remedy=None, judged=False)), encoding="utf-8")
    assert problems(load(page=path)) == []
