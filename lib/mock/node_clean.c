/* node_clean.c - can this machine run containers, and what is left of one that a killed mock ran:
 * processes and mounts went with their shim, so it is cgroups and files. */
#include "mock/node.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
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

/* Calls fn in every hierarchy that is mounted; the sum of what it gives. */
static int in_hierarchies(int (*fn)(const char *mount_point, const char *what), const char *what)
{
    int sum = 0;
    ir_buf text = IR_BUF(4 * IR_MIB);
    ir_strv lines = {0};
    if (!ir_file_read("/proc/self/mountinfo", &text, NULL) &&
        !ir_strv_split(&lines, ir_buf_str(&text), '\n')) {
        for (size_t i = 0; i < lines.n; i++) {
            ir_strv f = {0};
            if (strstr(lines.v[i], " - cgroup") && !ir_strv_split(&f, lines.v[i], ' ') && f.n > 4)
                sum += fn(f.v[4], what);
            ir_strv_free(&f);
        }
    }
    ir_strv_free(&lines);
    ir_buf_free(&text);
    return sum;
}

static int remove_one(const char *mount_point, const char *what)
{
    char *path = ir_format("%s/%s", mount_point, what);
    if (path)
        remove_below(path);
    free(path);
    return 1;
}

void mk_cgroup_remove(const char *path)
{
    in_hierarchies(remove_one, path);
}

/* Those of mocks whose process is gone; empty ones only, as the kernel sees to. */
static int remove_stale(const char *mount_point, const char *what)
{
    DIR *d = opendir(mount_point);
    struct dirent *e;
    int n = 0;
    while (d && (e = readdir(d))) {
        char *end;
        long pid = ir_starts(e->d_name, what) ? strtol(e->d_name + strlen(what), &end, 10) : 0;
        if (pid > 0 && *end == '-' && kill((pid_t)pid, 0) && errno == ESRCH)
            n += remove_one(mount_point, e->d_name);
    }
    if (d)
        closedir(d);
    return n;
}

/* ---- can it run containers? ---------------------------------------------------------------------
 */

/* What a shim is going to do, tried on a thread whose namespaces end with it. */
static void *try_namespaces(void *ret)
{
    bool *ok = ret;
    *ok =
        !unshare(CLONE_NEWNS | CLONE_NEWNET) &&
        !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
        !mount("tmpfs", "/tmp", "tmpfs", 0, "mode=700") && !mkdir("/tmp/l", 0700) &&
        !mkdir("/tmp/u", 0700) && !mkdir("/tmp/w", 0700) && !mkdir("/tmp/m", 0700) &&
        !mount("overlay", "/tmp/m", "overlay", 0, "lowerdir=/tmp/l,upperdir=/tmp/u,workdir=/tmp/w");
    return NULL;
}

static bool has_namespaces(void)
{
    pthread_t t;
    bool ok = false;
    if (pthread_create(&t, NULL, try_namespaces, &ok))
        return false;
    pthread_join(t, NULL);
    return ok;
}

static int try_cgroup(const char *mount_point, const char *what)
{
    char *path = ir_format("%s/%s", mount_point, what);
    int made = path && !mkdir(path, 0755);
    if (made)
        rmdir(path);
    free(path);
    return made;
}

static bool has_cgroups(void)
{
    char *name = ir_format("imgrel-mock-%d-probe", (int)getpid());
    bool ok = name && in_hierarchies(try_cgroup, name) > 0;
    free(name);
    return ok;
}

bool mk_node_can_run(void)
{
    return geteuid() == 0 && mk_runc_path() && has_namespaces() && has_cgroups();
}

/* ---- what is left -------------------------------------------------------------------------------
 */

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
