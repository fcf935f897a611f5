-- What partitions share: turns of pools, leads given per rep and day, who owns a company's leads.
-- Names of a shadow run begin with "shadow:", so that trying something out moves nobody's turn.

create table pools (
    pool    text primary key,
    ordinal bigint not null default 0,      -- turns given so far; the next turn has this number
    credit  jsonb  not null default '{}'    -- rep -> credit in the smooth weighted round robin
);

create table rep_load (
    rep      text not null,
    day      date not null,                 -- in the rep's time zone
    assigned int  not null,
    primary key (rep, day)
);

create table accounts (
    domain text primary key,                -- a company's web domain; free mail has none
    rep    text not null
);

-- Locks the pools in the order of their names, then reads, as of then, what the lock protects.
create function lock_turns(p text[], r text[], d date[], a text[]) returns jsonb language plpgsql as $$
declare
    locked jsonb;
begin
    insert into pools (pool) select x from unnest(p) x order by x on conflict (pool) do nothing;
    select jsonb_object_agg(q.pool, jsonb_build_array(q.ordinal, q.credit)) into locked
    from (select * from pools where pool = any (p) order by pool for update) q;
    -- A statement of its own: it sees what the holder of the lock before us has committed.
    return jsonb_build_object(
        'pools', locked,
        'loads', (
            select jsonb_agg(jsonb_build_array(l.rep, l.day, l.assigned))
            from rep_load l join unnest(r, d) as n (rep, day) on l.rep = n.rep and l.day = n.day
        ),
        'accounts', (select jsonb_object_agg(c.domain, c.rep) from accounts c where c.domain = any (a))
    );
end
$$;

-- Writes what a batch did. Loads are added to, so that a day nobody foresaw and nobody locked is still counted right.
create function save_turns(p text[], o bigint[], c text[], r text[], d date[], n int[], a text[], w text[])
returns void language plpgsql as $$
begin
    update pools t set ordinal = v.ordinal, credit = v.credit::jsonb
    from unnest(p, o, c) as v (pool, ordinal, credit) where t.pool = v.pool;
    insert into rep_load as t (rep, day, assigned)
    select * from unnest(r, d, n) as v (rep, day, assigned) order by rep, day
    on conflict (rep, day) do update set assigned = t.assigned + excluded.assigned;
    insert into accounts (domain, rep) select * from unnest(a, w) as v (domain, rep) order by domain
    on conflict (domain) do update set rep = excluded.rep;
end
$$;
