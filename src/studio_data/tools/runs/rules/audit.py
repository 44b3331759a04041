"""What the lines of agent runs say besides what every line says."""

from typing import Any

from psycopg.types.json import Jsonb

from studio_data.contract.actor import current_actor
from studio_data.contract.reports import cleaned


def event(user_action: str, **reported: Any) -> Jsonb:  # noqa: ANN401 (arguments of any tool)
    """Return metadata of an agent run's line: what was done, the address it was asked from, how reports were cleaned."""
    acting = current_actor.get()
    address = {} if acting is None or acting.ip_address is None else {"ip_address": acting.ip_address}
    return Jsonb({"user_action": user_action, **address, **cleaned(**reported)})
