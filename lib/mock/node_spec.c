/* node_spec.c - the OCI runtime configuration (runtime-spec config.md) of a container, from its
 * image's config and its pod. No oom_score_adj: lowering it takes a capability that not every root
 * has. */
#include "mock/node.h"

#include "base/fd.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- who ------------------------------------------------------------------------------------ */

typedef struct who {
    int64_t uid, gid;
} who;

/* A file of the image, its links followed inside it. */
static bool read_inside(const char *rootfs, const char *path, ir_buf *out)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
    int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = root < 0 ? -1 : (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    bool ok = fd >= 0 && !ir_fd_read_all(fd, path, out, NULL);
    if (fd >= 0)
        close(fd);
    if (root >= 0)
        close(root);
    return ok;
}

/* The fields of the line of passwd or group whose first (or, by number, third) field is key. */
static bool look_up(const char *text, const char *key, bool number, int64_t *ret_id,
                    int64_t *ret_gid)
{
    ir_strv lines = {0};
    bool found = false;
    if (ir_strv_split(&lines, text, '\n'))
        return false;
    for (size_t i = 0; !found && i < lines.n; i++) {
        char *f[4] = {lines.v[i], NULL, NULL, NULL};
        for (int k = 1; k < 4 && f[k - 1]; k++)
            if ((f[k] = strchr(f[k - 1], ':')))
                *f[k]++ = 0;
        if (f[3])
            f[3][strcspn(f[3], ":")] = 0;
        unsigned long long id = 0, gid = 0;
        if (f[2] && !strcmp(number ? f[2] : f[0], key) && ir_parse_u64(f[2], UINT32_MAX, &id)) {
            found = true;
            *ret_id = (int64_t)id;
            *ret_gid = f[3] && ir_parse_u64(f[3], UINT32_MAX, &gid) ? (int64_t)gid : 0;
        }
    }
    ir_strv_free(&lines);
    return found;
}

static bool find_id(const char *rootfs, const char *file, const char *key, int64_t *ret_id,
                    int64_t *ret_gid)
{
    ir_buf text = IR_BUF(4 * IR_MIB);
    unsigned long long n = 0;
    bool number = ir_parse_u64(key, UINT32_MAX, &n);
    bool found = read_inside(rootfs, file, &text) &&
                 look_up(ir_buf_str(&text), key, number, ret_id, ret_gid);
    ir_buf_free(&text);
    if (!found && number) {
        *ret_id = (int64_t)n;
        *ret_gid = 0;
    }
    return found || number;
}

/* "user", "uid", "user:group"; the pod's securityContext stands above the image. */
static int find_user(const mk_container *c, const ir_json *pod, who *ret, imgrel_error *err)
{
    const char *text = ir_json_str(ir_json_get(c->image->config, "config"), "User");
    const ir_json *mine = ir_json_get(c->spec, "securityContext");
    const ir_json *all = ir_json_path(pod, "spec.securityContext");
    char *user = ir_strdup(text ? text : ""), *group = user ? strchr(user, ':') : NULL;
    int64_t ignored = 0;
    int rc = user ? 0 : ir_nomem(err);
    *ret = (who){0};
    if (group)
        *group++ = 0;
    if (!rc && *user && !find_id(c->image->rootfs, "/etc/passwd", user, &ret->uid, &ret->gid))
        rc = ir_fail(err, IMGREL_EINVAL,
                     "unable to find user %s: no matching entries in passwd "
                     "file",
                     user);
    if (!rc && group && !find_id(c->image->rootfs, "/etc/group", group, &ret->gid, &ignored))
        rc = ir_fail(err, IMGREL_EINVAL,
                     "unable to find group %s: no matching entries in group "
                     "file",
                     group);
    ret->uid = ir_json_int(mine, "runAsUser", ir_json_int(all, "runAsUser", ret->uid));
    ret->gid = ir_json_int(mine, "runAsGroup", ir_json_int(all, "runAsGroup", ret->gid));
    free(user);
    return rc;
}

/* ---- what ----------------------------------------------------------------------------------- */

