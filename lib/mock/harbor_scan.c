/* harbor_scan.c - scans by a scanner that finds what a test tells it to: started, waited for by the
 * mock's clock, stopped, reported; scanners themselves; and the pulls that a project's policy stops
 * because of what was found. */
#include "mock/harbor.h"
#include "mock/tls.h"
#include "base/base64.h"

#include <stdlib.h>

#define REPORT_TYPE "application/vnd.security.vulnerability.report; version=1.1"

/* ---- scanners -------------------------------------------------------------------------------- */

static ir_json *default_scanner(const struct mk_harbor *h)
{
    const ir_json *all = mk_part(h, "scanners");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (ir_json_bool(ir_json_value(it), "is_default", false) &&
            !ir_json_bool(ir_json_value(it), "disabled", false))
            return ir_json_value(it);
    return NULL;
}

static void put_scanner(imgrel_mock *m, const char *uuid, ir_json *scanner)
{
    ir_json_puts(scanner, "uuid", uuid);
    ir_json_put(mk_part(m->harbor, "scanners"), uuid, scanner);
}

void mk_scan_start(imgrel_mock *m)
{
    char uuid[33], now[40];
    if (!ir_json_bool(m->config, "scanner", true))
        return;
    mk_random_hex(uuid, 16);
    mk_time(m, now);
    put_scanner(m, uuid,
                ir_json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:s}", "name", "Mock",
                             "description", "the mock's scanner", "url", "http://scanner:8080",
                             "auth", "", "is_default", 1, "disabled", 0, "skip_certVerify", 0,
                             "use_internal_addr", 1, "create_time", now, "update_time", now));
}

static ir_json *scanner_json(void)
{
    return ir_json_pack("{s:s, s:s, s:s}", "name", "Mock", "vendor", "libimgrel", "version", "1.0");
}

static ir_json *render_scanner(mk_call *c, const ir_json *scanner)
{
    (void)c;
    ir_json *j = ir_json_copy(scanner);
    ir_json_remove(j, "access_credential");
    ir_json_puts(j, "health", "healthy");
    return j;
}

static const mk_column scanner_columns[] = {{"name,Name", "name"}, {NULL, NULL}};

static void list_scanners(mk_call *c)
{
    mk_filter f = {0};
    if (mk_need_system(c, "scanner", "list") && mk_filter_read(c, &f)) {
        ir_json *found = ir_json_new_array();
        const ir_json *all = mk_part(c->h, "scanners");
        for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
            ir_json_append(found, ir_json_ref(ir_json_value(it)));
        mk_filter_answer(c, &f, scanner_columns, "create_time", found, render_scanner);
    }
    mk_filter_free(&f);
}

static ir_json *need_scanner(mk_call *c, const char *action)
{
    if (!mk_need_system(c, "scanner", action))
        return NULL;
    ir_json *s = ir_json_get(mk_part(c->h, "scanners"), c->param[0]);
    if (!s)
        mk_error_missing(c, "scanner %s not found", c->param[0]);
    return s;
}

static void get_scanner(mk_call *c)
{
    const ir_json *s = need_scanner(c, "read");
    if (s)
        mk_reply_json(c->p, 200, render_scanner(c, s));
}

static void take_scanner(ir_json *scanner, const ir_json *body)
{
    static const char *const keys[] = {
        "name", "description", "url", "auth", "access_credential", "disabled", NULL};
    for (const char *const *k = keys; *k; k++)
        if (ir_json_get(body, *k))
            ir_json_put(scanner, *k, ir_json_copy(ir_json_get(body, *k)));
}

static void create_scanner(mk_call *c)
{
    char uuid[33], now[40];
    const char *name = ir_json_str(c->body, "name"), *url = ir_json_str(c->body, "url");
    if (!mk_need_system(c, "scanner", "create"))
        return;
    const ir_json *all = mk_part(c->h, "scanners");
    if (!name || !*name || !url || !strstr(url, "://")) {
        mk_error_bad(c, "a scanner needs a name and a URL");
        return;
    }
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it))
        if (ir_streq(ir_json_str(ir_json_value(it), "name"), name)) {
            mk_error(c->p, 409, "CONFLICT", "registration %s already exists", name);
            return;
        }
    mk_random_hex(uuid, 16);
    mk_time(c->mock, now);
    ir_json *s = ir_json_pack("{s:b, s:b, s:s, s:s}", "is_default", 0, "disabled", 0, "create_time",
                              now, "update_time", now);
    take_scanner(s, c->body);
    put_scanner(c->mock, uuid, s);
    mk_state_changed(c->mock);
    c->p->status = 201;
    mk_reply_header(c->p, "Location", "%s/%s", c->r->path, uuid);
}

