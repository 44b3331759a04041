-- 001: the practice's 19 tables and 13 enums, with every rule that must hold even when somebody writes with psql.

-- Ids -----------------------------------------------------------------------------------------------------------------

-- A uuid of version 7 (RFC 9562, method 3): 48 bits of milliseconds, 12 bits of the fraction, 62 random bits. Rows made one
-- after the other sort in that order. One expression, so that the planner inlines it; Postgres 18 has it built in.
CREATE FUNCTION uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN (
    overlay(
        lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint * 512 / 125), 15, '0')
        PLACING '7' FROM 13 FOR 0
    ) || substr(gen_random_uuid()::text, 20)
)::uuid;

DO $$
BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        CREATE OR REPLACE FUNCTION uuid_v7() RETURNS uuid
        LANGUAGE sql VOLATILE PARALLEL SAFE
        RETURN uuidv7();
    END IF;
END
$$;

-- Domains: what no value of a kind may be, whoever writes it ----------------------------------------------------------
-- studio_data.fields refuses the same before the call reaches the database; tests/test_fields.py holds the two together.

-- Text begins and ends with something visible: it is not empty, not blank, not zero-width, not padded.
CREATE DOMAIN visible_text AS text
CONSTRAINT visible_text_has_visible_ends CHECK (
    VALUE !~ '^$|^[\U000E0000-\U000E0FFF\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\u034F\u061C\u17B4\u17B5\u180B-\u180F\uFE00-\uFE0F\uFFF9-\uFFFB\u0001-\u0020\u007F-\u00A0\u00AD\u115F\u1160\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFEFF\uFFA0]|[\u0001-\u0020\u007F-\u00A0\u00AD\u115F\u1160\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFEFF\uFFA0]$'
);

-- A name, a label, a phone number: one line.
CREATE DOMAIN short_text AS visible_text
CONSTRAINT short_text_is_one_line CHECK (
    char_length(VALUE) <= 200
    AND VALUE !~ '[\u0001-\u001F\u007F-\u009F\u2028\u2029]'
);

-- A note, a scope, an e-mail body: lines and tabs, no other control characters.
CREATE DOMAIN long_text AS visible_text
CONSTRAINT long_text_is_plain_text CHECK (
    char_length(VALUE) <= 20000
    AND VALUE !~ '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]'
);

CREATE DOMAIN email_address AS short_text
CONSTRAINT email_address_has_one_at CHECK (
    VALUE ~ '^[^@[:space:]]+@[^@[:space:].]+([.][^@[:space:].]+)+$'
);

-- The key of an object in the practice's file store (S3 allows 1,024 bytes).
CREATE DOMAIN storage_key AS visible_text
CONSTRAINT storage_key_fits CHECK (
    octet_length(VALUE) <= 1024
    AND VALUE !~ '[\u0001-\u001F\u007F-\u009F\u2028\u2029]'
);

-- Dollars and cents. NaN is greater than every number, so the upper bound refuses it.
CREATE DOMAIN dollars AS numeric(12, 2)
CONSTRAINT dollars_are_finite_and_not_negative CHECK (
    VALUE BETWEEN 0 AND 9999999999.99
);

CREATE DOMAIN freight_fraction AS numeric(5, 4)
CONSTRAINT freight_fraction_is_finite_and_not_negative CHECK (
    VALUE BETWEEN 0 AND 9.9999
);

-- Python's datetime has no infinity, no year 10000 and no BC: one such row would break every reader of its list.
CREATE DOMAIN bounded_date AS date
CONSTRAINT bounded_date_is_in_range CHECK (
    VALUE BETWEEN '1900-01-01' AND '2199-12-31'
);

CREATE DOMAIN bounded_timestamptz AS timestamptz
CONSTRAINT bounded_timestamptz_is_in_range CHECK (
    VALUE >= '1900-01-01 00:00:00+00' AND VALUE < '2200-01-01 00:00:00+00'
);

