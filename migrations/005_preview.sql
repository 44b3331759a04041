-- 005: a preview runs the real thing and undoes it; triggers keep what it changed until the caller has read it.

-- Nothing in this table is ever committed, so it needs no write-ahead log.
CREATE UNLOGGED TABLE preview_changes (
    position bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    table_name text NOT NULL,
    operation text NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT preview_changes_pkey PRIMARY KEY (position)
);

CREATE FUNCTION capture_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    INSERT INTO preview_changes (table_name, operation, before, after)
    VALUES (tg_table_name, tg_op, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;

-- The condition is looked at without a call of the function: it costs a row that nobody previews next to nothing.

CREATE TRIGGER clients_capture_change
AFTER INSERT OR UPDATE OR DELETE ON clients
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER projects_capture_change
AFTER INSERT OR UPDATE OR DELETE ON projects
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER project_rooms_capture_change
AFTER INSERT OR UPDATE OR DELETE ON project_rooms
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER design_fees_capture_change
AFTER INSERT OR UPDATE OR DELETE ON design_fees
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER pricing_benchmarks_capture_change
AFTER INSERT OR UPDATE OR DELETE ON pricing_benchmarks
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER vendors_capture_change
AFTER INSERT OR UPDATE OR DELETE ON vendors
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER line_items_capture_change
AFTER INSERT OR UPDATE OR DELETE ON line_items
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER vendor_quotes_capture_change
AFTER INSERT OR UPDATE OR DELETE ON vendor_quotes
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER purchase_orders_capture_change
AFTER INSERT OR UPDATE OR DELETE ON purchase_orders
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER email_templates_capture_change
AFTER INSERT OR UPDATE OR DELETE ON email_templates
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER workflow_templates_capture_change
AFTER INSERT OR UPDATE OR DELETE ON workflow_templates
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER project_tasks_capture_change
AFTER INSERT OR UPDATE OR DELETE ON project_tasks
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER trades_capture_change
AFTER INSERT OR UPDATE OR DELETE ON trades
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER project_trades_capture_change
AFTER INSERT OR UPDATE OR DELETE ON project_trades
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER meetings_capture_change
AFTER INSERT OR UPDATE OR DELETE ON meetings
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER meeting_action_items_capture_change
AFTER INSERT OR UPDATE OR DELETE ON meeting_action_items
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER documents_capture_change
AFTER INSERT OR UPDATE OR DELETE ON documents
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER phase_transitions_capture_change
AFTER INSERT OR UPDATE OR DELETE ON phase_transitions
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

CREATE TRIGGER activity_log_capture_change
AFTER INSERT OR UPDATE OR DELETE ON activity_log
FOR EACH ROW WHEN (current_setting('studio_data.preview', true) = 'on') EXECUTE FUNCTION capture_change();

INSERT INTO schema_version (version, description)
VALUES (5, 'preview');
