-- A stand-in for vector: the type with its dimensions, operators and functions compute as there,
-- slower and exactly. Indexes with ivfflat and hnsw can be made and find nothing: a query sorts
-- all rows. Their options are left out by the loader. halfvec and sparsevec are not here.
-- version 0.8.0

create type @extschema@.vector;

-- Text is read and kept as json, whose arrays are written the same way.
create function @extschema@.vector_in(cstring)
returns @extschema@.vector
language internal
immutable
strict
parallel safe
as 'json_in';

create function @extschema@.vector_out(@extschema@.vector)
returns cstring
language internal
immutable
strict
parallel safe
as 'json_out';

-- A length modifier counts four more than what is written.
create function @extschema@.vector_typmod_in(cstring[])
returns integer
language internal
immutable
strict
parallel safe
as 'varchartypmodin';

create function @extschema@.vector_typmod_out(integer)
returns cstring
language internal
immutable
strict
parallel safe
as 'varchartypmodout';

create type @extschema@.vector (
    input = @extschema@.vector_in,
    output = @extschema@.vector_out,
    typmod_in = @extschema@.vector_typmod_in,
    typmod_out = @extschema@.vector_typmod_out,
    storage = extended
);

create function @extschema@.vector_to_float4(@extschema@.vector, integer, boolean)
returns real[]
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select translate($1::text, '[]', '{}')::real[] $$;

create function @extschema@.array_to_vector(real[], integer, boolean)
returns @extschema@.vector
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
    if cardinality($1) = 0 then
        raise data_exception using message = 'vector must have at least 1 dimension';
    elsif $2 <> -1 and cardinality($1) <> $2 - 4 then
        raise data_exception using
            message = format('expected %s dimensions, not %s', $2 - 4, cardinality($1));
    end if;
    return (select '[' || string_agg(one::text, ',' order by place) || ']'
        from unnest($1) with ordinality as t (one, place))::@extschema@.vector;
end
$$;

create function @extschema@.array_to_vector(integer[], integer, boolean)
returns @extschema@.vector
language sql
immutable
strict
parallel safe
as $$ select @extschema@.array_to_vector($1::real[], $2, $3) $$;

create function @extschema@.array_to_vector(double precision[], integer, boolean)
returns @extschema@.vector
language sql
immutable
strict
parallel safe
as $$ select @extschema@.array_to_vector($1::real[], $2, $3) $$;

create function @extschema@.array_to_vector(numeric[], integer, boolean)
returns @extschema@.vector
language sql
immutable
strict
parallel safe
as $$ select @extschema@.array_to_vector($1::real[], $2, $3) $$;

create function @extschema@.vector(@extschema@.vector, integer, boolean)
returns @extschema@.vector
language sql
immutable
strict
parallel safe
as $$
    select @extschema@.array_to_vector(@extschema@.vector_to_float4($1, -1, false), $2, $3)
$$;

create cast (@extschema@.vector as @extschema@.vector)
with function @extschema@.vector(@extschema@.vector, integer, boolean) as implicit;
create cast (@extschema@.vector as real[])
with function @extschema@.vector_to_float4(@extschema@.vector, integer, boolean) as implicit;
create cast (integer[] as @extschema@.vector)
with function @extschema@.array_to_vector(integer[], integer, boolean) as assignment;
create cast (real[] as @extschema@.vector)
with function @extschema@.array_to_vector(real[], integer, boolean) as assignment;
create cast (double precision[] as @extschema@.vector)
with function @extschema@.array_to_vector(double precision[], integer, boolean) as assignment;
create cast (numeric[] as @extschema@.vector)
with function @extschema@.array_to_vector(numeric[], integer, boolean) as assignment;

-- The numbers of two vectors side by side.
create function @extschema@.usersync_pairs(@extschema@.vector, @extschema@.vector)
returns table (place bigint, a double precision, b double precision)
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
declare
    one real[] := @extschema@.vector_to_float4($1, -1, false);
    other real[] := @extschema@.vector_to_float4($2, -1, false);
begin
    if cardinality(one) <> cardinality(other) then
        raise data_exception using message = format(
            'different vector dimensions %s and %s', cardinality(one), cardinality(other)
        );
    end if;
    return query
        select t.place, t.a::double precision, t.b::double precision
        from unnest(one, other) with ordinality as t (a, b, place);
end
$$;

