--# the four roles are there, and only the owner of the schema fairgate cannot log in
SELECT format('role %I is missing', wanted) FROM unnest({roles}) AS wanted WHERE to_regrole(wanted) IS NULL
UNION ALL
SELECT format('%I can log in', rolname) FROM pg_roles WHERE rolname = {owner_text} AND rolcanlogin
UNION ALL
SELECT format('%I cannot log in', rolname) FROM pg_roles WHERE rolname IN ({app_text}, {mlflow_app_text}) AND NOT rolcanlogin

--# no role of the four has attributes of an administrator
SELECT format('%I is a superuser or may create roles or databases, replicate, or pass row security', rolname)
FROM pg_roles
WHERE rolname = ANY ({roles}) AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)

--# no role of the four is a member of another role, and nobody of the schema's owner
SELECT format('%s is a member of %s', member::regrole, roleid::regrole) FROM pg_auth_members
WHERE member IN (SELECT oid FROM pg_roles WHERE rolname = ANY ({roles}))
    OR (roleid = {owner_text}::regrole -- administrators can make themselves members at any time
        AND member IN (SELECT oid FROM pg_roles WHERE NOT rolsuper AND NOT rolcreaterole))

--# the roles of processes own nothing and create nothing
SELECT format('%I owns this database', rolname) FROM pg_roles, pg_database
WHERE rolname IN ({app_text}, {mlflow_app_text}) AND datdba = pg_roles.oid AND datname = current_database()
UNION ALL
SELECT format('%s owns %s', relowner::regrole, pg_class.oid::regclass) FROM pg_class
WHERE relowner IN ({app_text}::regrole, {mlflow_app_text}::regrole)
UNION ALL
SELECT format('%s owns the function %s', proowner::regrole, pg_proc.oid::regprocedure) FROM pg_proc
WHERE proowner IN ({app_text}::regrole, {mlflow_app_text}::regrole)
UNION ALL
SELECT format('%I may %s in this database', role, lower(privilege))
FROM unnest(ARRAY[{app_text}, {mlflow_app_text}]) AS role, unnest(ARRAY['CREATE', 'TEMPORARY']) AS privilege
WHERE has_database_privilege(role, current_database(), privilege)
UNION ALL
SELECT format('%I may create in schema %I', role, nspname)
FROM unnest(ARRAY[{app_text}, {mlflow_app_text}]) AS role, pg_namespace
WHERE nspname NOT LIKE 'pg\_temp%' AND nspname NOT LIKE 'pg\_toast%'
    AND has_schema_privilege(role, pg_namespace.oid, 'CREATE')

--# no process sets session_replication_role
SELECT format('%I may set session_replication_role', role) FROM unnest({roles}) AS role
WHERE has_parameter_privilege(role, 'session_replication_role', 'SET')

--# MLflow's tables belong to the role of its migrations, and are plain tables
SELECT format('%s belongs to %s', pg_class.oid::regclass, relowner::regrole) FROM pg_class
WHERE pg_class.oid IN ({aliases_text}::regclass, {versions_text}::regclass, {models_text}::regclass)
    AND relowner <> {mlflow_owner_text}::regrole
UNION ALL
SELECT format('%s is not a plain table, or has rules', pg_class.oid::regclass) FROM pg_class
WHERE pg_class.oid IN ({aliases_text}::regclass, {versions_text}::regclass, {models_text}::regclass)
    AND (relkind <> 'r' OR EXISTS (SELECT FROM pg_rewrite WHERE ev_class = pg_class.oid))
UNION ALL
SELECT format('%s has the child table %s, which no trigger guards', inhparent::regclass, inhrelid::regclass) FROM pg_inherits
WHERE inhparent IN ({aliases_text}::regclass, {versions_text}::regclass, {models_text}::regclass)

