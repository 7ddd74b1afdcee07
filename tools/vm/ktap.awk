# SPDX-License-Identifier: GPL-2.0-or-later
# Counts KTAP and TAP results: prints "PASSED FAILED SKIPPED" and, before that, a
# line "# ..." for everything that counts as failed though no result says so.
# A test with subtests is counted by its subtests. Each plan must be fulfilled; no
# result at all is a failure.

function indent(s) { match(s, /^ */); return RLENGTH }

function complain(what) { print "# " what; failed++ }

# the plan at depth d ends
function close_plan(d) {
	if (d in plan && seen[d] != plan[d])
		complain("planned " plan[d] " tests, " seen[d] + 0 " gave a result")
	delete plan[d]
	delete seen[d]
	delete below[d]
	delete failed_below[d]
}

function close_deeper(d,   e) {
	for (e in plan)
		if (e + 0 > d)
			close_plan(e)
}

{ sub(/\r$/, "") }

/^ *1\.\.[0-9]+/ {
	d = indent($0)
	close_deeper(d)
	close_plan(d)
	line = $0
	sub(/^ *1\.\./, "", line)
	plan[d] = line + 0
	seen[d] += 0
	plans++
	next
}

/^ *(not )?ok([ \t]|$)/ {
	d = indent($0)
	close_deeper(d)
	seen[d]++
	bad = $0 ~ /^ *not ok/
	for (e = 0; e < d; e++)
		if (e in plan) {
			below[e]++
			if (bad)
				failed_below[e]++
		}
	parent = below[d]
	explained = failed_below[d]
	below[d] = failed_below[d] = 0
	if (tolower($0) ~ /# *(skip|todo)/) {
		if (!parent)
			skipped++
	} else if (bad) {
		if (!parent || !explained)
			failed++
	} else if (!parent) {
		passed++
	}
	results++
	next
}

/^ *Bail out!/ { complain($0) }

END {
	close_deeper(-1)
	if (!plans || !results)
		complain(plans ? "no test gave a result" : "no plan")
	print passed + 0, failed + 0, skipped + 0
}