static void append_all(ir_json *to, const ir_json *list)
{
    for (size_t i = 0; i < ir_json_len(list); i++)
        ir_json_append(to, ir_json_copy(ir_json_at(list, i)));
}

/* A command of the pod replaces the image's entrypoint and forgets its cmd. */
static ir_json *arguments(const mk_container *c)
{
    const ir_json *config = ir_json_get(c->image->config, "config");
    const ir_json *command = ir_json_get(c->spec, "command"), *args = ir_json_get(c->spec, "args");
    bool own = ir_json_len(command) > 0;
    ir_json *out = ir_json_new_array();
    append_all(out, own ? command : ir_json_get(config, "Entrypoint"));
    if (ir_json_len(args))
        append_all(out, args);
    else if (!own)
        append_all(out, ir_json_get(config, "Cmd"));
    return out;
}

static ir_json *capabilities(void)
{
    static const char *const names[] = {
        "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
        "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
        "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
        "CAP_KILL",    "CAP_AUDIT_WRITE"};
    ir_json *list = ir_json_new_array(), *out = ir_json_new_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        ir_json_append(list, ir_json_new_string(names[i]));
    ir_json_put(out, "bounding", ir_json_ref(list));
    ir_json_put(out, "effective", ir_json_ref(list));
    ir_json_put(out, "permitted", list);
    return out;
}

static int process(const mk_container *c, const ir_json *pod, ir_json **ret, imgrel_error *err)
{
    who user;
    ir_json *env = NULL;
    const char *cwd = ir_json_str(c->spec, "workingDir");
    const char *image_cwd = ir_json_str(ir_json_get(c->image->config, "config"), "WorkingDir");
    int rc = find_user(c, pod, &user, err);
    *ret = NULL;
    if (!rc)
        rc = mk_container_env(c, pod, &env, err);
    if (rc)
        return rc;
    ir_json *args = arguments(c);
    if (!ir_json_len(args)) {
        ir_json_free(args);
        ir_json_free(env);
        return ir_fail(err, IMGREL_EINVAL, "no command specified");
    }
    cwd = cwd && *cwd ? cwd : image_cwd && *image_cwd ? image_cwd : "/";
    *ret = ir_json_pack("{s:b, s:s, s:b, s:{}}", "terminal", 0, "cwd", cwd, "noNewPrivileges", 0,
                        "user");
    ir_json_put(ir_json_get(*ret, "user"), "uid", ir_json_new_int(user.uid));
    ir_json_put(ir_json_get(*ret, "user"), "gid", ir_json_new_int(user.gid));
    ir_json_put(*ret, "args", args);
    ir_json_put(*ret, "env", env);
    ir_json_put(*ret, "capabilities", capabilities());
    return 0;
}

/* ---- where ---------------------------------------------------------------------------------- */

static ir_json *mount_json(const char *to, const char *type, const char *source,
                           const char *options)
{
    ir_json *list = ir_json_new_array();
    ir_strv v = {0};
    if (!ir_strv_split(&v, options, ','))
        for (size_t i = 0; i < v.n; i++)
            ir_json_append(list, ir_json_new_string(v.v[i]));
    ir_strv_free(&v);
    ir_json *j = ir_json_pack("{s:s, s:s, s:s}", "destination", to, "type", type, "source", source);
    ir_json_put(j, "options", list);
    return j;
}

static void bind_file(ir_json *list, const mk_container *c, const char *name, const char *to)
{
    char *from = ir_format("%s/%s", c->bundle, name);
    ir_json_append(list, mount_json(to, "bind", from ? from : "", "rbind,rprivate,rw"));
    free(from);
}

static void bind_volumes(ir_json *list, const mk_container *c, const char *dir)
{
    const ir_json *mounts = ir_json_get(c->spec, "volumeMounts");
    for (size_t i = 0; i < ir_json_len(mounts); i++) {
        const ir_json *m = ir_json_at(mounts, i);
        const char *name = ir_json_str(m, "name"), *to = ir_json_str(m, "mountPath");
        const char *sub = ir_json_str(m, "subPath");
        char *from = ir_format("%s/volumes/%s%s%s", dir, name, sub ? "/" : "", sub ? sub : "");
        ir_json_append(list, mount_json(to, "bind", from ? from : "",
                                        ir_json_bool(m, "readOnly", false) ? "rbind,rprivate,ro"
                                                                           : "rbind,rprivate,rw"));
        free(from);
    }
}