--# MLflow has DML only on its tables, and nothing in the schema fairgate
SELECT format('%I may %s %s', {mlflow_app_text}, lower(privilege), place::regclass)
FROM unnest(ARRAY[{aliases_text}, {versions_text}, {models_text}]) AS place,
    unnest(ARRAY['TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
WHERE has_table_privilege({mlflow_app_text}, place, privilege)
UNION ALL
SELECT format('%I may use the schema fairgate', role) FROM unnest(ARRAY[{mlflow_app_text}, {mlflow_owner_text}]) AS role
WHERE has_schema_privilege(role, 'fairgate', 'USAGE')
UNION ALL
SELECT format('%I may %s %s', role, lower(privilege), pg_class.oid::regclass)
FROM unnest(ARRAY[{mlflow_app_text}, {mlflow_owner_text}]) AS role, pg_class,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS privilege
WHERE relnamespace = 'fairgate'::regnamespace AND relkind IN ('r', 'p') AND has_table_privilege(role, pg_class.oid, privilege)

--# everything in the schema fairgate belongs to its owner
SELECT format('schema fairgate belongs to %s', nspowner::regrole) FROM pg_namespace
WHERE nspname = 'fairgate' AND nspowner <> {owner_text}::regrole
UNION ALL
SELECT format('%s belongs to %s', pg_class.oid::regclass, relowner::regrole) FROM pg_class
WHERE relnamespace = 'fairgate'::regnamespace AND relowner <> {owner_text}::regrole
UNION ALL
SELECT format('%s belongs to %s', pg_proc.oid::regprocedure, proowner::regrole) FROM pg_proc
WHERE pronamespace = 'fairgate'::regnamespace AND proowner <> {owner_text}::regrole

--# Fairgate's role cannot change the ledger or a grant, date a grant, or say which aliases are free
SELECT format('%I may %s %s', {app_text}, lower(privilege), pg_class.oid::regclass)
FROM pg_class, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
WHERE relnamespace = 'fairgate'::regnamespace AND relkind IN ('r', 'p')
    AND has_table_privilege({app_text}, pg_class.oid, privilege)
    AND NOT (privilege = 'INSERT' AND relname::text = ANY ({appended} || {edited}))
    AND NOT (privilege = 'UPDATE' AND relname::text = ANY ({moved} || {edited}))
    AND NOT (privilege = 'DELETE' AND relname::text = ANY ({edited}))
UNION ALL
SELECT format('%I may set %I of fairgate.release_grant', {app_text}, attname) FROM pg_attribute
WHERE attrelid = 'fairgate.release_grant'::regclass AND attnum > 0 AND NOT attisdropped
    AND (has_column_privilege({app_text}, attrelid, attnum, 'UPDATE')
        OR (has_column_privilege({app_text}, attrelid, attnum, 'INSERT')
            AND attname <> ALL (ARRAY['workspace', 'name', 'alias', 'version', 'expires_at'])))

--# every trigger is there, calls the function of its name, and always fires
SELECT format('trigger %s on %s is missing, disabled, or not what fairgate db grant makes', wanted.trigger, wanted.place)
FROM (VALUES
    ('fairgate.release_grant', 'fairgate_bind', 'bind_grant', 7),
    ({aliases_text}, 'fairgate_alias', 'guard_alias', 21),
    ({aliases_text}, 'fairgate_truncate', 'refuse_truncate', 34),
    ({versions_text}, 'fairgate_stage', 'guard_stage', 21),
    ({versions_text}, 'fairgate_version', 'guard_version', 21),
    ({versions_text}, 'fairgate_truncate', 'refuse_truncate', 34),
    ({models_text}, 'fairgate_rename', 'guard_rename', 19),
    ({models_text}, 'fairgate_truncate', 'refuse_truncate', 34)
) AS wanted (place, trigger, function, kind)
WHERE NOT EXISTS (
    SELECT FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgrelid = to_regclass(wanted.place) AND tgname = wanted.trigger AND tgenabled = 'A' AND tgtype = wanted.kind
        AND tgqual IS NULL AND cardinality(tgattr::int2[]) = 0
        AND proname = wanted.function AND pronamespace = 'fairgate'::regnamespace
)
UNION ALL
SELECT format('trigger %s on %s does not always fire', tgname, tgrelid::regclass)
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = 'fairgate'::regnamespace AND NOT tgisinternal AND tgenabled <> 'A'

--# the functions behind the triggers are this version's, run as their owner and look names up where they should
SELECT format('function fairgate.%s is missing or is not this version''s: run fairgate db grant --apply', wanted.name)
FROM unnest({functions}, {bodies}, {definers}) AS wanted (name, body, definer)
WHERE NOT EXISTS (
    SELECT FROM pg_proc
    WHERE pronamespace = 'fairgate'::regnamespace AND proname::text = wanted.name AND prosrc = wanted.body
        AND prosecdef = wanted.definer AND proconfig = ARRAY['search_path=pg_catalog, pg_temp']
)
UNION ALL
SELECT format('%I may call fairgate.%s', role, proname)
FROM unnest(ARRAY[{app_text}, {mlflow_app_text}, {mlflow_owner_text}]) AS role, pg_proc
WHERE pronamespace = 'fairgate'::regnamespace AND proname::text = ANY ({functions})
    AND has_function_privilege(role, pg_proc.oid, 'EXECUTE')

--# the free aliases are the policy's
SELECT format('alias %L is free in the database, and not in the policy', alias) FROM fairgate.free_alias WHERE alias <> ALL ({free})
UNION ALL
SELECT format('alias %L is free in the policy, and not in the database', alias)
FROM unnest({free}) AS alias WHERE alias NOT IN (SELECT free.alias FROM fairgate.free_alias AS free)
