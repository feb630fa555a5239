"""The page of the deck's keys is what the bindings say."""

from tools import keymap


def test_the_page_is_as_the_code_has_it() -> None:
    assert keymap.PAGE.read_text() == keymap.page(), "run `make keymap`"


def test_it_has_every_screen_with_what_its_keys_do() -> None:
    page = keymap.page()
    assert "| `?` | The keys that do something here |" in page
    assert "| `y` | Do it |" in page
    assert "| `↓` `j` | Down |" in page.replace("`j` `↓`", "`↓` `j`")
