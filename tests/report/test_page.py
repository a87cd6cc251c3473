"""The HTML report: whole, small, quick, the same every time; and driven in a browser where there is one."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sata import evaluate
from sata.evaluation import explain_sparsity
from sata.report.files import result_json
from sata.report.html import result_page
from sata.report.read import result_from_data
from sata.report.text import quantity, whole_number
from tests.cli.test_run import SMALL, ok
from tests.report.browser import Browser, browsing, programs
from tests.report.made import small, training, training_data

VGG16 = ("arch/sata.yaml", "workloads/vgg16_cifar10.yaml")
ROOT = Path(__file__).resolve().parents[2]
_EMPTY = {"meta", "link", "input", "br", "path", "use", "rect"}


class Page(HTMLParser):
    """Ids, attributes and texts of a page; elements that are opened are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_a_page_is_whole_and_needs_nothing_else() -> None:
    page = Page(result_page(small()))
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    links = [value or "" for name, value in page.attributes if name in ("href", "src", "xlink:href", "action", "data")]
    assert links
    assert all(link.startswith("#") or link == "data:," for link in links)
    assert all(link[1:] in page.ids for link in links if link.startswith("#"))
    words = set(page.words)
    for word in ("step on small", "19.27 nJ", "fc.forward", "Energy by stage", "Prices and where they come from",
                 "tests/cli/small.yaml", "the optimiser is not part of this study", "sata run small.yaml"):  # fmt: skip
        assert any(word in found for found in words), word


def test_nests_with_their_traffic() -> None:
    words = Page(result_page(small())).words
    assert "memory GLB: W 24 B, S 1 B, S' 12 b (212 b of 64 B, 41.4%); 985 pJ" in words  # 720 pJ, and it leaks 265 pJ
    assert "W (weight) in fc.forward: fills 24, reads 48" in words
    assert "for k in 2 step 4 (imperfect: 6 of 8)" in words
    assert "X[t,k] += W[k,c] * S[t,c]" in words


def test_the_same_page_from_the_result_and_from_its_json_and_in_any_process() -> None:
    code = "import sys; from tests.report.made import small; from sata.report.html import result_page; "
    code += "sys.stdout.buffer.write(result_page(small()).encode())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)
    result = small()
    assert done.stdout.decode() == result_page(result) == result_page(result_from_data(result.to_dict()))


def test_names_cannot_become_elements() -> None:
    data = training_data()
    evil = "</script><img src=x onerror=alert(1)>"
    data["meta"] |= {"workload": evil, "command": evil, "variables": {evil: evil}}
    data["omitted"] = [{"op": evil, "why": evil}]
    for rows in ("ops", "records"):
        for row in data[rows]:
            row["layer"] = evil + row["layer"]
    text = result_page(result_from_data(data))
    assert "<img" not in text
    assert text.count("</script>") == 1


def test_inference_has_densities_and_no_back_propagation() -> None:
    data = training_data()
    words = Page(result_page(result_from_data(data))).words
    assert {"BPTT", "Back-propagation through time"} <= set(words)
    words = Page(result_page(result_from_data(data | {"kept": []}))).words
    assert "Densities" in words
    assert not {"BPTT", "Back-propagation through time"} & set(words)
    data["tensors"] = [t | {"density": None, "steps": None, "model": None} for t in data["tensors"]]
    page = Page(result_page(result_from_data(data | {"kept": []})))
    assert "step" not in page.ids
    assert "#step" not in [value for name, value in page.attributes if name == "href"]


def test_what_zeros_save_is_as_the_command_says(tmp_path: Path) -> None:
    told = ok("run", SMALL, "--explain-sparsity", "--html", str(tmp_path / "r.html"))
    words = Page((tmp_path / "r.html").read_text(encoding="utf-8")).words
    saved = explain_sparsity(SMALL)
    assert saved
    for row in saved:
        assert {row["op"], row["rule"], quantity(row["energy_pj"], "pj"), whole_number(row["computes"])} <= set(words)
        assert row["rule"] in told
    assert "What zeros save" in words
    assert "What zeros save" not in Page(result_page(small())).words


def test_columns_are_called_as_in_the_summary() -> None:
    words = Page(result_page(small())).words
    assert words.count("actual") == 3  # of stages, layers and ops
    assert "done" not in words


def test_the_command_is_said_without_its_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for program in ("/home/me/.venv/bin/sata", "/home/me/sata/sata/__main__.py"):
        monkeypatch.setattr(sys, "argv", [program, "run", "/a/b.yaml"])
        assert evaluate(SMALL).meta["command"] == "sata run /a/b.yaml"


def test_metadata_and_models_are_shown() -> None:
    data = training_data()
    data["records"][0]["outcome"] = "metadata"
    data["tensors"][2] |= {"model": "runs", "parameters": "length 3", "density": None}
    text = result_page(result_from_data(data))
    assert "<td>runs length 3</td>" in text
    assert "<h3>Metadata of formats</h3>" in text
    assert '<td class="l">DRAM</td><td class="l">spike</td>' in text


