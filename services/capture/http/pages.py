"""The pages that people see after sending a form. Plain, and without anything that they typed."""

from __future__ import annotations

from html import escape

from services.capture.domain.errors import InvalidInput

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1.5rem;color:#222}}</style>
</head>
<body>
<h1>{title}</h1>
{content}
</body>
</html>
"""

THANKS = _PAGE.format(title="Thank you", content="<p>We have your message and will be in touch shortly.</p>")
LATER = _PAGE.format(title="One moment", content="<p>We can't take your message right now. Please try again.</p>")


def mistakes(error: InvalidInput) -> str:
    """What is wrong with a form, for the person who filled it in."""
    fields = "".join(
        f"<li><strong>{escape(problem.pointer.strip('/').replace('/', ' ') or 'form')}</strong>: "
        f"{escape(problem.reason)}</li>"
        for problem in error.problems
    )
    content = f"<ul>{fields}</ul>" if fields else f"<p>{escape(error.detail)}</p>"
    return _PAGE.format(
        title="Something is missing", content=content + "<p>Please go back and try again; nothing is lost.</p>"
    )
