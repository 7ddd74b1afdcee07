# SPDX-License-Identifier: GPL-2.0-or-later
"""A shop's page is rendered from a template with inheritance and macros."""
import hashlib
import random

from jinja2 import DictLoader, Environment

TEMPLATES = {
	"layout.html": """<!doctype html>
<html><head><title>{% block title %}{% endblock %}</title></head>
<body><nav>{% for item in menu %}<a href="/{{ item|lower }}">{{ item }}</a>
{% endfor %}</nav>
<main>{% block main %}{% endblock %}</main>
<footer>{{ menu|length }} sections</footer></body></html>
""",
	"shop.html": """{% extends "layout.html" %}
{% macro price(cents) %}<b>{{ "%.2f"|format(cents / 100) }}</b>{% endmacro %}
{% block title %}{{ user }}'s list{% endblock %}
{% block main %}<h1>Hello, {{ user|title }}</h1>
<table>{% for row in rows %}
<tr class="{{ loop.cycle('odd', 'even') }}"><td>{{ loop.index }}</td>
<td>{{ row.name }}</td><td>{{ price(row.cents) }}</td>
<td>{% if row.stock > 10 %}in stock{% elif row.stock %}only {{ row.stock }} left
{% else %}sold out{% endif %}</td></tr>{% endfor %}
</table>
<p>{{ rows|selectattr("stock")|list|length }} articles,
{{ price(rows|sum(attribute="cents")) }} in all</p>{% endblock %}
""",
}

WORDS = ("amber", "birch", "copper", "delta", "ember", "flint", "<garnet>",
	 "harbour", "indigo", "juniper", "kelp & salt", "lunar", "mosaic")

_pages = Environment(loader=DictLoader(TEMPLATES), autoescape=True)


def handle(request):
	rng = random.Random(request["seed"])
	rows = [{"name": " ".join(rng.choices(WORDS, k=3)),
		 "cents": rng.randint(99, 250000),
		 "stock": max(0, rng.randint(-5, 60))} for _ in range(150)]
	page = _pages.get_template("shop.html").render(
		user=rng.choice(WORDS), rows=rows,
		menu=("Home", "Offers", "Orders", "Account"))
	return {
		"bytes": len(page.encode()),
		"rows": page.count("<tr "),
		"page": hashlib.sha256(page.encode()).hexdigest(),
	}
