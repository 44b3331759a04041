-- 006: what the tools of the whole practice need: its feed, its own tasks, retired templates, order numbers, one GC.

-- The feed of a project holds what happened to everything under it, so a line of the trail names its project. A reader that
-- follows the trail asks for transactions that have ended: lines become visible in another order than their ids.
ALTER TABLE activity_log
ADD COLUMN project_id uuid,
ADD COLUMN transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id();

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_project_id_idx ON activity_log (project_id, id) WHERE project_id IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_transaction_id_idx ON activity_log (transaction_id, id);

-- What an update changed, as {"field": [old, new]}. Used by every tool that updates, so that each says it the same way.
CREATE FUNCTION changed_fields(before jsonb, after jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(jsonb_object_agg(field, jsonb_build_array(before -> field, value)), '{}')
    FROM jsonb_each(after) AS pair (field, value)
    WHERE field <> 'updated_at' AND before -> field IS DISTINCT FROM value
);

-- An update that changes nothing leaves updated_at as it was.
CREATE OR REPLACE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at = now();
    END IF;
    RETURN NEW;
END
$$;

-- Templates are retired, never deleted: existing projects keep what they got. The rules hold among those in use.
ALTER TABLE workflow_templates
ADD COLUMN retired_at bounded_timestamptz,
-- squawk-ignore ban-drop-constraint
DROP CONSTRAINT workflow_templates_task_order_key,
-- squawk-ignore ban-drop-constraint
DROP CONSTRAINT workflow_templates_name_key;

-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX workflow_templates_task_order_key ON workflow_templates (phase, task_order) WHERE retired_at IS NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX workflow_templates_name_key ON workflow_templates (phase, name) WHERE retired_at IS NULL;

-- A task that comes from no template says itself what it is.
ALTER TABLE project_tasks
ADD COLUMN name short_text,
ADD COLUMN description long_text,
ADD COLUMN phase project_phase,
-- squawk-ignore constraint-missing-not-valid
ADD CONSTRAINT project_tasks_from_template_or_named CHECK (
    (template_id IS NULL) = (name IS NOT NULL AND phase IS NOT NULL)
    AND (template_id IS NULL OR (name IS NULL AND description IS NULL AND phase IS NULL))
    AND (phase IS NULL OR phase NOT IN ('completed', 'on_hold'))
);

-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX project_trades_one_gc_key ON project_trades (project_id) WHERE role = 'gc';

-- Purchase orders are numbered without gaps within a year: the number is taken in the transaction that writes the order.
CREATE TABLE purchase_order_numbers (
    year integer NOT NULL,
    last_number integer NOT NULL,
    CONSTRAINT purchase_order_numbers_pkey PRIMARY KEY (year),
    CONSTRAINT purchase_order_numbers_year_range CHECK (year BETWEEN 1900 AND 2199),
    CONSTRAINT purchase_order_numbers_last_number_range CHECK (last_number BETWEEN 1 AND 1000000)
);

INSERT INTO schema_version (version, description)
VALUES (6, 'the practice');
