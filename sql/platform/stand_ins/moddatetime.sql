-- A stand-in for moddatetime: its one trigger function, in PL/pgSQL.
-- version 1.0

create function @extschema@.moddatetime()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if tg_nargs <> 1 then
        raise trigger_protocol_violated using
            message = format('moddatetime (%s): A single argument was expected', tg_table_name);
    end if;
    return jsonb_populate_record(new, jsonb_build_object(tg_argv[0], now()));
end
$$;