create function @extschema@.l2_distance(@extschema@.vector, @extschema@.vector)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select sqrt(sum((a - b) * (a - b))) from @extschema@.usersync_pairs($1, $2) $$;

create function @extschema@.l1_distance(@extschema@.vector, @extschema@.vector)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select sum(abs(a - b)) from @extschema@.usersync_pairs($1, $2) $$;

create function @extschema@.inner_product(@extschema@.vector, @extschema@.vector)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select sum(a * b) from @extschema@.usersync_pairs($1, $2) $$;

create function @extschema@.vector_negative_inner_product(@extschema@.vector, @extschema@.vector)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select -sum(a * b) from @extschema@.usersync_pairs($1, $2) $$;

create function @extschema@.cosine_distance(@extschema@.vector, @extschema@.vector)
returns double precision
language sql
immutable
strict
parallel safe
as $$
    select case
        when sum(a * a) = 0 or sum(b * b) = 0 then 'nan'
        else 1 - greatest(-1, least(1, sum(a * b) / sqrt(sum(a * a) * sum(b * b))))
    end
    from @extschema@.usersync_pairs($1, $2)
$$;

create function @extschema@.vector_dims(@extschema@.vector)
returns integer
language sql
immutable
strict
parallel safe
as $$ select cardinality(@extschema@.vector_to_float4($1, -1, false)) $$;

create function @extschema@.vector_norm(@extschema@.vector)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select sqrt(sum(a * a)) from @extschema@.usersync_pairs($1, $1) $$;

create function @extschema@.l2_normalize(@extschema@.vector)
returns @extschema@.vector
language sql
immutable
strict
parallel safe
as $$
    select @extschema@.array_to_vector(array_agg(
        a / coalesce(nullif(@extschema@.vector_norm($1), 0), 1) order by place
    ), -1, false)
    from @extschema@.usersync_pairs($1, $1)
$$;

create function @extschema@.vector_add(@extschema@.vector, @extschema@.vector)
returns @extschema@.vector
language sql
immutable
strict
parallel safe
as $$
    select @extschema@.array_to_vector(array_agg(a + b order by place), -1, false)
    from @extschema@.usersync_pairs($1, $2)
$$;

create function @extschema@.vector_sub(@extschema@.vector, @extschema@.vector)
returns @extschema@.vector
language sql
immutable
strict
parallel safe
as $$
    select @extschema@.array_to_vector(array_agg(a - b order by place), -1, false)
    from @extschema@.usersync_pairs($1, $2)
$$;

create function @extschema@.vector_mul(@extschema@.vector, @extschema@.vector)
returns @extschema@.vector
language sql
immutable
strict
parallel safe
as $$
    select @extschema@.array_to_vector(array_agg(a * b order by place), -1, false)
    from @extschema@.usersync_pairs($1, $2)
$$;

create function @extschema@.vector_cmp(@extschema@.vector, @extschema@.vector)
returns integer
language sql
immutable
strict
parallel safe
as $$
    select btarraycmp(
        @extschema@.vector_to_float4($1, -1, false), @extschema@.vector_to_float4($2, -1, false)
    )
$$;

create function @extschema@.vector_lt(@extschema@.vector, @extschema@.vector)
returns boolean
language sql
immutable
strict
parallel safe
as $$ select @extschema@.vector_cmp($1, $2) < 0 $$;

create function @extschema@.vector_le(@extschema@.vector, @extschema@.vector)
returns boolean
language sql
immutable
strict
parallel safe
as $$ select @extschema@.vector_cmp($1, $2) <= 0 $$;

create function @extschema@.vector_eq(@extschema@.vector, @extschema@.vector)
returns boolean
language sql
immutable
strict
parallel safe
as $$ select @extschema@.vector_cmp($1, $2) = 0 $$;

create function @extschema@.vector_ne(@extschema@.vector, @extschema@.vector)
returns boolean
language sql
immutable
strict
parallel safe
as $$ select @extschema@.vector_cmp($1, $2) <> 0 $$;

create function @extschema@.vector_ge(@extschema@.vector, @extschema@.vector)
returns boolean
language sql
immutable
strict
parallel safe
as $$ select @extschema@.vector_cmp($1, $2) >= 0 $$;

create function @extschema@.vector_gt(@extschema@.vector, @extschema@.vector)
returns boolean
language sql
immutable
strict
parallel safe
as $$ select @extschema@.vector_cmp($1, $2) > 0 $$;

