-- 018: a running execution has a lease, so that silence is not taken for death; a prompt knows what it is rolled back to.

-- Until then an execution that says nothing is taken to work. A heartbeat sets it anew.
ALTER TABLE agent_executions
ADD COLUMN lease_until bounded_timestamptz NOT NULL DEFAULT now() + interval '1 day';

-- The versions that were active before the active one, as they were activated, the last one at the end.
ALTER TABLE agent_prompt_versions
ADD COLUMN rolls_back_to integer[] NOT NULL DEFAULT '{}';

-- What is known of the history of earlier activations: when each version was last made the active one.
UPDATE agent_prompt_versions AS active
SET rolls_back_to = (
    SELECT coalesce(array_agg(version_number ORDER BY activated_at, version_number), '{}')
    FROM agent_prompt_versions AS earlier
    WHERE earlier.profile_name = active.profile_name AND earlier.activated_at < active.activated_at
)
WHERE is_active;

INSERT INTO schema_version (version, description)
VALUES (18, 'leases and history');
