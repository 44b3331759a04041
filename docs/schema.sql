-- The schema that the migrations make, as pg_dump 16 writes it. tests/postgres/test_migrate.py keeps it true.
--
-- PostgreSQL database dump
--

\restrict x

-- Dumped from database version 16.14
-- Dumped by pg_dump version 16.14

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: action_item_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.action_item_status AS ENUM (
    'open',
    'in_progress',
    'completed',
    'cancelled'
);


--
-- Name: agent_artifact_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.agent_artifact_type AS ENUM (
    'prd',
    'tech_spec',
    'scaffold',
    'bug_report',
    'code',
    'test'
);


--
-- Name: agent_execution_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.agent_execution_status AS ENUM (
    'running',
    'completed',
    'failed'
);


--
-- Name: agent_session_phase; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.agent_session_phase AS ENUM (
    'pm',
    'arch',
    'human_gate',
    'eng',
    'qa',
    'complete'
);


--
-- Name: agent_session_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.agent_session_status AS ENUM (
    'pending',
    'running',
    'awaiting_approval',
    'completed',
    'failed',
    'expired'
);


--
-- Name: agent_usage_unit; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.agent_usage_unit AS ENUM (
    'runs',
    'tokens',
    'cost'
);


--
-- Name: bounded_date; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.bounded_date AS date
	CONSTRAINT bounded_date_is_in_range CHECK (((VALUE >= '1900-01-01'::date) AND (VALUE <= '2199-12-31'::date)));


--
-- Name: bounded_jsonb; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.bounded_jsonb AS jsonb
	CONSTRAINT bounded_jsonb_is_small_and_shallow CHECK (((jsonb_typeof(VALUE) = 'object'::text) AND (octet_length((VALUE)::text) <= 65536) AND (NOT (VALUE @? '$.**{33}'::jsonpath)) AND (NOT (VALUE @? '$.**?(@ > 1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 || @ < -1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000)'::jsonpath))));


--
-- Name: bounded_timestamptz; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.bounded_timestamptz AS timestamp with time zone
	CONSTRAINT bounded_timestamptz_is_in_range CHECK (((VALUE >= '1900-01-01 00:00:00+00'::timestamp with time zone) AND (VALUE < '2200-01-01 00:00:00+00'::timestamp with time zone)));


--
-- Name: client_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.client_status AS ENUM (
    'lead',
    'qualified',
    'proposal_sent',
    'contracted',
    'active',
    'completed',
    'churned'
);


--
-- Name: document_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.document_type AS ENUM (
    'agreement',
    'proposal',
    'exhibit_a',
    'exhibit_b',
    'investment_estimate',
    'presentation',
    'meeting_notes',
    'rfq',
    'scope_delineation',
    'build_reno_binder',
    'photo',
    'other'
);


--
-- Name: dollars; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.dollars AS numeric(12,2)
	CONSTRAINT dollars_are_finite_and_not_negative CHECK (((VALUE >= (0)::numeric) AND (VALUE <= 9999999999.99)));


--
-- Name: visible_text; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.visible_text AS text
	CONSTRAINT visible_text_has_visible_ends CHECK ((VALUE !~ '^$|^[\U000E0000-\U000E0FFF\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\u034F\u061C\u17B4\u17B5\u180B-\u180F\uFE00-\uFE0F\uFFF9-\uFFFB\u0001-\u0020\u007F-\u00A0\u00AD\u115F\u1160\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFEFF\uFFA0]|[\u0001-\u0020\u007F-\u00A0\u00AD\u115F\u1160\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFEFF\uFFA0]$'::text));


--
-- Name: short_text; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.short_text AS public.visible_text
	CONSTRAINT short_text_is_one_line CHECK (((char_length((VALUE)::text) <= 200) AND ((VALUE)::text !~ '[\u0001-\u001F\u007F-\u009F\u2028\u2029]'::text)));


--
-- Name: email_address; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.email_address AS public.short_text
	CONSTRAINT email_address_has_one_at CHECK (((VALUE)::text ~ '^[^@[:space:]]+@[^@[:space:].]+([.][^@[:space:].]+)+$'::text));


--
-- Name: fee_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.fee_status AS ENUM (
    'pending',
    'invoiced',
    'paid',
    'overdue'
);


--
-- Name: finite_number; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.finite_number AS double precision
	CONSTRAINT finite_number_is_finite CHECK (((VALUE >= ('-1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision) AND (VALUE <= ('1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::numeric)::double precision)));


--
-- Name: freight_fraction; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.freight_fraction AS numeric(5,4)
	CONSTRAINT freight_fraction_is_finite_and_not_negative CHECK (((VALUE >= (0)::numeric) AND (VALUE <= 9.9999)));


--
-- Name: line_item_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.line_item_status AS ENUM (
    'estimated',
    'specified',
    'quoted',
    'ordered',
    'shipped',
    'delivered',
    'installed'
);


--
-- Name: long_text; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.long_text AS public.visible_text
	CONSTRAINT long_text_is_plain_text CHECK (((char_length((VALUE)::text) <= 20000) AND ((VALUE)::text !~ '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]'::text)));


--
-- Name: meeting_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.meeting_status AS ENUM (
    'scheduled',
    'confirmed',
    'completed',
    'cancelled',
    'rescheduled'
);


--
-- Name: meeting_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.meeting_type AS ENUM (
    'screening',
    'sales',
    'site_documentation',
    'layout',
    'layout_revision',
    'trade_day',
    'cdm',
    'cdm_revision',
    'ddm',
    'ddm_revision',
    'site_meeting',
    'other'
);


--
-- Name: po_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.po_status AS ENUM (
    'draft',
    'submitted',
    'acknowledged',
    'in_production',
    'shipped',
    'delivered',
    'cancelled'
);


--
-- Name: project_phase; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.project_phase AS ENUM (
    'conceptual_design',
    'detailed_design',
    'purchasing',
    'construction',
    'reveal_punch_list',
    'completed',
    'on_hold'
);


--
-- Name: project_type; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.project_type AS ENUM (
    'furnishings',
    'renovation',
    'mixed'
);


--
-- Name: prompt_text; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.prompt_text AS public.visible_text
	CONSTRAINT prompt_text_is_plain_text CHECK (((char_length((VALUE)::text) <= 200000) AND ((VALUE)::text !~ '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F]'::text)));


--
-- Name: quote_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.quote_status AS ENUM (
    'invited',
    'ballpark_received',
    'final_rfq_sent',
    'final_quote_received'
);


--
-- Name: seconds; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.seconds AS numeric(15,3)
	CONSTRAINT seconds_are_finite_and_not_negative CHECK (((VALUE >= (0)::numeric) AND (VALUE <= 999999999999.999)));


--
-- Name: sha256_hex; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.sha256_hex AS text
	CONSTRAINT sha256_hex_has_64_digits CHECK ((VALUE ~ '^[0-9a-f]{64}$'::text));


--
-- Name: state_jsonb; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.state_jsonb AS jsonb
	CONSTRAINT state_jsonb_is_bounded_and_shallow CHECK (((jsonb_typeof(VALUE) = 'object'::text) AND (octet_length((VALUE)::text) <= 1048576) AND (NOT (VALUE @? '$.**{33}'::jsonpath)) AND (NOT (VALUE @? '$.**?(@ > 1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 || @ < -1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000)'::jsonpath))));


--
-- Name: storage_key; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.storage_key AS public.visible_text
	CONSTRAINT storage_key_fits CHECK (((octet_length((VALUE)::text) <= 1024) AND ((VALUE)::text !~ '[\u0001-\u001F\u007F-\u009F\u2028\u2029]'::text)));


--
-- Name: task_status; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.task_status AS ENUM (
    'not_started',
    'in_progress',
    'blocked',
    'completed',
    'skipped'
);


--
-- Name: trade_role; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.trade_role AS ENUM (
    'gc',
    'soft_trade',
    'subcontractor'
);


--
-- Name: usage_amount; Type: DOMAIN; Schema: public; Owner: -
--

CREATE DOMAIN public.usage_amount AS numeric(18,6)
	CONSTRAINT usage_amount_is_finite_and_not_negative CHECK (((VALUE >= (0)::numeric) AND (VALUE <= 999999999999.999999)));


