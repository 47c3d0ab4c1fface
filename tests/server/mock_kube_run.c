/* mock_kube_run.c - containers that the mock's node really runs: from a layout to a page, with the
 * right and the wrong secret; ends, restarts, logs, deletion; and that nothing is left behind, not
 * even by a mock that is killed. */
#include "mock_kube.h"
#include "base/cancel.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/str.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define C0 "status.containerStatuses.0."
#define HOST imgrel_mock_get(mock, "host")

static void run_up(void)
{
    kube_up("\"node\": \"run\"");
    make_namespace();
    push_page("library/page:1", NULL);
}

/* A pod of page with these arguments, '"say", "x", "3"'. */
static void run_page(const char *name, const char *args, const char *policy)
{
    answer a = KPOST(IN("pods"), text("{\"metadata\": {\"name\": \"%s\"}, \"spec\": "
                                      "{\"restartPolicy\": \"%s\", \"containers\": [{\"name\": "
                                      "\"c\", \"image\": \"%s/library/page:1\", \"args\": [%s]}]}}",
                                      name, policy, HOST, args));
    ck_assert_msg(a.status == 201, "%s", a.body);
}

/* ---- what is on this machine ---------------------------------------------------------------- */

static int count_lines(const char *path, const char *word)
{
    ir_buf b = IR_BUF(16 * IR_MIB);
    int n = 0;
    if (!ir_file_read(path, &b, NULL))
        for (const char *p = ir_buf_str(&b); (p = strstr(p, word)); p++)
            n++;
    ir_buf_free(&b);
    return n;
}

static int count_programs(void)
{
    DIR *d = opendir("/proc");
    struct dirent *e;
    int n = 0;
    while (d && (e = readdir(d))) {
        char *path = ir_format("/proc/%s/cmdline", e->d_name);
        n += *e->d_name >= '1' && *e->d_name <= '9' && count_lines(path, "/bin/page");
        free(path);
    }
    closedir(d);
    return n;
}

static int count_cgroups(void)
{
    DIR *d = opendir("/sys/fs/cgroup");
    struct dirent *e;
    int n = 0;
    while (d && (e = readdir(d))) {
        char *path = ir_format("/sys/fs/cgroup/%s", e->d_name);
        DIR *sub = opendir(path);
        n += ir_starts(e->d_name, "imgrel-mock");
        for (struct dirent *s; sub && (s = readdir(sub));)
            n += ir_starts(s->d_name, "imgrel-mock");
        if (sub)
            closedir(sub);
        free(path);
    }
    if (d)
        closedir(d);
    return n;
}

/* Until there are as many again as there were. */
static void settle(int (*count)(void), int was, const char *what)
{
    for (int i = 0; i < 500 && count() > was; i++)
        (void)!ir_sleep(NULL, 20, 0, NULL);
    ck_assert_msg(count() <= was, "%s are left: %d, were %d", what, count(), was);
}

static int count_in(const char *s, const char *word)
{
    int n = 0;
    for (; (s = strstr(s, word)); s++)
        n++;
    return n;
}

/* ---- tests ---------------------------------------------------------------------------------- */

