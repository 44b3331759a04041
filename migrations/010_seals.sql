-- 010: seals over the audit trail, so that an edit or a cut tail is found, and numbers of its lines that outlive a restore.

-- The trail is read, followed and sealed in the order of its transactions. In a cluster restored from a dump they begin anew,
-- so after a restore this function is replaced by one that adds what the restored lines have reached (studio-data restore).
CREATE FUNCTION trail_number(transaction xid8) RETURNS xid8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN transaction;

ALTER TABLE activity_log
ALTER COLUMN transaction_id SET DEFAULT trail_number(pg_current_xact_id());

-- A line as one hash, whatever a session has set for times and JSON.
CREATE FUNCTION line_hash(line activity_log) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(jsonb_build_array(
    line.id, line.entity_type, line.entity_id, line.action, line.actor_type, line.actor_name, line.metadata, line.context,
    line.project_id, line.transaction_id::text, extract(epoch FROM line.created_at)
)::text, 'UTF8'));

CREATE FUNCTION seal_hash(
    previous_hash bytea, number bigint, last_transaction xid8, lines bigint, sealed_at timestamptz, lines_hash bytea
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(
    previous_hash
    || convert_to(format('%s %s %s %s ', number, last_transaction, lines, extract(epoch FROM sealed_at)), 'UTF8')
    || lines_hash
);

-- A seal covers the lines after the seal before it, up to and with a transaction, and hashes that seal's hash too: whoever
-- keeps the newest one elsewhere can tell whether anything before it was changed.
CREATE TABLE audit_seals (
    number bigint NOT NULL,
    last_transaction xid8 NOT NULL,
    lines bigint NOT NULL,
    lines_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at bounded_timestamptz NOT NULL,
    CONSTRAINT audit_seals_pkey PRIMARY KEY (number),
    CONSTRAINT audit_seals_number_range CHECK (number > 0),
    CONSTRAINT audit_seals_lines_range CHECK (lines > 0),
    CONSTRAINT audit_seals_hashes_have_32_bytes CHECK (
        octet_length(lines_hash) = 32 AND octet_length(previous_hash) = 32 AND octet_length(hash) = 32
    )
);

CREATE OR REPLACE FUNCTION refuse_change_of_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', tg_table_name, tg_op
    USING ERRCODE = 'insufficient_privilege', HINT = 'Write a new entry with log_activity instead.';
END
$$;

CREATE TRIGGER audit_seals_are_final
BEFORE UPDATE OR DELETE ON audit_seals
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_log();
ALTER TABLE audit_seals ENABLE ALWAYS TRIGGER audit_seals_are_final;

CREATE TRIGGER audit_seals_are_never_emptied
BEFORE TRUNCATE ON audit_seals
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_log();
ALTER TABLE audit_seals ENABLE ALWAYS TRIGGER audit_seals_are_never_emptied;

INSERT INTO schema_version (version, description)
VALUES (10, 'seals');
