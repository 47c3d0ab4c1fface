/* check_drivers.c - drivers against programs that stand for builders: their words, the logins that
 * they find, and every failure of the table told. */
#include "api/api.h"
#include "support.h"

#include <imgrel/build.h>

static char *dir;
static imgrel_client *client;

/* A program that keeps its arguments and config.json, says what said.txt holds and ends so. */
static void stand_in(const char *name, const char *said, int status)
{
    char script[2000], path[200];
    snprintf(path, sizeof path, "bin/%s", name);
    snprintf(
        script, sizeof script,
        "#!/bin/sh\nfor a; do echo \"$a\"; done >>%s/words\ncat \"$DOCKER_CONFIG/config.json\" "
        ">%s/login 2>/dev/null\necho \"$BUILDKITD_FLAGS\" >%s/flags\ncat %s/said.txt >&2\n"
        "exit %d\n",
        dir, dir, dir, dir, status);
    test_file(dir, path, 0755, script);
    test_file(dir, "said.txt", 0644, said);
}

static void setup(void)
{
    imgrel_error err = {0};
    char path[1000];
    dir = test_dir();
    snprintf(path, sizeof path, "%s/bin:/usr/bin:/bin", dir);
    setenv("PATH", path, 1);
    setenv("HOME", dir, 1);
    setenv("TMPDIR", dir, 1);
    unsetenv("DOCKER_CONFIG");
    unsetenv("BUILDKIT_HOST");
    test_file(dir, "app/Dockerfile", 0644, "FROM base.test/b:1\nRUN make\n");
    test_file(
        dir, "auth.json", 0600,
        "{\"auths\": {\"reg.test\": {\"username\": \"robot$x\", \"password\": \"pa$$word\"}}}");
    unit_ok(imgrel_client_new(&client, &err), &err);
    snprintf(path, sizeof path, "%s/auth.json", dir);
    unit_ok(imgrel_client_set(client, "auth_file", path, &err), &err);
    unit_ok(imgrel_client_set(client, "plain_http", "base.test", &err), &err);
}

static void teardown(void)
{
    imgrel_client_free(client);
    test_remove(dir);
}

static int build(const char *more, imgrel_error *err)
{
    char *spec = ir_format("{\"context\": \"%s/app\", \"to\": [\"reg.test/a:1\"]%s}", dir, more);
    *err = (imgrel_error){0};
    int rc = imgrel_build(client, spec, NULL, NULL, err);
    free(spec);
    return rc;
}

START_TEST(words_of_buildkit)
{
    imgrel_error err;
    setup();
    stand_in("buildctl", "error: failed to solve: stop here\n", 1);
    test_file(dir, "tok", 0600, "hush");
    setenv("FROM_ENV", "e", 1);
    char *more = ir_format(
        ", \"builder\": \"tcp://b.test:1\", \"platforms\": [\"linux/amd64\", \"linux/arm64\"], "
        "\"args\": {\"A\": \"1,2\", \"FROM_ENV\": null, \"NOT_SET\": null}, \"labels\": {\"l\": "
        "\"v\"}, "
        "\"annotations\": {\"k\": \"a,b\"}, \"target\": \"web\", \"no_cache\": true, "
        "\"provenance\": \"max\", \"created\": \"5\", \"secrets\": [{\"id\": \"t\", \"file\": "
        "\"%s/tok\"}], \"cache_to\": [{\"type\": \"registry\", \"ref\": \"base.test/c:1\"}]",
        dir);
    ck_assert_int_eq(build(more, &err), IMGREL_EFAILED);
    unit_error(&err, IMGREL_EFAILED, "buildkit: stop here");
    static const char *const want[] = {
        "--addr\ntcp://b.test:1\n",
        "platform=linux/amd64,linux/arm64\n",
        "build-arg:A=1,2\n",
        "build-arg:FROM_ENV=e\n",
        "label:l=v\n",
        "target=web\n",
        "--no-cache\n",
        "attest:provenance=mode=max\n",
        "build-arg:SOURCE_DATE_EPOCH=5\n",
        "filename=Dockerfile\n",
        "type=registry,ref=base.test/c:1,registry.insecure=true\n",
        "type=image,name=reg.test/a:1,push=true,rewrite-timestamp=true,\"annotation.k=a,b\","
        "\"annotation-index.k=a,b\"\n"};
    char *words = test_read(dir, "words"), *login = test_read(dir, "login");
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        ck_assert_msg(strstr(words, want[i]) != NULL, "%s is not in\n%s", want[i], words);
    ck_assert_ptr_null(strstr(words, "hush"));
    ck_assert_ptr_null(strstr(words, "pa$$word"));
    ck_assert_ptr_null(strstr(words, "NOT_SET"));
    ck_assert_ptr_nonnull(strstr(login, "reg.test"));
    char *left = NULL;
    FILE *f = popen("ls -d \"$TMPDIR\"/imgrel-build-* 2>/dev/null | wc -l", "r");
    char n[16] = "";
    ck_assert_ptr_nonnull(fgets(n, sizeof n, f));
    pclose(f);
    ck_assert_str_eq(n, "0\n"); /* the desk went with the call */
    free(left);
    free(words);
    free(login);
    free(more);
    teardown();
}
END_TEST

