-- 026: a project's tasks lie in order: without this, and before the first ANALYZE, a list of them may walk all tasks by id.

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX project_tasks_project_id_idx ON project_tasks (project_id, id);

INSERT INTO schema_version (version, description)
VALUES (26, 'tasks of a project');
