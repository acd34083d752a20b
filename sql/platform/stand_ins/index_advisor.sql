-- A stand-in for index_advisor: it advises no index.
-- version 0.2.0

create function @extschema@.index_advisor(query text)
returns table (
    startup_cost_before jsonb,
    startup_cost_after jsonb,
    total_cost_before jsonb,
    total_cost_after jsonb,
    index_statements text[],
    errors text[]
)
language sql
as $$
    select null::jsonb, null::jsonb, null::jsonb, null::jsonb, array[]::text[], array[]::text[]
$$;
