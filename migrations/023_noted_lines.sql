-- 023: what somebody notes is told apart from what a tool did, and text does not turn the direction of what follows.

-- Whether a line of the trail is somebody's note: log_activity takes any words, also those of the tools.
CREATE FUNCTION is_noted(context jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(context ->> 'tool', '') IN ('', 'log_activity');

-- Embeddings, overrides and isolates show text in another order than it has.
-- squawk-ignore ban-alter-domain-with-add-constraint
ALTER DOMAIN visible_text ADD CONSTRAINT visible_text_keeps_its_direction CHECK (
    VALUE !~ '[\u202A-\u202E\u2066-\u2069]'
) NOT VALID;

INSERT INTO schema_version (version, description)
VALUES (23, 'noted lines');