START_TEST(from_a_layout_to_a_page)
{
    if (!can_run())
        return;
    int programs = count_programs(), cgroups = count_cgroups();
    kube_up("\"node\": \"run\"");
    make_namespace();
    make_project("team", false);
    const char *digest = push_page("team/page:1", NULL), *robot = make_robot("team", "k8s", "pull");
    make_secret("wrong", HOST, "robot$team+k8s:nonsense");
    make_secret("right", HOST, robot);
    const char *image = text("%s/team/page:1", HOST);
    make_pod("w", image, ", \"imagePullSecrets\": [{\"name\": \"wrong\"}]");
    ck_text(until(IN("pods/w"), C0 "state.waiting.reason", "ErrImagePull"), "status.phase",
            "Pending");
    make_pod("p", image, ", \"imagePullSecrets\": [{\"name\": \"right\"}]");
    const ir_json *pod = until(IN("pods/p"), "status.phase", "Running");
    ck_assert(ir_json_bool(ir_json_path(pod, "status.containerStatuses.0"), "ready", false));
    ck_text(pod, C0 "imageID", text("%s/team/page@%s", HOST, digest));
    /* What is on the node runs without any login. */
    until(IN("pods/w"), "status.phase", "Running");
    wire *w = wire_open("GET", IN("pods/p/portforward?ports=8080"), WEBSOCKET(CHANNEL));
    const char *p = "";
    size_t len = 0;
    wire_frame(w, 0x82, "\0GET / HTTP/1.0\r\n\r\n", 19);
    for (int i = 0; i < 3; i++)
        wire_read(w, &p, &len);
    ck_assert_ptr_nonnull(strstr(text("%.*s", (int)len - 1, p + 1), "\r\n\r\nhello"));
    wire_close(w);
    const char *dir = ir_strdup(imgrel_mock_get(mock, "kubeconfig"));
    kube_down();
    ck_assert_int_ne(access(dir, F_OK), 0);
    free((char *)(uintptr_t)dir);
    settle(count_programs, programs, "programs");
    settle(count_cgroups, cgroups, "cgroups");
    ck_assert_int_eq(count_lines("/proc/self/mountinfo", "/scratch"), 0);
}
END_TEST

START_TEST(logs_of_a_pod_that_ended)
{
    if (!can_run())
        return;
    run_up();
    run_page("p", "\"say\", \"line\", \"6\"", "Never");
    const ir_json *pod = until(IN("pods/p"), "status.phase", "Succeeded");
    ck_text(pod, C0 "state.terminated.reason", "Completed");
    ck_text(pod, "status.conditions.3.reason", "PodCompleted");
    ck_assert_int_eq(count_in(KGET(IN("pods/p/log")).body, "line "), 6);
    const char *tail = KGET(IN("pods/p/log?tailLines=2")).body;
    ck_assert_int_eq(count_in(tail, "\n"), 2);
    ck_assert_str_eq(KGET(IN("pods/p/log?tailLines=0")).body, "");
    ck_assert_int_eq((int)KGET(IN("pods/p/log?limitBytes=9")).len, 9);
    answer a = KGET(IN("pods/p/log?timestamps=true&tailLines=1"));
    ck_assert_ptr_nonnull(strstr(a.body, "Z line "));
    a = KGET(IN("pods/p/log?follow=true")); /* ends, as it has ended */
    ck_assert_int_eq(count_in(a.body, "line "), 6);
    kube_down();
}
END_TEST

START_TEST(ends_and_restarts)
{
    if (!can_run())
        return;
    run_up();
    run_page("fails", "\"exit\", \"3\"", "Never");
    run_page("loops", "\"exit\", \"4\"", "Always");
    run_page("done", "\"exit\", \"0\"", "OnFailure");
    const ir_json *pod = until(IN("pods/fails"), "status.phase", "Failed");
    ck_assert_int_eq(int_at(pod, C0 "state.terminated.exitCode"), 3);
    ck_text(pod, C0 "state.terminated.reason", "Error");
    until(IN("pods/done"), "status.phase", "Succeeded");
    pod = until(IN("pods/loops"), C0 "state.waiting.reason", "CrashLoopBackOff");
    ck_text(pod, "status.phase", "Running");
    ck_assert_int_eq(int_at(pod, C0 "lastState.terminated.exitCode"), 4);
    ck_assert_int_ge(int_at(pod, C0 "restartCount"), 1);
    ck_text(event_of("loops", "BackOff"), "type", "Warning");
    want(KGET(IN("pods/loops/log")), 200);
    want(KGET(IN("pods/loops/log?previous=true")), 200);
    kube_down();
}
END_TEST