-- An object of at most 64 kB and 32 levels, whose numbers every reader can hold (Python refuses integers of 4,300 digits).
CREATE DOMAIN bounded_jsonb AS jsonb
CONSTRAINT bounded_jsonb_is_small_and_shallow CHECK (
    jsonb_typeof(VALUE) = 'object'
    AND octet_length(VALUE::text) <= 65536
    AND NOT VALUE @? '$.**{33}'
    AND NOT VALUE @? '$.** ? (@ > 1e300 || @ < -1e300)'
);

-- Enums ---------------------------------------------------------------------------------------------------------------

CREATE TYPE client_status AS ENUM (
    'lead', 'qualified', 'proposal_sent', 'contracted', 'active', 'completed', 'churned'
);
CREATE TYPE project_type AS ENUM (
    'furnishings', 'renovation', 'mixed'
);
CREATE TYPE project_phase AS ENUM (
    'conceptual_design', 'detailed_design', 'purchasing', 'construction', 'reveal_punch_list', 'completed', 'on_hold'
);
CREATE TYPE fee_status AS ENUM (
    'pending', 'invoiced', 'paid', 'overdue'
);
CREATE TYPE document_type AS ENUM (
    'agreement', 'proposal', 'exhibit_a', 'exhibit_b', 'investment_estimate', 'presentation', 'meeting_notes', 'rfq',
    'scope_delineation', 'build_reno_binder', 'photo', 'other'
);
CREATE TYPE task_status AS ENUM (
    'not_started', 'in_progress', 'blocked', 'completed', 'skipped'
);
CREATE TYPE trade_role AS ENUM (
    'gc', 'soft_trade', 'subcontractor'
);
CREATE TYPE quote_status AS ENUM (
    'invited', 'ballpark_received', 'final_rfq_sent', 'final_quote_received'
);
CREATE TYPE meeting_type AS ENUM (
    'screening', 'sales', 'site_documentation', 'layout', 'layout_revision', 'trade_day', 'cdm', 'cdm_revision', 'ddm',
    'ddm_revision', 'site_meeting', 'other'
);
CREATE TYPE meeting_status AS ENUM (
    'scheduled', 'confirmed', 'completed', 'cancelled', 'rescheduled'
);
CREATE TYPE action_item_status AS ENUM (
    'open', 'in_progress', 'completed', 'cancelled'
);
CREATE TYPE line_item_status AS ENUM (
    'estimated', 'specified', 'quoted', 'ordered', 'shipped', 'delivered', 'installed'
);
CREATE TYPE po_status AS ENUM (
    'draft', 'submitted', 'acknowledged', 'in_production', 'shipped', 'delivered', 'cancelled'
);

-- Clients and projects ------------------------------------------------------------------------------------------------

CREATE TABLE clients (
    id uuid NOT NULL DEFAULT uuid_v7(),
    name short_text NOT NULL,
    email email_address,
    phone short_text,
    address short_text,
    status client_status NOT NULL DEFAULT 'lead',
    source short_text,
    screening_data bounded_jsonb NOT NULL DEFAULT '{}',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT clients_pkey PRIMARY KEY (id)
);
CREATE INDEX clients_status_idx ON clients (status, id);
CREATE INDEX clients_email_idx ON clients (lower(email));
CREATE INDEX clients_phone_idx ON clients (phone);

CREATE TABLE projects (
    id uuid NOT NULL DEFAULT uuid_v7(),
    client_id uuid NOT NULL,
    name short_text NOT NULL,
    address short_text,
    project_type project_type NOT NULL,
    phase project_phase NOT NULL DEFAULT 'conceptual_design',
    investment_estimate dollars,
    exhibit_b_total dollars,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT projects_pkey PRIMARY KEY (id),
    CONSTRAINT projects_client_id_fkey FOREIGN KEY (client_id) REFERENCES clients (id)
);
CREATE INDEX projects_client_id_idx ON projects (client_id, id);
CREATE INDEX projects_phase_idx ON projects (phase, id);

