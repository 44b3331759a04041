-- 013: agent runs: what the agents that run the studio do, so that a run can be watched, resumed, paid for and judged.

-- Domains -------------------------------------------------------------------------------------------------------------

-- What a run must be able to go on from: an object like bounded_jsonb, of at most 1 MB.
CREATE DOMAIN state_jsonb AS jsonb
CONSTRAINT state_jsonb_is_bounded_and_shallow CHECK (
    jsonb_typeof(VALUE) = 'object'
    AND octet_length(VALUE::text) <= 1048576
    AND NOT VALUE @? '$.**{33}'
    AND NOT VALUE @? '$.** ? (@ > 1e300 || @ < -1e300)'
);

-- A prompt: lines and tabs, longer than a note.
CREATE DOMAIN prompt_text AS visible_text
CONSTRAINT prompt_text_is_plain_text CHECK (
    char_length(VALUE) <= 200000
    AND VALUE !~ '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]'
);

-- Runs, tokens, or dollars, which for a model's call are small fractions of a cent.
CREATE DOMAIN usage_amount AS numeric(18, 6)
CONSTRAINT usage_amount_is_finite_and_not_negative CHECK (
    VALUE BETWEEN 0 AND 999999999999.999999
);

CREATE DOMAIN seconds AS numeric(15, 3)
CONSTRAINT seconds_are_finite_and_not_negative CHECK (
    VALUE BETWEEN 0 AND 999999999999.999
);

CREATE DOMAIN finite_number AS double precision
CONSTRAINT finite_number_is_finite CHECK (
    VALUE BETWEEN -1e300 AND 1e300
);

CREATE DOMAIN sha256_hex AS text
CONSTRAINT sha256_hex_has_64_digits CHECK (
    VALUE ~ '^[0-9a-f]{64}$'
);

-- Enums ---------------------------------------------------------------------------------------------------------------

CREATE TYPE agent_session_status AS ENUM (
    'pending', 'running', 'awaiting_approval', 'completed', 'failed', 'expired'
);
CREATE TYPE agent_session_phase AS ENUM (
    'pm', 'arch', 'human_gate', 'eng', 'qa', 'complete'
);
CREATE TYPE agent_execution_status AS ENUM (
    'running', 'completed', 'failed'
);
CREATE TYPE agent_artifact_type AS ENUM (
    'prd', 'tech_spec', 'scaffold', 'bug_report', 'code', 'test'
);
CREATE TYPE agent_usage_unit AS ENUM (
    'runs', 'tokens', 'cost'
);

-- Runs ----------------------------------------------------------------------------------------------------------------

CREATE TABLE agent_sessions (
    id uuid NOT NULL DEFAULT uuid_v7(),
    -- The caller's own key of the session.
    session_id short_text NOT NULL,
    user_mission long_text NOT NULL,
    project_name short_text,
    project_id uuid,
    status agent_session_status NOT NULL DEFAULT 'pending',
    current_phase agent_session_phase NOT NULL DEFAULT 'pm',
    iteration_count integer NOT NULL DEFAULT 0,
    -- What QA said last; NULL before it said anything.
    qa_passed boolean,
    -- What the person who looked last wants.
    feedback long_text,
    work_dir storage_key,
    state_json state_jsonb NOT NULL DEFAULT '{}',
    metadata bounded_jsonb NOT NULL DEFAULT '{}',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_sessions_pkey PRIMARY KEY (id),
    CONSTRAINT agent_sessions_session_id_key UNIQUE (session_id),
    CONSTRAINT agent_sessions_session_id_fits CHECK (char_length(session_id) <= 64),
    CONSTRAINT agent_sessions_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id),
    CONSTRAINT agent_sessions_iteration_count_range CHECK (iteration_count BETWEEN 0 AND 10000),
    CONSTRAINT agent_sessions_completed_in_the_last_phase CHECK ((status = 'completed') = (current_phase = 'complete')),
    CONSTRAINT agent_sessions_completed_after_qa CHECK (status <> 'completed' OR qa_passed IS TRUE),
    CONSTRAINT agent_sessions_await_approval_at_the_gate CHECK (
        status <> 'awaiting_approval' OR current_phase = 'human_gate'
    )
);
CREATE INDEX agent_sessions_project_id_idx ON agent_sessions (project_id);
-- Sessions that go on are few, however many there have been.
CREATE INDEX agent_sessions_open_idx ON agent_sessions (updated_at) WHERE status IN ('pending', 'running', 'awaiting_approval');

