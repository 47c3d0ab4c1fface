/* options_kube.c - what the commands about Kubernetes take. */
#include "options.h"

const cli_option opt_kube[] = {
    OPTION("kubeconfig", 0, "FILE",
           "configuration (else KUBECONFIG, ~/.kube/config, the pod's own)"),
    OPTION("context", 0, "NAME", "context of it (else its current one)"),
    OPTION("namespace", 'n', "NS", "namespace (else the context's)"),
    OPTION("server", 0, "URL", "API server, instead of a configuration"),
    OPTION("server-ca", 0, "FILE", "with --server: who signed its certificate (PEM)"),
    OPTION("token-file", 0, "FILE", "with --server: the token; read again for every request"),
    END,
};
const cli_option opt_kube_secret[] = {
    OPTION("registry", 0, "HOST", "registry that the login is for"),
    OPTION("username", 0, "NAME", "who logs in"),
    OPTION("password-file", 0, "FILE", "that user's password; - is standard input"),
    END,
};
#define POD_OPTIONS                                                                      \
    OPTION("image", 0, "REF", "image that it runs"),                                     \
        SWITCH("by-digest", 0, "ask the registry for the image's digest, and run that"), \
        OPTION("port", 0, "N", "port that its container listens at"),                    \
        OPTION("pull-secret", 0, "NAME", "secret that its image is pulled with"),        \
        OPTION("env", 0, "NAME=VALUE", "environment variable; may be repeated"),         \
        OPTION("command", 0, "WORD", "program instead of the image's; may be repeated"), \
        OPTION("arg", 0, "WORD", "argument; may be repeated"),                           \
        OPTION("request", 0, "NAME=AMOUNT", "cpu=100m, memory=64Mi; may be repeated"),   \
        OPTION("limit", 0, "NAME=AMOUNT", "the most that it may take; may be repeated"), \
        OPTION("label", 0, "NAME=VALUE", "label; may be repeated"),                      \
        SWITCH("dry-run", 0, "change nothing; say what would")
const cli_option opt_kube_pod[] = {
    POD_OPTIONS,
    OPTION("file", 'f', "FILE", "a pod as JSON, instead of all but --image and --label"),
    END,
};
const cli_option opt_kube_deployment[] = {
    POD_OPTIONS,
    OPTION("replicas", 0, "N", "how many pods (else as it is, or 1)"),
    SWITCH("force", 0, "take over one that is not ours"),
    END,
};
const cli_option opt_kube_service[] = {
    OPTION("port", 0, "PORT",
           "80, 80:8080, 80:web, 53:53/UDP (else the containers' ports); may be "
           "repeated"),
    OPTION("target-port", 0, "N", "port of the pod (else the same)"),
    OPTION("name", 0, "NAME", "the service's (else the object's)"),
    CHOICE("type", 0, "TYPE", "ClusterIP|NodePort|LoadBalancer", "who reaches it"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_account[] = {
    OPTION("add", 0, "NAME", "pull secret to add; may be repeated"),
    OPTION("remove", 0, "NAME", "pull secret to take away; may be repeated"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_list[] = {
    OPTION("selector", 'l', "LABELS", "only those with these labels"),
    SWITCH("all-namespaces", 'A', "of every namespace"),
    END,
};
const cli_option opt_kube_watch[] = {
    OPTION("selector", 'l', "LABELS", "only those with these labels"),
    OPTION("field-selector", 0, "FIELDS", "only those with these fields (status.phase=Running)"),
    OPTION("resource-version", 0, "VERSION", "begin after it (else with what there is)"),
    OPTION("count", 0, "N", "end after N events"),
    SWITCH("all-namespaces", 'A', "of every namespace"),
    END,
};
const cli_option opt_kube_create[] = {
    OPTION("file", 'f', "FILE", "objects, JSON or YAML; - is standard input; may be repeated"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_patch[] = {
    OPTION("patch", 'p', "JSON", "the patch"),
    OPTION("file", 'f', "FILE", "the patch, from a file; - is standard input"),
    CHOICE("type", 0, "TYPE", "merge|strategic|json", "how it is meant"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_delete[] = {
    OPTION("file", 'f', "FILE", "the objects of a manifest, last first; - is standard input"),
    CHOICE("propagation", 0, "HOW", "background|foreground|orphan", "what becomes of what it owns"),
    OPTION("grace-period", 0, "SECONDS", "time that a pod has to end"),
    SWITCH("no-wait", 0, "do not wait until it is gone"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_undo[] = {
    OPTION("to-revision", 0, "N", "one that its history lists (else the one before)"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_dry[] = {
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_image[] = {
    OPTION("container", 'c', "NAME", "container (else its only one)"),
    SWITCH("by-digest", 0, "ask the registry for the image's digest, and run that"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_apply[] = {
    OPTION("file", 'f', "FILE", "objects, JSON or YAML; - is standard input; may be repeated"),
    SWITCH("force", 0, "take fields over from other managers"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_logs[] = {
    SWITCH("follow", 'f', "go on as it grows"),
    OPTION("container", 'c', "NAME", "container of the pod (else its only one)"),
    OPTION("selector", 'l', "LABELS", "of every pod with these labels"),
    SWITCH("all-containers", 0, "of every container of the pod"),
    SWITCH("prefix", 0, "whose a line is, before it"),
    OPTION("tail", 0, "N", "only the last N lines"),
    OPTION("since", 0, "TIME", "only what is newer: seconds, or 10m, 1h"),
    SWITCH("previous", 0, "of the container before its last restart"),
    SWITCH("timestamps", 0, "with the time of each line"),
    END,
};
const cli_option opt_kube_forward[] = {
    OPTION("address", 0, "ADDRESS", "listen there instead of at 127.0.0.1"),
    END,
};
