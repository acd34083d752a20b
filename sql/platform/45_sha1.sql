-- SHA-1, which PostgreSQL's core does not have. The stand-ins for pgcrypto and uuid-ossp need it.

create or replace function extensions.usersync_sha1(data bytea)
returns bytea
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
declare
    mask constant bigint := 4294967295;
    padded bytea;
    w bigint[];
    h bigint[] := array[1732584193, 4023233417, 2562383102, 271733878, 3285377520];
    a bigint;
    b bigint;
    c bigint;
    d bigint;
    e bigint;
    f bigint;
    k bigint;
    mixed bigint;
begin
    -- One bit, zeros up to 56 of 64 bytes, then the length in bits as eight bytes.
    padded := data || '\x80'::bytea
        || decode(repeat('00', (119 - length(data) % 64) % 64), 'hex')
        || int8send(length(data)::bigint * 8);
    for block in 0 .. length(padded) / 64 - 1 loop
        for i in 0 .. 15 loop
            w[i] := (get_byte(padded, block * 64 + i * 4)::bigint << 24)
                | (get_byte(padded, block * 64 + i * 4 + 1) << 16)
                | (get_byte(padded, block * 64 + i * 4 + 2) << 8)
                | get_byte(padded, block * 64 + i * 4 + 3);
        end loop;
        for i in 16 .. 79 loop
            mixed := w[i - 3] # w[i - 8] # w[i - 14] # w[i - 16];
            w[i] := ((mixed << 1) | (mixed >> 31)) & mask;
        end loop;
        a := h[1];
        b := h[2];
        c := h[3];
        d := h[4];
        e := h[5];
        for i in 0 .. 79 loop
            if i < 20 then
                f := (b & c) | ((b # mask) & d);
                k := 1518500249;
            elsif i < 40 then
                f := b # c # d;
                k := 1859775393;
            elsif i < 60 then
                f := (b & c) | (b & d) | (c & d);
                k := 2400959708;
            else
                f := b # c # d;
                k := 3395469782;
            end if;
            mixed := ((((a << 5) | (a >> 27)) & mask) + f + e + k + w[i]) & mask;
            e := d;
            d := c;
            c := ((b << 30) | (b >> 2)) & mask;
            b := a;
            a := mixed;
        end loop;
        h := array[
            (h[1] + a) & mask, (h[2] + b) & mask, (h[3] + c) & mask,
            (h[4] + d) & mask, (h[5] + e) & mask
        ];
    end loop;
    return (
        select string_agg(substr(int8send(part), 5), ''::bytea order by place)
        from unnest(h) with ordinality as t (part, place)
    );
end
$$;
