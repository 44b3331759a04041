-- 008: what somebody has agreed to do in any meeting is one list.

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX meeting_action_items_assigned_to_idx ON meeting_action_items (assigned_to, id) WHERE assigned_to IS NOT NULL;

INSERT INTO schema_version (version, description)
VALUES (8, 'meetings');
