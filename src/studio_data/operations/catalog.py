"""The objects of a schema as Postgres describes them, and how they differ from those that the migrations make."""

import os
from dataclasses import dataclass

from psycopg import sql

from studio_data.db import many, transaction
from studio_data.postgres.migrate import shipped

type Objects = dict[tuple[str, str], str]
"""Every object's definition, by its kind and name."""


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that differs from what the migrations make, and the statement that corrects it."""

    message: str
    fix: str


def present() -> Objects:
    """Return the objects of the connection's own schema."""
    with transaction() as connection:
        connection.execute("SELECT set_config('search_path', quote_ident(current_schema()), true)")
        return _objects()


def expected() -> Objects:
    """Return the objects that the migrations make. They run in their own schema, which is then rolled back."""
    name = f"studio_data_doctor_{os.getpid()}"  # doctors that look at the same time do not meet
    with transaction(rollback=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        connection.execute("SELECT set_config('search_path', %s, true)", (name,))
        for migration in shipped():
            connection.execute(migration.path.read_bytes(), prepare=False)
        return _objects()


def _objects() -> Objects:
    """Describe the current schema. The search path is that schema alone, so that no description names it."""
    rows = many(
        """
        SELECT 'table' AS kind, relname AS name, relpersistence::text AS definition
        FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
        UNION ALL
        SELECT 'column', relname || '.' || attname,
            format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
            || coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '')
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT 'constraint', coalesce(relname, typname) || '.' || conname,
            pg_get_constraintdef(pg_constraint.oid, true)
        FROM pg_constraint
        LEFT JOIN pg_class ON pg_class.oid = conrelid
        LEFT JOIN pg_type ON pg_type.oid = contypid
        WHERE connamespace = current_schema()::regnamespace AND contype IN ('c', 'f', 'p', 'u')
        UNION ALL
        SELECT 'index', relname, pg_get_indexdef(indexrelid, 0, true) || CASE WHEN indisvalid THEN '' ELSE ' INVALID' END
        FROM pg_index
        JOIN pg_class ON pg_class.oid = indexrelid
        WHERE relnamespace = current_schema()::regnamespace
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
        UNION ALL
        SELECT 'trigger', relname || '.' || tgname, pg_get_triggerdef(pg_trigger.oid, true) || ' ' || tgenabled::text
        FROM pg_trigger
        JOIN pg_class ON pg_class.oid = tgrelid
        WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
        UNION ALL
        SELECT 'function', proname,
            pg_get_function_arguments(oid) || ' ' || coalesce(pg_get_function_sqlbody(oid), prosrc)
        FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace
            AND proname NOT IN ('trail_number', 'practice_time_zone') -- a restore and a command replace them
        UNION ALL
        SELECT 'enum', typname, string_agg(enumlabel, ', ' ORDER BY enumsortorder)
        FROM pg_enum
        JOIN pg_type ON pg_type.oid = enumtypid
        WHERE typnamespace = current_schema()::regnamespace
        GROUP BY typname
        """
    )
    return {(row["kind"], row["name"]): row["definition"] for row in rows}


def differences(should_be: Objects, are: Objects) -> list[Difference]:
    """Return what is missing, what differs and what comes from no migration, in this order."""
    missing = sorted(should_be.keys() - are.keys())
    changed = sorted(key for key in should_be.keys() & are.keys() if should_be[key] != are[key])
    added = sorted(are.keys() - should_be.keys())
    of_added_tables = tuple(f"{name}." for kind, name in added if kind == "table")
    return [
        *(Difference(f"the {kind} {name} is missing", _to_make(kind, name, should_be)) for kind, name in missing),
        *(Difference(f"the {kind} {name} was changed", _to_change(kind, name, should_be)) for kind, name in changed),
        *(
            Difference(f"the {kind} {name} comes from no migration", _to_drop(kind, name))
            for kind, name in added
            if kind in {"table", "function", "enum"} or not name.startswith(of_added_tables or " ")
        ),
    ]


def _to_make(kind: str, name: str, should_be: Objects) -> str:
    definition = should_be[kind, name]
    owner, _, part = name.rpartition(".")
    match kind:
        case "index":
            return definition
        case "constraint" if ("table", owner) in should_be:
            return f"ALTER TABLE {owner} ADD CONSTRAINT {part} {definition}"
        case "constraint":
            return f"ALTER DOMAIN {owner} ADD CONSTRAINT {part} {definition}"
        case "trigger":
            made = definition.removesuffix(" O").removesuffix(" A")
            always = f"; ALTER TABLE {owner} ENABLE ALWAYS TRIGGER {part}" if definition.endswith(" A") else ""
            return made + always
        case "column":
            return f"ALTER TABLE {owner} ADD COLUMN {part} {definition}"
        case _:
            return f"make the {kind} as docs/schema.sql has it"


def _to_change(kind: str, name: str, should_be: Objects) -> str:
    definition = should_be[kind, name]
    owner, _, part = name.rpartition(".")
    match kind:
        case "trigger":
            return f"ALTER TABLE {owner} ENABLE {'ALWAYS ' if definition.endswith(' A') else ''}TRIGGER {part}"
        case "index":
            return f"DROP INDEX {name}; {definition}"
        case "constraint":
            what = "TABLE" if ("table", owner) in should_be else "DOMAIN"
            return f"ALTER {what} {owner} DROP CONSTRAINT {part}; {_to_make(kind, name, should_be)}"
        case _:
            return f"make the {kind} as docs/schema.sql has it"


def _to_drop(kind: str, name: str) -> str:
    owner, _, part = name.rpartition(".")
    match kind:
        case "constraint" | "column":
            return f"ALTER TABLE {owner} DROP {kind.upper()} {part}"
        case "trigger":
            return f"DROP TRIGGER {part} ON {owner}"
        case "enum":
            return f"DROP TYPE {name}"
        case _:
            return f"DROP {kind.upper()} {name}"