def test_formats_and_models_of_a_run(tmp_path: Path) -> None:
    text = Path(SMALL).read_text(encoding="utf-8")
    for old, new in (("keep: [weight, spike]", "keep: [weight, spike]\n    format: {spike: bitmask}"),
                     ("density: 0.25", "density: {model: temporal, density: 0.25, silent: 0.3}")):  # fmt: skip
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    shown = result_page(evaluate(str(tmp_path / "s.yaml")))
    for words in ("stored as bitmask, with", "stores spike as bitmask", "<td>temporal density 0.25, silent 0.3</td>",
                  "<h3>Metadata of formats</h3>"):  # fmt: skip
        assert words in shown


def test_vgg16_is_small_and_quick() -> None:
    """Less than 1 MB, and within 3 s of this process's time after evaluation."""
    result = evaluate(*VGG16)
    result_page(small())  # imports
    start = time.process_time()
    text = result_page(result)
    assert time.process_time() - start < 3
    assert len(text.encode()) < 1_000_000
    assert text.count('<details class="nest">') == len(result.nests)


def test_the_command_writes_it(tmp_path: Path) -> None:
    out = ok("run", SMALL, "--html", str(tmp_path / "r.html"))
    assert out.startswith("step on small")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.endswith("</html>\n")
    assert ok("run", SMALL, "--html", "-").startswith("<!DOCTYPE html>")


# --- in a browser -------------------------------------------------------------------------------------------------

in_a_browser = pytest.mark.skipif(programs() is None, reason="neither Chromium nor chromedriver is here")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    run = ("arch/sata.yaml", "workloads/vgg5_cifar10.yaml")
    path.write_text(result_page(evaluate(*run), saved=explain_sparsity(*run)), encoding="utf-8")
    return path


def requests(browser: Browser) -> list[str]:
    """The addresses that the page has asked for."""
    sent = [m["message"] for m in browser.logs("performance")]
    found = [re.search(r'"Network.requestWillBeSent".*?"url":"([^"]*)"', text) for text in sent]
    return [m[1] for m in found if m]