CREATE TABLE project_rooms (
    id uuid NOT NULL DEFAULT uuid_v7(),
    project_id uuid NOT NULL,
    name short_text NOT NULL,
    scope long_text,
    investment_estimate dollars,
    exhibit_b_amount dollars,
    actual_amount dollars,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT project_rooms_pkey PRIMARY KEY (id),
    CONSTRAINT project_rooms_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id)
);
CREATE INDEX project_rooms_project_id_idx ON project_rooms (project_id, id);

CREATE TABLE design_fees (
    id uuid NOT NULL DEFAULT uuid_v7(),
    project_id uuid NOT NULL,
    label short_text NOT NULL,
    amount dollars NOT NULL,
    payment_number integer NOT NULL,
    status fee_status NOT NULL DEFAULT 'pending',
    due_at bounded_timestamptz,
    paid_at bounded_timestamptz,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT design_fees_pkey PRIMARY KEY (id),
    CONSTRAINT design_fees_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id),
    CONSTRAINT design_fees_payment_number_key UNIQUE (project_id, payment_number),
    CONSTRAINT design_fees_payment_number_range CHECK (payment_number BETWEEN 1 AND 100),
    CONSTRAINT design_fees_paid_at_only_when_paid CHECK (paid_at IS NULL OR status = 'paid'),
    CONSTRAINT design_fees_overdue_has_due_at CHECK (status <> 'overdue' OR due_at IS NOT NULL)
);
CREATE INDEX design_fees_due_idx ON design_fees (status, due_at) WHERE status <> 'paid';

-- Sourcing and purchasing ---------------------------------------------------------------------------------------------

CREATE TABLE pricing_benchmarks (
    id uuid NOT NULL DEFAULT uuid_v7(),
    category short_text NOT NULL,
    item_type short_text NOT NULL,
    quality_tier short_text NOT NULL DEFAULT 'mid-high',
    unit_price_estimate dollars NOT NULL,
    freight_factor freight_fraction NOT NULL DEFAULT 0.18,
    notes long_text,
    last_updated bounded_timestamptz NOT NULL DEFAULT now(),
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pricing_benchmarks_pkey PRIMARY KEY (id),
    CONSTRAINT pricing_benchmarks_item_key UNIQUE (category, item_type, quality_tier)
);

CREATE TABLE vendors (
    id uuid NOT NULL DEFAULT uuid_v7(),
    name short_text NOT NULL,
    category short_text,
    contact_name short_text,
    email email_address,
    phone short_text,
    account_number short_text,
    discount_tier short_text,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT vendors_pkey PRIMARY KEY (id)
);
CREATE INDEX vendors_category_idx ON vendors (category, id);

CREATE TABLE line_items (
    id uuid NOT NULL DEFAULT uuid_v7(),
    room_id uuid NOT NULL,
    benchmark_id uuid,
    description_generic short_text NOT NULL,
    quantity integer NOT NULL DEFAULT 1,
    estimated_unit_price dollars,
    product_name short_text,
    product_spec long_text,
    selected_vendor_id uuid,
    designer_net dollars,
    unit_retail_price dollars,
    freight dollars,
    status line_item_status NOT NULL DEFAULT 'estimated',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT line_items_pkey PRIMARY KEY (id),
    CONSTRAINT line_items_room_id_fkey FOREIGN KEY (room_id) REFERENCES project_rooms (id),
    CONSTRAINT line_items_benchmark_id_fkey FOREIGN KEY (benchmark_id) REFERENCES pricing_benchmarks (id),
    CONSTRAINT line_items_selected_vendor_id_fkey FOREIGN KEY (selected_vendor_id) REFERENCES vendors (id),
    CONSTRAINT line_items_quantity_range CHECK (quantity BETWEEN 1 AND 100000)
);
CREATE INDEX line_items_room_id_idx ON line_items (room_id, id);
CREATE INDEX line_items_benchmark_id_idx ON line_items (benchmark_id);
CREATE INDEX line_items_selected_vendor_id_idx ON line_items (selected_vendor_id, id);

