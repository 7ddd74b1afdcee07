// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The token file. Its lines hold a token and a domain; "*" is every domain. It is
 * refused when others can read it.
 *
 * All tokens are compared, each to its end, so that the time tells nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "auth.h"
#include "text.h"

#define TOKEN_MIN 16
#define TOKEN_MAX 256
#define LINE_MAX_LEN 512

struct token {
	char text[TOKEN_MAX + 1];	/* the rest is zeros */
	char domain[MEDES_NAME_SIZE];
};

struct auth {
	struct token *tokens;
	size_t n;
};

static int add(struct auth *auth, const char *text, const char *domain)
{
	struct token *tokens = realloc(auth->tokens, (auth->n + 1) * sizeof(*tokens));

	if (!tokens)
		return -ENOMEM;
	auth->tokens = tokens;
	tokens[auth->n] = (struct token){ 0 };
	strcpy(tokens[auth->n].text, text);
	strcpy(tokens[auth->n].domain, domain);
	auth->n++;
	return 0;
}

/* NULL: good */
static const char *take_line(struct auth *auth, char *line)
{
	char *save, *text = strtok_r(line, " \t\n", &save);
	char *domain = strtok_r(NULL, " \t\n", &save);

	if (!text || *text == '#')
		return NULL;
	if (!domain || strtok_r(NULL, " \t\n", &save))
		return "want a token and a domain";
	if (strlen(text) < TOKEN_MIN || strlen(text) > TOKEN_MAX)
		return "a token has 16 to 256 characters";
	if (strcmp(domain, AUTH_ADMINISTRATOR) && !medes_name_valid(domain))
		return "this is no name of a domain";
	return add(auth, text, domain) ? "no memory" : NULL;
}

static int check_mode(FILE *file, const char *path, char *error, size_t size)
{
	struct stat st;

	if (!fstat(fileno(file), &st) && !(st.st_mode & 077))
		return 0;
	snprintf(error, size, "%s: others can read it; run: chmod 600 %s", path, path);
	return -EPERM;
}

/**
 * auth_load() - read the token file
 * @path: the file
 * @error: receives why not
 * @size: of @error, bytes
 */
struct auth *auth_load(const char *path, char *error, size_t size)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_LEN];
	const char *why = NULL;
	unsigned int number = 0;

	if (!auth || !file) {
		snprintf(error, size, "%s: %s", path, strerror(file ? ENOMEM : errno));
		goto err_free;
	}
	if (check_mode(file, path, error, size))
		goto err_free;
	while (!why && fgets(line, sizeof(line), file)) {
		number++;
		why = take_line(auth, line);
	}
	explicit_bzero(line, sizeof(line));
	if (why) {
		snprintf(error, size, "%s:%u: %s", path, number, why);
		goto err_free;
	}
	fclose(file);
	return auth;

err_free:
	if (file)
		fclose(file);
	auth_free(auth);
	return NULL;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	if (auth->tokens)
		explicit_bzero(auth->tokens, auth->n * sizeof(*auth->tokens));
	free(auth->tokens);
	free(auth);
}

static bool same(const char *a, const char b[TOKEN_MAX + 1])
{
	unsigned char differs = 0;
	size_t i;

	for (i = 0; i <= TOKEN_MAX; i++)
		differs |= a[i] ^ b[i];
	return !differs;
}

const char *auth_domain(const struct auth *auth, const char *token)
{
	char given[TOKEN_MAX + 1] = { 0 };
	const char *domain = NULL;
	size_t i;

	if (!auth || strlen(token) > TOKEN_MAX)
		return NULL;
	strcpy(given, token);
	for (i = 0; i < auth->n; i++)
		if (same(auth->tokens[i].text, given))
			domain = auth->tokens[i].domain;
	explicit_bzero(given, sizeof(given));
	return domain;
}
