--# Four roles; existing ones keep their attributes and passwords (set passwords with psql's \password)
DO $fairgate$
BEGIN
    IF to_regrole({owner_text}) IS NULL THEN CREATE ROLE {owner} NOLOGIN; END IF;
    IF to_regrole({app_text}) IS NULL THEN CREATE ROLE {app} LOGIN; END IF;
    IF to_regrole({mlflow_owner_text}) IS NULL THEN CREATE ROLE {mlflow_owner} LOGIN; END IF;
    IF to_regrole({mlflow_app_text}) IS NULL THEN CREATE ROLE {mlflow_app} LOGIN; END IF;
END $fairgate$;

--# Nobody creates schemas, tables or temporary tables here but the two owners
DO $fairgate$
BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, {mlflow_app}, {app}', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO {mlflow_app}, {app}, {mlflow_owner}', current_database());
    EXECUTE format('ALTER ROLE {app} IN DATABASE %I SET search_path = fairgate', current_database());
END $fairgate$;
REVOKE CREATE ON SCHEMA {mlflow} FROM PUBLIC, {mlflow_app}, {app};
GRANT USAGE, CREATE ON SCHEMA {mlflow} TO {mlflow_owner};
GRANT USAGE ON SCHEMA {mlflow} TO {mlflow_app}, {owner};

--# MLflow's tables belong to the role of its migrations, whoever made them; MLflow's own role has DML only
DO $fairgate$
DECLARE
    item record;
BEGIN
    -- What MLflow's own triggers call, then what its maker made; sequences of columns follow their table.
    FOR item IN
        SELECT DISTINCT pg_proc.oid::regprocedure AS place
        FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
        WHERE relnamespace = {mlflow_text}::regnamespace AND pronamespace = {mlflow_text}::regnamespace
            AND proowner <> {mlflow_owner_text}::regrole
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO {mlflow_owner}', item.place);
    END LOOP;
    FOR item IN
        SELECT found.oid::regclass AS place
        FROM pg_class AS found
        JOIN pg_class AS aliases ON aliases.oid = {aliases_text}::regclass
        WHERE found.relnamespace = {mlflow_text}::regnamespace AND found.relkind IN ('r', 'p', 'v', 'm')
            AND found.relowner = aliases.relowner AND found.relowner <> {mlflow_owner_text}::regrole
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = found.oid AND deptype = 'e') -- an extension's
        ORDER BY found.oid = aliases.oid
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO {mlflow_owner}', item.place);
    END LOOP;
    FOR item IN
        SELECT oid::regclass AS place FROM pg_class
        WHERE relnamespace = {mlflow_text}::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
            AND relowner = {mlflow_owner_text}::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, {mlflow_app}, {app}, {owner}', item.place);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {mlflow_app}', item.place);
    END LOOP;
    IF to_regclass({migrations_text}) IS NOT NULL THEN -- what MLflow's migrations have done is not MLflow's to say
        REVOKE INSERT, UPDATE, DELETE ON {mlflow}.alembic_version FROM {mlflow_app};
    END IF;
END $fairgate$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA {mlflow} TO {mlflow_app};
ALTER DEFAULT PRIVILEGES FOR ROLE {mlflow_owner} IN SCHEMA {mlflow}
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {mlflow_app};
ALTER DEFAULT PRIVILEGES FOR ROLE {mlflow_owner} IN SCHEMA {mlflow} GRANT USAGE ON SEQUENCES TO {mlflow_app};

--# The schema fairgate has an owner who cannot log in; MLflow's roles see nothing of it
CREATE SCHEMA IF NOT EXISTS fairgate;
ALTER SCHEMA fairgate OWNER TO {owner};
REVOKE ALL ON SCHEMA fairgate FROM PUBLIC, {mlflow_app}, {mlflow_owner}, {app};
GRANT USAGE ON SCHEMA fairgate TO {app};

--# What lets an alias move: one row, one move, one minute, for the version as it stood when the release was granted
CREATE TABLE IF NOT EXISTS fairgate.release_grant (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace text NOT NULL DEFAULT 'default',
    name text NOT NULL,
    alias text NOT NULL,
    version integer NOT NULL,
    ledger_seq bigint,
    source text,
    storage_location text,
    created bigint,
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '1 minute',
    granted_by text NOT NULL DEFAULT session_user,
    used_at timestamptz,
    used_by text
);
CREATE INDEX IF NOT EXISTS release_grant_unused ON fairgate.release_grant (workspace, name, alias, version)
    WHERE used_at IS NULL;
