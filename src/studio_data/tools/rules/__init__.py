"""The rules of the nouns that every domain may know."""
