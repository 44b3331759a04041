-- 010: the trail is sealed in a chain of hashes: whoever has kept the newest one finds every line that was touched.

-- A line's number is that of its transaction. After a restore into a server that counts from less, this function is replaced
-- by one that adds a constant, so that the numbers of the trail only go upward.
CREATE FUNCTION trail_number(transaction xid8) RETURNS xid8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN transaction;

ALTER TABLE activity_log
ALTER COLUMN transaction_id SET DEFAULT trail_number(pg_current_xact_id());

-- What a seal covers of a line: every column, in a text that is the same in every session (so no time in a time zone). A
-- column that comes later is added at the end and only where it is not null, or else no old seal holds any more.
CREATE FUNCTION trail_line_hash(line activity_log) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(
    json_build_array(
        line.transaction_id, line.id, line.entity_type, line.entity_id, line.project_id, line.action, line.actor_type,
        line.actor_name, line.metadata, line.context, extract(epoch FROM line.created_at)
    )::text,
    'UTF8'
));

CREATE FUNCTION seal_hash(
    previous_hash bytea, number bigint, last_transaction xid8, lines bigint, sealed_at timestamptz, lines_hash bytea
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(
    previous_hash
    || convert_to(json_build_array(number, last_transaction, lines, extract(epoch FROM sealed_at))::text, 'UTF8')
    || lines_hash
);

-- A seal covers the lines numbered above the last transaction of the seal before it, up to its own.
CREATE TABLE audit_seals (
    number bigint NOT NULL,
    last_transaction xid8 NOT NULL,
    lines bigint NOT NULL,
    -- Of the lines' hashes, in the order of their numbers and ids.
    lines_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_seals_pkey PRIMARY KEY (number),
    CONSTRAINT audit_seals_number_is_positive CHECK (number > 0),
    CONSTRAINT audit_seals_lines_is_positive CHECK (lines > 0),
    CONSTRAINT audit_seals_hashes_have_32_bytes CHECK (
        octet_length(lines_hash) = 32
        AND octet_length(previous_hash) = 32
        AND octet_length(hash) = 32
    )
);

CREATE OR REPLACE FUNCTION refuse_change_of_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', tg_table_name, tg_op
    USING ERRCODE = 'insufficient_privilege',
        HINT = 'What was written stays; a correction is a new line, written with log_activity.';
END
$$;

CREATE TRIGGER audit_seals_rows_are_final
BEFORE UPDATE OR DELETE ON audit_seals
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_log();
ALTER TABLE audit_seals ENABLE ALWAYS TRIGGER audit_seals_rows_are_final;

CREATE TRIGGER audit_seals_is_never_emptied
BEFORE TRUNCATE ON audit_seals
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_log();
ALTER TABLE audit_seals ENABLE ALWAYS TRIGGER audit_seals_is_never_emptied;

INSERT INTO schema_version (version, description)
VALUES (10, 'seals');