CREATE TABLE vendor_quotes (
    id uuid NOT NULL DEFAULT uuid_v7(),
    line_item_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    unit_cost dollars NOT NULL,
    freight dollars,
    lead_time_weeks integer,
    notes long_text,
    received_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT vendor_quotes_pkey PRIMARY KEY (id),
    CONSTRAINT vendor_quotes_line_item_id_fkey FOREIGN KEY (line_item_id) REFERENCES line_items (id),
    CONSTRAINT vendor_quotes_vendor_id_fkey FOREIGN KEY (vendor_id) REFERENCES vendors (id),
    CONSTRAINT vendor_quotes_lead_time_weeks_range CHECK (lead_time_weeks BETWEEN 0 AND 520)
);
CREATE INDEX vendor_quotes_line_item_id_idx ON vendor_quotes (line_item_id, id);
CREATE INDEX vendor_quotes_vendor_id_idx ON vendor_quotes (vendor_id, id);

CREATE TABLE purchase_orders (
    id uuid NOT NULL DEFAULT uuid_v7(),
    line_item_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    po_number short_text NOT NULL,
    amount dollars NOT NULL,
    freight dollars,
    status po_status NOT NULL DEFAULT 'draft',
    estimated_delivery bounded_date,
    actual_delivery bounded_date,
    ordered_at bounded_timestamptz,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT purchase_orders_pkey PRIMARY KEY (id),
    CONSTRAINT purchase_orders_line_item_id_fkey FOREIGN KEY (line_item_id) REFERENCES line_items (id),
    CONSTRAINT purchase_orders_vendor_id_fkey FOREIGN KEY (vendor_id) REFERENCES vendors (id),
    CONSTRAINT purchase_orders_po_number_key UNIQUE (po_number)
);
CREATE UNIQUE INDEX purchase_orders_one_open_per_line_item_key ON purchase_orders (line_item_id) WHERE status <> 'cancelled';
CREATE INDEX purchase_orders_line_item_id_idx ON purchase_orders (line_item_id, id);
CREATE INDEX purchase_orders_vendor_id_idx ON purchase_orders (vendor_id, id);
CREATE INDEX purchase_orders_status_idx ON purchase_orders (status, estimated_delivery, id);

-- The master workflow and the project's tasks -------------------------------------------------------------------------

CREATE TABLE email_templates (
    id uuid NOT NULL DEFAULT uuid_v7(),
    name short_text NOT NULL,
    phase project_phase,
    subject_template short_text NOT NULL,
    body_template long_text NOT NULL,
    requires_review boolean NOT NULL DEFAULT false,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT email_templates_pkey PRIMARY KEY (id),
    CONSTRAINT email_templates_name_key UNIQUE (name)
);

CREATE TABLE workflow_templates (
    id uuid NOT NULL DEFAULT uuid_v7(),
    phase project_phase NOT NULL,
    task_order integer NOT NULL,
    name short_text NOT NULL,
    description long_text,
    duration_days integer,
    is_renovation_only boolean NOT NULL DEFAULT false,
    is_recurring boolean NOT NULL DEFAULT false,
    email_template_id uuid,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT workflow_templates_pkey PRIMARY KEY (id),
    CONSTRAINT workflow_templates_email_template_id_fkey FOREIGN KEY (email_template_id) REFERENCES email_templates (id),
    CONSTRAINT workflow_templates_task_order_key UNIQUE (phase, task_order),
    CONSTRAINT workflow_templates_name_key UNIQUE (phase, name),
    CONSTRAINT workflow_templates_phase_has_tasks CHECK (phase NOT IN ('completed', 'on_hold')),
    CONSTRAINT workflow_templates_task_order_range CHECK (task_order BETWEEN 1 AND 10000),
    CONSTRAINT workflow_templates_duration_days_range CHECK (duration_days BETWEEN 1 AND 1000)
);
CREATE INDEX workflow_templates_email_template_id_idx ON workflow_templates (email_template_id);