@in_a_browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_fits_says_nothing_and_asks_for_nothing(browser: Browser, page: Path, width: int, dark: bool) -> None:
    browser.logs("performance")
    browser.open(page, width, dark)
    browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.run("return document.documentElement.scrollWidth") <= width
    beyond = """
      const inside = (e) => e.closest('.scroll') || e.closest('svg');
      return [...document.querySelectorAll('body *')].filter((e) => !inside(e)
        && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80));"""
    assert browser.run(beyond) == []
    assert browser.logs("browser") == []
    assert [url for url in requests(browser) if not url.startswith(("file:", "data:,"))] == []
    ground, ink = browser.run("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
    assert (brightness(ground) < brightness(ink)) == dark
    assert abs(brightness(ground) - brightness(ink)) > 180


def brightness(colour: str) -> float:
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


@in_a_browser
def test_small_text_can_be_read(browser: Browser, page: Path) -> None:
    """On a telephone, letters of pictures are as high as 6 px or more, those of the page 12 px or more."""
    browser.open(page, 390)
    sizes = browser.run("""
      return [...document.querySelectorAll('svg text')].map((t) => parseFloat(getComputedStyle(t).fontSize)
        * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b));""")
    assert min(sizes) > 6
    rest = "return [...document.querySelectorAll('td, dd, li, summary')].map((e) => parseFloat(getComputedStyle(e).fontSize))"
    assert min(browser.run(rest)) >= 12


def column(browser: Browser, table: str, number: int) -> list[Any]:
    script = """return [...document.querySelectorAll(arguments[0] + ' tbody tr')].filter((r) => !r.hidden)
      .map((r) => r.cells[arguments[1]]).map((c) => c.dataset.v === undefined ? c.textContent : Number(c.dataset.v))"""
    return list(browser.run(script, table, number))


@in_a_browser
def test_tables_sort(browser: Browser, page: Path) -> None:
    browser.open(page)
    before = column(browser, "#by-layer", 1)
    head = "#by-layer th:nth-child(2)"
    browser.click(f"{head} button")
    assert browser.run("return document.querySelector(arguments[0]).ariaSort", head) == "descending"
    assert column(browser, "#by-layer", 1) == sorted(before, reverse=True) != before
    browser.click(f"{head} button")
    assert browser.run("return document.querySelector(arguments[0]).ariaSort", head) == "ascending"
    assert column(browser, "#by-layer", 1) == sorted(before)
    browser.click("#by-layer th:nth-child(1) button")
    assert browser.run("return document.querySelector(arguments[0]).ariaSort", head) == "none"
    assert column(browser, "#by-layer", 0) == ["conv1", "conv2", "conv3", "fc4", "fc5", "pool1", "pool2"]


@in_a_browser
def test_tables_filter(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.type("#by-op input", "CONV2 backward")
    assert column(browser, "#by-op", 0) == ["conv2.gradient", "conv2.backward"]
    assert browser.run("return document.querySelector('#by-op .count').textContent") == "2 of 31"
    browser.type("#by-op input", " nothing")
    assert column(browser, "#by-op", 0) == []
    assert len(column(browser, "#by-layer", 0)) == 7


@in_a_browser
def test_tips_follow_the_pointer(browser: Browser, page: Path) -> None:
    browser.open(page)
    where = browser.run("""
      const bar = [...document.querySelectorAll('.tip')].find((g) => g.dataset.tip.startsWith('DRAM, weight:'));
      bar.scrollIntoView({block: 'center'});
      const box = bar.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2, bar.dataset.tip];""")
    assert browser.run("return document.getElementById('tip').hidden")
    browser.point(where[0], where[1])
    shown = browser.run("""const tip = document.getElementById('tip'), box = tip.getBoundingClientRect();
      return [tip.hidden, tip.textContent, box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight];""")
    assert shown == [False, where[2], True]
    assert re.fullmatch(r"DRAM, weight: [\d.]+ [mu]J", where[2])
    browser.point(3, 3)
    assert browser.run("return document.getElementById('tip').hidden")
    assert (
        browser.run("return document.querySelectorAll('svg title').length") <= 6
    )  # one a picture; tips have theirs no more


@in_a_browser
def test_dots_of_the_roofline_say_their_op(browser: Browser, page: Path) -> None:
    browser.open(page)
    tips = browser.run("return [...document.querySelectorAll('.tip')].map((g) => g.dataset.tip)")
    dots = [tip.split(":")[0] for tip in tips if "computes/byte" in tip]
    assert len(dots) > 20
    assert {"conv1.forward + conv1.fire", "conv3.backward", "fc4.weight + fc4.update"} <= set(dots)
    where = browser.run("""
      const dot = [...document.querySelectorAll('.tip')].find((g) => g.dataset.tip.startsWith('pool1.backward:'));
      dot.scrollIntoView({block: 'center'});
      const box = dot.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];""")
    browser.point(*where)
    assert browser.run("return document.getElementById('tip').textContent").startswith("pool1.backward: ")


@in_a_browser
def test_wide_tables_say_so_and_scroll(browser: Browser, page: Path) -> None:
    """On a telephone only, and until their end is reached; keys reach them."""
    state = """const box = document.querySelector('#by-op .scroll'), hint = box.previousElementSibling;
      return [hint.hidden, hint.textContent, box.classList.contains('more'), box.tabIndex];"""
    browser.open(page, 1280)
    assert browser.run(state) == [True, "more columns: scroll sideways", False, -1]
    browser.open(page, 390)
    assert browser.run(state) == [False, "more columns: scroll sideways", True, 0]
    browser.run("document.querySelector('#by-op .scroll').scrollLeft = 9999")
    browser.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert browser.run(state) == [False, "more columns: scroll sideways", False, 0]


@in_a_browser
def test_what_rules_save_sorts(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.click("#by-rule th:nth-child(7) button")
    energies = column(browser, "#by-rule", 6)
    assert len(energies) == 14
    assert energies == sorted(energies, reverse=True)
    assert column(browser, "#by-rule", 0)[0] == "conv3.backward"


@in_a_browser
def test_without_a_script_all_is_there(browser: Browser, tmp_path: Path) -> None:
    text = re.sub(r"<script>.*</script>", "", result_page(training()), flags=re.DOTALL)
    (tmp_path / "plain.html").write_text(text, encoding="utf-8")
    browser.open(tmp_path / "plain.html")
    assert len(column(browser, "#by-op", 0)) == 4
    assert browser.run("return [...document.querySelectorAll('.tip > title')].length") > 10


@in_a_browser
def test_it_prints(browser: Browser, page: Path) -> None:
    browser.open(page)
    pdf = browser.pdf()
    assert pdf.startswith(b"%PDF")
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 12
    browser.cdp("Emulation.setEmulatedMedia", media="print", features=[])
    browser.cdp("Emulation.setDeviceMetricsOverride", width=690, height=900, deviceScaleFactor=1, mobile=False)  # A4
    wide = """return [...document.querySelectorAll('table')].filter((t) => t.getBoundingClientRect().right > 690)
      .map((t) => t.tHead.textContent);"""
    assert browser.run(wide) == []
    assert browser.run("return getComputedStyle(document.querySelector('.controls')).display") == "none"


def test_a_result_of_another_form_has_a_page(tmp_path: Path) -> None:
    """Without nests, architecture and tensors, as older versions wrote it."""
    data = {k: v for k, v in training_data().items() if k not in ("nests", "architecture", "tensors", "meta")}
    text = result_page(result_from_data(data))
    assert "This result holds no nests." in text
    assert result_json(result_from_data(data))