START_TEST(a_command_that_is_not_there)
{
    if (!can_run())
        return;
    run_up();
    want(KPOST(IN("pods"), text("{\"metadata\": {\"name\": \"p\"}, \"spec\": {\"containers\": "
                                "[{\"name\": \"c\", \"image\": \"%s/library/page:1\", "
                                "\"command\": [\"/nosuch\"]}]}}",
                                HOST)),
         201);
    const ir_json *pod = until(IN("pods/p"), C0 "state.waiting.reason", "CrashLoopBackOff");
    ck_assert_int_eq(int_at(pod, C0 "lastState.terminated.exitCode"), 128);
    ck_text(pod, C0 "lastState.terminated.reason", "StartError");
    ck_text(pod, C0 "lastState.terminated.startedAt", "1970-01-01T00:00:00Z");
    ck_assert_ptr_nonnull(strstr(string_at(pod, C0 "lastState.terminated.message"), "/nosuch"));
    kube_down();
}
END_TEST

START_TEST(configuration_of_a_container)
{
    if (!can_run())
        return;
    run_up();
    const char *pod = text(
        "{\"metadata\": {\"name\": \"p\"}, \"spec\": {\"containers\": [{\"name\": \"c\", "
        "\"image\": \"%s/library/page:1\", \"securityContext\": {\"runAsUser\": 1234}, \"env\": "
        "[{\"name\": \"TEXT\", \"valueFrom\": {\"configMapKeyRef\": {\"name\": \"m\", "
        "\"key\": \"k\"}}}]}]}}",
        HOST);
    want(KPOST(IN("pods"), pod), 201);
    const ir_json *j = until(IN("pods/p"), C0 "state.waiting.reason", "CreateContainerConfigError");
    ck_text(j, C0 "state.waiting.message", "configmap \"m\" not found");
    want(KPOST(IN("configmaps"), "{\"metadata\": {\"name\": \"m\"}, \"data\": {\"k\": "
                                 "\"from the map\"}}"),
         201);
    until(IN("pods/p"), "status.phase", "Running");
    const char *log = "";
    for (int i = 0; i < 500 && !strstr(log, "user"); i++)
        log = KGET(IN("pods/p/log")).body;
    ck_assert_ptr_nonnull(strstr(log, "of user 1234"));
    kube_down();
}
END_TEST

START_TEST(deletion_as_watched)
{
    if (!can_run())
        return;
    run_up();
    run_page("p", "\"stubborn\"", "Always");
    const ir_json *pod = until(IN("pods/p"), "status.phase", "Running");
    const char *rv = string_at(pod, "metadata.resourceVersion");
    want(KDELETE(IN("pods/p?gracePeriodSeconds=1"), NULL), 200);
    until_gone(IN("pods/p"));
    const ir_json *l =
        lines_of(KGET(text(IN("pods?watch=1&timeoutSeconds=1&resourceVersion=%s"), rv)));
    size_t n = ir_json_len(l);
    ck_assert_int_ge((int)n, 4);
    ck_assert_str_ne(string_at(ir_json_at(l, 0), "object.metadata.deletionTimestamp"), "");
    ck_assert_str_ne(string_at(ir_json_at(l, 1), "object.metadata.deletionTimestamp"), "");
    ck_text(ir_json_at(l, n - 3), "object.status.phase", "Failed");
    ck_assert_int_eq(int_at(ir_json_at(l, n - 3), "object." C0 "state.terminated.exitCode"), 137);
    ck_assert_int_eq(int_at(ir_json_at(l, n - 2), "object.metadata.deletionGracePeriodSeconds"), 0);
    ck_text(ir_json_at(l, n - 1), "type", "DELETED");
    kube_down();
}
END_TEST

START_TEST(a_service_has_endpoints)
{
    if (!can_run())
        return;
    run_up();
    make_pod("p", text("%s/library/page:1", HOST), NULL);
    want(KPOST(IN("services"), "{\"metadata\": {\"name\": \"s\"}, \"spec\": {\"selector\": "
                               "{\"app\": \"p\"}, \"ports\": [{\"port\": 80, \"targetPort\": "
                               "8080}]}}"),
         201);
    const ir_json *pod = until(IN("pods/p"), "status.phase", "Running");
    const char *slices = "/apis/discovery.k8s.io/v1/namespaces/t/endpointslices";
    const ir_json *j =
        until(slices, "items.0.endpoints.0.addresses.0", string_at(pod, "status.podIP"));
    ck_assert_int_eq(int_at(j, "items.0.ports.0.port"), 8080);
    want(KDELETE(IN("services/s"), NULL), 200);
    until(slices, "items.0.metadata.name", "");
    kube_down();
}
END_TEST

