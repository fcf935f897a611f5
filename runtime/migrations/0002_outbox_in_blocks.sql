-- The outbox keeps the events that one batch adds to a lane together: one row instead of hundreds, which are written,
-- indexed, forgotten and vacuumed. docs/adr/0008-outbox-in-blocks.md has what that is worth.

alter table outbox rename to outbox_events;
alter index outbox_pkey rename to outbox_events_pkey;

create table outbox (
    partition int    not null,
    topic     text   not null,
    first_seq bigint not null,
    last_seq  bigint not null,
    -- For each event its key and its value, each after its length in four bytes.
    events    bytea  not null,
    primary key (partition, topic, last_seq)
);
alter table outbox alter column events set storage external;

insert into outbox
select partition, topic, seq, seq, int4send(length(key)) || key || int4send(length(value)) || value from outbox_events;
drop table outbox_events;

-- For whoever looks: the events one by one.
create function outbox_events() returns table (partition int, topic text, seq bigint, key bytea, value bytea)
language plpgsql stable as $$
declare
    block outbox;
    place int;
    size  int;
begin
    for block in select * from outbox o order by o.partition, o.topic, o.first_seq loop
        partition := block.partition;
        topic := block.topic;
        place := 1;
        for s in block.first_seq .. block.last_seq loop
            seq := s;
            size := ('x' || encode(substr(block.events, place, 4), 'hex'))::bit(32)::int;
            key := substr(block.events, place + 4, size);
            place := place + 4 + size;
            size := ('x' || encode(substr(block.events, place, 4), 'hex'))::bit(32)::int;
            value := substr(block.events, place + 4, size);
            place := place + 4 + size;
            return next;
        end loop;
    end loop;
end
$$;

drop function commit_batch;

-- One batch of several partitions, or nothing: raises LS001 with the fenced partitions in the detail.
create function commit_batch(
    p int[], p_epoch bigint[], p_commits bigint[], p_failures int[], p_offsets text[], p_seen text[], p_heads text[],
    o_partition int[], o_topic text[], o_first bigint[], o_last bigint[], o_events bytea[],
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
        where o.partition = n.partition and o.topic = n.topic and o.last_seq <= n.seq;
    end if;
    if cardinality(i_gone) > 0 then
        delete from intake where id = any (i_gone);
    end if;
    if cardinality(o_last) > 0 then
        insert into outbox (partition, topic, first_seq, last_seq, events)
        select * from unnest(o_partition, o_topic, o_first, o_last, o_events);
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
