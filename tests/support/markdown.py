"""What the pages of the documentation hold: code blocks, links, headings."""

import re

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Return the language and the code of every fenced block, in order."""
    return _BLOCK.findall(text)


def links(text: str) -> list[str]:
    """Return the targets of all links, those in code left out."""
    return _LINK.findall(_without_code(text))


def anchors(text: str) -> set[str]:
    """Return what a link may name after the #: the headings as GitHub writes them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(_BLOCK.sub("", text))}


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", text))
