-- 007: a task template can be put between two others: the places of a phase are compared when a statement ends, not row by row.

-- A unique index cannot wait for the end of the statement, nor a unique constraint leave the retired templates out.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX workflow_templates_task_order_key;

ALTER TABLE workflow_templates
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT workflow_templates_task_order_key
EXCLUDE USING btree (phase WITH =, task_order WITH =) WHERE (retired_at IS NULL)
DEFERRABLE INITIALLY IMMEDIATE;

INSERT INTO schema_version (version, description)
VALUES (7, 'tasks');
