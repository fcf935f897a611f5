-- A database that was put back to an earlier moment would give its sequences out a second time, and readers would drop
-- the events as duplicates. Such a partition begins a new incarnation, in which sequences begin anew.

alter table fence
    add column incarnation text  not null default '',   -- '': that of the schema, in `meta`
    add column checked     jsonb not null default '{}'; -- output topic → offset up to which log and fence were compared

-- Events that the log has and the database forgot, by id: when they are decided again, they are not written again.
create table written_before (
    partition int  not null,
    event_id  text not null,
    primary key (partition, event_id)
);
