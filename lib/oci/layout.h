/* layout.h - an OCI image layout folder from the inside, and what the archives share with it: an
 * archive is a layout in a temporary folder that is filled from the file before, or becomes the
 * file after. */
#ifndef IR_OCI_LAYOUT_H
#define IR_OCI_LAYOUT_H

#include "base/fd.h"
#include "oci/archive.h"
#include "oci/store_ops.h"

#include <pthread.h>

#define IR_REF_NAME "org.opencontainers.image.ref.name"

/* index.json as it was last read, and the names that it does not have yet. */
struct ir_layout_names {
    ir_json *index, *by_name; /* NULL: not read; tag or digest to its first entry */
    uint64_t ino, mtime_ns, size;
    ir_json *pending;         /* tag to entry */
    int64_t flushed_ms, cost_ms;
};

typedef struct ir_layout ir_layout;
struct ir_layout {
    ir_store base;
    char *dir;
    bool staged;           /* dir is temporary: removed at the end */
    pthread_mutex_t lock;  /* guards what follows */
    bool lazy;             /* it is not made yet: the first thing that is written makes it */
    bool made;             /* by us, so that it goes again when nothing came into it */
    bool kept;             /* something did */
    ir_desc *loose;        /* manifests put without a tag that nothing has named yet */
    size_t n_loose;
    struct ir_layout_names names;
    /* An archive's last step: dir becomes the file. NULL: none. */
    int (*pack)(ir_layout *l, const ir_call *call, imgrel_error *err);
};

/* Takes dir (malloc'ed, may be NULL: no memory) even when it fails. */
int ir_must_use ir_layout_new(const ir_ref *ref, unsigned flags, char *dir, ir_layout **ret,
                              imgrel_error *err);
/* layout_marker.c. Makes dir a layout if it is none yet; checks that it is one. */
int ir_must_use ir_layout_prepare(ir_layout *l, const ir_call *call, imgrel_error *err);
/* The same, but for what is to be written only when something is: ensure, before each write. */
int ir_must_use ir_layout_begin(ir_layout *l, const ir_call *call, imgrel_error *err);
int ir_must_use ir_layout_ensure(ir_layout *l, const ir_call *call, imgrel_error *err);
/* The lock under which index.json is changed: a descriptor to be closed, or a code. */
int ir_must_use ir_layout_lock(ir_layout *l, const ir_call *call, imgrel_error *err);
void ir_layout_keep(ir_layout *l);   /* something was written */
void ir_layout_unmake(ir_layout *l); /* nothing was: the folder goes, if it was not there before */
/* Where a blob of that digest is kept, malloc'ed. */
char *ir_layout_blob_path(const ir_layout *l, const char *digest);

/* layout_partial.c: the temporary file of a large blob has a name by which the next process finds
 * it when this one ends too early. 1: it is ours, with what is in it; 0: somebody else is at it (or
 * there can be none); or a code. path: the blob's own. */
int ir_must_use ir_partial_open(ir_newfile *f, const char *path, const ir_desc *d,
                                imgrel_error *err);
/* How many bytes it has without a gap; less than the blob's size. */
int64_t ir_partial_have(const ir_newfile *f, const ir_desc *d);
/* Closes it and leaves it to the next process, where the reason to end (a code) was not the content
 * nor the disk; else removes it. */
void ir_partial_leave(ir_newfile *f, int why);

/* layout_names.c */
int ir_must_use ir_layout_resolve(ir_layout *l, const ir_call *call, const char *selector,
                                  ir_desc *ret, imgrel_error *err);
/* A name for a manifest that is there; in index.json at the latest after ir_layout_flush(). */
int ir_must_use ir_layout_name(ir_layout *l, const ir_call *call, const ir_desc *d,
                               const char *tag, imgrel_error *err);
/* Names, and what has none. */
int ir_must_use ir_layout_flush(ir_layout *l, const ir_call *call, imgrel_error *err);
void ir_layout_names_end(ir_layout *l);

