-- Tables every service has, in its own schema. Written only by runtime/.

-- Names of this life of the schema: `incarnation` tells a producer's sequences apart after a reset.
create table meta (
    key   text primary key,
    value text not null
);

-- One row per partition number: everything that must change together, under compare-and-set of (epoch, commits).
create table fence (
    partition int primary key,
    epoch     bigint not null default 0,
    commits   bigint not null default 0,
    failures  int    not null default 0,   -- our own exceptions in a row
    offsets   jsonb  not null default '{}', -- topic -> next offset to read
    seen      jsonb  not null default '{}', -- topic|producer -> highest sequence read
    heads     jsonb  not null default '{}'  -- topic -> last sequence given
);

create table state (
    lead_id   text primary key,
    partition int  not null,
    value     bytea not null
);
alter table state alter column value set storage main;

create table outbox (
    partition int    not null,
    topic     text   not null,
    seq       bigint not null,
    key       bytea  not null,
    value     bytea  not null,
    primary key (partition, topic, seq)
);

-- Events of writers that own no partition; the partition's owner numbers them.
create table intake (
    id        bigint generated always as identity primary key,
    partition int   not null,
    topic     text  not null,
    key       bytea not null,
    value     bytea not null
);
create index intake_partition on intake (partition, id);

create function announce_intake() returns trigger language plpgsql as $$
begin
    perform pg_notify(tg_table_schema || '_intake', '');
    return null;
end
$$;
create trigger intake_announced after insert on intake for each statement execute function announce_intake();

create table timers (
    lead_id   text not null,
    name      text not null,
    partition int  not null,
    due       timestamptz not null,
    body      bytea not null,
    primary key (lead_id, name)
);
create index timers_due on timers (partition, due);

create table effects (
    effect_id text primary key,
    lead_id   text not null,
    partition int  not null,
    body      bytea not null,
    status    text not null default 'ready' check (status in ('ready', 'started', 'done', 'failed', 'unknown')),
    detail    text not null default '',
    at        timestamptz
);
create index effects_partition on effects (partition, status);

create table control (
    key   text primary key,
    value text not null
);

-- Takes ownership: later commits under the old epoch fail.
create function take(p int[]) returns setof fence language sql as $$
    insert into fence as f (partition, epoch) select x, 1 from unnest(p) x order by x
    on conflict (partition) do update set epoch = f.epoch + 1, commits = f.commits
    returning f.*
$$;

-- One batch of several partitions, or nothing: raises LS001 with the fenced partitions in the detail.
create function commit_batch(
    p int[], p_epoch bigint[], p_commits bigint[], p_failures int[], p_offsets text[], p_seen text[], p_heads text[],
    o_partition int[], o_topic text[], o_seq bigint[], o_key bytea[], o_value bytea[],
    d_partition int[], d_topic text[], d_seq bigint[],
    s_lead text[], s_partition int[], s_value bytea[],
    s_gone text[],
    t_lead text[], t_name text[], t_partition int[], t_due timestamptz[], t_body bytea[],
    t_gone_lead text[], t_gone_name text[],
    e_id text[], e_lead text[], e_partition int[], e_body bytea[],
    e_gone text[], i_gone bigint[], erased text[]
) returns void language plpgsql as $$
declare
    lost text;
begin
    with moved as (
        update fence f
        set commits = f.commits + 1, failures = n.failures,
            offsets = n.offsets::jsonb, seen = n.seen::jsonb, heads = n.heads::jsonb
        from unnest(p, p_epoch, p_commits, p_failures, p_offsets, p_seen, p_heads)
            as n (partition, epoch, commits, failures, offsets, seen, heads)
        where f.partition = n.partition and f.epoch = n.epoch and f.commits = n.commits
        returning f.partition
    )
    select string_agg(x::text, ',') into lost from unnest(p) x where x not in (select partition from moved);
    if lost is not null then
        raise exception 'fenced' using errcode = 'LS001', detail = lost;
    end if;
    if cardinality(d_seq) > 0 then
        delete from outbox o using unnest(d_partition, d_topic, d_seq) as n (partition, topic, seq)
        where o.partition = n.partition and o.topic = n.topic and o.seq <= n.seq;
    end if;
    if cardinality(i_gone) > 0 then
        delete from intake where id = any (i_gone);
    end if;
    if cardinality(o_seq) > 0 then
        insert into outbox (partition, topic, seq, key, value)
        select * from unnest(o_partition, o_topic, o_seq, o_key, o_value);
    end if;
    if cardinality(erased) > 0 then
        delete from timers where lead_id = any (erased);
        delete from effects where lead_id = any (erased);
    end if;
    if cardinality(s_lead) > 0 then
        insert into state (lead_id, partition, value) select * from unnest(s_lead, s_partition, s_value)
        on conflict (lead_id) do update set value = excluded.value;
    end if;
    if cardinality(s_gone) > 0 then
        delete from state where lead_id = any (s_gone);
    end if;
    if cardinality(t_gone_lead) > 0 then
        delete from timers t using unnest(t_gone_lead, t_gone_name) as n (lead_id, name)
        where t.lead_id = n.lead_id and t.name = n.name;
    end if;
    if cardinality(t_lead) > 0 then
        insert into timers (lead_id, name, partition, due, body)
        select * from unnest(t_lead, t_name, t_partition, t_due, t_body)
        on conflict (lead_id, name) do update set due = excluded.due, body = excluded.body;
    end if;
    if cardinality(e_gone) > 0 then
        delete from effects where effect_id = any (e_gone);
    end if;
    if cardinality(e_id) > 0 then
        insert into effects (effect_id, lead_id, partition, body) select * from unnest(e_id, e_lead, e_partition, e_body)
        on conflict (effect_id) do nothing;
    end if;
end
$$;