START_TEST(init_containers_come_first)
{
    if (!can_run())
        return;
    run_up();
    want(KPOST(IN("pods"), text("{\"metadata\": {\"name\": \"p\"}, \"spec\": "
                                "{\"initContainers\": [{\"name\": \"i\", \"image\": "
                                "\"%s/library/page:1\", \"args\": [\"say\", \"first\", \"1\"]}], "
                                "\"containers\": [{\"name\": \"c\", \"image\": "
                                "\"%s/library/page:1\"}]}}",
                                HOST, HOST)),
         201);
    const ir_json *pod = until(IN("pods/p"), "status.phase", "Running");
    ck_text(pod, "status.initContainerStatuses.0.state.terminated.reason", "Completed");
    ck_assert_str_eq(KGET(IN("pods/p/log?container=i")).body, "first 0\n");
    kube_down();
}
END_TEST

/* A mock in a process of its own that is killed while its pod runs. */
static void child(const char *state, int out)
{
    kube_up(text("\"node\": \"run\", \"state\": \"%s\"", state));
    make_namespace();
    push_page("library/page:1", NULL);
    run_page("p", "\"serve\", \"8080\"", "Always");
    until(IN("pods/p"), "status.phase", "Running");
    (void)!write(out, "!", 1);
    for (;;)
        pause();
}

START_TEST(a_killed_mock_leaves_nothing)
{
    if (!can_run())
        return;
    char dir[] = "/tmp/imgrel-killed-XXXXXX", byte;
    int programs = count_programs(), cgroups = count_cgroups(), fds[2];
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_int_eq(pipe(fds), 0);
    char *state = ir_format("%s/state.json", dir);
    pid_t pid = fork();
    if (!pid)
        child(state, fds[1]);
    close(fds[1]);
    ck_assert_int_eq((int)read(fds[0], &byte, 1), 1);
    ck_assert_int_gt(count_programs(), programs);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    settle(count_programs, programs, "programs");
    char *config = ir_format("\"node\": \"pull\", \"state\": \"%s\"", state);
    kube_up(config); /* the next one of the same state cleans up */
    ck_text(KGET(IN("pods/p")).json, "metadata.name", "p");
    kube_down();
    settle(count_cgroups, cgroups, "cgroups");
    char *node = ir_format("%s.node", state);
    ck_assert_int_ne(access(node, F_OK), 0);
    free(node);
    free(config);
    free(state);
    close(fds[0]);
    ck_assert_int_eq(ir_rmtree(dir, NULL), 0);
}
END_TEST

START_TEST(a_pod_goes_on_after_a_restart)
{
    if (!can_run())
        return;
    char dir[] = "/tmp/imgrel-again-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(dir));
    char *config = ir_format("\"node\": \"run\", \"state\": \"%s/state.json\", \"registry_dir\": "
                             "\"%s/blobs\", \"port\": %d",
                             dir, dir, 20000 + (int)getpid() % 12000);
    kube_up(config);
    make_namespace();
    push_page("library/page:1", NULL);
    run_page("p", "\"serve\", \"8080\"", "Always");
    until(IN("pods/p"), "status.phase", "Running");
    kube_down();
    kube_up(config);
    const ir_json *pod = until(IN("pods/p"), "status.phase", "Running");
    for (int i = 0; i < 500 && int_at(pod, C0 "restartCount") != 1; i++)
        pod = until(IN("pods/p"), "metadata.name", "p");
    ck_assert_int_eq(int_at(pod, C0 "restartCount"), 1);
    kube_down();
    free(config);
    ck_assert_int_eq(ir_rmtree(dir, NULL), 0);
}
END_TEST

UNIT_SUITE(kube_run, from_a_layout_to_a_page, logs_of_a_pod_that_ended, ends_and_restarts,
           a_command_that_is_not_there, configuration_of_a_container, deletion_as_watched,
           a_service_has_endpoints, init_containers_come_first, a_killed_mock_leaves_nothing,
           a_pod_goes_on_after_a_restart)
