-- 000: which migrations this schema has, written by each migration itself, so that psql, the container and the runner agree.

CREATE TABLE schema_version (
    version integer PRIMARY KEY,
    description text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO schema_version (version, description)
VALUES (0, 'schema version');
