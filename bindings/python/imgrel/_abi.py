"""Made by generate.py from include/imgrel; not to be edited."""
import ctypes as C

CODES = {
    0: ('OK', 'success'),
    -1: ('EINVAL', 'bad argument'),
    -2: ('ENOMEM', 'out of memory'),
    -3: ('EIO', 'local input or output failed'),
    -4: ('ENET', 'cannot reach server'),
    -5: ('EAUTH', 'not authenticated'),
    -6: ('EDENIED', 'not allowed'),
    -7: ('ENOTFOUND', 'not found'),
    -8: ('ECONFLICT', 'in conflict with what exists'),
    -9: ('EDIGEST', 'content does not match its digest'),
    -10: ('EPROTO', 'unexpected reply'),
    -11: ('ELIMIT', 'limit reached'),
    -12: ('ETIMEOUT', 'timed out'),
    -13: ('ECANCELED', 'cancelled'),
    -14: ('EUNSUPPORTED', 'not supported'),
    -15: ('ESTATE', 'wrong moment for this call'),
    -16: ('EFORKED', 'handle used in a forked child'),
    -17: ('EFAILED', 'the server reports a failure'),
}

EVENT_BYTES = 1
EVENT_STEP = 2
EVENT_RETRY = 3
EVENT_LISTENING = 4
EVENT_ITEM = 5
EVENT_WARNING = 6
EVENT_LOG = 7
FLAG_FORCE = 1
FLAG_DRY_RUN = 2
FLAG_FAST = 4
LOG_ERROR = 1
LOG_WARN = 2
LOG_INFO = 3
LOG_DEBUG = 4


class Error(C.Structure):
    _fields_ = [
        ('code', C.c_int32),
        ('http_status', C.c_int32),
        ('retryable', C.c_uint32),
        ('reserved', C.c_uint32),
        ('retry_after_ms', C.c_int64),
        ('reason', C.c_char * 64),
        ('request_id', C.c_char * 64),
        ('message', C.c_char * 560),
        ('cure', C.c_char * 312),
    ]


class Event(C.Structure):
    _fields_ = [
        ('size', C.c_size_t),
        ('kind', C.c_uint32),
        ('attempt', C.c_uint32),
        ('what', C.c_char_p),
        ('detail', C.c_char_p),
        ('done', C.c_uint64),
        ('total', C.c_uint64),
        ('rate', C.c_uint64),
    ]


class LogRecord(C.Structure):
    _fields_ = [
        ('size', C.c_size_t),
        ('level', C.c_uint32),
        ('reserved', C.c_uint32),
        ('component', C.c_char_p),
        ('message', C.c_char_p),
        ('fields', C.c_char_p),
    ]


ProgressFn = C.CFUNCTYPE(C.c_int, C.c_void_p, C.POINTER(Event))
LogFn = C.CFUNCTYPE(None, C.c_void_p, C.POINTER(LogRecord))
SecretFn = C.CFUNCTYPE(C.c_int, C.c_void_p, *[C.c_char_p] * 4)


class Opts(C.Structure):
    _fields_ = [
        ('size', C.c_size_t),
        ('cancel', C.c_void_p),
        ('progress', ProgressFn),
        ('user', C.c_void_p),
        ('timeout_ms', C.c_int64),
        ('platform', C.c_char_p),
        ('jobs', C.c_uint32),
        ('flags', C.c_uint32),
    ]


class ConfigKey(C.Structure):
    _fields_ = [
        ('size', C.c_size_t),
        ('name', C.c_char_p),
        ('type', C.c_char_p),
        ('env', C.c_char_p),
        ('dflt', C.c_char_p),
        ('doc', C.c_char_p),
        ('secret', C.c_uint32),
        ('reserved', C.c_uint32),
    ]