static void update_scanner(mk_call *c)
{
    ir_json *s = need_scanner(c, "update");
    if (!s)
        return;
    take_scanner(s, c->body);
    mk_state_changed(c->mock);
}

static void make_default(mk_call *c)
{
    ir_json *s = need_scanner(c, "update"), *before = default_scanner(c->h);
    if (!s)
        return;
    if (ir_json_bool(c->body, "is_default", false)) {
        ir_json_put(before, "is_default", ir_json_new_bool(false));
        ir_json_put(s, "is_default", ir_json_new_bool(true));
    }
    mk_state_changed(c->mock);
}

static void delete_scanner(mk_call *c)
{
    ir_json *s = need_scanner(c, "delete");
    if (!s)
        return;
    mk_reply_json(c->p, 200, ir_json_copy(s));
    ir_json_remove(mk_part(c->h, "scanners"), c->param[0]);
    mk_state_changed(c->mock);
}

static void project_scanner(mk_call *c)
{
    ir_json *project;
    if (!mk_need_project(c, false, "scanner", "read", &project))
        return;
    const ir_json *s = default_scanner(c->h);
    mk_reply_json(c->p, 200, s ? render_scanner(c, s) : ir_json_new_object());
}

/* ---- what a scan finds ----------------------------------------------------------------------- */

/* The last {"scan": ...} of a test that the repository fits. */
static const ir_json *script_of(const struct mk_harbor *h, const ir_json *repository)
{
    const ir_json *all = mk_part(h, "scan_scripts"), *found = NULL;
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const char *pattern = ir_json_str(ir_json_value(it), "repository");
        if (!pattern || mk_glob(pattern, ir_json_str(repository, "name")))
            found = ir_json_value(it);
    }
    return found;
}

int mk_scan_script(imgrel_mock *m, const ir_json *script, imgrel_error *err)
{
    if (!ir_json_is_object(script))
        return ir_fail(err, IMGREL_EINVAL, "mock: \"scan\" is no object");
    int64_t id = mk_next_id(m->harbor, "scan_script");
    mk_put_id(mk_part(m->harbor, "scan_scripts"), id, ir_json_copy(script));
    mk_state_changed(m);
    return 0;
}

static const char *const severities[] = {"None",   "Unknown", "Negligible", "Low",
                                         "Medium", "High",    "Critical"};
#define N_SEVERITIES ((int)(sizeof severities / sizeof *severities))

static int severity_rank(const char *s)
{
    for (int i = 0; s && i < N_SEVERITIES; i++)
        if (!strcasecmp(severities[i], s))
            return i;
    return 0;
}

static ir_json *one_finding(const char *severity)
{
    return ir_json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", "CVE-2026-0001", "package", "libc",
                        "version", "1.0", "fix_version", "1.1", "severity", severity, "description",
                        "what the test said that there is");
}

/* [{"id", "severity", ...}]: as scripted, or one of the severity that was. */
static ir_json *findings(const ir_json *script)
{
    const ir_json *list = ir_json_get(script, "vulnerabilities");
    const char *severity = ir_json_str(script, "severity");
    if (list)
        return ir_json_copy(list);
    ir_json *out = ir_json_new_array();
    if (severity && severity_rank(severity) > 0)
        ir_json_append(out, one_finding(severity));
    return out;
}

static int worst(const ir_json *list)
{
    int rank = 0;
    for (size_t i = 0; i < ir_json_len(list); i++) {
        int r = severity_rank(ir_json_str(ir_json_at(list, i), "severity"));
        rank = r > rank ? r : rank;
    }
    return rank;
}

static ir_json *summary_of(const ir_json *list)
{
    ir_json *by = ir_json_new_object();
    long long fixable = 0;
    for (size_t i = 0; i < ir_json_len(list); i++) {
        const ir_json *v = ir_json_at(list, i);
        const char *severity = severities[severity_rank(ir_json_str(v, "severity"))],
                   *fix = ir_json_str(v, "fix_version");
        fixable += fix && *fix;
        ir_json_put(by, severity, ir_json_new_int(ir_json_int(by, severity, 0) + 1));
    }
    return ir_json_pack("{s:I, s:I, s:o}", "total", (long long)ir_json_len(list), "fixable",
                        fixable, "summary", by);
}

