"""The AsyncAPI 3.0 document: which service writes and reads which events on which topics.

See https://www.asyncapi.com/docs/reference/specification/v3.0.0.
"""

from __future__ import annotations

from typing import Any

from schemas.event_schemas import DIALECT, EventType, event_types
from schemas.topics import TOPICS, Topic

Document = dict[str, Any]

_KEY = {
    "type": "string",
    "description": "The lead's id, so that a lead's events stay in order; a policy's version on leads.policies.",
}
_HEADERS = {
    "type": "object",
    "properties": {
        "ls-producer": {"type": "string", "description": "Who wrote the record."},
        "ls-seq": {
            "type": "string",
            "pattern": "^[0-9]{1,18}$",
            "description": "Sequence without gaps per producer, topic and partition, from 1.",
        },
    },
}


def document(version: str) -> Document:
    """The whole document; `version` is that of the schemas."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Leadstream",
            "version": version,
            "description": "Every enquiry, caught, understood, scored, owned by one person and followed up.\n\n"
            "Every value is a CloudEvent 1.0 in structured mode. Readers ignore fields that they do not know.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Apache Kafka 4, the same for all services.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "LEADSTREAM_KAFKA"}},
            }
        },
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(operation for topic in TOPICS for operation in _operations(topic)),
        "components": {"messages": {_message_name(event): _message(event) for event in event_types().values()}},
    }


def _events_of(topic: Topic) -> list[EventType]:
    return [event for event in event_types().values() if event.topic is topic]


def _message_name(event: EventType) -> str:
    """`leadstream.lead.captured.v1` is the message `lead.captured.v1`."""
    return event.name.removeprefix("leadstream.")


def _channel(topic: Topic) -> Document:
    messages = {
        _message_name(event): {"$ref": f"#/components/messages/{_message_name(event)}"} for event in _events_of(topic)
    }
    return {
        "address": topic.name,
        "description": topic.about,
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": messages,
        "bindings": {"kafka": _kafka(topic)},
    }


def _kafka(topic: Topic) -> Document:
    settings: Document = dict(topic.settings)
    if "retention.ms" in settings:
        settings["retention.ms"] = int(settings["retention.ms"])
    settings["cleanup.policy"] = settings["cleanup.policy"].split(",")
    return {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": dict(sorted(settings.items())),
        "bindingVersion": "0.5.0",
    }


def _operations(topic: Topic) -> list[tuple[str, Document]]:
    """One per service that writes or reads the topic. A topic without events yet has none."""
    if not topic.events:
        return []
    written = [(f"{service}.writes.{topic.name}", _operation(service, "send", topic)) for service in topic.producers]
    read = [(f"{service}.reads.{topic.name}", _operation(service, "receive", topic)) for service in topic.consumers]
    return written + read


def _operation(service: str, action: str, topic: Topic) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{_message_name(e)}"} for e in _events_of(topic)],
    }


def _message(event: EventType) -> Document:
    summary, _, description = (event.model.__doc__ or "").strip().partition("\n\n")
    said = {"description": " ".join(description.split())} if description else {}
    return {
        "name": event.name,
        "title": event.model.__name__,
        "summary": " ".join(summary.split()),
        **said,
        "headers": _HEADERS,
        "payload": {
            "schemaFormat": f"application/schema+json;version={DIALECT}",
            "schema": {"$ref": f"./json/{event.name}.json"},
        },
        "correlationId": {
            "description": "W3C trace: one for a lead's way through all services.",
            "location": "$message.payload#/traceparent",
        },
        "bindings": {"kafka": {"key": _KEY, "bindingVersion": "0.5.0"}},
    }
