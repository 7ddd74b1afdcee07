// SPDX-License-Identifier: GPL-2.0-or-later
// A sandbox's process in Node.js: GET /healthz, POST / {"seed": integer}. Orders in JSON
// are made, parsed and summed, as by tools/demo/functions/vanilla.py.
"use strict";
const crypto = require("crypto");
const http = require("http");

const CITIES = ["Lisbon", "Oslo", "Quito", "Hanoi", "Accra", "Turin", "Perth", "Lima"];

function random(seed) {
	let state = seed >>> 0;
	return below => {
		state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
		return Math.floor(state / 4294967296 * below);
	};
}

function orders(seed) {
	const below = random(seed);
	return Array.from({ length: 120 }, (_, order) => ({
		order, customer: `customer-${below(40)}`, city: CITIES[below(CITIES.length)],
		lines: Array.from({ length: 1 + below(5) }, () => ({
			sku: below(1e9), count: 1 + below(9), cents: 50 + below(99950),
		})),
	}));
}

function handle(seed) {
	const totals = new Map();
	for (const order of JSON.parse(JSON.stringify(orders(seed)))) {
		const due = order.lines.reduce((sum, line) => sum + line.count * line.cents, 0);
		const customer = totals.get(order.customer) || { orders: 0, cents: 0 };
		customer.orders++;
		customer.cents += due;
		totals.set(order.customer, customer);
	}
	const report = JSON.stringify([...totals].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
	return { customers: totals.size, report: crypto.createHash("sha256").update(report).digest("hex") };
}

http.createServer((request, response) => {
	if (request.method === "GET") {
		response.end("{}");
		return;
	}
	let body = "";
	request.on("data", part => { body += part; });
	request.on("end", () => response.end(JSON.stringify(handle(JSON.parse(body).seed))));
}).listen(Number(process.env.PORT), "127.0.0.1");
