/* node_clean.c - can this machine run containers, and what is left of one that a killed mock ran:
 * processes and mounts went with their shim, so it is cgroups and files. */
#include "mock/node.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

const char *mk_runc_path(void)
{
    static const char *const places[] = {"/usr/bin/runc", "/usr/sbin/runc", "/usr/local/bin/runc",
                                         "/usr/local/sbin/runc"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!access(places[i], X_OK))
            return places[i];
    return NULL;
}

static bool has_overlay(void)
{
    ir_buf text = IR_BUF(64 * IR_KIB);
    bool yes =
        !ir_file_read("/proc/filesystems", &text, NULL) && strstr(ir_buf_str(&text), "\toverlay\n");
    ir_buf_free(&text);
    return yes;
}

bool mk_node_can_run(void)
{
    return geteuid() == 0 && mk_runc_path() && has_overlay();
}

/* ---- cgroups -------------------------------------------------------------------------------- */

/* Folders below first; a cgroup's files go with it. */
static void remove_below(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char *sub =
            e->d_type == DT_DIR && *e->d_name != '.' ? ir_format("%s/%s", path, e->d_name) : NULL;
        if (sub)
            remove_below(sub);
        free(sub);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

/* Calls remove in every hierarchy that is mounted. */
static void in_hierarchies(void (*remove)(const char *mount, const char *what), const char *what)
{
    ir_buf text = IR_BUF(4 * IR_MIB);
    ir_strv lines = {0};
    if (!ir_file_read("/proc/self/mountinfo", &text, NULL) &&
        !ir_strv_split(&lines, ir_buf_str(&text), '\n')) {
        for (size_t i = 0; i < lines.n; i++) {
            ir_strv f = {0};
            if (strstr(lines.v[i], " - cgroup") && !ir_strv_split(&f, lines.v[i], ' ') && f.n > 4)
                remove(f.v[4], what);
            ir_strv_free(&f);
        }
    }
    ir_strv_free(&lines);
    ir_buf_free(&text);
}

static void remove_one(const char *mount, const char *what)
{
    char *path = ir_format("%s/%s", mount, what);
    if (path)
        remove_below(path);
    free(path);
}

void mk_cgroup_remove(const char *path)
{
    in_hierarchies(remove_one, path);
}

/* Those of mocks whose process is gone; empty ones only, as the kernel sees to. */
static void remove_stale(const char *mount, const char *what)
{
    DIR *d = opendir(mount);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char *end;
        long pid = ir_starts(e->d_name, what) ? strtol(e->d_name + strlen(what), &end, 10) : 0;
        if (pid > 0 && *end == '-' && kill((pid_t)pid, 0) && errno == ESRCH)
            remove_one(mount, e->d_name);
    }
    if (d)
        closedir(d);
}

void mk_node_clean(const char *dir, const char *cgroup)
{
    char *pods = ir_path_join(dir, "pods"), *runc = ir_path_join(dir, "runc");
    char *images = ir_path_join(dir, "images");
    mk_cgroup_remove(cgroup);
    in_hierarchies(remove_stale, "imgrel-mock-");
    if (pods && runc && images)
        (void)(ir_rmtree(pods, NULL) | ir_rmtree(runc, NULL) | ir_rmtree(images, NULL));
    free(pods);
    free(runc);
    free(images);
}