CREATE TABLE agent_executions (
    id uuid NOT NULL DEFAULT uuid_v7(),
    agent_session_id uuid NOT NULL,
    agent_type short_text NOT NULL,
    status agent_execution_status NOT NULL DEFAULT 'running',
    started_at bounded_timestamptz NOT NULL DEFAULT now(),
    completed_at bounded_timestamptz,
    duration_seconds seconds GENERATED ALWAYS AS (extract(epoch FROM completed_at - started_at)) STORED,
    input_summary long_text,
    output_summary long_text,
    error_message long_text,
    tokens_used integer NOT NULL DEFAULT 0,
    cost usage_amount NOT NULL DEFAULT 0,
    metadata bounded_jsonb NOT NULL DEFAULT '{}',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_executions_pkey PRIMARY KEY (id),
    CONSTRAINT agent_executions_agent_session_id_fkey FOREIGN KEY (agent_session_id) REFERENCES agent_sessions (id),
    CONSTRAINT agent_executions_tokens_used_range CHECK (tokens_used BETWEEN 0 AND 2000000000),
    CONSTRAINT agent_executions_end_after_they_start CHECK (completed_at >= started_at),
    CONSTRAINT agent_executions_completed_at_with_status CHECK ((status = 'running') = (completed_at IS NULL)),
    CONSTRAINT agent_executions_only_failed_ones_have_an_error CHECK ((status = 'failed') = (error_message IS NOT NULL))
);
CREATE INDEX agent_executions_agent_session_id_idx ON agent_executions (agent_session_id, id);
CREATE INDEX agent_executions_started_at_idx ON agent_executions (started_at);

CREATE TABLE agent_checkpoints (
    id uuid NOT NULL DEFAULT uuid_v7(),
    thread_id short_text NOT NULL,
    checkpoint_id short_text NOT NULL,
    parent_checkpoint_id short_text,
    agent_type short_text,
    context_id short_text,
    checkpoint_data state_jsonb NOT NULL,
    metadata bounded_jsonb NOT NULL DEFAULT '{}',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_checkpoints_pkey PRIMARY KEY (id),
    CONSTRAINT agent_checkpoints_thread_id_checkpoint_id_key UNIQUE (thread_id, checkpoint_id),
    CONSTRAINT agent_checkpoints_have_another_parent CHECK (parent_checkpoint_id <> checkpoint_id)
);
CREATE INDEX agent_checkpoints_thread_id_idx ON agent_checkpoints (thread_id, id);

CREATE TABLE agent_artifacts (
    id uuid NOT NULL DEFAULT uuid_v7(),
    agent_session_id uuid NOT NULL,
    artifact_type agent_artifact_type NOT NULL,
    file_path storage_key NOT NULL,
    content_hash sha256_hex NOT NULL,
    version integer NOT NULL,
    metadata bounded_jsonb NOT NULL DEFAULT '{}',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_artifacts_pkey PRIMARY KEY (id),
    CONSTRAINT agent_artifacts_agent_session_id_file_path_version_key UNIQUE (agent_session_id, file_path, version),
    CONSTRAINT agent_artifacts_agent_session_id_fkey FOREIGN KEY (agent_session_id) REFERENCES agent_sessions (id),
    CONSTRAINT agent_artifacts_version_range CHECK (version BETWEEN 1 AND 100000)
);

-- Profiles ------------------------------------------------------------------------------------------------------------

CREATE TABLE agent_settings (
    id uuid NOT NULL DEFAULT uuid_v7(),
    profile_name short_text NOT NULL,
    provider short_text NOT NULL,
    model short_text NOT NULL,
    auth_type short_text NOT NULL DEFAULT 'api_key',
    -- What cryptography's MultiFernet made of it: the keys are in the settings of the processes, never here.
    api_key_encrypted long_text,
    -- From the daily limit on a reservation is warned, beyond the hard one it is refused.
    daily_limit usage_amount,
    hard_limit usage_amount,
    usage_unit agent_usage_unit NOT NULL DEFAULT 'cost',
    -- What was used and is reserved on last_reset_date, a day in UTC.
    usage_today usage_amount NOT NULL DEFAULT 0,
    last_reset_date bounded_date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    env_overrides bounded_jsonb NOT NULL DEFAULT '{}',
    active_prompt_path storage_key,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_settings_pkey PRIMARY KEY (id),
    CONSTRAINT agent_settings_profile_name_key UNIQUE (profile_name),
    CONSTRAINT agent_settings_warn_before_they_refuse CHECK (daily_limit <= hard_limit)
);

CREATE TABLE agent_reservations (
    id uuid NOT NULL DEFAULT uuid_v7(),
    agent_settings_id uuid NOT NULL,
    agent_session_id uuid,
    usage_date bounded_date NOT NULL,
    amount usage_amount NOT NULL,
    settled_amount usage_amount,
    settled_at bounded_timestamptz,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_reservations_pkey PRIMARY KEY (id),
    CONSTRAINT agent_reservations_agent_settings_id_fkey FOREIGN KEY (agent_settings_id) REFERENCES agent_settings (id),
    CONSTRAINT agent_reservations_agent_session_id_fkey FOREIGN KEY (agent_session_id) REFERENCES agent_sessions (id),
    CONSTRAINT agent_reservations_are_settled_at_once CHECK ((settled_amount IS NULL) = (settled_at IS NULL))
);

