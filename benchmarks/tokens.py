"""Count what a page of each list costs a model: fifty whole items, and the page that it gets if it asks for nothing else."""

import json
from typing import Any

from tests.examples import EXAMPLES, Practice

from benchmarks.options import Options
from benchmarks.report import Reach, Section, Table
from benchmarks.server import database, use
from studio_data import call
from studio_data.contract.registry import Tool, all_tools
from studio_data.db import transaction

CHARACTERS_PER_TOKEN = 3
PYTHONS_PAGE = 50
MOST = 2_500


def measure(options: Options) -> Section:
    """Call each list with the arguments of its example, and weigh its items as a model reads them."""
    lists = [tool for tool in all_tools() if tool.brief]
    with database(options.server_url) as url:
        use(url)
        with transaction(rollback=True):
            practice = Practice()
            weights = {tool.name: _weights(tool, practice) for tool in lists}
    whole = {name: PYTHONS_PAGE * weight for name, (weight, _) in weights.items()}
    brief = {tool.name: tool.brief_limit * weights[tool.name][1] for tool in lists}
    return Section(
        "Tokens of a page",
        f"What a full page of each list costs a model, in tokens of {CHARACTERS_PER_TOKEN} characters: {PYTHONS_PAGE} whole "
        "items, and the page that `call` and MCP give by default. An item is the longest of the list's example.",
        tables=[
            Table(
                ["list", f"{PYTHONS_PAGE} whole items", "default page", "its items", "fields of an item"],
                [
                    (
                        tool.name,
                        f"{whole[tool.name]:,.0f}",
                        f"{brief[tool.name]:,.0f}",
                        str(tool.brief_limit),
                        ", ".join(tool.brief),
                    )
                    for tool in lists
                ],
            )
        ],
        reaches=[Reach("the longest default page of a list, tokens", max(brief.values()), MOST)],
    )


def _weights(tool: Tool, practice: Practice) -> tuple[float, float]:
    """Return the tokens of the longest item, whole and by default."""
    given = json.loads(json.dumps(EXAMPLES[tool.name].arguments(practice), default=str))
    whole = call(tool.name, {**given, "fields": "*"})["items"]
    return _longest(whole), _longest(call(tool.name, given)["items"])


def _longest(items: list[Any]) -> float:
    return max(len(json.dumps(item, separators=(",", ":"))) for item in items) / CHARACTERS_PER_TOKEN
