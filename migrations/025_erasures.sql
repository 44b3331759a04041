-- 025: what the law demands is erased from the trail, and the seals still hold.

-- A note names each line that was erased, by its hash before and after. Where a line has the hash after, its seal is computed
-- with the one before. Whatever else a note holds is passed over: anybody may write lines.
CREATE VIEW erased_lines WITH (security_invoker = true) AS
SELECT note.id AS note_id, line ->> 'line' AS line_id, line ->> 'before' AS before, line ->> 'after' AS after
FROM activity_log AS note, jsonb_path_query(
    note.metadata,
    '$.lines[*] ? (
        @.line like_regex "^[0-9a-f-]{36}$" && @.before like_regex "^[0-9a-f]{64}$" && @.after like_regex "^[0-9a-f]{64}$"
    )'
) AS line
WHERE note.action = 'erased' AND note.context ->> 'tool' = 'audit erase';

INSERT INTO schema_version (version, description)
VALUES (25, 'erasures');