CREATE TABLE IF NOT EXISTS fairgate.free_alias (alias text PRIMARY KEY);
ALTER TABLE fairgate.release_grant OWNER TO {owner};
ALTER TABLE fairgate.free_alias OWNER TO {owner};

--# The trigger functions run as that owner, who may look at what they guard and lock it (which takes UPDATE on a column)
GRANT SELECT ON {mlflow}.registered_model_aliases, {mlflow}.model_versions TO {owner};
GRANT UPDATE (last_updated_time) ON {mlflow}.model_versions TO {owner};

CREATE OR REPLACE FUNCTION fairgate.bind_grant() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fairgate$
BEGIN
    SELECT source, storage_location, creation_time INTO NEW.source, NEW.storage_location, NEW.created
    FROM {mlflow}.model_versions
    WHERE workspace = NEW.workspace AND name = NEW.name AND version = NEW.version;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'Fairgate: model % has no version %, so no release of it can be granted',
            quote_literal(NEW.name), NEW.version USING ERRCODE = 'foreign_key_violation';
    END IF;
    -- The newest entry about this version: the intent to release it. Where the ledger is elsewhere, nothing is said.
    IF to_regclass('fairgate.entry_subject') IS NOT NULL THEN
        SELECT max(seq) INTO NEW.ledger_seq FROM fairgate.entry_subject
        WHERE name = ('model/' || NEW.name || '/' || NEW.version) COLLATE "C";
        IF NEW.ledger_seq IS NULL THEN
            RAISE EXCEPTION 'Fairgate: the ledger holds no entry about version % of model %, so no release of it can be granted',
                NEW.version, quote_literal(NEW.name) USING ERRCODE = 'foreign_key_violation';
        END IF;
    END IF;
    NEW.expires_at := least(NEW.expires_at, clock_timestamp() + interval '1 minute');
    IF NEW.expires_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'Fairgate: this grant would end before it begins: the clock of its giver is behind the clock of the database, which says %',
            clock_timestamp() USING ERRCODE = 'invalid_datetime_format';
    END IF;
    RETURN NEW;
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.refuse_other_isolation() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fairgate$
BEGIN
    -- An older snapshot would not see what another transaction has just moved or changed.
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Fairgate: what a governed alias serves changes at READ COMMITTED only, this transaction is %: set default_transaction_isolation back',
            upper(current_setting('transaction_isolation')) USING ERRCODE = 'insufficient_privilege';
    END IF;
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.is_live(a_stage text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fairgate$
DECLARE
    stage text := lower(btrim(coalesce(a_stage, '')));
BEGIN
    -- Stages that MLflow does not know are live until proven otherwise.
    RETURN stage NOT IN ('', 'none', 'archived', 'deleted_internal')
        AND NOT EXISTS (SELECT FROM fairgate.free_alias WHERE alias = stage);
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.has_governed_alias(a_workspace text, a_name text, a_version integer)
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fairgate$
BEGIN
    RETURN EXISTS (
        SELECT FROM {mlflow}.registered_model_aliases AS held
        WHERE held.workspace = a_workspace AND held.name = a_name AND (a_version IS NULL OR held.version = a_version)
            AND NOT EXISTS (SELECT FROM fairgate.free_alias AS free WHERE free.alias = held.alias)
    );
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.spend_grant(a_workspace text, a_name text, an_alias text, a_version integer)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fairgate$
DECLARE
    stands record;
BEGIN
    PERFORM fairgate.refuse_other_isolation();
    -- The lock makes whoever changes this version at the same time wait, and then see the alias (or we the change).
    SELECT source, storage_location, creation_time INTO stands
    FROM {mlflow}.model_versions
    WHERE workspace = a_workspace AND name = a_name AND version = a_version FOR SHARE;
    IF FOUND THEN
        UPDATE fairgate.release_grant SET used_at = clock_timestamp(), used_by = session_user
        WHERE id = (
            SELECT id FROM fairgate.release_grant
            WHERE workspace = a_workspace AND name = a_name AND alias = an_alias AND version = a_version
                AND used_at IS NULL AND expires_at > clock_timestamp()
                AND source IS NOT DISTINCT FROM stands.source
                AND storage_location IS NOT DISTINCT FROM stands.storage_location
                AND created IS NOT DISTINCT FROM stands.creation_time
            ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
        );
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'Fairgate: % of model % does not move to version %: no release of this version was granted in the last minute. Ask for it with "fairgate release" and see with "fairgate holds" what is missing and who can give it',
            quote_literal(an_alias), quote_literal(a_name), a_version USING ERRCODE = 'insufficient_privilege';
    END IF;
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.guard_alias() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fairgate$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.workspace, NEW.name, NEW.alias, NEW.version)
            IS NOT DISTINCT FROM (OLD.workspace, OLD.name, OLD.alias, OLD.version) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM fairgate.free_alias WHERE alias = NEW.alias) THEN
        PERFORM fairgate.spend_grant(NEW.workspace, NEW.name, NEW.alias, NEW.version);
    END IF;
    RETURN NULL;
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.guard_stage() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fairgate$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.workspace, NEW.name, NEW.version, NEW.current_stage)
            IS NOT DISTINCT FROM (OLD.workspace, OLD.name, OLD.version, OLD.current_stage) THEN
        RETURN NULL;
    END IF;
    IF fairgate.is_live(NEW.current_stage) THEN -- gated like the alias of the same name
        PERFORM fairgate.spend_grant(NEW.workspace, NEW.name, lower(btrim(NEW.current_stage)), NEW.version);
    END IF;
    RETURN NULL;
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.guard_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fairgate$
BEGIN
    IF TG_OP = 'UPDATE' AND (
        NEW.workspace, NEW.name, NEW.version, NEW.source, NEW.storage_location, NEW.run_id, NEW.creation_time
    ) IS NOT DISTINCT FROM (
        OLD.workspace, OLD.name, OLD.version, OLD.source, OLD.storage_location, OLD.run_id, OLD.creation_time
    ) THEN
        RETURN NULL;
    END IF;
    PERFORM fairgate.refuse_other_isolation();
    IF fairgate.has_governed_alias(NEW.workspace, NEW.name, NEW.version)
        OR (TG_OP = 'UPDATE' AND fairgate.is_live(NEW.current_stage))
        OR (TG_OP = 'UPDATE' AND fairgate.has_governed_alias(OLD.workspace, OLD.name, OLD.version)) THEN
        RAISE EXCEPTION 'Fairgate: version % of model % is what a governed alias or stage serves: its source does not change. Register a new version and ask for its release, or withdraw the alias first',
            NEW.version, quote_literal(NEW.name) USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.guard_rename() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $fairgate$