START_TEST(own_daemon)
{
    imgrel_error err;
    setup();
    stand_in("buildctl-daemonless.sh", "could not lock x\nerror: could not lock /x\n", 1);
    ck_assert_int_eq(build(", \"builder\": \"rootless\"", &err), IMGREL_ECONFLICT);
    unit_error(&err, IMGREL_ECONFLICT, "another rootless build");
    char *flags = test_read(dir, "flags"), *words = test_read(dir, "words");
    ck_assert_ptr_nonnull(strstr(flags, "--config="));
    ck_assert_ptr_nonnull(strstr(words, "type=oci,tar=false,dest="));
    free(flags);
    free(words);
    teardown();
}
END_TEST

START_TEST(failures_told)
{
    static const struct {
        const char *said;
        int code;
        const char *word;
    } t[] = {
        {"error: listing workers for Build: failed to list workers: Unavailable: x", IMGREL_ENET,
         "imgrel builders"},
        {"error: failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN",
         IMGREL_EINVAL, "line 2"},
        {"error: failed to solve: failed to read dockerfile: open Dockerfile: no such file or "
         "directory",
         IMGREL_ENOTFOUND, "--file"},
        {"error: failed to solve: process \"/bin/sh -c x\" did not complete successfully: exit "
         "code: 9",
         IMGREL_EFAILED, "exit code: 9"},
        {"error: failed to solve: process \"/bin/sh\" exec format error did not complete "
         "successfully",
         IMGREL_EUNSUPPORTED, "BUILDPLATFORM"},
        {"error: failed to solve: r.test/x:1: failed to resolve source metadata for r.test/x:1: "
         "r.test/x:1: not found",
         IMGREL_ENOTFOUND, "FROM line"},
        {"error: failed to solve: failed to compute cache key: failed to calculate checksum of ref "
         "a::b: \"/missing\": not found",
         IMGREL_ENOTFOUND, ".dockerignore"},
        {"error: failed to solve: failed to push r: unexpected status from HEAD request to "
         "http://h/v2/: 401 Unauthorized",
         IMGREL_EAUTH, "imgrel login"},
        {"error: failed to solve: failed to authorize: failed to fetch oauth token: unauthorized: "
         "unauthorized",
         IMGREL_EAUTH, "imgrel login"},
        {"error: failed to solve: failed to fetch oauth token: Post \"http://c/\": dial tcp: "
         "lookup "
         "c",
         IMGREL_ENET, "for tokens"},
        {"error: failed to solve: http: server gave HTTP response to HTTPS client", IMGREL_ENET,
         "--plain-http"},
        {"error: failed to solve: tls: failed to verify certificate: x509: certificate signed by "
         "unknown authority",
         IMGREL_ENET, "--ca-file"},
        {"error: failed to solve: no match for platform in manifest: not found", IMGREL_ENOTFOUND,
         "lacks that platform"},
        {"error: failed to solve: failed to parse target platform bogus: x: invalid argument",
         IMGREL_EINVAL, "linux/arm64"},
        {"error: failed to solve: resolve image config for docker-image://docker.io/docker/x:1: x",
         IMGREL_ENET, "--syntax builtin"},
        {"error: failed to solve: secret tok: not found", IMGREL_EINVAL, "--secret"},
        {"error: failed to solve: Canceled: context canceled", IMGREL_EFAILED, "was stopped"},
        {"error: failed to solve: write /x: no space left on device", IMGREL_EIO, "free space"},
        {"error: failed to solve: something new", IMGREL_EFAILED, "something new"},
        {"could not connect to unix:///x after 10 trials\nerror: could not connect to x after 10 "
         "trials",
         IMGREL_ENET, "did not start"},
        {"", IMGREL_EFAILED, "no word why"},
    };
    imgrel_error err;
    setup();
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        stand_in("buildctl", t[i].said, 1);
        int rc = build(", \"builder\": \"unix:///b.sock\"", &err);
        ck_assert_msg(rc == t[i].code, "%s: %d %s", t[i].said, rc, err.message);
        unit_error(&err, t[i].code, t[i].word);
    }
    teardown();
}
END_TEST

