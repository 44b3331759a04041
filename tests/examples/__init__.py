"""One call of every tool: what the registry's tests, and the reference in the docs, make of each.

A module a noun, as in ``studio_data.tools``. A tool without an example fails ``tests/contract/test_every_tool.py`` by name.
"""

import importlib
import pkgutil

from tests.examples.example import Example, by_whom
from tests.examples.studio import Practice

EXAMPLES: dict[str, Example] = {
    name: example
    for module in pkgutil.walk_packages(__path__, f"{__name__}.")
    for name, example in getattr(importlib.import_module(module.name), "EXAMPLES", {}).items()
}

__all__ = ["EXAMPLES", "Example", "Practice", "by_whom"]
