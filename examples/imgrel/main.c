/* main.c - from argv to an exit code: reads the command line, makes a client of it, lets Ctrl-C and
 * SIGTERM fire the cancel token, and tells how it ended. */
#include "cli.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* The one thing that a signal handler can reach. */
static imgrel_cancel *on_signal;

static void fire(int sig)
{
    (void)sig;
    imgrel_cancel_fire(on_signal);
}

/* The first one cancels; a second one ends the process as ever. */
static void catch_signals(imgrel_cancel *t)
{
    struct sigaction sa = { .sa_handler = fire, .sa_flags = (int)SA_RESETHAND };

    on_signal = t;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGINT, &sa, NULL);
    sigaction(SIGTERM, &sa, NULL);
}

static void on_log(void *user, const imgrel_log_record *r)
{
    static const char *const levels[] = { "?", "error", "warning", "info", "debug" };

    (void)user;
    fprintf(stderr, "imgrel: %s: %s: %s%s%s\n", levels[r->level < 5 ? r->level : 0], r->component,
            r->message, strcmp(r->fields, "{}") ? " " : "",
            strcmp(r->fields, "{}") ? r->fields : "");
}

/* Adds a value to a key that is a list: options add to the environment. */
static int add_to_key(imgrel_client *client, const char *key, const char *value, imgrel_error *err)
{
    const char *old = imgrel_client_get(client, key);
    size_t len = (old ? strlen(old) : 0) + strlen(value) + 2;
    char *all = NULL;
    int rc = 0;

    if (!old || !*old)
        return imgrel_client_set(client, key, value, err);
    all = malloc(len);
    if (!all)
        return cli_nomem(err);
    snprintf(all, len, "%s,%s", old, value);
    rc = imgrel_client_set(client, key, all, err);
    free(all);
    return rc;
}

static bool is_list(const char *key)
{
    imgrel_config_key row = { .size = sizeof row };

    for (size_t i = 0; !imgrel_config_row(i, &row, NULL); i++)
        if (!strcmp(row.name, key))
            return !strcmp(row.type, "list");
    return false;
}

/* --set KEY=VALUE */
static int set_pair(imgrel_client *client, const char *pair, imgrel_error *err)
{
    const char *eq = strchr(pair, '=');
    char *key = NULL;
    int rc = 0;

    if (!eq || eq == pair)
        return cli_fail(err, IMGREL_EINVAL, "see imgrel config", "--set %s: it must be KEY=VALUE",
                        pair);
    key = strndup(pair, (size_t)(eq - pair));
    rc = key ? imgrel_client_set(client, key, eq + 1, err) : cli_nomem(err);
    free(key);
    return rc;
}

/* Uploads that are broken off go on where they were, unless the environment says otherwise. */
static int set_cache(imgrel_client *client, imgrel_error *err)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool own = cache && *cache == '/';
    char path[1024];

    if (getenv("IMGREL_CACHE_DIR") || (!own && (!home || *home != '/')))
        return 0;
    if (snprintf(path, sizeof path, "%s%s/imgrel", own ? cache : home, own ? "" : "/.cache") >=
        (int)sizeof path)
        return 0;
    return imgrel_client_set(client, "cache_dir", path, err);
}

static int configure(cli *c, imgrel_error *err)
{
    int rc = imgrel_client_new(&c->client, err);

    if (!rc)
        rc = set_cache(c->client, err);
    if (!rc && c->quiet)
        rc = imgrel_client_set(c->client, "log_level", "error", err);
    for (size_t i = 0; !rc && i < c->n_given; i++) {
        const cli_given *g = &c->given[i];
        if (!strcmp(g->option->name, "set"))
            rc = set_pair(c->client, g->value, err);
        else if (g->option->key && is_list(g->option->key))
            rc = add_to_key(c->client, g->option->key, g->value, err);
        else if (g->option->key)
            rc = imgrel_client_set(c->client, g->option->key, g->value, err);
    }
    if (!rc)
        imgrel_client_log(c->client, on_log, NULL);
    return rc;
}

static int fill_opts(cli *c, imgrel_error *err)
{
    const char *timeout = cli_value(c, "timeout");

    c->opts =
        (imgrel_opts){ IMGREL_OPTS, .cancel = c->cancel, .platform = cli_value(c, "platform") };
    if (cli_has(c, "force"))
        c->opts.flags |= IMGREL_FLAG_FORCE;
    if (cli_has(c, "fast"))
        c->opts.flags |= IMGREL_FLAG_FAST;
    if (cli_has(c, "dry-run"))
        c->opts.flags |= IMGREL_FLAG_DRY_RUN;
    if (timeout && (c->opts.timeout_ms = cli_duration(timeout)) <= 0)
        return cli_fail(err, IMGREL_EINVAL, NULL, "--timeout %s: say seconds, or 500ms, 10m, 1h",
                        timeout);
    return cli_progress_start(c, err);
}

static int run(cli *c, imgrel_error *err)
{
    int rc = imgrel_cancel_new(&c->cancel, err);

    if (rc || (rc = configure(c, err)) || (rc = fill_opts(c, err)))
        return rc;
    catch_signals(c->cancel);
    rc = c->command->run(c, err);
    cli_progress_end(c);
    if ((fflush(stdout) || ferror(stdout)) && !rc)
        rc = cli_fail(err, IMGREL_EIO, NULL, "standard output cannot be written");
    return rc;
}

int main(int argc, char **argv)
{
    static cli c; /* two tables of words: too much for a stack frame */
    imgrel_error err = { 0 };
    int rc = 0;

    mallopt(M_ARENA_MAX, 2); /* the workers wait rather than allocate: a heap each is a waste */
    if (argc == 2 && !strcmp(argv[1], "--version"))
        argv[1] = (char *)"version";
    rc = cli_parse(&c, argc, argv, &err);
    if (!rc && c.help) {
        cli_help(stdout, c.command, c.words, c.n_words);
        return fflush(stdout) ? 1 : 0;
    }
    if (!rc)
        rc = run(&c, &err);
    cli_progress_end(&c);
    if (rc)
        cli_complain(&err);
    rc = cli_exit_code(rc, &err);
    on_signal = NULL;
    imgrel_client_free(c.client);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    imgrel_cancel_free(c.cancel);
    return rc;
}