START_TEST(words_of_buildah)
{
    imgrel_error err;
    setup();
    stand_in("buildah",
             "Error: building at STEP \"RUN make\": while running runtime: exit status 2\n", 2);
    ck_assert_int_eq(build(", \"driver\": \"buildah\", \"created\": \"7\", \"platforms\": "
                           "[\"linux/amd64\", \"linux/arm64\"], \"args\": {\"A\": \"b\"}",
                           &err),
                     IMGREL_EFAILED);
    unit_error(&err, IMGREL_EFAILED, "RUN make");
    static const char *const want[] = {"build\n",
                                       "--manifest\nlocalhost/imgrel-build:",
                                       "--platform\nlinux/amd64,linux/arm64\n",
                                       "--timestamp\n7\n",
                                       "--build-arg\nA=b\n",
                                       "--authfile\n",
                                       "manifest\nrm\n"};
    char *words = test_read(dir, "words");
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        ck_assert_msg(strstr(words, want[i]) != NULL, "%s is not in\n%s", want[i], words);
    ck_assert_ptr_null(strstr(words, "pa$$word"));
    free(words);
    static const char *const not_its[] = {", \"sbom\": true", ", \"push\": \"builder\"",
                                          ", \"builder\": \"unix:///x\"",
                                          ", \"cache_to\": [{\"type\": \"inline\"}]"};
    for (size_t i = 0; i < sizeof not_its / sizeof *not_its; i++) {
        char *more = ir_format(", \"driver\": \"buildah\"%s", not_its[i]);
        ck_assert_int_eq(build(more, &err), IMGREL_EUNSUPPORTED);
        unit_error(&err, IMGREL_EUNSUPPORTED, "buildkit");
        free(more);
    }
    teardown();
}
END_TEST

START_TEST(nothing_here)
{
    imgrel_error err;
    char *found = NULL;
    setup();
    setenv("PATH", "/nowhere", 1);
    setenv("DOCKER_HOST", "unix:///no/such.sock", 1);
    ck_assert_int_eq(build("", &err), IMGREL_EUNSUPPORTED);
    unit_error(&err, IMGREL_EUNSUPPORTED, "line 2: RUN runs a program");
    unit_ok(imgrel_build_detect(client, NULL, NULL, &found, &err), &err);
    ck_assert_ptr_nonnull(strstr(found, "buildctl is not installed"));
    ck_assert_ptr_null(strstr(found, "chosen"));
    imgrel_free(found);
    ck_assert_int_eq(build(", \"driver\": \"buildkit\", \"builder\": \"unix:///x\"", &err),
                     IMGREL_ENOTFOUND);
    ck_assert_int_eq(build(", \"driver\": \"podman\"", &err), IMGREL_ENOTFOUND);
    ck_assert_int_eq(build(", \"driver\": \"docker\"", &err), IMGREL_ENET);
    unit_error(&err, IMGREL_ENET, "is Docker running?");
    unsetenv("DOCKER_HOST");
    teardown();
}
END_TEST

/* What needs nobody is assembled; what would come out otherwise by a builder is not. */
START_TEST(assembled_or_not)
{
    static const struct {
        const char *text, *why; /* NULL: it is assembled */
    } t[] = {
        {"FROM scratch\nCOPY web /srv/\nENV A=b C=\"d e\"\nCMD [\"/x\"]\n", NULL},
        {"ARG B=scratch\nFROM $B AS one\nWORKDIR /w\nFROM one\nARG D=web\nCOPY ${D} .\nUSER 7\n",
         NULL},
        {"FROM scratch\nADD web /\nEXPOSE 80 53/udp\nVOLUME /v\nLABEL a=b\nSTOPSIGNAL SIGQUIT\n",
         NULL},
        {"FROM scratch\nRUN x\n", "line 2: RUN"},
        {"FROM scratch\nCOPY --from=a.test/b:1 /x /y\n", "another stage"},
        {"FROM scratch\nCOPY *.html /\n", "a pattern"},
        {"FROM scratch\nADD https://a.test/x /\n", "address"},
        {"FROM scratch\nCOPY none /\n", "not in the context"},
        {"FROM scratch\nCOPY ../x /\n", "not in the context"},
        {"FROM scratch\nADD file.html /\n", "ADD may unpack"},
        {"FROM base.test/b:1\nCOPY file.html /srv\n", "whether its destination"},
        {"FROM base.test/b:1\nCOPY web html\n", "relative"},
        {"FROM scratch\nCOPY $NONE /\n", "variable"},
        {"FROM scratch\nCOPY all /\n", ".dockerignore"},
        {"FROM scratch\nHEALTHCHECK NONE\n", "only a builder knows"},
        {"FROM --platform=linux/arm64 scratch\n", "--platform"},
        {"FROM scratch\nCOPY --chown=www web /\n", "another stage, or by names"},
    };
    imgrel_error err;
    setup();
    test_file(dir, "app/web/index.html", 0644, "<p>");
    test_file(dir, "app/file.html", 0644, "<p>");
    test_file(dir, "app/all/a.log", 0644, "x");
    test_file(dir, "app/.dockerignore", 0644, "**/*.log\n");
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *spec = ir_format("{\"context\": \"%s/app\", \"driver\": \"assemble\", \"to\": "
                               "[\"oci:%s/out:%zu\"]}",
                               dir, dir, i);
        test_file(dir, "app/Dockerfile", 0644, t[i].text);
        err = (imgrel_error){0};
        int rc = imgrel_build(client, spec, NULL, NULL, &err);
        ck_assert_msg(rc == (t[i].why ? IMGREL_EUNSUPPORTED : 0), "%s: %d %s", t[i].text, rc,
                      err.message);
        if (t[i].why)
            unit_error(&err, rc, t[i].why);
        free(spec);
    }
    teardown();
}
END_TEST

UNIT_SUITE(drivers, words_of_buildkit, own_daemon, failures_told, words_of_buildah, nothing_here,
           assembled_or_not)