--
-- Name: capture_change(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.capture_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    INSERT INTO preview_changes (table_name, operation, before, after)
    VALUES (tg_table_name, tg_op, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$;


--
-- Name: cents(numeric); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.cents(amount numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (abs(((amount * (100)::numeric) % (1)::numeric)) = 0.5) THEN round((round((amount * (50)::numeric)) / (50)::numeric), 2) ELSE round(amount, 2) END;


--
-- Name: changed_fields(jsonb, jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.changed_fields(before jsonb, after jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT COALESCE(jsonb_object_agg(pair.field, jsonb_build_array((changed_fields.before -> pair.field), pair.value)), '{}'::jsonb) AS "coalesce" FROM jsonb_each(changed_fields.after) pair(field, value) WHERE ((pair.field <> 'updated_at'::text) AND ((changed_fields.before -> pair.field) IS DISTINCT FROM pair.value)));


--
-- Name: check_templates_of_tasks(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.check_templates_of_tasks() RETURNS trigger
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


--
-- Name: practice_time_zone(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.practice_time_zone() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN 'UTC'::text;


--
-- Name: day_of(timestamp with time zone); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.day_of(moment timestamp with time zone) RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((moment AT TIME ZONE public.practice_time_zone()))::date;


--
-- Name: uuid_v7(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.uuid_v7() RETURNS uuid
    LANGUAGE sql PARALLEL SAFE
    RETURN ((OVERLAY(lpad(to_hex(((((EXTRACT(epoch FROM clock_timestamp()) * (1000000)::numeric))::bigint * 512) / 125)), 15, '0'::text) PLACING '7'::text FROM 13 FOR 0) || substr((gen_random_uuid())::text, 20)))::uuid;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: project_rooms; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.project_rooms (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    project_id uuid NOT NULL,
    name public.short_text NOT NULL,
    scope public.long_text,
    investment_estimate public.dollars,
    exhibit_b_amount public.dollars,
    actual_amount public.dollars,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    estimate_from_items boolean DEFAULT false NOT NULL,
    CONSTRAINT project_rooms_estimate_from_items_is_known CHECK (((investment_estimate IS NOT NULL) OR (NOT estimate_from_items)))
);


--
-- Name: exhibit_b_amounts(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.exhibit_b_amounts(project_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT COALESCE(jsonb_object_agg(project_rooms.id, (project_rooms.exhibit_b_amount)::text), '{}'::jsonb) AS "coalesce" FROM public.project_rooms WHERE ((project_rooms.project_id = exhibit_b_amounts.project_id) AND (project_rooms.exhibit_b_amount IS NOT NULL)));


--
-- Name: documents; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.documents (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    project_id uuid NOT NULL,
    doc_type public.document_type NOT NULL,
    s3_key public.storage_key NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_by public.short_text,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    covers public.bounded_jsonb,
    CONSTRAINT documents_covers_amounts_of_exhibit_b CHECK (((covers IS NULL) OR (doc_type = 'exhibit_b'::public.document_type))),
    CONSTRAINT documents_version_range CHECK (((version >= 1) AND (version <= 100000)))
);


--
-- Name: exhibit_b_covers(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.exhibit_b_covers(project_id uuid) RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT documents.covers FROM public.documents WHERE ((documents.project_id = exhibit_b_covers.project_id) AND (documents.doc_type = 'exhibit_b'::public.document_type)) ORDER BY documents.version DESC LIMIT 1);


--
-- Name: exhibit_b_is_signed(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.exhibit_b_is_signed(project_id uuid) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((EXISTS (SELECT FROM public.documents WHERE ((documents.project_id = exhibit_b_is_signed.project_id) AND (documents.doc_type = 'exhibit_b'::public.document_type)))) AND COALESCE((public.exhibit_b_covers(project_id) = public.exhibit_b_amounts(project_id)), true));


--
-- Name: is_noted(jsonb); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.is_noted(context jsonb) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (COALESCE((context ->> 'tool'::text), ''::text) = ANY (ARRAY[''::text, 'log_activity'::text]));


--
-- Name: clients; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clients (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    name public.short_text NOT NULL,
    email public.email_address,
    phone public.short_text,
    address public.short_text,
    status public.client_status DEFAULT 'lead'::public.client_status NOT NULL,
    source public.short_text,
    screening_data public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    merged_into uuid,
    CONSTRAINT clients_merged_into_another CHECK ((merged_into <> id))
);


--
-- Name: kept_client(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.kept_client(client_id uuid) RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT COALESCE(clients.merged_into, clients.id) AS "coalesce" FROM public.clients WHERE (clients.id = kept_client.client_id));


--
-- Name: trail_number(xid8); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.trail_number(transaction xid8) RETURNS xid8
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN transaction;


--
-- Name: activity_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.activity_log (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    entity_type public.short_text NOT NULL,
    entity_id uuid NOT NULL,
    action public.short_text NOT NULL,
    actor_type text DEFAULT 'system'::text NOT NULL,
    actor_name public.short_text DEFAULT 'unknown'::text NOT NULL,
    metadata public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    context public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    project_id uuid,
    transaction_id xid8 DEFAULT public.trail_number(pg_current_xact_id()) NOT NULL,
    CONSTRAINT activity_log_actor_type_known CHECK ((actor_type = ANY (ARRAY['system'::text, 'agent'::text, 'user'::text])))
);


--
-- Name: line_hash(public.activity_log); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.line_hash(line public.activity_log) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(convert_to((jsonb_build_array((line).id, (line).entity_type, (line).entity_id, (line).action, (line).actor_type, (line).actor_name, (line).metadata, (line).context, (line).project_id, ((line).transaction_id)::text, EXTRACT(epoch FROM (line).created_at)))::text, 'UTF8'::name));


--
-- Name: phase_transitions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.phase_transitions (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    project_id uuid NOT NULL,
    from_phase public.project_phase NOT NULL,
    to_phase public.project_phase NOT NULL,
    triggered_by public.short_text NOT NULL,
    gate_checks public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT phase_transitions_moves CHECK ((from_phase <> to_phase))
);


--
-- Name: phase_held_in(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.phase_held_in(project_id uuid) RETURNS public.project_phase
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT phase_transitions.from_phase FROM public.phase_transitions WHERE ((phase_transitions.project_id = phase_held_in.project_id) AND (phase_transitions.to_phase = 'on_hold'::public.project_phase)) ORDER BY phase_transitions.id DESC LIMIT 1);


--
-- Name: phone_digits(text); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.phone_digits(phone text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN regexp_replace(regexp_replace(phone, '(x|ext|#).*$'::text, ''::text, 'i'::text), '[^0-9]'::text, ''::text, 'g'::text);


--
-- Name: projects; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.projects (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    client_id uuid NOT NULL,
    name public.short_text NOT NULL,
    address public.short_text,
    project_type public.project_type NOT NULL,
    phase public.project_phase DEFAULT 'conceptual_design'::public.project_phase NOT NULL,
    investment_estimate public.dollars,
    exhibit_b_total public.dollars,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    estimate_at_creation public.dollars
);


--
-- Name: project_estimate(public.projects); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.project_estimate(project public.projects) RETURNS numeric
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN COALESCE((SELECT sum((project_rooms.investment_estimate)::numeric) AS sum FROM public.project_rooms WHERE (project_rooms.project_id = (project_estimate.project).id)), ((project).estimate_at_creation)::numeric);


--
-- Name: project_exhibit_b(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.project_exhibit_b(project_id uuid) RETURNS numeric
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT sum((project_rooms.exhibit_b_amount)::numeric) AS sum FROM public.project_rooms WHERE (project_rooms.project_id = project_exhibit_b.project_id));


--
-- Name: refuse_change_of_log(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_change_of_log() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', tg_table_name, tg_op
    USING ERRCODE = 'insufficient_privilege', HINT = 'Write a new entry with log_activity instead.';
END
$$;


--
-- Name: refuse_change_of_reference(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.refuse_change_of_reference() RETURNS trigger
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


--
-- Name: line_items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.line_items (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    room_id uuid NOT NULL,
    benchmark_id uuid,
    description_generic public.short_text NOT NULL,
    quantity integer DEFAULT 1 NOT NULL,
    estimated_unit_price public.dollars,
    product_name public.short_text,
    product_spec public.long_text,
    selected_vendor_id uuid,
    designer_net public.dollars,
    unit_retail_price public.dollars,
    freight public.dollars,
    status public.line_item_status DEFAULT 'estimated'::public.line_item_status NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    estimated_freight_factor public.freight_fraction DEFAULT 0.18 NOT NULL,
    CONSTRAINT line_items_quantity_range CHECK (((quantity >= 1) AND (quantity <= 100000)))
);


--
-- Name: room_estimate(uuid); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.room_estimate(room_id uuid) RETURNS numeric
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT public.cents(sum((((line_items.quantity)::numeric * (line_items.estimated_unit_price)::numeric) * ((1)::numeric + (line_items.estimated_freight_factor)::numeric)))) AS cents FROM public.line_items WHERE (line_items.room_id = room_estimate.room_id));


--
-- Name: seal_hash(bytea, bigint, xid8, bigint, timestamp with time zone, bytea); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.seal_hash(previous_hash bytea, number bigint, last_transaction xid8, lines bigint, sealed_at timestamp with time zone, lines_hash bytea) RETURNS bytea
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN sha256(((previous_hash || convert_to(format('%s %s %s %s '::text, number, last_transaction, lines, EXTRACT(epoch FROM sealed_at)), 'UTF8'::name)) || lines_hash));


--
-- Name: agent_sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_sessions (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    session_id public.short_text NOT NULL,
    user_mission public.long_text NOT NULL,
    project_name public.short_text,
    project_id uuid,
    status public.agent_session_status DEFAULT 'pending'::public.agent_session_status NOT NULL,
    current_phase public.agent_session_phase DEFAULT 'pm'::public.agent_session_phase NOT NULL,
    iteration_count integer DEFAULT 0 NOT NULL,
    qa_passed boolean,
    feedback public.long_text,
    work_dir public.storage_key,
    state_json public.state_jsonb DEFAULT '{}'::jsonb NOT NULL,
    metadata public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT agent_sessions_await_approval_at_the_gate CHECK (((status <> 'awaiting_approval'::public.agent_session_status) OR (current_phase = 'human_gate'::public.agent_session_phase))),
    CONSTRAINT agent_sessions_completed_after_qa CHECK (((status <> 'completed'::public.agent_session_status) OR (qa_passed IS TRUE))),
    CONSTRAINT agent_sessions_completed_in_the_last_phase CHECK (((status = 'completed'::public.agent_session_status) = (current_phase = 'complete'::public.agent_session_phase))),
    CONSTRAINT agent_sessions_iteration_count_range CHECK (((iteration_count >= 0) AND (iteration_count <= 10000))),
    CONSTRAINT agent_sessions_session_id_fits CHECK ((char_length((session_id)::text) <= 64))
);


--
-- Name: session_answers; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.session_answers WITH (security_invoker='true') AS
 SELECT id,
    session_id,
    user_mission,
    project_name,
    project_id,
    status,
    current_phase,
    iteration_count,
    qa_passed,
    feedback,
    work_dir,
    metadata,
    created_at,
    updated_at
   FROM public.agent_sessions;


--
-- Name: session_answer(public.agent_sessions); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.session_answer(session public.agent_sessions) RETURNS SETOF public.session_answers
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT (session).id AS id,
     (session).session_id AS session_id,
     (session).user_mission AS user_mission,
     (session).project_name AS project_name,
     (session).project_id AS project_id,
     (session).status AS status,
     (session).current_phase AS current_phase,
     (session).iteration_count AS iteration_count,
     (session).qa_passed AS qa_passed,
     (session).feedback AS feedback,
     (session).work_dir AS work_dir,
     (session).metadata AS metadata,
     (session).created_at AS created_at,
     (session).updated_at AS updated_at;
END;


--
-- Name: set_updated_at(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.set_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at = now();
    END IF;
    RETURN NEW;
END
$$;


--
-- Name: today(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.today() RETURNS date
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN public.day_of(now());


--
-- Name: used_today(date, numeric); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.used_today(last_day date, usage numeric) RETURNS numeric
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (last_day >= public.today()) THEN usage ELSE (0)::numeric END;


--
-- Name: agent_settings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_settings (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    profile_name public.short_text NOT NULL,
    provider public.short_text NOT NULL,
    model public.short_text NOT NULL,
    auth_type public.short_text DEFAULT 'api_key'::text NOT NULL,
    api_key_encrypted public.long_text,
    daily_limit public.usage_amount,
    hard_limit public.usage_amount,
    usage_unit public.agent_usage_unit DEFAULT 'cost'::public.agent_usage_unit NOT NULL,
    usage_today public.usage_amount DEFAULT 0 NOT NULL,
    last_reset_date public.bounded_date DEFAULT public.today() NOT NULL,
    env_overrides public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    active_prompt_path public.storage_key,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT agent_settings_warn_before_they_refuse CHECK (((daily_limit)::numeric <= (hard_limit)::numeric))
);


--
-- Name: settings_answers; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.settings_answers WITH (security_invoker='true') AS
 SELECT agent_settings.id,
    agent_settings.profile_name,
    agent_settings.provider,
    agent_settings.model,
    agent_settings.auth_type,
    (agent_settings.api_key_encrypted IS NOT NULL) AS has_api_key,
    agent_settings.daily_limit,
    agent_settings.hard_limit,
    agent_settings.usage_unit,
    today.used_today,
        CASE
            WHEN (agent_settings.hard_limit IS NOT NULL) THEN GREATEST(((agent_settings.hard_limit)::numeric - today.used_today), (0)::numeric)
            ELSE NULL::numeric
        END AS left_today,
    agent_settings.last_reset_date,
    agent_settings.env_overrides,
    agent_settings.active_prompt_path,
    agent_settings.created_at,
    agent_settings.updated_at
   FROM (public.agent_settings
     CROSS JOIN LATERAL ( SELECT public.used_today((agent_settings.last_reset_date)::date, (agent_settings.usage_today)::numeric) AS used_today) today);


--
-- Name: settings_answer(public.agent_settings); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.settings_answer(settings public.agent_settings) RETURNS SETOF public.settings_answers
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT (settings_answer.settings).id AS id,
     (settings_answer.settings).profile_name AS profile_name,
     (settings_answer.settings).provider AS provider,
     (settings_answer.settings).model AS model,
     (settings_answer.settings).auth_type AS auth_type,
     ((settings_answer.settings).api_key_encrypted IS NOT NULL),
     (settings_answer.settings).daily_limit AS daily_limit,
     (settings_answer.settings).hard_limit AS hard_limit,
     (settings_answer.settings).usage_unit AS usage_unit,
     today.used_today,
         CASE
             WHEN ((settings_answer.settings).hard_limit IS NOT NULL) THEN GREATEST((((settings_answer.settings).hard_limit)::numeric - today.used_today), (0)::numeric)
             ELSE NULL::numeric
         END AS "case",
     (settings_answer.settings).last_reset_date AS last_reset_date,
     (settings_answer.settings).env_overrides AS env_overrides,
     (settings_answer.settings).active_prompt_path AS active_prompt_path,
     (settings_answer.settings).created_at AS created_at,
     (settings_answer.settings).updated_at AS updated_at
    FROM ( SELECT public.used_today(((settings_answer.settings).last_reset_date)::date, ((settings_answer.settings).usage_today)::numeric) AS used_today) today;
END;


--
-- Name: start_of_day(date); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.start_of_day(day date) RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN ((day)::timestamp without time zone AT TIME ZONE public.practice_time_zone());


--
-- Name: project_tasks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.project_tasks (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    project_id uuid NOT NULL,
    template_id uuid,
    status public.task_status DEFAULT 'not_started'::public.task_status NOT NULL,
    assigned_to public.short_text,
    due_date public.bounded_date,
    completed_at public.bounded_timestamptz,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    name public.short_text,
    description public.long_text,
    phase public.project_phase,
    CONSTRAINT project_tasks_completed_at_with_status CHECK (((status = 'completed'::public.task_status) = (completed_at IS NOT NULL))),
    CONSTRAINT project_tasks_from_template_or_named CHECK ((((template_id IS NULL) = ((name IS NOT NULL) AND (phase IS NOT NULL))) AND ((template_id IS NULL) OR ((name IS NULL) AND (description IS NULL) AND (phase IS NULL))) AND ((phase IS NULL) OR (phase <> ALL (ARRAY['completed'::public.project_phase, 'on_hold'::public.project_phase])))))
);


--
-- Name: workflow_templates; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.workflow_templates (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    phase public.project_phase NOT NULL,
    task_order integer NOT NULL,
    name public.short_text NOT NULL,
    description public.long_text,
    duration_days integer,
    is_renovation_only boolean DEFAULT false NOT NULL,
    is_recurring boolean DEFAULT false NOT NULL,
    email_template_id uuid,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    retired_at public.bounded_timestamptz,
    CONSTRAINT workflow_templates_duration_days_range CHECK (((duration_days >= 1) AND (duration_days <= 1000))),
    CONSTRAINT workflow_templates_phase_has_tasks CHECK ((phase <> ALL (ARRAY['completed'::public.project_phase, 'on_hold'::public.project_phase]))),
    CONSTRAINT workflow_templates_task_order_range CHECK (((task_order >= 1) AND (task_order <= 10000)))
);


--
-- Name: task_answers; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.task_answers WITH (security_invoker='true') AS
 SELECT task.id,
    task.project_id,
    task.template_id,
    task.status,
    task.assigned_to,
    task.due_date,
    task.completed_at,
    task.created_at,
    task.updated_at,
    COALESCE(task.name, template.name) AS name,
    COALESCE(task.description, template.description) AS description,
    COALESCE(task.phase, template.phase) AS phase,
    template.duration_days,
    COALESCE(template.is_recurring, false) AS is_recurring
   FROM (public.project_tasks task
     LEFT JOIN public.workflow_templates template ON ((template.id = task.template_id)));


--
-- Name: task_answer(public.project_tasks, public.workflow_templates); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.task_answer(task public.project_tasks, template public.workflow_templates) RETURNS SETOF public.task_answers
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT (task).id AS id,
     (task).project_id AS project_id,
     (task).template_id AS template_id,
     (task).status AS status,
     (task).assigned_to AS assigned_to,
     (task).due_date AS due_date,
     (task).completed_at AS completed_at,
     (task).created_at AS created_at,
     (task).updated_at AS updated_at,
     COALESCE((task).name, (template).name) AS "coalesce",
     COALESCE((task).description, (template).description) AS "coalesce",
     COALESCE((task).phase, (template).phase) AS "coalesce",
     (template).duration_days AS duration_days,
     COALESCE((template).is_recurring, false) AS "coalesce";
END;


--
-- Name: working_day(integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.working_day(number integer) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (('1900-01-01'::date + ((number / 5) * 7)) + (number % 5));


--
-- Name: working_days_before(date); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.working_days_before(day date) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((((day - '1900-01-01'::date) / 7) * 5) + LEAST(((day - '1900-01-01'::date) % 7), 5));


--
-- Name: working_days_later(date, integer); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.working_days_later(day date, working_days integer) RETURNS date
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (working_days > 0) THEN public.working_day(((public.working_days_before((day + 1)) - 1) + working_days)) WHEN (working_days < 0) THEN public.working_day((public.working_days_before(day) + working_days)) ELSE day END;


--
-- Name: agent_executions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_executions (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    agent_session_id uuid NOT NULL,
    agent_type public.short_text NOT NULL,
    status public.agent_execution_status DEFAULT 'running'::public.agent_execution_status NOT NULL,
    started_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    completed_at public.bounded_timestamptz,
    duration_seconds public.seconds GENERATED ALWAYS AS (EXTRACT(epoch FROM ((completed_at)::timestamp with time zone - (started_at)::timestamp with time zone))) STORED,
    input_summary public.long_text,
    output_summary public.long_text,
    error_message public.long_text,
    tokens_used integer DEFAULT 0 NOT NULL,
    cost public.usage_amount DEFAULT 0 NOT NULL,
    metadata public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    lease_until public.bounded_timestamptz DEFAULT (now() + '1 day'::interval) NOT NULL,
    CONSTRAINT agent_executions_completed_at_with_status CHECK (((status = 'running'::public.agent_execution_status) = (completed_at IS NULL))),
    CONSTRAINT agent_executions_end_after_they_start CHECK (((completed_at)::timestamp with time zone >= (started_at)::timestamp with time zone)),
    CONSTRAINT agent_executions_only_failed_ones_have_an_error CHECK (((status = 'failed'::public.agent_execution_status) = (error_message IS NOT NULL))),
    CONSTRAINT agent_executions_tokens_used_range CHECK (((tokens_used >= 0) AND (tokens_used <= 2000000000)))
);


--
-- Name: active_sessions; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.active_sessions WITH (security_invoker='true') AS
 SELECT session.id,
    session.session_id,
    session.user_mission,
    session.project_name,
    session.status,
    session.current_phase,
    session.iteration_count,
    session.created_at,
    session.updated_at,
    work.running_agents,
    work.executions,
    work.tokens_used,
    work.cost
   FROM (public.agent_sessions session
     CROSS JOIN LATERAL ( SELECT array_agg((agent_executions.agent_type)::text ORDER BY agent_executions.started_at) FILTER (WHERE (agent_executions.status = 'running'::public.agent_execution_status)) AS running_agents,
            count(*) AS executions,
            COALESCE(sum(agent_executions.tokens_used), (0)::bigint) AS tokens_used,
            COALESCE(sum((agent_executions.cost)::numeric), (0)::numeric) AS cost
           FROM public.agent_executions
          WHERE (agent_executions.agent_session_id = session.id)) work)
  WHERE (session.status = ANY (ARRAY['pending'::public.agent_session_status, 'running'::public.agent_session_status, 'awaiting_approval'::public.agent_session_status]));


--
-- Name: agent_artifacts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_artifacts (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    agent_session_id uuid NOT NULL,
    artifact_type public.agent_artifact_type NOT NULL,
    file_path public.storage_key NOT NULL,
    content_hash public.sha256_hex NOT NULL,
    version integer NOT NULL,
    metadata public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT agent_artifacts_version_range CHECK (((version >= 1) AND (version <= 100000)))
);


--
-- Name: agent_checkpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_checkpoints (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    thread_id public.short_text NOT NULL,
    checkpoint_id public.short_text NOT NULL,
    parent_checkpoint_id public.short_text,
    agent_type public.short_text,
    context_id public.short_text,
    checkpoint_data public.state_jsonb NOT NULL,
    metadata public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT agent_checkpoints_have_another_parent CHECK (((parent_checkpoint_id)::text <> (checkpoint_id)::text))
);


--
-- Name: agent_metrics; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_metrics (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    metric_name public.short_text NOT NULL,
    metric_value public.finite_number NOT NULL,
    labels public.bounded_jsonb DEFAULT '{}'::jsonb NOT NULL,
    recorded_at public.bounded_timestamptz DEFAULT now() NOT NULL
);


--
-- Name: agent_performance; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.agent_performance WITH (security_invoker='true') AS
 SELECT agent_type,
    count(*) AS executions,
    count(*) FILTER (WHERE (status = 'completed'::public.agent_execution_status)) AS completed,
    count(*) FILTER (WHERE (status = 'failed'::public.agent_execution_status)) AS failed,
    (((count(*) FILTER (WHERE (status = 'completed'::public.agent_execution_status)))::numeric / (NULLIF(count(*) FILTER (WHERE (status <> 'running'::public.agent_execution_status)), 0))::numeric))::numeric(5,4) AS success_rate,
    (avg((duration_seconds)::numeric))::numeric(15,3) AS mean_seconds,
    (percentile_cont((0.95)::double precision) WITHIN GROUP (ORDER BY ((duration_seconds)::double precision)))::numeric(15,3) AS p95_seconds,
    sum(tokens_used) AS tokens_used,
    sum((cost)::numeric) AS cost
   FROM public.agent_executions
  WHERE ((started_at)::timestamp with time zone >= (now() - '7 days'::interval))
  GROUP BY agent_type;


--
-- Name: agent_prompt_versions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_prompt_versions (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    profile_name public.short_text NOT NULL,
    version_number integer NOT NULL,
    prompt_content public.prompt_text NOT NULL,
    note public.long_text,
    is_active boolean DEFAULT false NOT NULL,
    activated_at public.bounded_timestamptz,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    rolls_back_to integer[] DEFAULT '{}'::integer[] NOT NULL,
    CONSTRAINT agent_prompt_versions_active_ones_were_activated CHECK (((NOT is_active) OR (activated_at IS NOT NULL))),
    CONSTRAINT agent_prompt_versions_version_number_range CHECK (((version_number >= 1) AND (version_number <= 100000)))
);


--
-- Name: agent_reservations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.agent_reservations (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    agent_settings_id uuid NOT NULL,
    agent_session_id uuid,
    usage_date public.bounded_date NOT NULL,
    amount public.usage_amount NOT NULL,
    settled_amount public.usage_amount,
    settled_at public.bounded_timestamptz,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT agent_reservations_are_settled_at_once CHECK (((settled_amount IS NULL) = (settled_at IS NULL)))
);


--
-- Name: audit_seals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.audit_seals (
    number bigint NOT NULL,
    last_transaction xid8 NOT NULL,
    lines bigint NOT NULL,
    lines_hash bytea NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    sealed_at public.bounded_timestamptz NOT NULL,
    CONSTRAINT audit_seals_hashes_have_32_bytes CHECK (((octet_length(lines_hash) = 32) AND (octet_length(previous_hash) = 32) AND (octet_length(hash) = 32))),
    CONSTRAINT audit_seals_lines_range CHECK ((lines > 0)),
    CONSTRAINT audit_seals_number_range CHECK ((number > 0))
);


--
-- Name: call_ledger; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.call_ledger (
    key public.visible_text NOT NULL,
    tool public.short_text NOT NULL,
    arguments_hash bytea NOT NULL,
    result json,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT call_ledger_arguments_hash_has_32_bytes CHECK ((octet_length(arguments_hash) = 32)),
    CONSTRAINT call_ledger_key_is_one_line CHECK (((char_length((key)::text) <= 255) AND ((key)::text !~ '[\u0001-\u001F\u007F-\u009F\u2028\u2029]'::text)))
);


--
-- Name: design_fees; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.design_fees (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    project_id uuid NOT NULL,
    label public.short_text NOT NULL,
    amount public.dollars NOT NULL,
    payment_number integer NOT NULL,
    status public.fee_status DEFAULT 'pending'::public.fee_status NOT NULL,
    due_at public.bounded_timestamptz,
    paid_at public.bounded_timestamptz,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    invoiced_at public.bounded_timestamptz,
    CONSTRAINT design_fees_invoiced_at_only_when_invoiced CHECK (((invoiced_at IS NULL) OR (status <> 'pending'::public.fee_status))),
    CONSTRAINT design_fees_overdue_has_due_at CHECK (((status <> 'overdue'::public.fee_status) OR (due_at IS NOT NULL))),
    CONSTRAINT design_fees_paid_at_only_when_paid CHECK (((paid_at IS NULL) OR (status = 'paid'::public.fee_status))),
    CONSTRAINT design_fees_payment_number_range CHECK (((payment_number >= 1) AND (payment_number <= 100)))
);


--
-- Name: email_templates; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.email_templates (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    name public.short_text NOT NULL,
    phase public.project_phase,
    subject_template public.short_text NOT NULL,
    body_template public.long_text NOT NULL,
    requires_review boolean DEFAULT false NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL
);


--
-- Name: erased_lines; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.erased_lines WITH (security_invoker='true') AS
 SELECT note.id AS note_id,
    (line.line ->> 'line'::text) AS line_id,
    (line.line ->> 'before'::text) AS before,
    (line.line ->> 'after'::text) AS after
   FROM public.activity_log note,
    LATERAL jsonb_path_query((note.metadata)::jsonb, '$."lines"[*]?((@."line" like_regex "^[0-9a-f-]{36}$" && @."before" like_regex "^[0-9a-f]{64}$") && @."after" like_regex "^[0-9a-f]{64}$")'::jsonpath) line(line)
  WHERE (((note.action)::text = 'erased'::text) AND (((note.context)::jsonb ->> 'tool'::text) = 'audit erase'::text));


--
-- Name: live_projects; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.live_projects WITH (security_invoker='true') AS
 SELECT project.id,
    project.client_id,
    project.name,
    project.address,
    project.project_type,
    project.phase,
    project.investment_estimate,
    project.exhibit_b_total,
    project.created_at,
    project.updated_at,
    project.estimate_at_creation
   FROM (public.projects project
     JOIN public.clients client ON ((client.id = project.client_id)))
  WHERE ((project.phase <> ALL (ARRAY['on_hold'::public.project_phase, 'completed'::public.project_phase])) AND (client.status <> 'churned'::public.client_status));


--
-- Name: meeting_action_items; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.meeting_action_items (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    meeting_id uuid NOT NULL,
    description public.long_text NOT NULL,
    assigned_to public.short_text,
    status public.action_item_status DEFAULT 'open'::public.action_item_status NOT NULL,
    due_date public.bounded_date,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL
);


--
-- Name: meetings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.meetings (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    project_id uuid NOT NULL,
    meeting_type public.meeting_type NOT NULL,
    scheduled_date public.bounded_date,
    transcript_s3_key public.storage_key,
    notes_s3_key public.storage_key,
    status public.meeting_status DEFAULT 'scheduled'::public.meeting_status NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL
);


--
-- Name: preview_changes; Type: TABLE; Schema: public; Owner: -
--

CREATE UNLOGGED TABLE public.preview_changes (
    "position" bigint NOT NULL,
    table_name text NOT NULL,
    operation text NOT NULL,
    before jsonb,
    after jsonb
);


--
-- Name: preview_changes_position_seq; Type: SEQUENCE; Schema: public; Owner: -
--

ALTER TABLE public.preview_changes ALTER COLUMN "position" ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.preview_changes_position_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: pricing_benchmarks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pricing_benchmarks (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    category public.short_text NOT NULL,
    item_type public.short_text NOT NULL,
    quality_tier public.short_text DEFAULT 'mid-high'::text NOT NULL,
    unit_price_estimate public.dollars NOT NULL,
    freight_factor public.freight_fraction DEFAULT 0.18 NOT NULL,
    notes public.long_text,
    last_updated public.bounded_timestamptz DEFAULT now() NOT NULL,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL
);


--
-- Name: project_trades; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.project_trades (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    project_id uuid NOT NULL,
    trade_id uuid NOT NULL,
    role public.trade_role DEFAULT 'soft_trade'::public.trade_role NOT NULL,
    scope public.long_text,
    quote_status public.quote_status DEFAULT 'invited'::public.quote_status NOT NULL,
    ballpark_amount public.dollars,
    final_amount public.dollars,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    is_chosen boolean DEFAULT false NOT NULL,
    CONSTRAINT project_trades_chosen_is_gc CHECK (((NOT is_chosen) OR (role = 'gc'::public.trade_role)))
);


--
-- Name: purchase_order_numbers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.purchase_order_numbers (
    year integer NOT NULL,
    last_number integer NOT NULL,
    CONSTRAINT purchase_order_numbers_last_number_range CHECK (((last_number >= 1) AND (last_number <= 1000000))),
    CONSTRAINT purchase_order_numbers_year_range CHECK (((year >= 1900) AND (year <= 2199)))
);


--
-- Name: purchase_orders; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.purchase_orders (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    line_item_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    po_number public.short_text NOT NULL,
    amount public.dollars NOT NULL,
    freight public.dollars,
    status public.po_status DEFAULT 'draft'::public.po_status NOT NULL,
    estimated_delivery public.bounded_date,
    actual_delivery public.bounded_date,
    ordered_at public.bounded_timestamptz,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    updated_at public.bounded_timestamptz DEFAULT now() NOT NULL
);


--
-- Name: schema_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.schema_version (
    version integer NOT NULL,
    description text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT schema_version_applied_at_in_range CHECK (((applied_at >= '1900-01-01 00:00:00+00'::timestamp with time zone) AND (applied_at < '2200-01-01 00:00:00+00'::timestamp with time zone)))
);


--
-- Name: session_metrics; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.session_metrics WITH (security_invoker='true') AS
 SELECT session.id,
    session.session_id,
    session.status,
    session.iteration_count,
    session.qa_passed,
    work.executions,
    work.failed_executions,
    work.tokens_used,
    work.cost,
    work.agent_seconds,
    ( SELECT count(*) AS count
           FROM public.agent_artifacts
          WHERE (agent_artifacts.agent_session_id = session.id)) AS artifacts,
    (EXTRACT(epoch FROM ((session.updated_at)::timestamp with time zone - (session.created_at)::timestamp with time zone)))::numeric(15,3) AS elapsed_seconds
   FROM (public.agent_sessions session
     CROSS JOIN LATERAL ( SELECT count(*) AS executions,
            count(*) FILTER (WHERE (agent_executions.status = 'failed'::public.agent_execution_status)) AS failed_executions,
            COALESCE(sum(agent_executions.tokens_used), (0)::bigint) AS tokens_used,
            COALESCE(sum((agent_executions.cost)::numeric), (0)::numeric) AS cost,
            COALESCE(sum((agent_executions.duration_seconds)::numeric), (0)::numeric) AS agent_seconds
           FROM public.agent_executions
          WHERE (agent_executions.agent_session_id = session.id)) work);


--
-- Name: trades; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trades (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    name public.short_text NOT NULL,
    specialty public.short_text,
    company public.short_text,
    email public.email_address,
    phone public.short_text,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL
);


--
-- Name: vendor_quotes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vendor_quotes (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    line_item_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    unit_cost public.dollars NOT NULL,
    freight public.dollars,
    lead_time_weeks integer,
    notes public.long_text,
    received_at public.bounded_timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT vendor_quotes_lead_time_weeks_range CHECK (((lead_time_weeks >= 0) AND (lead_time_weeks <= 520)))
);


--
-- Name: vendors; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vendors (
    id uuid DEFAULT public.uuid_v7() NOT NULL,
    name public.short_text NOT NULL,
    category public.short_text,
    contact_name public.short_text,
    email public.email_address,
    phone public.short_text,
    account_number public.short_text,
    discount_tier public.short_text,
    created_at public.bounded_timestamptz DEFAULT now() NOT NULL
);


--
-- Name: activity_log activity_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.activity_log
    ADD CONSTRAINT activity_log_pkey PRIMARY KEY (id);


--
-- Name: agent_artifacts agent_artifacts_agent_session_id_file_path_version_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_artifacts
    ADD CONSTRAINT agent_artifacts_agent_session_id_file_path_version_key UNIQUE (agent_session_id, file_path, version);


--
-- Name: agent_artifacts agent_artifacts_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_artifacts
    ADD CONSTRAINT agent_artifacts_pkey PRIMARY KEY (id);


--
-- Name: agent_checkpoints agent_checkpoints_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_checkpoints
    ADD CONSTRAINT agent_checkpoints_pkey PRIMARY KEY (id);


--
-- Name: agent_checkpoints agent_checkpoints_thread_id_checkpoint_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_checkpoints
    ADD CONSTRAINT agent_checkpoints_thread_id_checkpoint_id_key UNIQUE (thread_id, checkpoint_id);


--
-- Name: agent_executions agent_executions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_executions
    ADD CONSTRAINT agent_executions_pkey PRIMARY KEY (id);


--
-- Name: agent_metrics agent_metrics_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_metrics
    ADD CONSTRAINT agent_metrics_pkey PRIMARY KEY (id);


--
-- Name: agent_prompt_versions agent_prompt_versions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_prompt_versions
    ADD CONSTRAINT agent_prompt_versions_pkey PRIMARY KEY (id);


--
-- Name: agent_prompt_versions agent_prompt_versions_profile_name_version_number_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_prompt_versions
    ADD CONSTRAINT agent_prompt_versions_profile_name_version_number_key UNIQUE (profile_name, version_number);


--
-- Name: agent_reservations agent_reservations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_reservations
    ADD CONSTRAINT agent_reservations_pkey PRIMARY KEY (id);


--
-- Name: agent_sessions agent_sessions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_sessions
    ADD CONSTRAINT agent_sessions_pkey PRIMARY KEY (id);


--
-- Name: agent_sessions agent_sessions_session_id_is_no_id; Type: CHECK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE public.agent_sessions
    ADD CONSTRAINT agent_sessions_session_id_is_no_id CHECK (((session_id)::text !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'::text)) NOT VALID;


--
-- Name: agent_sessions agent_sessions_session_id_is_seen; Type: CHECK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE public.agent_sessions
    ADD CONSTRAINT agent_sessions_session_id_is_seen CHECK (((session_id)::text !~ '[\U000E0000-\U000E0FFF\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\u034F\u061C\u17B4\u17B5\u180B-\u180F\uFE00-\uFE0F\uFFF9-\uFFFB\u0001-\u001F\u007F-\u00A0\u00AD\u115F\u1160\u1680\u180E\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFEFF\uFFA0]'::text)) NOT VALID;


--
-- Name: agent_sessions agent_sessions_session_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_sessions
    ADD CONSTRAINT agent_sessions_session_id_key UNIQUE (session_id);


--
-- Name: agent_settings agent_settings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_settings
    ADD CONSTRAINT agent_settings_pkey PRIMARY KEY (id);


--
-- Name: agent_settings agent_settings_profile_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_settings
    ADD CONSTRAINT agent_settings_profile_name_key UNIQUE (profile_name);


--
-- Name: audit_seals audit_seals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.audit_seals
    ADD CONSTRAINT audit_seals_pkey PRIMARY KEY (number);


--
-- Name: call_ledger call_ledger_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.call_ledger
    ADD CONSTRAINT call_ledger_pkey PRIMARY KEY (key);


--
-- Name: clients clients_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (id);


--
-- Name: design_fees design_fees_payment_number_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.design_fees
    ADD CONSTRAINT design_fees_payment_number_key UNIQUE (project_id, payment_number);


--
-- Name: design_fees design_fees_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.design_fees
    ADD CONSTRAINT design_fees_pkey PRIMARY KEY (id);


--
-- Name: documents documents_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_pkey PRIMARY KEY (id);


--
-- Name: documents documents_version_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_version_key UNIQUE (project_id, doc_type, version);


--
-- Name: email_templates email_templates_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_templates
    ADD CONSTRAINT email_templates_name_key UNIQUE (name);


--
-- Name: email_templates email_templates_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_templates
    ADD CONSTRAINT email_templates_pkey PRIMARY KEY (id);


--
-- Name: line_items line_items_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.line_items
    ADD CONSTRAINT line_items_pkey PRIMARY KEY (id);


--
-- Name: meeting_action_items meeting_action_items_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meeting_action_items
    ADD CONSTRAINT meeting_action_items_pkey PRIMARY KEY (id);


--
-- Name: meetings meetings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meetings
    ADD CONSTRAINT meetings_pkey PRIMARY KEY (id);


--
-- Name: phase_transitions phase_transitions_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.phase_transitions
    ADD CONSTRAINT phase_transitions_pkey PRIMARY KEY (id);


--
-- Name: preview_changes preview_changes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.preview_changes
    ADD CONSTRAINT preview_changes_pkey PRIMARY KEY ("position");


--
-- Name: pricing_benchmarks pricing_benchmarks_item_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_benchmarks
    ADD CONSTRAINT pricing_benchmarks_item_key UNIQUE (category, item_type, quality_tier);


--
-- Name: pricing_benchmarks pricing_benchmarks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pricing_benchmarks
    ADD CONSTRAINT pricing_benchmarks_pkey PRIMARY KEY (id);


--
-- Name: project_rooms project_rooms_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_rooms
    ADD CONSTRAINT project_rooms_pkey PRIMARY KEY (id);


--
-- Name: project_tasks project_tasks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_tasks
    ADD CONSTRAINT project_tasks_pkey PRIMARY KEY (id);


--
-- Name: project_tasks project_tasks_template_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_tasks
    ADD CONSTRAINT project_tasks_template_id_key UNIQUE (project_id, template_id);


--
-- Name: project_trades project_trades_one_chosen_gc_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_trades
    ADD CONSTRAINT project_trades_one_chosen_gc_key EXCLUDE USING btree (project_id WITH =) WHERE (is_chosen) DEFERRABLE;


--
-- Name: project_trades project_trades_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_trades
    ADD CONSTRAINT project_trades_pkey PRIMARY KEY (id);


--
-- Name: project_trades project_trades_trade_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_trades
    ADD CONSTRAINT project_trades_trade_id_key UNIQUE (project_id, trade_id, role);


--
-- Name: projects projects_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);


--
-- Name: purchase_order_numbers purchase_order_numbers_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.purchase_order_numbers
    ADD CONSTRAINT purchase_order_numbers_pkey PRIMARY KEY (year);


--
-- Name: purchase_orders purchase_orders_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.purchase_orders
    ADD CONSTRAINT purchase_orders_pkey PRIMARY KEY (id);


--
-- Name: purchase_orders purchase_orders_po_number_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.purchase_orders
    ADD CONSTRAINT purchase_orders_po_number_key UNIQUE (po_number);


--
-- Name: schema_version schema_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.schema_version
    ADD CONSTRAINT schema_version_pkey PRIMARY KEY (version);


--
-- Name: trades trades_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trades
    ADD CONSTRAINT trades_pkey PRIMARY KEY (id);


--
-- Name: vendor_quotes vendor_quotes_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vendor_quotes
    ADD CONSTRAINT vendor_quotes_pkey PRIMARY KEY (id);


--
-- Name: vendors vendors_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vendors
    ADD CONSTRAINT vendors_pkey PRIMARY KEY (id);


--
-- Name: visible_text visible_text_keeps_its_direction; Type: CHECK CONSTRAINT; Schema: public; Owner: -
--

ALTER DOMAIN public.visible_text
    ADD CONSTRAINT visible_text_keeps_its_direction CHECK ((VALUE !~ '[\u202A-\u202E\u2066-\u2069]'::text)) NOT VALID;


--
-- Name: workflow_templates workflow_templates_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workflow_templates
    ADD CONSTRAINT workflow_templates_pkey PRIMARY KEY (id);


--
-- Name: workflow_templates workflow_templates_task_order_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workflow_templates
    ADD CONSTRAINT workflow_templates_task_order_key EXCLUDE USING btree (phase WITH =, task_order WITH =) WHERE ((retired_at IS NULL)) DEFERRABLE;


--
-- Name: activity_log_action_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_action_idx ON public.activity_log USING btree (action, id);


--
-- Name: activity_log_actor_name_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_actor_name_idx ON public.activity_log USING btree (actor_name, id);


--
-- Name: activity_log_changeset_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_changeset_idx ON public.activity_log USING btree ((((context)::jsonb ->> 'changeset_id'::text)), id) WHERE ((context)::jsonb ? 'changeset_id'::text);


--
-- Name: activity_log_entity_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_entity_id_idx ON public.activity_log USING btree (entity_id, id);


--
-- Name: activity_log_entity_type_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_entity_type_idx ON public.activity_log USING btree (entity_type, id);


--
-- Name: activity_log_project_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_project_id_idx ON public.activity_log USING btree (project_id, id) WHERE (project_id IS NOT NULL);


--
-- Name: activity_log_run_feed_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_run_feed_idx ON public.activity_log USING btree ((((context)::jsonb ->> 'run_id'::text)), transaction_id, id) WHERE ((context)::jsonb ? 'run_id'::text);


--
-- Name: activity_log_run_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_run_idx ON public.activity_log USING btree ((((context)::jsonb ->> 'run_id'::text)), id) WHERE ((context)::jsonb ? 'run_id'::text);


--
-- Name: activity_log_transaction_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX activity_log_transaction_id_idx ON public.activity_log USING btree (transaction_id, id);


--
-- Name: agent_checkpoints_thread_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_checkpoints_thread_id_idx ON public.agent_checkpoints USING btree (thread_id, id);


--
-- Name: agent_executions_agent_session_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_executions_agent_session_id_idx ON public.agent_executions USING btree (agent_session_id, id);


--
-- Name: agent_executions_agent_type_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_executions_agent_type_idx ON public.agent_executions USING btree (agent_type, id);


--
-- Name: agent_executions_started_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_executions_started_at_idx ON public.agent_executions USING btree (started_at);


--
-- Name: agent_executions_status_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_executions_status_idx ON public.agent_executions USING btree (status, id);


--
-- Name: agent_metrics_metric_name_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_metrics_metric_name_idx ON public.agent_metrics USING btree (metric_name, recorded_at);


--
-- Name: agent_prompt_versions_one_active_per_profile; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX agent_prompt_versions_one_active_per_profile ON public.agent_prompt_versions USING btree (profile_name) WHERE is_active;


--
-- Name: agent_sessions_current_phase_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_sessions_current_phase_idx ON public.agent_sessions USING btree (current_phase, id);


--
-- Name: agent_sessions_open_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_sessions_open_idx ON public.agent_sessions USING btree (updated_at) WHERE (status = ANY (ARRAY['pending'::public.agent_session_status, 'running'::public.agent_session_status, 'awaiting_approval'::public.agent_session_status]));


--
-- Name: agent_sessions_project_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_sessions_project_id_idx ON public.agent_sessions USING btree (project_id);


--
-- Name: agent_sessions_status_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX agent_sessions_status_idx ON public.agent_sessions USING btree (status, id);


--
-- Name: call_ledger_created_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX call_ledger_created_at_idx ON public.call_ledger USING btree (created_at);


--
-- Name: clients_email_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX clients_email_idx ON public.clients USING btree (lower((email)::text));


--
-- Name: clients_merged_into_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX clients_merged_into_idx ON public.clients USING btree (merged_into);


--
-- Name: clients_phone_digits_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX clients_phone_digits_idx ON public.clients USING btree ("right"(public.phone_digits((phone)::text), 7)) WHERE (phone IS NOT NULL);


--
-- Name: clients_phone_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX clients_phone_idx ON public.clients USING btree (phone);


--
-- Name: clients_status_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX clients_status_idx ON public.clients USING btree (status, id);


--
-- Name: design_fees_due_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX design_fees_due_at_idx ON public.design_fees USING btree (due_at, id);


--
-- Name: design_fees_due_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX design_fees_due_idx ON public.design_fees USING btree (status, due_at, id) WHERE (status <> 'paid'::public.fee_status);


--
-- Name: design_fees_status_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX design_fees_status_idx ON public.design_fees USING btree (status, project_id, payment_number);


--
-- Name: line_items_room_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX line_items_room_id_idx ON public.line_items USING btree (room_id, id);


--
-- Name: meeting_action_items_assigned_to_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX meeting_action_items_assigned_to_idx ON public.meeting_action_items USING btree (lower((assigned_to)::text), due_date, id) WHERE (assigned_to IS NOT NULL);


--
-- Name: meeting_action_items_due_date_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX meeting_action_items_due_date_idx ON public.meeting_action_items USING btree (due_date, id);


--
-- Name: meeting_action_items_meeting_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX meeting_action_items_meeting_id_idx ON public.meeting_action_items USING btree (meeting_id, id);


--
-- Name: meeting_action_items_open_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX meeting_action_items_open_idx ON public.meeting_action_items USING btree (due_date, id) WHERE (status = ANY (ARRAY['open'::public.action_item_status, 'in_progress'::public.action_item_status]));


--
-- Name: meetings_project_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX meetings_project_id_idx ON public.meetings USING btree (project_id, scheduled_date, id);


--
-- Name: meetings_scheduled_date_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX meetings_scheduled_date_idx ON public.meetings USING btree (scheduled_date, id);


--
-- Name: meetings_status_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX meetings_status_idx ON public.meetings USING btree (status, scheduled_date, id);


--
-- Name: phase_transitions_project_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX phase_transitions_project_id_idx ON public.phase_transitions USING btree (project_id, id);


--
-- Name: pricing_benchmarks_category_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pricing_benchmarks_category_idx ON public.pricing_benchmarks USING btree (lower((category)::text), id);


--
-- Name: pricing_benchmarks_quality_tier_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX pricing_benchmarks_quality_tier_idx ON public.pricing_benchmarks USING btree (lower((quality_tier)::text), id);


--
-- Name: project_rooms_project_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX project_rooms_project_id_idx ON public.project_rooms USING btree (project_id, id);


--
-- Name: project_tasks_assigned_to_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX project_tasks_assigned_to_idx ON public.project_tasks USING btree (lower((assigned_to)::text), due_date, id) WHERE (assigned_to IS NOT NULL);


--
-- Name: project_tasks_due_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX project_tasks_due_idx ON public.project_tasks USING btree (due_date, id) WHERE ((due_date IS NOT NULL) AND (status <> ALL (ARRAY['completed'::public.task_status, 'skipped'::public.task_status])));


--
-- Name: project_tasks_project_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX project_tasks_project_id_idx ON public.project_tasks USING btree (project_id, id);


--
-- Name: project_tasks_status_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX project_tasks_status_idx ON public.project_tasks USING btree (status, id);


--
-- Name: projects_client_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_client_id_idx ON public.projects USING btree (client_id, id);


--
-- Name: projects_phase_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX projects_phase_idx ON public.projects USING btree (phase, id);


--
-- Name: purchase_orders_late_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX purchase_orders_late_idx ON public.purchase_orders USING btree (estimated_delivery, id) WHERE (status = ANY (ARRAY['draft'::public.po_status, 'submitted'::public.po_status, 'acknowledged'::public.po_status, 'in_production'::public.po_status, 'shipped'::public.po_status]));


--
-- Name: purchase_orders_line_item_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX purchase_orders_line_item_id_idx ON public.purchase_orders USING btree (line_item_id, id);


--
-- Name: purchase_orders_one_open_per_line_item_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX purchase_orders_one_open_per_line_item_key ON public.purchase_orders USING btree (line_item_id) WHERE (status <> 'cancelled'::public.po_status);


--
-- Name: purchase_orders_open_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX purchase_orders_open_idx ON public.purchase_orders USING btree (id) WHERE (status = ANY (ARRAY['draft'::public.po_status, 'submitted'::public.po_status, 'acknowledged'::public.po_status, 'in_production'::public.po_status, 'shipped'::public.po_status]));


--
-- Name: purchase_orders_vendor_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX purchase_orders_vendor_id_idx ON public.purchase_orders USING btree (vendor_id, id);


--
-- Name: trades_email_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX trades_email_idx ON public.trades USING btree (lower((email)::text)) WHERE (email IS NOT NULL);


--
-- Name: trades_name_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX trades_name_idx ON public.trades USING btree (lower((name)::text));


--
-- Name: trades_phone_digits_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX trades_phone_digits_idx ON public.trades USING btree ("right"(public.phone_digits((phone)::text), 7)) WHERE (phone IS NOT NULL);


--
-- Name: trades_specialty_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX trades_specialty_idx ON public.trades USING btree (lower((specialty)::text), id);


--
-- Name: vendor_quotes_line_item_id_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vendor_quotes_line_item_id_idx ON public.vendor_quotes USING btree (line_item_id, id);


--
-- Name: vendors_category_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vendors_category_idx ON public.vendors USING btree (lower((category)::text), id);


--
-- Name: vendors_email_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vendors_email_idx ON public.vendors USING btree (lower((email)::text)) WHERE (email IS NOT NULL);


--
-- Name: vendors_name_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vendors_name_idx ON public.vendors USING btree (lower((name)::text));


--
-- Name: vendors_phone_digits_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX vendors_phone_digits_idx ON public.vendors USING btree ("right"(public.phone_digits((phone)::text), 7)) WHERE (phone IS NOT NULL);


--
-- Name: workflow_templates_name_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX workflow_templates_name_key ON public.workflow_templates USING btree (phase, name) WHERE (retired_at IS NULL);


--
-- Name: activity_log activity_log_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activity_log_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.activity_log FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: activity_log activity_log_is_never_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activity_log_is_never_emptied BEFORE TRUNCATE ON public.activity_log FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change_of_log();

ALTER TABLE public.activity_log ENABLE ALWAYS TRIGGER activity_log_is_never_emptied;


--
-- Name: activity_log activity_log_rows_are_final; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER activity_log_rows_are_final BEFORE DELETE OR UPDATE ON public.activity_log FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_log();

ALTER TABLE public.activity_log ENABLE ALWAYS TRIGGER activity_log_rows_are_final;


--
-- Name: agent_artifacts agent_artifacts_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_artifacts_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.agent_artifacts FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: agent_checkpoints agent_checkpoints_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_checkpoints_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.agent_checkpoints FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: agent_executions agent_executions_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_executions_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.agent_executions FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: agent_metrics agent_metrics_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_metrics_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.agent_metrics FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: agent_prompt_versions agent_prompt_versions_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_prompt_versions_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.agent_prompt_versions FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: agent_reservations agent_reservations_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_reservations_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.agent_reservations FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: agent_sessions agent_sessions_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_sessions_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.agent_sessions FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: agent_sessions agent_sessions_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_sessions_set_updated_at BEFORE UPDATE ON public.agent_sessions FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: agent_settings agent_settings_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_settings_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.agent_settings FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: agent_settings agent_settings_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER agent_settings_set_updated_at BEFORE UPDATE ON public.agent_settings FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: audit_seals audit_seals_are_final; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_seals_are_final BEFORE DELETE OR UPDATE ON public.audit_seals FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_log();

ALTER TABLE public.audit_seals ENABLE ALWAYS TRIGGER audit_seals_are_final;


--
-- Name: audit_seals audit_seals_are_never_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER audit_seals_are_never_emptied BEFORE TRUNCATE ON public.audit_seals FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change_of_log();

ALTER TABLE public.audit_seals ENABLE ALWAYS TRIGGER audit_seals_are_never_emptied;


--
-- Name: clients clients_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER clients_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.clients FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: clients clients_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER clients_set_updated_at BEFORE UPDATE ON public.clients FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: design_fees design_fees_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER design_fees_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.design_fees FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: documents documents_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER documents_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.documents FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: email_templates email_templates_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER email_templates_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.email_templates FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: line_items line_items_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER line_items_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.line_items FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: line_items line_items_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER line_items_set_updated_at BEFORE UPDATE ON public.line_items FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: meeting_action_items meeting_action_items_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER meeting_action_items_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.meeting_action_items FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: meeting_action_items meeting_action_items_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER meeting_action_items_set_updated_at BEFORE UPDATE ON public.meeting_action_items FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: meetings meetings_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER meetings_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.meetings FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: meetings meetings_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER meetings_set_updated_at BEFORE UPDATE ON public.meetings FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: phase_transitions phase_transitions_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER phase_transitions_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.phase_transitions FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: pricing_benchmarks pricing_benchmarks_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER pricing_benchmarks_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.pricing_benchmarks FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: project_rooms project_rooms_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER project_rooms_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.project_rooms FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: project_tasks project_tasks_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER project_tasks_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.project_tasks FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: project_tasks project_tasks_check_templates; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER project_tasks_check_templates AFTER INSERT ON public.project_tasks REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION public.check_templates_of_tasks();


--
-- Name: project_tasks project_tasks_keep_their_template; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER project_tasks_keep_their_template BEFORE UPDATE ON public.project_tasks FOR EACH ROW WHEN ((old.template_id IS DISTINCT FROM new.template_id)) EXECUTE FUNCTION public.refuse_change_of_reference('a task keeps its template');


--
-- Name: project_tasks project_tasks_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER project_tasks_set_updated_at BEFORE UPDATE ON public.project_tasks FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: project_trades project_trades_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER project_trades_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.project_trades FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: projects projects_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER projects_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.projects FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: projects projects_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER projects_set_updated_at BEFORE UPDATE ON public.projects FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: purchase_orders purchase_orders_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER purchase_orders_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.purchase_orders FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: purchase_orders purchase_orders_set_updated_at; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER purchase_orders_set_updated_at BEFORE UPDATE ON public.purchase_orders FOR EACH ROW EXECUTE FUNCTION public.set_updated_at();


--
-- Name: trades trades_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER trades_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.trades FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: vendor_quotes vendor_quotes_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vendor_quotes_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.vendor_quotes FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: vendors vendors_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER vendors_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.vendors FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: workflow_templates workflow_templates_are_never_deleted; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER workflow_templates_are_never_deleted BEFORE DELETE ON public.workflow_templates FOR EACH ROW EXECUTE FUNCTION public.refuse_change_of_reference('templates are retired, never deleted');


--
-- Name: workflow_templates workflow_templates_are_never_emptied; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER workflow_templates_are_never_emptied BEFORE TRUNCATE ON public.workflow_templates FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change_of_reference('templates are retired, never deleted');


--
-- Name: workflow_templates workflow_templates_capture_change; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER workflow_templates_capture_change AFTER INSERT OR DELETE OR UPDATE ON public.workflow_templates FOR EACH ROW WHEN ((current_setting('studio_data.preview'::text, true) = 'on'::text)) EXECUTE FUNCTION public.capture_change();


--
-- Name: workflow_templates workflow_templates_keep_their_id; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER workflow_templates_keep_their_id BEFORE UPDATE ON public.workflow_templates FOR EACH ROW WHEN ((old.id <> new.id)) EXECUTE FUNCTION public.refuse_change_of_reference('a template keeps its id');


--
-- Name: agent_artifacts agent_artifacts_agent_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_artifacts
    ADD CONSTRAINT agent_artifacts_agent_session_id_fkey FOREIGN KEY (agent_session_id) REFERENCES public.agent_sessions(id);


--
-- Name: agent_executions agent_executions_agent_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_executions
    ADD CONSTRAINT agent_executions_agent_session_id_fkey FOREIGN KEY (agent_session_id) REFERENCES public.agent_sessions(id);


--
-- Name: agent_reservations agent_reservations_agent_session_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_reservations
    ADD CONSTRAINT agent_reservations_agent_session_id_fkey FOREIGN KEY (agent_session_id) REFERENCES public.agent_sessions(id);


--
-- Name: agent_reservations agent_reservations_agent_settings_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_reservations
    ADD CONSTRAINT agent_reservations_agent_settings_id_fkey FOREIGN KEY (agent_settings_id) REFERENCES public.agent_settings(id);


--
-- Name: agent_sessions agent_sessions_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.agent_sessions
    ADD CONSTRAINT agent_sessions_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: clients clients_merged_into_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clients
    ADD CONSTRAINT clients_merged_into_fkey FOREIGN KEY (merged_into) REFERENCES public.clients(id);


--
-- Name: design_fees design_fees_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.design_fees
    ADD CONSTRAINT design_fees_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: documents documents_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.documents
    ADD CONSTRAINT documents_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: line_items line_items_benchmark_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.line_items
    ADD CONSTRAINT line_items_benchmark_id_fkey FOREIGN KEY (benchmark_id) REFERENCES public.pricing_benchmarks(id);


--
-- Name: line_items line_items_room_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.line_items
    ADD CONSTRAINT line_items_room_id_fkey FOREIGN KEY (room_id) REFERENCES public.project_rooms(id);


--
-- Name: line_items line_items_selected_vendor_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.line_items
    ADD CONSTRAINT line_items_selected_vendor_id_fkey FOREIGN KEY (selected_vendor_id) REFERENCES public.vendors(id);


--
-- Name: meeting_action_items meeting_action_items_meeting_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meeting_action_items
    ADD CONSTRAINT meeting_action_items_meeting_id_fkey FOREIGN KEY (meeting_id) REFERENCES public.meetings(id);


--
-- Name: meetings meetings_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.meetings
    ADD CONSTRAINT meetings_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: phase_transitions phase_transitions_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.phase_transitions
    ADD CONSTRAINT phase_transitions_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: project_rooms project_rooms_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_rooms
    ADD CONSTRAINT project_rooms_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: project_tasks project_tasks_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_tasks
    ADD CONSTRAINT project_tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: project_trades project_trades_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_trades
    ADD CONSTRAINT project_trades_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects(id);


--
-- Name: project_trades project_trades_trade_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.project_trades
    ADD CONSTRAINT project_trades_trade_id_fkey FOREIGN KEY (trade_id) REFERENCES public.trades(id);


--
-- Name: projects projects_client_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.clients(id);


--
-- Name: purchase_orders purchase_orders_line_item_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.purchase_orders
    ADD CONSTRAINT purchase_orders_line_item_id_fkey FOREIGN KEY (line_item_id) REFERENCES public.line_items(id);


--
-- Name: purchase_orders purchase_orders_vendor_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.purchase_orders
    ADD CONSTRAINT purchase_orders_vendor_id_fkey FOREIGN KEY (vendor_id) REFERENCES public.vendors(id);


--
-- Name: vendor_quotes vendor_quotes_line_item_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vendor_quotes
    ADD CONSTRAINT vendor_quotes_line_item_id_fkey FOREIGN KEY (line_item_id) REFERENCES public.line_items(id);


--
-- Name: vendor_quotes vendor_quotes_vendor_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vendor_quotes
    ADD CONSTRAINT vendor_quotes_vendor_id_fkey FOREIGN KEY (vendor_id) REFERENCES public.vendors(id);


--
-- Name: workflow_templates workflow_templates_email_template_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.workflow_templates
    ADD CONSTRAINT workflow_templates_email_template_id_fkey FOREIGN KEY (email_template_id) REFERENCES public.email_templates(id);


--
-- PostgreSQL database dump complete
--

\unrestrict x

