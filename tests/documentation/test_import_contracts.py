"""The import contract of the domains refuses what it is there to refuse."""

import pytest
from grimp import ImportGraph

from tests.support.import_contracts import DomainsContract

MODULES = [
    "tools", "tools.clients", "tools.domain", "tools.one", "tools.one.domain", "tools.one.rules", "tools.one.rules.moves",
    "tools.one.fields", "tools.one.rooms", "tools.two", "tools.two.domain", "tools.two.rooms",
]  # fmt: skip


@pytest.mark.parametrize(
    ("importer", "imported", "may"),
    [
        ("tools.one.rooms", "tools.clients", True),
        ("tools.one.rooms", "tools.one.rules.moves", True),
        ("tools.one.rules.moves", "tools.one.fields", True),
        ("tools.one.domain", "tools.one.rules.moves", True),
        ("tools.one.rooms", "tools.two.rooms", False),
        ("tools.one.rooms", "tools.two.domain", False),
        ("tools.clients", "tools.one.rooms", False),
        ("tools.one.rules.moves", "tools.one.rooms", False),
        ("tools.one.domain", "tools.one.rooms", False),
    ],
)
def test_a_domain_imports_what_all_know_and_its_rules_import_no_tools(importer: str, imported: str, *, may: bool) -> None:
    graph = ImportGraph()
    for module in MODULES:
        graph.add_module(module)
    graph.add_import(importer=importer, imported=imported)
    contract = DomainsContract(name="domains", session_options={}, contract_options={"container": "tools"})

    assert contract.check(graph, verbose=False).kept is may