create operator @extschema@.<-> (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.l2_distance, commutator = operator(@extschema@.<->)
);
create operator @extschema@.<#> (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_negative_inner_product,
    commutator = operator(@extschema@.<#>)
);
create operator @extschema@.<=> (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.cosine_distance, commutator = operator(@extschema@.<=>)
);
create operator @extschema@.<+> (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.l1_distance, commutator = operator(@extschema@.<+>)
);
create operator @extschema@.+ (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_add, commutator = operator(@extschema@.+)
);
create operator @extschema@.- (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_sub
);
create operator @extschema@.* (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_mul, commutator = operator(@extschema@.*)
);
create operator @extschema@.< (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_lt
);
create operator @extschema@.<= (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_le
);
create operator @extschema@.= (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_eq, restrict = eqsel, join = eqjoinsel
);
create operator @extschema@.<> (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_ne, restrict = neqsel, join = neqjoinsel
);
create operator @extschema@.>= (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_ge
);
create operator @extschema@.> (
    leftarg = @extschema@.vector, rightarg = @extschema@.vector,
    function = @extschema@.vector_gt
);

create operator class @extschema@.vector_ops default for type @extschema@.vector using btree as
    operator 1 @extschema@.<,
    operator 2 @extschema@.<=,
    operator 3 @extschema@.=,
    operator 4 @extschema@.>=,
    operator 5 @extschema@.>,
    function 1 @extschema@.vector_cmp(@extschema@.vector, @extschema@.vector);

create function @extschema@.vector_accum(double precision[], @extschema@.vector)
returns double precision[]
language sql
immutable
parallel safe
set search_path = ''
as $$
    select case when $2 is null then $1 else array[coalesce($1[1], 0) + 1] || (
        select array_agg(coalesce($1[place + 1], 0) + a order by place)
        from @extschema@.usersync_pairs($2, $2)
    ) end
$$;

create function @extschema@.vector_avg(double precision[])
returns @extschema@.vector
language sql
immutable
parallel safe
set search_path = ''
as $$
    select @extschema@.array_to_vector(array_agg(one / $1[1] order by place), -1, false)
    from unnest($1[2:]) with ordinality as t (one, place)
    where $1[1] > 0
$$;

create aggregate @extschema@.avg(@extschema@.vector) (
    sfunc = @extschema@.vector_accum,
    stype = double precision[],
    finalfunc = @extschema@.vector_avg,
    initcond = '{0}'
);

create aggregate @extschema@.sum(@extschema@.vector) (
    sfunc = @extschema@.vector_add,
    stype = @extschema@.vector
);

-- The index methods are the hash index under other names: it takes a value of any size, answers
-- equality, and leaves the order to a sort.
create function @extschema@.usersync_hash(@extschema@.vector)
returns integer
language sql
immutable
strict
parallel safe
as $$ select hash_array(@extschema@.vector_to_float4($1, -1, false)) $$;

create access method ivfflat type index handler hashhandler;
create access method hnsw type index handler hashhandler;

create operator class @extschema@.vector_l2_ops
default for type @extschema@.vector using ivfflat as
    operator 1 @extschema@.=,
    function 1 @extschema@.usersync_hash(@extschema@.vector);
create operator class @extschema@.vector_ip_ops
for type @extschema@.vector using ivfflat as
    operator 1 @extschema@.=,
    function 1 @extschema@.usersync_hash(@extschema@.vector);
create operator class @extschema@.vector_cosine_ops
for type @extschema@.vector using ivfflat as
    operator 1 @extschema@.=,
    function 1 @extschema@.usersync_hash(@extschema@.vector);
create operator class @extschema@.vector_l2_ops
default for type @extschema@.vector using hnsw as
    operator 1 @extschema@.=,
    function 1 @extschema@.usersync_hash(@extschema@.vector);
create operator class @extschema@.vector_ip_ops
for type @extschema@.vector using hnsw as
    operator 1 @extschema@.=,
    function 1 @extschema@.usersync_hash(@extschema@.vector);
create operator class @extschema@.vector_cosine_ops
for type @extschema@.vector using hnsw as
    operator 1 @extschema@.=,
    function 1 @extschema@.usersync_hash(@extschema@.vector);
create operator class @extschema@.vector_l1_ops
for type @extschema@.vector using hnsw as
    operator 1 @extschema@.=,
    function 1 @extschema@.usersync_hash(@extschema@.vector);
