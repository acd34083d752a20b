-- A stand-in for postgis: geometry and geography keep any text as it is written. The functions know
-- points, on a plane and on a sphere. If the server has btree_gist, a gist index works, for whole
-- values only. Everything else is missing, and calling it raises 42883.
-- version 3.3.7

create table @extschema@.spatial_ref_sys (
    srid integer primary key check (srid > 0 and srid <= 998999),
    auth_name varchar(256),
    auth_srid integer,
    srtext varchar(2048),
    proj4text varchar(2048)
);
insert into @extschema@.spatial_ref_sys (srid, auth_name, auth_srid, proj4text)
values (4326, 'EPSG', 4326, '+proj=longlat +datum=WGS84 +no_defs');
grant select on table @extschema@.spatial_ref_sys to public;

-- The modifier is the reference system; the kind of geometry is not kept.
create function @extschema@.usersync_srid(cstring[])
returns integer
language sql
immutable
strict
parallel safe
as $$ select case when $1::text[] @> '{4326}' then 4326 else 0 end $$;

create type @extschema@.geometry;

create function @extschema@.geometry_in(cstring)
returns @extschema@.geometry
language internal
immutable
strict
parallel safe
as 'textin';

create function @extschema@.geometry_out(@extschema@.geometry)
returns cstring
language internal
immutable
strict
parallel safe
as 'textout';

create type @extschema@.geometry (
    input = @extschema@.geometry_in,
    output = @extschema@.geometry_out,
    typmod_in = @extschema@.usersync_srid,
    storage = extended
);

create type @extschema@.geography;

create function @extschema@.geography_in(cstring)
returns @extschema@.geography
language internal
immutable
strict
parallel safe
as 'textin';

create function @extschema@.geography_out(@extschema@.geography)
returns cstring
language internal
immutable
strict
parallel safe
as 'textout';

create type @extschema@.geography (
    input = @extschema@.geography_in,
    output = @extschema@.geography_out,
    typmod_in = @extschema@.usersync_srid,
    storage = extended
);

create cast (text as @extschema@.geometry) without function as implicit;
create cast (text as @extschema@.geography) without function as implicit;
create cast (@extschema@.geometry as @extschema@.geography) without function as implicit;
create cast (@extschema@.geography as @extschema@.geometry) without function;

create function @extschema@.usersync_point(shape text)
returns table (srid integer, x double precision, y double precision)
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
    read text[] := regexp_match(
        shape, '^\s*(?:srid=(\d+);)?\s*point\s*\(\s*(\S+)\s+([^\s)]+)\s*\)\s*$', 'i'
    );
begin
    if read is null then
        raise feature_not_supported using
            message = 'this server has no postgis, and its stand-in knows points only: ' || shape;
    end if;
    return query
        select coalesce(read[1], '0')::integer, read[2]::double precision,
            read[3]::double precision;
end
$$;

create function @extschema@.st_makepoint(double precision, double precision)
returns @extschema@.geometry
language sql
immutable
strict
parallel safe
as $$ select ('POINT(' || $1 || ' ' || $2 || ')')::text::@extschema@.geometry $$;

create function @extschema@.st_point(double precision, double precision)
returns @extschema@.geometry
language sql
immutable
strict
parallel safe
as $$ select @extschema@.st_makepoint($1, $2) $$;

create function @extschema@.st_point(double precision, double precision, srid integer)
returns @extschema@.geometry
language sql
immutable
strict
parallel safe
as $$ select @extschema@.st_setsrid(@extschema@.st_makepoint($1, $2), srid) $$;

create function @extschema@.st_setsrid(geom @extschema@.geometry, srid integer)
returns @extschema@.geometry
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
    select (
        'SRID=' || srid || ';' || regexp_replace(geom::text, '^\s*srid=\d+;', '', 'i')
    )::text::@extschema@.geometry
$$;

create function @extschema@.st_srid(geom @extschema@.geometry)
returns integer
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select coalesce(substring(geom::text, '(?i)^\s*srid=(\d+);'), '0')::integer $$;

create function @extschema@.st_geomfromtext(text)
returns @extschema@.geometry
language sql
immutable
strict
parallel safe
as $$ select $1::@extschema@.geometry $$;

create function @extschema@.st_geomfromtext(text, integer)
returns @extschema@.geometry
language sql
immutable
strict
parallel safe
as $$ select @extschema@.st_setsrid($1::@extschema@.geometry, $2) $$;

create function @extschema@.st_geogfromtext(text)
returns @extschema@.geography
language sql
immutable
strict
parallel safe
as $$ select $1::@extschema@.geography $$;

create function @extschema@.st_geographyfromtext(text)
returns @extschema@.geography
language sql
immutable
strict
parallel safe
as $$ select $1::@extschema@.geography $$;

create function @extschema@.st_x(@extschema@.geometry)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select x from @extschema@.usersync_point($1::text) $$;

create function @extschema@.st_y(@extschema@.geometry)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select y from @extschema@.usersync_point($1::text) $$;

create function @extschema@.st_astext(@extschema@.geometry)
returns text
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select regexp_replace($1::text, '^\s*srid=\d+;', '', 'i') $$;

create function @extschema@.st_asgeojson(@extschema@.geometry)
returns text
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
    select json_build_object('type', 'Point', 'coordinates', json_build_array(x, y))::text
    from @extschema@.usersync_point($1::text)
$$;

create function @extschema@.st_astext(@extschema@.geography)
returns text
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select regexp_replace($1::text, '^\s*srid=\d+;', '', 'i') $$;

create function @extschema@.st_asgeojson(@extschema@.geography)
returns text
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
    select json_build_object('type', 'Point', 'coordinates', json_build_array(x, y))::text
    from @extschema@.usersync_point($1::text)