CREATE TABLE agent_prompt_versions (
    id uuid NOT NULL DEFAULT uuid_v7(),
    profile_name short_text NOT NULL,
    version_number integer NOT NULL,
    prompt_content prompt_text NOT NULL,
    note long_text,
    is_active boolean NOT NULL DEFAULT false,
    -- When it was last made the active one: a profile is rolled back to what it has worked with.
    activated_at bounded_timestamptz,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_prompt_versions_pkey PRIMARY KEY (id),
    CONSTRAINT agent_prompt_versions_profile_name_version_number_key UNIQUE (profile_name, version_number),
    CONSTRAINT agent_prompt_versions_version_number_range CHECK (version_number BETWEEN 1 AND 100000),
    CONSTRAINT agent_prompt_versions_active_ones_were_activated CHECK (NOT is_active OR activated_at IS NOT NULL)
);
CREATE UNIQUE INDEX agent_prompt_versions_one_active_per_profile ON agent_prompt_versions (profile_name) WHERE is_active;

CREATE TABLE agent_metrics (
    id uuid NOT NULL DEFAULT uuid_v7(),
    metric_name short_text NOT NULL,
    metric_value finite_number NOT NULL,
    labels bounded_jsonb NOT NULL DEFAULT '{}',
    recorded_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agent_metrics_pkey PRIMARY KEY (id)
);
CREATE INDEX agent_metrics_metric_name_idx ON agent_metrics (metric_name, recorded_at);

-- Triggers ------------------------------------------------------------------------------------------------------------

CREATE TRIGGER agent_sessions_set_updated_at
BEFORE UPDATE ON agent_sessions
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER agent_settings_set_updated_at
BEFORE UPDATE ON agent_settings
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER agent_sessions_capture_change
AFTER INSERT OR UPDATE OR DELETE ON agent_sessions
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER agent_executions_capture_change
AFTER INSERT OR UPDATE OR DELETE ON agent_executions
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER agent_checkpoints_capture_change
AFTER INSERT OR UPDATE OR DELETE ON agent_checkpoints
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER agent_artifacts_capture_change
AFTER INSERT OR UPDATE OR DELETE ON agent_artifacts
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER agent_settings_capture_change
AFTER INSERT OR UPDATE OR DELETE ON agent_settings
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER agent_reservations_capture_change
AFTER INSERT OR UPDATE OR DELETE ON agent_reservations
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER agent_prompt_versions_capture_change
AFTER INSERT OR UPDATE OR DELETE ON agent_prompt_versions
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER agent_metrics_capture_change
AFTER INSERT OR UPDATE OR DELETE ON agent_metrics
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

-- Views ---------------------------------------------------------------------------------------------------------------

CREATE VIEW active_sessions WITH (security_invoker = true) AS
SELECT
    session.id, session.session_id, session.user_mission, session.project_name, session.status, session.current_phase,
    session.iteration_count, session.created_at, session.updated_at,
    work.running_agents, work.executions, work.tokens_used, work.cost
FROM agent_sessions AS session
CROSS JOIN LATERAL (
    SELECT
        array_agg(agent_type::text ORDER BY started_at) FILTER (WHERE status = 'running') AS running_agents,
        count(*) AS executions, coalesce(sum(tokens_used), 0) AS tokens_used, coalesce(sum(cost), 0) AS cost
    FROM agent_executions
    WHERE agent_session_id = session.id
) AS work
WHERE session.status IN ('pending', 'running', 'awaiting_approval');

CREATE VIEW session_metrics WITH (security_invoker = true) AS
SELECT
    session.id, session.session_id, session.status, session.iteration_count, session.qa_passed,
    work.executions, work.failed_executions, work.tokens_used, work.cost, work.agent_seconds,
    (SELECT count(*) FROM agent_artifacts WHERE agent_session_id = session.id) AS artifacts,
    extract(epoch FROM session.updated_at - session.created_at)::numeric(15, 3) AS elapsed_seconds
FROM agent_sessions AS session
CROSS JOIN LATERAL (
    SELECT
        count(*) AS executions, count(*) FILTER (WHERE status = 'failed') AS failed_executions,
        coalesce(sum(tokens_used), 0) AS tokens_used, coalesce(sum(cost), 0) AS cost,
        coalesce(sum(duration_seconds), 0) AS agent_seconds
    FROM agent_executions
    WHERE agent_session_id = session.id
) AS work;

CREATE VIEW agent_performance WITH (security_invoker = true) AS
SELECT
    agent_type, count(*) AS executions,
    count(*) FILTER (WHERE status = 'completed') AS completed,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    (count(*) FILTER (WHERE status = 'completed')::numeric / nullif(count(*) FILTER (WHERE status <> 'running'), 0))::numeric(5, 4)
        AS success_rate,
    avg(duration_seconds)::numeric(15, 3) AS mean_seconds,
    (percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_seconds))::numeric(15, 3) AS p95_seconds,
    sum(tokens_used) AS tokens_used, sum(cost) AS cost
FROM agent_executions
WHERE started_at >= now() - interval '7 days'
GROUP BY agent_type;

INSERT INTO schema_version (version, description)
VALUES (13, 'agent runs');
