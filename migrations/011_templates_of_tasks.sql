-- 011: a task's template is checked once per statement: 135 row checks were a sixth of a new project's time and of its WAL.

-- What the foreign key held, without its lock on every template: a template is never deleted and keeps its id, a task keeps
-- its template, so a reference that was right once stays right, and only new tasks are to be looked at.
ALTER TABLE project_tasks
-- squawk-ignore ban-drop-constraint
DROP CONSTRAINT project_tasks_template_id_fkey;

CREATE FUNCTION check_templates_of_tasks() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    missing text;
BEGIN
    -- Planned once a session, for however few rows come first: NOT IN hashes the templates whatever it expects, where a join
    -- would read them all again for every row.
    SELECT min(template_id::text) INTO missing
    FROM added
    WHERE template_id IS NOT NULL AND template_id NOT IN (SELECT id FROM workflow_templates);
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'a task must have a template of workflow_templates or none'
        USING
            ERRCODE = 'foreign_key_violation',
            DETAIL = format('Key (template_id)=(%s) is not present in table "workflow_templates".', missing),
            SCHEMA = tg_table_schema,
            TABLE = tg_table_name,
            CONSTRAINT = 'project_tasks_template_id_fkey';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER project_tasks_check_templates
AFTER INSERT ON project_tasks
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION check_templates_of_tasks();

CREATE FUNCTION refuse_change_of_reference() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '%', tg_argv[0]
    USING
        ERRCODE = 'foreign_key_violation',
        SCHEMA = tg_table_schema,
        TABLE = tg_table_name,
        CONSTRAINT = 'project_tasks_template_id_fkey';
END
$$;

CREATE TRIGGER project_tasks_keep_their_template
BEFORE UPDATE ON project_tasks
FOR EACH ROW WHEN (OLD.template_id IS DISTINCT FROM NEW.template_id)
EXECUTE FUNCTION refuse_change_of_reference('a task keeps its template');

CREATE TRIGGER workflow_templates_keep_their_id
BEFORE UPDATE ON workflow_templates
FOR EACH ROW WHEN (OLD.id <> NEW.id)
EXECUTE FUNCTION refuse_change_of_reference('a template keeps its id');

CREATE TRIGGER workflow_templates_are_never_deleted
BEFORE DELETE ON workflow_templates
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_reference('templates are retired, never deleted');

CREATE TRIGGER workflow_templates_are_never_emptied
BEFORE TRUNCATE ON workflow_templates
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_reference('templates are retired, never deleted');

INSERT INTO schema_version (version, description)
VALUES (11, 'templates of tasks');