-- A task of a project: its template gives the phase, the order and the name. Templates are retired, not deleted, so the
-- reference needs no index of its own: 135 entries a project that no query would read.
CREATE TABLE project_tasks (
    id uuid NOT NULL DEFAULT uuid_v7(),
    project_id uuid NOT NULL,
    template_id uuid,
    status task_status NOT NULL DEFAULT 'not_started',
    assigned_to short_text,
    due_date bounded_date,
    completed_at bounded_timestamptz,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT project_tasks_pkey PRIMARY KEY (id),
    CONSTRAINT project_tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id),
    CONSTRAINT project_tasks_template_id_fkey FOREIGN KEY (template_id) REFERENCES workflow_templates (id),
    CONSTRAINT project_tasks_template_id_key UNIQUE (project_id, template_id),
    CONSTRAINT project_tasks_completed_at_with_status CHECK ((status = 'completed') = (completed_at IS NOT NULL))
);
CREATE INDEX project_tasks_due_idx ON project_tasks (due_date, id)
WHERE due_date IS NOT NULL AND status NOT IN ('completed', 'skipped');
CREATE INDEX project_tasks_assigned_to_idx ON project_tasks (assigned_to, id)
WHERE assigned_to IS NOT NULL;

-- Trades --------------------------------------------------------------------------------------------------------------

CREATE TABLE trades (
    id uuid NOT NULL DEFAULT uuid_v7(),
    name short_text NOT NULL,
    specialty short_text,
    company short_text,
    email email_address,
    phone short_text,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT trades_pkey PRIMARY KEY (id)
);
CREATE INDEX trades_specialty_idx ON trades (specialty, id);

CREATE TABLE project_trades (
    id uuid NOT NULL DEFAULT uuid_v7(),
    project_id uuid NOT NULL,
    trade_id uuid NOT NULL,
    role trade_role NOT NULL DEFAULT 'soft_trade',
    scope long_text,
    quote_status quote_status NOT NULL DEFAULT 'invited',
    ballpark_amount dollars,
    final_amount dollars,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT project_trades_pkey PRIMARY KEY (id),
    CONSTRAINT project_trades_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id),
    CONSTRAINT project_trades_trade_id_fkey FOREIGN KEY (trade_id) REFERENCES trades (id),
    CONSTRAINT project_trades_trade_id_key UNIQUE (project_id, trade_id, role)
);
CREATE INDEX project_trades_trade_id_idx ON project_trades (trade_id, id);

-- Meetings and documents ----------------------------------------------------------------------------------------------

CREATE TABLE meetings (
    id uuid NOT NULL DEFAULT uuid_v7(),
    project_id uuid NOT NULL,
    meeting_type meeting_type NOT NULL,
    scheduled_date bounded_date,
    transcript_s3_key storage_key,
    notes_s3_key storage_key,
    status meeting_status NOT NULL DEFAULT 'scheduled',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT meetings_pkey PRIMARY KEY (id),
    CONSTRAINT meetings_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id)
);
CREATE INDEX meetings_project_id_idx ON meetings (project_id, scheduled_date, id);
CREATE INDEX meetings_scheduled_date_idx ON meetings (scheduled_date, id);

CREATE TABLE meeting_action_items (
    id uuid NOT NULL DEFAULT uuid_v7(),
    meeting_id uuid NOT NULL,
    description long_text NOT NULL,
    assigned_to short_text,
    status action_item_status NOT NULL DEFAULT 'open',
    due_date bounded_date,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    updated_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT meeting_action_items_pkey PRIMARY KEY (id),
    CONSTRAINT meeting_action_items_meeting_id_fkey FOREIGN KEY (meeting_id) REFERENCES meetings (id)
);
CREATE INDEX meeting_action_items_meeting_id_idx ON meeting_action_items (meeting_id, id);
CREATE INDEX meeting_action_items_due_idx ON meeting_action_items (due_date, id)
WHERE status IN ('open', 'in_progress');

