-- 004: the call ledger, so that a call repeated with its key writes nothing twice and gets its first result.

CREATE TABLE call_ledger (
    key visible_text NOT NULL,
    tool short_text NOT NULL,
    arguments_hash bytea NOT NULL,
    -- NULL only inside the call's own transaction. Not jsonb, which would write numbers in another way than the tool did.
    result json,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT call_ledger_pkey PRIMARY KEY (key),
    CONSTRAINT call_ledger_key_is_one_line CHECK (
        char_length(key) <= 255
        AND key !~ '[\u0001-\u001F\u007F-\u009F\u2028\u2029]'
    ),
    CONSTRAINT call_ledger_arguments_hash_has_32_bytes CHECK (octet_length(arguments_hash) = 32)
);
CREATE INDEX call_ledger_created_at_idx ON call_ledger (created_at);

INSERT INTO schema_version (version, description)
VALUES (4, 'call ledger');