$$;

create function @extschema@.st_distance(@extschema@.geometry, @extschema@.geometry)
returns double precision
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
    select sqrt((a.x - b.x) ^ 2 + (a.y - b.y) ^ 2)
    from @extschema@.usersync_point($1::text) as a, @extschema@.usersync_point($2::text) as b
$$;

-- On a sphere with the mean radius of the earth, in metres.
create function @extschema@.st_distance(
    @extschema@.geography,
    @extschema@.geography,
    use_spheroid boolean default true
)
returns double precision
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
    select 2 * 6371008.8 * asin(least(1, sqrt(
        sind((b.y - a.y) / 2) ^ 2 + cosd(a.y) * cosd(b.y) * sind((b.x - a.x) / 2) ^ 2
    )))
    from @extschema@.usersync_point($1::text) as a, @extschema@.usersync_point($2::text) as b
$$;

create function @extschema@.st_dwithin(
    @extschema@.geometry,
    @extschema@.geometry,
    double precision
)
returns boolean
language sql
immutable
strict
parallel safe
as $$ select @extschema@.st_distance($1, $2) <= $3 $$;

create function @extschema@.st_dwithin(
    @extschema@.geography,
    @extschema@.geography,
    double precision,
    use_spheroid boolean default true
)
returns boolean
language sql
immutable
strict
parallel safe
as $$ select @extschema@.st_distance($1, $2) <= $3 $$;

create function @extschema@.postgis_version()
returns text
language sql
immutable
as $$ select '3.3 STAND_IN=1' $$;

create function @extschema@.geometry_distance_knn(@extschema@.geometry, @extschema@.geometry)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select @extschema@.st_distance($1, $2) $$;

create operator @extschema@.<-> (
    leftarg = @extschema@.geometry, rightarg = @extschema@.geometry,
    function = @extschema@.geometry_distance_knn, commutator = operator(@extschema@.<->)
);

create function @extschema@.geometry_eq(@extschema@.geometry, @extschema@.geometry)
returns boolean
language internal
immutable
strict
parallel safe
as 'byteaeq';

create operator @extschema@.= (
    leftarg = @extschema@.geometry, rightarg = @extschema@.geometry,
    function = @extschema@.geometry_eq, commutator = operator(@extschema@.=)
);

create function @extschema@.geography_distance_knn(@extschema@.geography, @extschema@.geography)
returns double precision
language sql
immutable
strict
parallel safe
as $$ select @extschema@.st_distance($1, $2) $$;

create operator @extschema@.<-> (
    leftarg = @extschema@.geography, rightarg = @extschema@.geography,
    function = @extschema@.geography_distance_knn, commutator = operator(@extschema@.<->)
);

create function @extschema@.geography_eq(@extschema@.geography, @extschema@.geography)
returns boolean
language internal
immutable
strict
parallel safe
as 'byteaeq';

create operator @extschema@.= (
    leftarg = @extschema@.geography, rightarg = @extschema@.geography,
    function = @extschema@.geography_eq, commutator = operator(@extschema@.=)
);

do $$
begin
    create function @extschema@.usersync_consistent(internal, bytea, smallint, oid, internal)
    returns boolean
    language c
    immutable
    strict
    as '$libdir/btree_gist', 'gbt_bytea_consistent';

    create function @extschema@.usersync_union(internal, internal)
    returns internal
    language c
    immutable
    strict
    as '$libdir/btree_gist', 'gbt_bytea_union';

    create function @extschema@.usersync_compress(internal)
    returns internal
    language c
    immutable
    strict
    as '$libdir/btree_gist', 'gbt_bytea_compress';

    create function @extschema@.usersync_decompress(internal)
    returns internal
    language c
    immutable
    strict
    as '$libdir/btree_gist', 'gbt_var_decompress';

    create function @extschema@.usersync_penalty(internal, internal, internal)
    returns internal
    language c
    immutable
    strict
    as '$libdir/btree_gist', 'gbt_bytea_penalty';

    create function @extschema@.usersync_picksplit(internal, internal)
    returns internal
    language c
    immutable
    strict
    as '$libdir/btree_gist', 'gbt_bytea_picksplit';

    create function @extschema@.usersync_same(bytea, bytea, internal)
    returns internal
    language c
    immutable
    strict
    as '$libdir/btree_gist', 'gbt_bytea_same';

    create operator class @extschema@.gist_geometry_ops_2d
    default for type @extschema@.geometry using gist as
        operator 3 @extschema@.= (@extschema@.geometry, @extschema@.geometry),
        function 1 @extschema@.usersync_consistent(internal, bytea, smallint, oid, internal),
        function 2 @extschema@.usersync_union(internal, internal),
        function 3 @extschema@.usersync_compress(internal),
        function 4 @extschema@.usersync_decompress(internal),
        function 5 @extschema@.usersync_penalty(internal, internal, internal),
        function 6 @extschema@.usersync_picksplit(internal, internal),
        function 7 @extschema@.usersync_same(bytea, bytea, internal),
        storage bytea;

    create operator class @extschema@.gist_geography_ops
    default for type @extschema@.geography using gist as
        operator 3 @extschema@.= (@extschema@.geography, @extschema@.geography),
        function 1 @extschema@.usersync_consistent(internal, bytea, smallint, oid, internal),
        function 2 @extschema@.usersync_union(internal, internal),
        function 3 @extschema@.usersync_compress(internal),
        function 4 @extschema@.usersync_decompress(internal),
        function 5 @extschema@.usersync_penalty(internal, internal, internal),
        function 6 @extschema@.usersync_picksplit(internal, internal),
        function 7 @extschema@.usersync_same(bytea, bytea, internal),
        storage bytea;
exception
    when undefined_file then
        null;
end
$$;
