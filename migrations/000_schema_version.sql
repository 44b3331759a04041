-- 000: which migrations this schema has, written by each migration itself, so that psql, the container and the runner agree.

CREATE TABLE schema_version (
    version integer NOT NULL,
    description text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schema_version_pkey PRIMARY KEY (version),
    CONSTRAINT schema_version_applied_at_in_range CHECK (
        applied_at >= '1900-01-01 00:00:00+00' AND applied_at < '2200-01-01 00:00:00+00'
    )
);

INSERT INTO schema_version (version, description)
VALUES (0, 'schema version');
