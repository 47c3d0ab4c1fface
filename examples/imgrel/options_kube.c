/* options_kube.c - what the commands about Kubernetes take. */
#include "options.h"

const cli_option opt_kube[] = {
    OPTION("kubeconfig", 0, "FILE",
           "configuration (else KUBECONFIG, ~/.kube/config, the pod's own)"),
    OPTION("context", 0, "NAME", "context of it (else its current one)"),
    OPTION("namespace", 'n', "NS", "namespace (else the context's)"),
    END,
};
const cli_option opt_kube_secret[] = {
    OPTION("registry", 0, "HOST", "registry that the login is for"),
    OPTION("username", 0, "NAME", "who logs in"),
    OPTION("password-file", 0, "FILE", "that user's password; - is standard input"),
    END,
};
const cli_option opt_kube_pod[] = {
    OPTION("image", 0, "REF", "image that it runs"),
    OPTION("port", 0, "N", "port that its container listens at"),
    OPTION("pull-secret", 0, "NAME", "secret that its image is pulled with"),
    OPTION("env", 0, "NAME=VALUE", "environment variable; may be repeated"),
    OPTION("label", 0, "NAME=VALUE", "label; may be repeated"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_service[] = {
    OPTION("port", 0, "N", "port of the service"),
    OPTION("target-port", 0, "N", "port of the pod (else the same)"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_list[] = {
    OPTION("selector", 'l', "LABELS", "only those with these labels"),
    END,
};
const cli_option opt_kube_apply[] = {
    OPTION("file", 'f', "FILE", "one object, JSON or YAML; - is standard input"),
    SWITCH("force", 0, "take fields over from other managers"),
    SWITCH("dry-run", 0, "change nothing; say what would"),
    END,
};
const cli_option opt_kube_logs[] = {
    SWITCH("follow", 'f', "go on as it grows"),
    OPTION("container", 'c', "NAME", "container of the pod (else its only one)"),
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
