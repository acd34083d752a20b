-- The extensions of a fresh project, as far as the server has them. A control file without its
-- library fails only at "create extension", hence the try; stand_ins/ fills what is missing.

do $$
declare
    wanted text;
begin
    foreach wanted in array array['pg_stat_statements', 'pgcrypto', 'uuid-ossp'] loop
        begin
            execute format('create extension %I with schema extensions', wanted);
        exception
            when feature_not_supported or undefined_file or undefined_object then
                null;
        end;
    end loop;
end
$$;