BEGIN
    IF (NEW.workspace, NEW.name) IS DISTINCT FROM (OLD.workspace, OLD.name)
            AND fairgate.has_governed_alias(OLD.workspace, OLD.name, NULL) THEN
        RAISE EXCEPTION 'Fairgate: model % holds a governed alias, which would follow it: it is not renamed to %. Withdraw the alias first',
            quote_literal(OLD.name), quote_literal(NEW.name) USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $fairgate$;

CREATE OR REPLACE FUNCTION fairgate.refuse_truncate() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $fairgate$
BEGIN
    RAISE EXCEPTION 'Fairgate: % is not emptied at once', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $fairgate$;

DO $fairgate$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT oid::regprocedure AS place FROM pg_proc
        WHERE pronamespace = 'fairgate'::regnamespace AND proname::text = ANY ({functions})
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO {owner}', item.place);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, {mlflow_app}, {mlflow_owner}, {app}', item.place);
    END LOOP;
END $fairgate$;

--# The triggers, which fire whatever session_replication_role says
CREATE OR REPLACE TRIGGER fairgate_bind BEFORE INSERT ON fairgate.release_grant
    FOR EACH ROW EXECUTE FUNCTION fairgate.bind_grant();
-- AFTER: what is judged is the row that will stand there, and an upsert is judged once.
CREATE OR REPLACE TRIGGER fairgate_alias AFTER INSERT OR UPDATE ON {mlflow}.registered_model_aliases
    FOR EACH ROW EXECUTE FUNCTION fairgate.guard_alias();
