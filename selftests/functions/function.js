// SPDX-License-Identifier: GPL-2.0-or-later
// A function in Node.js, for the suite "functions": sums and digests of numbers that follow
// from the seed of a request.
"use strict";
const crypto = require("crypto");
const http = require("http");

// so that there is something to deduplicate, alike in every sandbox, and some that is not
const words = Array.from({ length: 20000 }, (_, i) => `word-${(i * 7919) % 20011}`);
const own = crypto.randomBytes(1 << 16);

function handle(request) {
	let x = request.seed >>> 0, sum = 0;
	const picked = [];

	for (let i = 0; i < 100; i++) {
		x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
		sum += x;
		picked.push(words[x % words.length]);
	}
	return {
		sum,
		digest: crypto.createHash("sha256").update(picked.join(" ")).digest("hex"),
		own: own.length,
	};
}

http.createServer((request, answer) => {
	const parts = [];

	request.on("data", part => parts.push(part));
	request.on("end", () => {
		let body = {};

		if (request.method === "POST")
			body = handle(JSON.parse(Buffer.concat(parts).toString()));
		answer.setHeader("Content-Type", "application/json");
		answer.end(JSON.stringify(body));
	});
}).listen(Number(process.env.PORT), "127.0.0.1");
