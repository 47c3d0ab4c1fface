/* chart.c - imgrel chart: values for the charts that the road needs, from the release file, and
 * helm driven with them where it is there. */
#include "cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int check_chart(const char *name, imgrel_error *err)
{
    if (!strcmp(name, "harbor") || !strcmp(name, "gitlab-runner"))
        return 0;
    return cli_fail(err, IMGREL_EINVAL, NULL, "%s: values are made for harbor and gitlab-runner",
                    name);
}

static int make_values(const cli *c, char **ret, imgrel_error *err)
{
    imgrel_release *r = NULL;
    json_t *spec = NULL;
    char *text = NULL;
    int rc = check_chart(c->words[0], err);

    if (!rc && !cli_value(c, "file"))
        rc = cli_fail(err, IMGREL_EINVAL, NULL, "-f FILE: which release file?");
    if (!rc)
        rc = cli_registry_spec(c, &spec, err);
    if (!rc && !(text = json_dumps(spec, JSON_COMPACT)))
        rc = cli_nomem(err);
    if (!rc && !(rc = imgrel_release_load(c->client, cli_value(c, "file"), &r, err)))
        rc = imgrel_release_document(r, c->words[0], text, ret, err);
    imgrel_release_free(r);
    json_decref(spec);
    cli_free_secret(text);
    return rc;
}

static void free_values(char *values)
{
    if (values)
        explicit_bzero(values, strlen(values));
    imgrel_free(values);
}

int cmd_chart_values(cli *c, imgrel_error *err)
{
    char *values = NULL;
    int rc = make_values(c, &values, err);

    if (!rc && c->json)
        rc = cli_print(json_pack("{s:s, s:s}", "chart", c->words[0], "values", values), err);
    else if (!rc)
        fputs(values, stdout);
    free_values(values);
    return rc;
}

/* ---- helm ------------------------------------------------------------------------------------ */

static bool write_all(int fd, const char *p)
{
    size_t left = strlen(p);

    while (left) {
        ssize_t n = write(fd, p, left);
        if (n < 0 && errno != EINTR)
            return false;
        p += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The values go through a pipe: no file of them is left behind. */
static int run_helm(char *const *argv, const char *values, imgrel_error *err)
{
    int in[2] = { -1, -1 }, status = 0;
    pid_t pid = pipe(in) ? -1 : fork();

    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        close(in[0]);
        close(in[1]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(in[0]);
    if (pid > 0)
        write_all(in[1], values);
    close(in[1]);
    if (pid < 0)
        return cli_fail_errno(err, "helm cannot be started");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return cli_fail(err, IMGREL_ENOTFOUND,
                        "install helm, or give the output of imgrel chart values to who has it",
                        "helm is not on PATH");
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        return cli_fail(err, IMGREL_EFAILED, NULL, "helm ended with %d: see above",
                        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}

int cmd_chart_install(cli *c, imgrel_error *err)
{
    const char *ns = cli_value(c, "namespace"), *chart = cli_value(c, "chart");
    const char *version = cli_value(c, "chart-version");
    const char *argv[16] = { "helm", "upgrade", "--install", c->words[0] };
    char *values = NULL;
    size_t n = 4;
    int rc = make_values(c, &values, err);

    argv[n++] = chart                             ? chart
                : !strcmp(c->words[0], "harbor") ? "harbor/harbor"
                                                 : "gitlab/gitlab-runner";
    argv[n++] = "--namespace";
    argv[n++] = ns ? ns : c->words[0];
    argv[n++] = "--create-namespace";
    argv[n++] = "--values";
    argv[n++] = "-";
    if (version) {
        argv[n++] = "--version";
        argv[n++] = version;
    }
    if (cli_has(c, "dry-run"))
        argv[n++] = "--dry-run";
    argv[n] = NULL;
    cli_progress_end(c);
    fflush(stdout);
    signal(SIGPIPE, SIG_IGN);
    if (!rc)
        rc = run_helm((char *const *)(void *)argv, values, err);
    free_values(values);
    return rc;
}
