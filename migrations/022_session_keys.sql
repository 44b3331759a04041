-- 022: a session's key is never in the form of an id, which is another way to name a session, and has nothing that nobody sees.

-- Sessions that have such a key are found by their id; doctor names them.
ALTER TABLE agent_sessions
ADD CONSTRAINT agent_sessions_session_id_is_no_id CHECK (
    session_id !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
) NOT VALID;

ALTER TABLE agent_sessions
ADD CONSTRAINT agent_sessions_session_id_is_seen CHECK (
    session_id !~ '[\U000E0000-\U000E0FFF\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\u034F\u061C\u17B4\u17B5\u180B-\u180F\uFE00-\uFE0F\uFFF9-\uFFFB\u0001-\u001F\u007F-\u00A0\u00AD\u115F\u1160\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFEFF\uFFA0]'
) NOT VALID;

INSERT INTO schema_version (version, description)
VALUES (22, 'session keys');