/* layout_index.c */
const char *ir_layout_entry_tag(const ir_json *entry);
int ir_must_use ir_layout_index_replace(ir_layout *l, const ir_json *index, imgrel_error *err);
int ir_must_use ir_layout_index(const ir_layout *l, ir_json **ret, imgrel_error *err);
int ir_must_use ir_layout_finish(ir_store *s, const ir_call *call, imgrel_error *err);
int ir_must_use ir_layout_manifest_get(ir_store *s, const ir_call *call, const char *selector,
                                       ir_manifest *ret, imgrel_error *err);
int ir_must_use ir_layout_manifest_head(ir_store *s, const ir_call *call, const char *selector,
                                        ir_desc *ret, imgrel_error *err);
int ir_must_use ir_layout_manifest_put(ir_store *s, const ir_call *call, const ir_manifest *m,
                                       const char *tag, imgrel_error *err);
int ir_must_use ir_layout_manifest_delete(ir_store *s, const ir_call *call, const char *selector,
                                          imgrel_error *err);
int ir_must_use ir_layout_tags(ir_store *s, const ir_call *call, ir_pages **ret,
                               imgrel_error *err);
int ir_must_use ir_layout_referrers(ir_store *s, const ir_call *call, const char *digest,
                                    const char *artifact_type, ir_pages **ret, imgrel_error *err);

/* ---- archives: layout_stage.c --------------------------------------------------------------- */

/* What an archive's kind adds to a layout in a temporary folder. */
typedef struct ir_layout_archive {
    int (*take_in)(ir_layout *l, const ir_call *call, const char *path, imgrel_error *err);
    int (*pack)(ir_layout *l, const ir_call *call, imgrel_error *err);
} ir_layout_archive;
/* To be read: taken in at once. To be written: packed by finish, anew as a whole, as skopeo
 * does. */
int ir_must_use ir_layout_staged_open(const ir_call *call, const ir_ref *ref, unsigned flags,
                                      const ir_layout_archive *archive, ir_store **ret,
                                      imgrel_error *err);

/* A tar file that is read entry by entry. Zero-initialised but for fd -1. */
typedef struct ir_tar_file {
    int fd;
    const char *path;
    ir_untar *tar;
} ir_tar_file;
int ir_must_use ir_tar_file_open(ir_tar_file *f, const char *path, imgrel_error *err);
/* The next regular file or link, its path without "./" in front. As ir_untar_next. */
int ir_must_use ir_tar_file_next(ir_tar_file *f, const ir_call *call, ir_tar_entry *ret,
                                 imgrel_error *err);
/* The entry's content into out. */
int ir_must_use ir_tar_file_read(ir_tar_file *f, const ir_call *call, ir_tar_out_fn *out,
                                 void *user, imgrel_error *err);
void ir_tar_file_close(ir_tar_file *f);

/* A tar file that is written: it appears whole under its name, or not at all. The same content
 * gives the same bytes. */
typedef struct ir_tar_new_file {
    ir_newfile file;
    ir_tar *tar;
} ir_tar_new_file;
int ir_must_use ir_tar_new_file_open(ir_tar_new_file *f, const char *path, imgrel_error *err);
int ir_must_use ir_tar_new_file_add(ir_tar_new_file *f, const char *name, const void *p, size_t len,
                                    imgrel_error *err);
/* The head of a file whose data the caller gives to f->tar. */
int ir_must_use ir_tar_new_file_head(ir_tar_new_file *f, const char *name, int64_t size,
                                     imgrel_error *err);
/* A blob of the layout, under a name. */
int ir_must_use ir_tar_new_file_blob(ir_tar_new_file *f, const ir_call *call, const ir_layout *l,
                                     const char *digest, const char *name, imgrel_error *err);
int ir_must_use ir_tar_new_file_end(ir_tar_new_file *f, imgrel_error *err);
void ir_tar_new_file_abort(ir_tar_new_file *f); /* nothing after end */

#endif