/* ---- scans of an artifact -------------------------------------------------------------------- */

void mk_scan_begin(imgrel_mock *m, const ir_json *repository, ir_json *artifact)
{
    char id[33];
    const ir_json *script = script_of(m->harbor, repository);
    mk_random_hex(id, 16);
    ir_json *scan = ir_json_pack(
        "{s:s, s:I, s:b, s:o}", "report_id", id, "started_ms", (long long)mk_now_ms(m), "failed",
        ir_streq(ir_json_str(script, "status"), "Error"), "found", findings(script));
    ir_json_put(artifact, "scan", scan);
    mk_state_changed(m);
}

int64_t mk_scan_all(imgrel_mock *m)
{
    int64_t n = 0;
    const ir_json *all = mk_part(m->harbor, "repositories");
    for (void *it = ir_json_first(all); it; it = ir_json_next(all, it)) {
        const ir_json *of = ir_json_get(ir_json_value(it), "artifacts");
        for (void *a = ir_json_first(of); a; a = ir_json_next(of, a), n++)
            mk_scan_begin(m, ir_json_value(it), ir_json_value(a));
    }
    return n;
}

bool mk_scan_available(const struct mk_harbor *h)
{
    return default_scanner(h) != NULL;
}

/* An index has one report for all its children: ids in base64. */
static char *report_id(const ir_json *artifact, const ir_json *scan)
{
    ir_buf b = IR_BUF(IR_KIB);
    const char *id = ir_json_str(scan, "report_id");
    if (!ir_json_get(artifact, "references"))
        return ir_strdup(id);
    ir_base64_add(&b, id, strlen(id));
    return ir_buf_take(&b);
}

ir_json *mk_scan_overview(mk_call *c, const ir_json *artifact)
{
    const ir_json *scan = ir_json_get(artifact, "scan"), *found = ir_json_get(scan, "found");
    char start[40], end[40];
    if (!scan)
        return NULL;
    enum mk_phase phase = mk_job_phase(c->mock, scan);
    int64_t ms = ir_json_int(scan, "started_ms", 0);
    char *id = report_id(artifact, scan);
    mk_time_of(ms, start);
    mk_time_of(ms + c->h->job_ms, end);
    ir_json *j = ir_json_pack(
        "{s:s, s:s, s:s, s:I, s:s, s:s, s:i}", "report_id", id ? id : "", "scan_status",
        mk_job_word(phase), "severity", phase == MK_DONE ? severities[worst(found)] : "Unknown",
        "duration", phase >= MK_DONE ? (long long)(c->h->job_ms / 1000) : 0LL, "start_time", start,
        "end_time", phase >= MK_DONE ? end : "0001-01-01T00:00:00.000Z", "complete_percent",
        phase == MK_DONE ? 100 : 0);
    free(id);
    if (phase == MK_DONE) {
        ir_json_put(j, "summary", summary_of(found));
        ir_json_put(j, "scanner", scanner_json());
    }
    ir_json *outer = ir_json_new_object();
    ir_json_put(outer, REPORT_TYPE, j);
    return outer;
}

static bool right_type(mk_call *c)
{
    const char *type = ir_json_str(c->body, "scan_type");
    if (!type || ir_streq(type, "vulnerability") || c->h->minor < 11)
        return true;
    if (ir_streq(type, "sbom"))
        mk_error(c->p, 500, "UNKNOWN", "internal server error"); /* the scanner makes none */
    else
        mk_error_binding(c, "scan_type in body should be one of [vulnerability sbom]");
    return false;
}

static void scan(mk_call *c)
{
    ir_json *r, *a;
    const char *type = ir_json_str(c->body, "scan_type");
    if (type && !ir_streq(type, "vulnerability") && !ir_streq(type, "sbom") && !right_type(c))
        return;
    if (!(a = mk_artifact_need(c, "scan", "create", &r)))
        return;
    const ir_json *running = ir_json_get(a, "scan");
    if (!mk_scan_available(c->h)) {
        mk_error(c->p, 412, "PRECONDITION", "no available scanner for project %s", c->param[0]);
        return;
    }
    if (!right_type(c))
        return;
    if (running && mk_job_phase(c->mock, running) < MK_DONE) {
        mk_error(c->p, 409, "CONFLICT", "a previous scan process is %s",
                 mk_job_word(mk_job_phase(c->mock, running)));
        return;
    }
    mk_scan_begin(c->mock, r, a);
    c->p->status = 202;
}

