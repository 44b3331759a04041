"""The keys that encrypt the agents' API keys in the tests: made anew for each run, as a secret should be."""

from cryptography.fernet import Fernet

NEW, OLD = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def under_the_old_key(api_key: str) -> str:
    """Return an API key as it was encrypted before the key was changed."""
    return Fernet(OLD).encrypt(api_key.encode()).decode()
