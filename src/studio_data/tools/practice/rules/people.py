"""The people of the practice, as far as its tasks and action items name them."""

from studio_data.db import many

MOST_PEOPLE = 200


def assigned() -> list[str]:
    """Return who is assigned a task or an action item.

    It goes from name to name in the indexes of both, however many rows a person has.
    """
    rows = many(
        """
        WITH RECURSIVE person AS (
            SELECT '' AS assigned_to
            UNION ALL
            SELECT (
                SELECT assigned_to
                FROM (
                    (
                        SELECT assigned_to::text
                        FROM project_tasks
                        WHERE assigned_to IS NOT NULL AND lower(assigned_to) > lower(person.assigned_to)
                        ORDER BY lower(assigned_to)
                        LIMIT 1
                    )
                    UNION ALL
                    (
                        SELECT assigned_to::text
                        FROM meeting_action_items
                        WHERE assigned_to IS NOT NULL AND lower(assigned_to) > lower(person.assigned_to)
                        ORDER BY lower(assigned_to)
                        LIMIT 1
                    )
                ) AS following
                ORDER BY lower(assigned_to)
                LIMIT 1
            )
            FROM person
            WHERE assigned_to IS NOT NULL
        )
        SELECT assigned_to
        FROM person
        WHERE assigned_to <> ''
        LIMIT %(limit)s
        """,
        {"limit": MOST_PEOPLE},
    )
    return [row["assigned_to"] for row in rows]
