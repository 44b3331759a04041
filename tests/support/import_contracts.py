"""A contract of import-linter for packages that nobody lists: the domains.

A domain is a package of ``studio_data.tools`` with a ``domain.py``. It may import the modules beside it, which all domains
know, but no other domain, and these import no domain. Inside a domain, rules and ``domain.py`` import no tools.
"""

from typing import override

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class DomainsContract(Contract):
    """Holds every domain that there is to itself, with no list to add it to."""

    type_name = "domains"
    container = fields.StringField()

    @override
    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Collect the imports that lead into another domain, from shared modules into one, or from rules to tools."""
        container = str(self.container)
        domains = {child for child in graph.find_children(container) if f"{child}.domain" in graph.modules}
        wrong = [
            (importer, imported)
            for importer in graph.find_descendants(container)
            for imported in graph.find_modules_directly_imported_by(importer)
            if imported.startswith(f"{container}.") and not _may(importer, imported, domains)
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": sorted(wrong)})

    @override
    def render_broken_contract(self, check: ContractCheck) -> None:
        """Name each import that must not be there."""
        for importer, imported in check.metadata["wrong"]:
            output.print_error(f"{importer} imports {imported}")


def _may(importer: str, imported: str, domains: set[str]) -> bool:
    home, target = _of(importer, domains), _of(imported, domains)
    if target is None:
        return True
    if home != target:
        return False
    is_rule = importer.startswith((f"{home}.rules", f"{home}.domain"))
    return not is_rule or imported.startswith((f"{home}.rules", f"{home}.fields"))


def _of(module: str, domains: set[str]) -> str | None:
    """Return the domain that a module belongs to."""
    return next((domain for domain in domains if f"{module}.".startswith(f"{domain}.")), None)
