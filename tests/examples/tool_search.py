from tests.examples.example import Example

EXAMPLES = {
    "find_tools": Example(lambda _practice: {"query": "deposit"}),
}