CREATE TABLE documents (
    id uuid NOT NULL DEFAULT uuid_v7(),
    project_id uuid NOT NULL,
    doc_type document_type NOT NULL,
    s3_key storage_key NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_by short_text,
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT documents_pkey PRIMARY KEY (id),
    CONSTRAINT documents_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id),
    CONSTRAINT documents_version_key UNIQUE (project_id, doc_type, version),
    CONSTRAINT documents_version_range CHECK (version BETWEEN 1 AND 100000)
);

-- What happened -------------------------------------------------------------------------------------------------------

CREATE TABLE phase_transitions (
    id uuid NOT NULL DEFAULT uuid_v7(),
    project_id uuid NOT NULL,
    from_phase project_phase NOT NULL,
    to_phase project_phase NOT NULL,
    triggered_by short_text NOT NULL,
    gate_checks bounded_jsonb NOT NULL DEFAULT '{}',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT phase_transitions_pkey PRIMARY KEY (id),
    CONSTRAINT phase_transitions_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects (id),
    CONSTRAINT phase_transitions_moves CHECK (from_phase <> to_phase)
);
CREATE INDEX phase_transitions_project_id_idx ON phase_transitions (project_id, id);

-- The one audit trail. Its ids are ordered by time, so they page the feed and need no index on created_at beside them.
CREATE TABLE activity_log (
    id uuid NOT NULL DEFAULT uuid_v7(),
    entity_type short_text NOT NULL,
    entity_id uuid NOT NULL,
    action short_text NOT NULL,
    actor_type text NOT NULL DEFAULT 'system',
    actor_name short_text NOT NULL DEFAULT 'unknown',
    metadata bounded_jsonb NOT NULL DEFAULT '{}',
    created_at bounded_timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT activity_log_pkey PRIMARY KEY (id),
    CONSTRAINT activity_log_actor_type_known CHECK (actor_type IN ('system', 'agent', 'user'))
);
CREATE INDEX activity_log_entity_idx ON activity_log (entity_type, entity_id, id);

CREATE FUNCTION refuse_change_of_log() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'activity_log is append-only: % is refused', tg_op
    USING ERRCODE = 'insufficient_privilege', HINT = 'Write a new entry with log_activity instead.';
END
$$;

CREATE TRIGGER activity_log_rows_are_final
BEFORE UPDATE OR DELETE ON activity_log
FOR EACH ROW EXECUTE FUNCTION refuse_change_of_log();
ALTER TABLE activity_log ENABLE ALWAYS TRIGGER activity_log_rows_are_final;

CREATE TRIGGER activity_log_is_never_emptied
BEFORE TRUNCATE ON activity_log
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_log();
ALTER TABLE activity_log ENABLE ALWAYS TRIGGER activity_log_is_never_emptied;

-- updated_at -------------------------------------------------------------------------------------------------------------

CREATE FUNCTION set_updated_at() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    NEW.updated_at = now();
    RETURN NEW;
END
$$;

CREATE TRIGGER clients_set_updated_at
BEFORE UPDATE ON clients
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER projects_set_updated_at
BEFORE UPDATE ON projects
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER line_items_set_updated_at
BEFORE UPDATE ON line_items
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER purchase_orders_set_updated_at
BEFORE UPDATE ON purchase_orders
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER project_tasks_set_updated_at
BEFORE UPDATE ON project_tasks
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER meetings_set_updated_at
BEFORE UPDATE ON meetings
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

CREATE TRIGGER meeting_action_items_set_updated_at
BEFORE UPDATE ON meeting_action_items
FOR EACH ROW EXECUTE FUNCTION set_updated_at();

INSERT INTO schema_version (version, description)
VALUES (1, 'initial schema');
