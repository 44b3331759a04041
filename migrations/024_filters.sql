-- 024: every filter of the lists that grow is served by an index, so that a read costs the same after years of work.

-- An id belongs to one thing, whatever its kind: with the id first, the kind alone can have an index of its own.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX activity_log_entity_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_entity_id_idx ON activity_log (entity_id, id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_entity_type_idx ON activity_log (entity_type, id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_actor_name_idx ON activity_log (actor_name, id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_action_idx ON activity_log (action, id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX activity_log_run_feed_idx ON activity_log ((context ->> 'run_id'), transaction_id, id) WHERE context ? 'run_id';

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX agent_sessions_status_idx ON agent_sessions (status, id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX agent_sessions_current_phase_idx ON agent_sessions (current_phase, id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX agent_executions_status_idx ON agent_executions (status, id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX agent_executions_agent_type_idx ON agent_executions (agent_type, id);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX project_tasks_status_idx ON project_tasks (status, id);
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX purchase_orders_late_idx ON purchase_orders (estimated_delivery, id)
WHERE status IN ('draft', 'submitted', 'acknowledged', 'in_production', 'shipped');

-- What one person does is in the order of the due dates.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX project_tasks_assigned_to_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX project_tasks_assigned_to_idx ON project_tasks (lower(assigned_to), due_date, id) WHERE assigned_to IS NOT NULL;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX meetings_status_idx ON meetings (status, scheduled_date, id);

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX pricing_benchmarks_quality_tier_idx ON pricing_benchmarks (lower(quality_tier), id);

-- A list of one status is in the order of the due dates, then of the ids.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX design_fees_due_idx;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX design_fees_due_idx ON design_fees (status, due_at, id) WHERE status <> 'paid';

INSERT INTO schema_version (version, description)
VALUES (24, 'filters');
