"""The document check finds what is wrong, and nothing else."""

from pathlib import Path

import pytest

from tools.check_docs import check, markdown_files
from tools.markdown import read, slugify

GOOD = """
# The *first* heading

See [here](#the-first-heading), [there](more/other.md#part-2), [a folder](more), [outside](https://example.org/x).
`[not a link](nowhere.md)` and <a id="mark"></a> [by mark](#mark). [twice](#again-1)

## Again
## Again

```python
async with Client() as client:
    await client.submit()
```

```yaml
image: x
```

```sh
swarm up --detach          # servers, core and worker
swarm run --input data.csv --output '*.txt' IMAGE -- sh -c 'swarm --none | cat'
FOO=1 swarm submit -f job.yaml \\
    --count 3 && swarm logs -f 1 | head
make test ARGS='-k x'
```

```console
$ swarm jobs --json
swarm is what this line of output begins with
```

```
[not](a-link.md)
```
"""
FAULTS = {
    "[x](none.md)": "there is no such file",
    "[x](#none)": "there is no such heading",
    "[x](more/other.md#none)": "there is no such heading",
    "[x]: none.md": "there is no such file",
    "```python\ndef (:\n```": "does not parse",
    "```yaml\na: [1\n```": "does not parse",
    "```json\n{,}\n```": "does not parse",
    "```toml\na = \n```": "does not parse",
    "```sh\nswarm runs x\n```": "there is no `swarm runs`",
    "```sh\nswarm run --inputs x image\n```": "`swarm run` has no flag --inputs",
    "```sh\ncat x | swarm worker lists\n```": "there is no `swarm worker lists`",
    "```sh\nmake tests\n```": "the Makefile has no target tests",
    "```sh\nswarm run 'x\n```": "can't be read",
    "```console\n$ swarm jobz\n```": "there is no `swarm jobz`",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/other.md").write_text("# Part 2\n")
    (tmp_path / "Makefile").write_text("test: setup\n\tpytest\n")
    return tmp_path


def faults(root: Path, text: str) -> list[str]:
    (root / "page.md").write_text(text)
    return list(check(root / "page.md", root))


def test_a_good_page_has_no_fault(root: Path) -> None:
    assert faults(root, GOOD) == []


@pytest.mark.parametrize("text", FAULTS)
def test_each_fault_is_found_once_with_its_line(root: Path, text: str) -> None:
    found = faults(root, f"{GOOD}\n{text}\n")
    assert len(found) == 1, found
    assert FAULTS[text] in found[0]
    line = GOOD.count("\n") + 2 + text.startswith("```")
    assert found[0].startswith(f"page.md:{line}: ")


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What is *inside*?", "what-is-inside"),
        ("`swarm up` & down", "swarm-up--down"),
        ("See [the map](map.md)", "see-the-map"),
        ("Größe 1_000", "größe-1_000"),
    ],
)
def test_anchors_are_made_as_code_hosts_make_them(heading: str, anchor: str) -> None:
    assert slugify(heading) == anchor


def test_a_block_that_is_not_closed_ends_with_the_page() -> None:
    assert read("```sh\nls\n").blocks[0].text == "ls\n"


def test_the_documents_of_this_repository_are_found() -> None:
    root = Path(__file__).resolve().parents[3]
    assert root / "README.md" in markdown_files(root)
