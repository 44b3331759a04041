-- 003: the log says under which tool and agent run something happened, and for whom: facts about the call, not the entity.

ALTER TABLE activity_log
ADD COLUMN context bounded_jsonb NOT NULL DEFAULT '{}';

-- The log of a practice that nobody has installed yet is short.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_run_idx ON activity_log ((context ->> 'run_id'), id)
WHERE context ? 'run_id';

INSERT INTO schema_version (version, description)
VALUES (3, 'activity context');
