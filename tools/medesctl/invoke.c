// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * medesctl function invoke: the answer goes to stdout as it is, how it was started to stderr.
 *
 * Should medesd end meanwhile, the request is repeated once it is back if that can do no
 * harm: GET, or a function whose spec says that it is idempotent. Otherwise nobody knows
 * whether it was served, and that is said.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "client.h"
#include "function.h"
#include "print.h"

#define BACK_SECONDS 30
#define DATA_MAX (256 << 20)

/* A file's bytes, to be freed; "-" is standard input. */
static char *read_file(const char *path, size_t *len)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t size = 65536, n;
	char *data = file ? malloc(size) : NULL, *more;

	*len = 0;
	while (data && (n = fread(data + *len, 1, size - *len, file)) > 0) {
		*len += n;
		if (*len < size)
			continue;
		more = size < DATA_MAX ? realloc(data, 2 * size) : NULL;
		if (!more) {
			free(data);
			errno = EFBIG;
		}
		data = more;
		size *= 2;
	}
	if (!data)
		complain("%s: %s", path, strerror(errno));
	if (file && file != stdin)
		fclose(file);
	return data;
}

static bool is_idempotent(const struct args *args, const char *name, const char *method)
{
	char path[FUNCTION_PATH];
	json_t *answer;
	bool yes;

	if (!strcmp(method, "GET"))
		return true;
	answer = client_call(args, "GET", NULL, "%s", function_path(path, args, name, ""));
	yes = json_is_true(json_object_get(json_object_get(answer, "spec"), "idempotent"));
	json_decref(answer);
	return yes;
}

/* Waits until medesd answers again. */
static bool is_back(const struct args *args)
{
	const struct client_request request = {
		.method = "GET", .path = "/healthz", .type = "text/plain", .body = "",
	};
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct client_answer answer;
	int i;

	for (i = 0; i < 10 * BACK_SECONDS; i++) {
		if (!client_exchange(args, &request, &answer)) {
			free(answer.text);
			return true;
		}
		nanosleep(&pause, NULL);
	}
	return false;
}

static int exchange(const struct args *args, const char *name,
		    const struct client_request *request, struct client_answer *answer)
{
	int err = client_exchange(args, request, answer);

	if (err != -ECONNRESET)
		return err;
	complain("medesd ended while it served the request");
	if (!is_back(args))
		return err;
	if (!is_idempotent(args, name, request->method)) {
		complain("it is not repeated, since the function is not declared idempotent: nobody knows whether it was served");
		return err;
	}
	complain("medesd is back; the request is repeated");
	return client_exchange(args, request, answer);
}

static enum exit_code show(const struct args *args, const struct client_answer *answer)
{
	char sandbox[128] = "", start[32] = "", ms[32] = "0";
	bool started = client_header(answer, "Medes-Sandbox", sandbox, sizeof(sandbox)) &&
		       client_header(answer, "Medes-Start", start, sizeof(start)) &&
		       client_header(answer, "Medes-Start-Ms", ms, sizeof(ms));
	json_t *body = json_stringn(answer->body, answer->len);

	if (args->json) {
		print_line(args, json_pack("{s:i,s:s*,s:s*,s:f,s:o}", "status", (int)answer->status,
					   "sandbox", started ? sandbox : NULL,
					   "start", started ? start : NULL,
					   "start_ms", strtod(ms, NULL),
					   "body", body ? body : json_null()), "%s", "");
		return answer->status / 100 == 2 ? DONE : FAILED;
	}
	json_decref(body);
	if (!started && client_refused(answer))
		return FAILED;
	fwrite(answer->body, 1, answer->len, stdout);
	if (started)
		fprintf(stderr, "%s: %s, started in %s ms, status %u\n", sandbox, start, ms,
			answer->status);
	else
		complain("status %u", answer->status);
	return answer->status / 100 == 2 ? DONE : FAILED;
}

enum exit_code function_invoke(const struct args *args, const char *const *names, size_t n)
{
	bool file = args->data && *args->data == '@';
	char path[FUNCTION_PATH], behind[512], *data = NULL;
	struct client_request request = {
		.method = args->method ? args->method : args->data ? "POST" : "GET",
		.path = path, .type = "application/json",
		.body = args->data ? args->data : "",
	};
	struct client_answer answer;
	enum exit_code code;
	int err;

	(void)n;
	if (args->path && *args->path != '/') {
		complain("--path: \"%s\" does not begin with a slash", args->path);
		return USAGE;
	}
	request.len = strlen(request.body);
	if (file) {
		data = read_file(args->data + 1, &request.len);
		if (!data)
			return FAILED;
		request.body = data;
	}
	snprintf(behind, sizeof(behind), "/invoke%s", args->path ? args->path : "");
	function_path(path, args, names[0], behind);
	err = exchange(args, names[0], &request, &answer);
	free(data);
	if (err) {
		client_complain(args, err);
		return FAILED;
	}
	code = show(args, &answer);
	free(answer.text);
	return code;
}