FUNCTIONS = [
    ('imgrel_strerror', C.c_char_p, [C.c_int]),
    ('imgrel_code_name', C.c_char_p, [C.c_int]),
    ('imgrel_free', None, [C.c_void_p]),
    ('imgrel_version', C.c_char_p, []),
    ('imgrel_cancel_new', C.c_int, [C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_cancel_fire', None, [C.c_void_p]),
    ('imgrel_cancel_fired', C.c_int, [C.c_void_p]),
    ('imgrel_cancel_fd', C.c_int, [C.c_void_p]),
    ('imgrel_cancel_free', None, [C.c_void_p]),
    ('imgrel_secure_init', C.c_int, [C.POINTER(Error)]),
    ('imgrel_client_new', C.c_int, [C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_client_set', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Error)]),
    ('imgrel_client_get', C.c_char_p, [C.c_void_p, C.c_char_p]),
    ('imgrel_client_log', None, [C.c_void_p, LogFn, C.c_void_p]),
    ('imgrel_client_free', None, [C.c_void_p]),
    ('imgrel_config_row', C.c_int, [C.c_size_t, C.POINTER(ConfigKey), C.POINTER(Error)]),
    ('imgrel_iter_next', C.c_int, [C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_iter_free', None, [C.c_void_p]),
    ('imgrel_ref_parse', C.c_int, [C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_ref_part', C.c_char_p, [C.c_void_p, C.c_char_p]),
    ('imgrel_ref_free', None, [C.c_void_p]),
    ('imgrel_manifest_get', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(C.c_size_t), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_manifest_put', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_size_t, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_digest', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_inspect', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_delete', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_tags', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_catalog', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_referrers', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_blob_open', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_blob_size', C.c_int64, [C.c_void_p]),
    ('imgrel_blob_read', C.c_int64, [C.c_void_p, C.c_void_p, C.c_size_t, C.POINTER(Error)]),
    ('imgrel_blob_create', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_blob_write', C.c_int64, [C.c_void_p, C.c_void_p, C.c_size_t, C.POINTER(Error)]),
    ('imgrel_blob_commit', C.c_int, [C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_blob_free', None, [C.c_void_p]),
    ('imgrel_blob_get', C.c_int, [C.c_void_p, C.c_char_p, C.c_int, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_blob_put', C.c_int, [C.c_void_p, C.c_char_p, C.c_int, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_blob_exists', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_int64), C.POINTER(Error)]),
    ('imgrel_blob_delete', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_login', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_logout', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Error)]),
    ('imgrel_copy', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_copy_spec', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_copy_many', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_image_assemble', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_image_edit', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_image_export', C.c_int, [C.c_void_p, C.c_char_p, C.c_int, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_image_validate', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_index_edit', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_artifact_put', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_artifact_get', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_build', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_build_detect', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_new', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_free', None, [C.c_void_p]),
    ('imgrel_harbor_check', C.c_int, [C.c_void_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_project_ensure', C.c_int, [C.c_void_p, C.c_char_p, C.c_int, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_project_get', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_project_delete', C.c_int, [C.c_void_p, C.c_char_p, C.c_int, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_harbor_robot_ensure', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_robot_create', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_robot_update', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_robot_rotate', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_robot_get', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_robot_delete', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_robot_name', C.c_char_p, [C.c_void_p]),
    ('imgrel_robot_secret', C.c_char_p, [C.c_void_p]),
    ('imgrel_robot_json', C.c_char_p, [C.c_void_p]),
    ('imgrel_robot_free', None, [C.c_void_p]),
    ('imgrel_harbor_list', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_get', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_put', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_delete', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_harbor_do', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_doctor', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_harbor_request', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(C.c_int), C.POINTER(Error)]),
    ('imgrel_kube_new', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_free', None, [C.c_void_p]),
    ('imgrel_kube_namespace', C.c_char_p, [C.c_void_p]),
    ('imgrel_kube_server', C.c_char_p, [C.c_void_p]),
    ('imgrel_kube_namespace_ensure', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_secret_ensure', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_apply', C.c_int, [C.c_void_p, C.c_char_p, C.c_size_t, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_get', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_delete', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_kube_list', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_watch', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_do', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_pod_run', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_service_expose', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_int32, C.c_int32, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_wait', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_diagnose', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_kube_logs', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_int, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_kube_forward', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_kube_dial', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_int32, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_conn_read', C.c_int64, [C.c_void_p, C.c_void_p, C.c_size_t, C.POINTER(Error)]),
    ('imgrel_conn_write', C.c_int64, [C.c_void_p, C.c_void_p, C.c_size_t, C.POINTER(Error)]),
    ('imgrel_conn_shutdown', C.c_int, [C.c_void_p, C.POINTER(Error)]),
    ('imgrel_conn_free', None, [C.c_void_p]),
    ('imgrel_kube_request', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_size_t, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(C.c_int), C.POINTER(Error)]),
    ('imgrel_node_render', C.c_int, [C.c_char_p, C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_node_trust', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_node_doctor', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_gitlab_new', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_gitlab_free', None, [C.c_void_p]),
    ('imgrel_gitlab_list', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_gitlab_get', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_gitlab_put', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_gitlab_delete', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(Error)]),
    ('imgrel_gitlab_do', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_gitlab_request', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(C.c_int), C.POINTER(Error)]),
    ('imgrel_release_load', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_set', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(Error)]),
    ('imgrel_release_plan', C.c_int, [C.c_void_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_apply', C.c_int, [C.c_void_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_verify', C.c_int, [C.c_void_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_delete', C.c_int, [C.c_void_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_on_secret', None, [C.c_void_p, SecretFn, C.c_void_p]),
    ('imgrel_release_rotate', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_render', C.c_int, [C.c_void_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_gitlab', C.c_int, [C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_document', C.c_int, [C.c_void_p, C.c_char_p, C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_doctor', C.c_int, [C.c_void_p, C.POINTER(Opts), C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_release_free', None, [C.c_void_p]),
]

MOCK_FUNCTIONS = [
    ('imgrel_mock_start', C.c_int, [C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_mock_get', C.c_char_p, [C.c_void_p, C.c_char_p]),
    ('imgrel_mock_control', C.c_int, [C.c_void_p, C.c_char_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_mock_free_string', None, [C.c_void_p]),
    ('imgrel_mock_conformance', C.c_int, [C.c_char_p, C.c_void_p, C.POINTER(C.c_void_p), C.POINTER(Error)]),
    ('imgrel_mock_stop', None, [C.c_void_p]),
]
