"""What the lines of agent runs say besides what every line says."""

from psycopg.types.json import Jsonb

from studio_data.contract.actor import current_actor


def event(user_action: str) -> Jsonb:
    """Return metadata of an agent run's line: what was done, and the address it was asked from where that is known."""
    acting = current_actor.get()
    address = {} if acting is None or acting.ip_address is None else {"ip_address": acting.ip_address}
    return Jsonb({"user_action": user_action, **address})