CREATE OR REPLACE TRIGGER fairgate_stage AFTER INSERT OR UPDATE ON {mlflow}.model_versions
    FOR EACH ROW EXECUTE FUNCTION fairgate.guard_stage();
-- Deferred: MLflow deletes a version by changing its source first and taking its aliases away after.
DROP TRIGGER IF EXISTS fairgate_version ON {mlflow}.model_versions;
CREATE CONSTRAINT TRIGGER fairgate_version AFTER INSERT OR UPDATE ON {mlflow}.model_versions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fairgate.guard_version();
CREATE OR REPLACE TRIGGER fairgate_rename BEFORE UPDATE ON {mlflow}.registered_models
    FOR EACH ROW EXECUTE FUNCTION fairgate.guard_rename();
CREATE OR REPLACE TRIGGER fairgate_truncate BEFORE TRUNCATE ON {mlflow}.registered_model_aliases
    FOR EACH STATEMENT EXECUTE FUNCTION fairgate.refuse_truncate();
CREATE OR REPLACE TRIGGER fairgate_truncate BEFORE TRUNCATE ON {mlflow}.model_versions
    FOR EACH STATEMENT EXECUTE FUNCTION fairgate.refuse_truncate();
CREATE OR REPLACE TRIGGER fairgate_truncate BEFORE TRUNCATE ON {mlflow}.registered_models
    FOR EACH STATEMENT EXECUTE FUNCTION fairgate.refuse_truncate();
ALTER TABLE fairgate.release_grant ENABLE ALWAYS TRIGGER fairgate_bind;
ALTER TABLE {mlflow}.registered_model_aliases ENABLE ALWAYS TRIGGER fairgate_alias;
ALTER TABLE {mlflow}.registered_model_aliases ENABLE ALWAYS TRIGGER fairgate_truncate;
ALTER TABLE {mlflow}.model_versions ENABLE ALWAYS TRIGGER fairgate_stage;
ALTER TABLE {mlflow}.model_versions ENABLE ALWAYS TRIGGER fairgate_version;
ALTER TABLE {mlflow}.model_versions ENABLE ALWAYS TRIGGER fairgate_truncate;
ALTER TABLE {mlflow}.registered_models ENABLE ALWAYS TRIGGER fairgate_rename;
ALTER TABLE {mlflow}.registered_models ENABLE ALWAYS TRIGGER fairgate_truncate;

--# Aliases that the policy leaves free
DELETE FROM fairgate.free_alias WHERE NOT alias = ANY ({free});
INSERT INTO fairgate.free_alias SELECT unnest({free}) ON CONFLICT DO NOTHING;

--# Fairgate's own role appends to the ledger and gives grants, and changes neither; no login owns a table here
DO $fairgate$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT oid::regclass AS place, relname FROM pg_class
        WHERE relnamespace = 'fairgate'::regnamespace AND relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO {owner}', item.place);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, {app}, {mlflow_app}, {mlflow_owner}', item.place);
        EXECUTE format('GRANT SELECT ON %s TO {app}', item.place);
        IF item.relname::text = ANY ({appended}) THEN
            EXECUTE format('GRANT INSERT ON %s TO {app}', item.place);
        ELSIF item.relname::text = ANY ({moved}) THEN
            EXECUTE format('GRANT UPDATE ON %s TO {app}', item.place);
        ELSIF item.relname::text = ANY ({edited}) THEN
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO {app}', item.place);
        END IF;
    END LOOP;
    FOR item IN
        SELECT found.tgrelid::regclass AS place, found.tgname FROM pg_trigger AS found
        JOIN pg_class ON pg_class.oid = found.tgrelid
        WHERE pg_class.relnamespace = 'fairgate'::regnamespace AND NOT found.tgisinternal
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', item.place, item.tgname);
    END LOOP;
    FOR item IN
        SELECT oid::regprocedure AS place FROM pg_proc
        WHERE pronamespace = 'fairgate'::regnamespace AND proowner <> {owner_text}::regrole
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO {owner}', item.place);
    END LOOP;
END $fairgate$;
-- What a version is, which entry stands behind it and when it was given is the database's to say, not the giver's.
GRANT INSERT (workspace, name, alias, version, expires_at) ON fairgate.release_grant TO {app};