static ir_json *mounts(const mk_container *c, const char *dir)
{
    static const char *const fixed[][4] = {
        {"/proc", "proc", "proc", "nosuid,noexec,nodev"},
        {"/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"},
        {"/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"},
        {"/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"},
        {"/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"},
        {"/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"},
    };
    ir_json *list = ir_json_new_array();
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        ir_json_append(list, mount_json(fixed[i][0], fixed[i][1], fixed[i][2], fixed[i][3]));
    bind_file(list, c, "hosts", "/etc/hosts");
    bind_file(list, c, "hostname", "/etc/hostname");
    bind_volumes(list, c, dir);
    return list;
}

static ir_json *linux_part(const mk_container *c)
{
    static const char *const masked[] = {
        "/proc/acpi",       "/proc/kcore",       "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"};
    char *cgroup = ir_format("/%s", c->cgroup);
    ir_json *hidden = ir_json_new_array();
    for (size_t i = 0; i < sizeof masked / sizeof *masked; i++)
        ir_json_append(hidden, ir_json_new_string(masked[i]));
    /* The network is the shim's, which is in the pod's. */
    ir_json *j = ir_json_pack("{s:[{s:s},{s:s},{s:s},{s:s}], s:s, s:{s:[{s:b, s:s}]}, "
                              "s:[s,s,s,s,s]}",
                              "namespaces", "type", "pid", "type", "ipc", "type", "uts", "type",
                              "mount", "cgroupsPath", cgroup ? cgroup : "", "resources", "devices",
                              "allow", 0, "access", "rwm", "readonlyPaths", "/proc/bus", "/proc/fs",
                              "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");
    ir_json_put(j, "maskedPaths", hidden);
    free(cgroup);
    return j;
}

static int write_in(const mk_container *c, const char *name, const char *text, size_t len,
                    mode_t mode, imgrel_error *err)
{
    char *path = ir_format("%s/%s", c->bundle, name);
    int rc = path ? ir_file_write(path, mode, text, len, err) : ir_nomem(err);
    free(path);
    return rc;
}

int mk_bundle_write(const mk_container *c, const ir_json *pod, const char *dir, imgrel_error *err)
{
    ir_json *proc = NULL;
    ir_buf text = IR_BUF_SECRET(16 * IR_MIB), hosts = IR_BUF(IR_KIB);
    int rc = process(c, pod, &proc, err);
    if (rc)
        return rc;
    ir_json *j = ir_json_pack("{s:s, s:{s:s, s:b}}", "ociVersion", "1.0.2", "root", "path",
                              "rootfs", "readonly",
                              (int)ir_json_bool(ir_json_get(c->spec, "securityContext"),
                                                "readOnlyRootFilesystem", false));
    char *host = ir_strndup(mk_name(pod), 63);
    ir_json_put(j, "process", proc);
    ir_json_puts(j, "hostname", host);
    ir_json_put(j, "mounts", mounts(c, dir));
    ir_json_put(j, "linux", linux_part(c));
    ir_buf_addf(&hosts, "127.0.0.1\tlocalhost\n::1\tlocalhost\n127.0.0.1\t%s\n", host ? host : "");
    rc = ir_json_dump(j, IR_JSON_COMPACT, &text, err);
    if (!rc)
        rc = write_in(c, "config.json", text.p, text.len, 0600, err);
    if (!rc)
        rc = write_in(c, "hosts", ir_buf_str(&hosts), hosts.len, 0644, err);
    if (!rc)
        rc = write_in(c, "hostname", host ? host : "", host ? strlen(host) : 0, 0644, err);
    free(host);
    ir_json_free(j);
    ir_buf_free(&text);
    ir_buf_free(&hosts);
    return rc;
}