/* Without a scan type the handler dies. */
static void stop(mk_call *c)
{
    ir_json *r, *a = mk_artifact_need(c, "scan", "stop", &r);
    if (!a)
        return;
    if (c->h->minor >= 11 && !ir_json_str(c->body, "scan_type")) {
        mk_error_panic(c);
        return;
    }
    ir_json *running = ir_json_get(a, "scan");
    if (running && mk_job_phase(c->mock, running) < MK_DONE)
        ir_json_put(running, "stopped", ir_json_new_bool(true));
    mk_state_changed(c->mock);
    c->p->status = 202;
}

static void report_log(mk_call *c)
{
    ir_json *r, *a = mk_artifact_need(c, "scan", "read", &r);
    if (a)
        mk_reply_text(c->p, 200, "text/plain; charset=utf-8", "the mock's scanner is done\n");
}

void mk_scan_report(mk_call *c, const ir_json *artifact)
{
    const ir_json *done = ir_json_get(artifact, "scan"), *found = ir_json_get(done, "found");
    char at[40];
    if (!mk_scan_available(c->h)) {
        mk_error_missing(c, "no scanner is configured");
        return;
    }
    ir_json *outer = ir_json_new_object();
    if (done && mk_job_phase(c->mock, done) == MK_DONE) {
        mk_time_of(ir_json_int(done, "started_ms", 0), at);
        ir_json_put(outer, REPORT_TYPE,
                    ir_json_pack("{s:s, s:o, s:s, s:o}", "generated_at", at, "scanner",
                                 scanner_json(), "severity", severities[worst(found)],
                                 "vulnerabilities", ir_json_copy(found)));
    }
    mk_reply_json(c->p, 200, outer);
}

/* A project that prevents vulnerable images gives out only what was scanned and is below. */
bool mk_scan_allows(imgrel_mock *m, const ir_json *project, const ir_json *artifact, mk_reply *p)
{
    const ir_json *metadata = ir_json_get(project, "metadata"), *s = ir_json_get(artifact, "scan");
    const char *limit = ir_json_str(metadata, "severity");
    if (!ir_streq(ir_json_str(metadata, "prevent_vul"), "true"))
        return true;
    if (!s || mk_job_phase(m, s) != MK_DONE) {
        mk_error(p, 412, "PROJECTPOLICYVIOLATION",
                 "current image with \"Unknown\" status of vulnerability cannot be pulled due to "
                 "configured policy in 'Prevent images with vulnerability severity of \"%s\" or "
                 "higher from running.'",
                 limit ? limit : "low");
        return false;
    }
    int rank = worst(ir_json_get(s, "found"));
    if (rank == 0 || rank < severity_rank(limit ? limit : "low"))
        return true;
    mk_error(p, 412, "PROJECTPOLICYVIOLATION",
             "current image with %zu vulnerabilities cannot be pulled due to configured policy in "
             "'Prevent images with vulnerability severity of \"%s\" or higher from running.'",
             ir_json_len(ir_json_get(s, "found")), limit ? limit : "low");
    return false;
}

static const mk_shape scan_shape[] = {{"scan_type", 's'}, {NULL, 0}};
static const mk_shape scanner_shape[] = {
    {"name", 's'}, {"url", 's'}, {"disabled", 'b'}, {"is_default", 'b'}, {NULL, 0}};
#define ARTIFACT "projects/{}/repositories/{r}/artifacts/{}"

const mk_route mk_scan_routes[] = {
    {"POST", ARTIFACT "/scan", scan, "?scanType", scan_shape, NULL},
    {"POST", ARTIFACT "/scan/stop", stop, "?scanType", scan_shape, NULL},
    {"GET", ARTIFACT "/scan/{}/log", report_log, NULL, NULL, NULL},
    {"GET", "scanners", list_scanners, NULL, NULL, NULL},
    {"POST", "scanners", create_scanner, "registration", scanner_shape, NULL},
    {"GET", "scanners/{}", get_scanner, NULL, NULL, NULL},
    {"PUT", "scanners/{}", update_scanner, "registration", scanner_shape, NULL},
    {"PATCH", "scanners/{}", make_default, "payload", scanner_shape, NULL},
    {"DELETE", "scanners/{}", delete_scanner, NULL, NULL, NULL},
    {"GET", "projects/{}/scanner", project_scanner, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
