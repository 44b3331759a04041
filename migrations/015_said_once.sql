-- 015: what many statements say is said once: how working days are counted, where a project was held, what the tools answer.

-- The planner puts the counting and the answers in line, as if each statement said them itself.

-- Working days -----------------------------------------------------------------------------------------------------

-- They are numbered from Monday, January 1, 1900, number 0, the first day that the database takes.
CREATE FUNCTION working_day(number integer) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN DATE '1900-01-01' + number / 5 * 7 + number % 5;

-- How many there are before a day: a working day's own number, on a weekend the number of the Monday after it.
CREATE FUNCTION working_days_before(day date) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (day - DATE '1900-01-01') / 7 * 5 + least((day - DATE '1900-01-01') % 7, 5);

-- The phase in which a project was last put on hold, to which it goes back.
CREATE FUNCTION phase_held_in(project_id uuid) RETURNS project_phase
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT from_phase
    FROM phase_transitions
    WHERE phase_transitions.project_id = phase_held_in.project_id AND to_phase = 'on_hold'
    ORDER BY id DESC
    LIMIT 1
);

-- Answers ----------------------------------------------------------------------------------------------------------

-- A view is for what a statement reads, the function beside it for the row that the statement itself has just written, which
-- no view shows before the statement has ended.

-- A task, with what its template says of it. A task of no template has no duration and does not recur.
CREATE VIEW task_answers WITH (security_invoker = true) AS
SELECT
    task.id, task.project_id, task.template_id, task.status, task.assigned_to, task.due_date, task.completed_at,
    task.created_at, task.updated_at, coalesce(task.name, template.name) AS name,
    coalesce(task.description, template.description) AS description, coalesce(task.phase, template.phase) AS phase,
    template.duration_days, coalesce(template.is_recurring, false) AS is_recurring
FROM project_tasks AS task
LEFT JOIN workflow_templates AS template ON template.id = task.template_id;

CREATE FUNCTION task_answer(task project_tasks, template workflow_templates) RETURNS SETOF task_answers
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        task.id, task.project_id, task.template_id, task.status, task.assigned_to, task.due_date, task.completed_at,
        task.created_at, task.updated_at, coalesce(task.name, template.name),
        coalesce(task.description, template.description), coalesce(task.phase, template.phase),
        template.duration_days, coalesce(template.is_recurring, false);
END;

-- A session without its state, which may be large.
CREATE VIEW session_answers WITH (security_invoker = true) AS
SELECT
    id, session_id, user_mission, project_name, project_id, status, current_phase, iteration_count, qa_passed, feedback,
    work_dir, metadata, created_at, updated_at
FROM agent_sessions;

CREATE FUNCTION session_answer(session agent_sessions) RETURNS SETOF session_answers
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        session.id, session.session_id, session.user_mission, session.project_name, session.project_id, session.status,
        session.current_phase, session.iteration_count, session.qa_passed, session.feedback, session.work_dir,
        session.metadata, session.created_at, session.updated_at;
END;

-- A profile without its key, and with what it has used today and may still use.
CREATE VIEW settings_answers WITH (security_invoker = true) AS
SELECT
    id, profile_name, provider, model, auth_type, api_key_encrypted IS NOT NULL AS has_api_key, daily_limit, hard_limit,
    usage_unit, used_today,
    CASE WHEN hard_limit IS NOT NULL THEN greatest(hard_limit - used_today, 0) END AS left_today,
    last_reset_date, env_overrides, active_prompt_path, created_at, updated_at
FROM agent_settings
CROSS JOIN LATERAL (SELECT used_today(last_reset_date, usage_today)) AS today;

CREATE FUNCTION settings_answer(settings agent_settings) RETURNS SETOF settings_answers
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        settings.id, settings.profile_name, settings.provider, settings.model, settings.auth_type,
        settings.api_key_encrypted IS NOT NULL, settings.daily_limit, settings.hard_limit, settings.usage_unit, used_today,
        CASE WHEN settings.hard_limit IS NOT NULL THEN greatest(settings.hard_limit - used_today, 0) END,
        settings.last_reset_date, settings.env_overrides, settings.active_prompt_path, settings.created_at,
        settings.updated_at
    FROM (SELECT used_today(settings.last_reset_date, settings.usage_today)) AS today;
END;

INSERT INTO schema_version (version, description)
VALUES (15, 'said once');
